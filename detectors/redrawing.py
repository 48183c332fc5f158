"""Real faces with features drawn anew: a comic's dots, fields and heavy brows among real hair."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from data.drawing.brush import BLACK, WHITE, Pen, Rgb, darker, path
from detectors.crops import SIDE

# Of each eye: its points and lid middles as examples hold them, and its brow's, left to right.
_EYES = (((36, 68, 39, 69), (17, 19, 21)), ((42, 70, 45, 71), (22, 24, 26)))
_LIPS = (48, 51, 54, 57)
_HOLES: tuple[Rgb, ...] = (BLACK, (150, 55, 62), (90, 30, 38), (200, 100, 105))
_KINDS = ("dot", "field", "ink", "shut", "ring")
_SHARES = (0.38, 0.3, 0.14, 0.11, 0.07)


class _Form(NamedTuple):
    """How a white field of an eye is built, and the pupil in it; see `anatomy.lids`."""

    power: float
    round: float
    outline: float
    pupil: float
    tall: float


def redrawn(
    crop: np.ndarray, points: np.ndarray, rng: np.random.Generator, lashes: bool = False
) -> tuple[np.ndarray, np.ndarray] | None:
    """A face with other eyes than it had, often other brows, nose and mouth; and its points.

    None where its eyes are not both known or lie too near each other, as from the side.
    crop: (SIDE, SIDE, 3) uint8 RGB; points: (72, 2), its pixels, NaN where not known. lashes:
    whether some stand off the eyes' outer corners.
    """
    eyes = points[[eye for eye, _ in _EYES]]  # (2, 4, 2)
    middles = eyes.mean(1)
    across = middles[1] - middles[0]
    apart = float(np.hypot(*across))
    if not np.isfinite(apart) or apart < 0.22 * SIDE:
        return None
    made, points = crop.copy(), points.copy()
    along = across / apart
    down = np.array([-along[1], along[0]])
    skin = _skin(crop, middles, down, apart)
    pen = Pen(made, np.zeros((SIDE, SIDE), np.uint8), apart, rng.uniform(0.02, 0.08), None)
    ink: Rgb = BLACK if rng.random() < 0.7 else darker(skin, rng.uniform(0.15, 0.45))
    brows = rng.random() < 0.75
    for (_, brow), eye, middle in zip(_EYES, eyes, middles, strict=True):
        _cleared(made, np.vstack([eye, points[list(brow)]]) if brows else eye, middle, skin, apart)
    kind = str(rng.choice(_KINDS, p=_SHARES))
    if rng.random() < 0.5:
        _nose(pen, points, middles, down, ink, rng)
    if rng.random() < 0.4:
        _mouth(pen, points, along, skin, ink, rng)
    wide, high = _size(kind, apart, rng)
    sink, spread = rng.normal(0, 0.05), rng.normal(0, 0.03)
    gaze = rng.normal(0, 0.25, 2)
    thick = rng.uniform(0.02, 0.1) if rng.random() < 0.5 else rng.uniform(0.1, 0.26)
    lift = rng.uniform(0, 0.75 if kind == "dot" else 0.4) + thick / 2
    aside = rng.normal(0, 0.15 if kind == "dot" else 0.04)  # of a head turned, both alike
    long, tilt, arch = rng.uniform(0.12, 0.32), rng.normal(0, 0.15), rng.normal(0.05, 0.06)
    leaf, edged = rng.random() < 0.55, rng.random() < 0.4
    plain = not edged and rng.random() < 0.6
    colour = ink if plain else _hair(crop, middles, down, apart)
    turn = np.column_stack([along, down])
    corner = 0.0  # how far below the eye's middle its corners lie
    if kind == "field":
        corner = high * rng.uniform(-0.92, 0.3)
        if wide > 0.3 * apart and rng.random() < 0.4:  # both eyes touch
            spread = wide / apart - 0.5
    bow = rng.normal(0, 0.5) * wide * (kind == "shut")
    form = _Form(rng.uniform(1.8, 5), rng.uniform(1.2, 4), rng.uniform(0.3, 1),
                 rng.uniform(0.1, 0.42), rng.uniform(1, 1.6))  # fmt: skip
    for side, ((own, brow), middle) in enumerate(zip(_EYES, middles, strict=True)):
        out = 2 * side - 1
        at = middle + turn @ (out * spread * apart, sink * apart)
        rows = (corner, bow - high, corner, bow + high)
        points[list(own)] = at + (turn @ np.array([(-wide, 0, wide, 0), rows])).T
        _eye(pen, kind, points[list(own)], ink, gaze, form)
        if lashes:
            _lashes(pen, points[list(own)], side, ink, rng)
        if brows:
            steps = np.array([-1.0, 0.0, 1.0])
            above = out * tilt * steps - arch * (1 - steps**2) - lift
            above = above * apart - high
            line = at + np.column_stack([(aside + steps * long) * apart, above]) @ turn.T
            shape = np.sin(np.linspace(0.35, 2.8, 11)) if leaf else np.linspace(0.5, 1, 11)[::-out]
            widths = np.maximum(thick * shape, 0.02)
            if edged:
                pen.tapered(path(line, 5), ink, widths + pen.line)
            pen.tapered(path(line, 5), colour, widths)
            points[list(brow)] = line
    if rng.random() < 0.25:
        _glasses(pen, points[[eye for eye, _ in _EYES]].mean(1), wide, high, ink, rng)
    return made, points


def _size(kind: str, apart: float, rng: np.random.Generator) -> tuple[float, float]:
    """Half an eye's width and height, pixels."""
    width, tall = {
        "dot": (rng.uniform(0.025, 0.09), rng.uniform(0.9, 3.2)),
        "field": (rng.uniform(0.14, 0.52), rng.uniform(0.6, 1.6)),
        "ink": (rng.uniform(0.08, 0.2), rng.uniform(0.3, 0.9)),
        "shut": (rng.uniform(0.1, 0.28), 0.0),
        "ring": (rng.uniform(0.12, 0.3), rng.uniform(0.9, 1.2)),
    }[kind]
    wide = max(width * apart, 0.8)
    return wide, wide * tall


