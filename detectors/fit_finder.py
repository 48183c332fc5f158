"""Fitting the finder: which cells a face belongs to, and the losses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detectors.boxes import LEVELS, boxes_of
from detectors.fitting import Plan, fit
from detectors.networks import FinderNet, decoded
from detectors.pages import SIDE, Pages

# Faces of so many pixels (longer side) belong to a grid; neighbours share those between.
SIZES = ((0.0, 52.0), (36.0, 120.0), (84.0, 1e4))
MIDDLE = 0.3  # share of a box about its middle whose cells are the face's
OUTSIDE = 1.6  # share of a box within which a cell not the face's is left alone

Batch = tuple[Tensor, Tensor]


def fit_finder(
    parts: list[tuple[Pages, float]], plan: Plan, run: Path, start: Path | None = None
) -> FinderNet:
    """Learn from parts, each with its share of every batch. Resumes a run that was stopped."""
    torch.manual_seed(plan.seed)
    network = FinderNet()
    if start is not None:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(start))
    fit(network, batches(parts, plan), losses, plan, run, "detector")
    return network


def batches(parts: list[tuple[Pages, float]], plan: Plan) -> Callable[[int], Batch]:
    """The batch of a step: pages by their shares, mirrored, tinted, turned grey."""
    whole = sum(share for _, share in parts)
    counts = [max(round(plan.batch * share / whole), 1) for _, share in parts]

    def batch(step: int) -> Batch:
        rng = np.random.default_rng((plan.seed, step))
        picks = [
            rng.integers(len(part), size=count)
            for (part, _), count in zip(parts, counts, strict=True)
        ]
        pixels = np.concatenate(
            [part.pixels[pick] for (part, _), pick in zip(parts, picks, strict=True)]
        )
        boxes = np.concatenate(
            [part.boxes[pick] for (part, _), pick in zip(parts, picks, strict=True)]
        )
        frames = torch.from_numpy(pixels).to(plan.device).permute(0, 3, 1, 2).float() / 255
        told = torch.from_numpy(boxes).to(plan.device)
        count = len(frames)
        flip = torch.from_numpy(rng.random(count) < 0.5).to(plan.device)
        frames = torch.where(flip[:, None, None, None], frames.flip(3), frames)
        turned = told.clone()
        turned[..., 0] = SIDE - told[..., 0] - told[..., 2]
        told = torch.where(flip[:, None, None], turned, told)
        gain = torch.from_numpy(rng.uniform(0.7, 1.3, (count, 3, 1, 1)).astype(np.float32))
        frames = (frames * gain.to(plan.device)).clamp(0, 1)
        return frames.contiguous(memory_format=torch.channels_last), told

    return batch


def losses(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Focal loss of cells (Lin et al. 2017), GIoU of boxes (Rezatofighi et al. 2019)."""
    frames, boxes = batch
    grids = network(frames)
    focal = frames.new_zeros(())
    giou = frames.new_zeros(())
    positives = 0
    for grid, level, (least, most) in zip(grids, LEVELS, SIZES, strict=True):
        rows, columns = grid.shape[2:]
        y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
        at = (torch.stack([x, y], 2).to(grid) + 0.5) * level  # (rows, columns, 2)
        corner, size, known = boxes[..., :2], boxes[..., 2:4], boxes[..., 4]
        middle = corner + size / 2
        away = (at[None, None] - middle[:, :, None, None]).abs() / size[:, :, None, None]
        reach = torch.clamp(MIDDLE / 2 + 0 * size, min=0.0)[:, :, None, None]
        near = (away <= torch.maximum(reach, 0.51 * level / size[:, :, None, None])).all(4)
        longer = size.max(2).values
        fits = (longer >= least) & (longer < most) & (known == 1)
        mine = near & fits[:, :, None, None]
        about = (away <= OUTSIDE / 2).all(4) & ~torch.isnan(known)[:, :, None, None]
        face = mine.any(1)
        alone = about.any(1) & ~face
        # A cell right outside a face's middle is no face; farther parts of the same are let be.
        alone &= (away <= 0.32).all(4).any(1) | ((known == 0)[:, :, None, None] & about).any(1)
        logits = grid[:, 0]
        likely = logits.sigmoid()
        yes = -0.4 * (1 - likely) ** 2 * nn.functional.logsigmoid(logits)
        no = -0.6 * likely**2 * nn.functional.logsigmoid(-logits)
        focal = focal + torch.where(face, yes, torch.where(alone, torch.zeros_like(no), no)).sum()
        positives += int(face.sum())
        if face.any():
            area = torch.where(mine, size.prod(2)[:, :, None, None], torch.inf)
            which = area.argmin(1)
            picture, row, column = face.nonzero(as_tuple=True)
            box = boxes[picture, which[picture, row, column]]
            giou = giou + (1 - _giou(decoded(grid, level)[picture, :, row, column], box)).sum()
    share = max(positives, 1)
    return {"cells": 2 * focal / share, "boxes": giou / share}


def _giou(found: Tensor, box: Tensor) -> Tensor:
    low, high = box[:, :2], box[:, :2] + box[:, 2:4]
    shared = (
        (torch.minimum(found[:, 2:], high) - torch.maximum(found[:, :2], low)).clamp(min=0).prod(1)
    )
    hull = (torch.maximum(found[:, 2:], high) - torch.minimum(found[:, :2], low)).prod(1)
    union = (found[:, 2:] - found[:, :2]).prod(1) + (high - low).prod(1) - shared
    return shared / union - (hull - union) / hull.clamp(min=1e-6)


def hits(network: FinderNet, held: Pages, likelihood: float = 0.4) -> dict[str, float]:
    """Recall and precision on pages nobody learnt from, boxes right from IoU 0.5."""
    network.eval()
    right = told = asked = 0
    with torch.inference_mode():
        for pixels, boxes in zip(held.pixels, held.boxes, strict=True):
            frame = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
            grids = network(frame.to(next(network.parameters()).device))
            found = boxes_of([grid.cpu().numpy() for grid in grids], likelihood)
            truth = torch.from_numpy(boxes[boxes[:, 4] == 1])
            asked += len(truth)
            told += len(found)
            left = list(truth)
            for one in torch.from_numpy(found):
                shared = [float(_giou(one[None, :4], box[None])) for box in left]
                if shared and max(shared) > 0.45:
                    left.pop(int(np.argmax(shared)))
                    right += 1
    return {"recall": right / max(asked, 1), "precision": right / max(told, 1)}
