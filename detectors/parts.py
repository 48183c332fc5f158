"""68 points on a face that animeface found: the mesh, its eyes and mouth moved to animeface's."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, hypot
from typing import Protocol

import numpy as np

from data.face import Box, Face
from data.landmarks import INNER_LIPS, LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE
from detectors.mesh import Mesh, Roi, region
from detectors.mesh68 import shipped

# animeface's boxes hold lashes too: so much wider and higher than the landmarks' extent.
_EYE_WIDTH, _EYE_HEIGHT, _MOUTH_WIDTH = 1.15, 1.1, 1.1


class Find(Protocol):
    """What any finder tells of a face."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...
    @property
    def roi(self) -> Roi: ...


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """A drawn face and where its parts are, frame pixels; left and right are the picture's."""

    box: Box
    score: float
    left_eye: Box
    right_eye: Box
    mouth: Box
    nose: tuple[float, float]
    chin: tuple[float, float]

    @property
    def roi(self) -> Roi:
        """Where the mesh should look."""
        (lx, ly), (rx, ry) = self.left_eye.centre, self.right_eye.centre
        x, y = (lx + rx) / 2, (ly + ry) / 2
        reach = hypot(self.chin[0] - x, self.chin[1] - y)
        centre = (0.55 * x + 0.45 * self.chin[0], 0.55 * y + 0.45 * self.chin[1])
        return Roi(*centre, max(3 * reach, 1.0), atan2(ry - ly, rx - lx))


class PartsPlacer:
    """Lays the mesh on drawn faces."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    def place(
        self, pixels: np.ndarray, found: Find, source: str, score: float | None = None
    ) -> Face:
        """The face at a find. Presence, a photo's measure, does not count on drawings.

        A point's score falls with how far it moved when the mesh looked again, and with how far
        the mesh's eyes are from those of animeface where it told them.
        """
        first, _ = self._mesh.points(pixels, found.roi)
        second, _ = self._mesh.points(pixels, region(first))
        offsets = shipped()
        landmarks = offsets.landmarks(second)
        size = max(Box.around(landmarks).size, 1.0)
        moved = np.linalg.norm(landmarks - offsets.landmarks(first), axis=1) / size
        apart = 0.0
        if isinstance(found, Parts):
            landmarks, apart = _to_parts(landmarks, found)
        scores = np.exp(-((moved / 0.15) ** 2) - (apart / 0.3) ** 2 - 0.4)
        return Face(
            box=Box.around(landmarks),
            score=min(found.score if score is None else score, 1.0),
            landmarks=landmarks,
            landmark_scores=scores.astype(np.float32),
            domain="drawn",
            source=source,
        )


def _to_parts(landmarks: np.ndarray, parts: Parts) -> tuple[np.ndarray, float]:
    """Eyes and mouth fitted to their boxes; and how far off the mesh's eyes were, of the face.

    The eyes' corners keep the mesh's height: drawn lids reach far from them.
    """
    fitted = landmarks.copy()
    off = 0.0
    for eye, brow, box in (
        (LEFT_EYE, LEFT_BROW, parts.left_eye),
        (RIGHT_EYE, RIGHT_BROW, parts.right_eye),
    ):
        fitted[eye] = _fitted(landmarks[eye], box, _EYE_WIDTH, _EYE_HEIGHT)
        corners = [eye.start, eye.start + 3]
        fitted[corners, 1] = landmarks[corners, 1]
        lifted = fitted[eye, 1].min() - landmarks[eye, 1].min()
        fitted[brow, 1] += min(lifted, 0.0)
        off += float(np.linalg.norm(_middle(landmarks[eye]) - box.centre)) / 2
    mouth = slice(OUTER_LIPS.start, INNER_LIPS.stop)
    fitted[mouth, 0] = _fitted(landmarks[mouth], parts.mouth, _MOUTH_WIDTH, 1.0)[:, 0]
    return fitted, off / max(Box.around(landmarks).size, 1.0)


def _fitted(points: np.ndarray, box: Box, wider: float, higher: float) -> np.ndarray:
    """Points (N, 2) moved and stretched into a box that is so much wider and higher than they."""
    spread = np.maximum(points.max(0) - points.min(0), 1e-3)
    stretch = np.clip(np.array([box.width / wider, box.height / higher]) / spread, 0.3, 3.0)
    return (points - _middle(points)) * stretch + box.centre


def _middle(points: np.ndarray) -> np.ndarray:
    return (points.min(0) + points.max(0)) / 2
