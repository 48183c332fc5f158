"""Webtoon strips and comic pages: panels with people, balloons, sound words, gutters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from data.drawing.character import Character
from data.drawing.figure import paint
from data.drawing.finish import aged, toned
from data.drawing.ground import ground
from data.face import Box, Face

GUTTERS = ((255, 255, 255), (255, 255, 255), (16, 16, 20), (236, 226, 240))
SEEN = 0.55  # share of a face that must be in the panel and before all else to be told
WORDS = (
    "I DON'T KNOW",
    "WHAT?!",
    "WE HAVE TO GO",
    "NO...",
    "ALONE",
    "HEY!",
    "BOOM",
    "KRAK",
    "HA HA",
)

Place = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A picture with its truth.

    pixels: (H, W, 3) uint8 RGB. foreground: (H, W) uint8, 255 where a person is. hidden: for each
    face (68,) bool, what is not to be seen of it. panels: x, y, width, height.
    """

    pixels: np.ndarray
    foreground: np.ndarray
    faces: list[Face]
    hidden: list[np.ndarray]
    panels: list[Place] = field(default_factory=list)


def draw_face(seed: int, size: int = 256, **wanted: object) -> Drawing:
    """One person on a plain background; `wanted` sets fields of `Character`.

    size: pixels of the square picture.
    """
    rng = np.random.default_rng(seed)
    who = replace(Character.sample(rng), **wanted)  # type: ignore[arg-type]
    canvas = np.full((size, size, 3), rng.integers(120, 250, 3).astype(np.uint8), np.uint8)
    mask = np.zeros((size, size), np.uint8)
    unit = size * rng.uniform(0.2, 0.25)
    x, y = size * (np.array([0.5, 0.46]) + rng.uniform(-0.03, 0.03, 2))
    face, hidden = paint(canvas, mask, who, x, y, unit)
    return Drawing(toned(canvas, who.tone, rng), mask, [face], [hidden])


def draw_strip(seed: int, width: int = 690, panels: int = 5, worn: bool = False) -> Drawing:
    """A strip of so many panels, one below the other; faces and panels in the strip's pixels.

    width: pixels; the height follows from the panels. worn: with what scanning and packing do.
    """
    rng = np.random.default_rng(seed)
    gap = int(width * 0.14)
    heights = [int(width * rng.uniform(0.62, 0.95)) for _ in range(panels)]
    places = []
    top = gap
    for tall in heights:
        inset = int(width * rng.choice([0.0, 0.06]))
        places.append((inset, top, width - 2 * inset, tall))
        top += tall + gap
    return _drawn(rng, width, top, places, worn)


def draw_page(seed: int, width: int = 320, height: int = 320, worn: bool = False) -> Drawing:
    """A page cut into panels in rows, now and then a single picture without borders."""
    rng = np.random.default_rng(seed)
    if rng.random() < 0.4:
        return _drawn(rng, width, height, [(0, 0, width, height)], worn)
    gap = int(rng.uniform(0.008, 0.04) * width)
    places = []
    cuts = np.sort(rng.uniform(0.2, 0.8, int(rng.integers(0, 3))))
    for low, high in zip([0.0, *cuts], [*cuts, 1.0], strict=True):
        sides = np.sort(rng.uniform(0.25, 0.75, int(rng.integers(0, 3))))
        for left, right in zip([0.0, *sides], [*sides, 1.0], strict=True):
            x, y = int(left * width) + gap, int(low * height) + gap
            wide, tall = int(right * width) - gap - x, int(high * height) - gap - y
            if min(wide, tall) > 36:
                places.append((x, y, wide, tall))
    return _drawn(rng, width, height, places, worn)


