"""CSV: one flat row a face, every column; UTF-8 with a mark, so that Excel reads Korean."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.dataset import FaceRecord
from data.formats import FormatError, Told
from data.formats.plain import (
    PLACE,
    identity,
    place_of,
    plain_row,
    read_text,
    telling,
    told_face,
)
from data.landmarks import COUNT
from data.rows import FACE_SCHEMA

_POINTS = [f"{axis}{index}" for index in range(COUNT) for axis in "xy"]
_SCORES = [f"s{index}" for index in range(COUNT)]
_FIELDS = [
    name
    for name in FACE_SCHEMA.names
    if name not in ("face_id", "frame_id", "landmarks", "landmark_scores", "settings")
]
_IDENTITY = ["frame", "frame_id", "face_id", *(f"frame_{name}" for name in PLACE), "label_by"]


def write(records: Iterable[FaceRecord], out: Path) -> int:
    """Write `out` (a .csv, or a folder that gets faces.csv)."""
    path = out if out.suffix == ".csv" else out / "faces.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, [*_IDENTITY, *_FIELDS, *_POINTS, *_SCORES])
        table.writeheader()
        for record in records:
            row = plain_row(record.face)
            points = dict(zip(_POINTS, row.pop("landmarks"), strict=True))
            scores = dict(zip(_SCORES, row.pop("landmark_scores"), strict=True))
            table.writerow({**identity(record), **row, **points, **scores})
            count += 1
    return count


def read(path: Path) -> list[Told]:
    """Faces of a file that `write` made, edited or not."""
    told = []
    table = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        for line, cells in enumerate(table, 2):
            with telling(f"{path}, line {line}"):
                told.append(_told(cells))
    except csv.Error as error:
        raise FormatError(f"{path}, line {table.line_num + 1}: {error}; export it again") from error
    return told


def _told(cells: dict[str, str]) -> Told:
    row: dict[str, Any] = {name: _value(name, cells[name]) for name in _FIELDS}
    row["landmarks"] = [_number(cells[name]) for name in _POINTS]
    row["landmark_scores"] = [_number(cells[name]) for name in _SCORES]
    place = place_of({f"frame_{name}": _number(cells[f"frame_{name}"]) for name in PLACE})
    for name in ("cut", "x", "y", "width", "height"):
        place[name] = None if place[name] is None else int(place[name])
    return told_face(cells["frame"], cells["frame_id"] or None, cells["face_id"], row, place)


def _value(name: str, cell: str) -> Any:
    if cell == "":
        return None
    return float(cell) if pa.types.is_floating(FACE_SCHEMA.field(name).type) else cell


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
