"""Photo or drawn: a small network on how a picture's tones and edges are spread.

Drawings are flat areas between sharp lines; photos are smooth shading and grain. Fitted by
`toolkit fit domain`; the card is `domain.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

HIDDEN = 32
SIDE = 128  # the picture is looked at with this longer side, pixels
_STEPS = np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 1024])  # grey levels a pixel


def drawn_likelihood(pixels: np.ndarray) -> float:
    """How likely a picture, or the part of one around a face, is drawn: 0 to 1.

    pixels: (H, W, 3) uint8 RGB, any size.
    """
    weights = _weights()
    layer = (measure(pixels) - weights["mean"]) / weights["scale"]
    layer = np.maximum(layer @ weights["hidden"] + weights["hidden_bias"], 0)
    return float(1 / (1 + np.exp(-(layer @ weights["out"] + weights["out_bias"]))))


def measure(pixels: np.ndarray) -> np.ndarray:
    """(F,) float64: shares of edge strengths at two scales, of tones, of saturation."""
    small = _shrunk(pixels, SIDE)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    half = _shrunk(grey, SIDE // 2)
    saturation = cv2.cvtColor(small, cv2.COLOR_RGB2HSV)[..., 1]
    tones = np.sort(np.bincount((grey / 8).astype(int).ravel(), minlength=32))[::-1] / grey.size
    coarse = small.astype(np.uint16) // 16 @ np.array([256, 16, 1], np.uint16)
    colours = np.count_nonzero(np.bincount(coarse.ravel(), minlength=4096)) / grey.size
    parts = [
        _shares(_edges(grey)),
        _shares(_edges(half)),
        _shares(np.abs(cv2.Laplacian(grey, cv2.CV_32F))),
        np.cumsum(tones)[[0, 1, 3, 7]],
        [colours**0.5, (grey > 245).mean(), (grey < 16).mean()],
        np.percentile(saturation, [10, 50, 90]) / 255,
    ]
    return np.concatenate(parts)


def fit(photos: Iterable[np.ndarray], drawings: Iterable[np.ndarray]) -> dict[str, Any]:
    """Weights for `domain.json`; each picture also counts in grey, cropped and shrunk."""
    from sklearn.neural_network import MLPClassifier

    rng = np.random.default_rng(0)
    rows, drawn = [], []
    for is_drawn, pictures in ((0, photos), (1, drawings)):
        for pixels in pictures:
            height, width = pixels.shape[:2]
            grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
            middle = pixels[height // 5 : -height // 5, width // 5 : -width // 5]
            far, near = (_shrunk(one, int(rng.uniform(24, 128))) for one in (pixels, middle))
            rows += [measure(one) for one in (pixels, grey, middle, far, near)]
            drawn += [is_drawn] * 5
    table = np.array(rows)
    mean, scale = table.mean(0), table.std(0) + 1e-6
    model = MLPClassifier(HIDDEN, alpha=0.1, early_stopping=True, random_state=0, max_iter=300)
    model.fit((table - mean) / scale, drawn)
    return {
        "mean": mean.round(5).tolist(),
        "scale": scale.round(5).tolist(),
        "hidden": model.coefs_[0].round(4).tolist(),
        "hidden_bias": model.intercepts_[0].round(4).tolist(),
        "out": model.coefs_[1][:, 0].round(4).tolist(),
        "out_bias": round(float(model.intercepts_[1][0]), 4),
    }


def _edges(grey: np.ndarray) -> np.ndarray:
    return cv2.magnitude(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, scale=0.125),
        cv2.Sobel(grey, cv2.CV_32F, 0, 1, scale=0.125),
    )


def _shares(strengths: np.ndarray) -> np.ndarray:
    return np.histogram(strengths, _STEPS)[0] / strengths.size


def _shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    scale = side / max(pixels.shape[:2])
    if scale >= 1:
        return pixels
    size = [max(round(length * scale), 1) for length in pixels.shape[1::-1]]
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Any]:
    kept = json.loads(files("detectors").joinpath("domain.json").read_text())
    return {name: np.array(value) for name, value in kept.items() if name != "about"}
