"""Hugging Face imagefolder: face crops as PNG beside a metadata.jsonl.

A line has `file_name`, every column of the face in frame pixels, and where its picture lies:
`crop` (x, y, size in frame pixels) with `crop_landmarks` in the picture's own pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from data.crop import cut, inside, square
from data.dataset import FaceRecord
from data.formats import FormatError, Told
from data.formats.pictures import with_pixels
from data.formats.plain import identity, listed, place_of, plain_face, plain_row

SIDE = 256
REACH = 2.0  # of the box's longer side


def write(records: Iterable[FaceRecord], out: Path) -> int:
    """Write the folder `out`; raises UnreadableError when a frame's picture is gone."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    with (out / "metadata.jsonl").open("w", encoding="utf-8") as file:
        for record, pixels in with_pixels(records):
            face = record.face
            size = max(REACH * max(face.box.width, face.box.height), 2.0)
            matrix = square(*face.box.centre, size, SIDE)
            name = f"{record.face_id}.png"
            crop = cut(pixels, matrix, SIDE)
            (out / name).write_bytes(cv2.imencode(".png", crop[..., ::-1])[1].tobytes())
            points = inside(matrix, face.landmarks.astype(np.float64))
            line: dict[str, Any] = {
                "file_name": name,
                "crop": [face.box.centre[0] - size / 2, face.box.centre[1] - size / 2, size],
                "crop_landmarks": listed(points),
                **identity(record),
                **plain_row(face),
            }
            file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def read(path: Path) -> list[Told]:
    """Faces of a folder that `write` made."""
    told = []
    lines = (path / "metadata.jsonl").read_text("utf-8").splitlines()
    for number, line in enumerate(filter(None, lines), 1):
        try:
            row = json.loads(line)
            face = plain_face(row)
            told.append(Told(row["frame"], row["frame_id"], row["face_id"], face, place_of(row)))
        except (ValueError, KeyError, TypeError) as error:
            where = f"{path / 'metadata.jsonl'}, line {number}"
            raise FormatError(f"{where} is no face: {error!r}; mend or remove it") from error
    return told
