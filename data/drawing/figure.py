"""Paints a character: hair behind, body, head, features, hair before, and what is worn or held."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from data.drawing.anatomy import Head, edges, landmarks
from data.drawing.brush import WHITE, Pen, Rgb, curve, darker, rgb
from data.drawing.character import Character
from data.drawing.features import brows, eye, mouth
from data.drawing.hair import behind, fringe
from data.drawing.marks import beard, blush, creases, moustache
from data.drawing.noses import nose
from data.drawing.worn import glasses, headwear, held
from data.face import Box, Colour, Face, Gender, Pose


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
    behind(pen, head, hair, rng)
    _body(pen, head, skin, rng)
    _face(pen, head, left, right, skin)
    if who.lined or who.cleft:
        creases(pen, head, points, skin)
    mouth(pen, head, points, skin)
    if who.moustache:
        moustache(pen, head)
    for side in (-1, 1):
        if side * who.yaw < 62:
            eye(pen, head, side)
    nose(pen, head, points, skin)
    if not who.brow_over:
        brows(pen, head, hair)
    if who.glasses:
        glasses(pen, head)
    before = np.zeros(mask.shape, np.uint8)  # whatever lies before the face
    over = replace(pen, mask=before)
    if who.back != "bald":
        fringe(over, head, hair, skin, rng)
    if who.brow_over:
        brows(pen, head, hair)
    headwear(over, head, hair, rng)
    held(over, head, skin, rng)
    np.maximum(mask, before, out=mask)
    inside = points.round().astype(int)
    height, width = mask.shape
    within = (inside >= 0).all(1) & (inside[:, 0] < width) & (inside[:, 1] < height)
    hidden = hidden | ~within
    if who.glasses and (who.sunglasses or who.lens > 0.9):
        hidden[36:48] = True
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
        source="drawing 4",
        hair=told(who.hair_hex, who.hair) if who.back != "bald" else None,
        left_eye=told(who.left_eye_hex, who.left_eye),
        right_eye=told(who.right_eye_hex, who.right_eye),
        skin=told(who.skin_hex, who.skin),
        gender=Gender(who.gender, 1.0),
        glasses=float(who.glasses),
        pose=Pose(who.roll, who.yaw, -who.pitch),
    )


def _body(pen: Pen, head: Head, skin: Rgb, rng: np.random.Generator) -> None:
    """Neck and shoulders, upright whichever way the head turns."""
    who = head.who
    chin = who.chin
    # Hardly a man's or a woman's: a network that may go by necks looks at nothing else.
    broad, thick = (1.75, 0.44) if who.gender == "male" else (1.6, 0.39)
    broad *= rng.uniform(0.75, 1.35)
    thick = float(np.clip(rng.normal(thick, 0.08), 0.2, 0.62))
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
        ear = (ear - (0.97, 0.1)) * who.ear + (0.97, 0.1)
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
        for part in (left[2:], right[2:]):
            pen.stroke(head.placed(part), pen.ink or darker(skin, 0.5), pen.line)
        if who.fringe == "none" or who.back == "bald":
            pen.stroke(head.placed(top), pen.ink or darker(skin, 0.5), pen.line)
    if who.blush:
        blush(pen, head, skin)
    if who.beard or who.stubble:
        beard(pen, head, left, right)
