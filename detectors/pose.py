"""How a head is turned, from its 68 landmarks alone."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from math import asin, atan2, degrees

import numpy as np

from data.face import Pose

FEWEST = 6
STILL = 1e-4  # radians a round; what is then left is a fortieth of a degree
ROUNDS = 50


def pose(landmarks: np.ndarray, model: np.ndarray | None = None) -> Pose | None:
    """Roll, yaw and pitch in degrees, by a scaled orthographic fit of a mean face.

    landmarks: (68, 2), pixels; NaN points are left out, None comes back for fewer than 6 others
    or when they lie on one spot. model: (68, 3), x right, y down, z to the back; the shipped one
    by default. The turns are in the order roll, yaw, pitch about the head's own axes. Yaw and
    pitch of drawings are rough: they have other proportions than the mean photographed face.
    """
    given = np.isfinite(landmarks).all(1)
    if given.sum() < FEWEST:
        return None
    seen = landmarks[given].astype(np.float64)
    points = seen - seen.mean(0)
    size = np.sqrt((points**2).sum(1).mean())
    if size < 1e-6:
        return None
    shape = (canonical() if model is None else model)[given]
    return _angles(_rotation(points / size, shape - shape.mean(0)))


@lru_cache(1)
def canonical() -> np.ndarray:
    """(68, 3) mean face, upright, facing the reader; not to be written to."""
    text = files("detectors").joinpath("canonical68.json").read_text("utf-8")
    return np.array(json.loads(text)["points"])


def _rotation(points: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(3, 3) rotation R and a scale that make scale * shape @ R.T[:, :2] nearest to points.

    The affine fit with its rows made orthogonal (Tomasi & Kanade 1992) starts it; then depths
    and rotation take turns (Lu, Hager & Mjolsness 2000, orthographic), each step no worse.
    """
    affine = np.linalg.lstsq(shape, points, rcond=1e-6)[0].T
    left, spread, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    rotation = np.vstack([rows, np.cross(*rows)])
    scale = spread.mean()
    seen, own = points.T @ shape, shape.T @ shape
    for _ in range(ROUNDS):
        depths = rotation[2] @ own * scale
        before, rotation = rotation, nearest_rotation(np.vstack([seen, depths]))
        rows = rotation[:2]
        scale = max((rows * seen).sum() / max((rows @ own * rows).sum(), 1e-12), 1e-6)
        if np.abs(rotation - before).max() < STILL:
            break
    return rotation


def nearest_rotation(matrix: np.ndarray) -> np.ndarray:
    """The (3, 3) rotation R with the greatest trace(R.T @ matrix) (Kabsch 1976)."""
    left, _, right = np.linalg.svd(matrix)
    left[:, 2] *= np.linalg.det(left @ right)
    return left @ right


def _angles(rotation: np.ndarray) -> Pose:
    """Of roll @ yaw @ pitch."""
    return Pose(
        roll=degrees(atan2(rotation[1, 0], rotation[0, 0])),
        yaw=degrees(asin(np.clip(rotation[2, 0], -1, 1))),
        pitch=degrees(atan2(-rotation[2, 1], rotation[2, 2])),
    )
