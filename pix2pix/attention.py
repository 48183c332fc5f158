"""Networks that look where a picture's domain shows: U-GAT-IT's (Kim et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from pix2pix.networks import PlainNorm
from pix2pix.residual import Residual, decoder, encoder


class Attention(nn.Module):
    """Features weighed by what tells their domain (2.1.1; Zhou et al. 2016)."""

    def __init__(self, width: int, activation: nn.Module, spectral: bool = False) -> None:
        super().__init__()
        self.mean, self.most = (nn.Linear(width, 1, bias=False) for _ in range(2))
        self.joined = nn.Conv2d(width * 2, width, 1)
        self.activation = activation
        if spectral:
            spectral_norm(self.mean)
            spectral_norm(self.most)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x: (N, C, H, W). Weighed, and (N, 2) what domain its mean and maximum tell."""
        told = torch.cat([self.mean(x.mean((2, 3))), self.most(x.amax((2, 3)))], 1)
        weighed = [x * layer.weight[0, :, None, None] for layer in (self.mean, self.most)]
        return self.activation(self.joined(torch.cat(weighed, 1))), told


class LayerInstanceNorm(nn.Module):
    """Between instance and layer norm (2.1.1, eq. 1). rho: share of instance norm, 0 to 1."""

    def __init__(self, width: int, rho: float) -> None:
        super().__init__()
        self.rho = nn.Parameter(torch.full((width, 1, 1), rho))
        self._instance = PlainNorm(width)

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """scale, shift: (N or 1, C)."""
        wide = x.float()
        spread, mean = torch.var_mean(wide, (1, 2, 3), correction=0, keepdim=True)
        layer = (wide - mean) * (spread + 1e-5).rsqrt()
        whole = self.rho * self._instance(wide) + (1 - self.rho) * layer
        return (whole * scale[:, :, None, None] + shift[:, :, None, None]).to(x.dtype)


class LearntNorm(LayerInstanceNorm):
    """With a scale and shift of its own."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 0.0)
        self.scale = nn.Parameter(torch.ones(1, width))
        self.shift = nn.Parameter(torch.zeros(1, width))

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, self.scale, self.shift)


class AttentionGenerator(nn.Module):
    """278.96 M parameters at 256 px and width 64, 10.59 M light.

    light: the norms' scales are told by the features' means, not by the features.
    """

    def __init__(self, side: int, width: int, blocks: int, light: bool) -> None:
        super().__init__()
        wide, self.light = width * 4, light
        places = 1 if light else (side // 4) ** 2
        self.encoder = encoder(width, blocks, 3, bias=False)
        self.attention = Attention(wide, nn.ReLU())
        self.told = nn.Sequential(
            nn.Linear(wide * places, wide, bias=False), nn.ReLU(),
            nn.Linear(wide, wide, bias=False), nn.ReLU(),
        )  # fmt: skip
        self.scale, self.shift = (nn.Linear(wide, wide, bias=False) for _ in range(2))
        self.blocks = nn.ModuleList(
            Residual(wide, lambda wide: LayerInstanceNorm(wide, 0.9), bias=False)
            for _ in range(blocks)
        )
        self.decoder = decoder(width, 3, LearntNorm, bias=False)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, 3, S, S): pictures of the other domain, (N, 2) the domain, (N, 1, S/4, S/4) heat."""
        x, told = self.attention(self.encoder(pictures))
        heat = x.sum(1, keepdim=True)
        wanted = self.told(x.mean((2, 3)) if self.light else x.flatten(1))
        scale, shift = self.scale(wanted), self.shift(wanted)
        for block in self.blocks:
            x = block(x, scale, shift)
        return self.decoder(x).float(), told.float(), heat.float()


class AttentionJudge(nn.Module):
    """A spectrally normed PatchGAN with attention: 53.13 M parameters of 7 layers, 3.29 M of 5.

    traits: that it also tells of a picture, maybe 0.
    """

    def __init__(self, width: int, depth: int, traits: int = 0) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        into = 3
        for level in range(depth - 1):
            out, step = width * 2**level, 2 if level < depth - 2 else 1
            conv = nn.Conv2d(into, out, 4, step, 1, padding_mode="reflect")
            layers += [spectral_norm(conv), nn.LeakyReLU(0.2)]
            into = out
        self.layers = nn.Sequential(*layers)
        self.attention = Attention(into, nn.LeakyReLU(0.2), spectral=True)
        self.out = spectral_norm(nn.Conv2d(into, 1, 4, 1, 1, bias=False, padding_mode="reflect"))
        self.traits = nn.Linear(into, traits) if traits else None

    def forward(self, pictures: Tensor) -> tuple[list[Tensor], Tensor | None]:
        """The patches' and the attention's answers, and (N, traits) logits."""
        features = self.layers(pictures)
        x, told = self.attention(features)
        traits = None if self.traits is None else self.traits(features.mean((2, 3))).float()
        return [self.out(x), told], traits
