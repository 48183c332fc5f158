"""Noses: strokes of a pen, shadows, and those with a body that stands off the face."""

from __future__ import annotations

import cv2
import numpy as np

from data.drawing.anatomy import ROUND, Head, nose_spine
from data.drawing.brush import Pen, Rgb, darker, path, spaced

_TURN = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])


def nose(pen: Pen, head: Head, points: np.ndarray, skin: Rgb) -> None:
    """A character's nose, its tip at point 30."""
    who = head.who
    dark = pen.ink or darker(skin, 0.5)
    thin = max(pen.line * (0.8 if who.school else 1), 0.012)
    if who.nose in ROUND:
        _round(pen, head, points, skin, dark, thin)
    elif who.nose == "wedge":
        _wedge(pen, head, points, skin, dark, thin)
    elif who.nose == "button":
        bow = np.vstack([points[31], points[33] + (points[33] - points[30]) * 0.3, points[35]])
        pen.stroke(path(bow, 5), dark, thin)
    elif who.nose != "none" and (abs(who.yaw) <= 50 or who.nose == "dot"):
        _plain(pen, head, points, skin, dark, thin)  # from the side the profile tells it


def _round(pen: Pen, head: Head, points: np.ndarray, skin: Rgb, dark: Rgb, thin: float) -> None:
    """A ball, or balls along the nose's spine wrapped in skin: seen the same from all sides."""
    who = head.who
    rng = np.random.default_rng(who.seed + 5)
    flat, bump, sizes = nose_spine(who)
    middles = head.at(flat, bump)
    balls = (middles[:, None] + _CIRCLE * (sizes * pen.unit)[:, None, None]).reshape(-1, 2)
    ring = spaced(cv2.convexHull(balls.astype(np.float32))[:, 0].astype(float), 40)
    roll = np.radians(who.roll)
    up = np.array([np.sin(roll), -np.cos(roll)]) if len(flat) == 1 else middles[0] - middles[-1]
    ring = np.roll(ring, -int((ring @ up).argmax()), 0)
    tint = (np.array(skin) * 0.75 + np.array((225, 90, 80)) * 0.25).astype(int)
    ruddy = rng.random() < 0.25 and pen.canvas.size and who.tone == "colour"
    # Open towards the brow, and often all along the near side.
    near = rng.integers(3, 22) if abs(who.yaw) > 12 and rng.random() < 0.6 else 3
    clockwise = ring[10, 0] > ring[-10, 0]
    first = near if clockwise == (who.yaw < 0) else 3
    last = near if clockwise == (who.yaw > 0) else 3
    outline = ring[first : len(ring) - last] if rng.random() < 0.75 else np.vstack([ring, ring[:1]])
    pen.stroke(outline, dark, 2 * thin)
    pen.fill(ring, tuple(tint.tolist()) if ruddy else skin, 0)
    if len(flat) > 1 and rng.random() < 0.5:  # a nostril
        side = -1 if who.yaw > 0 else 1
        at = middles[-1] + np.array([side * 0.35, 0.35]) * sizes[-1] * pen.unit
        hole = at + np.array([(-0.25, 0.1), (0, -0.15), (0.25, 0.1)]) * sizes[-1] * pen.unit
        pen.stroke(path(hole, 4), dark, thin)


def _wedge(pen: Pen, head: Head, points: np.ndarray, skin: Rgb, dark: Rgb, thin: float) -> None:
    """A ridge down to the tip and back under it: an L, a hook."""
    who = head.who
    rng = np.random.default_rng(who.seed + 5)
    away = 1 if who.yaw > 0 or (who.yaw == 0 and who.seed % 2) else -1
    wing = points[31] if away > 0 else points[35]
    bent = rng.random() < 0.6  # round at the tip, not sharp
    low = path(np.vstack([points[30], points[33], wing]), 4) if bent else points[[30, 33]]
    line = np.vstack([points[27:30], points[30:31], low[1:]])
    root = wing + points[27] - points[33]
    pen.fill(np.vstack([line, wing, root * 0.7 + points[27] * 0.3]), skin, 0)
    start = int(rng.integers(0, 3)) if abs(who.yaw) < 30 else 0
    pen.stroke(line[start:], dark, thin)
    if rng.random() < 0.4:  # the near wing
        out = (wing - points[33]) * 0.35
        lift = (points[30] - points[33]) * 0.6
        pen.stroke(path(np.vstack([wing - out, wing + out * 0.4, wing + lift]), 4), dark, thin)
    if who.shade != "flat" and rng.random() < 0.5:
        pen.wash(np.vstack([points[28:31], points[33], wing]), darker(skin, 0.7), 0.5)


def _plain(pen: Pen, head: Head, points: np.ndarray, skin: Rgb, dark: Rgb, thin: float) -> None:
    who = head.who
    away = 1 if who.yaw >= 0 else -1
    tip, under = points[30], points[33]
    if who.nose == "dot":
        size = max(0.02, pen.line * 0.8) * pen.unit
        pen.oval(tip[0], tip[1], size, size * 1.3, who.roll, dark)
    elif who.nose == "tick":
        pen.stroke(
            path(np.vstack([(points[29] + tip) / 2, tip, under * 0.7 + tip * 0.3]), 4), dark, thin
        )
    elif who.nose == "line":
        aside = np.array([away * 0.06 * pen.unit, 0])
        line = np.vstack([points[27] + aside, points[28] + aside, tip, under])
        pen.stroke(path(line, 5), dark, thin)
    elif who.nose == "shadow":
        flank = np.vstack(
            [points[28], tip, under, (points[31] if away > 0 else points[35]) * 0.6 + tip * 0.4]
        )
        pen.wash(flank, darker(skin, 0.65), 0.8, 0.0 if who.shade != "soft" else 0.03)
    else:
        wings = path(
            np.vstack([points[31] - (points[33] - points[31]) * 0.25, points[31], points[32]]), 4
        )
        others = path(
            np.vstack([points[34], points[35], points[35] - (points[33] - points[35]) * 0.25]), 4
        )
        for wing in (wings, others):
            pen.stroke(wing, dark, thin)
        pen.wash(np.vstack([points[31:36], tip[None]]), darker(skin, 0.7), 0.6, 0.02)
        aside = points[31] if away > 0 else points[35]
        bridge = np.vstack([points[27], points[29], points[30], aside * 0.5 + tip * 0.5])
        pen.wash(bridge, darker(skin, 0.75), 0.5, 0.03)
