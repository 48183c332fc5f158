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
    words = [f"{face.score:.2f}", *face.tags]
    if face.gender:
        words.append(face.gender.name)
    _write(pixels, " ".join(words), box, colour)


def _write(pixels: np.ndarray, text: str, box: Box, colour: tuple[int, int, int]) -> None:
    scale = max(min(box.size / 250, 1.2), 0.35)
    at = int(max(box.x, 0)), int(max(box.y - 4 * scale, 14 * scale))
    for shade, thick in (((0, 0, 0), 3), (colour, 1)):
        cv2.putText(pixels, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, shade, thick, cv2.LINE_AA)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SHIFT).astype(np.int32)
