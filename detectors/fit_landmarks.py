"""Fitting the landmark network: batches of examples and the likelihood they are learnt by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from data.landmarks import MIRRORED
from detectors.crops import SIDE
from detectors.examples import MALE, MIDDLES, Examples
from detectors.fitting import Plan, begun, fit, in_bfloat16
from detectors.networks import LandmarkNet

JUDGED = 6000  # faces of a part that a gender is set by
# Inverse strength of that model's regularisation: the strongest that told the faces held out as
# well as the best did, but for a standard error (Breiman et al. 1984).
STRICT = 1e-3
RANGED = 8  # batches that ranges are told by

Batch = tuple[Tensor, Tensor, Tensor, Tensor]
# A mirrored face's labelled middles: those of the other eye.
_MIRRORED = torch.from_numpy(np.concatenate([MIRRORED, [70, 71, 68, 69]]).copy())


def fit_landmarks(
    parts: list[tuple[Examples, float]],
    plan: Plan,
    run: Path,
    start: Path | None = None,
    keep: float = 0.0,
) -> LandmarkNet:
    """Learn from parts, each with its share of every batch.

    start: weights to begin with, as far as they fit. keep: their share, 0 to 1, in the weights
    that come out, which are a mean of both (Wortsman et al. 2022, Robust fine-tuning). Resumes a
    run that was stopped.
    """
    torch.manual_seed(plan.seed)
    network = begun(LandmarkNet(), start)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    fit(network, batches(parts, plan), losses, plan, run, "landmarks")
    settle(network, parts, plan.seed)
    for key, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            value.lerp_(before[key].to(value.device), keep)
    return ranged(network, batches(parts, plan))


def ranged(network: LandmarkNet, batches: Callable[[int], Batch]) -> LandmarkNet:
    """Set what enters and leaves the convolutions quantised, but for one in 10 000 on each side.

    What leaves one and enters the next is the same, and gets the same range.
    """
    told: dict[tuple[nn.Conv2d, int], list[Tensor]] = defaultdict(list)

    def see(conv: nn.Conv2d, end: int, values: Tensor) -> None:
        # A quantile of more than 16 million values torch does not take.
        some = values.flatten()[:: max(values.numel() // 1_000_000, 1)].float()
        told[conv, end].append(some.quantile(torch.tensor([1e-4, 1 - 1e-4], device=some.device)))

    last: dict[nn.Module, nn.Module] = {}  # of what is folded into a convolution
    for whole in network.modules():
        if isinstance(whole, nn.Sequential):
            rest = list(whole)[1:3]
            last[whole[0]] = rest[-1] if isinstance(rest[-1], nn.ReLU) else rest[0]
    hooks = []
    for conv in network.eval().quantised():
        hooks += [
            conv.register_forward_pre_hook(lambda conv, given: see(conv, 0, given[0])),
            last.get(conv, conv).register_forward_hook(
                lambda _, __, made, conv=conv: see(conv, 1, made)
            ),
        ]
    with torch.inference_mode():
        for step in range(RANGED):
            network(batches(step)[0])
    for hook in hooks:
        hook.remove()
    for (conv, end), ranges in told.items():
        conv.get_buffer("range")[end] = torch.stack(ranges).mean(0)
    return network


def settle(network: LandmarkNet, parts: list[tuple[Examples, float]], seed: int) -> None:
    """Set the linear model that tells a gender: a logistic regression, parts by their shares.

    It is drawn towards what it was, nothing at first, so that a few corrections do not undo what
    many faces told. Nothing is set where the parts do not tell of both.
    """
    rng = np.random.default_rng(seed)
    device = next(network.parameters()).device
    rows, male, weights = [], [], []
    for part, share in parts:
        known = rng.permutation(np.flatnonzero(np.isfinite(part.traits[:, MALE])))[:JUDGED]
        for start in range(0, len(known), 128):
            chosen = known[start : start + 128]
            pixels = torch.from_numpy(part.pixels[chosen]).to(device).permute(0, 3, 1, 2)
            with torch.inference_mode():
                rows.append(network.eval().gist(pixels.float() / 255).cpu().numpy())
            male.append(part.traits[chosen, MALE])
            weights.append(np.full(len(chosen), share / len(known)))
    if not rows or len(set(np.concatenate(male))) < 2:
        return
    x, y, weight = np.concatenate(rows).astype(float), np.concatenate(male), np.concatenate(weights)
    weight *= np.where(y > 0.5, 1 / weight[y > 0.5].sum(), 1 / weight[y < 0.5].sum())
    weight *= STRICT * len(y) / weight.sum()
    mean, scale = x.mean(0), x.std(0) + 1e-3
    x = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    before = np.append(network.male.weight[0].detach().cpu().numpy() * scale, 0)
    pull = np.append(np.ones(len(mean)), 1e-9)  # the constant is free
    model = before.copy()
    for _ in range(20):  # Newton's steps (Hastie, Tibshirani & Friedman 2009, 4.4.1)
        told = 1 / (1 + np.exp(-(x @ model)))
        slope = x.T @ (weight * (told - y)) + pull * (model - before)
        bend = (x * (weight * told * (1 - told))[:, None]).T @ x + np.diag(pull)
        model -= np.linalg.solve(bend, slope)
    slope = model[:-1] / scale
    with torch.no_grad():
        network.male.weight.copy_(torch.as_tensor(slope)[None])
        network.male.bias.fill_(model[-1] - slope @ mean)


def batches(parts: list[tuple[Examples, float]], plan: Plan) -> Callable[[int], Batch]:
    """The batch of a step: drawn from the parts by their shares, mirrored, tinted, covered.

    Parts without examples have none.
    """
    parts = [(part, share) for part, share in parts if len(part)]
    whole = sum(share for _, share in parts)
    counts = [max(round(plan.batch * share / whole), 1) for _, share in parts]

    def batch(step: int) -> Batch:
        rng = np.random.default_rng((plan.seed, step))
        picks = [
            rng.integers(len(part), size=count)
            for (part, _), count in zip(parts, counts, strict=True)
        ]
        chosen = [
            np.concatenate(
                [getattr(part, name)[pick] for (part, _), pick in zip(parts, picks, strict=True)]
            )
            for name in Examples.__slots__
        ]
        pixels = torch.from_numpy(chosen[0]).to(plan.device).permute(0, 3, 1, 2).float() / 255
        points, hidden, traits = (torch.from_numpy(part).to(plan.device) for part in chosen[1:])
        return _varied(pixels, points, hidden, traits, rng)

    return batch


def _varied(
    pixels: Tensor, points: Tensor, hidden: Tensor, traits: Tensor, rng: np.random.Generator
) -> Batch:
    count = len(pixels)
    flip = torch.from_numpy(rng.random(count) < 0.5).to(pixels.device)
    pixels = torch.where(flip[:, None, None, None], pixels.flip(3), pixels)
    turned = points[:, _MIRRORED] * torch.tensor([-1.0, 1.0]) + torch.tensor([1.0, 0.0])
    # Pixel centres are at (i + 0.5) / SIDE after this, as the network's grid has them.
    points = (
        torch.where(flip[:, None, None], turned - torch.tensor([1 / SIDE, 0.0]), points)
        + 0.5 / SIDE
    )
    hidden = torch.where(flip[:, None], hidden[:, _MIRRORED[:68]], hidden)
    gain = torch.from_numpy(rng.uniform(0.75, 1.25, (count, 3, 1, 1)).astype(np.float32))
    lift = torch.from_numpy(rng.uniform(-0.12, 0.12, (count, 1, 1, 1)).astype(np.float32))
    pixels = (pixels * gain + lift).clamp(0, 1)
    grey = torch.from_numpy(rng.random(count) < 0.12)
    pixels = torch.where(grey[:, None, None, None], pixels.mean(1, keepdim=True), pixels)
    for number in np.flatnonzero(rng.random(count) < 0.15):  # something before it
        x, y = rng.integers(0, 80, 2)
        a, b = rng.integers(8, 34, 2)
        pixels[number, :, y : y + b, x : x + a] = torch.from_numpy(
            rng.random((3, 1, 1)).astype(np.float32)
        )
    return pixels.contiguous(memory_format=torch.channels_last), points, hidden, traits


def losses(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Laplace's negative log likelihood of points; cross entropies of the rest; NaN says nothing.

    A point hidden counts half: nobody sees where it is.
    """
    pixels, points, hidden, traits = batch
    with in_bfloat16(pixels.device):
        found, spread, covered, told = network(pixels)
    middles = torch.stack([found[:, [a, b]].mean(1) for _, a, b in MIDDLES.values()], 1)
    broad = torch.stack([spread[:, [a, b]].mean(1) for _, a, b in MIDDLES.values()], 1)
    found, spread = torch.cat([found, middles], 1), torch.cat([spread, broad], 1)
    spread = spread.clamp(-6.5, 1.0)
    known = ~points.isnan().any(2)
    apart = (found - torch.nan_to_num(points)).abs().sum(2)
    # The spread is honest, and the points are learnt by distance whatever the spread says.
    likelihood = apart.detach() / spread.exp() + 2 * spread
    weight = known.float()
    weight[:, :68] *= 1 - 0.5 * torch.nan_to_num(hidden)
    total = weight.sum().clamp(min=1)
    return {
        "points": 30 * (apart * weight).sum() / total,
        "spread": 0.1 * (likelihood * weight).sum() / total,
        "hidden": 0.3 * _entropy(covered, hidden),
        "traits": 0.5
        * torch.stack(
            [_entropy(told[:, i], traits[:, i], even=i == MALE) for i in range(told.shape[1])]
        ).sum(),
    }


