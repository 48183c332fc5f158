"""Hair: behind the head and before the face."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from data.drawing.anatomy import Head
from data.drawing.brush import Pen, Rgb, curve, darker, lighter, path


def behind(pen: Pen, head: Head, hair: Rgb, rng: np.random.Generator) -> None:
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


def fringe(pen: Pen, head: Head, hair: Rgb, skin: Rgb, rng: np.random.Generator) -> None:
    """The hair before the face: a cap down to the hairline, locks, and what falls at the sides."""
    who = head.who
    if who.top == "hood" or who.fringe == "none":
        return
    line = -max(who.brow_y + 0.12, 0.5 + 0.35 * (who.fringe == "back"))
    xs = np.linspace(-1.0, 1.0, 15)
    hairline = np.column_stack([xs, np.full(15, line) + 0.25 * np.abs(xs) ** 3])
    if who.fringe == "parted":
        hairline[:, 1] += 0.5 * np.abs(xs - rng.uniform(-0.4, 0.4)) - 0.3
    if who.fringe in ("back", "crop", "quiff"):
        hairline[:, 1] += 0.3 * np.abs(xs) ** 2
    if who.fringe == "crop":  # ragged
        hairline[1:-1, 1] += rng.uniform(0.05, 0.16) * (np.arange(13) % 2)
    seen = head.at(hairline, 0.06)
    arc = np.linspace(np.pi * 0.02, np.pi * 0.98, 26)
    cap = np.column_stack([who.volume * np.cos(arc), -0.25 - 1.06 * who.volume * np.sin(arc)])
    if who.fringe == "quiff":  # brushed up and over to a side
        swell = np.exp(-(((arc - rng.uniform(0.6, 2.5)) / rng.uniform(0.3, 0.7)) ** 2))
        cap *= (1 + rng.uniform(0.1, 0.4) * swell)[:, None]
    flat = head.around(np.vstack([cap, [(-who.volume, -0.05)]]))
    roof = np.vstack([seen, flat])
    pen.fill(roof, hair, 0)
    if pen.line and who.fringe == "quiff":
        pen.stroke(np.vstack([seen, flat[:-1]]), pen.ink or darker(hair, 0.55), pen.line, True)
    elif pen.line and who.fringe in ("back", "parted", "swept", "crop"):
        pen.stroke(seen, pen.ink or darker(hair, 0.55), pen.line)
    locks = []
    low = who.fringe_low
    if who.sideburn:
        for side in (-1, 1):
            burn = [(side * 1.02, -0.5), (side * 0.8, -0.5), (side * 0.86, who.sideburn * 0.6)]
            burn += [(side * 0.9, who.sideburn), (side * 1.0, who.sideburn)]
            if side * who.yaw < 40:
                pen.fill(head.at(np.array(burn), 0.02), hair, 0.5)
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
        where = head.at(inner, 0.1) + head.placed(shape - inner) - (head.x, head.y)
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
