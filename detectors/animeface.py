"""The animeface library (nagadomi's AnimeFace 2009): drawn faces and their parts.

It reads Pillow's own C structs, so on Pillow 12 and later it silently finds nothing: setup.cfg
holds Pillow back, and loading the detector here says so when it was not held.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import Image

from data.errors import InputError
from data.face import Box, Face
from detectors.finding import each_once
from detectors.mesh import Mesh
from detectors.parts import Parts, PartsPlacer

# It looks at every few pixels of every scale, so time goes with the area; on a smaller picture
# it also raises fewer false alarms (benchmarks/detection.py).
LONGEST = 800
SHRUNK = 0.7
EDGE = 0.35  # border added, of the shorter side: it overlooks faces near the edge


class AnimefaceDetector:
    """Drawn faces by animeface, with the mesh laid over the parts it tells.

    whole: it looks at frames in their full size, as the library alone does. Raises InputError
    where the installed Pillow makes it blind.
    """

    name = "animeface"
    version = "2.0.3-1"

    def __init__(self, mesh: Mesh | None = None, whole: bool = False) -> None:
        if int(PIL.__version__.split(".")[0]) >= 12:
            raise InputError(
                f"animeface finds nothing under Pillow {PIL.__version__}; "
                "install an older one with: pip install 'pillow<12'"
            )
        self._placer = PartsPlacer(mesh or Mesh())
        self._library = _library()
        self._whole = whole

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        source = f"{self.name} {self.version}"
        return [
            each_once([self._placer.place(pixels, found, source) for found in self.find(pixels)])
            for pixels in frames
        ]

    def find(self, pixels: np.ndarray) -> list[Parts]:
        """Where drawn faces may be, with their parts, best first."""
        import animeface

        height, width = pixels.shape[:2]
        scale = min(SHRUNK if min(height, width) > 400 else 1.0, LONGEST / max(height, width))
        scale = 1.0 if self._whole else scale
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        edge = round(EDGE * min(size)) if min(size) < 300 else 0
        small = cv2.copyMakeBorder(small, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
        self._library.nv_srand(1)  # its colours, and so what it takes for an eye, are sampled
        return [
            _parts(face, edge, width / size[0], height / size[1])
            for face in sorted(
                animeface.detect(Image.fromarray(small)), key=lambda face: -face.likelihood
            )
        ]


def _parts(face: Any, edge: int, across: float, down: float) -> Parts:
    def point(pos: Any) -> tuple[float, float]:
        return (pos.x - edge + 0.5) * across - 0.5, (pos.y - edge + 0.5) * down - 0.5

    def box(part: Any) -> Box:
        return Box(*point(part.pos), part.pos.width * across, part.pos.height * down)

    return Parts(
        box=box(face.face),
        score=min(face.likelihood, 1.0),
        left_eye=box(face.right_eye),  # the library names the character's own right and left
        right_eye=box(face.left_eye),
        mouth=box(face.mouth),
        nose=point(face.nose.pos),
        chin=point(face.chin.pos),
    )


def _library() -> ctypes.CDLL:
    """The shared object inside the wheel, for the seed that the Python side does not offer."""
    import animeface

    folder = Path(animeface.__file__).parent
    for path in [*folder.parent.glob("animeface.libs/*nvxs*"), *folder.glob("*nvxs*.so*")]:
        library = ctypes.CDLL(str(path))
        if hasattr(library, "nv_srand"):
            return library
    raise InputError(
        "animeface's own library has no nv_srand; reinstall it with: pip install animeface==2.0.3"
    )
