"""A trained generator at work: what is asked, drawn."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.condition import Asked
from data.errors import InputError
from data.pairs import Crop
from pix2pix import checkpoint
from pix2pix.conditional import Pix2Pix, Settings
from pix2pix.networks import parameters

AT_ONCE = 16  # pictures drawn together
SHIPPED = "drawer.safetensors"


class Artist:
    """A generator with the crop rule it was trained by.

    path: a run's folder, a checkpoint of it, or None for the shipped generator. Raises InputError
    naming the file when it cannot be used.
    """

    def __init__(self, path: Path | None = None, device: str | None = None) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if path is None:
            with as_file(files("pix2pix") / "weights" / SHIPPED) as shipped:
                about, weights = checkpoint.averaged(shipped)
        else:
            about, weights = checkpoint.averaged(checkpoint_file(path))
        if about.get("system") != "pix2pix":
            raise InputError(
                f"{path} holds a {about.get('system')}, which draws from pictures, not from points"
            )
        self.about: dict[str, Any] = about
        self.crop = Crop(**about["crop"])
        settings = Settings(**{key: plain(value) for key, value in about["settings"].items()})
        self._system = Pix2Pix(settings)
        network = self._system.generator
        try:
            network.load_state_dict(checkpoint.under(weights, "generator."))
        except RuntimeError as error:
            raise InputError(f"the weights of {path} do not fit their settings: {error}") from None
        self._system.to(self.device).eval()

    @property
    def parameters(self) -> int:
        """How many numbers it draws with."""
        return parameters(self._system.generator)

    def draw(self, asked: Asked) -> np.ndarray:
        """(N, side, side, 3) uint8 RGB."""
        made = []
        with torch.inference_mode():
            for start in range(0, len(asked), AT_ONCE):
                part = asked[start : start + AT_ONCE].to(self.device)
                made.append(self._system.translate(part).cpu())
        side = self.crop.side
        whole = torch.cat(made) if made else torch.zeros(0, 3, side, side)
        pixels = ((whole.clamp(-1, 1) + 1) * 127.5).round().byte()
        return pixels.permute(0, 2, 3, 1).contiguous().numpy()


def checkpoint_file(path: Path) -> Path:
    """The best of a run's checkpoints, else its last."""
    if not path.is_dir():
        return path
    for name in ("best.safetensors", "state.safetensors"):
        if (path / name).exists():
            return path / name
    raise InputError(
        f"{path} holds no checkpoint; train one with: toolkit train pix2pix --out {path}"
    )


def system_of(path: Path) -> str:
    """The name of the system that a run or checkpoint holds."""
    about, _ = checkpoint.load(checkpoint_file(path))
    return str(about["system"])


def plain(value: Any) -> Any:
    """JSON's lists are the settings' tuples."""
    return tuple(value) if isinstance(value, list) else value
