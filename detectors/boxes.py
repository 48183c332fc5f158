"""From the finder's grids to boxes, each face once."""

from __future__ import annotations

import numpy as np

LEVELS = (8, 16, 32)  # pixels a cell of the finder's three grids
MOST = 400  # cells looked at in one frame, the likeliest


def boxes_of(grids: list[np.ndarray], least: float, overlap: float = 0.4) -> np.ndarray:
    """(K, 5): left, top, right, bottom in pixels and likelihood of one frame's faces, best first.

    grids: FinderNet's answer, (1, 5, rows, columns) float32 for each of LEVELS. least: likelihood.
    overlap: from which two boxes are one face.
    """
    made = []
    for grid, level in zip(grids, LEVELS, strict=True):
        rows, columns = np.nonzero(grid[0, 0] > np.log(least / (1 - least)))
        logit, *reach = grid[0][:, rows, columns].astype(float)
        left, top, right, bottom = np.exp(np.clip(reach, -6, 5)) * level
        x, y = (columns + 0.5) * level, (rows + 0.5) * level
        likely = 1 / (1 + np.exp(-logit))
        made.append(np.column_stack([x - left, y - top, x + right, y + bottom, likely]))
    found = np.concatenate(made)
    found = found[np.argsort(-found[:, 4], kind="stable")][:MOST]
    kept = []
    while len(found):
        kept.append(found[0])
        found = found[1:][_overlap(found[0], found[1:]) <= overlap]
    return np.array(kept).reshape(-1, 5)


def _overlap(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:4], others[:, 2:4])
    shared = np.maximum(high - low, 0).prod(1)
    both = (one[2:4] - one[:2]).prod() + (others[:, 2:4] - others[:, :2]).prod(1)
    return shared / (both - shared)
