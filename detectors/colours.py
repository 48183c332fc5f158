"""Hair, eye and skin colours: the right pixels, Lab clusters of them, a name from a palette."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan2

import cv2
import numpy as np

from data.face import Colour, Face, Foreground
from data.landmarks import INNER_LIPS, LEFT_EYE, OUTER_LIPS, RIGHT_EYE
from detectors.mesh import Roi, turn, upright
from detectors.palettes import Palette, Palettes

SIDE = 96  # pixels of the upright crop the hair and skin are taken from
EYE_SIDE = 32
EYE_REACH = 1.3  # its crop over the eye
MIDDLE = 0.5  # of an eye's half width: there is iris whichever way it looks
ABOVE, BELOW = 0.2, 0.9  # of its half height: between the lash's shade and the lower lid
REACH = 2.4  # crop over face size
SAMPLES = 500
FEWEST = 12  # pixels a colour is told from
LIGHTNESS = 0.6  # weight of L* in naming: shading changes it more than hue
GREY_PAGE = 4.0  # chroma that nearly all pixels of a black and white page stay under
SKIN_HUE = 0.5  # what chroma of the skin's hue counts for in an iris
FEW = 0.35  # share up to which black is line art and white is highlight
SECOND_SHARE = 0.25
SECOND_DISTANCE = 22.0  # between two hair colours, weighted Lab
EYES_DISTANCE = 36.0  # between two irises called different, weighted Lab: 7 of 1000 ordinary faces
EYES_CONFIDENCE = 0.2
CLOSED = 0.14  # height over width of an eye that shows no iris
TRUSTED = 0.65  # score a foreground needs to be used; GrabCut's takes hair for background


@dataclass(frozen=True, slots=True)
class Colours:
    """The fields of a `Face` of the same names."""

    hair: Colour | None = None
    hair_second: Colour | None = None
    left_eye: Colour | None = None
    right_eye: Colour | None = None
    skin: Colour | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Iris:
    """lab: (N, 3) its pixels. share: of the eye's middle without white and skin, 0 to 1.

    vividness: of its pixels, the median; what hair or a lid hides is seldom vivid.
    """

    lab: np.ndarray
    share: float
    vividness: float


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """(N, 3) Lab of a face's parts, skin and hair (0, 3) where there is nothing to be seen of them.

    behind: (K, 3) colours of the background. grey: whether the picture has no colours.
    """

    hair: np.ndarray
    skin: np.ndarray
    left_eye: Iris | None
    right_eye: Iris | None
    behind: np.ndarray
    grey: bool


def colours(pixels: np.ndarray, face: Face, palettes: Palettes) -> Colours:
    """What can be told of a face's colours; None for what cannot.

    pixels: (H, W, 3) uint8 RGB. `face.foreground` is used where there is one. Eyes and skin of a
    black and white page are None, its hair is black, grey or white.
    """
    seen = samples(pixels, face)
    if seen is None:
        return Colours()
    hair = _hair(seen.hair, palettes.hair[face.domain], seen.behind)
    first, second = (*hair, None, None)[:2]
    if seen.grey:
        return Colours(first, second)
    left, right = _eyes(seen.left_eye, seen.right_eye, palettes.eyes[face.domain])
    skin = _named(seen.skin, 1.0, palettes.skin[face.domain]) if len(seen.skin) else None
    return Colours(first, second, left, right, skin)


def samples(pixels: np.ndarray, face: Face) -> Samples | None:
    """The pixels that colours are told from; None where the eyes' places are not known."""
    points = face.landmarks.astype(np.float64)
    if not np.isfinite(points[LEFT_EYE]).all() or not np.isfinite(points[RIGHT_EYE]).all():
        return None
    view = _view(face, points)
    lab = _lab(upright(pixels, view, SIDE))
    inside = _inside(points, view, SIDE)
    real = _real(view, SIDE, pixels.shape[:2])
    skin = _biggest(lab[_skin_mask(inside) & real])
    return Samples(
        _hair_pixels(lab, inside, skin, _foreground_mask(face.foreground, view) & real),
        skin,
        _iris(pixels, points[LEFT_EYE], view.roll, skin),
        _iris(pixels, points[RIGHT_EYE], view.roll, skin),
        _behind(lab),
        not real.any() or np.percentile(np.hypot(lab[real, 1], lab[real, 2]), 95) < GREY_PAGE,
    )


