"""Faces to other people's files and back: the jobs behind `toolkit export` and `import`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from data import formats
from data.dataset import Dataset, FaceRecord
from data.face import Face
from data.formats import FormatError, Told
from data.formats.plain import plain_row
from data.frame import Frame, Item, identify
from data.picture import open_picture, orientation
from data.sources import list_items


def export(
    dataset: Dataset, name: str, out: Path, min_score: float = 0, domain: str | None = None
) -> int:
    """Write the dataset's faces in a format of `data.formats.NAMES`; returns how many.

    Labels win over detections. Raises InputError for an unknown format or a lost picture.
    """
    records = (
        record
        for record in dataset.faces()
        if record.face.score >= min_score and domain in (None, record.face.domain)
    )
    return formats.writer(name)(records, out)


def import_faces(
    source: Path, dataset: Dataset, who: str, pictures: Sequence[str] = ()
) -> Counter[str]:
    """Bring faces of a file back; counts what was `same`, `changed`, `new` and `unknown`.

    A face of a frame that the dataset knows becomes a label by `who` when it differs from what
    stands there, or is new there. Frames it does not know are taken from `pictures` (sources as
    `toolkit extract` takes them), by their name, and their faces kept as they are told; without
    the picture they are `unknown` and nothing is kept. Raises FormatError for a broken file.
    """
    told = formats.read(source)
    records = list(dataset.faces()) if (dataset.folder / "frames").is_dir() else []
    faces = {record.face_id: record for record in records}
    frames = {record.frame.frame_id: record.frame for record in dataset.frames()}
    by_name = {PurePosixPath(frame.name): frame for frame in frames.values()}
    counts: Counter[str] = Counter()
    strangers: dict[str, list[Told]] = {}
    for one in told:
        known = faces.get(one.face_id or "")
        frame = known.frame if known else frames.get(one.frame_id or "") or _named(one, by_name)
        if frame is None:
            strangers.setdefault(one.frame, []).append(one)
        else:
            counts[_label(dataset, frame, known, one, who)] += 1
    counts.update(_add_frames(dataset, strangers, pictures, source))
    return counts


def _named(one: Told, by_name: dict[PurePosixPath, Frame]) -> Frame | None:
    """Points files carry no suffix, so their frame is found by its name without one too."""
    name = PurePosixPath(one.frame)
    if name in by_name or isinstance(one.face, Face):
        return by_name.get(name)
    same = [frame for path, frame in by_name.items() if path.with_suffix("") == name]
    return same[0] if len(same) == 1 else None


def _label(dataset: Dataset, frame: Frame, known: FaceRecord | None, one: Told, who: str) -> str:
    face = one.face
    if not isinstance(face, Face):
        if known is None:
            raise FormatError(
                f"the points of {one.frame} name no face of {dataset.folder}; "
                "export them from there, or bring them as COCO"
            )
        face = replace(known.face, landmarks=face)
    if known and _alike(known.face, face):
        return "same"
    mended = replace(face, source=f"person {who}", foreground=None)
    face_id = known.face_id if known else one.face_id or identify(frame.frame_id, mended.box)
    dataset.label(frame.frame_id, face_id, mended, mended.box, who)
    return "changed" if known else "new"


def _alike(one: Face, other: Face) -> bool:
    first, second = (plain_row(replace(face, foreground=None)) for face in (one, other))
    return first == second


def _add_frames(
    dataset: Dataset, strangers: dict[str, list[Told]], pictures: Sequence[str], source: Path
) -> Counter[str]:
    """Keep the faces of frames the dataset has never seen, where their pictures are at hand."""
    counts: Counter[str] = Counter()
    items = {item.path: item for item in list_items(pictures)} if pictures and strangers else {}
    settings: dict[str, Any] = {"version": f"import {source.name}"}
    with dataset.writer(settings) as writer:
        for name, told in strangers.items():
            frame = _frame(name, told[0], items)
            whole = [one.face for one in told if isinstance(one.face, Face)]
            if frame is None or len(whole) < len(told):
                counts["unknown"] += len(told)
                continue
            writer.add([(frame, whole)])
            counts["new"] += len(whole)
    return counts


def _frame(name: str, one: Told, items: dict[str, Item]) -> Frame | None:
    item = items.get(name)
    if item is None or one.place.get("cut") or one.place.get("time") is not None:
        return None
    with open_picture(item.file, item.path) as image:
        width, height = image.size
        if orientation(image) >= 5:
            width, height = height, width
    return Frame(identify(item.item_id, None, None), item, width, height)
