"""Where the faces of a photo are: MediaPipe's two detectors over the frame and its tiles.

Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, ceil
from typing import Protocol, TypeVar

import cv2
import numpy as np

from data.face import Box
from detectors.graph import Graph
from detectors.mesh import MARGIN, Roi

# Model -> side of its input, pixels. The frame is shrunk to it, so small faces vanish.
INPUTS = {"FullRange": 192, "ShortRange": 128}
TILE = 480  # pixels; a longer side is also looked at in pieces of about this
OVERLAP = 0.25  # of neighbouring tiles, share of a tile

_GRAPH = """
output_stream: "detections"
node {{
  calculator: "FaceDetection{model}Cpu"
  input_stream: "IMAGE:image" output_stream: "DETECTIONS:detections"
  options {{ [mediapipe.FaceDetectionOptions.ext] {{ min_score_thresh: {score} }} }}
}}
"""


class Scored(Protocol):
    """Anything that says where a face is, and how likely."""

    @property
    def box(self) -> Box: ...
    @property
    def score(self) -> float: ...


T = TypeVar("T", bound=Scored)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A face seen by a detector.

    box: from the brows down to the chin, frame pixels. score: 0 to 1. points: (6, 2) float64
    frame pixels: picture-left eye, other eye, nose tip, mouth, picture-left ear, other ear.
    """

    box: Box
    score: float
    points: np.ndarray

    @property
    def roll(self) -> float:
        """Radians, positive clockwise, by the eyes."""
        dx, dy = self.points[1] - self.points[0]
        return atan2(dy, dx)

    @property
    def roi(self) -> Roi:
        """Where the mesh should look."""
        x, y = self.box.centre
        return Roi(x, y, max(self.box.width, self.box.height) * MARGIN, self.roll)


class Finder:
    """Both detectors over a frame and, where it is big or long, over its tiles."""

    def __init__(self, min_score: float = 0.3) -> None:
        self._graphs = {
            model: Graph(_GRAPH.format(model=model, score=min_score), ["detections"])
            for model in INPUTS
        }

    def find(self, pixels: np.ndarray) -> list[Found]:
        """pixels: (H, W, 3) uint8 RGB, any size. Best score first, each face once."""
        height, width = pixels.shape[:2]
        found: list[Found] = []
        for x, y, tile_width, tile_height in tiles(width, height):
            tile = pixels[y : y + tile_height, x : x + tile_width]
            found += self._look("FullRange", tile, x, y)
        # Near faces only, on the whole: on tiles it adds false alarms and no faces.
        return each_once(found + self._look("ShortRange", pixels, 0, 0))

    def _look(self, model: str, tile: np.ndarray, x: int, y: int) -> list[Found]:
        height, width = tile.shape[:2]
        answer = self._graphs[model](shrunk(tile, INPUTS[model]))
        found = []
        for detection in answer["detections"] or []:
            place = detection.location_data
            box = place.relative_bounding_box
            points = np.array([(p.x, p.y) for p in place.relative_keypoints])
            found.append(
                Found(
                    # Shares of the tile count from its edge, pixel coordinates from a centre.
                    Box(
                        box.xmin * width + x - 0.5,
                        box.ymin * height + y - 0.5,
                        box.width * width,
                        box.height * height,
                    ),
                    float(detection.score[0]),
                    points * (width, height) + (x - 0.5, y - 0.5),
                )
            )
        return found


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """x, y, width, height: the whole frame and, where it is big or long, overlapping pieces."""
    side = min(TILE, max(min(width, height), INPUTS["ShortRange"]))
    pieces = [
        (x, y, tile_width, tile_height)
        for y, tile_height in _spans(height, side)
        for x, tile_width in _spans(width, side)
    ]
    whole = (0, 0, width, height)
    return [whole, *pieces] if len(pieces) > 1 else [whole]


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """Start and size of the fewest equal pieces, none needing more than `side` of its own."""
    count = ceil(length / side)
    size = ceil(length / (count - (count - 1) * OVERLAP))
    step = (length - size) / max(count - 1, 1)
    return [(int(i * step), size) for i in range(count)]


def shrunk(pixels: np.ndarray, side: int) -> np.ndarray:
    """At most `side` long; by area, for MediaPipe itself would only take every n-th pixel."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def each_once(found: list[T]) -> list[T]:
    """Best score first; of finds of one face only the best stays."""
    found = sorted(found, key=lambda one: -one.score)
    boxes = np.array([(b.x, b.y, b.width, b.height) for b in (one.box for one in found)])
    kept: list[int] = []
    for number in range(len(found)):
        if not kept or not _same(boxes[number], boxes[kept]).any():
            kept.append(number)
    return [found[number] for number in kept]


def same(box: Box, other: Box) -> bool:
    """Whether two boxes are of one face: intersection over union .3, or .6 of the smaller."""
    one, two = (np.array([b.x, b.y, b.width, b.height]) for b in (box, other))
    return bool(_same(one, two[None])[0])


def _same(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """box: (4,) x, y, width, height; others: (N, 4). (N,) bool."""
    start = np.maximum(box[:2], others[:, :2])
    end = np.minimum(box[:2] + box[2:], others[:, :2] + others[:, 2:])
    shared = np.maximum(end - start, 0).prod(1)
    areas = box[2:].prod(), others[:, 2:].prod(1)
    union = areas[0] + areas[1] - shared
    return (shared >= 0.3 * union) & (union > 0) | (shared >= 0.6 * np.minimum(*areas))
