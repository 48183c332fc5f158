"""Derive detectors/canonical68.json, the 3D model that `detectors.pose` fits.

    python benchmarks/canonical68.py        needs ../shared/sets/photo_68.zip

The mean 3D shape (generalised Procrustes, Gower 1975) of MediaPipe's mesh on labelled photos,
at the 68 vertices of `detectors.mesh68`, made symmetric, pitch 0 where the median photo looks.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from photo_points import HERE, LABELLED, labelled

from data.landmarks import MIRRORED
from detectors.finding import Finder
from detectors.fit_offsets import mesh_at
from detectors.mesh import Mesh
from detectors.mesh68 import VERTICES
from detectors.pose import nearest_rotation, pose

FACES = 300
ROUNDS = 10


def shapes() -> np.ndarray:
    """(N, 68, 3) centred, of unit size, each with its mirror image."""
    finder, mesh = Finder(), Mesh()
    found: list[np.ndarray] = []
    for _, pixels, truth in labelled(0):
        points = mesh_at(finder, mesh, pixels, truth)
        if points is None:
            continue
        shape = points[VERTICES].astype(np.float64)
        found += [shape, shape[MIRRORED] * (-1, 1, 1)]
        if len(found) >= 2 * FACES:
            break
    centred = np.array(found) - np.mean(found, axis=1, keepdims=True)
    return centred / np.sqrt((centred**2).sum(2).mean(1))[:, None, None]


def mean_shape(faces: np.ndarray) -> np.ndarray:
    mean = faces.mean(0)
    for _ in range(ROUNDS):
        mean = np.mean([face @ nearest_rotation(face.T @ mean) for face in faces], axis=0)
        mean /= np.sqrt((mean**2).sum(1).mean())
    return (mean + mean[MIRRORED] * (-1, 1, 1)) / 2


def levelled(mean: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Turned about the ear axis so that the median photo has pitch 0."""
    for _ in range(5):
        found = [pose(face[:, :2], mean) for face in faces]
        tilt = np.radians(np.median([one.pitch for one in found if one]))
        cos, sin = np.cos(tilt), np.sin(tilt)
        mean = mean @ np.array([[1, 0, 0], [0, cos, sin], [0, -sin, cos]]).T
    return mean


def main() -> None:
    if not LABELLED.exists():
        print(f"{LABELLED} is not there: the labelled photos are needed.", file=sys.stderr)
        sys.exit(2)
    faces = shapes()
    model = levelled(mean_shape(faces), faces)
    origin = (
        f"Generalised Procrustes mean of MediaPipe 0.10.21's face mesh (Apache-2.0) on "
        f"{len(faces) // 2} photos and their mirror images; x right, y down, z to the back; "
        "benchmarks/canonical68.py"
    )
    text = json.dumps({"origin": origin, "points": model.round(4).tolist()})
    (HERE / "detectors" / "canonical68.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
