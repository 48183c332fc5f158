"""From the mesh's 478 points to iBUG's 68: a vertex a point, and what people draw beside it.

Nobody's 68 points are vertices of the mesh: the jaw people draw slides with the head's turn.
So each point is its vertex plus an offset in the face's own frame, linear in the first few
principal shapes of the mesh. The numbers are in mesh68.json; mesh68.md is their card.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from math import atan2
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from detectors.mesh import LEFT_CORNER, RIGHT_CORNER, turn

# fmt: off
# The best known vertex for each of the 68 points (measured against two other lists in use).
VERTICES = np.array([
    127, 234, 132, 58, 172, 150, 149, 148, 152, 377, 378, 379, 397, 288, 361, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 5, 4, 98, 97, 2, 326, 327,
    130, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 321, 314, 17, 84, 91, 78, 82, 13, 312, 308, 317, 14, 87,
])
# fmt: on


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    """A face's own frame: centre (3,), radius (RMS distance of the mesh from it), roll."""

    centre: np.ndarray
    radius: float
    roll: float

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Frame pixels (N, 2 or 3) to the face's own frame: upright, centred, of unit size."""
        local = (points - self.centre[: points.shape[1]]).astype(np.float64)
        local[:, :2] = local[:, :2] @ turn(self.roll)
        return local / self.radius

    def outside(self, local: np.ndarray) -> np.ndarray:
        """The inverse of `inside` for (N, 2)."""
        return local * self.radius @ turn(self.roll).T + self.centre[:2]


def frame_of(mesh: np.ndarray) -> FaceFrame:
    """mesh: (478, 3), frame pixels. The ten iris points are left out: they follow the gaze."""
    head = mesh[:468].astype(np.float64)
    dx, dy = head[RIGHT_CORNER, :2] - head[LEFT_CORNER, :2]
    centre = head.mean(0)
    radius = float(np.sqrt(((head - centre) ** 2).sum(1).mean()))
    return FaceFrame(centre, max(radius, 1e-6), atan2(dy, dx))


@dataclass(frozen=True, slots=True, eq=False)
class Offsets:
    """The fitted numbers, all in the face's own frame.

    mean: (V, 3) of the seen vertices; shapes: (K, V, 3) principal shapes over their spread;
    weights: (1 + K, 68, 2) constant offset and how it changes with each shape;
    errors: (68,) root mean square distance to people's points after all that.
    """

    seen: np.ndarray
    mean: np.ndarray
    shapes: np.ndarray
    weights: np.ndarray
    errors: np.ndarray

    def landmarks(self, mesh: np.ndarray) -> np.ndarray:
        """(478, 3) mesh points to (68, 2) float32 landmarks, both frame pixels."""
        face = frame_of(mesh)
        local = face.inside(mesh)
        features = self.features(local[self.seen])
        offsets = np.tensordot(features, self.weights, 1)
        return face.outside(local[VERTICES, :2] + offsets).astype(np.float32)

    def features(self, seen: np.ndarray) -> np.ndarray:
        """(V, 3) in the face's own frame to (1 + K,): one, and the amount of each shape."""
        return np.append(1.0, np.tensordot(self.shapes, seen - self.mean, 2))


def from_dict(numbers: dict[str, Any]) -> Offsets:
    """What `detectors.fit_offsets` gives, and mesh68.json holds."""
    fields = ("mean", "shapes", "weights", "errors")
    return Offsets(np.array(numbers["seen"]), *(np.array(numbers[name]) for name in fields))


@lru_cache(1)
def shipped() -> Offsets:
    """The offsets that come with the package, or those of the folder $TOOLKIT_WEIGHTS."""
    place = files("detectors").joinpath("mesh68.json")
    if (weights := os.environ.get("TOOLKIT_WEIGHTS")) and Path(weights, "mesh68.json").is_file():
        place = Path(weights, "mesh68.json")
    try:
        return from_dict(json.loads(place.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the offsets {place} cannot be used ({error}); fit them again with "
            "toolkit fit offsets, or unset TOOLKIT_WEIGHTS"
        ) from None
