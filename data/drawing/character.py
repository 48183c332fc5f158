"""Who is drawn: shapes in head units (see `anatomy`), colours, and the manner of drawing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.drawing.brush import Rgb, rgb, varied
from data.drawing.schools import comic, manga

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
SHIRTS = ("#5b6ea8", "#c95b6b", "#f2f2f4", "#3b3f4a", "#6fa58a", "#e3b65b", "#1d1d24", "#8a5a3c")

FRINGES = ("locks", "straight", "parted", "swept", "back", "curly", "messy")
BACKS = ("short", "bob", "long", "tails", "pony", "buns", "spiky", "curly", "bald")
EYE_KINDS = ("anime", "real", "oval", "round", "dot", "ink", "blank", "field")
NOSES = ("dot", "tick", "line", "shadow", "real", "none")
TOPS = (*[""] * 14, "cap", "hood", "hat", "ears", "ribbon", "band", "phones")
OVER = (*[""] * 20, "hand", "hand", "lock", "lock", "mask", "scarf", "patch", "cup")
TONES = ("colour", "grey", "ink", "screen")
SHADES = ("flat", "cel", "soft")


@dataclass(frozen=True, slots=True)
class Character:
    """A person to draw.

    Lengths are head units, colours names of HAIR, EYES and SKIN in the shade of `*_hex`. yaw
    turns to the picture's right, pitch looks down, roll leans clockwise: degrees. left_open and
    right_open: 1 an open eye, 0 a shut one, left being the picture's. shut: whether a shut lid
    bows down (1) or up (-1). lens: share of white on a lens, 1 hides the eye. bony, lined,
    stubble, moustache: 0 for none to 1 for much. school: "comic", "manga", "" for all others.
    """

    gender: str = "female"
    hair: str = "pink"
    left_eye: str = "blue"
    right_eye: str = "blue"
    skin: str = "light"
    hair_hex: str = HAIR["pink"]
    left_eye_hex: str = EYES["blue"]
    right_eye_hex: str = EYES["blue"]
    skin_hex: str = SKIN["light"]
    glasses: bool = False
    sunglasses: bool = False
    # Pose
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    # Face
    chin: float = 1.28
    chin_width: float = 0.1
    square: float = 0.1
    round: float = 0.2
    cheek: float = 0.0
    depth: float = 0.8
    bony: float = 0.0
    ear: float = 1.0
    cleft: bool = False
    lined: float = 0.0
    # Eyes
    eye_kind: str = "anime"
    eye_x: float = 0.47
    eye_width: float = 0.29
    eye_height: float = 0.5
    eye_tilt: float = 0.02
    eye_power: float = 2.6
    eye_round: float = 1.7
    eye_lean: float = 0.1
    lid: float = 0.55
    left_open: float = 1.0
    right_open: float = 1.0
    shut: float = 0.5
    iris: float = 0.68
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    lash: float = 0.08
    brow_y: float = 0.55
    brow_shift: float = 0.0
    brow_length: float = 0.28
    brow_arch: float = 0.07
    brow_tilt: float = 0.0
    brow_thick: float = 0.04
    brow_over: bool = True
    # Nose and mouth
    nose: str = "dot"
    nose_y: float = 0.5
    nose_length: float = 0.4
    nose_base: float = 0.07
    nose_width: float = 0.1
    nose_out: float = 0.2
    mouth_x: float = 0.0
    mouth_y: float = 0.85
    mouth_width: float = 0.2
    mouth_open: float = 0.0
    mouth_power: float = 2.0
    smile: float = 0.3
    skew: float = 0.0
    lip: float = 0.012
    lips_red: bool = False
    # Hair and what is worn
    back: str = "long"
    fringe: str = "locks"
    locks: int = 5
    fringe_low: float = -0.45
    side_lock: float = 0.8
    volume: float = 1.15
    sideburn: float = 0.0
    top: str = ""
    over: str = ""
    lens: float = 0.0
    beard: float = 0.0
    stubble: float = 0.0
    moustache: float = 0.0
    blush: float = 0.0
    sweat: bool = False
    shirt: str = SHIRTS[0]
    # Manner
    school: str = ""
    tone: str = "colour"
    shade: str = "cel"
    line: float = 0.028
    ink: str = "#34242c"
    seed: int = 0

    @classmethod
    def sample(cls, rng: np.random.Generator) -> Character:
        """Anybody, drawn in any manner: chibi to realistic, frontal to profile."""
        u, n = rng.uniform, rng.normal
        male = rng.random() < 0.45
        # 0 a child's head of anime, 1 a realistic grown-up, between them all the others.
        real = float(np.clip(rng.beta(0.9, 1.3) + (0.12 if male else 0), 0, 1))
        kind = "anime" if real < 0.65 else "real"
        if rng.random() < 0.13:
            kind = str(rng.choice(["oval", "dot", "round", "field", "field", "field"]))
        chin = 1.1 + 0.38 * real + n(0, 0.08) + (0.06 if male else 0)
        if kind == "anime":
            height = (0.74 - 0.5 * real) * u(0.72, 1.2)
            width = u(0.26, 0.4)
        elif kind == "real":
            height, width = u(0.1, 0.24), u(0.22, 0.32)
        elif kind == "round":
            height, width = u(0.35, 0.7), u(0.2, 0.36)
        elif kind == "field":
            height, width = u(0.25, 0.75), u(0.16, 0.38)
        elif kind == "oval":
            height, width = u(0.2, 0.45), u(0.08, 0.2)
        else:
            height, width = u(0.08, 0.16), u(0.06, 0.1)
        opened = 1.0 if rng.random() < 0.72 else float(rng.choice([0.0, 0.0, 0.25, 0.5, 0.7, 1.25]))
        other = opened if rng.random() < 0.93 else float(rng.choice([0.0, 0.5, 1.0]))
        manner = rng.random()
        yaw = float(np.clip(n(0, 26), -80, 80)) if rng.random() < 0.75 else float(u(-85, 85))
        mouth = float(rng.choice([0.0, 0.0, 0.02, 0.08, 0.16, 0.3, 0.5, 0.75])) * u(0.7, 1.2)
        hair, eye, skin = (str(rng.choice(list(names))) for names in (HAIR, EYES, SKIN))
        second = str(rng.choice(list(EYES))) if rng.random() < 0.05 else eye
        skin = str(rng.choice(list(SKIN), p=[0.72, 0.18, 0.10]))
        skin_hex = varied(rng, SKIN[skin], 0.025)
        left_hex = varied(rng, EYES[eye], 0.03)
        right_hex = left_hex if second == eye else varied(rng, EYES[second], 0.03)
        brow_gap = u(0.1, 0.3) - 0.08 * real
        nose_y = chin * u(0.34, 0.46) + 0.03 * real
        mouth_y = nose_y + (chin - nose_y) * u(0.34, 0.52)
        mouth = min(mouth, max(chin - mouth_y - 0.2, 0.0) / 0.75)  # the chin gives way only so far
        low = -(height * 0.55 + u(-0.25, 0.5))
        top = str(rng.choice(TOPS))
        if male and top in ("ears", "ribbon", "band") and rng.random() < 0.8:
            top = ""
        back = str(rng.choice(BACKS, p=_shares([30, 5, 6, 1, 3, 1, 26, 6, 5] if male else
                                               [6, 16, 36, 12, 12, 5, 3, 6, 0.5])))  # fmt: skip
        who = cls(
            gender="male" if male else "female",
            hair=hair, left_eye=eye, right_eye=second, skin=skin,
            hair_hex=varied(rng, HAIR[hair], 0.02), left_eye_hex=left_hex,
            right_eye_hex=right_hex, skin_hex=skin_hex,
            glasses=bool(rng.random() < 0.16), sunglasses=bool(rng.random() < 0.12),
            yaw=yaw, pitch=float(np.clip(n(0, 10), -30, 30)), roll=float(n(0, 8)),
            chin=chin, chin_width=u(0.03, 0.12) + 0.12 * real * male,
            square=float(np.clip(n(0.12 + 0.5 * real * male, 0.15), -0.15, 0.9)),
            round=u(0, 1) * (0.9 - 0.5 * real), cheek=n(0, 0.03), depth=u(0.68, 0.92),
            eye_kind=kind, eye_x=u(0.42, 0.52) - 0.02 * real, eye_width=width,
            eye_height=height, eye_tilt=n(0.02, 0.035) * (1 if kind != "dot" else 0.2),
            eye_power=u(1.7, 3.4) * (1 + (kind == "field") * u(0, 2)),
            eye_round=u(1.2, 2.2) * (1 + (kind == "field") * u(0, 1.5)), eye_lean=n(0.05, 0.25),
            lid=u(0.04, 0.65) if kind == "field" else u(0.25, 0.72),
            left_open=opened, right_open=other,
            shut=float(rng.choice([0.5, 0.3, -0.6, -0.9, 0.05])), iris=u(0.5, 0.85),
            gaze_x=n(0, 0.14), gaze_y=n(0, 0.07),
            lash=u(0.02, 0.1) * (1 - 0.35 * real) * (0.75 if male else 1),
            brow_y=height * 0.6 + brow_gap, brow_shift=n(0, 0.03), brow_length=u(0.2, 0.34),
            brow_arch=n(0.05, 0.05), brow_tilt=n(0, 0.08), brow_over=bool(rng.random() < 0.6),
            brow_thick=u(0.012, 0.05) + (u(0, 0.07) if male else 0),
            nose=str(rng.choice(NOSES, p=_shares([2, 3, 2, 2, 1 + 6 * real, 0.6]))),
            nose_y=nose_y, nose_length=nose_y * u(0.7, 1.0), nose_base=u(0.03, 0.1),
            nose_width=u(0.06, 0.12) + 0.1 * real, nose_out=u(0.1, 0.3),
            mouth_x=n(0, 0.02), mouth_y=mouth_y,
            mouth_width=u(0.12, 0.3) + 0.08 * real + 0.08 * min(mouth, 1), mouth_open=mouth,
            mouth_power=u(1.6, 3.5), smile=n(0.25, 0.45), skew=n(0, 0.4),
            lip=u(0.004, 0.02) + (u(0.01, 0.07) * real if rng.random() < 0.7 else 0),
            lips_red=bool(rng.random() < (0.1 if male else 0.35)),
            back=back, fringe=str(rng.choice(FRINGES)), locks=int(rng.integers(2, 9)),
            fringe_low=low, side_lock=u(0, 0.5) if male else u(0, 1.7),
            volume=u(1.04, 1.34), top=top, over=str(rng.choice(OVER)),
            beard=float(u(0.2, 1) if male and rng.random() < 0.14 else 0),
            blush=float(u(0.2, 1) if rng.random() < 0.4 else 0), sweat=bool(rng.random() < 0.08),
            shirt=str(rng.choice(SHIRTS)),
            tone=str(rng.choice(TONES, p=[0.72, 0.1, 0.08, 0.1])),
            shade=str(rng.choice(SHADES, p=[0.25, 0.45, 0.3])),
            line=0.0 if manner < 0.1 else u(0.008, 0.03) if manner < 0.8 else u(0.03, 0.06),
            ink="" if rng.random() < 0.35 else varied(rng, "#30242a", 0.1),
            bony=u(0, 1) * real, seed=int(rng.integers(2**31)),
        )  # fmt: skip
        school = rng.random()
        if school < 0.12:
            return replace(who, **comic(rng, who))
        return replace(who, **manga(rng, who)) if school < 0.2 else who

    @property
    def colours(self) -> tuple[Rgb, Rgb, Rgb, Rgb]:
        """Hair, picture-left iris, picture-right iris, skin."""
        return (
            rgb(self.hair_hex),
            rgb(self.left_eye_hex),
            rgb(self.right_eye_hex),
            rgb(self.skin_hex),
        )


def _shares(weights: list[float]) -> np.ndarray:
    return np.array(weights) / np.sum(weights)
