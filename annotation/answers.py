"""What a person made of a sheet's regions.

Reading compares numbers with those that were sent. What was not touched comes back as it was, to
the last bit: a page may shift the last digits of a point's neighbours when it is dragged.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from annotation.configuration import COLOURED, NOT_A_FACE, Words, contour_tag
from annotation.regions import Shown, from_page, hidden_points, words_of
from annotation.sheets import Sheet
from data.face import Box, Colour, Face, Gender
from data.formats.plain import FARTHEST
from data.frame import identify
from data.landmarks import COUNT, PARTS

TOUCHED = 0.01  # pixels; who drags a point moves it further
TOLD_HIDDEN = 0.25  # score of a point that a person calls hidden
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_INDEX = re.compile(r"p(\d\d)")


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one answer says of one face.

    face: as corrected, None for "not a face". box: where it is or was. moved: indices of points
    that differ from what was shown. changed: names of fields that do. new: whether nothing was
    shown there.
    """

    face_id: str
    face: Face | None
    box: Box
    moved: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()
    outline: tuple[tuple[float, float], ...] = ()
    new: bool = False


@dataclass(slots=True)
class Answer:
    """What one annotation says. problems: what could not be understood, one sentence each."""

    said: list[Said] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def answer(
    sheet: Sheet, result: Any, words: Words, asked: set[str] | None, who: str = ""
) -> Answer:
    """What a person made of a sheet; each face once, those of the sheet first.

    result: an annotation's regions. asked: the tags of the page; what a page did not ask stays as
    it was. None: all of ours. A face that was shown and has no rectangle any more is none.
    """
    read = _Reading(sheet, words, asked, who)
    if not isinstance(result, list):
        read.answer.problems.append(f"its result is no list but {type(result).__name__}")
        return read.answer
    read.sort(result)
    for one in sheet.faces:
        read.known(one)
    for region_id in [name for name in read.boxes if name not in read.shown]:
        read.drawn(region_id)
    return read.answer


def box_of(sheet: Sheet, result: Any) -> Box | None:
    """What a person has just drawn, frame pixels: the last box of regions that was not shown."""
    read = _Reading(sheet, Words({}, {}, {}), None, "")
    if isinstance(result, list):
        read.sort(result)
    return next((read.boxes[name] for name in reversed(read.boxes) if name not in read.shown), None)


def _indices(spans: str) -> set[int]:
    """ "0-2,36" as {0, 1, 2, 36}. Raises ValueError."""
    found: set[int] = set()
    for span in filter(None, re.split(r"[\s,;]+", spans)):
        first, _, last = span.partition("-")
        low, high = int(first), int(last or first)
        if not 0 <= low <= high < COUNT:
            raise ValueError(f"{span!r} names no points from 0 to {COUNT - 1}")
        found |= set(range(low, high + 1))
    return found


