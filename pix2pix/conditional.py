"""Conditional pix2pix (Isola et al. 2017): a condition to a picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.condition import PLANES, USUAL, Asked, count, render
from pix2pix.augment import Batch, shaken
from pix2pix.losses import KINDS, far_off, features_match, fooled, judged_real
from pix2pix.networks import ResizeNet, ScaledPatchNets, UNet, started
from pix2pix.system import Part, System

Reader = Callable[[Tensor], tuple[Tensor, list[Tensor]]]


@dataclass(frozen=True, slots=True)
class Settings:
    """What a pix2pix is; kept in its checkpoints.

    side: pixels. planes: of the condition. generator: "resize" or "unet". width, judge_width:
    channels of the first layers. scales: PatchGANs. adversarial: "bce", "lsgan", "hinge",
    by the weight `fooling`.
    l1: weight of L1, which counts `lines` times more where a line was asked for. matching,
    reading: weights of the discriminator's features, and of what our own
    landmark network reads in the picture, points and features. shaken: DiffAugment's policy.
    """

    side: int = 128
    planes: tuple[str, ...] = USUAL
    generator: str = "resize"
    width: int = 32
    judge_width: int = 32
    judge_norm: str = "spectral"
    scales: int = 1
    adversarial: str = "hinge"
    fooling: float = 0.3
    l1: float = 30.0
    lines: float = 6.0
    matching: float = 10.0
    reading: float = 10.0
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if self.generator not in ("resize", "unet"):
            raise ValueError(f"generator must be resize or unet, got {self.generator!r}")
        if self.adversarial not in KINDS:
            raise ValueError(f"adversarial must be one of {KINDS}, got {self.adversarial!r}")
        if self.side % 16 or self.side < 32:
            raise ValueError(f"side must be a multiple of 16 from 32 up, got {self.side}")


PAPER = Settings(
    side=256, generator="unet", width=64, judge_width=64, judge_norm="batch", adversarial="bce",
    fooling=1.0, l1=100.0, lines=0.0, matching=0.0, reading=0.0, shaken=(),
)  # fmt: skip


class Pix2Pix(System):
    """Isola et al. 2017, eq. 4; by `Settings` with pix2pixHD's feature matching and a reader.

    reader: a frozen network that tells of pictures (N, 3, S, S), -1 to 1, the 68 points in shares
    of the square and some of its features; its gradients reach the picture.
    """

    averaged = ("generator",)

    def __init__(self, settings: Settings, reader: Reader | None = None) -> None:
        super().__init__()
        self.settings = settings
        channels = count(settings.planes)
        self.generator: nn.Module = (
            UNet(channels, settings.side, settings.width)
            if settings.generator == "unet"
            else started(ResizeNet(channels, settings.width), 0.05)
        )
        width, norm = settings.judge_width, settings.judge_norm
        self.judge = ScaledPatchNets(settings.scales, channels + 3, width, 3, norm)
        self._reader = [reader]  # in a list, so that its weights are none of this system's

    def made(self, batch: Batch) -> dict[str, Tensor]:
        condition = render(batch.asked, self.settings.side, self.settings.planes)
        # Beyond the frame's edge nothing is known, so the judge is shown the same on both sides.
        fake = self.generator(condition).float()
        hidden = fake * batch.known + batch.pictures * (1 - batch.known)
        return {"condition": condition, "fake": fake, "shown": hidden}

    def parts(self) -> list[Part]:
        return [
            Part("discriminator", [self.judge], self._discriminator),
            Part("generator", [self.generator], self._generator),
        ]

    def translate(self, asked: Asked) -> Tensor:
        """(N, 3, side, side), -1 to 1."""
        return self.generator(render(asked, self.settings.side, self.settings.planes)).float()

    def _weight(self, condition: Tensor) -> Tensor:
        """(N, 1, S, S): how much a pixel counts, more about the lines that were asked for."""
        if not self.settings.lines or "points" not in self.settings.planes:
            return torch.ones_like(condition[:, :1])
        asked = condition[:, : PLANES["points"]].amax(1, keepdim=True) / 2 + 0.5
        return 1 + self.settings.lines * functional.avg_pool2d(asked, 5, 1, 2)

    def _discriminator(self, batch: Batch, made: dict[str, Tensor]) -> dict[str, Tensor]:
        kind = self.settings.adversarial
        pair = torch.cat([
            torch.cat([made["condition"], made["shown"].detach()], 1),
            torch.cat([made["condition"], batch.pictures], 1),
        ])  # fmt: skip
        if self.settings.judge_norm == "batch":  # as the paper: statistics of each side alone
            answers = [self.judge(side) for side in pair.chunk(2)]
            fake, real = ([layers[-1] for layers in scale] for scale in answers)
        else:
            whole = [layers[-1] for layers in self.judge(shaken(pair, self.settings.shaken))]
            fake, real = ([one.chunk(2)[at] for one in whole] for at in (0, 1))
        return {
            "fake": judged_real(kind, fake, False) / 2,
            "real": judged_real(kind, real, True) / 2,
        }

    def _generator(self, batch: Batch, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        fake = torch.cat([made["condition"], made["shown"]], 1)
        losses: dict[str, Tensor] = {}
        if settings.matching:
            real = torch.cat([made["condition"], batch.pictures], 1)
            fake, real = shaken(torch.cat([fake, real]), settings.shaken).chunk(2)
            judged = self.judge(fake)
            with torch.no_grad():
                wanted = self.judge(real)
            answers = [layers[-1] for layers in judged]
            losses["matching"] = settings.matching * features_match(
                [layer for layers in judged for layer in layers[:-1]],
                [layer for layers in wanted for layer in layers[:-1]],
            )
        else:
            answers = [layers[-1] for layers in self.judge(shaken(fake, settings.shaken))]
        losses["adversarial"] = settings.fooling * fooled(settings.adversarial, answers)
        where = batch.known * self._weight(made["condition"])
        losses["l1"] = settings.l1 * far_off(made["fake"], batch.pictures, where)
        [reader] = self._reader
        if reader is not None and settings.reading:
            points, features = reader(made["shown"])
            with torch.no_grad():
                _, theirs = reader(batch.pictures)
            apart = (points - batch.asked.points).abs() * batch.asked.seen[..., None]
            losses["points"] = settings.reading * 2 * apart.mean()
            losses["reading"] = settings.reading * features_match(features, theirs)
        return losses
