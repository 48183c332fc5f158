"""Drawn faces by our own networks: one finds them, a glance tells which are faces and how they lie,
one places 68 points and judges them.

All learnt from faces the toolkit draws and from real ones (`toolkit fit`); the cards beside the
weights say which, and how well they do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from data.face import Box, Face
from data.landmarks import MIRRORED
from detectors.boxes import boxes_of
from detectors.crops import REACH, SIDE, sharp_cut, square, turning
from detectors.finding import each_once
from detectors.gender import gender_of
from detectors.loading import Run, best_device, loaded, runner

if TYPE_CHECKING:
    from detectors.networks import LandmarkNet

LONGEST = 1024  # pixels of the longer side at which a frame is first looked at
AGAIN = 0.35  # and looked at again so much smaller, for faces that fill it
LOWEST = 0.25  # of a find that is looked at closely: of 559 judged by eye, no sure face was lower
AT_ONCE = 32  # faces placed together
SMALLEST = 8.0  # pixels; of a face's longer side
LIKELY = 0.05  # score of a face that is looked at again where a glance misjudged how it lies,
ASTRAY = (0.1, 0.2, 14.0)  # by so much: of its size, of the size's logarithm, degrees
GLANCE = 0.0  # logit at a glance from which a find is looked at closely; no sure face had less
# Of a crop learnt from: how wide those are that are looked at, the second in a mirror. Of 28 pairs
# those in which points lay nearest, on faces held out.
LOOKS = (0.85, 1.0)
SAME = 0.006  # of the face's size: no two looks at a face lay nearer
NEAR = 0.06  # of the face's size: a landmark's score is the likelihood that it is as near


@dataclass(frozen=True, slots=True)
class Found:
    """Where a drawn face may be, frame pixels, and how likely."""

    box: Box
    score: float


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """What the landmark network says of N faces.

    points: (N, 68, 2) frame pixels. spread: (N, 68) logarithm of the scale of a Laplace
    distribution, frame pixels. traits: (N, 3) logits of the network's TRAITS. apart: (N,) median
    distance of two looks, of the face's size; the least there is where there was one.
    """

    points: np.ndarray
    spread: np.ndarray
    traits: np.ndarray
    apart: np.ndarray

    def of(self, chosen: np.ndarray) -> _Look:
        """chosen: (N,) bool."""
        return _Look(
            self.points[chosen], self.spread[chosen], self.traits[chosen], self.apart[chosen]
        )


class DrawnDetector:
    """Drawn faces of any size from about 16 pixels up, with 68 points, gender and glasses.

    min_score: faces of a lower score are left out. device: where torch is to run.
    """

    name = "drawn"
    version = "11"

    def __init__(self, min_score: float = 0.3, device: str | None = None) -> None:
        self.min_score = min_score
        self._device = device or best_device()

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        return [self.place(pixels, self.find(pixels)) for pixels in frames]

    def find(self, pixels: np.ndarray) -> list[Found]:
        """Where faces may be, by the finder alone, best first."""
        longer = max(pixels.shape[:2])
        windows = _windows(pixels.shape[0], pixels.shape[1])
        found: list[Found] = []
        for top, left, bottom, right in windows:
            part = pixels[top:bottom, left:right]
            scale = min(LONGEST / max(part.shape[:2]), 1.5)
            small = _scaled(part, scale)
            for seen in (small, _scaled(small, AGAIN)):
                found += [
                    replace(one, box=one.box.moved(left, top)) for one in self._seen(seen, part)
                ]
        if len(windows) > 1:  # the whole of a long strip, for faces bigger than a window
            found += self._seen(_scaled(pixels, LONGEST / longer), pixels)
        return each_once(found)

    def _seen(self, small: np.ndarray, whole: np.ndarray) -> list[Found]:
        """Finds on a picture brought to its size, told in pixels of the whole one."""
        across, down = whole.shape[1] / small.shape[1], whole.shape[0] / small.shape[0]
        edge = (0, -small.shape[0] % 32, 0, -small.shape[1] % 32)
        small = cv2.copyMakeBorder(small, *edge, cv2.BORDER_REPLICATE)
        found = boxes_of(_network("finder", self._device)(small[None]), LOWEST)
        made = []
        for left, top, right, bottom, value in found.tolist():
            one = Box(left * across, top * down, (right - left) * across, (bottom - top) * down)
            if max(one.width, one.height) >= SMALLEST:
                made.append(Found(one, value))
        return made

    def place(self, pixels: np.ndarray, found: Sequence[Found]) -> list[Face]:
        """The faces at finds, best first; finds that are none are left out."""
        faces: list[Face] = []
        for start in range(0, len(found), AT_ONCE):
            faces += self._place(pixels, found[start : start + AT_ONCE])
        return each_once([face for face in faces if face.score >= self.min_score])

    def traits(self, pixels: np.ndarray, faces: Sequence[Face]) -> np.ndarray:
        """(N, 3) likelihoods of the network's TRAITS, of faces that somebody else placed."""
        if not faces:
            return np.zeros((0, 3))
        squares = np.array([square(face.landmarks) for face in faces])
        return 1 / (1 + np.exp(-self._read(pixels, squares).traits))

    def _place(self, pixels: np.ndarray, found: Sequence[Found]) -> list[Face]:
        seen, squares = self._glance(pixels, found)
        # Whoever wants all finds placed gets them.
        likely = np.flatnonzero((seen >= GLANCE) | (self.min_score <= 0))
        if not len(likely):
            return []
        found, squares = [found[number] for number in likely], squares[likely]
        first = self._look(pixels, squares)
        # What no second look could make likely gets none.
        faces = [self._face(one, first, number) for number, one in enumerate(found)]
        hopeful = np.array([face.score >= self.min_score for face in faces])
        if not hopeful.any():
            return []
        found = [one for one, kept in zip(found, hopeful, strict=True) if kept]
        squares = squares[hopeful]
        read = _mean(first.of(hopeful), self._look(pixels, squares, mirrored=True))
        faces = [self._face(one, read, number) for number, one in enumerate(found)]
        better = np.array([square(points) for points in read.points])
        again = np.flatnonzero(_astray(squares, better) & [face.score > LIKELY for face in faces])
        if len(again):
            read = self._read(pixels, better[again])
            for at, number in enumerate(again):
                other = self._face(found[number], read, at)
                faces[number] = max(faces[number], other, key=lambda face: face.score)
        return faces

    def _glance(self, pixels: np.ndarray, found: Sequence[Found]) -> tuple[np.ndarray, np.ndarray]:
        """Logit of each find's being a face, (N,); and its square as `crops.square`, (N, 4)."""
        boxes = [(*one.box.centre, max(one.box.width, one.box.height, 1)) for one in found]
        crops = [sharp_cut(pixels, turning(x, y, side * REACH, 0.0)) for x, y, side in boxes]
        [told] = _network("scout", self._device)(np.stack(crops))
        x, y, side = np.array(boxes).T
        sure = np.clip([one.score for one in found], 1e-3, 1 - 1e-3)
        # What the finder says is worth twice what a glance tells: 715 finds told apart best.
        return 0.5 * told[:, 0] + np.log(sure / (1 - sure)), np.column_stack(
            [
                x + told[:, 1] * side * REACH,
                y + told[:, 2] * side * REACH,
                side * np.exp(np.clip(told[:, 3], -1, 1)),
                np.degrees(np.arctan2(told[:, 4], told[:, 5])),
            ]
        )

    def _face(self, found: Found, look: _Look, number: int) -> Face:
        points = look.points[number].astype(np.float32)
        box = Box.around(points)
        seen, male, glasses = (float(1 / (1 + np.exp(-value))) for value in look.traits[number])
        apart = NEAR * max(box.size, 1e-3) / np.maximum(np.exp(look.spread[number]), 1e-3)
        # Laplace in x and y: the sum of both distances is Gamma(2).
        near = 1 - (1 + apart) * np.exp(-apart)
        # Both networks must see it, and the points must lie where it was found.
        agreed = min(1.0, found.box.overlap(box) / 0.35)
        placed = float(np.median(near))
        score = agreed * _likelihood(found.score, placed, seen, float(look.apart[number]))
        return Face(
            box=box,
            score=score,
            landmarks=points,
            landmark_scores=near.astype(np.float32),
            domain="drawn",
            source=f"{self.name} {self.version}",
            gender=gender_of(male),
            glasses=glasses,
        )

    def _read(self, pixels: np.ndarray, squares: np.ndarray) -> _Look:
        """The mean of two looks. squares: (N, 4) as `crops.square`."""
        return _mean(self._look(pixels, squares), self._look(pixels, squares, mirrored=True))

    def _look(self, pixels: np.ndarray, squares: np.ndarray, mirrored: bool = False) -> _Look:
        sides = np.maximum(squares[:, 2], 1) * REACH * LOOKS[mirrored]
        turns = np.stack(
            [
                turning(x, y, side, lean)
                for (x, y, _, lean), side in zip(squares, sides, strict=True)
            ]
        )
        crops = np.stack([sharp_cut(pixels, turn) for turn in turns])
        told = _network("landmarks", self._device)(crops[:, :, ::-1] if mirrored else crops)
        points, spread, _, traits = told
        if mirrored:
            points, spread = (1, 0) + points[:, MIRRORED] * (-1, 1), spread[:, MIRRORED]
        back = np.stack([cv2.invertAffineTransform(turn) for turn in turns])
        points = points * SIDE - 0.5
        placed = np.einsum("nij,npj->npi", back[:, :, :2], points) + back[:, None, :, 2]
        return _Look(placed, spread + np.log(sides)[:, None], traits, np.full(len(squares), SAME))


