"""How much a latent-skip U-Net's code must hold: one system for each size of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from pix2pix.baselines.latent_skip import NAME, LatentSkip, Settings
from pix2pix.trainer import Plan, Teaching, train
from pix2pix.unpaired import Both


def told_apart(codes: Tensor, photo: Tensor) -> float:
    """Area under the ROC curve of photos against drawings, along the line between their means.

    codes: (N, D); photo: (N,) bool. The line is of every other code, the area of the rest: 0.5
    where a code does not tell, 1 where it always does.
    """
    learnt = torch.arange(len(codes), device=codes.device) % 2 == 0
    line = codes[learnt & photo].mean(0) - codes[learnt & ~photo].mean(0)
    along = codes @ line
    ahead = along[~learnt & photo][:, None] - along[~learnt & ~photo][None]
    return float((ahead > 0).float().mean() + (ahead == 0).float().mean() / 2)


@torch.no_grad()
def scores(system: LatentSkip, both: Both) -> dict[str, float]:
    """What became of a code: `domain` and `shape` as `told_apart`, `points` off in the square."""
    net, latent = system.generator, system.settings.latent
    photos, _ = net.encode("photo", both.photos.pictures)
    drawings, _ = net.encode("drawing", both.drawings.pictures)
    codes = torch.cat([photos, drawings])
    photo = torch.arange(len(codes), device=codes.device) < len(photos)
    apart = (net.placed(photos) - both.photos.asked.points).norm(dim=2)
    return {
        "domain": told_apart(codes[:, latent:], photo),
        "shape": told_apart(codes[:, :latent], photo),
        "points": float(apart.mean()),
    }


def sweep(
    sizes: Sequence[int],
    settings: Settings,
    plan: Plan,
    teaching: Teaching,
    run: Path,
    score: Callable[[LatentSkip], dict[str, float]],
) -> dict[int, dict[str, float]]:
    """Train one system for each size of the latent code, in `run`/latentN; their scores by size.

    Stopped, it goes on when it is run again.
    """
    told = {}
    for size in sizes:
        torch.manual_seed(plan.seed)
        system = LatentSkip(replace(settings, latent=size))
        train(NAME, system, teaching, plan, run / f"latent{size}")
        told[size] = score(system)
    return told
