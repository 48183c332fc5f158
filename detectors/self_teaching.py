"""Real drawings without labels as teachers: the networks' own sure answers, and their mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from data.face import Box
from data.landmarks import mirrored
from detectors.crops import REACH, sharp_cut, turning
from detectors.drawn import DrawnDetector, Found
from detectors.examples import FACE, Examples
from detectors.pages import Pages

AGREED = 0.035  # of the face's size: how far apart answers about one face may lie
SURE = 0.55  # median landmark score from which an answer is believed


def own_answers(
    pictures: Iterable[tuple[np.ndarray, Box]], detector: DrawnDetector
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces whose points the detector places alike however it looks at them.

    pictures: (H, W, 3) uint8 RGB and about where their face is. It is looked at as it is,
    mirrored, and from nearer and farther; the answers' mean is the teacher. Yields pixels, (72, 2)
    points with NaN where answers differ, and traits, as `examples.pictured` takes them.
    """
    for pixels, box in pictures:
        width = pixels.shape[1]
        flipped = np.ascontiguousarray(pixels[:, ::-1])
        there = Box(width - box.x - box.width, box.y, box.width, box.height)
        answers, scores = [], []
        for share in (0.92, 1.1):
            for picture, at, turn in ((pixels, box, False), (flipped, there, True)):
                (x, y), wide, high = at.centre, at.width * share, at.height * share
                [face] = detector.place(
                    picture, [Found(Box(x - wide / 2, y - high / 2, wide, high), 1.0)]
                )
                marks = face.landmarks
                answers.append(mirrored(marks, width) if turn else marks)
                scores.append(float(np.median(face.landmark_scores)))
        points = np.mean(answers, 0)
        size = float(np.sqrt(np.ptp(points, 0).prod()))
        apart = np.linalg.norm(np.array(answers) - points, axis=2).mean(0) / max(size, 1.0)
        if np.mean(scores) < SURE or np.median(apart) > AGREED:
            continue
        whole = np.full((72, 2), np.nan, np.float32)
        whole[:68] = np.where(apart[:, None] < 2 * AGREED, points, np.nan)
        yield pixels, whole, np.array([1, np.nan, np.nan])


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


def _inside(one: Box, other: Box) -> float:
    """Share of one box that lies in the other."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(wide, 0.0) * max(high, 0.0) / max(one.width * one.height, 1e-6)


def as_pages(pictures: Iterable[np.ndarray], side: int = 320) -> Pages:
    """Pictures without faces as pages, their longer side filling one."""
    made = []
    for pixels in pictures:
        scale = side / max(pixels.shape[:2])
        size = (max(round(pixels.shape[1] * scale), 1), max(round(pixels.shape[0] * scale), 1))
        page = np.full((side, side, 3), 255, np.uint8)
        page[: size[1], : size[0]] = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        made.append(page)
    pages = Pages.empty(len(made))
    pages.pixels[:] = made
    return pages
