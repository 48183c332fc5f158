"""What people said of faces: an append-only log, one JSON line a label.

A line is on the disk before `append` returns. A torn last line, left by a crash, is skipped with
a warning and never loses an earlier one.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.face import Box, Face
from data.rows import face_row, row_face

CARRIED = 0.4  # a label belongs to the detection whose box overlaps it by at least this IoU


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What one person said of one face.

    face: the corrected face, or None for "not a face". box: where it is or was, frame pixels.
    who: the person. at: when it was said, UTC, ISO 8601. moved: indices of the points that
    differ from what the person was shown. outline: of the hair, (x, y) in frame pixels. origin:
    where it was said, such as an annotation with its version. aside: kept, but does not count.
    """

    face_id: str
    frame_id: str
    face: Face | None
    box: Box
    who: str
    at: str
    moved: tuple[int, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()
    origin: str = ""
    aside: bool = False


def append(path: Path, *labels: Label) -> None:
    """Add a line each and sync them; all of them, or none.

    Raises OSError, with the log as it was before, when it cannot.
    """
    lines = b"".join(json.dumps(_line(label)).encode() + b"\n" for label in labels)
    # Unbuffered: what a full disk refused must not be written after all when the file is closed.
    with path.open("ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        torn = end and not _ends_line(path)
        content = b"\n" * bool(torn) + lines
        try:
            if file.write(content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(file.fileno())
        except OSError:
            os.truncate(path, end)
            raise


def read(path: Path) -> list[Label]:
    """All labels, oldest first; none when there is no log yet."""
    if not path.exists():
        return []
    labels = []
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            labels.append(_label(json.loads(line)))
        except (ValueError, KeyError, TypeError):
            warnings.warn(f"{path}: line {number} is torn and is skipped", stacklevel=2)
    return labels


def merge(faces: dict[str, Face], labels: list[Label]) -> dict[str, tuple[Face, Label | None]]:
    """One frame's detections under its labels: face_id to face and the label it comes from.

    A label replaces the detection it was given for, else the one that overlaps it most, and
    stays by itself where none does. Of several labels for one place the newest counts.
    """
    labels = sorted((one for one in labels if not one.aside), key=lambda one: one.at)
    merged: dict[str, tuple[Face, Label | None]] = {
        face_id: (face, None) for face_id, face in faces.items()
    }
    told: list[Label] = []
    for label in reversed(labels):  # newest first
        if any(label.face_id == t.face_id or label.box.overlap(t.box) >= CARRIED for t in told):
            continue
        told.append(label)
        detection = label.face_id if label.face_id in faces else _overlapping(label, faces)
        if detection:
            merged.pop(detection, None)
        if label.face:
            merged[label.face_id] = (label.face, label)
    return merged


def _overlapping(label: Label, faces: dict[str, Face]) -> str | None:
    best = max(faces, key=lambda face_id: label.box.overlap(faces[face_id].box), default=None)
    return best if best and label.box.overlap(faces[best].box) >= CARRIED else None


def _line(label: Label) -> dict[str, Any]:
    row = face_row(label.face) if label.face else None
    if row:
        row.pop("foreground_mask")  # pixels are measured again, never labelled
    box = label.box
    line = {
        "face_id": label.face_id,
        "frame_id": label.frame_id,
        "who": label.who,
        "at": label.at,
        "box": [box.x, box.y, box.width, box.height],
        "face": row,
    }
    more = {name: getattr(label, name) for name in ("moved", "outline", "origin", "aside")}
    return line | {name: value for name, value in more.items() if value}


def _label(line: dict[str, Any]) -> Label:
    return Label(
        line["face_id"],
        line["frame_id"],
        row_face(line["face"]) if line["face"] else None,
        Box(*line["box"]),
        line["who"],
        line["at"],
        tuple(line.get("moved", ())),
        tuple((x, y) for x, y in line.get("outline", ())),
        line.get("origin", ""),
        line.get("aside", False),
    )


def _ends_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
