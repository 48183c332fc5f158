"""Features to compare pictures by: VGG-19's out of the user's file, or our own network's."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from data.errors import InputError

Features = Callable[[Tensor], list[Tensor]]
"""Pictures (N, 3, H, W), -1 to 1, to a frozen network's layers, finest first; gradients pass."""

KINDS = ("own", "vgg19")
USUAL = "vgg19-dcbb9e9d.pth"  # as torchvision names it in torch's cache
_BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet


class VGG19(nn.Module):
    """Simonyan & Zisserman 2015, configuration E, as far as the deepest layer asked for.

    layers: such as "conv4_4", told before their ReLU.
    """

    def __init__(self, layers: tuple[str, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential()
        self._told: list[int] = []
        into = 3
        for block, (wide, convolutions) in enumerate(_BLOCKS, 1):
            for number in range(1, convolutions + 1):
                if f"conv{block}_{number}" in layers:
                    self._told.append(len(self.features))
                self.features.append(nn.Conv2d(into, wide, 3, padding=1))
                if len(self._told) == len(layers):
                    return
                self.features.append(nn.ReLU())
                into = wide
            self.features.append(nn.MaxPool2d(2))
        raise ValueError(f"VGG-19 has no such layers: {layers}")

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures: (N, 3, H, W), -1 to 1."""
        mean, spread = (pictures.new_tensor(one).view(3, 1, 1) for one in (_MEAN, _SPREAD))
        x = ((pictures + 1) / 2 - mean) / spread
        kept = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._told:
                kept.append(x)
        return kept


def vgg19(layers: tuple[str, ...], path: str = "") -> VGG19:
    """Frozen, with weights in torchvision's format: .safetensors, or .pth read without pickle.

    path: "" for torch's cache. Raises InputError when the file is not there or another.
    """
    file = Path(path) if path else Path(torch.hub.get_dir()) / "checkpoints" / USUAL
    if not file.is_file():
        raise InputError(
            f"there are no VGG-19 weights at {file}; put torchvision's {USUAL} there, name another "
            'place of it, or choose the features "own"'
        )
    network = VGG19(layers)
    try:
        if file.suffix == ".safetensors":
            weights = load_file(file)
        else:
            weights = torch.load(file, map_location="cpu", weights_only=True)
        network.load_state_dict({key: weights[key] for key in network.state_dict()})
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError):
        raise InputError(
            f"{file} holds no weights of VGG-19 in torchvision's format; name its {USUAL}"
        ) from None
    return network.requires_grad_(False).eval()


def chosen(kind: str, layers: tuple[str, ...], path: str, own: Features | None) -> Features:
    """VGG-19's layers, or our own network as it was handed in."""
    if kind == "vgg19":
        return vgg19(layers, path)
    if own is None:
        raise ValueError("features are own, but no network of our own was handed in")
    return own