def _entropy(logits: Tensor, truth: Tensor, even: bool = False) -> Tensor:
    """even: both answers weigh alike, however often each is right."""
    known = ~truth.isnan()
    if not known.any():
        return logits.sum() * 0
    truth = truth[known]
    share = truth.mean().clamp(0.05, 0.95)
    weight = torch.where(truth > 0.5, 0.5 / share, 0.5 / (1 - share)) if even else None
    return functional.binary_cross_entropy_with_logits(logits[known], truth, weight)


def errors(network: LandmarkNet, held: Examples) -> dict[str, float]:
    """On examples nobody learnt from: point errors of the face's size, traits' balanced accuracy.

    A face's size is the root of the area its known points span.
    """
    network.eval()
    device = next(network.parameters()).device
    found, traits = [], []
    with torch.inference_mode():
        for start in range(0, len(held), 64):
            pixels = torch.from_numpy(held.pixels[start : start + 64]).permute(0, 3, 1, 2)
            answer = network(pixels.to(device).float() / 255)
            middles = [answer[0][:, [a, b]].mean(1, keepdim=True) for _, a, b in MIDDLES.values()]
            found.append(torch.cat([answer[0], *middles], 1).cpu().numpy())
            traits.append(answer[3].cpu().numpy())
    points, told = np.concatenate(found), np.concatenate(traits) > 0
    known = np.isfinite(held.points).all(2).any(1)
    truth = held.points[known] + 0.5 / SIDE
    size = np.sqrt((np.nanmax(truth, 1) - np.nanmin(truth, 1)).prod(1))
    apart = np.linalg.norm(points[known] - truth, axis=2) / size[:, None]
    answer = {"mean error": float(np.nanmean(apart)), "median error": float(np.nanmedian(apart))}
    for number, name in enumerate(LandmarkNet.TRAITS):
        shares = [
            float((told[held.traits[:, number] == value, number] == bool(value)).mean())
            for value in (0, 1)
            if (held.traits[:, number] == value).any()
        ]
        if len(shares) == 2:
            answer[f"{name} balanced accuracy"] = float(np.mean(shares))
    return answer
