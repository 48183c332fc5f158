"""Where a drawn head's 68 points lie, turned in space; and which of them the head itself hides.

Head units: x to the picture's right, y down, z towards the reader; the eyes' line at y = 0 and
the cheeks at x = -1 and 1 of a head seen from the front, the ears' plane at z = 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import radians
from typing import TYPE_CHECKING

import numpy as np

from data.drawing.brush import path, spaced
from data.landmarks import (
    INNER_LIPS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    NOSE_BRIDGE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
)

if TYPE_CHECKING:
    from data.drawing.character import Character

# The front of a face seen from the side: head units from its surface at heights (y as a share
# of the way from the eyes to the chin).
_PROFILE_AT = np.array([-1.0, -0.35, 0.0, 0.25, 0.42, 0.5, 0.56, 0.64, 0.7, 0.76, 0.84, 0.95, 1.0])
_PROFILE = np.array([-0.05, 0.05, -0.07, 0.04, 0.2, 0.16, 0.02, 0.06, 0.02, 0.05, -0.02, 0.04, 0.0])
ROUND = ("ball", "bulb", "hook")  # noses of balls wrapped in skin
BODIED = (*ROUND, "wedge")  # noses that break the outline of a head that turns


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head on the canvas: x, y between the eyes and unit, in pixels."""

    who: Character
    x: float
    y: float
    unit: float

    def turned(self, shape: np.ndarray) -> np.ndarray:
        """(N, 3) head units after the head is turned and nods; x, y as they are seen."""
        yaw, pitch = radians(self.who.yaw), radians(self.who.pitch)
        x, y, z = shape.T
        y, z = y * np.cos(pitch) + z * np.sin(pitch), z * np.cos(pitch) - y * np.sin(pitch)
        return np.column_stack(
            [x * np.cos(yaw) + z * np.sin(yaw), y, z * np.cos(yaw) - x * np.sin(yaw)]
        )

    def placed(self, seen: np.ndarray) -> np.ndarray:
        """(N, 2) turned head units to canvas pixels: leaned by roll."""
        roll = radians(self.who.roll)
        lean = np.array([[np.cos(roll), -np.sin(roll)], [np.sin(roll), np.cos(roll)]])
        return seen[:, :2] @ lean.T * self.unit + (self.x, self.y)

    def at(self, shape: np.ndarray, bump: float | np.ndarray = 0.0) -> np.ndarray:
        """(N, 2) places on the face's surface, so far above it, to canvas pixels."""
        return self.placed(self.turned(on_surface(self.who, shape, bump)))

    def around(self, shape: np.ndarray, depth: float = -0.2) -> np.ndarray:
        """(N, 2) places about the skull, which looks the same from all sides, to pixels."""
        centre = self.turned(np.array([[0.0, -0.25, depth]]))[0, :2]
        return self.placed(shape - (0.0, -0.25) + centre)


def on_surface(who: Character, shape: np.ndarray, bump: float | np.ndarray = 0.0) -> np.ndarray:
    """(N, 3): places on the face's front with their depth."""
    x, y = shape.T
    low = np.clip(y / who.chin, 0, 1)
    front = who.depth * (1 - 0.22 * low**2) * np.sqrt(np.clip(1 - 0.92 * x**2, 0.04, 1))
    return np.column_stack([x, y, front + bump])


def half_jaw(who: Character) -> np.ndarray:
    """(N, 2): the face's right edge from the eyes' height down to the chin, from the front."""
    bend = who.chin * (0.56 + 0.12 * who.square)
    knots = [
        (1.0 - 0.02 * who.square, -0.16),
        (1.0 + who.cheek, 0.28 * who.chin),
        (0.63 + 0.2 * who.square + 0.12 * who.round + who.cheek, bend + 0.1 * who.round),
        (0.3 + 0.14 * who.square + 0.12 * who.round, who.chin * (0.87 + 0.03 * who.round)),
        (who.chin_width, who.chin * 0.985),
        (0.0, who.chin),
    ]
    return path(np.array(knots), 10)


