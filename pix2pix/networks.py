"""Generators and discriminators."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


class InstanceNorm(nn.Module):
    """Ulyanov et al. 2016, with scale and shift; keeps the memory layout it is given."""

    over: tuple[int, ...] = (2, 3)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        spread, mean = torch.var_mean(wide, self.over, correction=0, keepdim=True)
        factor = self.scale[:, None, None] * (spread + 1e-5).rsqrt()
        return (wide * factor + (self.shift[:, None, None] - mean * factor)).to(x.dtype)


class PlainNorm(nn.Module):
    """Instance norm without scale and shift; keeps the memory layout it is given.

    width: unused, so that all norms are made alike.
    """

    def __init__(self, width: int) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        spread, mean = torch.var_mean(wide, (2, 3), correction=0, keepdim=True)
        return ((wide - mean) * (spread + 1e-5).rsqrt()).to(x.dtype)


def started(network: nn.Module, spread: float = 0.02) -> nn.Module:
    """Convolutions from N(0, spread) (Isola et al. 2017, 6.2), norms' scales from N(1, spread)."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(part.weight, 0, spread)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.weight, 1, spread)
    return network


class UNet(nn.Module):
    """U-Net of Isola et al. 2017, 6.1.1: 54.41 M parameters at 256 px, 3 channels, width 64.

    side: pixels, a power of two from 16 up; there is a level for each halving down to one pixel.
    """

    def __init__(self, channels: int, side: int, width: int = 64) -> None:
        super().__init__()
        levels = side.bit_length() - 1
        widths = [width * min(2**level, 8) for level in range(levels)]
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for level, wide in enumerate(widths):
            inner = level == levels - 1
            before = channels if level == 0 else widths[level - 1]
            conv = nn.Conv2d(before, wide, 4, 2, 1, bias=level == 0 or inner)
            first = [] if level == 0 else [nn.LeakyReLU(0.2)]
            norm = [] if level == 0 or inner else [nn.BatchNorm2d(wide)]
            self.down.append(nn.Sequential(*first, conv, *norm))
            out = 3 if level == 0 else widths[level - 1]
            ups: list[nn.Module] = [
                nn.ReLU(),
                nn.ConvTranspose2d(wide if inner else wide * 2, out, 4, 2, 1, bias=level == 0),
            ]
            ups += [nn.Tanh()] if level == 0 else [nn.BatchNorm2d(out)]
            if 4 <= level < levels - 1:  # the three inner decoders of eight
                ups.append(nn.Dropout(0.5))
            self.up.append(nn.Sequential(*ups))
        started(self)

    def forward(self, condition: Tensor) -> Tensor:
        """condition: (N, C, side, side). (N, 3, side, side), -1 to 1."""
        kept = [condition]
        for down in self.down:
            kept.append(down(kept[-1]))
        x = self.up[-1](kept[-1])
        for level in range(len(self.up) - 2, -1, -1):
            x = self.up[level](torch.cat([kept[level + 1], x], 1))
        return x


class LayerNorm(InstanceNorm):
    """Ba et al. 2016, over channels and places: what is even over a picture stays."""

    over = (1, 2, 3)


class ToldNorm(nn.Module):
    """Instance norm whose scale and shift are told by a vector (Huang & Belongie 2017)."""

    over: tuple[int, ...] = (2, 3)

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.width = width
        self.linear = nn.Linear(told, width * 2)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.linear(told).float()[:, :, None, None].split(self.width, 1)
        wide = x.float()
        spread, mean = torch.var_mean(wide, self.over, correction=0, keepdim=True)
        factor = (1 + scale) * (spread + 1e-5).rsqrt()
        return (wide * factor + (shift - mean * factor)).to(x.dtype)


class _ToldLayerNorm(ToldNorm):
    """The same over channels and places.

    Instance norm forgets the colour that is asked for, and leaves bright droplets (Karras et al.
    2020, 2; AnimeGAN changed it for that reason).
    """

    over = (1, 2, 3)


