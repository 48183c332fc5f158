"""What the systems that learn without pairs are given: photos and drawings, side by side."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from pix2pix.augment import Batch
from pix2pix.system import System


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """As many photos as drawings, which have nothing to do with each other."""

    photos: Batch
    drawings: Batch


class Translator(System):
    """A system that learns to turn photos into drawings from a `Both` a step."""

    def translate(self, photos: Tensor) -> Tensor:
        """(N, 3, S, S) photos, -1 to 1, to drawings of the same shape and range."""
        raise NotImplementedError
