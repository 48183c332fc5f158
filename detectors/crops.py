"""The crops that the landmark network reads: squares about a face, leaned as it leans."""

from __future__ import annotations

from math import atan2, degrees

import cv2
import numpy as np

SIDE = 96  # pixels of a crop
SHARP = 0.6  # of a frame's size, at which a crop is cut out of it as it is
REACH = 1.5  # a crop's side, in the longer side of the box around the face's points


def turning(x: float, y: float, side: float, lean: float) -> np.ndarray:
    """(2, 3) frame pixels to crop pixels: a square about x, y, leaned clockwise by degrees."""
    scale, angle = SIDE / side, np.radians(lean)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    rows = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
    rows[:, 2] = SIDE / 2 - 0.5 - rows[:, :2] @ (x, y)
    return rows


def square(points: np.ndarray) -> tuple[float, float, float, float]:
    """Middle x and y, longer side, lean in degrees of a face by its (68, 2) points."""
    down = points[48:68].mean(0) - points[36:48].mean(0)
    lean = -atan2(down[0], down[1])
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    upright = points @ turn.T
    low, high = upright.min(0), upright.max(0)
    x, y = (low + high) / 2 @ turn
    return x, y, float((high - low).max()), degrees(lean)


def sharp_cut(pixels: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """The crop that `turning` tells, (SIDE, SIDE, 3), without flicker where it shrinks much."""
    scale = float(np.hypot(*turn[0, :2]))
    if scale < SHARP:
        pixels, turn = _around(pixels, turn)
    while scale < SHARP and min(pixels.shape[:2]) > 1:  # halved first, that nothing flickers
        size = np.array(pixels.shape[1::-1])
        pixels = cv2.resize(pixels, (size // 2).tolist(), interpolation=cv2.INTER_AREA)
        share = size // 2 / size
        # A small pixel's middle lies in the middle of those it is made of.
        turn = np.column_stack(
            [turn[:, :2] / share, turn[:, :2] @ (0.5 / share - 0.5) + turn[:, 2]]
        )
        scale *= 2
    return cv2.warpAffine(
        pixels, turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )


def _around(pixels: np.ndarray, turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of a frame that a crop reads, with what is mirrored beyond its edges; and its turn.

    Shrinking the whole of a big frame for every face takes longer than all else.
    """
    back = cv2.invertAffineTransform(turn)
    corners = np.array([[0, 0], [SIDE, 0], [0, SIDE], [SIDE, SIDE]]) @ back[:, :2].T + back[:, 2]
    size = np.array(pixels.shape[1::-1])
    low, high = corners.min(0) - 2, corners.max(0) + 3
    beyond = np.maximum(np.maximum(-low, high - size), 0)
    left, top = np.clip(low - beyond, 0, size - 1).astype(int)
    # Multiples of eight, where the frame goes on, since even sides are halved the quickest.
    wide = np.maximum(np.ceil((high + beyond - (left, top)) / 8), 1) * 8
    right, bottom = np.minimum((left, top) + wide, size).astype(int)
    moved = np.column_stack([turn[:, :2], turn[:, :2] @ (left, top) + turn[:, 2]])
    return pixels[top:bottom, left:right], moved
