"""Squares cut out of frames: sampled by area, anywhere, at any turn.

A square's matrix is (2, 3): a pixel (u, v) of the crop shows the frame at matrix @ (u, v, 1);
pixel centres lie at integers in both.
"""

from __future__ import annotations

from math import atan2, ceil, cos, sin

import cv2
import numpy as np

from data.face import Box
from data.landmarks import LEFT_EYE, RIGHT_EYE


def square(x: float, y: float, size: float, side: int, roll: float = 0.0) -> np.ndarray:
    """Matrix of a crop of `side` pixels that shows the square around (x, y), `size` wide.

    size: frame pixels. roll: radians by which the square is turned clockwise on the frame.
    """
    turn = np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]]) * size / side
    return np.column_stack([turn, np.array([x, y]) + turn @ np.full(2, 0.5 - side / 2)])


def upright_square(box: Box, landmarks: np.ndarray, reach: float, side: int) -> np.ndarray:
    """Matrix of the square around a face, turned so that its eyes are level.

    landmarks: (68, 2), frame pixels. reach: size of the square, of the box's longer side.
    """
    dx, dy = np.nanmean(landmarks[RIGHT_EYE], 0) - np.nanmean(landmarks[LEFT_EYE], 0)
    roll = atan2(dy, dx) if np.isfinite(dx + dy) else 0.0
    return square(*box.centre, max(reach * max(box.width, box.height), 2.0), side, roll)


def inside(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Frame points (N, 2) to crop pixels."""
    return (points - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T


def cut(pixels: np.ndarray, matrix: np.ndarray, side: int, border: int | None = None) -> np.ndarray:
    """(side, side[, 3]) uint8 of the frame's; beyond its edge the edge is repeated.

    pixels: (H, W[, 3]) uint8. border: this value beyond the frame's edge instead.
    """
    height, width = pixels.shape[:2]
    ends = np.array([(0, 0, 1), (side, 0, 1), (0, side, 1), (side, side, 1)]) @ matrix.T
    (left, top), (right, bottom) = ends.min(0) - 2, ends.max(0) + 2
    left, right = np.clip([left, right], 0, width).astype(int)
    top, bottom = np.clip([top, bottom], 0, height).astype(int)
    left, top = min(left, width - 1), min(top, height - 1)
    part = pixels[top : max(bottom, top + 1), left : max(right, left + 1)]
    moved = matrix.copy()
    moved[:, 2] -= left, top
    shrink = int(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    if shrink > 1:  # else a big square would be sampled at every n-th pixel only
        high, wide = (ceil(n / shrink) for n in part.shape[:2])
        below, beside = high * shrink - part.shape[0], wide * shrink - part.shape[1]
        part = cv2.copyMakeBorder(part, 0, below, 0, beside, cv2.BORDER_REPLICATE)
        part = cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA)
        moved = moved / shrink
        moved[:, 2] += 0.5 / shrink - 0.5
    return cv2.warpAffine(
        part,
        moved,
        (side, side),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT,
        borderValue=(border or 0,) * 3,
    )
