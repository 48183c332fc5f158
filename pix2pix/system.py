"""What a training system is: its networks, and the losses of each of its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Part:
    """One optimiser's share of a step.

    name: of the optimiser. networks: what it changes; all others are frozen meanwhile. losses:
    named losses of a batch and of what the system made of it; their sum is lowered. decay: of
    the weights, as Adam's L2.
    """

    name: str
    networks: list[nn.Module]
    losses: Callable[[Any, dict[str, Tensor]], dict[str, Tensor]]
    decay: float = 0.0


class System(nn.Module):
    """A generator and what teaches it. A subclass holds networks as attributes.

    settings: a frozen dataclass of plain values, kept in every checkpoint.
    averaged: names of the networks whose running average is shown, scored and used.
    """

    settings: Any
    averaged: tuple[str, ...] = ("generator",)

    def begin_step(self, step: int) -> None:
        """Told before everything else of a step; where a system's phases turn."""

    def made(self, batch: Any) -> dict[str, Tensor]:
        """What is made once in a step, with its graph; parts detach it where they must."""
        raise NotImplementedError

    def parts(self) -> list[Part]:
        """In the order of the step."""
        raise NotImplementedError

    def stepped(self) -> None:
        """Called when all parts of a step are done: for weights that must stay in bounds."""
