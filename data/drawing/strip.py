"""Webtoon strips: panels one below the other, with people in them."""

from __future__ import annotations

import cv2
import numpy as np

from data.drawing.character import FINE, Character, Drawing, finished, paint
from data.face import Face

GUTTERS = ((255, 255, 255), (16, 16, 20), (236, 226, 240))


def draw_strip(seed: int, width: int = 690, panels: int = 5) -> Drawing:
    """A strip of so many panels; faces and panels in the strip's pixels.

    width: pixels; the height follows from the panels.
    """
    rng = np.random.default_rng(seed)
    gutter = GUTTERS[int(rng.integers(len(GUTTERS)))]
    gap = int(width * 0.14)
    heights = [int(width * rng.uniform(0.62, 0.95)) for _ in range(panels)]
    height = sum(heights) + gap * (panels + 1)
    canvas = np.full((height * FINE, width * FINE, 3), gutter, np.uint8)
    mask = np.zeros(canvas.shape[:2], np.uint8)
    faces: list[Face] = []
    places = []
    top = gap
    for tall in heights:
        inset = int(width * rng.choice([0.0, 0.06]))
        place = (inset, top, width - 2 * inset, tall)
        faces += _panel(rng, canvas, mask, place)
        places.append(place)
        top += tall + gap
    return finished(canvas, mask, faces, width, height, places)


def _panel(
    rng: np.random.Generator,
    canvas: np.ndarray,
    mask: np.ndarray,
    place: tuple[int, int, int, int],
) -> list[Face]:
    x, y, width, height = (value * FINE for value in place)
    view, seen = canvas[y : y + height, x : x + width], mask[y : y + height, x : x + width]
    one, other = rng.integers(90, 250, (2, 3))
    fade = np.linspace(0, 1, height)[:, None, None]
    view[:] = (one * (1 - fade) + other * fade).astype(np.uint8)
    count = int(rng.integers(1, 4))
    faces = []
    for number in range(count):
        unit = height * rng.uniform(0.19, 0.23) / (1 + 0.28 * (count - 1))
        across = width * (number + 0.5) / count + rng.uniform(-0.02, 0.02) * width
        face = paint(view, seen, Character.sample(rng), across, height * 0.5, unit)
        faces.append(face.moved(x, y))
    if rng.random() < 0.6:
        _balloon(rng, view)
    cv2.rectangle(view, (0, 0), (width - 1, height - 1), (20, 20, 24), 2 * FINE)
    return faces


def _balloon(rng: np.random.Generator, view: np.ndarray) -> None:
    """A speech balloon in an upper corner, with lines for words."""
    height, width = view.shape[:2]
    side = float(rng.choice([0.12, 0.88]))
    at, axes = (round(side * width), round(0.12 * height)), (width // 10, height // 12)
    cv2.ellipse(view, at, axes, 0, 0, 360, (255, 255, 255), -1, cv2.LINE_AA)
    cv2.ellipse(view, at, axes, 0, 0, 360, (20, 20, 24), FINE, cv2.LINE_AA)
    for row in (-1, 0, 1):
        reach = axes[0] * (0.55 if row == 0 else 0.4)
        level = at[1] + row * axes[1] // 3
        cv2.line(
            view, (round(at[0] - reach), level), (round(at[0] + reach), level), (60, 60, 66), FINE
        )
