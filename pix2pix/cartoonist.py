"""A trained baseline at work: photos, drawn."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from data.errors import InputError
from data.pairs import Crop
from pix2pix import checkpoint
from pix2pix.artist import AT_ONCE, checkpoint_file, plain
from pix2pix.baselines import baselines
from pix2pix.networks import parameters


class Cartoonist:
    """A baseline with the crop rule it was trained by.

    path: a run's folder, or a checkpoint of it. layers: of a device to the network whose features
    are "own", for systems that draw by them. aligned: whether its photos were aligned by their
    faces, not cut to their middles. Raises InputError naming the file when it cannot be used.
    """

    def __init__(self, path: Path, device: str | None, layers: Callable[[str], nn.Module]) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        about, weights = checkpoint.averaged(checkpoint_file(path))
        found = baselines().get(str(about.get("system")))
        if found is None:
            raise InputError(f"{path} holds a {about.get('system')}, which draws no photos")
        self.about: dict[str, Any] = about
        self.crop = Crop(**about["crop"])
        self.aligned: bool = about["photos"]["aligned"]
        settings = found.settings(**{key: plain(one) for key, one in about["settings"].items()})
        reads = "own" in signature(found.system).parameters
        own = {"own": layers(self.device)} if reads else {}
        self.system = found.system(settings, **own)
        try:
            for name in self.system.averaged:
                network = getattr(self.system, name)
                network.load_state_dict(checkpoint.under(weights, f"{name}."))
        except RuntimeError as error:
            raise InputError(f"the weights of {path} do not fit their settings: {error}") from None
        self.system.to(self.device).eval()

    @property
    def parameters(self) -> int:
        """How many numbers it draws with."""
        return sum(parameters(getattr(self.system, name)) for name in self.system.averaged)

    def draw(self, photos: np.ndarray) -> np.ndarray:
        """(N, side, side, 3) uint8 RGB of as many photos."""
        given = torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 127.5 - 1
        made = []
        with torch.no_grad():
            for part in given.split(AT_ONCE):
                made.append(self.system.translate(part.to(self.device)).clamp(-1, 1).cpu())
        pixels = ((torch.cat(made) + 1) * 127.5).round().byte()
        return pixels.permute(0, 2, 3, 1).contiguous().numpy()
