"""FusionGAN (Joo et al. 2018): a picture with one's identity and another's shape.

As in the paper's Photo-Sketch-Cartoon experiment an identity is a set, photos or drawings, and the
shape is who is on the picture: a drawing's identity with a photo's shape is the photo, drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from pix2pix.augment import shaken
from pix2pix.baselines.blocks import Kept, Residual, conv, up
from pix2pix.losses import fooled, judged_real
from pix2pix.networks import PatchNet, started
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "fusiongan"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a FusionGAN is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. patch: side of min-patch
    training's pools, in the discriminator's answers. adversarial, shape: weights of the identity
    and the shape loss (1 and β). again: weight of its two terms between sets (α). The paper tells
    neither α nor β. shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    patch: int = 4
    adversarial: float = 1.0
    shape: float = 10.0
    again: float = 1.0
    shaken: tuple[str, ...] = ("translation", "cutout")


class FusionNet(nn.Module):
    """3.3: an encoder each for identity and shape, merged, with both's finer features beside.

    Instance instead of batch norm. A kept drawing serves whoever names no example.
    """

    def __init__(self, width: int, side: int) -> None:
        super().__init__()
        self.identity, self.shape = _encoder(width), _encoder(width)
        self.merged = nn.Sequential(
            conv(width * 8, width * 4), Residual(width * 4), Residual(width * 4)
        )
        self.up = nn.ModuleList([up(width * 4, width * 2), up(width * 6, width)])
        self.out = nn.Conv2d(width * 3, 3, 7, padding=3)
        self.example = Kept(1, side)
        started(self)

    def forward(self, identity: Tensor, shape: Tensor) -> Tensor:
        """Both and what is made of them: (N, 3, S, S), -1 to 1, S a multiple of 4."""
        kept = []
        for encoder, x in ((self.identity, identity), (self.shape, shape)):
            layers = []
            for layer in encoder:
                x = layer(x)
                layers.append(x)
            kept.append(layers)
        fine, half, quarter = (torch.cat(pair, 1) for pair in zip(*kept, strict=True))
        x = self.up[0](self.merged(quarter))
        x = self.up[1](torch.cat([x, half], 1))
        return torch.tanh(self.out(torch.cat([x, fine], 1)).float())


def _encoder(width: int) -> nn.ModuleList:
    last = [conv(width * 2, width * 4, 3, 2), Residual(width * 4), Residual(width * 4)]
    return nn.ModuleList([conv(3, width, 7), conv(width, width * 2, 3, 2), nn.Sequential(*last)])


def min_patch(answers: Tensor, patch: int) -> Tensor:
    """The worst answer of every patch (3.2), so that no part of a picture is let off.

    answers: (N, 1, H, W); (N, 1, H / patch, W / patch).
    """
    return -functional.max_pool2d(-answers, min(patch, *answers.shape[2:]))


class FusionGAN(Translator):
    """Equations 1 to 6. The paper's three updates of the generator in a step are one of their sum.

    The discriminator tells whether two pictures are of one identity; its map of answers is
    PatchGAN's, at 256 pixels 30 a side where the paper has 32.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.generator = FusionNet(settings.width, settings.side)
        self.judge = PatchNet(6, settings.judge_width, 3, "instance")
        self._first = False

    def begin_step(self, step: int) -> None:
        self._first = step == 0

    def made(self, batch: Both) -> dict[str, Tensor]:
        """`identity` x and `shape` y of different sets, `fused` G(x, y); first photos' shapes."""
        photos, drawings = batch.photos.pictures, batch.drawings.pictures
        if len(photos) < 2 or len(drawings) != len(photos):
            raise InputError("FusionGAN compares two pictures of a set; say --batch 2 or more")
        if self._first:
            self.generator.example.keep(drawings)
        identity, shape = torch.cat([drawings, photos]), torch.cat([photos, drawings])
        return {
            "identity": identity,
            "shape": shape,
            "fused": self.generator(identity, shape),
        }

    def parts(self) -> list[Part]:
        return [
            Part("discriminator", [self.judge], self._discriminator),
            Part("generator", [self.generator], self._generator),
        ]

    def translate(self, photos: Tensor, examples: Tensor | None = None) -> Tensor:
        """examples: (N, 3, S, S) drawings whose identity is taken; None: the kept one's."""
        if examples is None:
            examples = self.generator.example().expand(len(photos), -1, -1, -1)
        return self.generator(examples, photos)

    def _discriminator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        one, other = made["identity"], _others(made["identity"])
        pairs = torch.cat([torch.cat([one, other], 1), torch.cat([one, made["fused"].detach()], 1)])
        real, fake = self.judge(shaken(pairs, self.settings.shaken))[-1].chunk(2)
        return {
            "same": judged_real("lsgan", [real], True),
            "fused": judged_real("lsgan", [fake], False),
        }

    def _generator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        identity, shape, fused = made["identity"], made["shape"], made["fused"]
        answers = self.judge(shaken(torch.cat([identity, fused], 1), settings.shaken))[-1]
        worst = min_patch(answers, settings.patch)
        within = self.generator(_others(shape), shape)
        there_and_back = self.generator(shape, fused)
        once_more = self.generator(fused, shape)
        again = settings.shape * settings.again
        return {
            "identity": settings.adversarial * fooled("lsgan", [worst]),
            "within": settings.shape * functional.l1_loss(within, shape),
            "back": again * functional.l1_loss(there_and_back, shape),
            "stays": again * functional.l1_loss(once_more, fused),
        }


def _others(pictures: Tensor) -> Tensor:
    """For each picture of two sets, one half each, another of its own set."""
    return torch.cat([half.roll(1, 0) for half in pictures.chunk(2)])


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=8, judge_width=8, patch=2),
        Plan(steps=100, batch=4, rate=1e-3, looked=50, kept=50),
    ),
    "light": (Settings(), Plan()),
    "paper": (
        Settings(side=256, width=64, judge_width=64, patch=8, shaken=()),
        Plan(steps=200_000, batch=2),
    ),
}
