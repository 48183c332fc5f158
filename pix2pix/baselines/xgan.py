"""XGAN (Royer et al. 2017) without its teacher, with a denoising autoencoder after it.

After the seed "Avatar Image Generator", whose sizes, un-squared reconstruction norm and swept
weights these are. The denoiser knows drawings only, and takes spots and wrong colours away.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.baselines.blocks import reversed_gradient
from pix2pix.losses import fooled, judged_real
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "xgan"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an XGAN is; kept in its checkpoints.

    side: pixels, a multiple of 16. width, judge_width: channels of the first layers. code:
    numbers that a face becomes. again, domain, meaning, adversarial: weights of reconstruction,
    of the domains' confusion, of the code that is kept by translation, and of the discriminator;
    the seed's 0.45 for `meaning` outweighs reconstruction for long, so short runs take less.
    """

    side: int = 64
    width: int = 32
    judge_width: int = 16
    code: int = 1024
    again: float = 0.993
    domain: float = 0.925
    meaning: float = 0.450
    adversarial: float = 0.979

    def __post_init__(self) -> None:
        if self.side % 16:
            raise ValueError(f"side must be a multiple of 16, got {self.side}")


class CrossNet(nn.Module):
    """Two autoencoders that share their middle (3.1): 14.90 M parameters at 64 pixels."""

    def __init__(self, side: int, width: int, code: int) -> None:
        super().__init__()
        small = side // 16
        self.from_photo, self.from_drawing = (
            nn.Sequential(*_smaller(3, width), *_smaller(width, width * 2)) for _ in range(2)
        )
        self.encoder = nn.Sequential(
            *_smaller(width * 2, width * 4),
            *_smaller(width * 4, width * 8),
            nn.Flatten(),
            nn.Linear(width * 8 * small**2, code),
            nn.ReLU(),
            nn.BatchNorm1d(code),
            nn.Dropout(0.5),
            nn.Linear(code, code),
            nn.ReLU(),
            nn.BatchNorm1d(code),
        )
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (code, 1, 1)),
            *_larger(code, width * 16, small),
            *_larger(width * 16, width * 8),
        )
        self.to_photo, self.to_drawing = (
            nn.Sequential(
                *_larger(width * 8, width * 4),
                *_larger(width * 4, width * 2),
                nn.ConvTranspose2d(width * 2, 3, 2, 2),
                nn.Tanh(),
            )
            for _ in range(2)
        )

    def codes(self, photos: Tensor, drawings: Tensor) -> Tensor:
        """(N, 3, S, S) and (M, 3, S, S), -1 to 1, to (N + M, code).

        Batch statistics are of both at once, as are the kept ones that one picture meets later.
        """
        return self.encoder(torch.cat([self.from_photo(photos), self.from_drawing(drawings)]))

    def forward(self, photos: Tensor) -> Tensor:
        """Photos to drawings."""
        return self.to_drawing(self.decoder(self.encoder(self.from_photo(photos))))


def _smaller(into: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(into, out, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(out)]


def _larger(into: int, out: int, size: int = 2) -> list[nn.Module]:
    return [nn.ConvTranspose2d(into, out, size, size), nn.ReLU(), nn.BatchNorm2d(out)]


def _judge(side: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    into = 3
    for out in (width, width * 2, width * 2, width * 2):
        layers += [nn.Conv2d(into, out, 3, 2, 1), nn.LeakyReLU(0.2)]
        into = out
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(into * (side // 16) ** 2, 1))


def _guesser(code: int) -> nn.Sequential:
    """Tells photos from drawings by their codes, in halves down to 16 numbers."""
    layers: list[nn.Module] = []
    while code > 16:
        layers += [nn.Linear(code, code // 2), nn.ReLU(), nn.Dropout(0.5)]
        code //= 2
    return nn.Sequential(*layers, nn.Linear(code, 1))


def _denoiser() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(64, 3, 3, padding=1),
        nn.Tanh(),
    )


class XGAN(Translator):
    """Equations 1 to 5 without the teacher's. Adam throughout, where the seed has RMSprop."""

    averaged = ("generator", "denoiser")

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.generator = CrossNet(settings.side, settings.width, settings.code)
        self.judge = _judge(settings.side, settings.judge_width)
        self.guesser = _guesser(settings.code)
        self.denoiser = _denoiser()
        _started(self)

    def made(self, batch: Both) -> dict[str, Tensor]:
        """`codes` of photos, then drawings; `photos` and `drawings` decoded from those codes."""
        codes = self.generator.codes(batch.photos.pictures, batch.drawings.pictures)
        shared = self.generator.decoder(codes)
        return {
            "codes": codes,
            "photos": self.generator.to_photo(shared).float(),
            "drawings": self.generator.to_drawing(shared).float(),
        }

    def parts(self) -> list[Part]:
        # The gradient's reversal lets one optimiser teach the guesser and what confuses it.
        return [
            Part("discriminator", [self.judge], self._discriminator),
            Part("generator", [self.generator, self.guesser], self._generator),
            Part("denoiser", [self.denoiser], self._denoiser),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        return self.denoiser(self.generator(photos)).float()

    def _discriminator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        fake = made["drawings"][: len(batch.photos.pictures)].detach()
        return {
            "fake": judged_real("bce", [self.judge(fake)], False) / 2,
            "real": judged_real("bce", [self.judge(batch.drawings.pictures)], True) / 2,
        }

    def _generator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings, count = self.settings, len(batch.photos.pictures)
        codes = made["codes"].float()
        as_photos, as_drawings = made["photos"], made["drawings"]
        photo = torch.zeros(len(codes), 1, device=codes.device)
        photo[:count] = 1
        guessed = self.guesser(reversed_gradient(codes)).float()
        # Drawings turned to photos are encoded as photos, photos turned to drawings as drawings.
        of_drawings, of_photos = (
            self.generator.codes(as_photos[count:], as_drawings[:count])
            .float()
            .split([len(codes) - count, count])
        )
        told, wanted = torch.cat([of_photos, of_drawings]), codes.detach()
        return {
            "photos": settings.again * _far(as_photos[:count], batch.photos.pictures),
            "drawings": settings.again * _far(as_drawings[count:], batch.drawings.pictures),
            "domain": settings.domain * functional.binary_cross_entropy_with_logits(guessed, photo),
            "meaning": settings.meaning * (told - wanted).abs().sum(1).mean(),
            "adversarial": settings.adversarial * fooled("bce", [self.judge(as_drawings[:count])]),
        }

    def _denoiser(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        again = made["drawings"][len(batch.photos.pictures) :].detach()
        return {"l1": functional.l1_loss(self.denoiser(again).float(), batch.drawings.pictures)}


def _started(network: nn.Module) -> None:
    """He et al. 2015, as the seed."""
    for part in network.modules():
        if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def _far(made: Tensor, wanted: Tensor) -> Tensor:
    """Euclidean distance of whole pictures, not squared, as in the seed."""
    return (made - wanted).flatten(1).norm(dim=1).mean()


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(width=8, judge_width=8, code=128, meaning=0.05),
        Plan(steps=200, batch=8, rate=1e-3, looked=100, kept=50),
    ),
    "light": (Settings(meaning=0.05), Plan(batch=32)),
    "paper": (Settings(), Plan(steps=100_000, batch=32, rate=1e-4)),
}
