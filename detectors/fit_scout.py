"""Fitting the scout: where a face lies about a find, and whether there is one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.crops import REACH, SIDE
from detectors.examples import FACE, Examples
from detectors.fit_landmarks import Batch, batches
from detectors.fitting import Plan, begun, fit
from detectors.networks import ScoutNet


def fit_scout(
    parts: list[tuple[Examples, float]], plan: Plan, run: Path, start: Path | None = None
) -> ScoutNet:
    """Learn from parts, each with its share of every batch; resumes a run that was stopped."""
    torch.manual_seed(plan.seed)
    network = begun(ScoutNet(), start)
    fit(network, batches(parts, plan), losses, plan, run, "scout")
    return network


def losses(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Distances of middle, size and lean where all points are known; cross entropy of a face."""
    pixels, points, _, traits = batch
    told, face = network(pixels), traits[:, FACE]
    known = ~points[:, :68].isnan().flatten(1).any(1)
    off = (told[known, 1:] - squared(points[known, :68])).abs().sum(0) / known.sum().clamp(min=1)
    sure = ~face.isnan()
    entropy = functional.binary_cross_entropy_with_logits(told[sure, 0], face[sure])
    return {
        "middle": 10 * off[:2].sum(),
        "size": 4 * off[2],
        "lean": 2 * off[3:].sum(),
        "face": 0.5 * entropy,
    }


def squared(points: Tensor) -> Tensor:
    """(N, 5) as ScoutNet tells them of faces by (N, 68, 2) points, crop sides; `crops.square`."""
    down = functional.normalize(points[:, 48:68].mean(1) - points[:, 36:48].mean(1), dim=1)
    sine, cosine = -down[:, 0], down[:, 1]
    turn = torch.stack([cosine, sine, -sine, cosine], 1).view(-1, 2, 2)
    upright = points @ turn.transpose(1, 2)
    low, high = upright.amin(1), upright.amax(1)
    middle = ((low + high) / 2)[:, None] @ turn
    side = (high - low).amax(1) * REACH
    return torch.cat([middle[:, 0] - 0.5, torch.stack([side.log(), sine, cosine], 1)], 1)


def errors(network: ScoutNet, held: Examples) -> dict[str, float]:
    """On examples nobody learnt from: medians of what it is off, and faces told from none."""
    network.eval()
    device = next(network.parameters()).device
    with torch.inference_mode():
        pixels = torch.from_numpy(held.pixels).permute(0, 3, 1, 2).to(device).float() / 255
        told = torch.cat([network(part) for part in pixels.split(64)]).cpu()
    known = np.isfinite(held.points[:, :68]).all((1, 2))
    truth = squared(torch.from_numpy(held.points[known, :68]) + 0.5 / SIDE)
    apart = (told[known, 1:] - truth).abs()
    turned = torch.atan2(told[known, 4], told[known, 5]) - torch.atan2(truth[:, 3], truth[:, 4])
    lean = (turned + torch.pi).remainder(2 * torch.pi) - torch.pi
    faces, none = (told[held.traits[:, FACE] == value, 0] for value in (1, 0))
    return {
        "middle, of the face's size": float((apart[:, :2].norm(dim=1) * REACH).median()),
        "size": float(apart[:, 2].median()),
        "lean, degrees": float(lean.abs().rad2deg().median()),
        "faces seen": float((faces > 0).float().mean()),
        "seen where there is none": float((none > 0).float().mean()),
    }
