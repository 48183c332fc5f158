"""Blocks that more than one baseline is built of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from pix2pix.networks import InstanceNorm


def conv(into: int, out: int, size: int = 3, step: int = 1) -> nn.Sequential:
    """Convolution, instance norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(into, out, size, step, size // 2, bias=False), InstanceNorm(out), nn.ReLU()
    )


def up(into: int, out: int) -> nn.Sequential:
    """Twice the size by repeating pixels, then `conv`: no checkerboard (Odena et al. 2016)."""
    return nn.Sequential(nn.Upsample(scale_factor=2), conv(into, out))


class Residual(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            conv(width, width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            InstanceNorm(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


def reversed_gradient(x: Tensor) -> Tensor:
    """x, through which what is learnt behind it is unlearnt before it (Ganin & Lempitsky 2015)."""
    return _Reversal.apply(x)


class Kept(nn.Module):
    """Pictures of the training set that a checkpoint takes along."""

    pictures: Tensor

    def __init__(self, count: int, side: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(count, 3, side, side, dtype=torch.uint8))

    def keep(self, pictures: Tensor) -> None:
        """pictures: (N, 3, S, S), -1 to 1; the first are kept, over again where N is too few."""
        whole = ((pictures.detach().float() + 1) * 127.5).round().byte()
        count = len(self.pictures)
        self.pictures.copy_(whole.repeat(-(-count // len(whole)), 1, 1, 1)[:count])

    def forward(self) -> Tensor:
        """(count, 3, S, S), -1 to 1."""
        return self.pictures.float() / 127.5 - 1