class _Reading:
    """The regions of one answer, by the face they belong to."""

    def __init__(self, sheet: Sheet, words: Words, asked: set[str] | None, who: str):
        self.sheet, self.words, self.asked, self.who = sheet, words, asked, who
        self.shown = {one.face_id: one for one in sheet.faces}
        self.boxes: dict[str, Box] = {}
        self.told: dict[str, dict[str, str]] = defaultdict(dict)  # face -> tag -> words
        self.contours: dict[str, dict[str, Any]] = defaultdict(dict)  # face -> part -> vertices
        self.outlines: dict[str, Any] = {}
        self.answer = Answer()

    def problem(self, words: str) -> None:
        self.answer.problems.append(words)

    def asks(self, tag: str) -> bool:
        return self.asked is None or tag in self.asked

    def sort(self, result: list[Any]) -> None:
        """Put every region to its face; those that hang on nothing to the face they lie on."""
        loose = []
        for region in result:
            if not isinstance(region, dict) or not isinstance(region.get("value"), dict):
                self.problem("a region is no object with a value")
                continue
            tag, value = str(region.get("from_name")), region["value"]
            region_id = str(region.get("id"))
            if tag == "face":
                self._rectangle(region_id, value)
            elif tag in _ATTRIBUTES:
                self._words(region_id, tag, value)
            elif tag.startswith("contour") or tag == "hair_outline":
                loose.append((region, value))
            elif region.get("type") != "relation":
                self.problem(f"there is no tag {tag!r}; its region is left in Label Studio")
        for region, value in loose:
            self._hanging(region, value)

    def _rectangle(self, region_id: str, value: dict[str, Any]) -> None:
        names = ("x", "y", "width", "height")
        if not all(_number(value.get(name)) for name in names):
            self.problem(f"the box {region_id} has no place")
            return
        x, y, width, height = (float(value[name]) for name in names)
        box = self.sheet
        angle = math.radians(value["rotation"]) if _number(value.get("rotation")) else 0.0
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]])
        corners = corners * (box.width, box.height) / 100
        turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
        corners = corners @ turn + from_page([[x, y]], box)
        (left, top), (right, bottom) = corners.min(0).tolist(), corners.max(0).tolist()
        if (
            not (right > left and bottom > top)
            or max(map(abs, (left, top, right, bottom))) > FARTHEST
        ):
            self.problem(f"the box {region_id} has no size")
            return
        self.boxes[region_id] = Box(left, top, right - left, bottom - top)

    def _words(self, region_id: str, tag: str, value: dict[str, Any]) -> None:
        told = value.get("choices", value.get("text"))
        if isinstance(told, list) and told:
            told = told[-1]
        if isinstance(told, str) and told.strip():
            self.told[region_id][tag] = told.strip()

    def _hanging(self, region: dict[str, Any], value: dict[str, Any]) -> None:
        outline = region["from_name"] == "hair_outline"
        points = _points(value.get("points" if outline else "vertices"), outline)
        if points is None:
            self.problem(f"the region {region.get('id')} has points without a place")
            return
        if not len(points):
            return
        place = from_page(points, self.sheet)
        if np.abs(place).max() > FARTHEST:
            self.problem(f"the region {region.get('id')} lies further off than any picture reaches")
            return
        parent = str(region.get("parentID"))
        if parent not in self.boxes:
            if parent in self.shown:
                return  # its face was deleted
            parent = self._below(place)
        if not parent:
            self.problem(f"the region {region.get('id')} lies on no face")
        elif outline:
            self.outlines[parent] = place
        else:
            labels = value.get("vectorlabels")
            part = labels[0] if isinstance(labels, list) and labels else None
            if part not in PARTS:
                self.problem(f"there is no part {part!r} of a face")
            elif part in self.contours[parent]:
                self.problem(f"{part} is told twice of the face {parent}; the first one counts")
            else:
                self.contours[parent][part] = (value["vertices"], place)

    def _below(self, place: np.ndarray) -> str:
        """The smallest box that holds the middle of the points."""
        x, y = place.mean(0)
        holding = [
            name
            for name, box in self.boxes.items()
            if box.x <= x <= box.x + box.width and box.y <= y <= box.y + box.height
        ]
        return min(holding, key=lambda name: self.boxes[name].size, default="")

    def known(self, one: Shown) -> None:
        """What is said of a face that was shown."""
        box = self.boxes.get(one.face_id)
        if self.asks("face") and (box is None or self._denied(one.face_id)):
            self.answer.said.append(Said(one.face_id, None, one.face.box, changed=("face",)))
            return
        face = self._mended(one.face_id, one.face, self._same_box(one.face.box, box))
        moved = _differ(one.face.landmarks, face.landmarks)
        outline = self._outline(one)
        changed = tuple(
            name
            for name in _FIELDS
            if name != "landmarks" and not _equal(getattr(one.face, name), getattr(face, name))
        )
        changed += ("landmarks",) * bool(moved) + ("outline",) * (outline != one.outline)
        face = replace(face, source=f"person {self.who}") if self.who else face
        self.answer.said.append(Said(one.face_id, face, face.box, moved, changed, outline))

    def drawn(self, region_id: str) -> None:
        """A face drawn by hand."""
        if self._denied(region_id):
            return
        empty = Face(
            self.boxes[region_id],
            1.0,
            np.full((COUNT, 2), np.nan, np.float32),
            np.zeros(COUNT, np.float32),
            self.sheet.domain,
            f"person {self.who}",
        )
        face = self._mended(region_id, empty, empty.box)
        moved = tuple(np.flatnonzero(np.isfinite(face.landmarks).any(1)).tolist())
        face_id = identify(self.sheet.frame_id, region_id)
        outline = self._outline(Shown(region_id, face))
        self.answer.said.append(Said(face_id, face, face.box, moved, ("face",), outline, new=True))

    def _denied(self, region_id: str) -> bool:
        return self.told[region_id].get("verdict") == NOT_A_FACE

    def _same_box(self, was: Box, told: Box | None) -> Box:
        edges = ("x", "y", "width", "height")
        if told is None or all(
            abs(getattr(was, edge) - getattr(told, edge)) < TOUCHED for edge in edges
        ):
            return was
        return told

    def _outline(self, one: Shown) -> tuple[tuple[float, float], ...]:
        if not self.asks("hair_outline"):
            return one.outline
        place = self.outlines.get(one.face_id)
        if place is None:
            return ()
        was = np.array(one.outline).reshape(-1, 2)
        if was.shape == place.shape and not _apart(was, place):
            return one.outline
        return tuple((x, y) for x, y in place.tolist())

    def _mended(self, region_id: str, face: Face, box: Box) -> Face:
        landmarks, scores = self._landmarks(region_id, face)
        mended = replace(face, box=box, landmarks=landmarks, landmark_scores=scores)
        sent, told = words_of(face, self.words), self.told[region_id]
        if self._differs("gender", sent, told):
            name = told.get("gender")
            known = name in ("female", "male")
            mended = replace(mended, gender=Gender(name, 1.0) if name and known else None)
        if self._differs("glasses", sent, told):
            worn = {"yes": 1.0, "no": 0.0}.get(told.get("glasses", ""))
            mended = replace(mended, glasses=worn)
        colours: dict[str, Any] = {
            part: self._colour(part, getattr(face, part), sent, told) for part in COLOURED
        }
        return replace(mended, **colours)

    def _differs(self, tag: str, sent: dict[str, str], told: dict[str, str]) -> bool:
        return self.asks(tag) and sent.get(tag) != told.get(tag)

    def _colour(
        self, part: str, was: Colour | None, sent: dict[str, str], told: dict[str, str]
    ) -> Colour | None:
        """By its name where that was changed, by its hex where that was, by both where both."""
        name, hexed = told.get(part), told.get(f"{part}_hex")
        renamed = self._differs(part, sent, told)
        repainted = self._differs(f"{part}_hex", sent, told) and hexed is not None
        if renamed and name is None and not repainted:
            return None
        if repainted and hexed is not None and not _HEX.fullmatch(hexed):
            self.problem(f"{part} {hexed!r} is no colour such as #a0522d")
            repainted, hexed = False, None
        if repainted and hexed is not None:
            name = name if renamed and name else self.words.nearest(part, hexed)
            return Colour(hexed, name, was.share if was else 1.0, 1.0)
        if renamed and name is not None:
            shade = self.words.of(part).get(name) or (was.hex if was else None)
            if shade is None:
                self.problem(f"there is no {part} colour {name!r}; tell its hex too")
                return None
            return Colour(shade, name, was.share if was else 1.0, 1.0)
        return was

    def _landmarks(self, region_id: str, face: Face) -> tuple[np.ndarray, np.ndarray]:
        points, scores = face.landmarks.copy(), face.landmark_scores.copy()
        placed = np.isfinite(face.landmarks).all(1)
        for part, (where, _) in PARTS.items():
            if not self.asks(contour_tag(part)):
                continue
            indices = range(where.start, where.stop)
            told = self._part(region_id, part, indices)
            if told is None:
                continue
            for index in indices:
                if index in told and (
                    not placed[index] or _apart(face.landmarks[index], told[index])
                ):
                    points[index], scores[index] = told[index], 1.0
                elif index not in told and placed[index]:
                    points[index], scores[index] = np.nan, 0.0
        return points, self._with_hidden(region_id, face, points, scores)

    def _part(self, region_id: str, part: str, indices: range) -> dict[int, np.ndarray] | None:
        """Index -> frame pixels of a contour's points; None when they cannot be told apart.

        Points that were sent carry their index. Others fill the gaps, in their order, where there
        are as many as gaps.
        """
        vertices, place = self.contours[region_id].get(part, ([], np.zeros((0, 2))))
        named: dict[int, np.ndarray] = {}
        others = []
        for vertex, at in zip(vertices, place, strict=True):
            found = _INDEX.search(str(vertex.get("id"))[-3:])
            index = int(found[1]) if found else -1
            if index in indices and index not in named:
                named[index] = at
            else:
                others.append(at)
        gaps = [index for index in indices if index not in named]
        if others and len(others) != len(gaps):
            self.problem(
                f"{part} of the face {region_id} has {len(vertices)} points, not "
                f"{len(indices)}; it is left as it was"
            )
            return None
        return named | dict(zip(gaps, others, strict=False))

    def _with_hidden(
        self, region_id: str, face: Face, points: np.ndarray, scores: np.ndarray
    ) -> np.ndarray:
        sent, told = words_of(face, self.words), self.told[region_id]
        if not self._differs("hidden", sent, told):
            return scores
        try:
            hidden = _indices(told.get("hidden", ""))
        except ValueError:
            self.problem(f"hidden points {told.get('hidden')!r} are none such as 0-4,36")
            return scores
        was = hidden_points(face)
        for index in range(COUNT):
            if np.isfinite(points[index]).all() and (index in hidden) != was[index]:
                scores[index] = TOLD_HIDDEN if index in hidden else 1.0
        return scores


