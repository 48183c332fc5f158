"""iBUG .pts files: the 68 points of one face, 1-based (300-W; Sagonas et al. 2013).

One file a face, `<frame's name>_<face_id>.pts` (`episode 1/003.jpg_0123456789abcdef.pts`), the
frames' folders kept. A point that could not be placed is written as `nan nan`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from data.dataset import FaceRecord
from data.formats import FormatError, Told
from data.formats.plain import FARTHEST
from data.landmarks import COUNT

_NAME = re.compile(r"^(.*)_([0-9a-f]{16})$")


def write(records: Iterable[FaceRecord], out: Path) -> int:
    """Write one file a face into the folder `out`."""
    count = 0
    for record in records:
        name = Path(record.frame.name)
        path = out / name.with_name(f"{name.name}_{record.face_id}.pts")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_text(record.face.landmarks), "utf-8")
        count += 1
    return count


def read(path: Path) -> list[Told]:
    """Points of one file, or of all in a folder."""
    root = path if path.is_dir() else path.parent
    told = []
    for file in sorted(path.rglob("*.pts")) if path.is_dir() else [path]:
        landmarks = parse(file.read_text("utf-8", "replace"), str(file))
        name = file.relative_to(root).with_suffix("").as_posix()
        match = _NAME.match(name)
        frame, face_id = match.groups() if match else (name, None)
        told.append(Told(frame, None, face_id, landmarks, {}))
    return told


def to_text(landmarks: np.ndarray) -> str:
    """(68, 2) float32, pixel centres at integers from 0, as a .pts file's text."""
    points = landmarks.astype(np.float64) + 1
    body = "\n".join(f"{x!r} {y!r}" for x, y in points.tolist())
    return f"version: 1\nn_points: {COUNT}\n{{\n{body}\n}}\n"


def parse(text: str, where: str) -> np.ndarray:
    """(68, 2) float32, pixel centres at integers from 0. Raises FormatError naming `where`."""
    match = re.search(r"\{(.*?)\}", text, re.S)
    if not match:
        raise FormatError(f"{where} has no points in braces; it is no .pts file")
    try:
        points = np.array([line.split() for line in match[1].strip().splitlines()], np.float64)
    except ValueError as error:
        raise FormatError(f"{where} holds a line that is not two numbers") from error
    if points.shape != (COUNT, 2):
        found = points.shape[0] if points.ndim == 2 else 0
        raise FormatError(f"{where} holds {found} points, but a face has {COUNT}")
    if (np.abs(points) > FARTHEST).any():
        raise FormatError(f"{where} holds a point beyond every picture, over {FARTHEST:g}")
    return (points - 1).astype(np.float32)
