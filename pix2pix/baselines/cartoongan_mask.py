"""CartoonGAN whose discriminator never sees the background, by a mask that is learnt first.

After the seed "GAN-based selfie cartoons": plain CartoonGAN takes the drawings' backgrounds for
style and fills faces with red. The mask is predicted on the generated picture: a face that turns
red is no face to the mask any more, and what is then missing of it is told from real drawings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from pix2pix.augment import Batch
from pix2pix.baselines import cartoongan
from pix2pix.baselines.blocks import conv, up
from pix2pix.baselines.features import Features
from pix2pix.networks import started
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both

NAME = "cartoongan_mask"
WHITE = 1.0
SURE = 0.1  # a pixel less likely than this is background entirely, one likelier than 1 - it person


@dataclass(frozen=True, slots=True)
class Settings(cartoongan.Settings):
    """As CartoonGAN's. mask_width: channels of the mask's first layer. masking: steps on it."""

    mask_width: int = 16
    masking: int = 2_000


class MaskNet(nn.Module):
    """A small U-Net (Ronneberger et al. 2015), pictures to logits of belonging to the person."""

    def __init__(self, width: int) -> None:
        super().__init__()
        steps = list(pairwise([width, width * 2, width * 4, width * 8]))
        self.first = conv(3, width)
        self.down = nn.ModuleList(conv(a, b, 3, 2) for a, b in steps)
        self.up = nn.ModuleList(up(b, a) for a, b in reversed(steps))
        self.mix = nn.ModuleList(conv(a * 2, a) for a, _ in reversed(steps))
        self.out = nn.Conv2d(width, 1, 1)
        started(self, 0.05)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, S, S), -1 to 1, S a multiple of 8; (N, 1, S, S)."""
        kept = [self.first(pictures)]
        for down in self.down:
            kept.append(down(kept[-1]))
        x = kept.pop()
        for up_, mix in zip(self.up, self.mix, strict=True):
            x = mix(torch.cat([up_(x), kept.pop()], 1))
        return self.out(x)


class MaskedCartoonGAN(cartoongan.CartoonGAN):
    """Content, then the mask by cross-entropy, then the adversarial game with the mask frozen."""

    settings: Settings

    def __init__(self, settings: Settings, own: Features | None = None) -> None:
        super().__init__(settings, own)
        self.mask = MaskNet(settings.mask_width)

    def begin_step(self, step: int) -> None:
        super().begin_step(step)
        initial = self.settings.initial
        if initial <= step < initial + self.settings.masking:
            self.phase = "mask"

    def made(self, batch: Both) -> dict[str, Tensor]:
        return {} if self.phase == "mask" else super().made(batch)

    def parts(self) -> list[Part]:
        return [*super().parts(), Part("mask", [self.mask], self._mask)]

    def shown(self, pictures: Tensor) -> Tensor:
        """The person over white."""
        likely = self.mask(pictures).float().sigmoid()
        share = ((likely - SURE) / (1 - 2 * SURE)).clamp(0, 1)
        share = likely + (share - likely).detach()  # else who is lost entirely is never found again
        return pictures * share + WHITE * (1 - share)

    def _generator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        return {} if self.phase == "mask" else super()._generator(batch, made)

    def _mask(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.phase != "mask":
            return {}
        sides = {"photos": batch.photos, "drawings": batch.drawings}
        told = {
            name: self._entropy(one, wanted)
            for name, one in sides.items()
            if (wanted := one.asked.foreground) is not None
        }
        if not told:
            raise InputError(
                "neither photos nor drawings have a foreground to learn a mask from; "
                "make datasets of them with toolkit extract, which keeps one of every face"
            )
        return told

    def _entropy(self, batch: Batch, wanted: Tensor) -> Tensor:
        """wanted: (N, S, S), 0 to 1, NaN where not told."""
        size = batch.pictures.shape[2:]
        wanted = functional.interpolate(wanted[:, None], size, mode="bilinear", antialias=True)
        counts = batch.known * wanted.isfinite()
        logits = self.mask(batch.pictures).float()
        apart = functional.binary_cross_entropy_with_logits(
            logits, wanted.nan_to_num(0).clamp(0, 1), reduction="none"
        )
        return (apart * counts).sum() / counts.sum().clamp_min(1)


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=8, judge_width=8, blocks=4, mask_width=8, initial=80, masking=80),
        Plan(steps=300, batch=4, rate=1e-3, looked=100, kept=50),
    ),
    "light": (Settings(), Plan()),
    # The seed's 1, 20 and 20 passes over about 700 photos, one by one.
    "paper": (
        Settings(side=256, width=64, features="vgg19", initial=700, masking=14_000, shaken=()),
        Plan(steps=28_700, batch=1),
    ),
}
