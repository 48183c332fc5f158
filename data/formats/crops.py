"""Aligned crops: each face upright by its eyes on a square PNG, its numbers in a .json beside.

`matrix` (2, 3) takes a pixel of the crop to the frame: frame = matrix @ (u, v, 1).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from data.crop import cut, inside, upright_square
from data.dataset import FaceRecord
from data.formats.pictures import with_pixels
from data.formats.plain import identity, listed, plain_row

SIDE = 256
REACH = 2.0  # of the box's longer side


def write(records: Iterable[FaceRecord], out: Path) -> int:
    """Write the folder `out`; raises UnreadableError when a frame's picture is gone."""
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for record, pixels in with_pixels(records):
        matrix = upright_square(record.face.box, record.face.landmarks, REACH, SIDE)
        crop = cut(pixels, matrix, SIDE)
        points = inside(matrix, record.face.landmarks.astype(np.float64))
        about = {
            "matrix": matrix.tolist(),
            "crop_landmarks": listed(points),
            **identity(record),
            **plain_row(record.face),
        }
        stem = out / record.face_id
        stem.with_suffix(".png").write_bytes(cv2.imencode(".png", crop[..., ::-1])[1].tobytes())
        stem.with_suffix(".json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
        count += 1
    return count
