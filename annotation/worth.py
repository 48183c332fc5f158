"""Which frames are worth a person's time first."""

from __future__ import annotations

import math
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import numpy as np

from data.dataset import FaceRecord
from data.errors import InputError
from data.face import Face
from data.formats.plain import plain_row
from data.frame import Frame
from data.labels import CARRIED

RARE = 0.05  # share of the faces under which an attribute is rare
TOLERANCE = 0.06  # of the face's size: detectors whose points lie further apart disagree


@dataclass(frozen=True, slots=True)
class Worth:
    """How much there is to mend on a frame, each 0 to 1, the worst of its faces.

    likelihood: that no face is there. points: that they are misplaced. dispute: detectors that
    disagree. rare: how rare an attribute is.
    """

    likelihood: float = 0.0
    points: float = 0.0
    dispute: float = 0.0
    rare: float = 0.0

    @property
    def total(self) -> float:
        return self.likelihood + self.points + self.dispute + 0.5 * self.rare


def worth(faces: Iterable[FaceRecord], others: dict[str, list[list[Face]]]) -> dict[str, Worth]:
    """frame_id -> worth. others: what other detectors said of a frame. Labelled faces are done."""
    by_frame: dict[str, list[FaceRecord]] = defaultdict(list)
    words: Counter[tuple[str, str]] = Counter()
    for record in faces:
        by_frame[record.frame.frame_id].append(record)
        words.update(_words(record.face))
    count = max(sum(map(len, by_frame.values())), 1)
    rare = {
        word: 1 - times / (RARE * count) for word, times in words.items() if times < RARE * count
    }
    made = {}
    for frame_id in {*by_frame, *others}:
        here = by_frame.get(frame_id, [])
        left = [record.face for record in here if record.label is None]
        made[frame_id] = Worth(
            max((1 - face.score for face in left), default=0.0),
            max((_misplaced(face) for face in left), default=0.0),
            max((_dispute([r.face for r in here], said) for said in others.get(frame_id, [])),
                default=0.0) if left or not here else 0.0,
            max((rare.get(word, 0.0) for face in left for word in _words(face)), default=0.0),
        )  # fmt: skip
    return made


def _words(face: Face) -> list[tuple[str, str]]:
    """What rarity is counted of."""
    told = [(part, getattr(face, part)) for part in ("hair", "left_eye", "right_eye", "skin")]
    words = [(part.split("_")[-1], colour.name) for part, colour in told if colour]
    words.append(("domain", face.domain))
    if face.gender:
        words.append(("gender", face.gender.name))
    if face.glasses is not None:
        words.append(("glasses", "yes" if face.glasses > 0.5 else "no"))
    return words


def _misplaced(face: Face) -> float:
    scores = face.landmark_scores[np.isfinite(face.landmark_scores)]
    return 1 - float(scores.mean()) if len(scores) else 1.0


def _dispute(ours: Sequence[Face], theirs: Sequence[Face]) -> float:
    """1 for a face that only one side sees, else how far apart the points are."""
    left, worst = list(theirs), 0.0
    for face in ours:
        best = max(left, key=lambda one: one.box.overlap(face.box), default=None)
        if best is None or best.box.overlap(face.box) < CARRIED:
            return 1.0
        left.remove(best)
        apart = np.linalg.norm(face.landmarks - best.landmarks, axis=1)
        mean = float(np.nanmean(apart)) if np.isfinite(apart).any() else 0.0
        worst = max(worst, min(mean / max(face.box.size, 1e-6) / TOLERANCE, 2.0) / 2)
    return 1.0 if left else worst


# What a person asks for by words.

_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_CONDITION = re.compile(r"\s*(\w+)\s*(<=|>=|!=|==|=|<|>)\s*(.+?)\s*")


def query(words: str) -> Callable[[FaceRecord], bool]:
    """A test of faces, such as "score < 0.7 and hair = pink". Raises InputError.

    Names are the columns of `toolkit export --format csv`; hair, left_eye, right_eye and skin
    are their colours' names, and `label` is who corrected it. What is not known is never right.
    """
    tests = [_condition(part) for part in re.split(r"\s+and\s+", words.strip())]

    def holds(record: FaceRecord) -> bool:
        row = plain_row(record.face)
        row |= {part: row[f"{part}_name"] for part in ("hair", "left_eye", "right_eye", "skin")}
        row["label"] = record.label.who if record.label else "none"
        return all(test(row) for test in tests)

    return holds


def _condition(part: str) -> Callable[[dict[str, Any]], bool]:
    found = _CONDITION.fullmatch(part)
    if not found:
        raise InputError(f"{part!r} is no condition such as: score < 0.7 and hair = pink")
    name, sign, told = found.groups()
    compare = _COMPARED["=" if sign == "==" else sign]
    text = told.strip("\"'")

    def holds(row: dict[str, Any]) -> bool:
        if name not in row or isinstance(row[name], list):
            raise InputError(f"a face has no {name!r}; its names are the columns of its CSV")
        value = row[name]
        if value is None:
            return False
        if isinstance(value, str):
            return compare(value, text)
        try:
            number = float(text)
        except ValueError:
            raise InputError(f"{name} is a number, so {told!r} cannot be compared") from None
        return not math.isnan(number) and compare(value, number)

    return holds


def named(frame: Frame, patterns: Sequence[str]) -> bool:
    """Whether a frame is meant: by its id, its name, a part of it, or a pattern with * and ?."""
    return any(
        pattern in (frame.frame_id, frame.name)
        or pattern in frame.name
        or fnmatch(frame.name, pattern)
        for pattern in patterns
    )
