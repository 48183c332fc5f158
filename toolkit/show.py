"""The faces of one frame, drawn on it: the job behind `toolkit show`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from data.dataset import Dataset, FrameRecord
from data.errors import InputError
from data.reading import read_whole
from toolkit.overlay import draw_face


def show(dataset: Dataset, frame: str, out: Path | None = None) -> Path:
    """Write the frame with its faces as a picture; returns where.

    frame: its id, its name, or a part of the name that only one has. out: default
    `<frame>.faces.png` in the working folder. Raises InputError naming the mend.
    """
    record = find(dataset, frame)
    if record.error:
        raise InputError(f"{record.frame.name} could not be read: {record.error}")
    pixels, _ = read_whole(record.frame)
    for face in dataset.faces():
        if face.frame.frame_id == record.frame.frame_id:
            draw_face(pixels, face.face, face.label is not None)
    out = out or Path(PurePosixPath(record.frame.name).stem + ".faces.png")
    out.write_bytes(_encoded(pixels, out.suffix or ".png"))
    return out


def _encoded(pixels: np.ndarray, suffix: str) -> bytes:
    """A picture file's bytes. Raises InputError for a suffix that is none, or a picture too big."""
    try:
        done, content = cv2.imencode(suffix, pixels[..., ::-1])
    except cv2.error:
        done = False
    if not done:
        height, width = pixels.shape[:2]
        raise InputError(f"{suffix} cannot hold a {width}×{height} picture; end --out with .png")
    return content.tobytes()


def find(dataset: Dataset, frame: str) -> FrameRecord:
    """The one frame that is meant. Raises InputError when none or several are."""
    records = dataset.frames()
    for exact in (
        [record for record in records if frame in (record.frame.frame_id, record.frame.name)],
        [record for record in records if frame in record.frame.name],
    ):
        if len(exact) == 1:
            return exact[0]
        if exact:
            names = ", ".join(record.frame.name for record in exact[:5])
            raise InputError(f"{frame!r} may be any of {len(exact)} frames ({names} …); say more")
    near = get_close_matches(frame, [record.frame.name for record in records], 3, 0.4)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"no frame of {dataset.folder} is called {frame!r}{hint}")
