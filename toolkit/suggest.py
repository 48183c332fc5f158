"""A face where a person drew a box: points, colours and all the rest, by our detectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.face import Box, Face
from detectors.attributes import Describer
from detectors.auto import AutoDetector
from detectors.drawn import DrawnDetector, Found

AROUND = 2.2  # times the box: what the detector sees of the frame
ENOUGH = 0.3  # overlap from which a find is the face in the box


class Suggester:
    """Loads the detectors once; raises InputError when they cannot run here."""

    def __init__(self) -> None:
        self._auto, self._drawn = AutoDetector(), DrawnDetector(min_score=0.0)
        self._describer = Describer()

    def face_at(self, pixels: np.ndarray, box: Box) -> Face:
        """The face in a box that a person drew; the box stays theirs.

        pixels: (H, W, 3) uint8 RGB. What no detector finds is placed as a drawn face is.
        """
        part, x, y = _around(pixels, box)
        inside = box.moved(-x, -y)
        [found] = self._auto.detect([part])
        best = max(found, key=lambda face: face.box.overlap(inside), default=None)
        if best is None or best.box.overlap(inside) < ENOUGH:
            [best] = self._drawn.place(part, [Found(inside, 1.0)])
        [best] = self._describer.ground(part, None, [best])
        [best] = self._describer.describe(part, [best])
        return replace(best.moved(x, y), box=box, foreground=None)


def _around(pixels: np.ndarray, box: Box) -> tuple[np.ndarray, int, int]:
    """The part of the frame around a box, never empty, and where it lies."""
    height, width = pixels.shape[:2]
    (x, y), reach = box.centre, AROUND * max(box.width, box.height) / 2
    left, top = (int(np.clip(at - reach, 0, most - 1)) for at, most in ((x, width), (y, height)))
    right, bottom = max(int(x + reach), left + 1), max(int(y + reach), top + 1)
    return np.ascontiguousarray(pixels[top:bottom, left:right]), left, top
