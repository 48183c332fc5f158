"""A face as one flat row, for Parquet, CSV and JSON, and back."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pyarrow as pa

from data.face import Box, Colour, Face, Foreground, Gender, Pose

COLOURS = ("hair", "hair_second", "left_eye", "right_eye", "skin")

_BOX = ("x", "y", "width", "height")

FACE_SCHEMA = pa.schema(
    [
        ("face_id", pa.string()),
        ("frame_id", pa.string()),
        *((name, pa.float64()) for name in _BOX),
        ("score", pa.float64()),
        ("landmarks", pa.list_(pa.float32(), 136)),  # x0, y0, x1, y1 …
        ("landmark_scores", pa.list_(pa.float32(), 68)),
        ("domain", pa.string()),
        ("source", pa.string()),
        *(
            (f"{part}_{field}", kind)
            for part in COLOURS
            for field, kind in (
                ("hex", pa.string()),
                ("name", pa.string()),
                ("share", pa.float64()),
                ("confidence", pa.float64()),
            )
        ),
        ("gender", pa.string()),
        ("gender_score", pa.float64()),
        ("glasses", pa.float64()),
        ("roll", pa.float64()),
        ("yaw", pa.float64()),
        ("pitch", pa.float64()),
        *((f"foreground_{name}", pa.float64()) for name in _BOX),
        ("foreground_mask", pa.binary()),  # PNG, 8 bit grey
        ("foreground_score", pa.float64()),
        ("foreground_source", pa.string()),
        ("settings", pa.string()),
    ]
)


def face_row(face: Face) -> dict[str, Any]:
    """The face's own columns of `FACE_SCHEMA`; what is not known is None."""
    row: dict[str, Any] = {
        **_fields(face.box, "", _BOX),
        "score": face.score,
        "landmarks": face.landmarks.ravel().tolist(),
        "landmark_scores": face.landmark_scores.tolist(),
        "domain": face.domain,
        "source": face.source,
    }
    for part in COLOURS:
        names = ("hex", "name", "share", "confidence")
        row |= _fields(getattr(face, part), f"{part}_", names)
    row["gender"] = face.gender.name if face.gender else None
    row["gender_score"] = face.gender.score if face.gender else None
    row["glasses"] = face.glasses
    row |= _fields(face.pose, "", ("roll", "yaw", "pitch"))
    ground = face.foreground
    row |= _fields(ground.box if ground else None, "foreground_", _BOX)
    row["foreground_mask"] = _png(ground.mask) if ground else None
    row |= _fields(ground, "foreground_", ("score", "source"))
    return row


def row_face(row: dict[str, Any]) -> Face:
    """Inverse of `face_row`; absent columns are not known."""
    colours = {
        part: Colour(
            row[f"{part}_hex"],
            row[f"{part}_name"],
            row[f"{part}_share"],
            row[f"{part}_confidence"],
        )
        for part in COLOURS
        if row.get(f"{part}_hex") is not None
    }
    return Face(
        box=Box(*(row[name] for name in _BOX)),
        score=row["score"],
        landmarks=np.array(row["landmarks"], np.float32).reshape(-1, 2),
        landmark_scores=np.array(row["landmark_scores"], np.float32),
        domain=row["domain"],
        source=row["source"],
        **colours,
        gender=Gender(row["gender"], row["gender_score"]) if row.get("gender") else None,
        glasses=row.get("glasses"),
        pose=Pose(row["roll"], row["yaw"], row["pitch"]) if row.get("roll") is not None else None,
        foreground=_foreground(row) if row.get("foreground_mask") is not None else None,
    )


def _fields(value: object, prefix: str, names: tuple[str, ...]) -> dict[str, Any]:
    return {prefix + name: None if value is None else getattr(value, name) for name in names}


def _png(mask: np.ndarray) -> bytes:
    return cv2.imencode(".png", mask)[1].tobytes()


def _foreground(row: dict[str, Any]) -> Foreground:
    mask = cv2.imdecode(np.frombuffer(row["foreground_mask"], np.uint8), cv2.IMREAD_GRAYSCALE)
    box = Box(*(row[f"foreground_{name}"] for name in _BOX))
    return Foreground(box, mask, row["foreground_score"], row["foreground_source"])
