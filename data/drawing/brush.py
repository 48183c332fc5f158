"""Lines, areas and curves on a canvas and on the mask of who is in front."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

SHIFT = 4  # fractional bits of cv2's drawing coordinates

Rgb = tuple[int, int, int]
WHITE, BLACK = (252, 252, 252), (24, 20, 24)


@dataclass(frozen=True, slots=True, eq=False)
class Pen:
    """Draws on a canvas; what it fills is person, unless told otherwise.

    canvas: (H, W, 3) uint8 RGB. mask: (H, W) uint8, 255 where a person is. unit: pixels a head
    unit. line: thickness of an outline, head units, 0 draws none. ink: its colour, None for a
    darker tone of what it surrounds.
    """

    canvas: np.ndarray
    mask: np.ndarray
    unit: float
    line: float
    ink: Rgb | None

    def fill(self, points: np.ndarray, colour: Rgb, line: float = 1.0, person: bool = True) -> None:
        """A closed area. points: (N, 2) canvas pixels. line: of the pen's, 0 for no outline."""
        area = [fixed(points)]
        cv2.fillPoly(self.canvas, area, colour, cv2.LINE_AA, SHIFT)
        if person:
            cv2.fillPoly(self.mask, area, (255,), cv2.LINE_AA, SHIFT)
        if line and self.line:
            self.stroke(points, self.ink or darker(colour, 0.55), line * self.line, closed=True)

    def stroke(self, points: np.ndarray, colour: Rgb, line: float, closed: bool = False) -> None:
        """line: thickness in head units, at least a pixel."""
        thick = max(round(line * self.unit), 1)
        cv2.polylines(self.canvas, [fixed(points)], closed, colour, thick, cv2.LINE_AA, SHIFT)

    def tapered(self, points: np.ndarray, colour: Rgb, widths: np.ndarray) -> None:
        """A line as thick as `widths` (N,), head units, at its (N, 2) points."""
        along = np.gradient(points, axis=0)
        across = np.column_stack([-along[:, 1], along[:, 0]])
        across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        half = across * np.maximum(widths * self.unit / 2, 0.35)[:, None]
        area = [fixed(np.vstack([points + half, (points - half)[::-1]]))]
        cv2.fillPoly(self.canvas, area, colour, cv2.LINE_AA, SHIFT)

    def oval(
        self, x: float, y: float, a: float, b: float, turn: float, colour: Rgb, thick: int = -1
    ) -> None:
        """An ellipse of half axes a and b pixels, turned so many degrees; thick -1 fills it."""
        scale = 2**SHIFT
        at = (round(x * scale), round(y * scale))
        axes = (max(round(a * scale), scale // 2), max(round(b * scale), scale // 2))
        cv2.ellipse(self.canvas, at, axes, turn, 0, 360, colour, thick, cv2.LINE_AA, SHIFT)

    def wash(self, points: np.ndarray, colour: Rgb, share: float, soft: float = 0.0) -> None:
        """Colour laid thinly over an area: so much of it, its edge so many head units soft."""
        margin = 3 + 2 * round(soft * self.unit)
        left, top = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0)
        right, bottom = np.ceil(points.max(0)).astype(int) + margin
        part = self.canvas[top:bottom, left:right]
        if part.size == 0:
            return
        area = np.zeros(part.shape[:2], np.uint8)
        cv2.fillPoly(area, [fixed(points - (left, top))], (255,), cv2.LINE_AA, SHIFT)
        if soft:
            reach = max(round(soft * self.unit), 1) * 2 + 1
            area = cv2.blur(cv2.blur(area, (reach, reach)), (reach, reach))
        amount = (area.astype(np.float32) * (share / 255))[..., None]
        part[:] = (part + (np.array(colour, np.float32) - part) * amount).astype(np.uint8)


def curve(points: np.ndarray, count: int = 8) -> np.ndarray:
    """A closed Catmull-Rom curve (Catmull & Rom 1974) through (N, 2) points."""
    before, after, later = (np.roll(points, shift, 0) for shift in (1, -1, -2))
    return _between(before, points, after, later, count)


def path(points: np.ndarray, count: int = 8) -> np.ndarray:
    """A smooth open curve through (N, 2) points."""
    ends = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    before, here, after, later = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    return np.vstack([_between(before, here, after, later, count), points[-1:]])


def _between(
    before: np.ndarray, here: np.ndarray, after: np.ndarray, later: np.ndarray, count: int
) -> np.ndarray:
    """So many points of each piece from `here` to `after`, piece after piece."""
    knots = np.stack([before, here, after, later], 1)
    return (_weights(count) @ knots).reshape(-1, knots.shape[2])


@cache
def _weights(count: int) -> np.ndarray:
    """(count, 4): the shares of a piece's four knots in its points."""
    t = np.linspace(0, 1, count, endpoint=False)
    powers = np.column_stack([np.ones(count), t, t**2, t**3])
    return powers @ np.array([(0, 2, 0, 0), (-1, 0, 1, 0), (2, -5, 4, -1), (-1, 3, -3, 1)]) / 2


def spaced(points: np.ndarray, count: int) -> np.ndarray:
    """So many points at equal steps along a line of (N, 2) points."""
    steps = np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]
    at = np.linspace(0, steps[-1], count)
    return np.column_stack([np.interp(at, steps, points[:, i]) for i in range(points.shape[1])])


def fixed(points: np.ndarray) -> np.ndarray:
    """Points as cv2 takes them: integers with SHIFT fractional bits."""
    return np.round(points * 2**SHIFT).astype(np.int32)


def rgb(colour: str) -> Rgb:
    """'#rrggbb' as numbers."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def hexed(colour: Rgb) -> str:
    """Numbers as '#rrggbb'."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def darker(colour: Rgb, share: float) -> Rgb:
    """A colour with so much of its light left."""
    red, green, blue = (int(value * share) for value in colour)
    return red, green, blue


def lighter(colour: Rgb, share: float) -> Rgb:
    """A colour so far on its way to white."""
    red, green, blue = (int(value + (255 - value) * share) for value in colour)
    return red, green, blue


def varied(rng: np.random.Generator, colour: str, spread: float) -> str:
    """A shade near a colour: its hue turned a little, lighter or darker."""
    hue, light, full = colorsys.rgb_to_hls(*(value / 255 for value in rgb(colour)))
    hue = (hue + rng.normal(0, spread * 0.5)) % 1
    light = float(np.clip(light + rng.normal(0, spread), 0.03, 0.98))
    full = float(np.clip(full * (1 + rng.normal(0, 2 * spread)), 0, 1))
    red, green, blue = (round(255 * value) for value in colorsys.hls_to_rgb(hue, light, full))
    return hexed((red, green, blue))
