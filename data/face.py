"""A face on a frame: the one value every room passes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2, degrees

import numpy as np

DOMAINS = ("photo", "drawn")


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in frame pixels; (x, y) is its top-left corner.

    Of a face: cheek to cheek, brows to chin.
    """

    x: float
    y: float
    width: float
    height: float

    @classmethod
    def around(cls, landmarks: np.ndarray) -> Box:
        """What (68, 2) landmarks span."""
        (left, top), (right, bottom) = landmarks.min(0).tolist(), landmarks.max(0).tolist()
        return cls(left, top, right - left, bottom - top)

    @property
    def centre(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def size(self) -> float:
        """Geometric mean of the sides, pixels: the face's size wherever an error is given in it."""
        return float(np.sqrt(max(self.width, 0) * max(self.height, 0)))

    def moved(self, dx: float, dy: float) -> Box:
        return replace(self, x=self.x + dx, y=self.y + dy)

    def shared(self, other: Box) -> float:
        """Area of the intersection, square pixels."""
        width = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        height = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(width, 0.0) * max(height, 0.0)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared(other)
        union = self.width * self.height + other.width * other.height - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour of a face's part.

    hex: sRGB, "#rrggbb". name: from the palette, e.g. "light_blue".
    share: of the part's pixels, 0 to 1. confidence: in the name, 0 to 1.
    """

    hex: str
    name: str
    share: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Gender:
    """Gender presentation: name "female" or "male", score 0 to 1."""

    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Head pose in degrees; 0, 0, 0 faces the reader upright.

    roll: positive leans to the picture's right (clockwise). yaw: positive looks to the
    picture's right. pitch: positive looks up.
    """

    roll: float
    yaw: float
    pitch: float


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """What belongs to the person in a square around the face.

    box: the square, frame pixels, may reach over the frame's edge.
    mask: (S, S) uint8 over that square, 0 background to 255 person.
    score: confidence, 0 to 1. source: "alpha", "selfie", "flood" or "grabcut".
    """

    box: Box
    mask: np.ndarray
    score: float
    source: str


@dataclass(frozen=True, slots=True, eq=False)  # eq: numpy fields have no single truth value
class Face:
    """One face on a frame. Pixel coordinates have pixel centres at integers.

    box: frame pixels. score: likelihood of being a face, 0 to 1.
    landmarks: (68, 2) float32, x before y, frame pixels, iBUG 300-W order (`data.landmarks`);
        NaN where a point could not be placed. landmark_scores: (68,) float32, 0 to 1.
    domain: "photo" or "drawn". source: the detector with its version, or "person NAME".
    hair, hair_second: biggest colour and, of multicoloured hair, the next one.
    left_eye, right_eye: iris colours; left is the picture's left (indices 36 to 41).
    glasses: likelihood that they are worn, 0 to 1.
    None means: not known. Raises ValueError naming the field when a shape or range is wrong.
    """

    box: Box
    score: float
    landmarks: np.ndarray
    landmark_scores: np.ndarray
    domain: str
    source: str
    hair: Colour | None = None
    hair_second: Colour | None = None
    left_eye: Colour | None = None
    right_eye: Colour | None = None
    skin: Colour | None = None
    gender: Gender | None = None
    glasses: float | None = None
    pose: Pose | None = None
    foreground: Foreground | None = None

    def __post_init__(self) -> None:
        if self.landmarks.shape != (68, 2):
            raise ValueError(f"landmarks must be (68, 2), got {self.landmarks.shape}")
        if self.landmark_scores.shape != (68,):
            raise ValueError(f"landmark_scores must be (68,), got {self.landmark_scores.shape}")
        if not 0 <= self.score <= 1:
            raise ValueError(f"score must be 0 to 1, got {self.score}")
        if self.domain not in DOMAINS:
            raise ValueError(f"domain must be one of {', '.join(DOMAINS)}, got {self.domain!r}")

    def moved(self, dx: float, dy: float) -> Face:
        """The same face on a frame whose origin lies (dx, dy) further up-left."""
        foreground = self.foreground and replace(
            self.foreground, box=self.foreground.box.moved(dx, dy)
        )
        return replace(
            self,
            box=self.box.moved(dx, dy),
            landmarks=self.landmarks + np.array([dx, dy], np.float32),
            foreground=foreground,
        )

    @property
    def heterochromia(self) -> bool:
        """Whether the two irises are told to have different colour names."""
        left, right = self.left_eye, self.right_eye
        return left is not None and right is not None and left.name != right.name

    @property
    def skin_tone(self) -> str | None:
        """Class of a photographed skin by its individual typology angle (Del Bino & Bernerd 2013).

        ITA = atan2(L* - 50, b*) in degrees: over 55 very_light, over 41 light, over 28
        intermediate, over 10 tan, over -30 brown, else dark. None for drawings.
        """
        if self.skin is None or self.domain != "photo":
            return None
        lightness, _, yellow = lab_of(self.skin.hex)
        angle = degrees(atan2(lightness - 50, yellow))
        steps = {"very_light": 55, "light": 41, "intermediate": 28, "tan": 10, "brown": -30}
        return next((name for name, above in steps.items() if angle > above), "dark")

    @property
    def tags(self) -> list[str]:
        """Danbooru-style tags, such as `blue_hair`, `multicolored_hair`, `heterochromia`."""
        tags = [f"{self.hair.name}_hair"] if self.hair else []
        if self.hair_second:
            tags += [f"{self.hair_second.name}_hair", "multicolored_hair"]
        eyes = {eye.name for eye in (self.left_eye, self.right_eye) if eye}
        tags += [f"{name}_eyes" for name in sorted(eyes)]
        return tags + ["heterochromia"] * self.heterochromia


def lab_of(hex_colour: str) -> np.ndarray:
    """CIELAB (3,) float64 under D65 of an sRGB "#rrggbb" (IEC 61966-2-1; CIE 15:2004, 8.2.1)."""
    srgb = np.array([int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = (
        np.array(
            [
                [0.4124564, 0.3575761, 0.1804375],
                [0.2126729, 0.7151522, 0.0721750],
                [0.0193339, 0.1191920, 0.9503041],
            ]
        )
        @ linear
        / (0.95047, 1.0, 1.08883)
    )
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])
