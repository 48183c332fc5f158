"""A picture in the style of others: the job behind `toolkit style`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from data.crop import square
from data.errors import InputError
from data.face import Face
from data.frame import UnreadableError
from data.reading import read, read_whole
from data.sources import list_items
from pix2pix.baselines.style_transfer import Settings, Style, reading, transferred
from toolkit.generate import faces_of, write
from toolkit.train import as_picture

OVER = ("whole", "foreground")
LEAST = 64  # pixels of a picture's longer side


@dataclass(frozen=True, slots=True)
class Wish:
    """One style: a picture's file, its weight beside the others, "whole" or "foreground"."""

    path: Path
    weight: float = 1.0
    over: str = "whole"


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """A picture (1, 3, H, W), -1 to 1, and its people's foreground (1, 1, H, W), 0 to 1."""

    picture: Tensor
    where: Tensor | None


class FaceLayers(nn.Module):
    """Our own landmark network's layers of pictures of any size, as `pix2pix` takes features.

    Finest first, at 2, 4, 8 and 16 pixels a cell, and before them the pixels, for points are found
    in any colours. Gradients reach the pictures.
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        from detectors.drawn import placer

        self._network = [placer(device)]  # not this module's to save or to change

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """pictures: (N, 3, H, W), -1 to 1."""
        [network] = self._network
        fine = network.stem[0](pictures.float() * 2)
        low = network.stem[2](network.stem[1](fine))
        middle = network.middle(low)
        return [pictures / 2 + 0.5, fine, low, middle, network.deep(middle)]


def wishes(paths: Sequence[Path], weights: Sequence[float], over: Sequence[str]) -> list[Wish]:
    """One for each path. Raises InputError when weights or places are not as many."""
    weights = list(weights) or [1.0] * len(paths)
    over = list(over) or ["whole"]
    over = over * len(paths) if len(over) == 1 else over
    for name, told in (("--weight", weights), ("--over", over)):
        if len(told) != len(paths):
            raise InputError(f"{name} is said {len(told)} times for {len(paths)} --style")
    for place in over:
        if place not in OVER:
            raise InputError(f"--over must be one of {', '.join(OVER)}, got {place!r}")
    return [Wish(*one) for one in zip(paths, weights, over, strict=True)]


def style(
    photo: Path,
    wishes: Sequence[Wish],
    out: Path,
    settings: Settings,
    keep_background: bool = False,
    device: str = "cpu",
    done: Callable[[int], None] = lambda _: None,
) -> tuple[int, int]:
    """Draw a photo in the style of pictures; its width and height. settings.side: the longer side.

    Raises InputError when a picture cannot be read, or shows no face where a foreground is asked
    for; OSError when the disk will not take the picture.
    """
    if settings.side < LEAST:
        raise InputError(f"--side must be {LEAST} pixels or more, got {settings.side}")
    if not any(wish.weight for wish in wishes):
        raise InputError("every --weight is 0; give a style a weight")
    own = FaceLayers(device) if settings.features == "own" else None
    features = reading(settings, own)
    if isinstance(features, nn.Module):
        features = features.to(device)
    parted = keep_background or any(wish.over == "foreground" for wish in wishes)
    content = opened(photo, settings.side, parted, device)
    styles = []
    for wish in wishes:
        told = opened(wish.path, settings.side, wish.over == "foreground", device)
        styles.append(Style(told.picture, wish.weight, told.where))
    made = transferred(
        content.picture, styles, features, settings, content.where, keep_background, done
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    write(out, as_picture(made[0]))
    return made.shape[3], made.shape[2]


def opened(path: Path, side: int, parted: bool, device: str) -> Opened:
    """A picture with its longer side `side` pixels. parted: with its people's foreground."""
    pixels, faces = _read(path, parted)
    if parted and not any(face.foreground for face in faces):
        raise InputError(f"no face was found in {path}, so it has no foreground; leave it whole")
    scale = side / max(pixels.shape[:2])
    size = [max(round(length * scale), LEAST // 4) for length in pixels.shape[1::-1]]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = torch.from_numpy(cv2.resize(pixels, size, interpolation=way)).to(device)
    picture = small.permute(2, 0, 1)[None].float() / 127.5 - 1
    if not parted:
        return Opened(picture, None)
    mask = cv2.resize(people(pixels, faces), size, interpolation=way)
    return Opened(picture, torch.from_numpy(mask).to(device)[None, None].float() / 255)


def _read(path: Path, search: bool) -> tuple[np.ndarray, list[Face]]:
    """(H, W, 3) uint8 RGB of a file's first frame, and its faces if they are searched."""
    if search:
        found = next(faces_of([str(path)], 0.5))
        if found.error or found.pixels is None:
            raise InputError(found.error or f"{path} is no picture")
        return found.pixels, found.faces
    try:
        window = next(read(next(list_items([path]))))
        return read_whole(window.frame)[0], []
    except UnreadableError as error:
        raise InputError(str(error)) from None


def people(pixels: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
    """(H, W) uint8: the foregrounds of all faces of a frame."""
    height, width = pixels.shape[:2]
    whole = np.zeros((height, width), np.uint8)
    for face in faces:
        if face.foreground:
            box, mask = face.foreground.box, face.foreground.mask
            matrix = square(*box.centre, box.width, len(mask))
            laid = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_LINEAR)
            whole = np.maximum(whole, laid)
    return whole