def _view(face: Face, points: np.ndarray) -> Roi:
    """The upright square with face and hair in it."""
    dx, dy = points[RIGHT_EYE].mean(0) - points[LEFT_EYE].mean(0)
    roll = atan2(dy, dx)
    size = face.box.size
    x, y = np.array(face.box.centre) + turn(roll) @ (0, -0.3 * size)
    return Roi(float(x), float(y), max(REACH * size, 8.0), roll)


def _inside(points: np.ndarray, view: Roi, side: int) -> np.ndarray:
    """Frame points to pixels of the upright view."""
    local = (points - (view.x, view.y)) @ turn(view.roll)
    return local * side / view.size + (side - 1) / 2


def _outside(view: Roi, side: int) -> np.ndarray:
    """(side, side, 2) frame coordinates of the view's pixels."""
    grid = np.moveaxis(np.mgrid[:side, :side][::-1], 0, -1)
    return (grid - (side - 1) / 2) * view.size / side @ turn(view.roll).T + (view.x, view.y)


def _real(view: Roi, side: int, shape: tuple[int, ...]) -> np.ndarray:
    """(side, side) bool: where the view shows the frame and not what repeats beyond its edge."""
    at = _outside(view, side)
    return ((at >= 0) & (at <= (shape[1] - 1, shape[0] - 1))).all(-1)


def _foreground_mask(foreground: Foreground | None, view: Roi) -> np.ndarray:
    if foreground is None or foreground.score < TRUSTED:
        return np.ones((SIDE, SIDE), bool)
    box, side = foreground.box, foreground.mask.shape[0]
    at = (_outside(view, SIDE) - (box.x, box.y) + 0.5) / (box.width, box.height) * side - 0.5
    mask = cv2.remap(foreground.mask, at.astype(np.float32), np.empty(0), cv2.INTER_LINEAR)
    return mask > 127


