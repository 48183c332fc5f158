"""Faces to other people's files and back: the jobs behind `toolkit export` and `import`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from data import formats
from data.dataset import Dataset, FaceRecord
from data.errors import InputError
from data.face import Face
from data.formats import FormatError, Told
from data.formats.plain import plain_row
from data.frame import Frame, Item, identify
from data.labels import CARRIED
from data.picture import open_picture, orientation
from data.sources import list_items

SOURCES = ("detector", "person")


def export(
    dataset: Dataset,
    name: str,
    out: Path,
    min_score: float = 0,
    domain: str | None = None,
    min_source: str = SOURCES[0],
) -> int:
    """Write the dataset's faces in a format of `data.formats.NAMES`; returns how many.

    Labels win over detections, and a face a person told has no score too low. min_source:
    "person" for those alone. Raises InputError for an unknown format or a lost picture.
    """
    if min_source not in SOURCES:
        raise InputError(f"{min_source!r} is no source; choose one of: {', '.join(SOURCES)}")
    records = (
        record
        for record in dataset.faces()
        if (record.label or (record.face.score >= min_score and min_source != "person"))
        and domain in (None, record.face.domain)
    )
    return formats.writer(name)(records, out)


class _Placed(NamedTuple):
    told: Told
    frame: Frame
    own: FaceRecord | None  # the dataset's face that is meant


def import_faces(
    source: Path, dataset: Dataset, who: str, pictures: Sequence[str] = ()
) -> Counter[str]:
    """Bring faces of a file back; counts what was `same`, `changed`, `new` and `unknown`.

    A told face is the dataset's own that has its id, else the one on its frame that it overlaps
    most. It becomes a label by `who` where it differs from that one or there is none. Frames the
    dataset does not know are taken from `pictures` (sources as `toolkit extract` takes them), by
    their name, and their faces kept as they are told; without the picture they are `unknown` and
    nothing is kept. With `pictures` the dataset may be one yet to be made.
    All is checked before anything is kept. Raises InputError, FormatError for a broken file.
    """
    if not pictures and not (dataset.folder / "frames").is_dir():
        raise InputError(
            f"{dataset.folder} does not exist or is no dataset; check its spelling, "
            "or name --pictures to make it of these faces"
        )
    placed, strangers = _place(formats.read(source), dataset)
    added = _on_pictures(strangers, pictures, dataset)
    labels = [(one, _face(one, dataset)) for one in placed]

    counts: Counter[str] = Counter()
    if added:
        with dataset.writer({"version": f"import {source.name}"}) as writer:
            for frame, faces in added:
                writer.add([(frame, faces)])
                counts["new"] += len(faces)
    if unknown := len(strangers) - counts["new"]:
        counts["unknown"] = unknown
    for one, face in labels:
        counts[_label(dataset, one, face, who)] += 1
    return counts


def _place(told: list[Told], dataset: Dataset) -> tuple[list[_Placed], list[Told]]:
    """The told faces with their frames, and those whose frame the dataset does not know."""
    for face_id, count in Counter(one.face_id for one in told if one.face_id).items():
        if count > 1:
            raise FormatError(f"face_id {face_id} is told {count} times; empty all but one")
    records = {record.face_id: record for record in dataset.faces()}
    frames = {record.frame.frame_id: record.frame for record in dataset.frames()}
    by_name: dict[PurePosixPath, list[Frame]] = defaultdict(list)
    for frame in frames.values():
        by_name[PurePosixPath(frame.name)].append(frame)
    on_frame: dict[str, list[Told]] = defaultdict(list)
    strangers = []
    for one in told:
        own = records.get(one.face_id or "")
        known = own.frame if own else frames.get(one.frame_id or "") or _named(one, by_name)
        if known:
            on_frame[known.frame_id].append(one)
        else:
            strangers.append(one)
    there: dict[str, list[FaceRecord]] = defaultdict(list)
    for record in records.values():
        there[record.frame.frame_id].append(record)
    placed = [
        _Placed(one, frames[frame_id], own)
        for frame_id, ones in on_frame.items()
        for one, own in zip(ones, _match(ones, there[frame_id]), strict=True)
    ]
    return placed, strangers


def _named(one: Told, by_name: dict[PurePosixPath, list[Frame]]) -> Frame | None:
    """Points files may carry no suffix, so their frame is found by its name without one too."""
    name = PurePosixPath(one.frame)
    same = by_name.get(name, [])
    if not same and not isinstance(one.face, Face):
        stems = (frames for path, frames in by_name.items() if path.with_suffix("") == name)
        same = list(chain.from_iterable(stems))
    if len(same) > 1:
        where = " or ".join(f"{frame.item.root}/{frame.name}" for frame in same[:3])
        raise FormatError(f"{one.frame} may be {where}; tell its frame_id, or rename one")
    return same[0] if same else None


def _match(told: list[Told], records: list[FaceRecord]) -> list[FaceRecord | None]:
    """Which record of their frame each told face is: by id, else by overlap, the largest first."""
    left = {record.face_id: record for record in records}
    matched = [left.pop(one.face_id or "", None) for one in told]
    pairs = [
        (overlap, number, face_id)
        for number, one in enumerate(told)
        if matched[number] is None and isinstance(one.face, Face)
        for face_id, record in left.items()
        if (overlap := one.face.box.overlap(record.face.box)) >= CARRIED
    ]
    for _, number, face_id in sorted(pairs, reverse=True):
        if matched[number] is None:
            matched[number] = left.pop(face_id, None)
    return matched


def _face(one: _Placed, dataset: Dataset) -> Face:
    face = one.told.face
    if isinstance(face, Face):
        return face
    if one.own is None:
        raise FormatError(
            f"the points of {one.told.frame} name no face of {dataset.folder}; "
            "export them from there, or bring them as COCO"
        )
    return replace(one.own.face, landmarks=face)


def _label(dataset: Dataset, one: _Placed, face: Face, who: str) -> str:
    own, frame_id = one.own, one.frame.frame_id
    if own and _alike(own.face, face):
        return "same"
    mended = replace(face, source=f"person {who}", foreground=None)
    face_id = own.face_id if own else one.told.face_id or identify(frame_id, mended.box)
    dataset.label(frame_id, face_id, mended, mended.box, who)
    return "changed" if own else "new"


def _alike(one: Face, other: Face) -> bool:
    """Whether they tell the same, whoever told it."""
    first, second = (plain_row(replace(face, foreground=None, source="")) for face in (one, other))
    return first == second


def _on_pictures(
    strangers: list[Told], pictures: Sequence[str], dataset: Dataset
) -> list[tuple[Frame, list[Face]]]:
    """Frames the dataset has never seen, with their faces, where their pictures are at hand."""
    if not strangers or not pictures:
        return []
    read = {record.frame.item.item_id for record in dataset.frames()}  # in other frames
    items: dict[str, list[Item]] = defaultdict(list)
    for item in list_items(pictures):
        items[item.path].append(item)
    told: dict[str, list[Told]] = defaultdict(list)
    for one in strangers:
        told[one.frame].append(one)
    added = []
    for name, ones in told.items():
        if len(items[name]) > 1:
            where = " or ".join(f"{item.root}/{name}" for item in items[name][:3])
            raise FormatError(f"{name} may be {where}; name one of them in --pictures")
        faces = [one.face for one in ones if isinstance(one.face, Face)]
        frame = _frame(items[name], ones[0])
        if frame and frame.item.item_id not in read and len(faces) == len(ones):
            added.append((frame, faces))
    return added


def _frame(items: list[Item], one: Told) -> Frame | None:
    if not items or one.place.get("cut") or one.place.get("time") is not None:
        return None
    [item] = items
    with open_picture(item.file, item.path) as image:
        width, height = image.size
        if orientation(image) >= 5:
            width, height = height, width
    return Frame(identify(item.item_id, None, None), item, width, height)
