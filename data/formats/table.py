"""CSV: one flat row a face, every column; UTF-8 with a mark, so that Excel reads Korean."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from data.dataset import FaceRecord
from data.formats import FormatError, Told
from data.formats.plain import PLACE, identity, place_of, plain_face, plain_row
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
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            _told(row, f"{path}, line {line}") for line, row in enumerate(csv.DictReader(file), 2)
        ]


def _told(cells: dict[str, str], where: str) -> Told:
    try:
        row: dict[str, Any] = {name: _value(name, cells[name]) for name in _FIELDS}
        row["landmarks"] = [_number(cells[name]) for name in _POINTS]
        row["landmark_scores"] = [_number(cells[name]) for name in _SCORES]
        face = plain_face(row)
        place = place_of(
            {
                name: _number(cells[name])
                for name in _IDENTITY
                if "frame_" in name and name != "frame_id"
            }
        )
        for name in ("cut", "x", "y", "width", "height"):
            place[name] = None if place[name] is None else int(place[name])
        return Told(
            cells["frame"], cells["frame_id"] or None, cells["face_id"] or None, face, place
        )
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{where} is no face: {error!r}; mend or remove it") from error


def _value(name: str, cell: str) -> Any:
    if cell == "":
        return None
    return float(cell) if pa.types.is_floating(FACE_SCHEMA.field(name).type) else cell


def _number(cell: str) -> float | None:
    return float(cell) if cell else None
