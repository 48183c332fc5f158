"""CycleGAN (Zhu et al. 2017): to a drawing and back must lead to the same photo.

Departs: both generators are resized and convolved unless `up` is "transposed"; borders are
reflected everywhere; by `shaken` the discriminators see DiffAugment's pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pix2pix.augment import shaken
from pix2pix.losses import apart, fooled, judged_real
from pix2pix.networks import PatchNet, PlainNorm, started
from pix2pix.residual import decoder, encoder, picture
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "cyclegan"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a CycleGAN is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. blocks: residual ones; 6 or
    9. up: "resize" or "transposed" as in the paper. cycle, identity: weights of L1 (eqs. 2 and
    5.2). pool: pictures kept for the discriminators. shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    blocks: int = 6
    up: str = "resize"
    cycle: float = 10.0
    identity: float = 5.0
    pool: int = 50
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if self.up not in ("resize", "transposed"):
            raise ValueError(f"up must be resize or transposed, got {self.up!r}")
        if self.side % 4 or self.side < 32:
            raise ValueError(f"side must be a multiple of 4 from 32 up, got {self.side}")


PAPER = Settings(side=256, width=64, judge_width=64, blocks=9, up="transposed", shaken=())
PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=16, judge_width=16, blocks=2),
        Plan(steps=300, batch=2, average=0.99, looked=100, kept=20),
    ),
    "light": (Settings(), Plan(steps=40_000, batch=4)),
    "paper": (PAPER, Plan(steps=200_000, batch=1, looked=5000)),
}


class Pool(nn.Module):
    """A share of the pictures shown are earlier ones (Shrivastava et al. 2017, 2.3).

    size: pictures kept, in buffers, so that a run goes on with the same ones; 0 shows only new.
    """

    pictures: Tensor
    held: Tensor

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, 3, side, side))
        self.register_buffer("held", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def forward(self, fresh: Tensor) -> Tensor:
        """fresh: (N, 3, S, S). As many; once the pool is full every other is an older one."""
        shown = fresh.detach().clone()
        for number, one in enumerate(fresh):
            held = int(self.held)
            if held < len(self.pictures):
                self.pictures[held] = one
                self.held += 1
            elif held and torch.rand(()) < 0.5:
                which = int(torch.randint(held, ()))
                shown[number] = self.pictures[which]
                self.pictures[which] = one
        return shown


class CycleGAN(Translator):
    """Zhu et al. 2017, eq. 3, with least squares (Mao et al. 2017) and identity loss (5.2).

    generator, judge: of drawings; back, back_judge: of photos.
    """

    averaged = ("generator",)

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.generator, self.back = (generator_of(settings) for _ in range(2))
        self.judge, self.back_judge = (
            PatchNet(3, settings.judge_width, norm="plain") for _ in range(2)
        )
        self.pool, self.back_pool = (Pool(settings.pool, settings.side) for _ in range(2))

    def made(self, batch: Both) -> dict[str, Tensor]:
        drawn = self.generator(batch.photos.pictures).float()
        taken = self.back(batch.drawings.pictures).float()
        return {"drawn": drawn, "taken": taken}

    def parts(self) -> list[Part]:
        return [
            Part("generator", [self.generator, self.back], self._generators),
            Part("discriminator", [self.judge, self.back_judge], self._discriminators),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        return self.generator(photos).float()

    def _generators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        photos, drawings, settings = batch.photos.pictures, batch.drawings.pictures, self.settings
        losses = {
            "adversarial": self._fooled(self.judge, made["drawn"])
            + self._fooled(self.back_judge, made["taken"]),
            "cycle": settings.cycle
            * (apart(self.back(made["drawn"]), photos)
               + apart(self.generator(made["taken"]), drawings)),
        }  # fmt: skip
        if settings.identity:
            losses["identity"] = settings.identity * (
                apart(self.generator(drawings), drawings) + apart(self.back(photos), photos)
            )
        return losses

    def _discriminators(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        return {
            "drawings": self._judged(self.judge, batch.drawings.pictures, self.pool(made["drawn"])),
            "photos": self._judged(
                self.back_judge, batch.photos.pictures, self.back_pool(made["taken"])
            ),
        }

    def _fooled(self, judge: PatchNet, fake: Tensor) -> Tensor:
        return fooled("lsgan", [judge(shaken(fake, self.settings.shaken))[-1]])

    def _judged(self, judge: PatchNet, real: Tensor, fake: Tensor) -> Tensor:
        both = judge(shaken(torch.cat([real, fake]), self.settings.shaken))[-1]
        told, made = both.chunk(2)
        return (judged_real("lsgan", [told], True) + judged_real("lsgan", [made], False)) / 2


def generator_of(settings: Settings) -> nn.Module:
    """Johnson et al. 2016 with instance norm (7.2): 11.38 M parameters at width 64, 9 blocks."""
    width = settings.width
    if settings.up == "resize":
        raising: list[nn.Module] = [decoder(width, 3, PlainNorm)]
    else:
        raising = [*_transposed(width * 4), *_transposed(width * 2), *picture(width)]
    return started(nn.Sequential(encoder(width, settings.blocks, 3), *raising))


def _transposed(width: int) -> list[nn.Module]:
    conv = nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1)
    return [conv, PlainNorm(width // 2), nn.ReLU()]