def _lab(pixels: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 sRGB to float32 CIELAB."""
    return cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def _filled(polygons: list[np.ndarray], side: int) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    for polygon in polygons:
        if np.isfinite(polygon).all():
            cv2.fillPoly(mask, [polygon.round().astype(np.int32)], 1)
    return mask


def _skin_mask(points: np.ndarray) -> np.ndarray:
    """Cheeks and nose between the eyes and the mouth; eyes and lips cut out with a margin."""
    # fmt: off
    cheeks = points[[36, 41, 40, 39, 27, 42, 47, 46, 45, 14, 12, 54, 48, 4, 2]]
    # fmt: on
    cheeks = cheeks + (np.nanmean(cheeks, axis=0) - cheeks) * 0.12
    parts = [points[LEFT_EYE], points[RIGHT_EYE], points[OUTER_LIPS], points[INNER_LIPS]]
    holes = cv2.dilate(_filled(parts, SIDE), np.ones((3, 3), np.uint8))
    return (_filled([cheeks], SIDE) & ~holes).astype(bool)


def _hair_zone(points: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) bool: above the brows up to the crown, and beside the face."""
    eyes = np.stack([points[LEFT_EYE].mean(0), points[RIGHT_EYE].mean(0)])
    jaw = points[:17]
    width = np.nanmax(points[:, 0]) - np.nanmin(points[:, 0])
    height = np.nanmax(points[:, 1]) - eyes[:, 1].mean()  # eye line to chin
    brow = np.nanmin(points[17:27, 1]) if np.isfinite(points[17:27]).any() else eyes[:, 1].mean()
    left, right = np.nanmin(jaw[:, 0]), np.nanmax(jaw[:, 0])
    if not np.isfinite(left):
        left, right = eyes[:, 0].min() - 0.2 * width, eyes[:, 0].max() + 0.2 * width
    y, x = np.mgrid[:SIDE, :SIDE]
    middle = (left + right) / 2
    across, up = (x - middle) / (0.66 * width), (brow - y) / (1.05 * height)
    cap = (y < brow - 0.04 * height) & (across**2 + np.maximum(up, 0) ** 2 < 1)
    beside = np.minimum(np.abs(x - left), np.abs(x - right)) < 0.16 * width
    beside &= ((x < left) | (x > right)) & (y >= brow) & (y < brow + 0.8 * height)
    return cap | beside


def _hair_pixels(
    lab: np.ndarray, points: np.ndarray, skin: np.ndarray, allowed: np.ndarray
) -> np.ndarray:
    """(N, 3) Lab of the hair zone without skin, line art and highlights."""
    found = _thinned(lab[_hair_zone(points) & allowed])
    return _without_lines(found[~_like(found, skin)])


def _like(lab: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """Whether each colour lies within three spreads of the skin's (a Gaussian)."""
    if len(skin) < FEWEST or not len(lab):
        return np.zeros(len(lab), bool)
    floor = np.diag([16.0, 6.0, 6.0])  # so that a flat fill still has a width
    inverse = np.linalg.inv(np.cov(skin.T) + floor)
    gap = lab - skin.mean(0)
    return np.einsum("ni,ij,nj->n", gap, inverse, gap) < 9


def _without_lines(lab: np.ndarray) -> np.ndarray:
    """Line art and highlights dropped where they are few: black and white hair must stay."""
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    lines, lights = (lab[:, 0] < 18) & (chroma < 12), (lab[:, 0] > 94) & (chroma < 8)
    dropped = np.zeros(len(lab), bool)
    for extreme in (lines, lights):
        if extreme.sum() < FEW * len(lab):
            dropped |= extreme
    return lab[~dropped]


def _thinned(lab: np.ndarray) -> np.ndarray:
    return lab[:: max(len(lab) // SAMPLES, 1)]


def _clusters(lab: np.ndarray, count: int) -> list[np.ndarray]:
    """k-means in Lab, started from equal steps of lightness so that it always ends the same."""
    order = np.argsort(lab[:, 0] + 0.3 * lab[:, 1] - 0.3 * lab[:, 2], kind="stable")
    labels = np.empty((len(lab), 1), np.int32)
    labels[order, 0] = np.arange(len(lab)) * count // len(lab)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 12, 0.5)
    _, labels, _ = cv2.kmeans(
        lab.astype(np.float32), count, labels, criteria, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    return [lab[labels[:, 0] == i] for i in range(count) if (labels == i).any()]


def _biggest(lab: np.ndarray) -> np.ndarray:
    """The biggest cluster, (0, 3) when there are too few pixels."""
    if len(lab) < FEWEST:
        return lab[:0]
    return max(_clusters(_thinned(lab), 3), key=len)


def _behind(lab: np.ndarray) -> np.ndarray:
    """(K, 3) Lab that the view's upper border shows: what the background may look like."""
    high = SIDE // 3
    edge = np.concatenate([lab[:3].reshape(-1, 3), lab[:high, :3].reshape(-1, 3),
                           lab[:high, -3:].reshape(-1, 3)])  # fmt: skip
    return np.array([cluster.mean(0) for cluster in _clusters(edge, 4)])


def _hair(lab: np.ndarray, palette: Palette, behind: np.ndarray) -> list[Colour]:
    """One or two colours, the bigger first; none when there are too few pixels.

    behind: (K, 3) Lab of the background; a second colour like it is taken for it.
    """
    if len(lab) < FEWEST:
        return []
    groups: dict[str, list[np.ndarray]] = {}
    for cluster in _clusters(lab, 4):
        groups.setdefault(_nearest(cluster.mean(0), palette)[0], []).append(cluster)
    ranked = sorted(groups.values(), key=lambda group: -sum(map(len, group)))
    told = []
    for group in ranked[:2]:
        share = sum(map(len, group)) / len(lab)
        told.append((max(group, key=len), share))
    even, share = told[0]  # the colour as one would pick it, the name as one would say it
    one = [replace(_named(lab, share, palette), hex=hex_of(np.median(even, axis=0)))]
    if len(told) < 2 or told[1][1] <= SECOND_SHARE:
        return one
    first, second = (cluster.mean(0) for cluster, _ in told)
    if _distance(first, second) < SECOND_DISTANCE:
        return one
    if min(_distance(second, colour) for colour in behind) < SECOND_DISTANCE / 2:
        return one
    return [_named(cluster, share, palette) for cluster, share in told]


def _iris(pixels: np.ndarray, contour: np.ndarray, roll: float, skin: np.ndarray) -> Iris | None:
    """None when the eye is closed or nothing in its middle is unlike skin and the white."""
    local = contour @ turn(roll)
    width, height = np.ptp(local, axis=0)
    if width < 4 or height < CLOSED * width:
        return None
    x, y = (contour.max(0) + contour.min(0)) / 2
    view = Roi(float(x), float(y), float(max(width, height)) * EYE_REACH, roll)
    lab = _lab(upright(pixels, view, EYE_SIDE))
    eye = lab[_eye_mask(_inside(contour, view, EYE_SIDE))]
    white = (eye[:, 0] > 62) & (np.hypot(eye[:, 1], eye[:, 2]) < 14)
    kept = eye[~white & ~_like(eye, skin)]
    if len(kept) < FEWEST or len(kept) < 0.1 * len(eye):
        return None
    bright = kept[(kept[:, 0] > 20) | (np.hypot(kept[:, 1], kept[:, 2]) > 16)]
    if len(bright) >= max(0.2 * len(kept), FEWEST):
        kept = bright
    vivid = _vividness(kept, skin.mean(0) if len(skin) else np.array([90.0, 8.0, 12.0]))
    half = vivid >= np.median(vivid)
    return Iris(kept[half], len(kept) / len(eye), float(np.median(vivid[half])))


def _eye_mask(contour: np.ndarray) -> np.ndarray:
    """(EYE_SIDE, EYE_SIDE) bool: the eye's middle, below the lashes."""
    middle = (contour.min(0) + contour.max(0)) / 2
    wide, high = np.ptp(contour, axis=0) / 2
    y, x = np.mgrid[:EYE_SIDE, :EYE_SIDE]
    across, down = (x - middle[0]) / wide, (y - middle[1]) / high
    return (np.abs(across) < MIDDLE) & (down > -ABOVE) & (down < BELOW)


def _vividness(lab: np.ndarray, skin: np.ndarray) -> np.ndarray:
    """(N,) chroma, which counts for less where its hue is the skin's.

    So the iris wins over its pupil and outline, its shine, and the shaded or blushing lid.
    """
    hue = skin[1:] / max(np.hypot(*skin[1:]), 1.0)
    along = lab[:, 1:] @ hue
    across = np.hypot(*(lab[:, 1:] - along[:, None] * hue).T)
    return np.hypot(np.where(along > 0, SKIN_HUE * along, along), across)


def _eyes(
    left: Iris | None, right: Iris | None, palette: Palette
) -> tuple[Colour | None, Colour | None]:
    """Two names only where the difference is beyond doubt, else that of the clearer iris."""
    one, other = (_named(iris.lab, iris.share, palette) if iris else None for iris in (left, right))
    if left is None or right is None or one is None or other is None or one.name == other.name:
        return one, other
    apart = _distance(np.median(left.lab, axis=0), np.median(right.lab, axis=0))
    if apart > EYES_DISTANCE and min(one.confidence, other.confidence) > EYES_CONFIDENCE:
        return one, other
    left_wins = one.confidence * left.vividness >= other.confidence * right.vividness
    name = one.name if left_wins else other.name
    sure = min(one.confidence, other.confidence)
    return replace(one, name=name, confidence=sure), replace(other, name=name, confidence=sure)


def _distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm((one - other) * (LIGHTNESS, 1, 1)))


def _nearest(lab: np.ndarray, palette: Palette) -> tuple[str, float]:
    """The nearest name and its margin to the next one, 0 to 1."""
    gaps = np.linalg.norm((palette.anchors - lab) * (LIGHTNESS, 1, 1), axis=1)
    best = int(gaps.argmin())
    others = [
        gap for gap, name in zip(gaps, palette.names, strict=True) if name != palette.names[best]
    ]
    return palette.names[best], float(1 - gaps[best] / max(min(others), 1e-9))


def _named(lab: np.ndarray, share: float, palette: Palette) -> Colour:
    """The median of (N, 3) Lab: shade and shine lie on either side of it."""
    middle = np.median(lab, axis=0)
    name, margin = _nearest(middle, palette)
    share = round(min(share, 1.0), 4)
    return Colour(hex_of(middle), name, share, round(share * margin, 4))


def hex_of(lab: np.ndarray) -> str:
    """The "#rrggbb" of (3,) CIELAB, clipped to sRGB."""
    srgb = cv2.cvtColor(lab.astype(np.float32)[None, None], cv2.COLOR_LAB2RGB)[0, 0]
    red, green, blue = (np.clip(srgb, 0, 1) * 255).round().astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"
