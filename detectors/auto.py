"""Photo or drawn, decided for each frame and each face; the finders of both together.

MediaPipe's finders look at every frame: they are quick and also see most drawn faces. Animeface
looks where a drawing may be. Two finders that agree make a face likelier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log

import numpy as np

from data.face import Box, Face
from detectors.animeface import AnimefaceDetector
from detectors.domain import drawn_likelihood
from detectors.drawn import DrawnPlacer, Find, Parts
from detectors.finding import each_once, same
from detectors.mesh import Mesh
from detectors.photo import PhotoDetector

LOWEST = 0.3  # of a find that another finder may still confirm
AROUND = 1.4  # of the face's box: the part of the frame its domain is judged by
MAYBE_DRAWN = 0.2  # likelihood of a frame from which animeface looks at it too
SURELY_PHOTO = -2.0  # evidence down to which no second opinion is asked
# Animeface sees 92 of 100 anime faces and 2 of 100 photographed ones; it overlooks most others.
TOLD, UNTOLD = 3.8, -0.3


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A drawn find and its likelihood after all finders were asked."""

    find: Find
    score: float

    @property
    def box(self) -> Box:
        return self.find.box


class AutoDetector:
    """The detector of choice for anything: photo's and animeface's finds, each where it fits."""

    name = "auto"
    version = f"1 ({PhotoDetector.version}, animeface-{AnimefaceDetector.version})"

    def __init__(self) -> None:
        mesh = Mesh()
        self._photo = PhotoDetector(min_score=0)
        self._animeface = AnimefaceDetector(mesh)
        self._placer = DrawnPlacer(mesh)

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        return [self._detect(pixels) for pixels in frames]

    def _detect(self, pixels: np.ndarray) -> list[Face]:
        whole = drawn_likelihood(pixels)
        finds = self._photo.find(pixels)
        photos = [self._photo.place(pixels, found) for found in finds]
        doubts = [
            drawn_evidence(drawn_likelihood(_around(pixels, found.box)), whole, face.score)
            for found, face in zip(finds, photos, strict=True)
        ]
        seen: list[Parts] = []
        if whole > MAYBE_DRAWN or any(doubt > SURELY_PHOTO for doubt in doubts):
            seen = self._animeface.find(pixels)
        faces: list[Face] = []
        drawn: list[Find] = []
        for found, face, doubt in zip(finds, photos, doubts, strict=True):
            told = any(one.score >= 0.9 and same(one.box, found.box) for one in seen)
            likely_drawn = 1 / (1 + exp(-doubt - (TOLD if told else UNTOLD)))
            # A photographed face has presence, a drawn one need not: as likely as either is.
            score = likely_drawn * found.score + (1 - likely_drawn) * face.score
            if likely_drawn > 0.5:
                drawn.append(replace(found, score=score))
            elif score >= LOWEST:
                faces.append(replace(face, score=score))
                seen = [one for one in seen if not same(one.box, found.box)]
        source = f"{self.name} {self.version}"
        faces += [
            self._placer.place(pixels, one.find, source, one.score) for one in agreed(drawn, seen)
        ]
        return [replace(face, source=source) for face in each_once(faces)]


def drawn_evidence(face: float, frame: float, photo_score: float) -> float:
    """How much speaks for a drawn face rather than a photographed one, in logits.

    face, frame: `drawn_likelihood` around the face and of its frame. photo_score: what the photo
    detector gives it, which is high on every photographed face and on some drawn ones. The
    weights are round numbers near a logistic regression's on 300 faces.
    """
    return 0.6 * _logit(face) + 0.4 * _logit(frame) + 1.2 - 2.4 * photo_score


def agreed(first: Sequence[Find], second: Sequence[Find]) -> list[_Drawn]:
    """Finds of two finders, each face once, best first.

    Where both see a face it is missed only if both are wrong: 1 - (1 - a)(1 - b). The second
    finder's find stays then, for it knows the parts.
    """
    both = []
    for one in second:
        others = [other.score for other in first if same(one.box, other.box)]
        both.append(_Drawn(one, 1 - (1 - one.score) * (1 - max(others, default=0.0))))
    alone = [
        _Drawn(one, one.score)
        for one in first
        if one.score >= LOWEST and not any(same(one.box, other.box) for other in second)
    ]
    return each_once(both + alone)


def _around(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of the frame around a face, never empty."""
    height, width = pixels.shape[:2]
    (x, y), reach = box.centre, AROUND * max(box.width, box.height) / 2
    left, top = (int(np.clip(at - reach, 0, most - 1)) for at, most in ((x, width), (y, height)))
    return pixels[top : max(int(y + reach), top + 1), left : max(int(x + reach), left + 1)]


def _logit(likelihood: float) -> float:
    likelihood = min(max(likelihood, 1e-3), 1 - 1e-3)
    return log(likelihood / (1 - likelihood))
