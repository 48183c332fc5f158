"""Faces drawn on pictures."""

from __future__ import annotations

import cv2
import numpy as np

from data.face import Box, Face
from data.landmarks import lines

COLOURS = {"photo": (40, 200, 255), "drawn": (255, 90, 160)}
PERSON = (90, 220, 90)
_SHIFT = 4  # fractional bits of cv2's drawing coordinates


def draw_face(pixels: np.ndarray, face: Face, by_person: bool = False) -> None:
    """Box, contours, points and a line of words, drawn into (H, W, 3) uint8 RGB in place."""
    colour = PERSON if by_person else COLOURS[face.domain]
    size = max(face.box.size, 8)
    thick = max(round(size / 120), 1)
    box, points = face.box, face.landmarks
    corners = np.array(
        [(box.x, box.y), (box.x + box.width, box.y), (box.x + box.width, box.y + box.height),
         (box.x, box.y + box.height)]
    )  # fmt: skip
    cv2.polylines(pixels, [_fixed(corners)], True, colour, thick, cv2.LINE_AA, _SHIFT)
    for one, other in lines():
        if np.isfinite(points[[one, other]]).all():
            ends = _fixed(points[[one, other]])
            cv2.polylines(pixels, [ends], False, colour, thick, cv2.LINE_AA, _SHIFT)
    for point in points[np.isfinite(points).all(1)]:
        centre = [int(at) for at in _fixed(point)]
        radius = int(max(size / 90, 1) * 2**_SHIFT)
        cv2.circle(pixels, centre, radius, (255, 255, 255), -1, cv2.LINE_AA, _SHIFT)
    words = [f"{face.score:.2f}", *(tag.replace("_", " ") for tag in face.tags)]
    if face.gender:
        words.append(face.gender.name)
    _write(pixels, words, box, colour)


def _write(pixels: np.ndarray, words: list[str], box: Box, colour: tuple[int, int, int]) -> None:
    """One below the other under the box, dark on the box's colour; left out where they are tiny."""
    scale = min(box.size / 260, 0.9)
    if scale < 0.25:
        return
    x, y = int(box.x), int(box.y + box.height) + 2
    for word in words:
        (width, height), base = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        low = y + height + base + 2
        cv2.rectangle(pixels, (x, y), (x + width + 4, low), colour, -1)
        at = (x + 2, y + height + 2)
        ink = (20, 16, 20)
        cv2.putText(pixels, word, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 1, cv2.LINE_AA)
        y = low


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SHIFT).astype(np.int32)
