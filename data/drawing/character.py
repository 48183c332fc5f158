"""One drawn face: who it is, where its 68 points lie, and its picture.

Shapes are told in head units: x to the picture's right, y down, z towards the reader, the eyes'
line at y = 0 and the cheeks at x = -1 and 1. The same seed draws the same picture everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import cos, pi, radians, sin

import cv2
import numpy as np

from data.face import Box, Colour, Face, Gender, Pose
from data.landmarks import INNER_LIPS, JAW, LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

HAIR = {
    "black": "#2b2730", "brown": "#7a4a33", "blonde": "#f0cf6d", "red": "#c23a35",
    "orange": "#ee8a3c", "pink": "#f39ab8", "purple": "#8a62c0", "blue": "#4a73d0",
    "aqua": "#62c6cc", "green": "#5aa35c", "grey": "#a09ea6", "white": "#ecebf2",
}  # fmt: skip
EYES = {
    "brown": "#7a4526", "blue": "#2f6fd6", "green": "#2f9a4a", "red": "#c92c38",
    "purple": "#7d3fc0", "yellow": "#e2b21f", "aqua": "#22b2b8", "pink": "#e0559a",
}  # fmt: skip
SKIN = {"light": "#ffe6d6", "tan": "#e8b48c", "brown": "#b07850"}
LINE = (52, 36, 44)
FINE = 3  # drawn so many times bigger, then shrunk by area
_SHIFT = 4  # fractional bits of cv2's drawing coordinates

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Character:
    """A person to draw. Colours are names of HAIR, EYES and SKIN; lengths are head units.

    hair_length: 0 short, 1 to the chin, 2 past the shoulders. mouth: 0 closed to 1 wide open.
    eye_height: 0.14 realistic to 0.36 anime. chin: how far below the eyes. yaw, roll: degrees.
    """

    gender: str = "female"
    hair: str = "pink"
    left_eye: str = "blue"
    right_eye: str = "blue"
    skin: str = "light"
    glasses: bool = False
    hair_length: float = 2.0
    fringe: int = 5
    eye_height: float = 0.3
    eye_width: float = 0.3
    chin: float = 1.28
    mouth: float = 0.1
    smile: float = 0.3
    yaw: float = 0.0
    roll: float = 0.0
    shirt: str = "#5b6ea8"

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Character:
        """Anybody."""
        male = rng.random() < 0.4
        real = rng.random() < 0.3  # smaller eyes, longer face
        eye = str(rng.choice(list(EYES)))
        other = str(rng.choice(list(EYES))) if rng.random() < 0.05 else eye
        return cls(
            gender="male" if male else "female",
            hair=str(rng.choice(list(HAIR))),
            left_eye=eye,
            right_eye=other,
            skin=str(rng.choice(list(SKIN), p=[0.75, 0.17, 0.08])),
            glasses=bool(rng.random() < 0.15),
            hair_length=float(rng.choice([0.0, 0.2] if male else [0.2, 1.0, 2.0, 2.0])),
            fringe=int(rng.integers(3, 8)),
            eye_height=float(rng.uniform(0.15, 0.2) if real else rng.uniform(0.25, 0.35)),
            eye_width=float(rng.uniform(0.26, 0.32)),
            chin=float(rng.uniform(1.35, 1.5) if real or male else rng.uniform(1.15, 1.35)),
            mouth=float(rng.choice([0.0, 0.05, 0.1, 0.5, 0.9])),
            smile=float(rng.uniform(-0.3, 0.8)),
            yaw=float(rng.normal(0, 9)),
            roll=float(rng.normal(0, 6)),
            shirt=str(
                rng.choice(["#5b6ea8", "#c95b6b", "#f2f2f4", "#3b3f4a", "#6fa58a", "#e3b65b"])
            ),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A picture with its truth.

    pixels: (H, W, 3) uint8 RGB. foreground: (H, W) uint8, 255 where a person is. panels: x, y,
    width, height of a strip's panels.
    """

    pixels: np.ndarray
    foreground: np.ndarray
    faces: list[Face]
    panels: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Head:
    """Where a head is on the canvas: centre between the eyes and pixels a head unit."""

    who: Character
    x: float
    y: float
    unit: float

    def at(self, shape: np.ndarray, depth: float | np.ndarray = 0.0) -> np.ndarray:
        """(N, 2) head units to canvas pixels: turned by yaw, leaned by roll."""
        yaw, roll = radians(self.who.yaw), radians(self.who.roll)
        x = shape[:, 0] * cos(yaw) + depth * sin(yaw)
        turned = np.column_stack([x, shape[:, 1]])
        lean = np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]])
        return turned @ lean.T * self.unit + (self.x, self.y)


