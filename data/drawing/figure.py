"""Paints a character: hair behind, body, head, features, hair before, and what is worn or held."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from data.drawing.anatomy import Head, brow_of, edges, landmarks, lids
from data.drawing.brush import Pen, Rgb, curve, darker, fixed, lighter, path, rgb
from data.drawing.character import Character
from data.face import Box, Colour, Face, Gender, Pose
from data.landmarks import INNER_LIPS, OUTER_LIPS

WHITE, BLACK = (252, 252, 252), (24, 20, 24)


def paint(
    canvas: np.ndarray, mask: np.ndarray, who: Character, x: float, y: float, unit: float
) -> tuple[Face, np.ndarray]:
    """Draw a person into the canvas and the mask, in place.

    canvas: (H, W, 3) uint8 RGB; mask: (H, W) uint8, 255 where a person is. x, y: between the
    eyes; unit: pixels from there to a cheek. The truth in canvas pixels, and (68,) bool: points
    that hair, a hand or the head itself hides.
    """
    head = Head(who, x, y, unit)
    pen = Pen(canvas, mask, unit, who.line, rgb(who.ink) if who.ink else None)
    rng = np.random.default_rng(who.seed)
    points, hidden = landmarks(who, head)
    hair, _, _, skin = who.colours
    left, right = edges(who, head)
    _behind(pen, head, hair, rng)
    _body(pen, head, skin, rng)
    _face(pen, head, left, right, skin)
    _nose(pen, head, points, skin)
    _mouth(pen, head, points, skin)
    for side in (-1, 1):
        if side * who.yaw < 62:
            _eye(pen, head, side)
    if not who.brow_over:
        _brows(pen, head, hair)
    if who.glasses:
        _glasses(pen, head)
    before = np.zeros(mask.shape, np.uint8)  # whatever lies before the face
    over = replace(pen, mask=before)
    if who.back != "bald":
        _fringe(over, head, hair, skin, rng)
    if who.brow_over:
        _brows(pen, head, hair)
    _worn(over, head, hair, rng)
    _held(over, head, skin, rng)
    np.maximum(mask, before, out=mask)
    inside = points.round().astype(int)
    height, width = mask.shape
    within = (inside >= 0).all(1) & (inside[:, 0] < width) & (inside[:, 1] < height)
    hidden = hidden | ~within
    hidden[within] |= before[inside[within, 1], inside[within, 0]] > 127
    if who.brow_over and who.over not in ("hand", "cup"):
        hidden[17:27] &= ~within[17:27]
    return _truth(who, points, hidden), hidden


def _truth(who: Character, points: np.ndarray, hidden: np.ndarray) -> Face:
    marks = points.astype(np.float32)
    (left, top), (right, bottom) = marks.min(0).tolist(), marks.max(0).tolist()

    def told(colour: str, name: str) -> Colour:
        return Colour(colour, name, 1.0, 1.0)

    return Face(
        box=Box(left, top, right - left, bottom - top),
        score=1.0,
        landmarks=marks,
        landmark_scores=np.where(hidden, 0.0, 1.0).astype(np.float32),
        domain="drawn",
        source="drawing 2",
        hair=told(who.hair_hex, who.hair) if who.back != "bald" else None,
        left_eye=told(who.left_eye_hex, who.left_eye),
        right_eye=told(who.right_eye_hex, who.right_eye),
        skin=told(who.skin_hex, who.skin),
        gender=Gender(who.gender, 1.0),
        glasses=float(who.glasses),
        pose=Pose(who.roll, who.yaw, -who.pitch),
    )


def _behind(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
    """The hair behind the head."""
    who = head.who
    if who.back == "bald":
        return
    wide, dark = who.volume, darker(hair, 0.84)
    if who.back in ("long", "bob", "tails", "pony", "curly"):
        low = {"long": 2.6, "bob": 1.0, "tails": 0.8, "pony": 0.7, "curly": 1.3}[who.back]
        low *= rng.uniform(0.75, 1.25)
        flare = wide + rng.uniform(-0.1, 0.35)
        shape = [
            (-flare, low),
            (-wide - 0.05, 0.2),
            (-wide * 0.92, -0.9),
            (0, -0.3 - 1.12 * wide),
            (wide * 0.92, -0.9),
            (wide + 0.05, 0.2),
            (flare, low),
            (0.4, low + 0.15),
            (-0.4, low - 0.1),
        ]
        outline = curve(np.array(shape))
        if who.back == "curly":
            turn = np.linspace(0, 2 * np.pi * rng.integers(9, 16), len(outline))
            outline *= (1 + 0.05 * np.sin(turn))[:, None]
        pen.fill(head.around(outline, -0.4), dark)
    if who.back == "tails" or who.back == "pony":
        sides = (-1, 1) if who.back == "tails" else (rng.choice([-1, 1]),)
        for side in sides:
            top, out, low = rng.uniform(-1.0, -0.4), rng.uniform(1.5, 2.1), rng.uniform(1.0, 2.8)
            tail = [
                (side * 0.9, top - 0.1),
                (side * out * 0.85, top - 0.25),
                (side * out, low * 0.5),
                (side * out * 0.85, low),
                (side * out * 0.75, low * 0.5),
                (side * 1.0, top + 0.3),
            ]
            pen.fill(head.around(curve(np.array(tail)), -0.3), dark)
    if who.back == "buns":
        for side in (-1, 1):
            turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
            bun = np.column_stack([side * 0.85 + 0.4 * np.cos(turn), -1.25 + 0.4 * np.sin(turn)])
            pen.fill(head.around(bun), hair)
    _crown(pen, head, hair if who.back != "long" else dark, rng)


def _crown(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
    """The skull's hair: round, or in spikes."""
    who = head.who
    count = 90
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    reach = np.full(count, who.volume)
    if who.back in ("spiky", "short", "curly"):
        spikes = int(rng.integers(9, 26))
        saw = np.abs((turn * spikes / (2 * np.pi) + rng.random()) % 1 - rng.uniform(0.3, 0.7))
        size = rng.uniform(0.2, 0.75) if who.back == "spiky" else rng.uniform(0, 0.16)
        upper = np.clip(0.4 - np.sin(turn), 0, 1)
        reach = reach + size * (1 - 2 * saw) * upper * (0.6 + 0.4 * np.sin(turn * 5 + rng.random()))
    ball = np.column_stack([reach * np.cos(turn), -0.25 + reach * 1.06 * np.sin(turn)])
    pen.fill(head.around(ball), hair)


