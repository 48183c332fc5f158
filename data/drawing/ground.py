"""What lies behind people: plain, faded, patterned, speed lines, a sky, a room."""

from __future__ import annotations

import cv2
import numpy as np


def ground(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a background nobody stands before yet."""
    one, other = rng.integers(20, 256, (2, 3))
    kind = rng.random()
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = one if rng.random() < 0.7 else (255, 255, 255)
    if kind < 0.25:
        return canvas
    if kind < 0.45:
        fade = np.linspace(0, 1, height)[:, None, None]
        canvas[:] = one * (1 - fade) + other * fade
        return canvas
    if kind < 0.6:  # clouds of colour
        coarse = rng.integers(0, 256, (*rng.integers(2, 9, 2), 3)).astype(np.uint8)
        return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    if kind < 0.72:  # speed lines
        x, y = rng.uniform(0, 1, 2) * (width, height)
        for turn in rng.uniform(0, 2 * np.pi, 70):
            near, far = rng.uniform(0.25, 0.5) * width, 2 * width
            step = np.array([np.cos(turn), np.sin(turn)])
            ends = [
                tuple((np.array([x, y]) + reach * step).astype(int).tolist())
                for reach in (near, far)
            ]
            cv2.line(canvas, ends[0], ends[1], other.tolist(), int(rng.integers(1, 3)), cv2.LINE_AA)
        return canvas
    for _ in range(rng.integers(4, 26)):  # things: boxes, discs, corners, lines
        colour = rng.integers(0, 256, 3).tolist()
        x, y = (int(value) for value in rng.uniform(0, 1, 2) * (width, height))
        a, b = (int(value) for value in rng.uniform(0.03, 0.4, 2) * width)
        shape = rng.random()
        if shape < 0.35:
            cv2.rectangle(canvas, (x, y), (x + a, y + b), colour, -1)
            if rng.random() < 0.5:
                cv2.rectangle(canvas, (x, y), (x + a, y + b), (20, 20, 20), 1)
        elif shape < 0.6:
            cv2.ellipse(canvas, (x, y), (a, b), 0, 0, 360, colour, -1, cv2.LINE_AA)
        elif shape < 0.8:
            corners = (rng.uniform(-1, 1, (int(rng.integers(3, 6)), 2)) * a + (x, y)).astype(
                np.int32
            )
            cv2.fillPoly(canvas, [corners], colour, cv2.LINE_AA)
        else:
            cv2.line(
                canvas, (x, y), (x + a, y + b - a), colour, int(rng.integers(1, 5)), cv2.LINE_AA
            )
    return canvas
