"""U-GAT-IT (Kim et al. 2020): attention from class activation maps, and norms that adapt.

Departs: a step's fakes are made once, for discriminators and generators alike, where the published
order of work makes and differentiates them again; borders are reflected everywhere; by `grouped`
the discriminators also tell gender and glasses, and drawings must keep their photo's, each where
it is told (after sangyun884's WebtoonFaces; the loss is as Odena et al. 2017, eq. 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.attention import AttentionGenerator, AttentionJudge, LayerInstanceNorm
from pix2pix.augment import shaken
from pix2pix.losses import apart, fooled, judged_real
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import TRAITS, Both, Translator, traits

NAME = "ugatit"
DECAY = 1e-4


@dataclass(frozen=True, slots=True)
class Settings:
    """What a U-GAT-IT is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. blocks: residual ones, and as
    many adaptive ones. light: the norms' scales are told by the features' means, not by all of
    them. depths: layers of the two discriminators. adversarial, cycle, identity, attention:
    weights of eq. 7; grouped: of the traits' classifier. shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    blocks: int = 4
    light: bool = True
    depths: tuple[int, ...] = (6, 4)
    adversarial: float = 1.0
    cycle: float = 10.0
    identity: float = 10.0
    attention: float = 1000.0
    grouped: float = 1.0
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if min(self.depths) < 3 or self.side >> (max(self.depths) - 2) < 4:
            raise ValueError(f"depths must be from 3 up and fit {self.side} px, got {self.depths}")
        if self.side % 4:
            raise ValueError(f"side must be a multiple of 4, got {self.side}")


PAPER = Settings(
    side=256, width=64, judge_width=64, light=False, depths=(7, 5), grouped=0.0, shaken=()
)
PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=16, judge_width=16, blocks=2, depths=(5, 3)),
        Plan(steps=200, batch=2, rate=1e-3, average=0.99, looked=100, kept=20),
    ),
    "light": (Settings(), Plan(steps=40_000, batch=4)),
    "paper": (PAPER, Plan(steps=1_000_000, batch=1, rate=1e-4, looked=10_000, kept=5000)),
}


class UGATIT(Translator):
    """Kim et al. 2020, eq. 7.

    generator, judges: of drawings, global and local; back, back_judges: of photos.
    """

    averaged = ("generator",)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        of = (settings.side, settings.width, settings.blocks, settings.light)
        self.generator, self.back = (AttentionGenerator(*of) for _ in range(2))
        count = len(TRAITS) if settings.grouped else 0
        self.judges, self.back_judges = (
            nn.ModuleList(AttentionJudge(settings.judge_width, d, count) for d in settings.depths)
            for _ in range(2)
        )

    def made(self, batch: Both) -> dict[str, Tensor]:
        drawn, drawn_from, _ = self.generator(batch.photos.pictures)
        taken, taken_from, _ = self.back(batch.drawings.pictures)
        return {"drawn": drawn, "drawn from": drawn_from, "taken": taken, "taken from": taken_from}

    def parts(self) -> list[Part]:
        judges: list[nn.Module] = [*self.judges, *self.back_judges]
        return [
            Part("discriminator", judges, self._discriminators, DECAY),
            Part("generator", [self.generator, self.back], self._generators, DECAY),
        ]

    @torch.no_grad()
    def stepped(self) -> None:
        for part in self.modules():
            if isinstance(part, LayerInstanceNorm):
                part.rho.clamp_(0, 1)

    def translate(self, photos: Tensor) -> Tensor:
        return self.generator(photos)[0]

    def views(self, photos: Tensor) -> list[Tensor]:
        """Where the generator looks, bright, and the drawings."""
        drawn, _, heat = self.generator(photos)
        low, high = heat.amin((2, 3), keepdim=True), heat.amax((2, 3), keepdim=True)
        shares = (heat - low) / (high - low).clamp_min(1e-6)
        shown = functional.interpolate(shares, photos.shape[2:], mode="bilinear")
        return [(photos + 1) * (0.2 + 0.8 * shown) - 1, drawn]

    def _generators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        photos, drawings, settings = batch.photos.pictures, batch.drawings.pictures, self.settings
        same_drawing, drawing_from, _ = self.generator(drawings)
        same_photo, photo_from, _ = self.back(photos)
        drawn, drawn_traits = self._judged(self.judges, made["drawn"])
        taken, taken_traits = self._judged(self.back_judges, made["taken"])
        losses = {
            "adversarial": settings.adversarial
            * len([*drawn, *taken])
            * fooled("lsgan", [*drawn, *taken]),
            "cycle": settings.cycle
            * (apart(self.back(made["drawn"])[0], photos)
               + apart(self.generator(made["taken"])[0], drawings)),
            "identity": settings.identity
            * (apart(same_drawing, drawings) + apart(same_photo, photos)),
            "attention": settings.attention
            * (judged_real("bce", [made["drawn from"], made["taken from"]], True)
               + judged_real("bce", [drawing_from, photo_from], False)) * 2,
        }  # fmt: skip
        if settings.grouped:
            losses["traits"] = settings.grouped * (
                _mistaken(drawn_traits, traits(batch.photos.asked))
                + _mistaken(taken_traits, traits(batch.drawings.asked))
            )
        return losses

    def _discriminators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings, losses = self.settings, {}
        for name, judges, real, fake in (
            ("drawings", self.judges, batch.drawings, made["drawn"]),
            ("photos", self.back_judges, batch.photos, made["taken"]),
        ):
            answers, told = self._judged(judges, torch.cat([real.pictures, fake.detach()]))
            reals, fakes = ([answer.chunk(2)[at] for answer in answers] for at in (0, 1))
            both = judged_real("lsgan", reals, True) + judged_real("lsgan", fakes, False)
            losses[name] = settings.adversarial * len(answers) * both
            if settings.grouped:
                of_reals = [logits.chunk(2)[0] for logits in told]
                losses[f"traits of {name}"] = settings.grouped * _mistaken(
                    of_reals, traits(real.asked)
                )
        return losses

    def _judged(self, judges: nn.ModuleList, pictures: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """All answers, and all traits' logits, of one shaking of the pictures."""
        seen = shaken(pictures, self.settings.shaken)
        told = [judge(seen) for judge in judges]
        answers = [answer for both, _ in told for answer in both]
        return answers, [logits for _, logits in told if logits is not None]


def _mistaken(logits: list[Tensor], signs: Tensor) -> Tensor:
    """Cross-entropy of what the judges take (N, 2) traits for; those not told are passed over."""
    told = signs != 0
    if not told.any():
        return logits[0].sum() * 0
    wanted = (signs[told] + 1) / 2
    lost = [functional.binary_cross_entropy_with_logits(one[told], wanted) for one in logits]
    return torch.stack(lost).mean()
