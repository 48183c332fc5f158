"""Latent-skip U-Net: our reading of the webtoon team's own first model (the seed's Model_v1).

Its notes say: "separate the distributions from two sets on the latent space", "applying GAN model
to replace the skip connection of the U-Net", "the size of latent variable Z is important", "shape
learning". Here a face becomes a code of a shape and a domain part; a drawing's skip connections
are generated from the code, and a discriminator each tells them from real drawings'.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.condition import Asked
from pix2pix.augment import shaken
from pix2pix.baselines.blocks import conv, reversed_gradient, up
from pix2pix.losses import fooled, judged_real
from pix2pix.networks import PatchNet, started
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "latent_skip"
DOMAIN = 8  # numbers of a code that tell photos from drawings
APART = 2.0  # where they lie for photos; for drawings at -APART


@dataclass(frozen=True, slots=True)
class Settings:
    """What a latent-skip U-Net is; kept in its checkpoints.

    side: pixels, a multiple of 16. width, judge_width: channels of the first layers. latent:
    numbers of the shape's code. again, skips, adversarial, cycle, apart, confused, points:
    weights of reconstruction, the skips' and the picture's discriminators, the way back, the
    domains' parts of the code, the shape part that tells no domain, and landmarks read from it.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    latent: int = 128
    again: float = 10.0
    skips: float = 1.0
    adversarial: float = 1.0
    cycle: float = 5.0
    apart: float = 0.1
    confused: float = 1.0
    points: float = 10.0
    shaken: tuple[str, ...] = ("translation", "cutout")