def _mean(one: _Look, other: _Look) -> _Look:
    sizes = np.sqrt(np.ptp(one.points, 1).prod(1)) + 1e-6
    apart = np.median(np.linalg.norm(one.points - other.points, axis=2), 1) / sizes
    return _Look(
        (one.points + other.points) / 2,
        (one.spread + other.spread) / 2,
        (one.traits + other.traits) / 2,
        np.maximum(apart, SAME),
    )


def _astray(squares: np.ndarray, better: np.ndarray) -> np.ndarray:
    """(N,) bool: whether squares, (N, 4) as `crops.square`, are off the better ones by ASTRAY."""
    shift = np.hypot(*(squares - better)[:, :2].T) / np.maximum(better[:, 2], 1)
    grown = np.abs(np.log(np.maximum(squares[:, 2], 1) / np.maximum(better[:, 2], 1)))
    turned = np.abs((squares[:, 3] - better[:, 3] + 180) % 360 - 180)
    return (np.column_stack([shift, grown, turned]) > ASTRAY).any(1)


def _likelihood(finder: float, near: float, seen: float, apart: float) -> float:
    """That there is a face.

    finder: the finder's likelihood. near: the median landmark score; a placer that does not know
    where points are has no face before it. seen: the placer's own likelihood. apart: as `_Look`
    tells it. A logistic regression on 568 finds in film frames and portraits judged by eye, the
    finder's slope half way to what finds on drawn pages give it, and zero where as
    many of others are taken as by version 10, which 1779 judged finds had set by way of version 8.
    """
    found, placed = (np.log(p / (1 - p)) for p in np.clip((finder, near), 2e-2, 1 - 2e-2))
    face = np.log(np.clip(seen, 1e-4, 1 - 1e-4) / np.clip(1 - seen, 1e-4, 1 - 1e-4))
    logit = 0.5 * found + 0.6 * placed + 0.25 * face - 1.2 * np.log(apart + 0.003) - 6.2
    return float(1 / (1 + np.exp(-logit)))