def _body(pen: Pen, head: Head, skin: Rgb, rng: np.random.Generator) -> None:
    """Neck and shoulders, upright whichever way the head turns."""
    who = head.who
    chin = who.chin
    male = who.gender == "male"
    broad, thick = (1.9, 0.5) if male else (1.45, 0.34)
    broad *= rng.uniform(0.85, 1.3)
    high = chin + rng.uniform(0.25, 0.6)
    low = chin + 3.2
    neck = [(-thick, chin - 0.6), (thick, chin - 0.6), (thick, high + 0.4), (-thick, high + 0.4)]
    pen.fill(head.around(np.array(neck), 0.0), skin)
    shade = [
        (-thick, chin - 0.6),
        (thick, chin - 0.6),
        (thick, chin + 0.1),
        (0, chin + 0.28),
        (-thick, chin + 0.06),
    ]
    if who.shade != "flat":
        pen.wash(head.around(np.array(shade), 0.1), darker(skin, 0.72), 0.8)
    shirt = [
        (-thick - 0.06, high),
        (0, high + rng.uniform(0.1, 0.8)),
        (thick + 0.06, high),
        (broad, high + 0.35),
        (broad + 0.3, low),
        (-broad - 0.3, low),
        (-broad, high + 0.35),
    ]
    pen.fill(head.around(np.array(shirt), 0.0), rgb(who.shirt))
    if rng.random() < 0.3:
        for side in (-1, 1):
            lapel = [(side * thick, high), (0, high + 0.9), (side * 0.5, high + 0.75)]
            pen.fill(head.around(np.array(lapel), 0.0), WHITE)


