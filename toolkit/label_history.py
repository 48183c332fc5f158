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
    said = sorted((one for one in labels if one.face_id == ids[0]), key=lambda one: one.at)
    before = next((r.face for r in dataset.faces(labelled=False) if r.face_id == ids[0]), None)
    for label in said:
        yield f"{label.at}  {label.who}: {_told(label, before)}" + "  (aside)" * label.aside
        before = label.face or before


def _told(label: Label, before: Face | None) -> str:
    face = label.face
    if face is None:
        return "not a face"
    words = []
    moved = label.moved
    if not label.origin and before is not None:  # by hand or by a file, which tells only places
        moved = tuple(np.flatnonzero(_moved(before, face)).tolist())
    if moved:
        parts = defaultdict(list)
        for index in moved:
            parts[_part(index)].append(str(index))
        words += [f"{part} {','.join(indices)} moved" for part, indices in parts.items()]
    names = ("box", *COLOURS, "gender", "glasses")
    if before is not None:
        words += [_words(name, face) for name in names if _differs(name, before, face)]
    return "; ".join(words) or "as it was shown"


def _moved(before: Face, face: Face) -> np.ndarray:
    """(68,) bool: points that lie elsewhere, or are gone or new."""
    one, other = before.landmarks, face.landmarks
    return np.asarray(~((one == other) | (np.isnan(one) & np.isnan(other))).all(1))


def _differs(name: str, before: Face, face: Face) -> bool:
    return bool(getattr(before, name) != getattr(face, name))


def _words(name: str, face: Face) -> str:
    value = getattr(face, name)
    if value is None:
        return f"{name} not known"
    return f"{name} {getattr(value, 'name', 'moved' if name == 'box' else value)}"


def _part(index: int) -> str:
    return next(name for name, (where, _) in PARTS.items() if where.start <= index < where.stop)


def agreement(dataset: Dataset) -> dict[str, tuple[Rows, tuple[str, ...], str]]:
    """Title -> rows, their columns, what a row is. Distances are shares of the face's size.

    Raises InputError when nobody labelled a face.
    """
    labelled = [record for record in dataset.faces() if record.label]
    denied = _denied(dataset)
    if not labelled and not denied:
        raise InputError(f"nobody labelled a face of {dataset.folder} yet; correct some first")
    pairs = list(_detected(dataset, labelled))
    faces = _faces(pairs, denied)
    columns = ("faces", "kept", "corrected", "missed", "no face", "mean", "median", "points moved")
    people, count = _people(dataset)
    return {
        "faces: the detector against people": (faces, columns, "kind"),
        "points: how far people moved them, mean": (_by_part(pairs), tuple(faces), "part"),
        f"people against each other, {count} faces": (people, ("mean apart", "disputed"), "part"),
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
            "kept": sum(not _moved(found, record.face).any() for record, found in both),
            "corrected": sum(bool(_moved(found, record.face).any()) for record, found in both),
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
    rows: Rows = {part: {} for part in PARTS}
    for kind, here in _kinds(pairs).items():
        moved = [_moves(record, found) for record, found in here if found is not None]
        for part, (where, _) in PARTS.items():
            told = np.array([one[where] for one in moved])
            if np.isfinite(told).any():
                rows[part][kind] = float(np.nanmean(told))
    return rows


def _people(dataset: Dataset) -> tuple[Rows, int]:
    """By part, how far apart the points of faces are that several people labelled; how many."""
    by_face: dict[str, dict[str, Face]] = defaultdict(dict)
    for label in sorted(dataset.labels(), key=lambda one: one.at):
        if label.face and " & " not in label.who:
            by_face[label.face_id][label.who] = label.face
    apart = []
    for people in by_face.values():
        if len(people) > 1:
            size = max(next(iter(people.values())).box.size, 1e-6)
            apart.append(spread([face.landmarks for face in people.values()]) / size)
    rows: Rows = {}
    for part, (where, _) in PARTS.items():
        told = np.array([one[where] for one in apart])
        if np.isfinite(told).any():
            disputed = int((told > APART).sum())
            rows[part] = {"mean apart": float(np.nanmean(told)), "disputed": disputed}
    return rows, len(apart)
