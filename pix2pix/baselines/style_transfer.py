"""Neural style transfer (Gatys et al. 2016): a picture's content in the style of others.

Nothing is learnt: each picture is optimised anew. Distances are relative, where the paper's are
squared and each network needs weights of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from pix2pix.baselines import features
from pix2pix.baselines.blocks import Kept
from pix2pix.system import Part
from pix2pix.trainer import Plan
from pix2pix.unpaired import Both, Translator

NAME = "style_transfer"
OPTIMISERS = ("lbfgs", "adam")
LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv4_2", "conv5_1")
INNER = 0.98  # how far to black and white a picture begins
CONTENT = 4  # of LAYERS; its style is that of the others


@dataclass(frozen=True, slots=True)
class Settings:
    """How a picture is made; kept in checkpoints.

    side: pixels. features: "own" or "vgg19"; weights: VGG-19's file, "" for torch's cache.
    content, style, even: weights of the content's features, the styles' Gram matrices, and total
    variation. optimiser: "lbfgs" or "adam"; steps: evaluations of the losses; rate: Adam's.
    styles: pictures that a checkpoint keeps of the drawings it is given.
    """

    side: int = 128
    features: str = "own"
    weights: str = ""
    content: float = 1.0
    style: float = 3.0
    even: float = 5.0
    optimiser: str = "lbfgs"
    steps: int = 200
    rate: float = 0.02
    styles: int = 4

    def __post_init__(self) -> None:
        if self.features not in features.KINDS:
            raise ValueError(f"features must be one of {features.KINDS}, got {self.features!r}")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {OPTIMISERS}, got {self.optimiser!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """A picture (1, 3, H, W), -1 to 1, and how much of it is taken, beside the others.

    where: (1, 1, H, W), 0 to 1, the foreground; then the style is of the foreground alone and goes
    to the foreground alone. None: of the whole to the whole.
    """

    picture: Tensor
    weight: float = 1.0
    where: Tensor | None = None


def gram(layer: Tensor, where: Tensor | None = None) -> Tensor:
    """(N, C, C): how channels go together, by pixel and channel.

    layer: (N, C, H, W). where: (N or 1, 1, ., .), 0 to 1, guides as in Gatys et al. 2017, 3.
    """
    channels = layer.shape[1]
    flat = layer.float().flatten(2)
    share = flat.new_full((1, 1, flat.shape[2]), 1 / flat.shape[2])
    if where is not None:
        share = functional.interpolate(
            where, layer.shape[2:], mode="bilinear", antialias=True
        ).flatten(2)
        share = share / share.sum(2, keepdim=True).clamp_min(1e-6)
    return (flat * share) @ flat.mT / channels


def transferred(
    content: Tensor,
    styles: Sequence[Style],
    read: features.Features,
    settings: Settings,
    where: Tensor | None = None,
    keep_background: bool = False,
    done: Callable[[int], None] = lambda _: None,
) -> Tensor:
    """Pictures with the content of some and the style of others; begun with the content.

    content: (N, 3, H, W), -1 to 1, of any size; read: layers as `reading` gives them. where:
    (N, 1, H, W), 0 to 1, the content's foreground. keep_background: all else stays as it was.
    done: told how often the losses were evaluated. Shape and range of content.
    """
    with torch.inference_mode(False), torch.enable_grad():
        content = content.detach().float().clone()
        with torch.no_grad():
            *_, wanted = _split(read(content), settings)
            grams = [
                [gram(layer, style.where) for layer in _split(read(style.picture), settings)[0]]
                for style in styles
            ]
        whole = sum(style.weight for style in styles)
        # Through tanh it stays in range; L-BFGS leaps far out of it and does not come back.
        free = torch.atanh(content * INNER).requires_grad_()
        evaluated = 0

        def losses() -> Tensor:
            nonlocal evaluated
            made = free.tanh()
            layers, inner = _split(read(made), settings)
            apart = _off(inner.float(), wanted.float())
            total = settings.content * apart + settings.even * _variation(made)
            for style, theirs in zip(styles, grams, strict=True):
                guide = None if style.where is None else where
                far = [
                    _off(gram(layer, guide), one.expand(len(made), -1, -1))
                    for layer, one in zip(layers, theirs, strict=True)
                ]
                share = settings.style * style.weight / whole
                total = total + share * torch.stack(far).mean()
            total = total * len(made)  # the same for one picture as for many at once
            free.grad = torch.autograd.grad(total, free)[0]
            evaluated += 1
            done(evaluated)
            return total.detach()

        if settings.optimiser == "lbfgs":
            steps = settings.steps
            torch.optim.LBFGS([free], max_iter=steps, max_eval=steps, history_size=20,
                              line_search_fn="strong_wolfe").step(losses)  # fmt: skip
        else:
            optimiser = torch.optim.Adam([free], settings.rate)
            for _ in range(settings.steps):
                optimiser.step(losses)
        made = free.detach().tanh()
        if keep_background and where is not None:
            made = made * where + content * (1 - where)
        return made


def reading(settings: Settings, own: features.Features | None) -> features.Features:
    """The layers that `transferred` compares by; our own network's are as handed in."""
    return features.chosen(settings.features, LAYERS, settings.weights, own)


def _split(layers: list[Tensor], settings: Settings) -> tuple[list[Tensor], Tensor]:
    """Layers of the style, and that of the content: conv4_2, or the last but one of our own."""
    if settings.features == "vgg19":
        return layers[:CONTENT] + layers[CONTENT + 1 :], layers[CONTENT]
    return layers, layers[-2]


def _off(made: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance in shares of what is wanted, so that weights fit any network and layer."""
    return (made - wanted).square().sum() / wanted.square().sum().clamp_min(1e-12)


def _variation(pictures: Tensor) -> Tensor:
    """Total variation, squared (Mahendran & Vedaldi 2015, eq. 4)."""
    across, down = pictures.diff(dim=3), pictures.diff(dim=2)
    return across.square().mean() + down.square().mean()


class StyleTransfer(Translator):
    """The method as a system, to be compared with others: drawings in, kept as styles."""

    def __init__(self, settings: Settings, own: features.Features | None = None) -> None:
        super().__init__()
        self.settings = settings
        self.generator = Kept(settings.styles, settings.side)
        self._own = [own]  # in a list, so that its weights are none of this system's
        self._first = False

    def begin_step(self, step: int) -> None:
        self._first = step == 0

    def made(self, batch: Both) -> dict[str, Tensor]:
        if self._first:
            self.generator.keep(batch.drawings.pictures)
        return {}

    def parts(self) -> list[Part]:
        return []

    def translate(self, photos: Tensor) -> Tensor:
        read = reading(self.settings, *self._own)
        if isinstance(read, nn.Module):
            read = read.to(photos.device)
        styles = [Style(picture[None]) for picture in self.generator()]
        return transferred(photos, styles, read, self.settings)


PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (Settings(side=64, steps=50, styles=2), Plan(steps=1, batch=2)),
    "light": (Settings(), Plan(steps=1)),
    "paper": (
        Settings(side=256, features="vgg19", style=100.0, even=0.0, steps=300, styles=1),
        Plan(steps=1),
    ),
}