def landmarks_of(who: Character) -> tuple[np.ndarray, np.ndarray]:
    """(68, 2) head units and (68,) depths."""
    points, depth = np.zeros((68, 2)), np.zeros(68)
    around = np.linspace(0, pi, 17)
    points[JAW] = _jaw(who, around)
    for side, brow, eye in ((-1, LEFT_BROW, LEFT_EYE), (1, RIGHT_BROW, RIGHT_EYE)):
        steps = np.linspace(-1, 1, 5)
        points[brow] = np.column_stack(
            [side * 0.47 + steps * 0.28, -who.eye_height - 0.2 - 0.07 * (1 - steps**2)]
        )
        angles = np.radians([180, 240, 300, 0, 60, 120])  # picture-left corner, clockwise
        points[eye] = np.column_stack(
            [side * 0.47 + who.eye_width * np.cos(angles), who.eye_height * np.sin(angles)]
        )
        depth[brow], depth[eye] = 0.45, 0.4
    points[27:31] = np.column_stack([np.zeros(4), np.linspace(-0.05, 0.42, 4)])
    points[31:36] = np.column_stack([np.linspace(-0.12, 0.12, 5), [0.48, 0.5, 0.52, 0.5, 0.48]])
    depth[27:31], depth[31:36] = np.linspace(0.5, 0.75, 4), 0.6
    points[OUTER_LIPS], points[INNER_LIPS] = _mouth(who)
    depth[OUTER_LIPS] = depth[INNER_LIPS] = 0.45
    return points, depth


def _jaw(who: Character, around: np.ndarray) -> np.ndarray:
    narrow = 0.3 if who.gender == "female" else 0.18
    x = -np.cos(around) * (1 - narrow * np.sin(around) ** 3)
    return np.column_stack([x, -0.05 + (who.chin + 0.05) * np.sin(around) ** 1.15])


def _mouth(who: Character) -> tuple[np.ndarray, np.ndarray]:
    y, wide, opened = 0.5 + 0.42 * (who.chin - 0.5), 0.2 + 0.08 * who.mouth, 0.22 * who.mouth
    outer = np.radians([180, 210, 240, 270, 300, 330, 0, 30, 60, 90, 120, 150])
    inner = np.radians([180, 240, 270, 300, 0, 60, 90, 120])
    rows = []
    for angles, thick, share in ((outer, 0.035, 1.0), (inner, 0.0, 0.85)):
        x = wide * share * np.cos(angles)
        lift = who.smile * 0.08 * (1 - (x / wide) ** 2)
        high = np.where(np.sin(angles) > 0, opened + thick, thick)
        rows.append(np.column_stack([x, y + lift + high * np.sin(angles)]))
    return rows[0], rows[1]


def draw_face(seed: int, size: int = 256, **wanted: object) -> Drawing:
    """One person on a plain background; `wanted` sets fields of `Character`.

    size: pixels of the square picture.
    """
    rng = np.random.default_rng(seed)
    who = replace(Character.sample(rng), **wanted)  # type: ignore[arg-type]
    shade = rng.integers(120, 250, 3).astype(np.uint8)
    canvas = np.full((size * FINE, size * FINE, 3), shade, np.uint8)
    mask = np.zeros((size * FINE, size * FINE), np.uint8)
    unit = size * FINE * rng.uniform(0.2, 0.25)
    middle = size * FINE / 2 + rng.uniform(-0.03, 0.03, 2) * size * FINE
    face = paint(canvas, mask, who, middle[0], middle[1], unit)
    return finished(canvas, mask, [face], size, size)


