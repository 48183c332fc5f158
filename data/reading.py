"""An item to its frames: pictures, strips in windows, panels, animations and films."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, takewhile
from pathlib import Path, PurePosixPath

import numpy as np

from data import animation, archive, strip, video
from data.cuts import find_cuts
from data.duplicates import is_near, thumbnail
from data.frame import Frame, Item, Part, UnreadableError, Window, identify
from data.picture import decode, open_picture
from data.sources import PICTURES

_Shot = tuple[float, np.ndarray, np.ndarray | None]  # seconds, pixels, alpha


def read(
    part: Item | Part, every: float = 1.0, cuts: bool = False, keep_duplicates: bool = False
) -> Iterator[Window]:
    """The frames of an item as windows with their pixels; the windows of a frame follow each other.

    part: an item, or one of the parts that `split` makes of it: then only that part's windows.

    every: seconds between two frames of a film or an animation. cuts: panels of a page or strip
    as frames of their own. keep_duplicates: also frames that look like the one before.
    Raises UnreadableError, one sentence, at the place where the item cannot be read further.
    """
    if isinstance(part, Item):
        part = Part(part)
    item = part.item
    times = _grid(item, every)
    if item.start is not None:
        film = video.shots(item.file, item.path, times)
        yield from _moving(item, ((*shot, None) for shot in film), keep_duplicates)
        return
    content = _content(item)
    with open_picture(content, item.path) as image:
        if animation.is_animation(image, item.path):
            yield from _moving(item, animation.shots(image, item.path, times), keep_duplicates)
        elif strip.is_strip(*image.size) and strip.can_stream(image) and not cuts:
            frame = _frame(item, image.width, image.height)
            shared = part.number, part.count
            for y, pixels, alpha in strip.stream(content, image, item.path, *shared):
                yield Window(frame, pixels, alpha, y=y)
        else:
            yield from _still(item, *decode(image, item.path), cuts)


def split(item: Item, count: int, cuts: bool = False) -> list[Part]:
    """Up to `count` parts of an item; only strips that can be streamed make more than one.

    A broken item is one part: whoever reads it finds out.
    """
    suffix = PurePosixPath(item.path).suffix.lower()
    if count == 1 or cuts or item.archive or item.start is not None or suffix not in PICTURES:
        return [Part(item)]
    try:
        with open_picture(item.file, item.path) as image:
            if not strip.is_strip(*image.size) or not strip.can_stream(image):
                return [Part(item)]
            windows = len(strip.window_tops(*image.size)[1])
    except UnreadableError:
        return [Part(item)]
    count = min(count, windows)
    return [Part(item, number, count) for number in range(count)]


def read_whole(frame: Frame) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels (H, W, 3) uint8 RGB and alpha (H, W) uint8 or None of one frame, read again.

    Raises UnreadableError when its file is broken, gone, or has become another one's.
    """
    pixels, alpha = _whole(frame)
    rows = slice(frame.y, frame.y + frame.height)
    columns = slice(frame.x, frame.x + frame.width)
    pixels = np.ascontiguousarray(pixels[rows, columns])
    if pixels.shape[:2] != (frame.height, frame.width):
        raise UnreadableError(
            f"{frame.item.path} has changed since its faces were found; do it again"
        )
    return pixels, None if alpha is None else np.ascontiguousarray(alpha[rows, columns])


def _whole(frame: Frame) -> tuple[np.ndarray, np.ndarray | None]:
    item = frame.item
    if item.start is not None and frame.time is not None:
        for _, pixels in video.shots(item.file, item.path, [frame.time]):
            return pixels, None
        raise UnreadableError(f"{item.path} has no picture at {frame.time:g} s any more")
    with open_picture(_content(item), item.path) as image:
        if frame.time is None:
            return decode(image, item.path)
        for _, pixels, alpha in animation.shots(image, item.path, [frame.time]):
            return pixels, alpha
    raise UnreadableError(f"{item.path} has no picture at {frame.time:g} s any more")


def _content(item: Item) -> Path | bytes:
    suffix = PurePosixPath(item.path).suffix.lower()
    if not item.archive:
        if suffix in archive.SUFFIXES:  # listed as one item, so it is broken
            with archive.opened(item.file, item.path):
                raise UnreadableError(f"{item.path} was broken when it was listed; list it again")
        return item.file
    if suffix in video.SUFFIXES | archive.SUFFIXES:
        raise UnreadableError(f"{item.path} lies in an archive; unpack it first")
    with archive.opened(item.file, item.path) as opened:
        info = archive.members(opened).get(item.member or "")
        if info is None:
            raise UnreadableError(f"{item.path} is in its archive no more; put it back")
        return archive.member_bytes(opened, info, item.path)


def _frame(item: Item, width: int, height: int, time: float | None = None) -> Frame:
    return Frame(identify(item.item_id, time, None), item, width, height, time)


def _moving(item: Item, shots: Iterator[_Shot], keep_duplicates: bool) -> Iterator[Window]:
    """Against the last one kept, not the last one seen, so that slow pans are not lost."""
    kept = None
    for time, pixels, alpha in shots:
        seen = thumbnail(pixels)
        if keep_duplicates or kept is None or not is_near(kept, seen):
            kept = seen
            height, width = pixels.shape[:2]
            yield from _windows(_frame(item, width, height, time), pixels, alpha)


def _still(
    item: Item, pixels: np.ndarray, alpha: np.ndarray | None, cuts: bool
) -> Iterator[Window]:
    height, width = pixels.shape[:2]
    panels = find_cuts(pixels) if cuts else []
    if len(panels) < 2:
        yield from _windows(_frame(item, width, height), pixels, alpha)
        return
    for cut, (x, y, width, height) in enumerate(panels, 1):
        frame = Frame(identify(item.item_id, None, cut), item, width, height, None, cut, x, y)
        box = np.s_[y : y + height, x : x + width]
        yield from _windows(
            frame,
            np.ascontiguousarray(pixels[box]),
            None if alpha is None else np.ascontiguousarray(alpha[box]),
        )


def _windows(frame: Frame, pixels: np.ndarray, alpha: np.ndarray | None) -> Iterator[Window]:
    if not strip.is_strip(frame.width, frame.height):
        yield Window(frame, pixels, alpha)
        return
    tall, tops = strip.window_tops(frame.width, frame.height)
    for y in tops:
        part = None if alpha is None else alpha[y : y + tall]
        yield Window(frame, pixels[y : y + tall], part, y=y)


def _grid(item: Item, every: float) -> Iterator[float]:
    """Seconds k * every of a stretch of film, the same numbers whoever reads it."""
    first = round((item.start or 0) / every)
    times = (k * every for k in count(first))
    stop = item.stop
    return times if stop is None else takewhile(lambda time: time < stop - every / 2, times)
