"""What the landmark network learns from: crops with as much truth as their source tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np

from data.drawing.character import Character
from data.drawing.figure import paint
from data.drawing.finish import aged, toned
from data.drawing.ground import ground
from detectors.crops import REACH, SIDE, sharp_cut, square, turning
from detectors.redrawing import redrawn

# Labelled middles of lids stand behind the 68 points: (index, the two points it lies between).
MIDDLES = {"37.5": (68, 37, 38), "40.5": (69, 40, 41), "43.5": (70, 43, 44), "46.5": (71, 46, 47)}
FACE, MALE, GLASSES = 0, 1, 2
REDRAWN = 0.3  # of the times that a real face is shown
TOGETHER = 500  # faces a process draws at once
# A face's middle, longer side and lean, as `crops.square` tells them, to a crop as `turning`'s.
Cut = Callable[[tuple[float, float, float, float], np.random.Generator], np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """N crops; what is not known is NaN.

    pixels: (N, SIDE, SIDE, 3) uint8 RGB. points: (N, 72, 2) float32, crop sides: 68 landmarks and
    the MIDDLES. hidden: (N, 68) float32 0 or 1. traits: (N, 3) float32 0 or 1: FACE, MALE, GLASSES.
    """

    pixels: np.ndarray
    points: np.ndarray
    hidden: np.ndarray
    traits: np.ndarray

    @classmethod
    def empty(cls, count: int) -> Examples:
        """Room for so many, nothing known."""
        return cls(
            np.zeros((count, SIDE, SIDE, 3), np.uint8),
            np.full((count, 72, 2), np.nan, np.float32),
            np.full((count, 68), np.nan, np.float32),
            np.full((count, 3), np.nan, np.float32),
        )

    @classmethod
    def joined(cls, parts: list[Examples]) -> Examples:
        """All of them, one after the other."""
        return cls(
            *(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__slots__)
        )

    def __len__(self) -> int:
        return len(self.pixels)


def drawn(seed: int, count: int, cut: Cut | None = None) -> Examples:
    """Faces we draw, and one in seven a place beside them where there is none.

    Many are drawn by all processors, to the same pictures. cut: as `jittered`, which it is if
    not told.
    """
    counts = [min(TOGETHER, count - start) for start in range(0, count, TOGETHER)]
    if len(counts) < 2:
        return _drawn((seed, 0), count, cut or jittered)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        seeds = [(seed, number) for number in range(len(counts))]
        cuts = [cut or jittered] * len(counts)
        return Examples.joined(list(pool.map(_drawn, seeds, counts, cuts)))


def _drawn(seed: tuple[int, int], count: int, cut: Cut) -> Examples:
    made = Examples.empty(count)
    rng = np.random.default_rng(seed)
    for number in range(count):
        who = Character.sample(rng)
        unit = rng.uniform(17, 44)
        side = int(unit * 4.4)
        canvas = ground(rng, side, side)
        mask = np.zeros((side, side), np.uint8)
        if rng.random() < 0.25:  # a neighbour behind
            other = Character.sample(rng)
            x = side * (0.5 + rng.choice([-1, 1]) * rng.uniform(0.32, 0.6))
            paint(
                canvas, mask, other, x, side * rng.uniform(0.3, 0.7), unit * rng.uniform(0.6, 1.1)
            )
        face, hidden = paint(canvas, mask, who, side * 0.5, side * 0.46, unit)
        points = face.landmarks
        canvas = toned(canvas, who.tone, rng)
        if rng.random() < 1 / 7:
            angle = rng.uniform(0, 2 * np.pi)
            size = face.box.size * rng.uniform(0.3, 1.6)
            away = (0.7 + rng.uniform(0, 0.5)) * max(size, face.box.size)
            x, y = points.mean(0) + away * np.array([np.cos(angle), np.sin(angle)])
            turn = turning(x, y, size * REACH, rng.uniform(-40, 40))
            made.traits[number, FACE] = 0
        else:
            turn = cut(square(points), rng)
            made.points[number, :68] = points @ turn[:, :2].T + turn[:, 2]
            made.points[number] /= SIDE
            made.hidden[number] = hidden
            made.traits[number] = 1, who.gender == "male", who.glasses
        crop = cv2.warpAffine(
            canvas, turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
        )
        made.pixels[number] = aged(crop, rng)
    return made


def about(pixels: np.ndarray, points: np.ndarray) -> tuple[float, float, float, float]:
    """Middle, longer side and lean of a face as `crops.square` tells them, by (N, 2) points.

    Where not all 68 are known: of the box about those that are, and upright.
    """
    if np.isfinite(points[:68]).all():
        return square(points[:68])
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    x, y = (low + high) / 2
    return float(x), float(y), float((high - low).max()), 0.0


def jittered(at: tuple[float, float, float, float], rng: np.random.Generator) -> np.ndarray:
    """A crop about a face, off as much as a look at a face is, or, now and then, twice as much."""
    x, y, side, lean = at
    much = 2.0 if rng.random() < 0.2 else 1.0
    x, y = (x, y) + rng.normal(0, 0.025 * much, 2) * side
    grown = np.exp(rng.normal(0, 0.05 * much))
    return turning(x, y, side * REACH * grown, lean + rng.normal(0, 5.0 * much))


def glanced(at: tuple[float, float, float, float], rng: np.random.Generator) -> np.ndarray:
    """A crop about a face as a finder's box tells it, of a picture that may lie on its side."""
    x, y, side, _ = at
    x, y = (x, y) + rng.normal(0, 0.06, 2) * side
    how = rng.random()
    turn = 0.0 if how < 0.6 else rng.uniform(-75, 75) if how < 0.92 else rng.uniform(-180, 180)
    grown = np.exp(rng.normal(0.05, 0.12))
    return turning(x, y, side * REACH * grown, turn + rng.normal(0, 6))


