"""The faces of one frame, drawn on it: the job behind `toolkit show`."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path, PurePosixPath

import cv2

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
    done, content = cv2.imencode(out.suffix if out.suffix else ".png", pixels[..., ::-1])
    if not done:
        raise InputError(f"{out.suffix} is no picture format; end --out with .png or .jpg")
    out.write_bytes(content.tobytes())
    return out


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
