"""What sets a comic's or a gag manga's character apart from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from data.drawing.brush import hexed, varied

if TYPE_CHECKING:
    from data.drawing.character import Character


def comic(rng: np.random.Generator, who: Character) -> dict[str, Any]:
    """Western: dots or small whites for eyes, heavy brows, a nose with a body, a big jaw, ink."""
    u, n = rng.uniform, rng.normal
    male = who.gender == "male"
    kind = str(
        rng.choice(["dot", "ink", "round", "oval", "blank"], p=[0.36, 0.38, 0.12, 0.08, 0.06])
    )
    made = _face(rng, who, kind, float(np.clip(n(1.38, 0.18), 1.0, 1.85)))
    skin_hex = who.skin_hex
    if rng.random() < 0.25:
        skin_hex = hexed(tuple(int(v) for v in rng.integers(60, 250, 3)))  # type: ignore[arg-type]
    fringes = (
        ["crop", "quiff", "none", "back"] if male else ["quiff", "parted", "swept", "straight"]
    )
    return made | {
        "skin_hex": skin_hex,
        "school": "comic",
        "square": float(np.clip(n(0.5 if male else 0.15, 0.25), -0.15, 1.0)),
        "chin_width": u(0.1, 0.38) if male else u(0.07, 0.16),
        "cheek": n(-0.03, 0.05), "bony": u(0, 1.3), "ear": u(1.0, 1.7),
        "cleft": bool(male and rng.random() < 0.25),
        "lined": float(max(u(-0.5, 0.8), 0)), "stubble": float(max(u(-2, 1), 0)) if male else 0.0,
        "moustache": float(u(0.2, 1) if male and rng.random() < 0.1 else 0),
        "brow_thick": u(0.03, 0.14) if male else u(0.015, 0.06),
        "fringe": str(rng.choice(fringes)) if rng.random() < 0.75 else who.fringe,
        "sideburn": float(max(u(-0.3, 0.4), 0)) if male else 0.0,
        "volume": u(1.03, 1.15) if male else who.volume,
        "fringe_low": min(who.fringe_low, -0.35), "blush": who.blush * (rng.random() < 0.3),
        "tone": str(rng.choice(["colour", "grey", "ink", "screen"], p=[0.84, 0.06, 0.06, 0.04])),
        "shade": str(rng.choice(["flat", "cel", "soft"], p=[0.5, 0.45, 0.05])),
        "line": u(0.015, 0.035) if rng.random() < 0.6 else u(0.035, 0.07),
        "ink": varied(rng, "#1a1420", 0.06) if rng.random() < 0.85 else "",
    }  # fmt: skip


def manga(rng: np.random.Generator, who: Character) -> dict[str, Any]:
    """Gag manga: white faces in pen, tiny features, often behind large glasses."""
    u = rng.uniform
    kind = str(rng.choice(["dot", "ink", "oval", "round", "blank"], p=[0.4, 0.22, 0.2, 0.1, 0.08]))
    made = _face(rng, who, kind, u(0.98, 1.35))
    hair = str(rng.choice(["#1c1a20", "#f6f6f8", "#a09ea6"], p=[0.6, 0.2, 0.2]))
    names = {"#1c1a20": "black", "#f6f6f8": "white", "#a09ea6": "grey"}
    noses = ["button", "tick", "dot", "none", "wedge", "ball", "line"]
    return made | {
        "school": "manga", "skin": "light", "skin_hex": "#fdf8f4",
        "hair": names[hair], "hair_hex": hair,
        "nose": str(rng.choice(noses, p=[0.2, 0.25, 0.12, 0.15, 0.12, 0.08, 0.08])),
        "nose_out": u(0.1, 0.3), "nose_width": u(0.05, 0.12), "nose_base": u(0.03, 0.08),
        "square": u(-0.15, 0.25), "round": u(0, 1), "ear": u(0.9, 1.3),
        "glasses": bool(rng.random() < 0.45), "sunglasses": False,
        "lens": float(max(u(-0.8, 1.1), 0)) if rng.random() < 0.5 else 1.0 * (rng.random() < 0.2),
        "lined": float(max(u(-0.8, 0.4), 0)), "brow_thick": u(0.012, 0.06),
        "sweat": bool(rng.random() < 0.25),
        "tone": str(rng.choice(["colour", "grey", "ink", "screen"], p=[0.08, 0.34, 0.33, 0.25])),
        "shade": str(rng.choice(["flat", "cel"])), "line": u(0.012, 0.035), "ink": "#141216",
    }  # fmt: skip


def _face(rng: np.random.Generator, who: Character, kind: str, chin: float) -> dict[str, Any]:
    """Eyes of a kind, a nose with a body and a mouth that find room above a chin."""
    u, n = rng.uniform, rng.normal
    width, height = {
        "dot": (u(0.03, 0.09), u(1.6, 5.0)),
        "ink": (u(0.09, 0.22), u(0.7, 1.7)),
        "round": (u(0.13, 0.28), u(1.7, 2.5)),
        "oval": (u(0.07, 0.16), u(2.0, 3.6)),
        "blank": (u(0.1, 0.22), u(0.8, 2.5)),
    }[kind]
    height *= width
    opened = (who.left_open, who.right_open)
    if max(opened) < 0.3:
        width = max(width, u(0.1, 0.2))  # a shut eye's line is longer than a dot is wide
    whole = kind in ("dot", "round", "oval")
    eye_x = max(u(0.24, 0.46), width + 0.03)
    nose = str(
        rng.choice(["ball", "bulb", "hook", "wedge", "button"], p=[0.2, 0.17, 0.15, 0.38, 0.1])
    )
    broad = u(0.07, 0.22)
    # A wedge may start between the brows, high above the eyes.
    ridge = u(1.05, 1.9) if nose == "wedge" and rng.random() < 0.35 else u(0.45, 1.05)
    nose_y = chin * u(0.3, 0.5)
    base = broad if nose in ("ball", "bulb", "hook") else u(0.02, 0.1)
    mouth = float(rng.choice([0.0, 0.0, 0.0, 0.1, 0.2, 0.35, 0.55])) * u(0.7, 1.2)
    room = chin - 0.12 - (nose_y + base)
    mouth = min(mouth, room * 0.6)
    mouth_y = nose_y + base + 0.04 + 0.25 * mouth + (room - mouth - 0.06) * u(0.1, 0.7)
    wide = np.interp(mouth_y / chin, [0.3, 0.6, 0.87, 1], [0.8, 0.56, 0.3, 0.12])
    grins = mouth > 0.15 and rng.random() < 0.4  # from cheek to cheek
    yaw = who.yaw if rng.random() < 0.5 else float(rng.choice([-1, 1]) * u(12, 62))
    return {
        "eye_kind": kind, "eye_width": width, "eye_height": height, "eye_x": eye_x,
        "lid": 0.5 if whole else u(0.45, 0.75), "eye_lean": 0.0 if whole else n(0, 0.2),
        "eye_power": 2.0 if whole else u(1.6, 3.0), "eye_round": 2.0 if whole else u(1.2, 2.4),
        "eye_tilt": 0.0 if whole else n(0.0, 0.02), "gaze_x": n(0, 0.16),
        "lash": u(0.02, 0.06), "chin": chin, "yaw": yaw,
        "brow_y": height * 0.5 + u(0.05, 0.3), "brow_length": u(0.12, 0.3),
        "brow_arch": n(0.04, 0.06), "brow_tilt": n(0, 0.12),
        "nose": nose, "nose_y": nose_y, "nose_length": nose_y * ridge + 0.04,
        "nose_width": broad, "nose_out": broad + u(0.03, 0.35), "nose_base": base,
        "mouth_y": mouth_y, "mouth_open": mouth, "mouth_x": 0.0,
        "mouth_width": float(wide) * u(0.8, 1.0) if grins else min(u(0.12, 0.45), float(wide)),
        "mouth_power": u(1.6, 6.0) if mouth > 0.08 else 2.0,
        "smile": u(0.5, 1.6) if grins else n(0.2, 0.6),
        "lip": 0.006 if rng.random() < 0.8 else u(0.01, 0.05),
    }  # fmt: skip
