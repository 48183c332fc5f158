"""How a viewer reads a photographed face: a small network and a linear model on gradients.

It says how a picture is read, not who a person is. Fitted by `toolkit fit gender`; the card is
`weights/gender.md`. Drawn faces are judged by the landmark network.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from data.face import Gender
from data.landmarks import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from detectors.crops import REACH, sharp_cut, square, turning
from detectors.loading import Run, runner

SURE = 0.55  # of a gender to be told at all; who wants surer ones goes by their scores
WIDTH, HEIGHT = 64, 80  # pixels of the crop
_EYES = np.array([31.5, 34.0])  # where the middle between the eyes lies on it
_REACH = 24.0  # pixels from there to the mouth


def gender_of(male: float) -> Gender | None:
    """How a viewer reads the face, or None where that is not sure. male: likelihood."""
    if max(male, 1 - male) < SURE:
        return None
    return Gender("male" if male > 0.5 else "female", max(male, 1 - male))


def male_likelihood(pixels: np.ndarray, landmarks: np.ndarray) -> float:
    """0 to 1. pixels: (H, W, 3) uint8 RGB, a photo; landmarks: (68, 2), its pixels."""
    x, y, side, lean = square(landmarks)
    crop = sharp_cut(pixels, turning(x, y, max(side, 1) * REACH, lean))
    both = np.stack([crop, crop[:, ::-1]])
    [logits] = _network()(both, measured(pixels, landmarks))
    return float(1 / (1 + np.exp(-logits.mean())))


def measured(pixels: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(2, F) float32 of the face and of its mirror image: histograms of gradients, coarse colours.

    HOG: Dalal & Triggs 2005, 16-pixel blocks, 8-pixel cells, 9 directions.
    """
    left, right = landmarks[LEFT_EYE].mean(0), landmarks[RIGHT_EYE].mean(0)
    middle = (left + right) / 2
    mouth = landmarks[OUTER_LIPS.start : INNER_LIPS.stop].mean(0)
    scale = _REACH / max(float(np.hypot(*(mouth - middle))), 1e-3)
    lean = np.arctan2(*(right - left)[::-1])
    turn = scale * np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    matrix = np.column_stack([turn, _EYES - turn @ middle])
    if scale < 0.5:  # shrunk first, that nothing flickers
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= scale
    crop = cv2.warpAffine(
        pixels, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    hog = cv2.HOGDescriptor((WIDTH, HEIGHT), (16, 16), (8, 8), (8, 8), 9)
    rows = []
    for face in (crop, np.ascontiguousarray(crop[:, ::-1])):
        coarse = cv2.resize(face, (8, 10), interpolation=cv2.INTER_AREA)
        colours = cv2.cvtColor(coarse, cv2.COLOR_RGB2LAB).ravel() / 256
        rows.append(np.r_[np.ravel(hog.compute(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))), colours])
    return np.array(rows, np.float32)


@lru_cache(maxsize=1)
def _network() -> Run:
    return runner("gender", "cpu")
