"""What is read: items, the frames in them, and the windows a frame's pixels come in.

Pixels are (H, W, 3) uint8 RGB everywhere; pixel centres lie at integer coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import numpy as np

from data.errors import InputError


class UnreadableError(InputError):
    """A picture or a source that cannot be read; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Item:
    """What one worker reads at once: a picture file, an archive member, or a stretch of video.

    root: absolute folder the path is relative to. path: POSIX, relative to root; a member of an
    archive is `book.cbz/page 1.jpg`. archive: how many leading parts of `path` name the archive
    file, 0 when it is no member. start, stop: seconds of a video, None for pictures.
    item_id: from content and place, the same on every machine.
    """

    item_id: str
    root: str
    path: str
    archive: int = 0
    start: float | None = None
    stop: float | None = None

    @property
    def file(self) -> Path:
        """The file on disk to open: the picture, video, or the archive it lies in."""
        parts = PurePosixPath(self.path).parts
        return Path(self.root, *parts[: self.archive or None])

    @property
    def member(self) -> str | None:
        """Name inside the archive."""
        return "/".join(PurePosixPath(self.path).parts[self.archive :]) if self.archive else None


@dataclass(frozen=True, slots=True)
class Part:
    """A share of an item's work, so that several workers can do one long strip.

    number: 0 to count - 1. count: 1 but for strips.
    """

    item: Item
    number: int = 0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture as read, without its pixels.

    width, height: pixels. time: seconds into a video or animation. cut: 1-based number of the
    panel on its strip or page, and x, y: its top-left corner there.
    """

    frame_id: str
    item: Item
    width: int
    height: int
    time: float | None = None
    cut: int | None = None
    x: int = 0
    y: int = 0

    @property
    def name(self) -> str:
        """`episode 1/strip.jpg`, `strip_cut_007.jpg`, `film_0012.00s.mp4`: unique in a source."""
        path = PurePosixPath(self.item.path)
        stem = path.stem
        if self.time is not None:
            stem += f"_{self.time:07.2f}s"
        if self.cut is not None:
            stem += f"_cut_{self.cut:03d}"
        return str(path.with_name(stem + path.suffix))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A piece of a frame with its pixels; a frame that is no strip comes as one window.

    pixels: (h, w, 3) uint8 RGB, transparent parts shown over white. alpha: (h, w) uint8 or None.
    x, y: where its top-left corner lies on the frame.
    """

    frame: Frame
    pixels: np.ndarray
    alpha: np.ndarray | None = None
    x: int = 0
    y: int = 0


def identify(*parts: object) -> str:
    """16 hex digits that name the parts, the same on every machine."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=8).hexdigest()
