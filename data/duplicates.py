"""Whether two pictures of a film are nearly the same."""

from __future__ import annotations

import cv2
import numpy as np

_SIDE = 16  # cells of the thumbnail


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """(16, 17, 3) int16: mean colours of the cells of (H, W, 3) uint8 RGB."""
    return cv2.resize(pixels, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)


def is_near(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two thumbnails look the same: by difference hash, and no cell far off in colour.

    Difference hash (Krawetz 2013), 256 bits, with a dead zone so that flat areas do not flicker.
    """
    return bool(np.abs(one - other).max() <= 24 and (_hash(one) != _hash(other)).sum() <= 8)


def _hash(cells: np.ndarray) -> np.ndarray:
    grey = cells.sum(axis=-1)
    return grey[:, 1:] > grey[:, :-1] + 6