_ATTRIBUTES = {
    "verdict",
    "gender",
    "glasses",
    "hidden",
    *COLOURED,
    *(f"{part}_hex" for part in COLOURED),
}
_FIELDS = ("box", "landmarks", "landmark_scores", *COLOURED, "gender", "glasses")


def _number(value: Any) -> bool:
    """Whether it may be percent of a picture, which may be one pixel wide."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and abs(value) <= 100 * FARTHEST


def _points(listed: Any, pairs: bool) -> list[list[float]] | None:
    """Percent (x, y) of vertices, or of a polygon's pairs; None when one has no place."""
    if not isinstance(listed, list):
        return None
    points = []
    for one in listed:
        if pairs and isinstance(one, list) and len(one) == 2:
            x, y = one
        elif not pairs and isinstance(one, dict):
            x, y = one.get("x"), one.get("y")
        else:
            return None
        if not _number(x) or not _number(y):
            return None
        points.append([float(x), float(y)])
    return points


def _apart(was: np.ndarray, told: np.ndarray) -> bool:
    return float(np.abs(was.astype(np.float64) - told).max()) >= TOUCHED


def _differ(was: np.ndarray, now: np.ndarray) -> tuple[int, ...]:
    """Indices of points that differ, one that is gone or new among them."""
    same = (was == now) | (np.isnan(was) & np.isnan(now))
    return tuple(np.flatnonzero(~same.all(1)).tolist())


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    return bool(one == other)