def _skin(crop: np.ndarray, middles: np.ndarray, down: np.ndarray, apart: float) -> Rgb:
    """The colour under the eyes."""
    places = middles + 0.45 * apart * down
    seen = [
        crop[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4].reshape(-1, 3)
        for x, y in np.clip(places, 0, SIDE - 1).astype(int)
    ]
    red, green, blue = np.median(np.concatenate(seen), 0).astype(int).tolist()
    return red, green, blue


def _hair(crop: np.ndarray, middles: np.ndarray, down: np.ndarray, apart: float) -> Rgb:
    """The colour high above the eyes, a little darker."""
    x, y = np.clip(middles.mean(0) - 1.1 * apart * down, 2, SIDE - 3).astype(int)
    red, green, blue = np.median(crop[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3), 0)
    return darker((int(red), int(green), int(blue)), 0.7)


def _cleared(
    crop: np.ndarray, points: np.ndarray, middle: np.ndarray, skin: Rgb, apart: float
) -> None:
    """Skin where a feature was, by those of its (N, 2) points that are known."""
    known = points[np.isfinite(points).all(1)]
    grown = middle + (known - middle) * 1.25
    grown += np.sign(known - middle) * 0.06 * apart
    area = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillPoly(area, [cv2.convexHull(grown.astype(np.int32))], (255,))
    area = cv2.GaussianBlur(cv2.dilate(area, np.ones((3, 3), np.uint8)), (0, 0), 1.2)
    share = (area.astype(np.float32) / 255)[..., None]
    crop[:] = (crop + (np.array(skin, np.float32) - crop) * share).astype(np.uint8)


def _eye(pen: Pen, kind: str, eye: np.ndarray, ink: Rgb, gaze: np.ndarray, form: _Form) -> None:
    """eye: (4, 2) its left corner, upper lid's middle, right corner, lower lid's middle."""
    left, upper, right, lower = eye
    middle, along, high = eye.mean(0), (right - left) / 2, float(np.hypot(*(lower - upper))) / 2
    x, y = middle
    wide, turn = float(np.hypot(*along)), float(np.degrees(np.arctan2(along[1], along[0])))
    line = max(round(pen.line * pen.unit), 1)
    if kind in ("dot", "ink"):
        pen.oval(x, y, wide, high, turn, ink)
    elif kind == "shut":
        pen.stroke(path(np.vstack([left, upper, right]), 5), ink, pen.line)
    elif kind == "ring":
        pen.oval(x, y, wide, high, turn, WHITE)
        pen.oval(x, y, wide, high, turn, ink, line)
        pen.oval(x, y, wide * 0.55, high * 0.55, turn, ink, 1)
    else:
        k = np.linspace(-1, 1, 17)
        bow = (1 - np.abs(k) ** form.power) ** (1 / form.round)
        corners = (left + right) / 2 + k[:, None] * along
        lids = [corners + bow[:, None] * (lid - (left + right) / 2) for lid in (upper, lower)]
        ring = np.vstack([lids[0], lids[1][::-1]])
        pen.fill(ring, WHITE, 0, person=False)
        pen.stroke(ring, ink, pen.line * form.outline, closed=True)
        pupil = min(wide, high) * form.pupil
        room = np.maximum((wide - pupil * 1.4, high - pupil * 1.6), 0)
        x, y = middle + np.clip(gaze, -0.9, 0.9) * room
        pen.oval(x, y, pupil, pupil * form.tall, turn, ink)


