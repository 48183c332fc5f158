"""What becomes of a drawing: toned for print, lit, shrunk, scanned, packed."""

from __future__ import annotations

import cv2
import numpy as np


def toned(pixels: np.ndarray, tone: str, rng: np.random.Generator) -> np.ndarray:
    """A drawing in colour, in greys, in black and white ("ink"), or with dots for greys ("screen").

    pixels: (H, W, 3) uint8 RGB; returned as such.
    """
    if tone == "colour":
        return pixels
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    if tone == "ink":
        dark = rng.uniform(70, 130)
        grey = np.clip((grey.astype(np.float32) - dark) * 6 + 128, 0, 255).astype(np.uint8)
    elif tone == "screen":
        grey = _screened(grey, rng)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def _screened(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark to black, light to white, dots between: as manga prints greys."""
    height, width = grey.shape
    turn, step = rng.uniform(0, np.pi / 2), rng.uniform(2.2, 6.0)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    across, down = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    dots = (np.cos(across * 2 * np.pi / step) + np.cos(down * 2 * np.pi / step)) / 4 + 0.5
    low, high = rng.uniform(50, 90), rng.uniform(170, 235)
    share = np.clip((grey - low) / (high - low), 0, 1)
    soft = np.clip((share - dots) * rng.uniform(3, 8) + 0.5, 0, 1)
    made = np.where(grey > high, 1.0, np.where(grey < low, 0.0, soft))
    return (made * 255).astype(np.uint8)


def aged(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light, colour cast, blur, noise, shrinking and JPEG, each now and then; same size."""
    height, width = pixels.shape[:2]
    made = pixels.astype(np.float32)
    if rng.random() < 0.35:  # lit by lamps, dusk, a filter
        made *= rng.uniform(0.55, 1.15, 3)
    if rng.random() < 0.25:  # light falling off across the picture
        end = rng.uniform(0.4, 1.2, 3)
        ramp = np.linspace(0, 1, width if rng.random() < 0.5 else height, dtype=np.float32)
        ramp = ramp[None, :, None] if len(ramp) == width else ramp[:, None, None]
        made *= 1 - ramp + ramp * end
    if rng.random() < 0.3:
        made = (made - 128) * rng.uniform(0.45, 1.3) + 128 + rng.uniform(-40, 40)
    if rng.random() < 0.2:
        made += rng.normal(0, rng.uniform(2, 10), made.shape[:2] + (1,))
    made = np.clip(made, 0, 255).astype(np.uint8)
    how = rng.random()
    if how < 0.2:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.4, 1.4))
    elif how < 0.45:
        share = rng.uniform(0.3, 0.9)
        small = (max(int(width * share), 8), max(int(height * share), 8))
        made = cv2.resize(made, small, interpolation=cv2.INTER_AREA)
        made = cv2.resize(made, (width, height), interpolation=cv2.INTER_LINEAR)
    elif how < 0.55:  # an overdone sharpening
        soft = cv2.GaussianBlur(made, (0, 0), 1.2)
        made = cv2.addWeighted(made, 1.8, soft, -0.8, 0)
    if rng.random() < 0.4:
        _, packed = cv2.imencode(
            ".jpg", made, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        )
        made = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return made
