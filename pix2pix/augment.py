"""Batches out of a bank, varied on its device: points, pictures and colours move together."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from data.condition import Asked
from data.pairs import Bank, mirrored


@dataclass(frozen=True, slots=True)
class Vary:
    """How much a square is changed before it is learnt from.

    turn: degrees; zoom: share; shift: of the side; each uniform to both sides. flip: share of
    mirrored squares. forget: share of the times a colour or trait is not told. drop: share of
    parts' points left out, beside those whose own likelihood says so.
    """

    turn: float = 8.0
    zoom: float = 0.08
    shift: float = 0.04
    flip: float = 0.5
    forget: float = 0.1
    drop: float = 0.03


STILL = Vary(0, 0, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Pictures (N, 3, S, S) -1 to 1, where they are known (N, 1, S, S), and what is asked."""

    pictures: Tensor
    known: Tensor
    asked: Asked


def batch(bank: Bank, which: Tensor, vary: Vary = STILL, generator: torch.Generator | None = None):  # type: ignore[no-untyped-def]
    """Squares `which` (N,) of a bank, on its device."""
    side, device = bank.crop.side, bank.pictures.device
    which = which.to(device)
    uniform = torch.rand(len(which), 5, generator=generator).to(device) * 2 - 1
    flipped = (uniform[:, 4] + 1) / 2 < vary.flip
    asked = mirrored(bank.asked[which], flipped)
    pictures = bank.pictures[which]
    known = bank.inside[which]
    pictures = torch.where(flipped[:, None, None, None], pictures.flip(3), pictures)
    known = torch.where(flipped[:, None, None, None], known.flip(3), known)
    matrix = _matrices(uniform, vary)
    whole = torch.cat([pictures.float() / 127.5 - 1, known.float()], 1)
    share = side / pictures.shape[3]  # of the bank's square that the crop is
    grid = functional.affine_grid(
        torch.cat([matrix[:, :, :2] * share, matrix[:, :, 2:] * share], 2),
        [len(which), 4, side, side],
        align_corners=False,
    )
    whole = functional.grid_sample(whole, grid, padding_mode="border", align_corners=False)
    asked = replace(asked, points=_moved(asked.points, matrix))
    if asked.foreground is not None:
        ground = asked.foreground[:, None]
        grid = functional.affine_grid(matrix, list(ground.shape), align_corners=False)
        ground = functional.grid_sample(ground, grid, padding_mode="border", align_corners=False)
        asked = replace(asked, foreground=ground[:, 0])
    if vary is not STILL:
        asked = _forgotten(asked, vary, generator)
    return Batch(whole[:, :3], (whole[:, 3:] > 0.99).float(), asked)


def _matrices(uniform: Tensor, vary: Vary) -> Tensor:
    """(N, 2, 3): the varied crop's coordinates, -1 to 1, to the even one's."""
    angle = uniform[:, 0] * vary.turn * torch.pi / 180
    scale = torch.exp(uniform[:, 1] * vary.zoom)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    shift = uniform[:, 2:4] * vary.shift * 2
    rows = [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)]
    return torch.stack(rows, 1)


def _moved(points: Tensor, matrix: Tensor) -> Tensor:
    """Points (N, 68, 2) in shares of the even crop to shares of the varied one."""
    centred = points * 2 - 1 - matrix[:, None, :, 2]
    return (torch.linalg.solve(matrix[:, :, :2], centred.mT).mT + 1) / 2


def _forgotten(asked: Asked, vary: Vary, generator: torch.Generator | None) -> Asked:
    count, device = len(asked), asked.points.device
    chance = torch.rand(count, 68 + 5 + 1, generator=generator).to(device)
    sure = (asked.seen * 1.6).clamp(0, 1)
    seen = (chance[:, :68] < sure.clamp_max(1 - vary.drop)).float()
    # Half of the squares keep all points: that is what a person asks with.
    seen = torch.where(chance[:, 73:] < 0.5, torch.ones_like(seen), seen)
    lost = chance[:, 68:73] < vary.forget
    nothing = torch.full((count, 3), torch.nan, device=device)
    return Asked(
        asked.points,
        seen,
        torch.where(lost[:, :1], nothing, asked.hair),
        torch.where(lost[:, 1:2], nothing, asked.eyes),
        torch.where(lost[:, 2:3], nothing, asked.skin),
        torch.where(lost[:, 3], 0.0, asked.gender),
        torch.where(lost[:, 4], 0.0, asked.glasses),
        asked.foreground,
    )


def shaken(pictures: Tensor, policy: tuple[str, ...]) -> Tensor:
    """DiffAugment (Zhao et al. 2020) before a discriminator: "translation" by up to an eighth,
    "cutout" of a square of half the side. No "colour", which here is asked for.

    pictures: (N, C, S, S), condition and picture together.
    """
    count, _, high, wide = pictures.shape
    device = pictures.device
    if "translation" in policy:
        shift = (torch.rand(count, 2, device=device) * 2 - 1) / 4
        matrix = torch.eye(2, 3, device=device).repeat(count, 1, 1)
        matrix[:, :, 2] = (shift * torch.tensor([wide, high], device=device) / 2).round() / (
            torch.tensor([wide, high], device=device) / 2
        )
        grid = functional.affine_grid(matrix, [count, 1, high, wide], align_corners=False)
        pictures = functional.grid_sample(
            pictures, grid.to(pictures.dtype), mode="nearest", align_corners=False
        )
    if "cutout" in policy:
        middle = torch.rand(count, 2, 1, 1, device=device)
        y = (torch.arange(high, device=device) + 0.5)[:, None] / high
        x = (torch.arange(wide, device=device) + 0.5)[None] / wide
        hole = ((y - middle[:, 0]).abs() < 0.25) & ((x - middle[:, 1]).abs() < 0.25)
        pictures = pictures * ~hole[:, None]
    return pictures