def _face(pen: Pen, head: Head, left: np.ndarray, right: np.ndarray, skin: Rgb) -> None:
    who = head.who
    for side in (-1, 1):
        if side * who.yaw > 25:
            continue
        ear = np.array([(0.97, -0.12), (1.12, -0.2), (1.17, 0.05), (1.08, 0.32), (0.97, 0.36)])
        shape = np.column_stack([side * ear[:, 0], ear[:, 1], np.full(5, -0.02)])
        pen.fill(head.placed(head.turned(curve(shape))), skin)
    arc = np.linspace(0, np.pi, 24)[1:-1]
    start, end = right[0], left[0]
    middle, half = (start + end) / 2, (start[0] - end[0]) / 2
    top = np.column_stack([middle[0] + half * np.cos(arc), middle[1] - 1.0 * np.sin(arc) ** 0.8])
    outline = head.placed(np.vstack([left, right[::-1], top]))
    pen.fill(outline, skin, 0)
    if who.shade != "flat":
        rng = np.random.default_rng(who.seed + 1)
        side = rng.choice([-1, 1])
        edge = rng.uniform(0.2, 0.8)
        part = right if side > 0 else left
        inner = part * (edge, 1.0) + (0.0, -0.02)
        area = head.placed(np.vstack([part, inner[::-1]]))
        share = rng.uniform(0.15, 0.6)
        pen.wash(area, darker(skin, 0.7), share, 0.0 if who.shade == "cel" else 0.12)
    if pen.line:
        for part in (left, right):
            line = head.placed(part[2:])
            pen.stroke(line, pen.ink or darker(skin, 0.5), pen.line)
    if who.blush:
        _blush(pen, head, skin)
    if who.beard:
        low = np.vstack([left[len(left) // 2 :], right[::-1][: len(right) // 2]])
        inner = low * (0.62, 1) - (0, 0.3 * who.beard)
        area = head.placed(np.vstack([low, inner[::-1]]))
        pen.wash(area, darker(who.colours[0], 0.6), 0.35 + 0.6 * who.beard, 0.03)


def _blush(pen: Pen, head: Head, skin: Rgb) -> None:
    who = head.who
    red, green, blue = skin
    colour = (min(int(red * 0.8 + 51), 255), int(green * 0.6), int(blue * 0.62))
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    for side in (-1, 1):
        if side * who.yaw > 40:
            continue
        at = np.array([side * (who.eye_x + 0.08), who.eye_height * 0.5 + 0.16])
        spot = at + np.column_stack([0.24 * np.cos(turn), 0.09 * np.sin(turn)])
        pen.wash(head.at(spot), colour, 0.7 * who.blush, 0.05)
        if who.blush > 0.7:
            for step in (-0.1, 0.0, 0.1):
                line = at + np.array([(step + 0.03, -0.05), (step - 0.03, 0.06)])
                pen.stroke(head.at(line), colour, 0.018)


def _nose(pen: Pen, head: Head, points: np.ndarray, skin: Rgb) -> None:
    who = head.who
    dark = pen.ink or darker(skin, 0.5)
    thin = max(pen.line, 0.012)
    if who.nose == "none":
        return
    if abs(who.yaw) > 50 and who.nose != "dot":
        return  # the profile tells it
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


def _mouth(pen: Pen, head: Head, points: np.ndarray, skin: Rgb) -> None:
    who = head.who
    if abs(who.yaw) > 70:
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
        pen.fill(ring, hole, 0, person=False)
        part = rng.random()
        if part < 0.45 and who.mouth_open > 0.1:  # teeth
            high = upper + (lower.mean(0) - upper.mean(0)) * rng.uniform(0.25, 0.8)
            pen.fill(np.vstack([upper, high[::-1]]), WHITE, 0, person=False)
        if part > 0.3 and who.mouth_open > 0.2:  # tongue
            low = lower + (upper.mean(0) - lower.mean(0)) * 0.35
            pen.fill(np.vstack([lower, low[::-1]]), (222, 120, 120), 0, person=False)
        pen.stroke(ring, dark, max(pen.line, 0.014), closed=True)
    else:
        line = path((points[[60, 61, 62, 63, 64]] + points[[60, 67, 66, 65, 64]]) / 2, 5)
        if rng.random() < 0.25:  # drawn at the ends, or in the middle only
            line = line[len(line) // 4 : -len(line) // 4]
        pen.tapered(line, dark, np.full(len(line), max(pen.line, 0.022)))
        if rng.random() < 0.3:
            under = outer[[8, 9, 10]] + (outer[9] - points[62]) + (0, 0.04 * pen.unit)
            pen.stroke(path(under, 4), darker(skin, 0.75), 0.02)


def _eye(pen: Pen, head: Head, side: int) -> None:
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
        x, y = ring.mean(0)
        a, b = np.ptp(ring[:, 0]) / 2, np.ptp(ring[:, 1]) / 2
        pen.oval(x, y, a, b, who.roll, dark)
        return
    white = WHITE if rng.random() < 0.8 else (232, 232, 240)
    pen.fill(ring, white, 0, person=False)
    _iris(pen, head, side, ring, upper, lower, iris, dark, rng)
    if who.eye_kind == "round":
        pen.stroke(ring, dark, max(lash * 0.5, 0.015), closed=True)
        return
    # The upper lid's line lies on the lid; lashes at its outer end.
    pen.tapered(upper, dark, lash * (0.35 + 0.9 * outward))
    if who.gender == "female" and rng.random() < 0.7:
        end = 0 if side < 0 else -1
        away = upper[end] - ring.mean(0)
        for lift in (0.1, -0.5)[: rng.integers(1, 3)]:
            tip = upper[end] + away * 0.25 + np.array([0, lift * 0.2 * pen.unit])
            pen.stroke(np.vstack([upper[end], tip]), dark, lash * 0.4)
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
    else:
        a = b = max(wide * rng.uniform(0.2, 0.27), 1.0)
    if who.eye_kind == "oval":
        a, b = wide * 0.6, tall * 0.6
    middle = (upper[len(upper) // 2] + lower[len(lower) // 2]) / 2 - (left, top)
    x = middle[0] + who.gaze_x * wide
    y = middle[1] + who.gaze_y * tall + (0.04 * tall if who.eye_kind == "anime" else 0)
    plain = rng.random()
    deep = darker(colour, 0.5)
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


def _brows(pen: Pen, head: Head, hair: Rgb) -> None:
    who = head.who
    colour = pen.ink if pen.ink and who.seed % 3 else darker(hair, 0.6)
    for side in (-1, 1):
        if side * who.yaw > 62:
            continue
        line = path(head.at(brow_of(who, side), 0.03), 5)
        shape = np.linspace(0.4, 1, len(line)) if side < 0 else np.linspace(1, 0.4, len(line))
        pen.tapered(line, colour, who.brow_thick * shape)


def _fringe(pen: Pen, head: Head, hair: Rgb, skin: Rgb, rng: np.random.Generator) -> None:
    """The hair before the face: a cap down to the hairline, locks, and what falls at the sides."""
    who = head.who
    if who.top == "hood":
        return
    line = -max(who.brow_y + 0.12, 0.5 + 0.35 * (who.fringe == "back"))
    xs = np.linspace(-1.0, 1.0, 15)
    hairline = np.column_stack([xs, np.full(15, line) + 0.25 * np.abs(xs) ** 3])
    if who.fringe == "parted":
        hairline[:, 1] += 0.5 * np.abs(xs - rng.uniform(-0.4, 0.4)) - 0.3
    if who.fringe == "back":
        hairline[:, 1] += 0.3 * np.abs(xs) ** 2
    seen = head.at(hairline, 0.06)
    arc = np.linspace(np.pi * 0.02, np.pi * 0.98, 26)
    cap = np.column_stack([who.volume * np.cos(arc), -0.25 - 1.06 * who.volume * np.sin(arc)])
    flat = head.around(np.vstack([cap, [(-who.volume, -0.05)]]))
    roof = np.vstack([seen, flat])
    pen.fill(roof, hair, 0)
    if pen.line and who.fringe in ("back", "parted", "swept"):
        pen.stroke(seen, pen.ink or darker(hair, 0.55), pen.line)
    locks = []
    low = who.fringe_low
    if who.fringe in ("locks", "messy", "curly", "straight"):
        edges_at = np.linspace(-0.95, 0.95, who.locks + 1) + rng.normal(0, 0.05, who.locks + 1)
        lean = rng.normal(0, 0.15)
        for start, end in pairwise(edges_at):
            drop = low + rng.normal(0, 0.18 if who.fringe == "messy" else 0.08)
            middle = (start + end) / 2 + lean
            if who.fringe == "straight":
                locks.append(
                    [
                        (start - 0.02, line - 0.1),
                        (start, low),
                        (middle, low + 0.04),
                        (end, low),
                        (end + 0.02, line - 0.1),
                    ]
                )
            else:
                tip = middle + rng.normal(0, 0.12)
                locks.append(
                    [
                        (start - 0.06, line - 0.12),
                        (start + 0.3 * (tip - start), (line + drop) / 2),
                        (tip, drop),
                        (end - 0.2 * (end - tip), (line + drop) / 2 - 0.05),
                        (end + 0.06, line - 0.12),
                    ]
                )
    elif who.fringe in ("swept", "parted"):
        root = rng.uniform(-0.6, 0.6)
        for end in (-1.0, 1.0):
            for step in range(int(rng.integers(1, 4))):
                out = end * (1 - 0.28 * step)
                drop = low + 0.55 * abs(out) + rng.normal(0, 0.1)
                locks.append(
                    [
                        (root, line - 0.3),
                        ((root + out) / 2, (line + drop) / 2 - 0.25),
                        (out, drop),
                        ((root + out) / 2 + 0.1 * end, (line + drop) / 2),
                        (root + 0.25 * end, line),
                    ]
                )
    for side in (-1, 1):
        if who.side_lock > 0.15:
            down, thick = who.side_lock * rng.uniform(0.7, 1.2), rng.uniform(0.12, 0.34)
            locks.append(
                [
                    (side * 1.04, -0.6),
                    (side * 1.12, down * 0.4),
                    (side * (1.0 - thick * 0.3), down),
                    (side * (1.0 - thick), down * 0.3),
                    (side * (0.9 - thick * 0.5), -0.5),
                ]
            )
    for lock in locks:
        shape = np.array(lock)
        inner = np.clip(shape, (-1.02, -9), (1.02, 9))
        where = head.at(inner, 0.1)
        side = np.abs(shape[:, 0]) > 1.02
        where[side] += (
            head.at(shape[side] * (0, 1) + inner[side] * (1, 0), 0.1) - where[side]
        ) + _outward(head, shape[side] - inner[side])
        if who.fringe == "straight":
            area = where
        else:
            area = np.vstack([path(where[:3], 5), path(where[2:], 5)])
        if who.shade != "flat":
            pen_under = replace(pen, mask=np.zeros((1, 1), np.uint8))
            pen_under.wash(area + (0, 0.07 * pen.unit), darker(skin, 0.7), 0.25)
        pen.fill(area, hair, 0)
        if pen.line:
            ink = pen.ink or darker(hair, 0.55)
            pen.stroke(area, ink, pen.line * 0.8)
    _shine(pen, head, hair, rng)


def _outward(head: Head, step: np.ndarray) -> np.ndarray:
    """Head units across the picture to pixels."""
    return head.placed(np.column_stack([step[:, 0], step[:, 1]])) - (head.x, head.y)


def _shine(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
    who = head.who
    if rng.random() < 0.55:
        arc = np.linspace(rng.uniform(0.15, 0.3) * np.pi, rng.uniform(0.6, 0.85) * np.pi, 14)
        reach = rng.uniform(0.55, 0.8)
        band = np.column_stack([reach * np.cos(arc), -0.35 - reach * np.sin(arc)])
        wide = rng.uniform(0.03, 0.1) * np.sin(np.linspace(0.1, np.pi - 0.1, 14))
        pen.tapered(head.around(band), lighter(hair, rng.uniform(0.2, 0.6)), wide)
    for _ in range(rng.integers(0, 7)):  # strands
        x = rng.uniform(-0.8, 0.8)
        strand = np.array(
            [(x * 0.5, -0.3 - who.volume), (x * 0.9, -0.9), (x, rng.uniform(-0.8, -0.3))]
        )
        pen.stroke(head.around(path(strand, 4), 0.2), darker(hair, 0.7), 0.012)


def _glasses(pen: Pen, head: Head) -> None:
    who = head.who
    rng = np.random.default_rng(who.seed + 4)
    colour = BLACK if rng.random() < 0.6 else _any(rng, 40, 220)
    a = rng.uniform(0.33, 0.42)
    b = rng.uniform(0.2, 0.4)
    power = rng.choice([2.0, 2.0, 4.0])
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    thick = rng.uniform(0.015, 0.05)
    c, s = np.cos(turn), np.sin(turn)
    frame = np.column_stack(
        [a * np.sign(c) * np.abs(c) ** (2 / power), b * np.sign(s) * np.abs(s) ** (2 / power)]
    )
    lens_at = who.eye_x + 0.01
    down = rng.uniform(0, 0.1)
    for side in (-1, 1):
        if side * who.yaw > 62:
            continue
        rim = head.at(frame + (side * lens_at, down), 0.14)
        if who.sunglasses:
            pen.wash(rim, darker(colour, 0.5), 0.92)
        elif rng.random() < 0.3:
            pen.wash(rim, WHITE, rng.uniform(0.1, 0.7))
        if rng.random() < 0.85 or who.sunglasses:
            pen.stroke(rim, colour, thick, closed=True)
        else:
            pen.stroke(rim[:15], colour, thick)
        if side * who.yaw < 30:
            temple = np.array(
                [(side * (lens_at + a), down - 0.05, who.depth * 0.6), (side * 1.02, -0.08, 0.0)]
            )
            pen.stroke(head.placed(head.turned(temple)), colour, thick)
    bridge = np.array([(-lens_at + a, down - 0.04), (0, down - 0.09), (lens_at - a, down - 0.04)])
    pen.stroke(path(head.at(bridge, 0.16), 4), colour, thick)


def _worn(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
    who = head.who
    colour = rgb(
        str(rng.choice(["#c23a35", "#3b3f4a", "#f2f2f4", "#4a73d0", "#e3b65b", "#5aa35c"]))
    )
    big = who.volume
    line = -max(who.brow_y + 0.15, 0.6)
    if who.top in ("cap", "hat"):
        brim = np.column_stack([np.linspace(-1, 1, 11), line + 0.12 * np.linspace(-1, 1, 11) ** 2])
        arc = np.linspace(0.02 * np.pi, 0.98 * np.pi, 20)
        crown = np.column_stack(
            [(big + 0.08) * np.cos(arc), line - (big - 0.05) * np.sin(arc) * rng.uniform(0.7, 1.1)]
        )
        pen.fill(np.vstack([head.at(brim, 0.12), head.around(crown)]), colour)
        wide, thick = (1.15, 0.22) if who.top == "cap" else (1.75, 0.2)
        rim = np.array(
            [(-wide, line + 0.02), (0, line - 0.18), (wide, line + 0.02), (0, line + thick)]
        )
        pen.fill(head.around(curve(rim), 0.35), darker(colour, 0.85))
    elif who.top == "hood":
        arc = np.linspace(-0.25 * np.pi, 1.25 * np.pi, 34)
        outer = np.column_stack([1.4 * np.cos(arc), -0.2 - 1.4 * np.sin(arc)])
        inner = np.column_stack([0.96 * np.cos(arc), -0.1 - 0.85 * np.sin(arc)])
        pen.fill(np.vstack([head.around(outer), head.at(inner[::-1] * (0.98, 1), 0.05)]), colour)
    elif who.top == "ears":
        for side in (-1, 1):
            ear = np.array([(side * 0.35, -1.2), (side * 0.85, -1.95), (side * 1.05, -0.95)])
            pen.fill(head.around(ear), hair)
            pen.fill(head.around(ear * 0.8 + ear.mean(0) * 0.2 + (0, 0.05)), (240, 180, 180), 0.5)
    elif who.top == "ribbon":
        x, y = rng.uniform(-0.9, 0.9), rng.uniform(-1.5, -0.9)
        for side in (-1, 1):
            wing = np.array([(x, y), (x + side * 0.55, y - 0.3), (x + side * 0.5, y + 0.28)])
            pen.fill(head.around(wing), colour)
    elif who.top == "band":
        arc = np.linspace(0.05 * np.pi, 0.95 * np.pi, 20)
        strip = np.column_stack([1.02 * big * np.cos(arc), -0.35 - 0.8 * big * np.sin(arc)])
        pen.stroke(head.around(strip), colour, rng.uniform(0.06, 0.16))
    elif who.top == "phones":
        arc = np.linspace(0, np.pi, 20)
        pen.stroke(
            head.around(
                np.column_stack([1.12 * big * np.cos(arc), -0.1 - 1.15 * big * np.sin(arc)])
            ),
            colour,
            0.1,
        )
        turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
        for side in (-1, 1):
            pen.fill(
                head.around(
                    np.column_stack([side * 1.1 + 0.18 * np.cos(turn), 0.3 * np.sin(turn)])
                ),
                colour,
            )


def _held(pen: Pen, head: Head, skin: Rgb, rng: np.random.Generator) -> None:
    """What comes before a face: a hand, a lock, a mask, a scarf, a patch, a cup."""
    who = head.who
    side = rng.choice([-1, 1])
    turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    colour = _any(rng, 30, 250)
    if who.over == "hand":
        x, y = side * rng.uniform(0.3, 1.1), who.chin * rng.uniform(0.55, 1.1)
        wrist = [
            (x - 0.25, y + 0.3),
            (x + 0.25, y + 0.3),
            (x + side * 0.5 + 0.2, y + 2.4),
            (x + side * 0.5 - 0.3, y + 2.4),
        ]
        pen.fill(head.around(np.array(wrist), 0.5), skin)
        palm = np.column_stack([x + 0.34 * np.cos(turn), y + 0.3 * np.sin(turn)])
        pen.fill(head.around(palm, 0.5), skin)
        lean = rng.uniform(-0.6, 0.6)
        for finger in range(4):
            start = np.array([x - 0.24 + 0.16 * finger, y - 0.1])
            long = rng.uniform(0.25, 0.55)
            tip = start + long * np.array([np.sin(lean), -np.cos(lean)])
            wide = 0.075 * np.array([np.cos(lean), np.sin(lean)])
            shape = np.array(
                [
                    start - wide,
                    tip - wide,
                    tip + wide * 0.2 + (tip - start) * 0.15,
                    tip + wide,
                    start + wide,
                ]
            )
            pen.fill(head.around(shape, 0.5), skin, 0.7)
    elif who.over == "lock":  # hair over an eye
        shape = np.array(
            [
                (side * 0.1, -1.0),
                (side * 0.35, -0.1),
                (side * 0.6, 0.75),
                (side * 0.85, 0.1),
                (side * 0.95, -0.8),
            ]
        )
        pen.fill(head.at(curve(shape), 0.14), who.colours[0])
    elif who.over == "mask":
        shape = np.array(
            [
                (-0.9, 0.38),
                (0, who.nose_y - 0.1),
                (0.9, 0.38),
                (0.62, who.chin * 0.85),
                (0, who.chin * 1.02),
                (-0.62, who.chin * 0.85),
            ]
        )
        pen.fill(head.at(curve(shape), 0.12), WHITE if rng.random() < 0.5 else colour)
    elif who.over == "scarf":
        shape = np.array(
            [
                (-1.3, who.mouth_y),
                (0, who.mouth_y + rng.uniform(-0.15, 0.35)),
                (1.3, who.mouth_y),
                (1.4, who.chin + 0.7),
                (0, who.chin + 0.9),
                (-1.4, who.chin + 0.7),
            ]
        )
        pen.fill(head.around(curve(shape), 0.3), colour)
    elif who.over == "patch":
        patch = np.column_stack([side * who.eye_x + 0.34 * np.cos(turn), 0.32 * np.sin(turn)])
        pen.fill(head.at(patch, 0.1), BLACK if rng.random() < 0.5 else WHITE)
    elif who.over == "cup":
        x, y = side * rng.uniform(0, 0.5), who.mouth_y + 0.1
        cup = np.array([(x - 0.25, y), (x + 0.25, y), (x + 0.2, y + 0.6), (x - 0.2, y + 0.6)])
        pen.fill(head.around(cup, 0.8), colour)
    if who.sweat:
        x = side * 0.75
        drop = np.array([(x, -0.35), (x + 0.07, -0.1), (x, -0.02), (x - 0.07, -0.1)])
        pen.fill(head.at(curve(drop), 0.1), (205, 230, 250), 0.6)


def _any(rng: np.random.Generator, low: int, high: int) -> Rgb:
    red, green, blue = (int(value) for value in rng.integers(low, high, 3))
    return red, green, blue
