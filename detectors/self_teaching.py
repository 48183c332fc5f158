"""Pictures without labels as teachers: what the finder takes for faces."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from data.face import Box
from detectors.crops import REACH, SIDE, sharp_cut, turning
from detectors.drawn import DrawnDetector
from detectors.examples import FACE, Examples
from detectors.pages import Pages


def mistakes(pages: Pages, detector: DrawnDetector, seed: int, most: int = 6) -> Examples:
    """Crops where the finder saw a face: with FACE 1 where there is one, 0 where there is none.

    pages: with all their faces told. most: crops without a face kept of one page, the likeliest.
    """
    rng = np.random.default_rng(seed)
    crops, faces = [], []
    for pixels, boxes in zip(pages.pixels, pages.boxes, strict=True):
        known = [(Box(*row[:4].tolist()), row[4]) for row in boxes if np.isfinite(row[4])]
        false = 0
        for found in detector.find(pixels):
            near = max((found.box.overlap(box) for box, _ in known), default=0.0)
            true = any(found.box.overlap(box) > 0.5 and face == 1 for box, face in known)
            inside = max((_inside(found.box, box) for box, _ in known), default=0.0)
            if not true and (near > 0.15 or inside > 0.6 or false >= most):
                continue
            false += not true
            side = max(found.box.width, found.box.height) * REACH
            turn = turning(*found.box.centre, side, float(rng.normal(0, 10)))
            crops.append(sharp_cut(pixels, turn))
            faces.append(float(true))
    made = Examples.empty(len(crops))
    if crops:
        made.pixels[:] = crops
        made.traits[:, FACE] = faces
    return made


def judged(pictures: Iterable[np.ndarray], detector: DrawnDetector, seed: int) -> Examples:
    """Crops where the finder saw a face: with FACE as likely as the detector then holds it for one.

    pictures: (H, W, 3) uint8 RGB. detector: of min_score 0. Points are its own, of likely faces.
    """
    rng = np.random.default_rng(seed)
    crops, points, likely = [], [], []
    for pixels in pictures:
        for found in detector.find(pixels):
            for face in detector.place(pixels, [found]):
                x, y = found.box.centre
                side = max(found.box.width, found.box.height) * REACH
                x, y = (x, y) + rng.normal(0, 0.03, 2) * side
                turn = turning(x, y, side * np.exp(rng.normal(0, 0.06)), float(rng.normal(0, 8)))
                crops.append(sharp_cut(pixels, turn))
                points.append((face.landmarks @ turn[:, :2].T + turn[:, 2]) / SIDE)
                likely.append(face.score)
    made = Examples.empty(len(crops))
    if crops:
        made.pixels[:] = crops
        made.traits[:, FACE] = likely
        made.points[:, :68] = np.where((np.array(likely) > 0.5)[:, None, None], points, np.nan)
    return made


def _inside(one: Box, other: Box) -> float:
    """Share of one box that lies in the other."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(wide, 0.0) * max(high, 0.0) / max(one.width * one.height, 1e-6)
