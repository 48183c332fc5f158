"""Scores of sets of pictures that need nothing but the pictures."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

PATCH = 7  # pixels
PATCHES = 64  # of a picture and level
DIRECTIONS = 256
SMALLEST = 16  # pixels of the last level of the pyramid


def sliced_wasserstein(pictures: Tensor, others: Tensor, seed: int = 0) -> float:
    """Distance of two sets' patches, mean over a Laplacian pyramid's levels, times 1000.

    pictures, others: (N, 3, S, S), 0 to 1, the same N. Karras et al. 2018, section 5: patches of 7
    pixels, normalised by channel, their sliced Wasserstein distance (Rabin et al. 2011). Sets that
    are alike are near 0.
    """
    random = torch.Generator().manual_seed(seed)
    told = []
    for one, other in zip(_pyramid(pictures), _pyramid(others), strict=True):
        size = one.shape[2] - PATCH + 1
        places = torch.randint(size, (len(one), PATCHES, 2), generator=random)
        first, second = _patches(one, places), _patches(other, places)
        directions = functional.normalize(
            torch.randn(first.shape[1], DIRECTIONS, generator=random), dim=0
        )
        a, b = (first @ directions).sort(0).values, (second @ directions).sort(0).values
        told.append((a - b).abs().mean())
    return float(torch.stack(told).mean()) * 1000


def _pyramid(pictures: Tensor) -> list[Tensor]:
    levels = []
    while pictures.shape[2] > SMALLEST:
        size = (pictures.shape[2] // 2, pictures.shape[3] // 2)
        small = functional.interpolate(pictures, size, mode="bilinear", antialias=True)
        levels.append(pictures - functional.interpolate(small, pictures.shape[2:], mode="bilinear"))
        pictures = small
    return [*levels, pictures]


def _patches(pictures: Tensor, places: Tensor) -> Tensor:
    """(N * PATCHES, 3 * 49), each channel with mean 0 and spread 1 over all."""
    unfolded = pictures.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # N, 3, y, x, 7, 7
    rows = torch.arange(len(pictures))[:, None]
    taken = unfolded[rows, :, places[..., 0], places[..., 1]].flatten(0, 1)
    spread, mean = torch.var_mean(taken, (0, 2, 3), keepdim=True)
    return ((taken - mean) / spread.sqrt().clamp_min(1e-6)).flatten(1)


def kernel_distance(
    features: Tensor, others: Tensor, subsets: int = 50, size: int = 100, seed: int = 0
) -> tuple[float, float]:
    """KID times 1000, and its standard error: unbiased MMD² with (x·y/d + 1)³ over subsets.

    features, others: (N, D). Binkowski et al. 2018, section 4. Numbers of different features are
    never to be compared.
    """
    random = torch.Generator().manual_seed(seed)
    size = min(size, len(features), len(others))
    told = []
    for _ in range(subsets):
        x = features[torch.randperm(len(features), generator=random)[:size]].double()
        y = others[torch.randperm(len(others), generator=random)[:size]].double()
        xx, yy, xy = (_kernel(*pair) for pair in ((x, x), (y, y), (x, y)))
        within = (xx.sum() - xx.trace() + yy.sum() - yy.trace()) / (size * (size - 1))
        told.append(within - 2 * xy.mean())
    values = torch.stack(told) * 1000
    return float(values.mean()), float(values.std() / subsets**0.5)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return (x @ y.T / x.shape[1] + 1) ** 3


def nearest(features: Tensor, learnt: Tensor) -> Tensor:
    """(N,) distance of each row of features (N, D) to the nearest of learnt (M, D), cosine."""
    one, other = functional.normalize(features, dim=1), functional.normalize(learnt, dim=1)
    return 1 - (one @ other.T).max(1).values


def interval(
    values: Tensor, of: Callable[[Tensor], Tensor] = torch.mean, draws: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """A statistic of (N,) values and its 95 % bootstrap interval (Efron 1979)."""
    random = torch.Generator().manual_seed(seed)
    chosen = torch.randint(len(values), (draws, len(values)), generator=random)
    drawn = torch.stack([of(values[row]) for row in chosen])
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=drawn.dtype))
    return float(of(values)), float(low), float(high)