def _lashes(pen: Pen, eye: np.ndarray, side: int, ink: Rgb, rng: np.random.Generator) -> None:
    """eye: as of `_eye`; side: 0 for the left one of the picture, 1 for the right one."""
    left, upper, right, _ = eye
    corner = right if side else left
    for share in (0.0, 0.45)[: rng.integers(1, 3)]:
        root = corner + (upper - corner) * share
        away = root - eye.mean(0) + (upper - eye.mean(0)) * 0.4
        away *= rng.uniform(0.06, 0.14) * pen.unit / max(float(np.hypot(*away)), 0.1)
        pen.stroke(np.vstack([root, root + away]), ink, pen.line / 2)


def _nose(
    pen: Pen, points: np.ndarray, middles: np.ndarray, down: np.ndarray, ink: Rgb,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """A ridge down to the tip and back under it, or a bow about it."""
    tip = points[30]
    if not np.isfinite(tip).all():
        return
    side = rng.choice([-1, 1]) * pen.unit * np.array([down[1], -down[0]])
    under = tip - side * rng.uniform(0.05, 0.2) + down * pen.unit * rng.uniform(0.0, 0.08)
    if rng.random() < 0.7:
        top = tip + (middles.mean(0) - tip) * rng.uniform(0.3, 1.3) - side * rng.uniform(0, 0.12)
        line = np.vstack([top, tip, under])
    else:
        line = np.vstack([tip + side * 0.12 - down, tip + down, tip - side * 0.12 - down])
    pen.stroke(path(line, 4) if rng.random() < 0.5 else line, ink, pen.line)


def _mouth(
    pen: Pen, points: np.ndarray, along: np.ndarray, skin: Rgb, ink: Rgb, rng: np.random.Generator
) -> None:
    """A shut line or an open hole, often with teeth, where the mouth was."""
    lips = points[list(_LIPS)]
    apart, middle = pen.unit, (lips[0] + lips[2]) / 2
    if not np.isfinite(np.vstack([lips, points[8]])).all():
        return
    _cleared(pen.canvas, lips, middle, skin, apart)
    room = float(np.hypot(*(points[8] - middle)))
    wide, skew = rng.uniform(0.1, 0.5) * apart, rng.normal(0, 0.04) * apart
    smile, upper, lower = rng.normal(0.04, 0.08) * apart, 0.0, 0.0
    if rng.random() < 0.7:
        upper, lower = rng.uniform(0, 0.14) * apart, rng.uniform(0.08, 0.75) * room
    turn = np.column_stack([along, (-along[1], along[0])])
    at = middle + turn @ (rng.normal(0, 0.05) * apart, rng.normal(0, 0.03) * apart)
    k = np.linspace(-1, 1, 17)
    bow = (1 - np.abs(k) ** rng.uniform(1.2, 4)) ** (1 / rng.uniform(1, 2.2))
    bend = -smile * k**2 + skew * k
    waves = rng.uniform(0, 0.04) * apart * np.sin(k * rng.uniform(4, 14)) * (rng.random() < 0.2)
    lids = [
        at + np.column_stack([k * wide, bend + waves + own * bow]) @ turn.T
        for own in (-upper, lower)
    ]
    line = max(pen.line, 0.03)
    if upper + lower:
        ring = np.vstack([lids[0], lids[1][::-1]])
        hole = WHITE if rng.random() < 0.3 else _HOLES[rng.integers(len(_HOLES))]
        pen.fill(ring, hole, 0, person=False)
        if hole == WHITE:
            if rng.random() < 0.7:
                pen.stroke((lids[0] + lids[1]) / 2, ink, line / 2)
            for across in range(2, 15, int(rng.integers(2, 6))):
                pen.stroke(np.vstack([lids[0][across], lids[1][across]]), ink, line / 2)
        elif rng.random() < 0.5:  # the upper teeth
            low = lids[0] + (lids[1] - lids[0]) * rng.uniform(0.15, 0.4)
            pen.fill(np.vstack([lids[0], low[::-1]]), WHITE, 0, person=False)
        pen.stroke(ring, ink, line, closed=True)
    else:
        pen.stroke(lids[0], ink, line)
    points[list(_LIPS)] = lids[0][0], lids[0][8], lids[0][-1], lids[1][8]


def _glasses(
    pen: Pen, middles: np.ndarray, wide: float, high: float, ink: Rgb, rng: np.random.Generator
) -> None:
    """middles: (2, 2) of the eyes; wide, high: half of what an eye measures, pixels."""
    across = middles[1] - middles[0]
    apart = max(float(np.hypot(*across)), 1.0)
    a = min(max(wide * rng.uniform(1.1, 1.8), 0.25 * apart), 0.46 * apart)
    b = max(high * rng.uniform(1.1, 1.8), a * rng.uniform(0.5, 1.0))
    line = max(round(rng.uniform(0.015, 0.05) * apart), 1)
    along = across / apart
    turn = float(np.degrees(np.arctan2(along[1], along[0])))
    for x, y in middles:
        pen.oval(x, y, a, b, turn, ink, line)
    pen.stroke(np.vstack([middles[0] + a * along, middles[1] - a * along]), ink, line / pen.unit)
