"""A face's row in text: what CSV and JSON hold of it, and the checks on what comes back."""

from __future__ import annotations

import math
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from data.dataset import FaceRecord
from data.face import Face
from data.formats import FormatError, Told
from data.rows import COLOURS, FACE_SCHEMA, face_row, row_face

PLACE = ("time", "cut", "x", "y", "width", "height")  # of a frame

FARTHEST = 1e9  # no picture has a pixel beyond
LARGEST_MASK = 4096  # pixels, a side

_BOX = ("x", "y", "width", "height")
_ALWAYS = (*_BOX, "score", "domain", "source")
_TOGETHER = {  # when the first is told, the others are too
    **{
        f"{part}_hex": tuple(f"{part}_{field}" for field in ("name", "share", "confidence"))
        for part in COLOURS
    },
    "gender": ("gender_score",),
    "roll": ("yaw", "pitch"),
    "foreground_mask": tuple(f"foreground_{name}" for name in (*_BOX, "score", "source")),
}
_NUMBERS = [field.name for field in FACE_SCHEMA if pa.types.is_floating(field.type)]
_TEXTS = [
    field.name
    for field in FACE_SCHEMA
    if pa.types.is_string(field.type) and field.name not in ("face_id", "frame_id", "settings")
]
_FACE_ID = re.compile(r"[0-9a-f]{16}")
_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_PNG = b"\x89PNG\r\n\x1a\n"


def plain_row(face: Face) -> dict[str, Any]:
    """`face_row` without bytes and NaN: the mask is base64 of its PNG, NaN is None."""
    row = face_row(face)
    if row["foreground_mask"] is not None:
        row["foreground_mask"] = b64encode(row["foreground_mask"]).decode()
    for name in ("landmarks", "landmark_scores"):
        row[name] = [None if math.isnan(value) else value for value in row[name]]
    return row


def plain_face(row: dict[str, Any]) -> Face:
    """Inverse of `plain_row`. Raises KeyError, TypeError or ValueError when it is none.

    Numbers are finite and within FARTHEST, the box has a size, colours are `#rrggbb`.
    """
    row = dict(row)
    _check(row)
    if row.get("foreground_mask") is not None:
        row["foreground_mask"] = b64decode(row["foreground_mask"], validate=True)
        _check_mask(row["foreground_mask"])
    for name in ("landmarks", "landmark_scores"):
        if not isinstance(row[name], list):
            raise TypeError(f"{name} must be a list, got {row[name]!r}")
        row[name] = [_point_number(value, name) for value in row[name]]
    return row_face(row)


def told_face(
    frame: str, frame_id: Any, face_id: Any, row: dict[str, Any], place: dict[str, Any]
) -> Told:
    """What a file tells of a face, checked: an id that is none of ours counts as not told.

    Raises KeyError, TypeError or ValueError when it is no face.
    """
    _check_text(frame, "the frame's name")
    known = isinstance(face_id, str) and _FACE_ID.fullmatch(face_id)
    return Told(
        frame,
        frame_id if isinstance(frame_id, str) else None,
        face_id if known else None,
        plain_face(row),
        place,
    )


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Makes what a broken face raises one sentence about the place."""
    try:
        yield
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(f"{where} is no face: {reason(error)}; mend or remove it") from error


def reason(error: Exception) -> str:
    """What is wrong, in words."""
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def read_text(path: Path) -> str:
    """A text file as it stands. Raises FormatError when it is not in UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} is not in UTF-8; save it again as UTF-8") from error


def check_number(value: Any, name: str) -> None:
    """Raises TypeError or ValueError unless it is a number that a picture can have."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not abs(value) <= FARTHEST:  # NaN too
        raise ValueError(f"{name} must be a number up to {FARTHEST:g}, got {value}")


def _check(row: dict[str, Any]) -> None:
    told = {name for name, value in row.items() if value is not None}
    told |= {*_ALWAYS, *(other for name in told & set(_TOGETHER) for other in _TOGETHER[name])}
    for name in _NUMBERS:
        if name in told:
            check_number(row.get(name), name)
    for name in _TEXTS:
        if name in told:
            _check_text(row.get(name), name)
    for name in ("width", "height"):
        if row[name] <= 0:
            raise ValueError(f"{name} must be over 0, got {row[name]}")
    for name in (f"{part}_hex" for part in COLOURS):
        if name in told and not _HEX_COLOUR.fullmatch(row[name]):
            raise ValueError(f"{name} must be #rrggbb, got {row[name]!r}")


def _check_text(value: Any, name: str) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, got {value!r}")
    value.encode()  # JSON can hold half a character


def _check_mask(png: bytes) -> None:
    """Raises ValueError unless it is a square PNG."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    if png.startswith(_PNG) and width == height <= LARGEST_MASK:
        mask = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is not None:
            return
    raise ValueError("foreground_mask must be a square PNG in base64")


def _point_number(value: Any, name: str) -> float:
    """NaN where it is not known."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return math.nan
    check_number(value, name)
    return value


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
