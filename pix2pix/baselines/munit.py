"""MUNIT (Huang et al. 2018): a picture is a content and a style. Written from the paper.

Departs: the style MLP's last layer is one linear layer a norm, which has as many parameters; its
scales begin at 1. The rate falls as the trainer's does, not by halves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pix2pix.baselines.unit import DECAY, ScaledJudge, taken_for_real, told_apart
from pix2pix.losses import apart
from pix2pix.networks import ToldNorm
from pix2pix.residual import LayerNorm, Residual, convolved, decoder, encoder, kaiming
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "munit"
STYLES = 4  # shown on sample sheets


@dataclass(frozen=True, slots=True)
class Settings:
    """What a MUNIT is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. blocks: residual ones of an
    encoder and of a decoder. style: numbers of a style. adversarial, recon, style_recon,
    content_recon, cycle: weights of eq. 5 and of style-augmented cycle consistency (5.1).
    shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    blocks: int = 4
    style: int = 8
    adversarial: float = 1.0
    recon: float = 10.0
    style_recon: float = 1.0
    content_recon: float = 1.0
    cycle: float = 10.0
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if self.side % 16 or self.side < 64:
            raise ValueError(f"side must be a multiple of 16 from 64 up, got {self.side}")


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=16, judge_width=16, blocks=2),
        Plan(steps=200, batch=2, rate=1e-3, average=0.99, looked=100, kept=20),
    ),
    "light": (Settings(), Plan(steps=40_000, batch=4)),
    "paper": (
        Settings(side=256, width=64, judge_width=64, shaken=()),
        Plan(steps=1_000_000, batch=1, rate=1e-4, looked=10_000, kept=5000),
    ),
}


class StyleEncoder(nn.Module):
    """Pictures (N, 3, S, S) to styles (N, `style`); no norm, which would take the style out."""

    def __init__(self, width: int, style: int) -> None:
        super().__init__()
        widths = [width, width * 2, width * 4, width * 4, width * 4]
        layers = [convolved(3, width, 7, norm=_none)]
        for into, out in pairwise(widths):
            layers.append(convolved(into, out, 4, 2, norm=_none))
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(widths[-1], style)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.out(self.layers(pictures).mean((2, 3))).float()


class StyledDecoder(nn.Module):
    """A content (N, 4 * width, S / 4, S / 4) and a style to a picture, by AdaIN (5.1, eq. 7)."""

    def __init__(self, width: int, blocks: int, style: int) -> None:
        super().__init__()
        inner = width * 4
        self.told = nn.Sequential(
            nn.Linear(style, inner), nn.ReLU(), nn.Linear(inner, inner), nn.ReLU()
        )
        norm: Callable[[int], nn.Module] = lambda wide: ToldNorm(wide, inner)  # noqa: E731
        self.blocks = nn.ModuleList(Residual(inner, norm) for _ in range(blocks))
        self.out = decoder(width, 5, LayerNorm)

    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        told = self.told(style)
        for block in self.blocks:
            content = block(content, told)
        return self.out(content).float()


class MUNIT(Translator):
    """Huang et al. 2018, eq. 5. A domain's three networks have 15.0 M parameters at width 64."""

    averaged = ("photo_content", "drawing_style", "drawing_decoder")

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width, blocks, style = settings.width, settings.blocks, settings.style
        self.photo_content, self.drawing_content = (
            kaiming(encoder(width, blocks, 4)) for _ in range(2)
        )
        self.photo_style, self.drawing_style = (
            kaiming(StyleEncoder(width, style)) for _ in range(2)
        )
        self.photo_decoder, self.drawing_decoder = (
            kaiming(StyledDecoder(width, blocks, style)) for _ in range(2)
        )
        self.photo_judge, self.drawing_judge = (ScaledJudge(settings.judge_width) for _ in range(2))

    def made(self, batch: Both) -> dict[str, Tensor]:
        photos, drawings = batch.photos.pictures, batch.drawings.pictures
        made = {
            "photo content": self.photo_content(photos).float(),
            "photo style": self.photo_style(photos),
            "drawing content": self.drawing_content(drawings).float(),
            "drawing style": self.drawing_style(drawings),
        }
        made["photo random"] = torch.randn_like(made["photo style"])
        made["drawing random"] = torch.randn_like(made["drawing style"])
        made["drawn"] = self.drawing_decoder(made["photo content"], made["drawing random"])
        made["taken"] = self.photo_decoder(made["drawing content"], made["photo random"])
        return made

    def parts(self) -> list[Part]:
        networks = [
            self.photo_content, self.photo_style, self.photo_decoder,
            self.drawing_content, self.drawing_style, self.drawing_decoder,
        ]  # fmt: skip
        judges: list[nn.Module] = [self.photo_judge, self.drawing_judge]
        return [
            Part("discriminator", judges, self._discriminators, DECAY),
            Part("generator", networks, self._generators, DECAY),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        """In the first of the styles that `styles` tells."""
        return self.styled(photos, self.styles(1).to(photos.device))

    def views(self, photos: Tensor) -> list[Tensor]:
        return [self.styled(photos, one[None].to(photos.device)) for one in self.styles(STYLES)]

    def styled(self, photos: Tensor, style: Tensor) -> Tensor:
        """Drawings of photos (N, 3, S, S), -1 to 1, in a style each, or (1, `style`) in one."""
        content = self.photo_content(photos).float()
        return self.drawing_decoder(content, style.expand(len(photos), -1))

    def styles(self, count: int, seed: int = 0) -> Tensor:
        """(count, `style`) random styles, for a seed the same first ones however many."""
        random = torch.Generator().manual_seed(seed)
        return torch.stack([
            torch.randn(self.settings.style, generator=random) for _ in range(count)
        ])  # fmt: skip

    def _generators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        photos, drawings, settings = batch.photos.pictures, batch.drawings.pictures, self.settings
        photo = self.drawing_content(made["drawn"]).float()
        drawing = self.photo_content(made["taken"]).float()
        photo_again = self.photo_decoder(made["photo content"], made["photo style"])
        drawing_again = self.drawing_decoder(made["drawing content"], made["drawing style"])
        losses = {
            "adversarial": settings.adversarial
            * (taken_for_real(self.drawing_judge, made["drawn"], settings.shaken)
               + taken_for_real(self.photo_judge, made["taken"], settings.shaken)),
            "recon": settings.recon
            * (apart(photo_again, photos) + apart(drawing_again, drawings)),
            "style": settings.style_recon
            * (apart(self.drawing_style(made["drawn"]), made["drawing random"])
               + apart(self.photo_style(made["taken"]), made["photo random"])),
            "content": settings.content_recon
            * (apart(photo, made["photo content"]) + apart(drawing, made["drawing content"])),
        }  # fmt: skip
        if settings.cycle:
            losses["cycle"] = settings.cycle * (
                apart(self.photo_decoder(photo, made["photo style"]), photos)
                + apart(self.drawing_decoder(drawing, made["drawing style"]), drawings)
            )
        return losses

    def _discriminators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        policy = self.settings.shaken
        drawings, photos = batch.drawings.pictures, batch.photos.pictures
        return {
            "drawings": told_apart(self.drawing_judge, drawings, made["drawn"], policy),
            "photos": told_apart(self.photo_judge, photos, made["taken"], policy),
        }


def _none(width: int) -> nn.Module:
    return nn.Identity()
