"""Blocks of residual generators: what CycleGAN, UNIT, MUNIT and U-GAT-IT are built of."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.networks import PlainNorm

Norm = Callable[[int], nn.Module]  # of a width


class LayerNorm(nn.Module):
    """Ba et al. 2016, over channels and places, with scale and shift of each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        spread, mean = torch.var_mean(wide, (1, 2, 3), correction=0, keepdim=True)
        factor = self.scale[:, None, None] * (spread + 1e-5).rsqrt()
        return (wide * factor + (self.shift[:, None, None] - mean * factor)).to(x.dtype)


class Residual(nn.Module):
    """Two convolutions with norms and a shortcut (He et al. 2016), borders reflected."""

    def __init__(self, width: int, norm: Norm = PlainNorm, bias: bool = True) -> None:
        super().__init__()
        self.first, self.second = (_reflected(width, width, 3, 1, bias) for _ in range(2))
        self.first_norm, self.second_norm = norm(width), norm(width)

    def forward(self, x: Tensor, *told: Tensor) -> Tensor:
        """told: what the norms are given besides, where they are told something."""
        inner = functional.relu(self.first_norm(self.first(x), *told))
        return x + self.second_norm(self.second(inner), *told)


def convolved(
    into: int, out: int, size: int, step: int = 1, norm: Norm = PlainNorm, bias: bool = True
) -> nn.Sequential:
    """Convolution, norm and ReLU, borders reflected."""
    return nn.Sequential(_reflected(into, out, size, step, bias), norm(out), nn.ReLU())


def encoder(width: int, blocks: int, size: int, bias: bool = True) -> nn.Sequential:
    """Pictures (N, 3, S, S) to (N, 4 * width, S / 4, S / 4); size: of the halving convolutions."""
    return nn.Sequential(
        convolved(3, width, 7, bias=bias),
        convolved(width, width * 2, size, 2, bias=bias),
        convolved(width * 2, width * 4, size, 2, bias=bias),
        *[Residual(width * 4, bias=bias) for _ in range(blocks)],
    )


def decoder(width: int, size: int, norm: Norm, bias: bool = True) -> nn.Sequential:
    """(N, 4 * width, S / 4, S / 4) to pictures (N, 3, S, S), -1 to 1; resized, then convolved."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2),
        convolved(width * 4, width * 2, size, norm=norm, bias=bias),
        nn.Upsample(scale_factor=2),
        convolved(width * 2, width, size, norm=norm, bias=bias),
        *picture(width, bias),
    )


def picture(width: int, bias: bool = True) -> list[nn.Module]:
    """The last layers of a generator."""
    return [_reflected(width, 3, 7, 1, bias), nn.Tanh()]


def kaiming(network: nn.Module) -> nn.Module:
    """Weights from a normal distribution that keeps their spread (He et al. 2015), no biases."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    return network


def _reflected(into: int, out: int, size: int, step: int, bias: bool) -> nn.Conv2d:
    border = (size - 1) // 2
    return nn.Conv2d(into, out, size, step, border, bias=bias, padding_mode="reflect")
