"""What is worn or held before a face: glasses, hats, masks, a hand, a cup."""

from __future__ import annotations

import numpy as np

from data.drawing.anatomy import Head
from data.drawing.brush import BLACK, WHITE, Pen, Rgb, curve, darker, path, rgb


def glasses(pen: Pen, head: Head) -> None:
    who = head.who
    rng = np.random.default_rng(who.seed + 4)
    colour = BLACK if rng.random() < 0.6 else _any(rng, 40, 220)
    lens_at = max(who.eye_x + 0.01, 0.3)
    a = min(rng.uniform(0.33, 0.42), lens_at - 0.03) if not who.school else lens_at - 0.04
    b = rng.uniform(0.2, 0.4)
    power = rng.choice([2.0, 2.0, 4.0])
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    thick = rng.uniform(0.015, 0.05)
    c, s = np.cos(turn), np.sin(turn)
    frame = np.column_stack(
        [a * np.sign(c) * np.abs(c) ** (2 / power), b * np.sign(s) * np.abs(s) ** (2 / power)]
    )
    down = rng.uniform(0, 0.1)
    for side in (-1, 1):
        if side * who.yaw > 62:
            continue
        rim = head.at(frame + (side * lens_at, down), 0.14)
        if who.sunglasses:
            pen.wash(rim, darker(colour, 0.5), 0.92)
        elif who.lens:
            pen.wash(rim, WHITE, who.lens)
        elif rng.random() < 0.3:
            pen.wash(rim, WHITE, rng.uniform(0.1, 0.7))
        if who.school and rng.random() < 0.25:  # light on the lens
            for step in (-0.3, 0.0):
                glint = np.array([(step + 0.2, -0.6), (step - 0.1, 0.5)]) * (a, b)
                pen.stroke(head.at(glint + (side * lens_at, down), 0.15), WHITE, 0.03)
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


def headwear(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
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


def held(pen: Pen, head: Head, skin: Rgb, rng: np.random.Generator) -> None:
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
