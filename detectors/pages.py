"""What the finder learns from: drawn pages, and real faces and scenes laid out on pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from data.drawing.finish import aged
from data.drawing.ground import ground
from data.drawing.strip import draw_page
from detectors.examples import restyled

SIDE = 320  # pixels of a page
MOST = 24  # faces told of a page


@dataclass(frozen=True, slots=True, eq=False)
class Pages:
    """N pages. pixels: (N, SIDE, SIDE, 3) uint8 RGB. boxes: (N, MOST, 5) float32: x, y, width,
    height in pixels and 1 for a face, 0 for a part that counts neither way, NaN where none is.
    """

    pixels: np.ndarray
    boxes: np.ndarray

    @classmethod
    def empty(cls, count: int) -> Pages:
        """Room for so many."""
        return cls(
            np.zeros((count, SIDE, SIDE, 3), np.uint8),
            np.full((count, MOST, 5), np.nan, np.float32),
        )

    @classmethod
    def joined(cls, parts: Sequence[Pages]) -> Pages:
        """All of them, one after the other."""
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__)
        )

    def __len__(self) -> int:
        return len(self.pixels)


def drawn_pages(seed: int, count: int) -> Pages:
    """Pages we draw."""
    made = Pages.empty(count)
    for number in range(count):
        page = draw_page(seed + number, SIDE, SIDE, worn=True)
        made.pixels[number] = page.pixels
        for at, face in enumerate(page.faces[:MOST]):
            made.boxes[number, at] = face.box.x, face.box.y, face.box.width, face.box.height, 1
    return made


def laid_out(
    faces: Sequence[tuple[np.ndarray, np.ndarray]],
    others: Sequence[np.ndarray],
    seed: int,
    count: int,
) -> Pages:
    """Real pictures of faces and of other things, as panels of any size on a page.

    faces: (H, W, 3) uint8 RGB and (K, 5) boxes as in `Pages`; others: pictures without faces.
    """
    rng = np.random.default_rng(seed)
    made = Pages.empty(count)
    for number in range(count):
        page = (
            ground(rng, SIDE, SIDE)
            if rng.random() < 0.6
            else np.full((SIDE, SIDE, 3), 255, np.uint8)
        )
        boxes: list[np.ndarray] = []
        across, down = int(rng.integers(1, 5)), int(rng.integers(1, 5))
        for row in range(down):
            for column in range(across):
                wide, tall = SIDE // across, SIDE // down
                view = page[row * tall : (row + 1) * tall, column * wide : (column + 1) * wide]
                what = rng.random()
                if what < 0.15:
                    continue
                if what < 0.5:
                    _place(rng, view, others[int(rng.integers(len(others)))], np.zeros((0, 5)))
                    continue
                told = _place(rng, view, *faces[int(rng.integers(len(faces)))])
                boxes.append(told + (column * wide, row * tall, 0, 0, 0))
        made.pixels[number] = aged(restyled(page, rng), rng)
        whole = np.concatenate(boxes)[:MOST] if boxes else np.zeros((0, 5))
        made.boxes[number, : len(whole)] = whole
    return made


def _place(
    rng: np.random.Generator, view: np.ndarray, picture: np.ndarray, boxes: np.ndarray
) -> np.ndarray:
    """Lay a picture into a view, mirrored, scaled and cut; its boxes there."""
    height, width = view.shape[:2]
    scale = max(height / picture.shape[0], width / picture.shape[1]) * float(
        np.exp(rng.normal(-0.1, 0.35))
    )
    size = (max(round(picture.shape[1] * scale), 8), max(round(picture.shape[0] * scale), 8))
    small = cv2.resize(
        picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    boxes = boxes.copy()
    boxes[:, :4] *= scale
    if rng.random() < 0.5:
        small = small[:, ::-1]
        boxes[:, 0] = size[0] - boxes[:, 0] - boxes[:, 2]
    # A smaller picture lies anywhere in the view, a bigger one is cut.
    x = int(rng.uniform(min(width - size[0], 0), max(width - size[0], 0) + 1))
    y = int(rng.uniform(min(height - size[1], 0), max(height - size[1], 0) + 1))
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + size[0], width), min(y + size[1], height)
    view[top:bottom, left:right] = small[top - y : bottom - y, left - x : right - x]
    boxes[:, :2] += (x, y)
    low = np.maximum(boxes[:, :2], (left, top))
    high = np.minimum(boxes[:, :2] + boxes[:, 2:4], (right, bottom))
    inside = np.clip(high - low, 0, None).prod(1) / np.maximum(boxes[:, 2:4].prod(1), 1)
    boxes[inside < 0.6, 4] = 0
    return boxes[inside > 0.1]
