"""What every detector is: frames in, faces out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from data.face import Face


class Detector(Protocol):
    """Anything with these three; see `detectors.load` for the built-in ones.

    version changes whenever the answers change: frames done by another version are done again.
    """

    name: str
    version: str

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        ...
