"""The 68 landmarks in iBUG 300-W order (Sagonas et al. 2013): which index is what.

Left and right are the picture's: `LEFT_EYE` is the eye on the picture's left, which is the
person's right eye; index 36 is its outer corner.
"""

import itertools

import numpy as np

COUNT = 68

JAW = slice(0, 17)  # picture-left ear to picture-right ear, 8 is the chin
LEFT_BROW = slice(17, 22)
RIGHT_BROW = slice(22, 27)
NOSE_BRIDGE = slice(27, 31)  # 30 is the tip
NOSE_BASE = slice(31, 36)
LEFT_EYE = slice(36, 42)  # 36 outer corner, 39 inner corner
RIGHT_EYE = slice(42, 48)  # 42 inner corner, 45 outer corner
OUTER_LIPS = slice(48, 60)
INNER_LIPS = slice(60, 68)

# Name -> (indices, whether the contour closes). The nine contours people draw and correct.
PARTS: dict[str, tuple[slice, bool]] = {
    "jaw": (JAW, False),
    "left_brow": (LEFT_BROW, False),
    "right_brow": (RIGHT_BROW, False),
    "nose_bridge": (NOSE_BRIDGE, False),
    "nose_base": (NOSE_BASE, False),
    "left_eye": (LEFT_EYE, True),
    "right_eye": (RIGHT_EYE, True),
    "outer_lips": (OUTER_LIPS, True),
    "inner_lips": (INNER_LIPS, True),
}

# fmt: off
# landmarks[MIRRORED] of a picture flipped left to right is again in iBUG order.
MIRRORED = np.array([
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
])
# fmt: on


def mirrored(landmarks: np.ndarray, width: float) -> np.ndarray:
    """Landmarks of the left-right flipped picture.

    landmarks: (68, 2), pixels, pixel centres at integers; width: of the picture, pixels.
    """
    flipped = landmarks[MIRRORED].copy()
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return flipped


def lines() -> list[tuple[int, int]]:
    """Pairs of indices joined by a line when a face is drawn (also COCO's skeleton, 0-based)."""
    pairs = []
    for part, closed in PARTS.values():
        indices = list(range(part.start, part.stop))
        pairs += list(itertools.pairwise(indices))
        if closed:
            pairs.append((indices[-1], indices[0]))
    return pairs
