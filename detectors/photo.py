"""Photographed faces: MediaPipe finds them and lays its mesh, of which we keep 68 points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import sqrt

import numpy as np

from data.face import Box, Face
from detectors.drawn import DrawnDetector
from detectors.finding import Finder, Found, same
from detectors.gender import gender_of, male_likelihood
from detectors.mesh import Mesh, region
from detectors.mesh68 import frame_of, shipped

NEAR = 0.05  # of the outer-eye distance; within it a landmark counts as right


class PhotoDetector:
    """MediaPipe 0.10.21: two detectors, the attention mesh, the fitted map to 68 points.

    min_score: faces of a lower score are left out.
    """

    name = "photo"
    version = "mediapipe-0.10.21-7"

    def __init__(self, min_score: float = 0.5) -> None:
        self.min_score = min_score
        self._finder = Finder()
        self._mesh = Mesh()
        self._reader = DrawnDetector()

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        return [self._detect(pixels) for pixels in frames]

    def _detect(self, pixels: np.ndarray) -> list[Face]:
        faces = [self.place(pixels, found) for found in self.find(pixels)]
        kept: list[Face] = []
        for face in sorted(faces, key=lambda face: -face.score):
            # Two finds can slide onto one face when the mesh looks.
            if face.score >= self.min_score and not any(same(face.box, k.box) for k in kept):
                kept.append(face)
        return self.read(pixels, kept)

    def find(self, pixels: np.ndarray) -> list[Found]:
        """Where faces may be, of any score over .3, best first."""
        return self._finder.find(pixels)

    def read(self, pixels: np.ndarray, faces: Sequence[Face]) -> list[Face]:
        """Placed faces with gender and glasses.

        Glasses are told by the network for drawn faces, which learnt from photos too.
        """
        made = []
        for face, (_, _, glasses) in zip(faces, self._reader.traits(pixels, faces), strict=True):
            likely = male_likelihood(pixels, face.landmarks)
            made.append(replace(face, gender=gender_of(likely), glasses=float(glasses)))
        return made

    def place(self, pixels: np.ndarray, found: Found) -> Face:
        """The face at a find, with its landmarks, not yet read.

        Its score is the geometric mean of the find's and of the mesh's face presence: that is 1
        on nearly every photographed face and near 0 on nearly all else.
        """
        first, presence = self._mesh.points(pixels, found.roi)
        points, _ = self._mesh.points(pixels, region(first))
        landmarks = shipped().landmarks(points)
        return Face(
            box=Box.around(landmarks),
            score=sqrt(min(found.score, 1.0) * presence),
            landmarks=landmarks,
            landmark_scores=_landmark_scores(first, points, presence),
            domain="photo",
            source=f"{self.name} {self.version}",
        )


def _landmark_scores(first: np.ndarray, second: np.ndarray, presence: float) -> np.ndarray:
    """(68,) float32: likelihood that each point is within 5 % of the outer-eye distance.

    The distance from the truth is taken as Rayleigh: its mean square is that of the fit, plus
    how far the point moved when the mesh looked a second time.
    """
    offsets = shipped()
    eyes = offsets.landmarks(second)[[36, 45]]
    near = NEAR * float(np.hypot(*(eyes[1] - eyes[0])))
    moved = offsets.landmarks(second) - offsets.landmarks(first)
    square = (offsets.errors * frame_of(second).radius) ** 2 + (moved**2).sum(1)
    return (presence * (1 - np.exp(-(near**2) / square))).astype(np.float32)
