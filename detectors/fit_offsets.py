"""Fit the offsets between the mesh's vertices and the 68 points people draw."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from data.landmarks import mirrored
from detectors.finding import Finder
from detectors.mesh import Mesh
from detectors.mesh68 import VERTICES, frame_of

SHAPES = 32  # more gain nothing in five-fold cross-validation on 622 faces
RIDGE = 0.1  # pull towards the constant offset, per face and spread of a shape
FEWEST = 2 * SHAPES

# fmt: off
# What the offsets may depend on: the 68 vertices, the face's oval, and neighbours of both.
SEEN = sorted({
    *VERTICES.tolist(),
    10, 21, 54, 67, 93, 103, 109, 136, 162, 176, 251, 284, 297, 323, 332, 338, 365, 389, 400,
    6, 33, 71, 75, 181, 195, 205, 215, 227, 240, 301, 305, 405, 401, 425, 435, 177, 55, 285,
    101, 330, 50, 280, 199, 200, 164, 9, 8,
})
# fmt: on


def fit_offsets(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """Ridge regression of people's landmarks on the shape of the mesh.

    pairs: pixels (H, W, 3) uint8 RGB and landmarks (68, 2), pixel centres at integers. Every face
    is used twice, as it is and mirrored, so the offsets favour no side.
    Gives what `mesh68.from_dict` reads, `faces` and `missed` beside it.
    Raises ValueError when fewer than 64 faces are found.
    """
    finder, mesh = Finder(), Mesh()
    seen, gaps, missed = [], [], 0
    for pixels, landmarks in pairs:
        for picture, points in both_ways(pixels, landmarks):
            answer = mesh_at(finder, mesh, picture, points)
            if answer is None:
                missed += 1
                continue
            face = frame_of(answer)
            local = face.inside(answer)
            seen.append(local[SEEN])
            gaps.append(face.inside(points) - local[VERTICES, :2])
    if len(seen) < FEWEST:
        raise ValueError(
            f"{len(seen) // 2} labelled faces were found, at least {FEWEST // 2} are needed"
        )
    return {
        **regress(np.array(seen), np.array(gaps)),
        "faces": len(seen) // 2,
        "missed": missed // 2,
    }


def both_ways(pixels: np.ndarray, landmarks: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The labelled picture and its mirror image."""
    return [(pixels, landmarks), (pixels[:, ::-1], mirrored(landmarks, pixels.shape[1]))]


def mesh_at(
    finder: Finder, mesh: Mesh, pixels: np.ndarray, landmarks: np.ndarray
) -> np.ndarray | None:
    """The mesh of the found face that the landmarks belong to; None when it is not found."""
    middle = landmarks.mean(0)
    reach = 0.35 * np.ptp(landmarks, axis=0).max()
    for one in finder.find(pixels):
        if np.hypot(*(middle - one.box.centre)) < reach:
            return mesh.points(pixels, one.roi, refine=1)[0]
    return None


def regress(seen: np.ndarray, gaps: np.ndarray) -> dict[str, Any]:
    """seen: (N, V, 3) and gaps (N, 68, 2), each in its face's own frame."""
    count, vertices = seen.shape[:2]
    mean = seen.mean(0)
    flat = (seen - mean).reshape(count, -1)
    _, spread, axes = np.linalg.svd(flat, full_matrices=False)
    shapes = axes[:SHAPES] / (spread[:SHAPES, None] / np.sqrt(count))
    features = np.column_stack([np.ones(count), flat @ shapes.T])
    pull = RIDGE * count * np.diag([0.0] + [1.0] * SHAPES)
    targets = gaps.reshape(count, -1)
    weights = np.linalg.solve(features.T @ features + pull, features.T @ targets)
    rest: np.ndarray = (targets - features @ weights).reshape(count, 68, 2)
    return {
        "seen": SEEN,
        "mean": rounded(mean, 5),
        "shapes": rounded(shapes.reshape(SHAPES, vertices, 3), 3),
        "weights": rounded(weights.reshape(-1, 68, 2), 5),
        "errors": rounded(np.sqrt((rest**2).sum(2).mean(0)), 4),
    }


def rounded(numbers: np.ndarray, digits: int) -> list[Any]:
    """Nested lists, as JSON keeps them."""
    return np.round(numbers, digits).tolist()
