"""A face as Label Studio's regions: what is sent, and how it is called.

A face is a rectangle with what is said of it, and up to nine contours that hang on it. Contours
come before rectangles: the earlier one lies on top, so that points can be dragged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from annotation.configuration import COLOURED, Words, contour_tag
from annotation.percent import from_percent, to_percent
from data.face import Colour, Face
from data.formats.coco import HIDDEN
from data.landmarks import PARTS

if TYPE_CHECKING:
    from annotation.sheets import Sheet

# What is drawn first lies on top: the small parts, and the jaw below them all.
ON_TOP = sorted(PARTS, key=lambda part: ("jaw" in part, "brow" in part, "nose" in part))


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A face as a person is shown it. outline: of its hair, (x, y) in frame pixels."""

    face_id: str
    face: Face
    outline: tuple[tuple[float, float], ...] = ()


def regions(sheet: Sheet, words: Words) -> list[dict[str, Any]]:
    """A sheet's faces as Label Studio's results."""
    contours, outlines, boxes = [], [], []
    for one in sheet.faces:
        contours += _contours(one, sheet)
        if one.outline:
            points = _sent(np.array(one.outline), sheet).tolist()
            value = {"points": points, "closed": True, "polygonlabels": ["hair"]}
            made = _region(sheet, f"{one.face_id}_hair", "hair_outline", "polygonlabels", value)
            outlines.append({**made, "parentID": one.face_id})
        boxes += _box_and_attributes(one, sheet, words)
    return contours + outlines + boxes


def _sent(points: np.ndarray, sheet: Sheet) -> np.ndarray:
    return to_percent(
        np.asarray(points, np.float64) - (sheet.x, sheet.y), sheet.width, sheet.height
    )


def from_page(percent: Any, sheet: Sheet) -> np.ndarray:
    """(N, 2) percent of a sheet to frame pixels, float64."""
    return from_percent(np.array(percent), sheet.width, sheet.height) + (sheet.x, sheet.y)


def _region(
    sheet: Sheet, region_id: str, tag: str, kind: str, value: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": region_id,
        "from_name": tag,
        "to_name": "image",
        "type": kind,
        "original_width": sheet.width,
        "original_height": sheet.height,
        "image_rotation": 0,
        "value": value,
    }


def _contours(one: Shown, sheet: Sheet) -> list[dict[str, Any]]:
    made = []
    percent = _sent(one.face.landmarks, sheet)
    for part in ON_TOP:
        points, _ = PARTS[part]
        vertices: list[dict[str, Any]] = []
        for index in range(points.start, points.stop):
            if np.isfinite(percent[index]).all():
                x, y = percent[index].tolist()
                before = vertices[-1]["id"] if vertices else None
                name = f"{one.face_id}p{index:02d}"
                vertices.append(
                    {"id": name, "x": x, "y": y, "prevPointId": before, "isBezier": False}
                )
        if vertices:
            value = {"vertices": vertices, "closed": False, "vectorlabels": [part]}
            named = f"{one.face_id}_{part}"
            region = _region(sheet, named, contour_tag(part), "vectorlabels", value)
            made.append({**region, "parentID": one.face_id})
    return made


def _box_and_attributes(one: Shown, sheet: Sheet, words: Words) -> list[dict[str, Any]]:
    box = one.face.box
    corners = np.array([[box.x, box.y], [box.x + box.width, box.y + box.height]])
    (left, top), (right, bottom) = _sent(corners, sheet).tolist()
    place = {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
    rectangle = {**place, "rectanglelabels": ["face"]}
    made = [_region(sheet, one.face_id, "face", "rectanglelabels", rectangle)]
    made[0]["score"] = one.face.score
    for tag, told in words_of(one.face, words).items():
        kind = "textarea" if tag == "hidden" or tag.endswith("_hex") else "choices"
        key = "text" if kind == "textarea" else "choices"
        made.append(_region(sheet, one.face_id, tag, kind, {**place, key: [told]}))
    return made


def words_of(face: Face, words: Words) -> dict[str, str]:
    """Tag -> what the page says of a face; a word the page does not have is not sent."""
    told = {}
    if face.gender and face.gender.name in ("female", "male"):
        told["gender"] = face.gender.name
    if face.glasses is not None and not math.isnan(face.glasses):
        told["glasses"] = "yes" if face.glasses > 0.5 else "no"
    for part in COLOURED:
        colour: Colour | None = getattr(face, part)
        if colour:
            if colour.name in words.of(part):
                told[part] = colour.name
            told[f"{part}_hex"] = colour.hex
    if spans := _spans(np.flatnonzero(hidden_points(face)).tolist()):
        told["hidden"] = spans
    return told


def hidden_points(face: Face) -> np.ndarray:
    """(68,) bool: points that are placed, but not seen."""
    return np.isfinite(face.landmarks).all(1) & (face.landmark_scores < HIDDEN)


def _spans(indices: list[int]) -> str:
    """[0, 1, 2, 36] as "0-2,36"."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
