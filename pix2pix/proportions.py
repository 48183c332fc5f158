"""From a photo's proportions to a drawing's, part by part: big eyes, small noses, still that face.

Points are in shares of the crop's square (`data.pairs.Crop`), so size and lean are told already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np
import torch

from data.condition import Asked
from data.face import lab_of
from data.landmarks import PARTS


@dataclass(frozen=True, slots=True, eq=False)
class Proportions:
    """How faces of one domain are built.

    points: (68, 2) mean, shares of the square. skin: (2, 3) mean and spread in CIELAB.
    """

    points: np.ndarray
    skin: np.ndarray


def measured(asked: Asked) -> Proportions:
    """The means of many faces."""
    lab = _lab(asked.skin[torch.isfinite(asked.skin).all(1)].numpy())
    return Proportions(asked.points.mean(0).numpy(), np.stack([lab.mean(0), lab.std(0)]))


def redrawn(asked: Asked, photo: Proportions, drawn: Proportions, strength: float = 1.0) -> Asked:
    """What a drawing of the photographed person would ask for.

    strength: 0 keeps the photo's proportions, 1 gives the mean photo the mean drawing's. Each part
    is stretched as the mean one is, about the place it moves to, so that a closed eye stays closed
    and a crooked smile crooked; then it is given what the mean drawing has beyond that. Heads that
    are turned away are moved less, for the means are of faces that look ahead. The skin
    keeps how far it is from the mean photo's, in spreads, as colour transfer does (Reinhard et
    al. 2001); hair and eyes stay the person's.
    """
    points = asked.points.numpy().astype(np.float64)
    moved = points.copy()
    for indices, _ in PARTS.values():
        moved[:, indices] = _part(points[:, indices], photo.points[indices], drawn.points[indices])
    points = points + strength * _facing(points)[:, None, None] * (moved - points)
    skin = asked.skin.numpy().copy()
    known = np.isfinite(skin).all(1)
    if known.any():
        lab = _lab(skin[known])
        factor = np.minimum(drawn.skin[1] / photo.skin[1], 1)
        new = drawn.skin[0] + (lab - photo.skin[0]) * factor
        skin[known] = _rgb(lab + strength * (new - lab))
    moved_points = torch.from_numpy(points.astype(np.float32))
    return replace(asked, points=moved_points, skin=torch.from_numpy(skin.astype(np.float32)))


def _facing(points: np.ndarray) -> np.ndarray:
    """(N,) 1 for faces that look ahead, down to 0 from where the nose is half way to a cheek."""
    left, right, nose = points[:, 0, 0], points[:, 16, 0], points[:, 30, 0]
    turned = np.abs(2 * (nose - left) / np.maximum(right - left, 1e-3) - 1)
    return np.clip((0.5 - turned) / 0.35, 0, 1)


def _part(points: np.ndarray, photo: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(N, K, 2) of one part."""
    middle, wanted = photo.mean(0), drawn.mean(0)
    stretch = np.ptp(drawn, 0) / np.maximum(np.ptp(photo, 0), 1e-3)
    beyond = drawn - (wanted + (photo - middle) * stretch)
    return wanted + (points - middle) * stretch + beyond


@lru_cache(1)
def shipped() -> tuple[Proportions, Proportions]:
    """Of photographed and of drawn faces, as `toolkit fit proportions` measured them."""
    told = json.loads((files("pix2pix") / "proportions.json").read_text("utf-8"))
    photo, drawn = (
        Proportions(np.array(told[name]["points"]), np.array(told[name]["skin"]))
        for name in ("photo", "drawn")
    )
    return photo, drawn


def _lab(srgb: np.ndarray) -> np.ndarray:
    """(N, 3) CIELAB of (N, 3) sRGB 0 to 1."""
    return np.array([lab_of(hex_of(colour)) for colour in srgb]).reshape(-1, 3)


def hex_of(srgb: np.ndarray) -> str:
    """ "#rrggbb" of (3,) sRGB 0 to 1."""
    return "#" + "".join(f"{int(value):02x}" for value in np.round(np.clip(srgb, 0, 1) * 255))


def _rgb(lab: np.ndarray) -> np.ndarray:
    """(N, 3) sRGB 0 to 1, clipped, of (N, 3) CIELAB under D65."""
    from kornia.color import lab_to_rgb

    tensor = torch.from_numpy(lab.T[None, :, :, None].astype(np.float32))
    return lab_to_rgb(tensor)[0, :, :, 0].T.numpy()