def pictured(
    pictures: Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]],
    seed: int,
    times: int,
    where: Callable[[np.ndarray, np.ndarray], tuple[float, float, float, float]] = about,
    cut: Cut = jittered,
) -> Examples:
    """Real faces with points, each so many times, differently cut and made to look differently.

    pictures: (H, W, 3) uint8 RGB; (72, 2) points, its pixels, NaN where not known; (3,) traits.
    where: of pixels and points, where the detector would look; as `about`. cut: as `jittered`.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for pixels, points, traits in pictures:
        part = Examples.empty(times)
        at = where(pixels, points)
        for number in range(times):
            turn = cut(at, rng)
            crop, moved = sharp_cut(pixels, turn), points @ turn[:, :2].T + turn[:, 2]
            part.traits[number] = traits
            if rng.random() < REDRAWN:
                lashes = traits[MALE] == 0 and rng.random() < 0.6
                other = redrawn(crop, moved, rng, lashes)
                if other is not None:
                    crop, moved = other
                    part.traits[number, GLASSES] = np.nan
                    if traits[MALE] == 0 and not lashes:  # many a dot-eyed woman reads as a boy
                        part.traits[number, MALE] = np.nan
            crop, moved = bent(crop, moved, rng)
            part.points[number] = moved / SIDE
            crop = lit(restyled(crop, rng), rng)
            part.pixels[number] = aged(crop, rng) if rng.random() < 0.6 else crop
        parts.append(part)
    return Examples.joined(parts) if parts else Examples.empty(0)


def bent(
    crop: np.ndarray, points: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A crop stretched, sheared and softly warped, and its points: the same face, built otherwise.

    Every other time with other eyes, brows, mouth, nose and chin: larger or smaller, elsewhere.
    crop: (SIDE, SIDE, 3) uint8; points: (72, 2), its pixels, NaN where not known.
    """
    skew = rng.normal(0, 0.05, (2, 2)).astype(np.float32)
    knots = rng.normal(0, 1.5, (5, 5, 2)).astype(np.float32)
    soft = cv2.resize(knots, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    at = np.stack(np.meshgrid(*[np.arange(SIDE, dtype=np.float32)] * 2), 2)
    soft += (at - (SIDE - 1) / 2) @ skew.T
    if rng.random() < 0.5:
        soft += _rebuilt(at, points, rng)
    made = cv2.remap(
        crop, at[..., 0] + soft[..., 0], at[..., 1] + soft[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    # A pixel p of the new crop shows p + soft(p): points go the other way, half a step at a time,
    # for where a feature shrinks to half its size whole steps would never arrive.
    known = np.nan_to_num(points).astype(np.float32)
    moved = known.copy()
    for _ in range(20):
        there = np.clip(moved, 0, SIDE - 1)
        shift = cv2.remap(soft, there[:, :1], there[:, 1:], cv2.INTER_LINEAR)[:, 0]
        moved = (moved + known - shift) / 2
    return made, np.where(np.isnan(points), np.nan, moved)


# Features by their points, with what is usual of a change: of the logarithm of width and height,
# of place in crop pixels; last, how far it reaches, in crop pixels at least.
_FEATURES = (
    ([*range(36, 42), 68, 69], (0.16, 0.26), (1.2, 1.2), 9.0),
    ([*range(42, 48), 70, 71], (0.16, 0.26), (1.2, 1.2), 9.0),
    ([*range(17, 22)], (0.1, 0.2), (1.0, 2.0), 6.0),
    ([*range(22, 27)], (0.1, 0.2), (1.0, 2.0), 6.0),
    ([*range(27, 36)], (0.15, 0.15), (1.5, 1.5), 6.0),
    ([*range(48, 68)], (0.25, 0.22), (2.0, 2.0), 9.0),
    ([8], (0.15, 0.15), (1.5, 3.5), 12.0),
)


def _rebuilt(at: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 2): how far from each pixel of the new crop lies what it shows.

    Eyes change alike, and so do brows. at: (SIDE, SIDE, 2) every pixel's place.
    """
    soft = np.zeros_like(at)
    grown, shift = np.zeros(2), np.zeros(2)
    for number, (own, growth, way, least) in enumerate(_FEATURES):
        if number not in (1, 3):
            grown, shift = rng.normal(0, growth), rng.normal(0, way)
        else:
            shift = shift * (-1, 1)
        seen = points[own][np.isfinite(points[own]).all(1)]
        if not len(seen):
            continue
        centre = (seen.min(0) + seen.max(0)) / 2
        reach = np.maximum(np.ptp(seen, 0) * 0.75, least)
        off = at - (centre + shift)
        near = np.exp(-((off / reach) ** 2).sum(2) / 2)
        back = np.exp(-np.clip(grown, -0.55, 0.55))
        soft += near[..., None] * (off * (back - 1) - shift)
    return soft.astype(np.float32)


def restyled(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture as it is, or in other colours, with thicker lines, flattened, in ink, screened."""
    if rng.random() < 0.15:  # dark lines grow
        pixels = cv2.erode(pixels, np.ones((2, 2) if rng.random() < 0.6 else (3, 3), np.uint8))
    how = rng.random()
    if how < 0.5:
        return pixels
    if how < 0.65:
        mixed = np.eye(3) + rng.normal(0, 0.25, (3, 3))
        mixed /= mixed.sum(1, keepdims=True)  # greys stay
        return np.clip(pixels @ mixed.T, 0, 255).astype(np.uint8)
    if how < 0.78:
        flat = cv2.bilateralFilter(pixels, 7, 60, 5)
        step = rng.uniform(16, 48)
        return np.clip(np.round(flat / step) * step, 0, 255).astype(np.uint8)
    return toned(pixels, str(rng.choice(["grey", "screen", "ink"])), rng)


def lit(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture as it is, or with a shadow's edge across it, or in the grain of old film."""
    height, width = pixels.shape[:2]
    made = pixels.astype(np.float32)
    how = rng.random()
    if how < 0.12:
        y, x = np.mgrid[:height, :width].astype(np.float32)
        angle, middle = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8, 2)
        x, y = x - middle[0] * width, y - middle[1] * height
        along, across = (
            x * np.cos(angle) + y * np.sin(angle),
            y * np.cos(angle) - x * np.sin(angle),
        )
        edge = across + rng.normal(0, 0.6) * along**2 / width
        share = 1 / (1 + np.exp(-np.clip(edge / rng.uniform(0.3, 5), -20, 20)))
        made *= 1 - share[..., None] * (1 - rng.uniform(0.25, 0.75) * rng.uniform(0.8, 1.2, 3))
    elif how < 0.22:
        grain = cv2.GaussianBlur(
            rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), rng.uniform(0.4, 1.2)
        )
        faded = made.mean(2, keepdims=True)
        made += (faded - made) * rng.uniform(0, 0.9)
        made = (made - 128) * rng.uniform(0.5, 1.0) + 128 + rng.uniform(-50, 20)
        made += grain[..., None] * rng.uniform(6, 24) / grain.std()
    return np.clip(made, 0, 255).astype(np.uint8)


def squares(pictures: Iterator[tuple[np.ndarray, np.ndarray]], seed: int, times: int) -> Examples:
    """Pictures of a face, or of none, without points: their traits only.

    pictures: square (H, W, 3) uint8 RGB and (3,) traits.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for pixels, traits in pictures:
        part = Examples.empty(times)
        side = pixels.shape[0]
        for number in range(times):
            x, y = side * (0.5 + rng.normal(0, 0.03, 2))
            turn = turning(x, y, side * rng.uniform(0.85, 1.08), rng.normal(0, 8))
            part.pixels[number] = aged(restyled(sharp_cut(pixels, turn), rng), rng)
            part.traits[number] = traits
        parts.append(part)
    return Examples.joined(parts) if parts else Examples.empty(0)
