"""A face's features: mouth, eyes, brows."""

from __future__ import annotations

import cv2
import numpy as np

from data.drawing.anatomy import Head, brow_of, lids
from data.drawing.brush import BLACK, WHITE, Pen, Rgb, darker, fixed, lighter, path
from data.landmarks import INNER_LIPS, OUTER_LIPS


def mouth(pen: Pen, head: Head, points: np.ndarray, skin: Rgb) -> None:
    who = head.who
    if abs(who.yaw) > 70 and (not who.school or who.mouth_open < 0.06):
        lips = points[OUTER_LIPS]
        near = lips[:, 0].argmin() if who.yaw > 0 else lips[:, 0].argmax()
        far = lips[:, 0].argmax() if who.yaw > 0 else lips[:, 0].argmin()
        pen.stroke(lips[[near, far]], pen.ink or darker(skin, 0.4), max(pen.line, 0.02))
        return
    dark = pen.ink or darker(skin, 0.4)
    outer, inner = points[OUTER_LIPS], points[INNER_LIPS]
    upper, lower = path(inner[:5], 5), path(inner[[4, 5, 6, 7, 0]], 5)
    ring = np.vstack([upper, lower])
    rng = np.random.default_rng(who.seed + 2)
    if who.lip > 0.02:
        colour = (200, 80, 90) if who.lips_red else darker(skin, 0.82)
        edge = np.vstack([path(outer[:7], 4), path(outer[[6, 7, 8, 9, 10, 11, 0]], 4)])
        pen.fill(edge, colour, 0.4 if rng.random() < 0.4 else 0, person=False)
    if who.mouth_open > 0.06:
        hole = (150, 55, 62) if rng.random() < 0.6 else (90, 30, 38)
        if who.school and rng.random() < 0.4:
            hole = BLACK
        pen.fill(ring, hole, 0, person=False)
        part = rng.random()
        if who.school and rng.random() < 0.7:
            _teeth(pen, upper, lower, dark, rng)
        elif part < 0.45 and who.mouth_open > 0.1:  # teeth
            high = upper + (lower.mean(0) - upper.mean(0)) * rng.uniform(0.25, 0.8)
            pen.fill(np.vstack([upper, high[::-1]]), WHITE, 0, person=False)
        elif part > 0.3 and who.mouth_open > 0.2:  # tongue
            low = lower + (upper.mean(0) - lower.mean(0)) * 0.35
            pen.fill(np.vstack([lower, low[::-1]]), (222, 120, 120), 0, person=False)
        pen.stroke(ring, dark, max(pen.line, 0.014), closed=True)
    else:
        line = path((points[[60, 61, 62, 63, 64]] + points[[60, 67, 66, 65, 64]]) / 2, 5)
        if not who.school and rng.random() < 0.25:  # drawn at the ends, or in the middle only
            line = line[len(line) // 4 : -len(line) // 4]
        pen.tapered(line, dark, np.full(len(line), max(pen.line, 0.022)))
        if rng.random() < 0.3:
            under = outer[[8, 9, 10]] + (outer[9] - points[62]) + (0, 0.04 * pen.unit)
            pen.stroke(path(under, 4), darker(skin, 0.75), 0.02)
    if who.school and rng.random() < 0.4:  # the cheek's fold at a corner
        for corner, inward in ((0, 1), (6, 5)):
            fold = (outer[corner] - outer[inward]) * 0.2
            across = np.array([-fold[1], fold[0]]) + (0, 0.02 * pen.unit)
            bow = np.vstack([outer[corner] - across, outer[corner] + fold, outer[corner] + across])
            pen.stroke(path(bow, 4), dark, max(pen.line * 0.7, 0.014))


def _teeth(
    pen: Pen, upper: np.ndarray, lower: np.ndarray, dark: Rgb, rng: np.random.Generator
) -> None:
    """Both rows bared, or the upper alone, or an upper and a tongue; upper, lower: inner lips."""
    how = rng.random()
    facing = lower[::-1]
    thin = max(pen.line * 0.4, 0.01)
    if how < 0.45:
        pen.fill(np.vstack([upper, lower]), WHITE, 0, person=False)
        middle = (upper + facing) / 2
        if rng.random() < 0.7:
            pen.stroke(middle, dark, thin)
        if rng.random() < 0.5:
            for number in range(2, len(upper) - 2, int(rng.integers(2, 5))):
                pen.stroke(np.vstack([upper[number], facing[number]]), dark, thin)
        return
    low = upper + (facing - upper) * rng.uniform(0.2, 0.5)
    pen.fill(np.vstack([upper, low[::-1]]), WHITE, 0, person=False)
    if how > 0.65:
        high = facing + (upper - facing) * rng.uniform(0.2, 0.45)
        high[[0, -1]] = facing[[0, -1]]
        pen.fill(np.vstack([facing, high[::-1]]), (222, 110, 115), 0, person=False)


def eye(pen: Pen, head: Head, side: int) -> None:
    who = head.who
    opened = who.left_open if side < 0 else who.right_open
    iris = who.colours[1] if side < 0 else who.colours[2]
    upper, lower = (head.at(lid) for lid in lids(who, side, opened))
    dark = pen.ink or darker(who.colours[0], 0.35)
    dark = dark if sum(dark) < 330 else darker(dark, 0.5)
    rng = np.random.default_rng(who.seed + 3)
    lash = max(who.lash, who.line * 0.8, 0.012)
    outward = np.linspace(0.35, 1, len(upper)) if side > 0 else np.linspace(1, 0.35, len(upper))
    if who.sunglasses and who.glasses:
        return
    if opened < 0.12:
        line = (upper + lower) / 2
        pen.tapered(line, dark, lash * (0.6 + 0.4 * np.sin(np.linspace(0.2, 2.9, len(line)))))
        return
    ring = np.vstack([upper, lower[::-1]])
    if who.eye_kind == "dot":
        pen.fill(ring, dark, 0, person=False)
        if rng.random() < 0.2:
            x, y = ring.mean(0) * 0.6 + upper[len(upper) // 2] * 0.4
            small = 0.25 * who.eye_width * pen.unit
            pen.oval(x, y, small, small, 0, WHITE)
        if who.gender == "female" and rng.random() < 0.7:
            _flicks(pen, upper, ring, side, lash, dark, rng)
        return
    if who.eye_kind == "blank":
        glow = (225, 255, 205) if rng.random() < 0.2 and who.tone == "colour" else WHITE
        pen.fill(ring, glow, 0, person=False)
        pen.stroke(ring, dark, max(lash * 0.5, 0.015), closed=True)
        return
    white = WHITE if rng.random() < 0.8 else (232, 232, 240)
    if who.eye_kind != "ink" or rng.random() < 0.85:
        pen.fill(ring, white, 0, person=False)
    _iris(pen, head, side, ring, upper, lower, iris, dark, rng)
    if who.eye_kind == "round":
        pen.stroke(ring, dark, max(lash * 0.5, 0.015), closed=True)
        return
    # The upper lid's line lies on the lid; lashes at its outer end.
    pen.tapered(upper, dark, lash * (0.35 + 0.9 * outward))
    if who.eye_kind == "field" and rng.random() < 0.6:
        pen.stroke(ring, dark, max(lash * 0.3, 0.012), closed=True)
    if who.gender == "female" and rng.random() < 0.7:
        _flicks(pen, upper, ring, side, lash, dark, rng)
    manner = rng.random()
    if manner < 0.35:
        pen.stroke(lower, dark, max(lash * 0.25, 0.01))
    elif manner < 0.85:
        part = lower[len(lower) // 4 : -len(lower) // 4] if manner < 0.6 else lower[::1]
        part = (
            part
            if manner < 0.6
            else (part[len(part) // 2 :] if side > 0 else part[: len(part) // 2])
        )
        pen.stroke(part, dark, max(lash * 0.25, 0.01))
    if rng.random() < 0.55:  # the fold above the lid
        up = np.array([0, -rng.uniform(0.05, 0.11) * pen.unit])
        pen.stroke(upper[3:-3] + up, darker(who.colours[3], 0.6), 0.012)


def _flicks(
    pen: Pen,
    upper: np.ndarray,
    ring: np.ndarray,
    side: int,
    lash: float,
    dark: Rgb,
    rng: np.random.Generator,
) -> None:
    """Lashes that stand off an eye's outer corner."""
    end = 0 if side < 0 else -1
    away = upper[end] - ring.mean(0)
    for lift in (0.1, -0.5)[: rng.integers(1, 3)]:
        tip = upper[end] + away * 0.25 + np.array([0, lift * 0.2 * pen.unit])
        pen.stroke(np.vstack([upper[end], tip]), dark, lash * 0.4)


def _iris(
    pen: Pen,
    head: Head,
    side: int,
    ring: np.ndarray,
    upper: np.ndarray,
    lower: np.ndarray,
    colour: Rgb,
    dark: Rgb,
    rng: np.random.Generator,
) -> None:
    """The iris and its lights, cut by the lids."""
    who = head.who
    left, top = np.maximum(np.floor(ring.min(0)).astype(int) - 1, 0)
    right, bottom = np.ceil(ring.max(0)).astype(int) + 2
    part = pen.canvas[top:bottom, left:right]
    if part.size == 0:
        return
    layer = part.copy()
    inside = np.zeros(part.shape[:2], np.uint8)
    cv2.fillPoly(inside, [fixed(ring - (left, top))], (255,), cv2.LINE_AA, 4)
    brush = Pen(layer, inside, pen.unit, 0.0, None)
    tall = max(float(np.ptp(ring[:, 1])), 1.0)
    wide = max(float(np.ptp(ring[:, 0])), 1.0)
    if who.eye_kind == "anime":
        b = tall * rng.uniform(0.46, 0.56)
        a = min(wide * who.iris / 2, b * rng.uniform(0.75, 1.0))
    elif who.eye_kind == "round":
        a = b = min(wide, tall) * rng.uniform(0.1, 0.3)
    elif who.eye_kind == "field":
        a = min(wide, tall) * rng.uniform(0.06, 0.26)
        b = a * rng.choice([1.0, rng.uniform(1.0, 3.0)])
    elif who.eye_kind == "ink":
        a = max(min(wide * 0.4, tall * rng.uniform(0.2, 0.6)), 0.8)
        b = a * rng.uniform(1.0, 1.5)
    else:
        a = b = max(wide * rng.uniform(0.2, 0.27), 1.0)
    if who.eye_kind == "oval":
        a, b = wide * 0.6, tall * 0.6
    middle = (upper[len(upper) // 2] + lower[len(lower) // 2]) / 2 - (left, top)
    x = middle[0] + who.gaze_x * wide
    y = middle[1] + who.gaze_y * tall + (0.04 * tall if who.eye_kind == "anime" else 0)
    plain = rng.random()
    deep = darker(colour, 0.5)
    if who.eye_kind == "ink":
        brush.oval(x, y, a, b, who.roll, BLACK if plain < 0.8 else deep)
        share = (inside.astype(np.float32) / 255)[..., None]
        part[:] = (part + (layer.astype(np.float32) - part) * share).astype(np.uint8)
        return
    brush.oval(x, y, a, b, who.roll, dark if plain < 0.5 else deep)
    brush.oval(x, y, a * 0.9, b * 0.92, who.roll, colour)
    if who.eye_kind in ("anime", "real", "oval") and plain < 0.75:
        brush.oval(x, y - b * 0.5, a * 0.85, b * 0.42, who.roll, deep)
        brush.oval(x, y + b * 0.5, a * 0.6, b * 0.36, who.roll, lighter(colour, 0.35))
    pupil = rng.uniform(0.25, 0.5)
    if who.eye_kind != "round" or plain < 0.5:
        brush.oval(x, y, a * pupil, b * pupil, who.roll, darker(colour, 0.22))
    else:
        brush.oval(x, y, a * 0.9, b * 0.9, who.roll, BLACK)
    if rng.random() < 0.85 and who.eye_kind != "round":
        for dx, dy, size in ((-0.35, -0.42, 0.3), (0.35, 0.42, 0.16))[: rng.integers(1, 3)]:
            brush.oval(x + dx * a, y + dy * b, a * size, b * size * 0.9, who.roll, WHITE)
    if rng.random() < 0.5 and who.eye_kind == "anime":  # the lid's shadow
        lid = upper - (left, top)
        brush.wash(np.vstack([lid, (lid + (0, 0.22 * tall))[::-1]]), darker(colour, 0.3), 0.4)
    share = (inside.astype(np.float32) / 255)[..., None]
    part[:] = (part + (layer.astype(np.float32) - part) * share).astype(np.uint8)


def brows(pen: Pen, head: Head, hair: Rgb) -> None:
    who = head.who
    colour = pen.ink if pen.ink and who.seed % 3 else darker(hair, 0.6)
    for side in (-1, 1):
        if side * who.yaw > 62:
            continue
        line = path(head.at(brow_of(who, side), 0.03), 5)
        thin = 0.75 if who.school == "comic" and who.seed % 2 else 0.4
        shape = np.linspace(thin, 1, len(line)) if side < 0 else np.linspace(1, thin, len(line))
        pen.tapered(line, colour, who.brow_thick * shape)