def edges(who: Character, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """The face's edge at the picture's left and right, (N, 2) turned head units, ear to chin.

    The side that turns away shows the cheek's bulge, and from far to the side the profile; the
    near side shows the jaw's own edge, from the ear.
    """
    half = half_jaw(who)
    low = np.clip(half[:, 1] / who.chin, 0, 1)
    both = []
    chin_depth = who.depth * 0.78
    for side in (-1, 1):
        jaw = np.column_stack([side * half[:, 0], half[:, 1], chin_depth * low**2.2])
        seen = head.turned(jaw)
        if side * who.yaw > 0:
            yaw = abs(radians(who.yaw))
            bulge = who.depth * (0.93 - 0.15 * low**2)
            out = np.hypot(half[:, 0] * np.cos(yaw), bulge * np.sin(yaw))
            share = np.clip((abs(who.yaw) - 35) / 45, 0, 1)
            profile = np.minimum(_PROFILE, 0.05) if who.nose in BODIED else _PROFILE
            nose = np.interp(half[:, 1] / who.chin, _PROFILE_AT, profile) * (0.5 + who.nose_out)
            y = half[:, 1] / who.chin
            bone = 0.05 * np.exp(-(((y - 0.3) / 0.14) ** 2)) - 0.09 * np.exp(-((y / 0.12) ** 2))
            turn = np.clip(abs(who.yaw) / 25, 0, 1) * (1 - share)
            seen[:, 0] = side * (out + share * nose + who.bony * turn * bone)
        both.append(seen[:, :2])
    # Both sides meet where the chin is seen.
    chin = (both[0][-1] + both[1][-1]) / 2
    for edge in both:
        edge += np.linspace(0, 1, len(edge))[:, None] ** 4 * (chin - edge[-1])
    return both[0], both[1]


def landmarks(who: Character, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """(68, 2) canvas pixels and (68,) bool: what the head hides of itself."""
    flat, bump = _front(who)
    space = on_surface(who, flat, bump)
    seen = head.turned(space)
    left, right = edges(who, head)
    jaw = np.vstack([spaced(left, 9), spaced(right, 9)[::-1][1:]])
    seen[JAW, :2] = jaw
    # What lies beyond the edge of the far cheek is behind it; a mouth ends there.
    side = np.sign(who.yaw) or 1.0
    far = right if side > 0 else left
    order = np.argsort(far[:, 1])
    edge = np.interp(seen[:, 1], far[order, 1], side * far[order, 0])
    hidden = side * seen[:, 0] > edge + 0.06
    mouth = slice(OUTER_LIPS.start, INNER_LIPS.stop)
    seen[mouth, 0] = side * np.minimum(side * seen[mouth, 0], edge[mouth] + 0.01)
    normal = flat[:, 0] * side * np.sin(abs(radians(who.yaw)))
    hidden |= (normal > 0.55 * np.cos(radians(who.yaw)) + 0.12) & (abs(who.yaw) > 45)
    hidden[JAW] = False
    if who.nose in BODIED:
        hidden[NOSE_BRIDGE] = hidden[33] = False
    if abs(who.yaw) > 60:
        hidden[9 : 17 if who.yaw > 0 else 9] = True
        if who.yaw < 0:
            hidden[0:8] = True
    return head.placed(seen), hidden


def _front(who: Character) -> tuple[np.ndarray, np.ndarray]:
    """(68, 2) places on the face and (68,) how far they stand off its surface."""
    points, bump = np.zeros((68, 2)), np.zeros(68)
    for side, brow, eye, opened in (
        (-1, LEFT_BROW, LEFT_EYE, who.left_open),
        (1, RIGHT_BROW, RIGHT_EYE, who.right_open),
    ):
        points[brow] = brow_of(who, side)
        points[eye] = eye_of(who, side, opened)
        bump[brow] = 0.03
    points[27:31] = np.column_stack(
        [np.zeros(4), np.linspace(who.nose_y - who.nose_length, who.nose_y, 4)]
    )
    bump[27:31] = np.linspace(0.05, who.nose_out, 4)
    base = who.nose_y + who.nose_base
    points[31:36] = np.column_stack(
        [np.linspace(-1, 1, 5) * who.nose_width, base + np.array([-0.02, 0, 0.015, 0, -0.02])]
    )
    bump[31:36] = who.nose_out * np.array([0.3, 0.5, 0.6, 0.5, 0.3])
    if who.nose in ROUND:
        bump[31:36] = who.nose_out - who.nose_width * np.array([1.1, 1, 0.9, 1, 1.1])
        points[31:36, 1] = who.nose_y + who.nose_width * np.array([0.45, 0.85, 1, 0.85, 0.45])
    points[OUTER_LIPS], points[INNER_LIPS] = lips(who)
    bump[OUTER_LIPS] = bump[INNER_LIPS] = 0.04
    return points, bump


def nose_spine(who: Character) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Balls of a round nose, root to tip: (N, 2) places, (N,) off the face, (N,) radii."""
    y = who.nose_y - who.nose_length * np.array([1.0, 0.5, 0.0])
    deep = who.nose_out - who.nose_width
    bump = np.array([-0.02, deep + 0.1 if who.nose == "hook" else 0.5 * deep, deep])
    sizes = who.nose_width * np.array([0.45, 0.6, 1.0])
    first = 2 if who.nose == "ball" else 0
    return np.column_stack([np.zeros(3), y])[first:], bump[first:], sizes[first:]


def brow_of(who: Character, side: int, count: int = 5) -> np.ndarray:
    """(count, 2) from picture left to right."""
    k = np.linspace(-1, 1, count)  # -1 inner, 1 outer
    x = side * (who.eye_x + who.brow_shift + k * who.brow_length)
    y = -who.brow_y - who.brow_arch * (1 - (k - 0.2) ** 2) - who.brow_tilt * k
    made = np.column_stack([x, y])
    return made if side > 0 else made[::-1]


def lids(
    who: Character, side: int, opened: float, count: int = 17
) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid, (count, 2) each, from picture left to right.

    opened: 1 as wide as this person's eyes are, 0 shut.
    """
    k = np.linspace(-1, 1, count)  # -1 inner, 1 outer corner
    x = side * (who.eye_x + who.eye_width * k)
    slant = -who.eye_tilt * k
    bow = (1 - np.abs(k) ** who.eye_power) ** (1 / who.eye_round)
    lean = 1 + who.eye_lean * k * (1 - k**2)
    high = who.eye_height * opened
    shut = who.shut * who.eye_width * (1 - opened) * (1 - k**2)  # a shut lid bows down or up
    upper = slant - high * who.lid * bow * lean + shut
    lower = slant + high * (1 - who.lid) * bow / lean + shut + 0.012
    made = np.column_stack([x, upper]), np.column_stack([x, lower])
    return made if side > 0 else (made[0][::-1], made[1][::-1])


def eye_of(who: Character, side: int, opened: float) -> np.ndarray:
    """(6, 2): an eye's points, clockwise from its picture-left corner."""
    upper, lower = lids(who, side, opened, 25)
    steps = [0, 8, 16, 24, 16, 8]
    return np.vstack([upper[steps[:4]], lower[steps[4:]]])


def lips(who: Character) -> tuple[np.ndarray, np.ndarray]:
    """(12, 2) outer and (8, 2) inner lips."""
    rows = []
    for ks, inner in (
        (np.array([-1, -0.62, -0.25, 0, 0.25, 0.62, 1]), False),
        (np.array([-0.9, -0.4, 0, 0.4, 0.9]), True),
    ):
        x = who.mouth_x + who.mouth_width * ks
        bend = -who.smile * 0.16 * (ks**2 - 0.35) + who.skew * ks * 0.06
        bow = 1 - np.abs(ks) ** who.mouth_power
        thick = 0.0 if inner else who.lip
        dip = 0.0 if inner else who.lip * 0.35 * np.exp(-((ks / 0.12) ** 2))
        upper = who.mouth_y + bend - (who.mouth_open * 0.25 + thick) * bow + dip
        lower = who.mouth_y + bend + (who.mouth_open * 0.75 + thick * 1.2) * bow
        lower = lower + 0.006
        rows.append(
            np.vstack([np.column_stack([x, upper]), np.column_stack([x, lower])[::-1][1:-1]])
        )
    return rows[0], rows[1]
