"""UNIT (Liu et al. 2017): photos and drawings share one latent space. Written from the paper.

Departs: least squares instead of the paper's log loss, decoders with layer norm that resize and
convolve, and weights a tenth of the paper's, as the authors' later settings; with Adam only their
ratios count. The rate falls as the trainer's does, not by halves.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.augment import shaken
from pix2pix.losses import apart, fooled, judged_real
from pix2pix.networks import started
from pix2pix.residual import LayerNorm, Residual, decoder, encoder, kaiming
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "unit"
DECAY = 1e-4


@dataclass(frozen=True, slots=True)
class Settings:
    """What a UNIT is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. blocks: residual ones of an
    encoder and of a decoder, of which the `shared` innermost are both domains'. adversarial,
    recon, spread, cycle, cycle_spread: weights of eq. 8's terms. shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    blocks: int = 4
    shared: int = 1
    adversarial: float = 1.0
    recon: float = 10.0
    spread: float = 0.01
    cycle: float = 10.0
    cycle_spread: float = 0.01
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if not 0 <= self.shared <= self.blocks:
            raise ValueError(f"shared must be 0 to blocks ({self.blocks}), got {self.shared}")
        if self.side % 4 or self.side < 64:
            raise ValueError(f"side must be a multiple of 4 from 64 up, got {self.side}")


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


class ScaledJudge(nn.Module):
    """Discriminators at the picture's size, a half and a quarter, each of four halvings.

    8.27 M parameters at width 64. Used by UNIT and MUNIT (Huang et al. 2018, B.2).
    """

    def __init__(self, width: int, scales: int = 3) -> None:
        super().__init__()
        self.scales = nn.ModuleList(_judge(width) for _ in range(scales))
        started(self)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures: (N, 3, S, S). A map of answers of each scale, the largest first."""
        answers = []
        for number, judge in enumerate(self.scales):
            if number:
                pictures = functional.avg_pool2d(pictures, 3, 2, 1, count_include_pad=False)
            answers.append(judge(pictures))
        return answers


def _judge(width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    into = 3
    for out in (width, width * 2, width * 4, width * 8):
        layers += [nn.Conv2d(into, out, 4, 2, 1, padding_mode="reflect"), nn.LeakyReLU(0.2)]
        into = out
    return nn.Sequential(*layers, nn.Conv2d(into, 1, 1))


def taken_for_real(judge: ScaledJudge, fake: Tensor, policy: tuple[str, ...]) -> Tensor:
    """The generator's least squares, summed over scales."""
    answers = judge(shaken(fake, policy))
    return len(answers) * fooled("lsgan", answers)


def told_apart(judge: ScaledJudge, real: Tensor, fake: Tensor, policy: tuple[str, ...]) -> Tensor:
    """The discriminator's least squares, summed over scales."""
    answers = judge(shaken(torch.cat([real, fake.detach()]), policy))
    reals, fakes = ([answer.chunk(2)[at] for answer in answers] for at in (0, 1))
    return len(answers) * (judged_real("lsgan", reals, True) + judged_real("lsgan", fakes, False))


class UNIT(Translator):
    """Liu et al. 2017, eq. 8. A code is the encoder's mean; learning adds noise of spread 1.

    An encoder and decoder of a domain, shared blocks included, have 11.1 M parameters at width 64.
    """

    averaged = ("photo_encoder", "shared_encoder", "shared_decoder", "drawing_decoder")

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width, own = settings.width, settings.blocks - settings.shared
        self.photo_encoder, self.drawing_encoder = (
            kaiming(encoder(width, own, 4)) for _ in range(2)
        )
        self.shared_encoder, self.shared_decoder = (
            kaiming(_residuals(width, settings.shared)) for _ in range(2)
        )
        self.photo_decoder, self.drawing_decoder = (
            kaiming(nn.Sequential(_residuals(width, own), decoder(width, 5, LayerNorm)))
            for _ in range(2)
        )
        self.photo_judge, self.drawing_judge = (ScaledJudge(settings.judge_width) for _ in range(2))

    def made(self, batch: Both) -> dict[str, Tensor]:
        photo = self._code(self.photo_encoder, batch.photos.pictures)
        drawing = self._code(self.drawing_encoder, batch.drawings.pictures)
        noisy_photo, noisy_drawing = (code + torch.randn_like(code) for code in (photo, drawing))
        return {
            "photo code": photo,
            "drawing code": drawing,
            "photo again": self._shown(self.photo_decoder, noisy_photo),
            "drawing again": self._shown(self.drawing_decoder, noisy_drawing),
            "drawn": self._shown(self.drawing_decoder, noisy_photo),
            "taken": self._shown(self.photo_decoder, noisy_drawing),
        }

    def parts(self) -> list[Part]:
        networks = [
            self.photo_encoder, self.drawing_encoder, self.shared_encoder, self.shared_decoder,
            self.photo_decoder, self.drawing_decoder,
        ]  # fmt: skip
        judges: list[nn.Module] = [self.photo_judge, self.drawing_judge]
        return [
            Part("discriminator", judges, self._discriminators, DECAY),
            Part("generator", networks, self._generators, DECAY),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        return self._shown(self.drawing_decoder, self._code(self.photo_encoder, photos))

    def _code(self, own: nn.Module, pictures: Tensor) -> Tensor:
        return self.shared_encoder(own(pictures)).float()

    def _shown(self, own: nn.Module, code: Tensor) -> Tensor:
        return own(self.shared_decoder(code)).float()

    def _generators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        photos, drawings = batch.photos.pictures, batch.drawings.pictures
        photo = self._code(self.drawing_encoder, made["drawn"])
        drawing = self._code(self.photo_encoder, made["taken"])
        noisy_photo, noisy_drawing = (code + torch.randn_like(code) for code in (photo, drawing))
        return {
            "adversarial": settings.adversarial
            * (taken_for_real(self.drawing_judge, made["drawn"], settings.shaken)
               + taken_for_real(self.photo_judge, made["taken"], settings.shaken)),
            "recon": settings.recon
            * (apart(made["photo again"], photos) + apart(made["drawing again"], drawings)),
            "spread": settings.spread
            * (made["photo code"].square().mean() + made["drawing code"].square().mean()),
            "cycle": settings.cycle
            * (apart(self._shown(self.photo_decoder, noisy_photo), photos)
               + apart(self._shown(self.drawing_decoder, noisy_drawing), drawings)),
            "cycle spread": settings.cycle_spread
            * (photo.square().mean() + drawing.square().mean()),
        }  # fmt: skip

    def _discriminators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        policy = self.settings.shaken
        drawings, photos = batch.drawings.pictures, batch.photos.pictures
        return {
            "drawings": told_apart(self.drawing_judge, drawings, made["drawn"], policy),
            "photos": told_apart(self.photo_judge, photos, made["taken"], policy),
        }


def _residuals(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*[Residual(width * 4) for _ in range(count)])
