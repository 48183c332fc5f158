"""What is told of a found face beside its place: foreground, colours, pose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from data.face import Face
from detectors.colours import Colours, colours
from detectors.foreground import Segmenter
from detectors.palettes import load_palettes
from detectors.pose import pose


class Describer:
    """Fills a face's attributes in.

    palettes: folder whose hair.json, eyes.json or skin.json replace the shipped ones. Raises
    InputError naming the file or folder when it is unusable.
    """

    def __init__(self, palettes: str | None = None) -> None:
        self._palettes = load_palettes(palettes)
        self._segmenter = Segmenter()

    def ground(self, pixels: np.ndarray, alpha: np.ndarray | None, faces: list[Face]) -> list[Face]:
        """Faces with their foreground. pixels: (H, W, 3) uint8 RGB, alpha: (H, W) uint8."""
        return [
            replace(face, foreground=self._segmenter.foreground(pixels, alpha, face))
            for face in faces
        ]

    def describe(self, pixels: np.ndarray, faces: list[Face]) -> list[Face]:
        """Faces with colours and pose; their foreground, where they have one, is used."""
        return [
            replace(
                face,
                pose=pose(face.landmarks),
                **_fields(colours(pixels, face, self._palettes)),
            )
            for face in faces
        ]


def _fields(told: Colours) -> dict[str, Any]:
    return {name: getattr(told, name) for name in Colours.__slots__}
