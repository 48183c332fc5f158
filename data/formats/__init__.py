"""Faces in other people's files.

A format is a module with `write(records, out)`, which returns what it wrote, and, where faces can
come back, `read(path)`, which gives `Told`s. Every number comes back as it went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.dataset import FaceRecord
from data.errors import InputError
from data.face import Face


class FormatError(InputError):
    """A file that does not hold what its format says; names file, place and mend."""


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """A face as a file tells it.

    frame: the frame's name. frame_id, face_id: of the dataset it came from, None from elsewhere;
    a face_id is 16 hex digits, so that it can be a file's name.
    face: a Face, or of formats that hold only points their (68, 2) array. place: the frame's
    `time`, `cut`, `x`, `y`, `width`, `height`, where the file tells them.
    """

    frame: str
    frame_id: str | None
    face_id: str | None
    face: Face | Any
    place: dict[str, Any]


NAMES = ("coco", "pts", "csv", "imagefolder", "crops")


def writer(name: str) -> Callable[[Iterable[FaceRecord], Path], int]:
    """The function that writes a format; returns how many faces it wrote."""
    from data.formats import coco, crops, imagefolder, pts, table

    by_name = {
        "coco": coco.write,
        "pts": pts.write,
        "csv": table.write,
        "imagefolder": imagefolder.write,
        "crops": crops.write,
    }
    if name not in by_name:
        raise FormatError(f"there is no format {name!r}; choose one of: {', '.join(NAMES)}")
    return by_name[name]


def read(path: Path) -> list[Told]:
    """Faces of a file or folder, whichever format it is. Raises FormatError."""
    from data.formats import coco, imagefolder, pts, table

    if path.is_dir() and (path / "metadata.jsonl").is_file():
        return imagefolder.read(path)
    if path.is_dir() and any(path.rglob("*.pts")):
        return pts.read(path)
    by_suffix = {".json": coco.read, ".csv": table.read, ".pts": pts.read}
    if not path.is_file() or path.suffix.lower() not in by_suffix:
        raise FormatError(
            f"{path} is none of: COCO .json, .csv, .pts or a folder of them, imagefolder"
        )
    return by_suffix[path.suffix.lower()](path)
