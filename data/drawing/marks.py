"""What marks the skin: blush, beard, stubble, creases of age and temper."""

from __future__ import annotations

import cv2
import numpy as np

from data.drawing.anatomy import Head
from data.drawing.brush import Pen, Rgb, darker, fixed, path


def beard(pen: Pen, head: Head, left: np.ndarray, right: np.ndarray) -> None:
    """A beard along the jaw, or its stubble."""
    who = head.who
    low = np.vstack([left[len(left) // 2 :], right[::-1][: len(right) // 2]])
    if who.beard:
        inner = low * (0.62, 1) - (0, 0.3 * who.beard)
        area = head.placed(np.vstack([low, inner[::-1]]))
        pen.wash(area, darker(who.colours[0], 0.6), 0.35 + 0.6 * who.beard, 0.03)
    if who.stubble:
        rng = np.random.default_rng(who.seed + 6)
        edge = low[rng.integers(0, len(low), int(110 * who.stubble) + 1)]
        inner = np.array([edge[:, 0].mean(), who.mouth_y])
        starts = edge + (inner - edge) * rng.uniform(0.04, 0.5, (len(edge), 1))
        hairs = np.stack([starts, starts + rng.uniform(-0.02, 0.04, starts.shape)], 1)
        strokes = list(fixed(head.placed(hairs.reshape(-1, 2))).reshape(-1, 2, 2))
        dark = pen.ink or darker(who.colours[0], 0.5)
        cv2.polylines(pen.canvas, strokes, False, dark, 1, cv2.LINE_AA, 4)


def moustache(pen: Pen, head: Head) -> None:
    """Hair from under the nose to the corners of the mouth and beyond."""
    who = head.who
    high, low = who.nose_y + who.nose_base, who.mouth_y - 0.25 * who.mouth_open
    middle = (high + low) / 2
    wide, drop = who.mouth_width * (0.6 + 0.6 * who.moustache), 0.12 * who.moustache
    half = [(0, high + 0.02), (wide * 0.6, middle - 0.03), (wide, middle + drop)]
    right = np.array([*half, (wide * 0.55, low), (0, low - 0.01)])
    both = np.vstack([right, right[::-1] * (-1, 1)])
    hair = darker(who.colours[0], 0.9)
    pen.fill(head.at(both, 0.06), hair, 0.8, person=False)


def creases(pen: Pen, head: Head, points: np.ndarray, skin: Rgb) -> None:
    """Lines beside the mouth, under the eyes, over the nose and on the brow; a cleft chin."""
    who = head.who
    rng = np.random.default_rng(who.seed + 7)
    dark = pen.ink if pen.ink and rng.random() < 0.6 else darker(skin, 0.65)
    thin = max(pen.line * 0.45, 0.01)
    for side in (-1, 1):
        if side * who.yaw > 15:
            continue
        if rng.random() < who.lined:
            fold = np.array(
                [
                    (side * (who.nose_width + 0.06), who.nose_y),
                    (side * (who.mouth_width * 0.9 + 0.08), (who.nose_y + who.mouth_y) / 2),
                    (side * (who.mouth_width + 0.1), who.mouth_y + rng.uniform(-0.1, 0.12)),
                ]
            )
            pen.stroke(head.at(path(fold, 4), 0.03), dark, thin)
        if rng.random() < who.lined:
            wide, low = max(who.eye_width, 0.12), who.eye_height * (1 - who.lid) + 0.05
            x = side * who.eye_x
            bag = np.array([(x - wide * 0.8, low), (x, low + 0.06), (x + wide * 0.8, low - 0.01)])
            pen.stroke(head.at(path(bag, 4), 0.03), dark, thin)
        if rng.random() < who.lined * 0.7:
            x = side * rng.uniform(0.04, 0.1)
            furrow = np.array([(x, -who.brow_y + 0.05), (x * 0.8, -who.brow_y - 0.16)])
            pen.stroke(head.at(furrow, 0.04), dark, thin)
        if rng.random() < who.lined * 0.5:
            x, y = side * 0.7, rng.uniform(0.4, 0.7) * who.chin
            hollow = np.array([(x, y - 0.2), (x - side * 0.12, y), (x - side * 0.14, y + 0.22)])
            pen.stroke(head.at(path(hollow, 4)), dark, thin)
    if rng.random() < who.lined * 0.6:
        for row in range(int(rng.integers(1, 3))):
            y = -who.brow_y - 0.2 - 0.12 * row
            line = np.array([(-0.35, y + 0.02), (0, y - 0.03), (0.35, y + 0.02)])
            pen.stroke(head.at(path(line, 4), 0.03), dark, thin)
    if who.cleft:
        foot = points[8] + (points[57] - points[8]) * 0.12
        top = points[8] + (points[57] - points[8]) * 0.32
        pen.stroke(np.vstack([foot, top]), dark, thin)
    if rng.random() < who.lined:
        under = points[[58, 57, 56]] + (points[8] - points[57]) * 0.25
        pen.stroke(path(under, 4), dark, thin)


def blush(pen: Pen, head: Head, skin: Rgb) -> None:
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
