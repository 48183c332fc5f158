"""Fitting how photographed faces are read, by their crops and by their gradients."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.crops import REACH, sharp_cut, square, turning
from detectors.examples import FACE, MALE, Examples
from detectors.fit_landmarks import Batch, batches
from detectors.fitting import Plan, begun, fit
from detectors.gender import SURE, measured
from detectors.networks import GenderNet

VIEWS = 10  # of each face; the first as the detector takes it
MIXED = 0.3  # Beta of mixing two faces (Zhang et al. 2018)

Seen = tuple[Examples, np.ndarray, np.ndarray]


def views(faces: Iterable[tuple[np.ndarray, np.ndarray, bool]], seed: int) -> Seen:
    """Crops, VIEWS of each face one after the other; (N, 2, F) gradients; (N,) whether a man.

    faces: pixels, landmarks as `gender.male_likelihood` takes them, and whether it is a man's.
    """
    rng = np.random.default_rng(seed)
    parts, rows, male = [], [], []
    for pixels, landmarks, man in faces:
        part = Examples.empty(VIEWS)
        part.traits[:, FACE], part.traits[:, MALE] = 1, man
        x, y, side, lean = square(landmarks)
        for number in range(VIEWS):
            off = rng.normal(0, (0.04, 0.04, 0.08, 8)) * (number > 0)
            turned = turning(
                x + off[0] * side, y + off[1] * side, side * REACH * np.exp(off[2]), lean + off[3]
            )
            part.pixels[number] = sharp_cut(pixels, turned)
        parts.append(part)
        rows.append(measured(pixels, landmarks))
        male.append(man)
    return Examples.joined(parts), np.array(rows), np.array(male)


def fit_gender(seen: Seen, plan: Plan, run: Path, start: Path | None) -> GenderNet:
    """Learn from views; resumes a run that was stopped. start: weights the trunk begins with."""
    from sklearn.linear_model import LogisticRegression

    torch.manual_seed(plan.seed)
    examples, rows, male = seen
    network = begun(GenderNet(), start)
    fit(network, batches([(examples, 1.0)], plan), loss, plan, run, "gender")
    mean, scale = rows.mean((0, 1)), rows.std((0, 1)) + 1e-3
    x = ((rows - mean) / scale).reshape(-1, rows.shape[2])
    linear = LogisticRegression(C=2e-3, max_iter=400).fit(x, np.repeat(male, 2))
    for kept, value in (
        (network.mean, mean),
        (network.scale, scale),
        (network.weight, linear.coef_[0]),
        (network.bias, linear.intercept_[0]),
    ):
        kept.copy_(torch.as_tensor(value))
    return network


def loss(network: nn.Module, batch: Batch) -> dict[str, Tensor]:
    """Cross entropy of faces mixed in pairs."""
    assert isinstance(network, GenderNet)
    pixels, _, _, traits = batch
    male = traits[:, MALE]
    share = torch.distributions.Beta(MIXED, MIXED).sample().to(pixels.device)
    other = torch.randperm(len(pixels), device=pixels.device)
    logits = network.seen(pixels * share + pixels[other] * (1 - share))
    entropy = functional.binary_cross_entropy_with_logits
    return {"male": share * entropy(logits, male) + (1 - share) * entropy(logits, male[other])}


def scores(network: GenderNet, held: Seen) -> dict[str, float]:
    """On faces nobody learnt from; the network's steepness is set by them (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    examples, rows, male = held
    pixels = torch.from_numpy(examples.pixels[::VIEWS]).permute(0, 3, 1, 2).float() / 255
    logits = []
    with torch.inference_mode():
        for number, crop in enumerate(pixels):
            both = torch.stack([crop, crop.flip(2)])
            logits.append(float(network(both, torch.from_numpy(rows[number])).mean()))
    told = np.array(logits)
    steep = LogisticRegression(fit_intercept=False).fit(told[:, None], male).coef_[0, 0]
    network.steep.mul_(float(steep))
    likely = 1 / (1 + np.exp(-told * steep))
    sure = np.maximum(likely, 1 - likely) >= SURE
    answer = {"faces": float(len(male))}
    for name, here in (("of all", np.ones(len(male), bool)), ("of those told", sure)):
        right = [((likely > 0.5) == male)[here & (male == man)].mean() for man in (False, True)]
        answer[f"balanced accuracy {name}"] = float(np.mean(right))
    answer["share told"] = float(sure.mean())
    return answer