class _Block(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016)."""

    def __init__(self, width: int, told: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.first_norm = _ToldLayerNorm(width, told)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second_norm = _ToldLayerNorm(width, told)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        inner = functional.relu(self.first_norm(self.first(x), told))
        return x + self.second_norm(self.second(inner), told)


class _Up(nn.Module):
    """Twice the size by repeating pixels, then convolved: no checkerboard (Odena et al. 2016)."""

    def __init__(self, into: int, beside: int, out: int, told: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.beside = nn.Conv2d(beside, out, 1, bias=False)
        self.norm = _ToldLayerNorm(out, told)
        self.block = _Block(out, told)

    def forward(self, x: Tensor, beside: Tensor, told: Tensor) -> Tensor:
        x = self.conv(functional.interpolate(x, scale_factor=2.0)) + self.beside(beside)
        return self.block(functional.relu(self.norm(x, told)), told)


class ResizeNet(nn.Module):
    """A U-Net that resizes and convolves; alike at training and at test.

    What is even over the condition, colours and traits, is told to every norm besides.
    width: channels after the first halving. deep: blocks at the smallest size, a sixteenth.
    """

    def __init__(self, channels: int, width: int = 32, deep: int = 3) -> None:
        super().__init__()
        widths, told = [width, width * 2, width * 4, width * 8], 64
        steps = list(pairwise(widths))
        self.told = nn.Sequential(
            nn.Linear(channels, told), nn.LeakyReLU(0.2), nn.Linear(told, told), nn.LeakyReLU(0.2)
        )
        self.first = nn.Conv2d(channels, widths[0], 4, 2, 1)
        self.down = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, 2, 1, bias=False), LayerNorm(b)) for a, b in steps
        )
        self.deep = nn.ModuleList([_Block(widths[-1], told) for _ in range(deep)])
        self.up = nn.ModuleList([_Up(b, a, a, told) for a, b in steps[::-1]])
        self.last = nn.Conv2d(width, 24, 3, padding=1, bias=False)
        self.last_beside = nn.Conv2d(channels, 24, 3, padding=1, bias=False)
        self.last_norm = _ToldLayerNorm(24, told)
        self.out = nn.Conv2d(24, 3, 5, padding=2)

    def forward(self, condition: Tensor) -> Tensor:
        """condition: (N, C, S, S), S a multiple of 16. (N, 3, S, S), -1 to 1."""
        told = self.told(condition.mean((2, 3)))
        kept = [functional.leaky_relu(self.first(condition), 0.2)]
        for down in self.down:
            kept.append(functional.leaky_relu(down(kept[-1]), 0.2))
        x = kept[-1]
        for block in self.deep:
            x = block(x, told)
        for up, beside in zip(self.up, kept[-2::-1], strict=True):
            x = up(x, beside, told)
        # The condition itself once more: thin lines, such as a closed mouth's, are lost on the way.
        x = self.last(functional.interpolate(x, scale_factor=2.0)) + self.last_beside(condition)
        return torch.tanh(self.out(functional.relu(self.last_norm(x, told))).float())


class PatchNet(nn.Module):
    """PatchGAN of Isola et al. 2017, 6.1.2: 2.77 M parameters at 6 channels, width 64, depth 3.

    depth: halvings; 3 sees 70 pixels. norm: "batch" as in the paper, "instance", "plain" (without
    scale and shift, as CycleGAN's), or "spectral" (Miyato et al. 2018) on the weights.
    """

    def __init__(
        self, channels: int, width: int = 64, depth: int = 3, norm: str = "instance"
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(channels, width, 4, 2, 1)])
        wide = width
        for level in range(1, depth + 1):
            out = min(width * 2**level, width * 8)
            step = 2 if level < depth else 1
            self.layers.append(_judging(wide, out, step, norm))
            wide = out
        self.out = nn.Conv2d(wide, 1, 4, 1, 1)
        started(self)
        if norm == "spectral":
            for part in list(self.modules()):
                if isinstance(part, nn.Conv2d):
                    nn.utils.parametrizations.spectral_norm(part)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures: (N, C, S, S). The layers' features, the last of them the patches' answers."""
        kept = []
        x = pictures
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            kept.append(x)
        return [*kept, self.out(x)]


def _judging(into: int, out: int, step: int, norm: str) -> nn.Module:
    conv = nn.Conv2d(into, out, 4, step, 1, bias=norm in ("spectral", "plain"))
    if norm == "spectral":
        return conv
    if norm == "plain":
        return nn.Sequential(conv, PlainNorm(out))
    return nn.Sequential(conv, nn.BatchNorm2d(out) if norm == "batch" else InstanceNorm(out))


class ScaledPatchNets(nn.Module):
    """PatchGANs at the picture's size and at halves of it (Wang et al. 2018, pix2pixHD, 3.2)."""

    def __init__(self, scales: int, channels: int, width: int, depth: int, norm: str) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchNet(channels, width, depth, norm) for _ in range(scales))

    def forward(self, pictures: Tensor) -> list[list[Tensor]]:
        """For each scale, the largest first, what PatchNet tells."""
        made = []
        for number, net in enumerate(self.scales):
            if number:
                pictures = functional.avg_pool2d(pictures, 3, 2, 1, count_include_pad=False)
            made.append(net(pictures))
        return made


def parameters(network: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(part.numel() for part in network.parameters())
