"""CartoonGAN (Chen et al. 2018): photos to one artist's drawings, contours and all."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.augment import shaken
from pix2pix.baselines import features
from pix2pix.baselines.blocks import Residual, conv
from pix2pix.losses import fooled, judged_real
from pix2pix.networks import InstanceNorm, started
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "cartoongan"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a CartoonGAN is; kept in its checkpoints.

    side: pixels. width, judge_width: channels of the first layers. blocks: residual ones.
    features: what content is compared by, "own" or "vgg19"; weights: VGG-19's file, "" for
    torch's cache. content, adversarial: weights of the losses. initial: steps on content alone.
    shaken: DiffAugment's policy.
    """

    side: int = 128
    width: int = 32
    judge_width: int = 32
    blocks: int = 8
    features: str = "own"
    weights: str = ""
    content: float = 10.0
    adversarial: float = 1.0
    initial: int = 2_000
    shaken: tuple[str, ...] = ("translation", "cutout")

    def __post_init__(self) -> None:
        if self.features not in features.KINDS:
            raise ValueError(f"features must be one of {features.KINDS}, got {self.features!r}")


class CartoonNet(nn.Module):
    """Figure 2: 11.12 M parameters at width 64 with 8 blocks.

    Instance instead of batch norm, so that a picture does not depend on its neighbours; and where
    the paper's convolutions have a stride of 1/2, ours repeat pixels: no checkerboard.
    """

    def __init__(self, width: int, blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(3, width, 7),
            nn.Conv2d(width, width * 2, 3, 2, 1),
            conv(width * 2, width * 2),
            nn.Conv2d(width * 2, width * 4, 3, 2, 1),
            conv(width * 4, width * 4),
            *[Residual(width * 4) for _ in range(blocks)],
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width * 4, width * 2, 3, padding=1),
            conv(width * 2, width * 2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width * 2, width, 3, padding=1),
            conv(width, width),
            nn.Conv2d(width, 3, 7, padding=3),
        )
        started(self)

    def forward(self, photos: Tensor) -> Tensor:
        """(N, 3, S, S), -1 to 1, S a multiple of 4; the same."""
        return torch.tanh(self.layers(photos).float())


class JudgeNet(nn.Module):
    """Figure 2: 1.13 M parameters at width 32; looks at contours, patches of 37 pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        wide = (width, width * 2, width * 4, width * 8)
        self.layers = nn.Sequential(
            nn.Conv2d(3, wide[0], 3, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(wide[0], wide[1], 3, 2, 1),
            nn.LeakyReLU(0.2),
            *_judging(wide[1], wide[2]),
            nn.Conv2d(wide[2], wide[2], 3, 2, 1),
            nn.LeakyReLU(0.2),
            *_judging(wide[2], wide[3]),
            *_judging(wide[3], wide[3]),
            nn.Conv2d(wide[3], 1, 3, padding=1),
        )
        started(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, 3, S, S), -1 to 1; (N, 1, S / 4, S / 4) logits of being a drawing."""
        return self.layers(pictures)


def _judging(into: int, out: int) -> list[nn.Module]:
    layer = nn.Conv2d(into, out, 3, padding=1, bias=False)
    return [layer, InstanceNorm(out), nn.LeakyReLU(0.2)]


@torch.no_grad()
def smoothed(drawings: Tensor) -> Tensor:
    """Drawings without clear contours (3.2.1): blurred about Canny's edges, else as they were.

    drawings: (N, 3, S, S), -1 to 1.
    """
    from kornia.filters import canny, gaussian_blur2d  # a second to import, and only to train

    edges = canny(drawings.float() / 2 + 0.5, hysteresis=False)[1] > 0.5  # the strong ones
    near = functional.max_pool2d(edges.float(), 5, 1, 2) > 0
    return torch.where(near, gaussian_blur2d(drawings.float(), (5, 5), (1.1, 1.1)), drawings)


class CartoonGAN(Translator):
    """Equations 1 to 5: drawings are real; what is generated or has no clear contours is not.

    own: features of our own network. The paper's are VGG-19's conv4_4.
    """

    def __init__(self, settings: Settings, own: features.Features | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.generator = CartoonNet(settings.width, settings.blocks)
        self.judge = JudgeNet(settings.judge_width)
        self._own = [own]  # in a list, so that its weights are none of this system's
        self._features: list[features.Features] = []
        self.phase = "content"

    def begin_step(self, step: int) -> None:
        self.phase = "content" if step < self.settings.initial else "adversarial"

    def made(self, batch: Both) -> dict[str, Tensor]:
        return {"fake": self.generator(batch.photos.pictures)}

    def parts(self) -> list[Part]:
        return [
            Part("discriminator", [self.judge], self._discriminator),
            Part("generator", [self.generator], self._generator),
        ]

    def translate(self, photos: Tensor) -> Tensor:
        return self.generator(photos)

    def shown(self, pictures: Tensor) -> Tensor:
        """What of pictures the discriminator sees; same shape and range."""
        return pictures

    def _discriminator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.phase != "adversarial":
            return {}
        with torch.no_grad():
            real = self.shown(batch.drawings.pictures)
            whole = torch.cat([self.shown(made["fake"]), smoothed(real), real])
        sizes = [len(made["fake"]), len(real), len(real)]
        fake, smooth, real = self.judge(shaken(whole, self.settings.shaken)).split(sizes)
        return {
            "fake": judged_real("bce", [fake], False),
            "smooth": judged_real("bce", [smooth], False),
            "real": judged_real("bce", [real], True),
        }

    def _generator(self, batch: Both, made: dict[str, Tensor]) -> dict[str, Tensor]:
        settings = self.settings
        with torch.no_grad():
            wanted = self._content(batch.photos.pictures)
        apart = functional.l1_loss(self._content(made["fake"]), wanted)
        losses = {"content": settings.content * apart}
        if self.phase == "adversarial":
            answers = self.judge(shaken(self.shown(made["fake"]), settings.shaken))
            losses["adversarial"] = settings.adversarial * fooled("bce", [answers])
        return losses

    def _content(self, pictures: Tensor) -> Tensor:
        """An eighth of the picture's size, as conv4_4 is."""
        if not self._features:
            settings = self.settings
            made = features.chosen(settings.features, ("conv4_4",), settings.weights, *self._own)
            if isinstance(made, nn.Module):
                made = made.to(pictures.device)
            self._features.append(made)
        layers = self._features[0](pictures)
        return min(layers, key=lambda layer: abs(layer.shape[2] * 8 - pictures.shape[2])).float()


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=8, judge_width=8, blocks=4, initial=100),
        Plan(steps=300, batch=4, rate=1e-3, looked=100, kept=50),
    ),
    "light": (Settings(), Plan()),
    "paper": (
        Settings(side=256, width=64, features="vgg19", initial=7_500, shaken=()),
        Plan(steps=75_000),
    ),
}
