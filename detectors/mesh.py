"""MediaPipe's face mesh on a region we choose: no detector of its own, no gate.

Grishchenko et al. 2020, "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time".
"""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, sin

import numpy as np

from data.crop import cut, square
from detectors.graph import Graph

COUNT = 478
SIDE = 192  # the model's input, pixels
LEFT_CORNER, RIGHT_CORNER = 33, 263  # outer eye corners; left is the picture's
MARGIN = 1.5  # region over face, as the model was trained

_GRAPH = f"""
output_stream: "landmarks" output_stream: "presence"
node {{ calculator: "TfLiteCustomOpResolverCalculator" output_side_packet: "OP_RESOLVER:ops" }}
node {{
  calculator: "ImageToTensorCalculator" input_stream: "IMAGE:image" output_stream: "TENSORS:crop"
  options {{ [mediapipe.ImageToTensorCalculatorOptions.ext] {{
    output_tensor_width: {SIDE} output_tensor_height: {SIDE}
    output_tensor_float_range {{ min: 0 max: 1 }} }} }}
}}
node {{
  calculator: "InferenceCalculator" input_stream: "TENSORS:crop" output_stream: "TENSORS:answer"
  input_side_packet: "OP_RESOLVER:ops"
  options {{ [mediapipe.InferenceCalculatorOptions.ext] {{
    model_path: "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite"
    delegate {{ xnnpack {{ num_threads: 1 }} }} }} }}
}}
node {{
  calculator: "SplitTensorVectorCalculator" input_stream: "answer"
  output_stream: "parts" output_stream: "flag"
  options {{ [mediapipe.SplitVectorCalculatorOptions.ext] {{
    ranges {{ begin: 0 end: 6 }} ranges {{ begin: 6 end: 7 }} }} }}
}}
node {{
  calculator: "TensorsToFloatsCalculator"
  input_stream: "TENSORS:flag" output_stream: "FLOAT:presence"
  options {{ [mediapipe.TensorsToFloatsCalculatorOptions.ext] {{ activation: SIGMOID }} }}
}}
node {{
  calculator: "TensorsToFaceLandmarksWithAttention"
  input_stream: "TENSORS:parts" output_stream: "LANDMARKS:landmarks"
}}
"""


@dataclass(frozen=True, slots=True)
class Roi:
    """A square on a frame, turned upright before the mesh looks.

    x, y: its centre, frame pixels. size: its side, pixels. roll: radians, positive clockwise.
    """

    x: float
    y: float
    size: float
    roll: float = 0.0


class Mesh:
    """478 points of the face in a region, whether there is one or not."""

    def __init__(self) -> None:
        self._graph = Graph(_GRAPH, ["landmarks", "presence"])

    def points(self, pixels: np.ndarray, roi: Roi, refine: int = 0) -> tuple[np.ndarray, float]:
        """(478, 3) float32 frame pixels, z towards the back, and the face's presence, 0 to 1.

        pixels: (H, W, 3) uint8 RGB. refine: how often to look again, each time in the region
        of the points before. Presence means little on drawings: true faces go down to 0.
        """
        answer = self._graph(upright(pixels, roi))
        unit = np.array([(p.x, p.y, p.z) for p in answer["landmarks"].landmark])
        points = unit - (0.5, 0.5, 0)
        points[:, :2] = points[:, :2] @ turn(roi.roll).T
        points = (points * roi.size + (roi.x, roi.y, 0)).astype(np.float32)
        if refine:
            return self.points(pixels, region(points), refine - 1)
        return points, float(answer["presence"])


def region(points: np.ndarray) -> Roi:
    """Where to look again: the square around the points, upright by the outer eye corners.

    points: (478, 2 or 3), frame pixels; the model file's own rule (landmarks to ROI).
    """
    points = points[:, :2].astype(np.float64)
    dx, dy = points[RIGHT_CORNER] - points[LEFT_CORNER]
    return around(points, atan2(dy, dx))


def around(points: np.ndarray, roll: float, margin: float = MARGIN) -> Roi:
    """The square, rolled by `roll`, around (N, 2) points, `margin` times as big as they need."""
    upright_points = points @ turn(roll)
    low, high = upright_points.min(0), upright_points.max(0)
    x, y = turn(roll) @ ((low + high) / 2)
    return Roi(float(x), float(y), float((high - low).max()) * margin, roll)


def turn(roll: float) -> np.ndarray:
    """(2, 2) rotation by `roll` radians, clockwise on a picture, whose y points down."""
    return np.array([[cos(roll), -sin(roll)], [sin(roll), cos(roll)]])


def upright(pixels: np.ndarray, roi: Roi, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: the region turned upright, the frame's edge repeated beyond it."""
    return cut(pixels, square(roi.x, roi.y, roi.size, side, roi.roll), side)