def _scaled(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Halved as often as it goes, which is quick, then brought to its size."""
    height, width = (max(round(side * scale), 8) for side in pixels.shape[:2])
    while pixels.shape[0] >= 2 * height and pixels.shape[1] >= 2 * width:
        rows, columns = (side // 2 for side in pixels.shape[:2])
        even = pixels[: 2 * rows, : 2 * columns]
        pixels = cv2.resize(even, (columns, rows), interpolation=cv2.INTER_AREA)
    # Where it shrinks little, nothing flickers and the quicker way does.
    how = cv2.INTER_AREA if width < 0.69 * pixels.shape[1] else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=how)


def _windows(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """Top, left, bottom, right of parts no longer than 1.6 times their shorter side."""
    short = min(height, width)
    long = max(height, width)
    if long <= 1.8 * short or long <= LONGEST:
        return [(0, 0, height, width)]
    count = int(np.ceil((long - 0.25 * short) / (0.95 * short)))
    starts = np.linspace(0, long - 1.2 * short, count).astype(int)
    if height >= width:
        return [(start, 0, min(start + int(1.2 * short), height), width) for start in starts]
    return [(0, start, height, min(start + int(1.2 * short), width)) for start in starts]


@lru_cache(maxsize=4)
def _network(name: str, device: str) -> Run:
    return runner(name, device)


@lru_cache(maxsize=2)
def placer(device: str) -> LandmarkNet:
    """The landmark network, frozen, float32: for losses and scores that gradients pass through."""
    import torch

    from detectors.networks import LandmarkNet

    # Kept for losses too, even when it is asked for where none are wanted.
    with torch.inference_mode(False):
        return loaded(LandmarkNet(), "landmarks").to(device).requires_grad_(False)
