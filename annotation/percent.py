"""Frame pixels to Label Studio's percent of the picture, and back."""

from __future__ import annotations

import numpy as np


def to_percent(points: np.ndarray, width: int, height: int) -> np.ndarray:
    """(N, 2) pixels, pixel centres at integers, to float64 percent of the picture."""
    return (np.asarray(points, np.float64) + 0.5) / (width, height) * 100


def from_percent(percent: np.ndarray, width: int, height: int) -> np.ndarray:
    """Inverse of `to_percent`, float64."""
    return np.asarray(percent, np.float64) * (width, height) / 100 - 0.5
