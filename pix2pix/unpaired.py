"""What the systems that learn without pairs are given: photos and drawings, side by side."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from data.condition import Asked
from pix2pix.augment import Batch
from pix2pix.system import System

TRAITS = ("male", "glasses")


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

    def views(self, photos: Tensor) -> list[Tensor]:
        """What sample sheets show below photos, each as `translate` makes it."""
        return [self.translate(photos)]


def traits(asked: Asked) -> Tensor:
    """(N, 2) of TRAITS: 1 yes, -1 no, 0 not told."""
    return torch.stack([asked.gender, asked.glasses], 1).sign()
