"""A face's row in text: what CSV and JSON hold of it."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from typing import Any

import numpy as np

from data.dataset import FaceRecord
from data.face import Face
from data.rows import face_row, row_face

PLACE = ("time", "cut", "x", "y", "width", "height")  # of a frame


def plain_row(face: Face) -> dict[str, Any]:
    """`face_row` without bytes and NaN: the mask is base64 of its PNG, NaN is None."""
    row = face_row(face)
    if row["foreground_mask"] is not None:
        row["foreground_mask"] = b64encode(row["foreground_mask"]).decode()
    for name in ("landmarks", "landmark_scores"):
        row[name] = [None if math.isnan(value) else value for value in row[name]]
    return row


def plain_face(row: dict[str, Any]) -> Face:
    """Inverse of `plain_row`. Raises KeyError, TypeError or ValueError when it is none."""
    row = dict(row)
    if row.get("foreground_mask") is not None:
        row["foreground_mask"] = b64decode(row["foreground_mask"], validate=True)
    for name in ("landmarks", "landmark_scores"):
        row[name] = [math.nan if value is None else value for value in row[name]]
    return row_face(row)


def listed(points: np.ndarray) -> list[Any]:
    """(N, 2) as lists, None where it is NaN."""
    return [[None if math.isnan(at) else at for at in point] for point in points.tolist()]


def identity(record: FaceRecord) -> dict[str, Any]:
    """Which face on which frame, as columns."""
    frame = record.frame
    place = {f"frame_{name}": getattr(frame, name) for name in PLACE}
    ids = {"frame": frame.name, "frame_id": frame.frame_id, "face_id": record.face_id}
    return {**ids, **place, "label_by": record.label.who if record.label else None}


def place_of(row: dict[str, Any]) -> dict[str, Any]:
    """The `frame_…` columns of `identity`, back without their prefix."""
    return {name: row.get(f"frame_{name}") for name in PLACE}
