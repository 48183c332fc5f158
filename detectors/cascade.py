"""Any OpenCV cascade file, such as lbpcascade_animeface.xml; drawn points over its boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import cv2
import numpy as np

from data.errors import InputError
from data.face import Box, Face
from detectors.finding import each_once
from detectors.mesh import Mesh, Roi
from detectors.parts import PartsPlacer

SMALLEST = 24  # pixels


@dataclass(frozen=True, slots=True, eq=False)
class Boxed:
    """A cascade's find: a square and nothing else."""

    box: Box
    score: float

    @property
    def roi(self) -> Roi:
        """Where the mesh should look: cascades are trained on squares wider than the face."""
        return Roi(*self.box.centre, 1.3 * self.box.width)


class CascadeDetector:
    """Faces by a cascade (Viola & Jones 2001).

    path: the cascade file. Raises InputError naming it when it is missing or is none.
    """

    name = "cascade"

    def __init__(self, path: str | Path | None, mesh: Mesh | None = None) -> None:
        if path is None:
            raise InputError("the cascade detector needs a file: --cascade FILE.xml")
        if not Path(path).is_file():
            raise InputError(f"{path} does not exist; give an OpenCV cascade with --cascade FILE")
        try:
            self._cascade = cv2.CascadeClassifier(str(path))
        except (cv2.error, SystemError):
            self._cascade = cv2.CascadeClassifier()
        if self._cascade.empty():
            raise InputError(f"{path} is no OpenCV cascade; give the .xml of a trained cascade")
        # Other files give other answers.
        self.version = blake2b(Path(path).read_bytes(), digest_size=4).hexdigest() + "-1"
        self._placer = PartsPlacer(mesh or Mesh())

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        source = f"{self.name} {self.version}"
        return [
            each_once([self._placer.place(pixels, found, source) for found in self.find(pixels)])
            for pixels in frames
        ]

    def find(self, pixels: np.ndarray) -> list[Boxed]:
        """Where faces may be, best first. Score: the last stage's weight through a sigmoid."""
        grey = cv2.equalizeHist(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
        if min(grey.shape) < SMALLEST:
            return []
        boxes, _, weights = self._cascade.detectMultiScale3(
            grey, 1.1, 5, minSize=(SMALLEST, SMALLEST), outputRejectLevels=True
        )
        found = [
            Boxed(Box(*map(float, box)), float(1 / (1 + np.exp(-weight))))
            for box, weight in zip(boxes, np.ravel(weights), strict=True)
        ]
        return each_once(found)
