"""What people said, looked at: one face's history, and how far detectors are from people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from annotation.pull import APART, spread
from data.dataset import Dataset, FaceRecord
from data.errors import InputError
from data.face import Face
from data.labels import CARRIED, Label
from data.landmarks import PARTS
from data.rows import COLOURS

Rows = dict[str, dict[str, Any]]


def history(dataset: Dataset, face: str) -> Iterator[str]:
    """A line for each label of a face, oldest first. Raises InputError when none or several fit."""
    labels = dataset.labels()
    ids = sorted({label.face_id for label in labels if label.face_id.startswith(face)})
    if face in ids:
        ids = [face]
    if len(ids) != 1:
        raise InputError(
            f"{len(ids)} labelled faces begin with {face!r} ({', '.join(ids[:5])} …); say more"
            if ids
            else f"nobody said anything of a face {face!r}; toolkit export -f csv tells the ids"
        )
    before: Face | None = None
    for label in sorted((one for one in labels if one.face_id == ids[0]), key=lambda one: one.at):
        yield f"{label.at}  {label.who}: {_told(label, before)}" + "  (aside)" * label.aside
        before = label.face


def _told(label: Label, before: Face | None) -> str:
    face = label.face
    if face is None:
        return "not a face"
    words = []
    if label.moved:
        parts = defaultdict(list)
        for index in label.moved:
            parts[_part(index)].append(str(index))
        words += [f"{part} {','.join(indices)} moved" for part, indices in parts.items()]
    names = ("box", *COLOURS, "gender", "glasses")
    if before is not None:
        words += [_words(name, face) for name in names if _differs(name, before, face)]
    return "; ".join(words) or "as it was shown"


def _differs(name: str, before: Face, face: Face) -> bool:
    return bool(getattr(before, name) != getattr(face, name))


def _words(name: str, face: Face) -> str:
    value = getattr(face, name)
    if value is None:
        return f"{name} not known"
    return f"{name} {getattr(value, 'name', 'moved' if name == 'box' else value)}"


def _part(index: int) -> str:
    return next(name for name, (where, _) in PARTS.items() if where.start <= index < where.stop)


def agreement(dataset: Dataset) -> dict[str, tuple[Rows, tuple[str, ...]]]:
    """Title -> rows by kind and their columns. Distances are shares of the face's size.

    Raises InputError when nobody labelled a face.
    """
    labelled = [record for record in dataset.faces() if record.label]
    denied = _denied(dataset)
    if not labelled and not denied:
        raise InputError(f"nobody labelled a face of {dataset.folder} yet; correct some first")
    pairs = [(record, found) for record, found in _detected(dataset, labelled)]
    columns = ("faces", "kept", "corrected", "missed", "no face", "mean", "median", "points moved")
    return {
        "faces: the detector against people": (_faces(pairs, denied), columns),
        "points: how far people moved them, mean": (_by_part(pairs), tuple(PARTS)),
        "people against each other: points apart, mean": (
            _people(dataset),
            ("faces", "disputed", *PARTS),
        ),
    }


def _detected(
    dataset: Dataset, labelled: list[FaceRecord]
) -> Iterator[tuple[FaceRecord, Face | None]]:
    """Each labelled face with the detection it was given for."""
    frames = {record.frame.frame_id for record in labelled}
    found: dict[str, dict[str, Face]] = defaultdict(dict)
    for record in dataset.faces(labelled=False):
        if record.frame.frame_id in frames:
            found[record.frame.frame_id][record.face_id] = record.face
    for record in labelled:
        here = found[record.frame.frame_id]
        best = record.face_id
        if best not in here:
            best = max(here, key=lambda one: here[one].box.overlap(record.face.box), default="")
            if not best or here[best].box.overlap(record.face.box) < CARRIED:
                yield record, None
                continue
        yield record, here[best]


def _denied(dataset: Dataset) -> list[Face]:
    """Detections that people call no face."""
    told: dict[str, Label] = {}
    for label in sorted(dataset.labels(), key=lambda one: one.at):
        if not label.aside:
            told[label.face_id] = label
    return [
        record.face
        for record in dataset.faces(labelled=False)
        if record.face_id in told and told[record.face_id].face is None
    ]


def _moves(record: FaceRecord, found: Face) -> np.ndarray:
    """(68,) distances, shares of the face's size; NaN where one of both has no point."""
    apart = np.linalg.norm(
        record.face.landmarks.astype(np.float64) - found.landmarks.astype(np.float64), axis=1
    )
    return np.asarray(apart / max(record.face.box.size, 1e-6))


def _kinds(pairs: list[tuple[FaceRecord, Face | None]]) -> dict[str, list[Any]]:
    kinds: dict[str, list[Any]] = defaultdict(list)
    for pair in pairs:
        kinds[pair[0].face.domain].append(pair)
    return {**kinds, "all": pairs}


def _faces(pairs: list[tuple[FaceRecord, Face | None]], denied: list[Face]) -> Rows:
    rows: Rows = {}
    for kind, here in _kinds(pairs).items():
        both = [(record, found) for record, found in here if found is not None]
        moved = [_moves(*pair) for pair in both]
        rows[kind] = {
            "faces": len(here),
            "kept": sum(not record.label.moved for record, _ in both),
            "corrected": sum(bool(record.label.moved) for record, _ in both),
            "missed": len(here) - len(both),
            "no face": sum(kind in ("all", face.domain) for face in denied),
        }
        points = np.concatenate([one[np.isfinite(one)] for one in moved]) if moved else np.zeros(0)
        if len(points):
            rows[kind] |= {
                "mean": float(points.mean()),
                "median": float(np.median(points)),
                "points moved": float((points > 0).mean()),
            }
    return rows


def _by_part(pairs: list[tuple[FaceRecord, Face | None]]) -> Rows:
    rows: Rows = {}
    for kind, here in _kinds(pairs).items():
        moved = [_moves(record, found) for record, found in here if found is not None]
        rows[kind] = _parts(moved)
    return rows


def _parts(distances: list[np.ndarray]) -> dict[str, float]:
    row = {}
    for part, (where, _) in PARTS.items():
        told = np.array([one[where] for one in distances]).ravel()
        if np.isfinite(told).any():
            row[part] = float(np.nanmean(told))
    return row


def _people(dataset: Dataset) -> Rows:
    """Faces that several people labelled."""
    by_face: dict[str, dict[str, Face]] = defaultdict(dict)
    for label in sorted(dataset.labels(), key=lambda one: one.at):
        if label.face and " & " not in label.who:
            by_face[label.face_id][label.who] = label.face
    apart = []
    for people in by_face.values():
        if len(people) > 1:
            size = max(next(iter(people.values())).box.size, 1e-6)
            apart.append(spread([face.landmarks for face in people.values()]) / size)
    if not apart:
        return {"all": {"faces": 0, "disputed": 0}}
    disputed = int((np.array(apart) > APART).sum())
    return {"all": {"faces": len(apart), "disputed": disputed, **_parts(apart)}}
