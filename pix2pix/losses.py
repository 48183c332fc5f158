"""Losses of the systems, one function an equation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

KINDS = ("bce", "lsgan", "hinge")


def judged_real(kind: str, answers: Sequence[Tensor], real: bool) -> Tensor:
    """The discriminator's loss on one side, mean over its scales.

    bce: Goodfellow et al. 2014, eq. 1. lsgan: Mao et al. 2017, eq. 2 (a=0, b=1). hinge: Lim & Ye
    2017, eq. 8.
    """
    made = []
    for answer in answers:
        answer = answer.float()
        if kind == "bce":
            target = torch.full_like(answer, float(real))
            made.append(functional.binary_cross_entropy_with_logits(answer, target))
        elif kind == "lsgan":
            made.append((answer - float(real)).square().mean())
        else:
            made.append(functional.relu(1 - answer if real else 1 + answer).mean())
    return torch.stack(made).mean()


def fooled(kind: str, answers: Sequence[Tensor]) -> Tensor:
    """The generator's adversarial loss: that its pictures pass for real ones."""
    if kind == "hinge":
        return torch.stack([-answer.float().mean() for answer in answers]).mean()
    return judged_real(kind, answers, True)


def features_match(fake: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """L1 between a network's layers on both pictures (Wang et al. 2018, pix2pixHD, eq. 4)."""
    apart = [functional.l1_loss(a.float(), b.float()) for a, b in zip(fake, real, strict=True)]
    return torch.stack(apart).mean()


def apart(one: Tensor, other: Tensor) -> Tensor:
    """L1, in float32."""
    return functional.l1_loss(one.float(), other.float())


def far_off(fake: Tensor, real: Tensor, where: Tensor) -> Tensor:
    """L1 (Isola et al. 2017, eq. 3) over the pixels that count; where: (N, 1, S, S), 0 to 1."""
    apart = (fake.float() - real).abs() * where
    return apart.sum() / (where.sum() * fake.shape[1]).clamp_min(1)
