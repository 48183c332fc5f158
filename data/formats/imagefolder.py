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
from data.formats import Told
from data.formats.pictures import with_pixels
from data.formats.plain import (
    identity,
    listed,
    place_of,
    plain_row,
    read_text,
    telling,
    told_face,
)

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
    # By line feed alone: names and colours may hold what `splitlines` takes for an end.
    for number, line in enumerate(read_text(path / "metadata.jsonl").split("\n"), 1):
        if line.strip():
            with telling(f"{path / 'metadata.jsonl'}, line {number}"):
                told.append(_told(json.loads(line)))
    return told


def _told(row: Any) -> Told:
    if not isinstance(row, dict):
        raise TypeError(f"it must be an object, got {row!r}")
    return told_face(row["frame"], row.get("frame_id"), row.get("face_id"), row, place_of(row))