def finished(
    canvas: np.ndarray,
    mask: np.ndarray,
    faces: list[Face],
    width: int,
    height: int,
    panels: list[tuple[int, int, int, int]] | None = None,
) -> Drawing:
    """A canvas FINE times too big, with faces in its pixels, as the drawing it becomes."""
    pixels = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    foreground = cv2.resize(mask, (width, height), interpolation=cv2.INTER_AREA)
    return Drawing(pixels, foreground, [_shrunk(face) for face in faces], panels or [])


def _shrunk(face: Face) -> Face:
    points = ((face.landmarks + 0.5) / FINE - 0.5).astype(np.float32)
    return replace(face, landmarks=points, box=_box(points))


def _box(points: np.ndarray) -> Box:
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    return Box(left, top, right - left, bottom - top)


def paint(
    canvas: np.ndarray, mask: np.ndarray, who: Character, x: float, y: float, unit: float
) -> Face:
    """Draw a person into the canvas and the mask, in place; the truth in canvas pixels.

    x, y: between the eyes; unit: pixels from there to a cheek.
    """
    head = _Head(who, x, y, unit)
    points, depth = landmarks_of(who)
    placed = head.at(points, depth)
    pen = _Pen(canvas, mask, head)
    hair, skin = _rgb(HAIR[who.hair]), _rgb(SKIN[who.skin])
    _back_hair(pen, hair)
    _body(pen, skin)
    _head(pen, placed, skin)
    _eyes(pen, placed)
    _features(pen, placed, skin)
    _fringe(pen, hair)
    if who.glasses:
        _glasses(pen, placed)
    landmarks = placed.astype(np.float32)
    return Face(
        box=_box(landmarks),
        score=1.0,
        landmarks=landmarks,
        landmark_scores=np.ones(68, np.float32),
        domain="drawn",
        source="drawing 1",
        hair=Colour(HAIR[who.hair], who.hair, 1.0, 1.0),
        left_eye=Colour(EYES[who.left_eye], who.left_eye, 1.0, 1.0),
        right_eye=Colour(EYES[who.right_eye], who.right_eye, 1.0, 1.0),
        skin=Colour(SKIN[who.skin], who.skin, 1.0, 1.0),
        gender=Gender(who.gender, 1.0),
        glasses=float(who.glasses),
        pose=Pose(who.roll, who.yaw, 0.0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Pen:
    """Draws shapes of one head on the canvas and its mask."""

    canvas: np.ndarray
    mask: np.ndarray
    head: _Head

    def fill(
        self, points: np.ndarray, colour: Rgb, line: float = 0.028, person: bool = True
    ) -> None:
        """points: (N, 2) canvas pixels. line: thickness of the outline, head units, 0 none."""
        fixed = [_fixed(points)]
        cv2.fillPoly(self.canvas, fixed, colour, cv2.LINE_AA, _SHIFT)
        if person:
            cv2.fillPoly(self.mask, fixed, (255,), cv2.LINE_AA, _SHIFT)
        if line:
            self.stroke(points, LINE, line, closed=True)

    def stroke(
        self, points: np.ndarray, colour: Rgb, line: float = 0.03, closed: bool = False
    ) -> None:
        thick = max(round(line * self.head.unit), 1)
        cv2.polylines(self.canvas, [_fixed(points)], closed, colour, thick, cv2.LINE_AA, _SHIFT)

    def shape(self, *points: tuple[float, float], depth: float = 0.0) -> np.ndarray:
        """Canvas pixels of a smooth closed curve through points in head units."""
        return self.head.at(_smooth(np.array(points, float)), depth)


def _back_hair(pen: _Pen, hair: Rgb) -> None:
    who = pen.head.who
    low = (0.35, 1.25, 2.3)[min(round(who.hair_length), 2)]
    wide = 1.12 if who.hair_length < 0.5 else 1.34
    outline = [(-wide, low), (-wide - 0.04, 0.2), (-1.1, -0.95), (0, -1.55), (1.1, -0.95),
               (wide + 0.04, 0.2), (wide, low), (0.5, low + 0.12), (-0.5, low + 0.12)]  # fmt: skip
    pen.fill(pen.shape(*outline, depth=-0.4), _darker(hair, 0.82))


def _body(pen: _Pen, skin: Rgb) -> None:
    chin = pen.head.who.chin
    broad = 1.5 if pen.head.who.gender == "female" else 1.9
    neck = [(-0.34, chin - 0.45), (0.34, chin - 0.45), (0.38, chin + 0.6), (-0.38, chin + 0.6)]
    pen.fill(pen.head.at(np.array(neck)), _darker(skin, 0.86))
    low = chin + 2.6
    shirt = [(-0.4, chin + 0.36), (0, chin + 0.62), (0.4, chin + 0.36), (broad, chin + 0.8),
             (broad + 0.25, low), (-broad - 0.25, low), (-broad, chin + 0.8)]  # fmt: skip
    pen.fill(pen.head.at(np.array(shirt)), _rgb(pen.head.who.shirt))


def _head(pen: _Pen, placed: np.ndarray, skin: Rgb) -> None:
    for side in (-1, 1):
        ear = [(side * 0.98, -0.1), (side * 1.16, -0.18), (side * 1.14, 0.2), (side * 0.96, 0.35)]
        pen.fill(pen.shape(*ear, depth=-0.1), skin)
    jaw = pen.head.at(_jaw(pen.head.who, np.linspace(0, pi, 60)))
    crown = np.linspace(0, pi, 30)
    top = pen.head.at(np.column_stack([np.cos(crown), -0.05 - 1.2 * np.sin(crown)]))
    pen.fill(np.vstack([jaw, top]), skin)
    red, green, blue = skin
    blush = (int(red * 0.8 + 51), int(green * 0.8 + 18), int(blue * 0.8 + 22))
    for eye in (LEFT_EYE, RIGHT_EYE):
        x, y = placed[eye].mean(0)
        y += (pen.head.who.eye_height + 0.16) * pen.head.unit
        axes = (round(0.2 * pen.head.unit), round(0.07 * pen.head.unit))
        cv2.ellipse(pen.canvas, (round(x), round(y)), axes, 0, 0, 360, blush, -1, cv2.LINE_AA)


def _eyes(pen: _Pen, placed: np.ndarray) -> None:
    who, unit = pen.head.who, pen.head.unit
    for eye, name in ((LEFT_EYE, who.left_eye), (RIGHT_EYE, who.right_eye)):
        contour = _smooth(placed[eye])
        pen.fill(contour, (255, 255, 255), line=0)
        iris = _rgb(EYES[name])
        layer, inside = pen.canvas.copy(), np.zeros(pen.mask.shape, np.uint8)
        cv2.fillPoly(inside, [_fixed(contour)], (255,), cv2.LINE_8, _SHIFT)
        x, y = placed[eye].mean(0)
        wide, high = who.eye_width * 0.68, max(who.eye_height * 0.97, 0.17)
        white = (255, 255, 255)
        for dx, dy, a, b, colour in (  # shares of the iris
            (0, 0, 1, 1, _darker(iris, 0.55)),
            (0, 0, 0.88, 0.9, iris),
            (0, 0.45, 0.6, 0.4, _lighter(iris, 0.35)),
            (0, 0, 0.38, 0.42, _darker(iris, 0.25)),
            (-0.35, -0.42, 0.3, 0.24, white),
            (0.35, 0.4, 0.14, 0.11, white),
        ):
            at = (round(x + dx * wide * unit), round(y + dy * high * unit))
            axes = (max(round(a * wide * unit), 1), max(round(b * high * unit), 1))
            cv2.ellipse(layer, at, axes, who.roll, 0, 360, colour, -1, cv2.LINE_AA)
        pen.canvas[inside > 0] = layer[inside > 0]
        upper = _open(placed[eye][[0, 1, 2, 3]])
        pen.stroke(upper, LINE, 0.085 if who.gender == "female" else 0.065)
        pen.stroke(_open(placed[eye][[0, 5, 4, 3]]), LINE, 0.02)
    for brow in (LEFT_BROW, RIGHT_BROW):
        thick = 0.05 if who.gender == "female" else 0.09
        pen.stroke(_open(placed[brow]), _darker(_rgb(HAIR[who.hair]), 0.5), thick)


def _features(pen: _Pen, placed: np.ndarray, skin: Rgb) -> None:
    who = pen.head.who
    dark = _darker(skin, 0.6)
    pen.stroke(placed[[30, 33]], dark, 0.035)
    if who.mouth > 0.3:
        pen.fill(_smooth(placed[INNER_LIPS]), (150, 50, 60), 0.03, person=False)
    else:
        pen.stroke(_open(placed[[60, 61, 62, 63, 64]]), LINE, 0.035)


def _fringe(pen: _Pen, hair: Rgb) -> None:
    """Bangs in points over the forehead, a lock down each side, and a shine."""
    who = pen.head.who
    brow = -who.eye_height - 0.32
    tips, roots = np.linspace(-1.0, 1.0, 2 * who.fringe + 1), []
    for number, x in enumerate(tips):
        low = brow + 0.18 * (number % 2) + 0.5 * abs(x) ** 3 if number % 2 else brow - 0.12
        roots.append((x * 1.02, low))
    side = 0.25 + 0.5 * min(who.hair_length, 1.0)
    crown = np.linspace(0, pi, 24)
    cap = [(1.16 * cos(a), -0.15 - 1.32 * sin(a)) for a in crown]
    outline = [(-1.16, side), (-0.98, side - 0.12), *roots, (0.98, side - 0.12), (1.16, side)]
    pen.fill(pen.head.at(np.array([*outline, *cap]), 0.1), hair)
    shine = [(0.75 * cos(a), -0.55 - 0.55 * sin(a)) for a in np.linspace(0.25 * pi, 0.75 * pi, 12)]
    pen.stroke(pen.head.at(np.array(shine), 0.1), _lighter(hair, 0.4), 0.07)


def _glasses(pen: _Pen, placed: np.ndarray) -> None:
    who = pen.head.who
    frames = []
    for eye in (LEFT_EYE, RIGHT_EYE):
        x, y = placed[eye].mean(0)
        axes = (round(0.4 * pen.head.unit), round(max(who.eye_height + 0.06, 0.26) * pen.head.unit))
        thick = max(round(0.045 * pen.head.unit), 1)
        at = (round(x), round(y))
        cv2.ellipse(pen.canvas, at, axes, who.roll, 0, 360, (40, 40, 48), thick, cv2.LINE_AA)
        frames.append((x, y))
    left, right = np.array(frames)
    step = (right - left) / max(np.linalg.norm(right - left), 1e-6) * 0.4 * pen.head.unit
    pen.stroke(np.array([left + step, right - step]), (40, 40, 48), 0.045)


def _smooth(points: np.ndarray, count: int = 10) -> np.ndarray:
    """A closed Catmull-Rom curve (Catmull & Rom 1974) through (N, 2) points."""
    before, after, later = (np.roll(points, shift, 0) for shift in (1, -1, -2))
    t = np.linspace(0, 1, count, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * points
        + (after - before) * t
        + (2 * before - 5 * points + 4 * after - later) * t**2
        + (3 * points - before - 3 * after + later) * t**3
    )
    return curve.swapaxes(0, 1).reshape(-1, 2)


def _open(points: np.ndarray) -> np.ndarray:
    """A smooth open curve through the points."""
    ends = np.vstack([points, points[::-1][1:-1]])
    return _smooth(ends)[: 10 * (len(points) - 1) + 1]


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SHIFT).astype(np.int32)


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _darker(colour: Rgb, share: float) -> Rgb:
    red, green, blue = (int(value * share) for value in colour)
    return red, green, blue


def _lighter(colour: Rgb, share: float) -> Rgb:
    red, green, blue = (int(value + (255 - value) * share) for value in colour)
    return red, green, blue
