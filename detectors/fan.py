"""face-alignment's 68 points (Bulat & Tzimiropoulos 2017) on the boxes of our own detector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.face import Box, Face
from detectors.auto import AutoDetector

WEIGHTS = "2DFAN4-11f355bf06.pth.tar"


class FanDetector:
    """Boxes, domain and likelihood from `auto`, points from FAN-4.

    Raises InputError, with what to put where, when its weights are not in torch's own cache:
    nothing is downloaded.
    """

    name = "fan"
    version = f"face-alignment-1.5-1, boxes {AutoDetector.version}"

    def __init__(self) -> None:
        missing = lacks_weights()
        if missing:
            raise InputError(missing)
        from face_alignment import FaceAlignment, LandmarksType

        self._boxes = AutoDetector()
        # The folder "detector" needs no weights; ours says where the faces are.
        self._fan = FaceAlignment(
            LandmarksType.TWO_D, device="cpu", face_detector="folder", compile=False
        )

    def detect(self, frames: Sequence[np.ndarray]) -> list[list[Face]]:
        """frames: (H, W, 3) uint8 RGB, any sizes. One list per frame, best score first."""
        found = self._boxes.detect(frames)
        return [self._place(pixels, faces) for pixels, faces in zip(frames, found, strict=True)]

    def _place(self, pixels: np.ndarray, faces: list[Face]) -> list[Face]:
        if not faces:
            return []
        boxes = [_s3fd_box(face) for face in faces]
        points, scores, _ = self._fan.get_landmarks_from_image(
            pixels, detected_faces=boxes, return_landmark_score=True
        )
        source = f"{self.name} {self.version}"
        return [
            replace(
                face,
                landmarks=landmarks[:, :2].astype(np.float32),
                landmark_scores=np.clip(np.asarray(score, np.float32), 0, 1),
                box=Box.around(landmarks[:, :2].astype(np.float32)),
                source=source,
            )
            for face, landmarks, score in zip(faces, points, scores, strict=True)
        ]


def lacks_weights() -> str | None:
    """What to put where, or None when the weights are in torch's cache."""
    import torch

    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if path.is_file():
        return None
    return (
        f"the fan detector needs its weights: put {WEIGHTS} (from the face-alignment project, "
        f"adrianbulat.com/downloads/python-fan) into {path.parent}, or set TORCH_HOME"
    )


def _s3fd_box(face: Face) -> list[float]:
    """x0, y0, x1, y1, score as its own detector would say: ours starts at the brows, so higher."""
    box = face.box
    return [box.x, box.y - 0.15 * box.height, box.x + box.width, box.y + box.height, face.score]