def _drawn(
    rng: np.random.Generator, width: int, height: int, places: list[Place], worn: bool
) -> Drawing:
    canvas = np.full((height, width, 3), GUTTERS[int(rng.integers(len(GUTTERS)))], np.uint8)
    mask = np.zeros((height, width), np.uint8)
    manner = Character.sample(rng)  # one hand draws a page
    faces: list[Face] = []
    hidden: list[np.ndarray] = []
    for x, y, wide, tall in places:
        view, seen = canvas[y : y + tall, x : x + wide], mask[y : y + tall, x : x + wide]
        for face, covered in _panel(rng, view, seen, manner):
            faces.append(face.moved(x, y))
            hidden.append(covered)
        if len(places) > 1:
            dark = int(rng.integers(0, 60))
            thick = int(rng.integers(1, max(width // 160, 2) + 1))
            cv2.rectangle(canvas, (x, y), (x + wide - 1, y + tall - 1), (dark, dark, dark), thick)
    canvas = toned(canvas, manner.tone, rng)
    if worn:
        canvas = aged(canvas, rng)
    return Drawing(canvas, mask, faces, hidden, places)


def _panel(
    rng: np.random.Generator, view: np.ndarray, seen: np.ndarray, manner: Character
) -> list[tuple[Face, np.ndarray]]:
    """Paint people into a panel; those who can be seen, in its pixels."""
    height, width = view.shape[:2]
    view[:] = ground(rng, height, width)
    count = int(rng.choice([0, 1, 1, 1, 2, 2, 3, 5]))
    share = rng.uniform(0.14, 0.62) / (1 + 0.3 * max(count - 1, 0))
    told: list[tuple[Face, np.ndarray, np.ndarray]] = []  # with what each figure covers
    spots = sorted(rng.uniform(0, 1, (count, 2)), key=lambda spot: spot[1])
    for number, (_, down) in enumerate(spots):
        unit = max(min(height, width) * share * rng.uniform(0.7, 1.2) / 2, 5.0)
        across = width * (number + rng.uniform(0.25, 0.75)) / count
        who = replace(
            Character.sample(rng),
            tone=manner.tone,
            line=manner.line,
            ink=manner.ink,
            shade=manner.shade,
        )
        if rng.random() < 0.08:
            who = replace(who, roll=float(rng.uniform(-180, 180)))
        figure = np.zeros(seen.shape, np.uint8)
        face, hidden = paint(view, figure, who, across, height * (0.2 + 0.5 * down), unit)
        told.append((face, hidden, figure))
        np.maximum(seen, figure, out=seen)
    things = np.zeros(seen.shape, np.uint8)
    if rng.random() < 0.6:
        _balloon(rng, view, things)
    if rng.random() < 0.25:
        _sound(rng, view)
    kept = []
    for number, (face, hidden, _) in enumerate(told):
        later = things.copy()
        for _, _, figure in told[number + 1 :]:
            np.maximum(later, figure, out=later)
        if _visible(face.box, later) > SEEN:
            kept.append((face, hidden))
    return kept


def _visible(box: Box, covered: np.ndarray) -> float:
    """Share of a box that lies in the panel and is not covered."""
    height, width = covered.shape
    left, top = max(int(box.x), 0), max(int(box.y), 0)
    right, bottom = min(int(box.x + box.width), width), min(int(box.y + box.height), height)
    if right <= left or bottom <= top:
        return 0.0
    return float((covered[top:bottom, left:right] < 128).sum() / max(box.width * box.height, 1.0))


def _balloon(rng: np.random.Generator, view: np.ndarray, things: np.ndarray) -> None:
    """A speech balloon with words, most often in an upper corner."""
    height, width = view.shape[:2]
    at = (
        int(width * rng.choice([0.14, 0.86, rng.random()])),
        int(height * rng.uniform(0.06, 0.35)),
    )
    axes = (int(width * rng.uniform(0.1, 0.24)) + 2, int(height * rng.uniform(0.06, 0.16)) + 2)
    fill, ink = (
        ((255, 255, 255), (20, 20, 24)) if rng.random() < 0.85 else ((24, 20, 28), (240, 240, 240))
    )
    for target, colour in ((view, fill), (things, 255)):
        cv2.ellipse(target, at, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)
    cv2.ellipse(view, at, axes, 0, 0, 360, (20, 20, 24), max(width // 250, 1), cv2.LINE_AA)
    tall = max(axes[1] // 4, 2)
    for row in (-1, 0, 1):
        reach = axes[0] * (0.75 if row == 0 else 0.55)
        words(rng, view, at[0] - reach, at[1] + row * 1.5 * tall, 2 * reach, tall, ink)


def words(
    rng: np.random.Generator,
    view: np.ndarray,
    x: float,
    y: float,
    wide: float,
    tall: float,
    ink: tuple[int, int, int],
) -> None:
    """A line of writing about height y: letters, or strokes that look like glyphs."""
    if rng.random() < 0.4 and tall > 5:
        text = str(rng.choice(WORDS))
        scale = wide / max(cv2.getTextSize(text, 0, 1.0, 1)[0][0], 1)
        cv2.putText(
            view,
            text,
            (int(x), int(y + tall / 2)),
            0,
            scale,
            ink,
            max(int(tall / 7), 1),
            cv2.LINE_AA,
        )
        return
    step = max(tall * 1.15, 3)
    for left in np.arange(x, x + wide - step / 2, step):
        for _ in range(int(rng.integers(2, 5))):
            ends = rng.uniform(-0.5, 0.5, (int(rng.integers(2, 4)), 2)) * tall + (
                left + step / 2,
                y,
            )
            cv2.polylines(
                view, [ends.astype(np.int32)], False, ink, max(int(tall / 9), 1), cv2.LINE_AA
            )


def _sound(rng: np.random.Generator, view: np.ndarray) -> None:
    """A sound word, big and bold over the panel."""
    height, width = view.shape[:2]
    text = str(rng.choice(("KONG", "WHAM", "!!", "ZAP", "THUD", "SLAM", "?!", "GOO")))
    at = (int(rng.uniform(0, 0.7) * width), int(rng.uniform(0.2, 0.95) * height))
    scale, colour = width / 250 * rng.uniform(0.6, 1.6), rng.integers(0, 256, 3).tolist()
    for thick, ink in ((9, (20, 20, 20)), (5, (255, 255, 255)), (3, colour)):
        cv2.putText(view, text, at, 2, scale, ink, max(int(thick * width / 400), 1), cv2.LINE_AA)