class SkipNet(nn.Module):
    """A U-Net through a code; what its skip connections bring can be generated from the code."""

    def __init__(self, side: int, width: int, latent: int) -> None:
        super().__init__()
        widths = [width, width * 2, width * 4, width * 8]
        small = side // 16
        self.latent = latent
        self.stems = nn.ModuleDict({name: conv(3, width, 3, 2) for name in ("photo", "drawing")})
        self.trunk = nn.ModuleList(conv(a, b, 3, 2) for a, b in pairwise(widths))
        self.code = nn.Linear(widths[-1] * small**2, latent + DOMAIN)
        self.first = nn.Sequential(
            nn.Linear(latent + DOMAIN, widths[-1] * small**2),
            nn.ReLU(),
            nn.Unflatten(1, (widths[-1], small, small)),
        )
        deep = widths[::-1]
        self.told = nn.ModuleList(nn.Linear(latent + DOMAIN, wide) for wide in deep)
        self.skips = nn.ModuleList(
            nn.Sequential(conv(wide * 2, wide), conv(wide, wide)) for wide in deep
        )
        self.mix = nn.ModuleList(conv(wide * 2, wide) for wide in deep)
        self.up = nn.ModuleList(up(a, b) for a, b in pairwise([*deep, width]))
        self.out = nn.Conv2d(width, 3, 7, padding=3)
        self.points = nn.Sequential(nn.Linear(latent, 128), nn.ReLU(), nn.Linear(128, 136))
        started(self, 0.05)

    def encode(self, domain: str, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(N, 3, S, S), -1 to 1, to codes (N, latent + DOMAIN) and skips, the coarsest first."""
        kept = [self.stems[domain](pictures)]
        for layer in self.trunk:
            kept.append(layer(kept[-1]))
        return self.code(kept[-1].flatten(1)), kept[::-1]

    def decode(
        self, codes: Tensor, skips: list[Tensor] | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        """Codes to pictures and the skips used: those given, else generated ones."""
        x = self.first(codes)
        used = []
        for level, mix in enumerate(self.mix):
            if skips is None:
                told = self.told[level](codes)[:, :, None, None].expand_as(x)
                used.append(self.skips[level](torch.cat([x, told], 1)))
            else:
                used.append(skips[level])
            x = self.up[level](mix(torch.cat([x, used[-1]], 1)))
        return torch.tanh(self.out(x).float()), used

    def turned(self, codes: Tensor, domain: str) -> Tensor:
        """The same shapes in a domain's middle."""
        middle = torch.full_like(codes[:, self.latent :], APART if domain == "photo" else -APART)
        return torch.cat([codes[:, : self.latent], middle], 1)

    def placed(self, codes: Tensor) -> Tensor:
        """(N, 68, 2) landmarks, shares of the square, read from the shape's part alone."""
        return self.points(codes[:, : self.latent]).float().view(-1, 68, 2) + 0.5

    def forward(self, photos: Tensor) -> Tensor:
        """Photos to drawings."""
        codes, _ = self.encode("photo", photos)
        return self.decode(self.turned(codes, "drawing"))[0]


class LatentSkip(Translator):
    """Skips judged by discriminators, domains apart in the code, landmarks read from it."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        width, judging = settings.width, settings.judge_width
        self.generator = SkipNet(settings.side, width, settings.latent)
        self.guesser = nn.Sequential(nn.Linear(settings.latent, 64), nn.ReLU(), nn.Linear(64, 1))
        self.judge = PatchNet(3, judging, 2, "spectral")
        self.skip_judges = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(wide, judging, 3, padding=1),
                nn.LeakyReLU(0.2),
                nn.Conv2d(judging, 1, 3, padding=1),
            )
            for wide in (width * 8, width * 4, width * 2, width)
        )

    def made(self, batch: Both) -> dict[str, Tensor]:
        """Codes of both, the photos drawn (`fake`) with their `skip0`..., real drawings' skips."""
        photos, own = self.generator.encode("photo", batch.photos.pictures)
        drawings, real = self.generator.encode("drawing", batch.drawings.pictures)
        fake, skips = self.generator.decode(self.generator.turned(photos, "drawing"))
        made = {"photos": photos, "drawings": drawings, "fake": fake}
        for name, levels in (("skip", skips), ("real", real), ("own", own)):
            made |= {f"{name}{level}": value for level, value in enumerate(levels)}
        return made

    def parts(self) -> list[Part]:
        return [
            Part("discriminator", [self.judge, self.skip_judges], self._discriminator),
            Part("generator", [self.generator, self.guesser], self._generator),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        return self.generator(photos)

    def _discriminator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        both = torch.cat([made["fake"].detach(), batch.drawings.pictures])
        sizes = [len(made["fake"]), len(batch.drawings.pictures)]
        fake, real = self.judge(shaken(both, self.settings.shaken))[-1].split(sizes)
        skips = [judge(made[f"skip{at}"].detach()) for at, judge in enumerate(self.skip_judges)]
        theirs = [judge(made[f"real{at}"].detach()) for at, judge in enumerate(self.skip_judges)]
        return {
            "fake": judged_real("hinge", [fake], False),
            "real": judged_real("hinge", [real], True),
            "fake skips": judged_real("lsgan", skips, False),
            "real skips": judged_real("lsgan", theirs, True),
        }

    def _generator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings, net = self.settings, self.generator
        photos, drawings = made["photos"].float(), made["drawings"].float()
        codes = torch.cat([photos, drawings])
        whole = torch.cat([batch.photos.pictures, batch.drawings.pictures])
        levels = range(len(self.skip_judges))
        own = [torch.cat([made[f"own{at}"], made[f"real{at}"]]) for at in levels]
        again = [net.decode(codes, skips)[0] for skips in (own, None)]
        fake_codes, _ = net.encode("drawing", made["fake"])
        back, _ = net.decode(net.turned(fake_codes, "photo"))
        photo = (torch.arange(len(codes), device=codes.device) < len(photos)).float()[:, None]
        guessed = self.guesser(reversed_gradient(codes[:, : settings.latent])).float()
        judged = [judge(made[f"skip{at}"]) for at, judge in enumerate(self.skip_judges)]
        answers = self.judge(shaken(made["fake"], settings.shaken))[-1]
        placed = [
            _misplaced(net.placed(of), asked)
            for of, asked in (
                (photos, batch.photos.asked),
                (drawings, batch.drawings.asked),
                (fake_codes, batch.photos.asked),
            )
        ]
        domain = codes[:, settings.latent :] - APART * (photo * 2 - 1)
        return {
            "again": settings.again * sum(functional.l1_loss(one, whole) for one in again),
            "adversarial": settings.adversarial * fooled("hinge", [answers]),
            "skips": settings.skips * fooled("lsgan", judged),
            "cycle": settings.cycle * functional.l1_loss(back, batch.photos.pictures),
            "apart": settings.apart * domain.square().mean(),
            "confused": settings.confused
            * functional.binary_cross_entropy_with_logits(guessed, photo),
            "points": settings.points * torch.stack(placed).sum(),
        }


def _misplaced(points: Tensor, asked: Asked) -> Tensor:
    apart = functional.smooth_l1_loss(points, asked.points, reduction="none", beta=0.1)
    return (apart.mean(2) * asked.seen).sum() / asked.seen.sum().clamp_min(1)


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=8, judge_width=8, latent=32),
        Plan(steps=300, batch=4, rate=1e-3, looked=100, kept=50),
    ),
    "light": (Settings(), Plan()),
    "paper": (
        Settings(side=256, width=64, judge_width=64, latent=256),
        Plan(steps=100_000, batch=8),
    ),
}
