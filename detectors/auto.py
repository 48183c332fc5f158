"""Photo or drawn, decided for each face; the finders of both together.

MediaPipe's finders and our own both look at every frame. A face that both see is likelier; it
gets the points of the detector whose kind it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log

import numpy as np

from data.face import Box, Face
from detectors.domain import drawn_likelihood
from detectors.drawn import DrawnDetector
from detectors.drawn import Found as DrawnFound
from detectors.finding import Found, each_once, same
from detectors.photo import PhotoDetector

LOWEST = 0.3  # of a face that is told
AROUND = 1.4  # of the face's box: the part of the frame its domain is judged by
# How much it speaks for a drawing that our own finder saw the face, or did not, in logits.
TOLD, UNTOLD = 1.5, -0.8


class AutoDetector:
    """The detector of choice for anything: photo's and drawn's faces, each where it fits."""

    name = "auto"
    version = f"12 ({PhotoDetector.version}, drawn-{DrawnDetector.version})"

    def __init__(self) -> None:
        self._photo = PhotoDetector(min_score=0)
        self._drawn = DrawnDetector(min_score=0.15)

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        return [self._detect(pixels) for pixels in frames]

    def _detect(self, pixels: np.ndarray) -> list[Face]:
        whole = drawn_likelihood(pixels)
        left = self._drawn.detect([pixels])[0]
        faces: list[Face] = []
        for found in self._photo.find(pixels):
            drawn = next((one for one in left if same(one.box, found.box)), None)
            near = drawn_likelihood(_around(pixels, found.box))
            ours = TOLD if drawn is not None and drawn.score > 0.5 else UNTOLD
            close: list[Face] | None = None
            if drawn is not None:
                left.remove(drawn)
            elif drawn_evidence(near, whole, 1.0) + ours > 0:
                close = self._closely(pixels, found)  # drawn, whatever the mesh would say
                if not close:
                    continue
            photo = self._photo.place(pixels, found)
            likely = _share(drawn_evidence(near, whole, photo.score) + ours)
            if likely <= 0.5:
                faces.append(photo)
            elif drawn is None:
                close = self._closely(pixels, found) if close is None else close
                faces += [replace(one, score=one.score * likely) for one in close]
            else:
                # No face only if both are wrong; MediaPipe sees faces in most things at 0.4.
                sure = 0.5 * max(found.score - 0.4, 0.0) / 0.6
                score = 1 - (1 - drawn.score) * (1 - sure)
                faces.append(replace(drawn, score=score * _credible(near, whole)))
        for one in left:
            near = drawn_likelihood(_around(pixels, one.box))
            faces.append(replace(one, score=one.score * _credible(near, whole)))
        source = f"{self.name} {self.version}"
        kept = [replace(face, source=source) for face in each_once(faces) if face.score >= LOWEST]
        photos = [face for face in kept if face.domain == "photo"]
        told = iter(self._photo.read(pixels, photos))
        return [next(told) if face.domain == "photo" else face for face in kept]

    def _closely(self, pixels: np.ndarray, found: Found) -> list[Face]:
        """What ours overlooked: is it a drawn face if one looks closely?"""
        return self._drawn.place(pixels, [DrawnFound(found.box, found.score)])


def drawn_evidence(face: float, frame: float, photo_score: float) -> float:
    """How much speaks for a drawn face rather than a photographed one, in logits.

    face, frame: `drawn_likelihood` around the face and of its frame. photo_score: what the photo
    detector gives it, which is high on every photographed face and on some drawn ones. The
    weights are round numbers near a logistic regression's on 300 faces.
    """
    return 0.6 * _logit(face) + 0.4 * _logit(frame) + 1.2 - 2.4 * photo_score


def _credible(face: float, frame: float) -> float:
    """Share of its score that a find of our own keeps: photos are none of its business."""
    return _share(0.5 * _logit(face) + _logit(frame))


def _around(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of the frame around a face, never empty."""
    height, width = pixels.shape[:2]
    (x, y), reach = box.centre, AROUND * max(box.width, box.height) / 2
    left, top = (int(np.clip(at - reach, 0, most - 1)) for at, most in ((x, width), (y, height)))
    return pixels[top : max(int(y + reach), top + 1), left : max(int(x + reach), left + 1)]


def _logit(likelihood: float) -> float:
    likelihood = min(max(likelihood, 1e-3), 1 - 1e-3)
    return log(likelihood / (1 - likelihood))


def _share(logit: float) -> float:
    return 1 / (1 + exp(-logit))
