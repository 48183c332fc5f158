"""What belongs to the person around a face: alpha, selfie segmentation, flood fill or GrabCut."""

from __future__ import annotations

import cv2
import numpy as np

from data.crop import cut
from data.crop import inside as to_crop
from data.crop import square as crop_matrix
from data.face import Box, Face, Foreground
from data.landmarks import JAW
from detectors.graph import Graph

SIDE = 128  # of the mask, pixels
REACH = 2.6  # side of the square, of the face's size
RAISED = 0.2  # how much higher than the face's the square's middle is, of the face's size
SURE = 0.6  # share of the hair's ellipse that is taken for sure
HAIR_UP, HAIR_WIDE, HAIR_HIGH = 0.25, 0.8, 0.95  # of the face's size
_FLAT = 6.0  # spread of the border's colours, in grey levels, up to which a background is flat
_NEAR = 8  # grey levels a flat background's pixel may differ from its neighbour

_GRAPH = """
output_stream: "mask"
node {
  calculator: "SelfieSegmentationCpu"
  input_stream: "IMAGE:image" output_stream: "SEGMENTATION_MASK:mask"
}
"""


class Segmenter:
    """Foregrounds of faces; holds MediaPipe's selfie segmentation."""

    def __init__(self) -> None:
        self._selfie = Graph(_GRAPH, ["mask"])

    def foreground(self, pixels: np.ndarray, alpha: np.ndarray | None, face: Face) -> Foreground:
        """The person in a square around the face, with a confidence.

        pixels: (H, W, 3) uint8 RGB. alpha: (H, W) uint8; where it is not opaque everywhere in the
        square it decides. A mask that is nearly all or nearly nothing has a low score.
        """
        square = square_around(face)
        matrix = crop_matrix(*square.centre, square.width, SIDE)
        crop = cut(pixels, matrix, SIDE)
        if alpha is not None:
            opaque = cut(alpha, matrix, SIDE, border=0)
            if (opaque < 128).mean() > 0.01:
                return Foreground(square, opaque, 1.0, "alpha")
        inside = to_crop(matrix, face.landmarks)
        if face.domain == "photo":
            likely = np.asarray(self._selfie(crop)["mask"], np.float32)
            # Sure pixels are near 0 or 1; a mask of doubts is worth little.
            sure = float(np.abs(likely * 2 - 1).mean())
            return _judged(square, (likely * 255).round().astype(np.uint8), sure, inside, "selfie")
        mask = _flooded(crop, inside)
        if mask is not None:
            return _judged(square, mask, 0.9, inside, "flood")
        return _judged(square, _grabcut(crop, inside), 0.6, inside, "grabcut")


def square_around(face: Face) -> Box:
    """The square that face, hair and neck lie in; may reach over the frame's edge."""
    x, y = face.box.centre
    side = max(REACH * face.box.size, 4.0)
    return Box(x - side / 2, y - RAISED * face.box.size - side / 2, side, side)


def _face_mask(inside: np.ndarray) -> np.ndarray:
    """(SIDE, SIDE) uint8 0 or 1: the landmarks' hull."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    points = inside[np.isfinite(inside).all(1)]
    if len(points) > 2:
        cv2.fillConvexPoly(mask, cv2.convexHull(points.round().astype(np.int32)), (1,))
    return mask


def _flooded(crop: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """Not reached from the border over alike pixels; None when the background is not flat.

    The lower border is the body's and counts neither way.
    """
    edge = np.concatenate([crop[0], crop[: SIDE // 2, 0], crop[: SIDE // 2, -1]]).astype(int)
    middle = np.median(edge, axis=0)
    flat = np.abs(edge - middle).max(1) < 3 * _NEAR
    if flat.mean() < 0.8 or edge[flat].std(0).max() > _FLAT:
        return None
    blocked = np.zeros((SIDE + 2, SIDE + 2), np.uint8)
    image = np.ascontiguousarray(crop)
    starts = [(x, 0) for x in range(0, SIDE, 4)]
    starts += [(x, y) for x in (0, SIDE - 1) for y in range(0, SIDE, 4)]
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    for x, y in starts:
        alike = np.abs(crop[y, x].astype(int) - middle).max() < 3 * _NEAR
        if alike and not blocked[y + 1, x + 1]:
            cv2.floodFill(image, blocked, (x, y), 0, (_NEAR,) * 3, (_NEAR,) * 3, flags)
    return np.where(blocked[1:-1, 1:-1] == 1, 0, 255).astype(np.uint8)


def _grabcut(crop: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """GrabCut (Rother et al. 2004) from the face outwards, at half the mask's size.

    One round: on 160 drawn faces a second and a third change its IoU of 0.79 by nothing.
    """
    half = SIDE // 2
    small = cv2.resize(crop, (half, half), interpolation=cv2.INTER_AREA)
    face = cv2.resize(_face_mask(inside), (half, half), interpolation=cv2.INTER_NEAREST)
    around = cv2.dilate(face, np.ones((2 * half // 6 + 1,) * 2, np.uint8))
    size = half / REACH  # the face's; hair is about so wide and so high around it
    crown = (half // 2, round(half / 2 + (RAISED - HAIR_UP) * size))
    axes = (round(HAIR_WIDE * size), round(HAIR_HIGH * size))
    cv2.ellipse(around, crown, axes, 0, 0, 360, (1,), -1)
    mask = np.full((half, half), cv2.GC_PR_BGD, np.uint8)
    mask[around > 0] = cv2.GC_PR_FGD
    jaw = inside[JAW][np.isfinite(inside[JAW]).all(1)] / 2
    if len(jaw):  # the neck and shoulders below the chin
        chin = int(np.clip(jaw[:, 1].max(), 0, half))
        mask[chin:, int(half * 0.25) : int(half * 0.75)] = cv2.GC_PR_FGD
    mask[: half // 16, :] = cv2.GC_BGD
    mask[: half // 2, [0, 1, -2, -1]] = cv2.GC_BGD
    mask[face > 0] = cv2.GC_FGD
    if face.any():  # hair or a hat, whose colours the face does not have
        core = (round(SURE * axes[0]), round(SURE * axes[1]))
        cv2.ellipse(mask, crown, core, 0, 0, 360, (cv2.GC_FGD,), -1)
    if not (mask == cv2.GC_FGD).any():
        return np.zeros((SIDE, SIDE), np.uint8)
    cv2.setRNGSeed(0)  # its colour models start from random samples
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(small[..., ::-1].copy(), mask, None, *models, 1, cv2.GC_INIT_WITH_MASK)
    person = ((mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)).astype(np.uint8) * 255
    return cv2.resize(person, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)


def _judged(
    square: Box, mask: np.ndarray, score: float, inside: np.ndarray, source: str
) -> Foreground:
    """The score falls where the mask leaves the face out, is nearly all, or reaches the top."""
    face = _face_mask(inside).astype(bool)
    covered = float((mask[face] > 127).mean()) if face.any() else 0.0
    share = float((mask > 127).mean())
    if share > 0.95:
        covered *= 0.1
    background_above = float((mask[: SIDE // 16] < 128).mean())
    return Foreground(
        square, mask, round(score * covered * (0.5 + 0.5 * background_above), 4), source
    )
