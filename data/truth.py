"""What is known of pictures, to hold detections against: files of labels in any layout we read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from data import formats
from data.dataset import Dataset
from data.errors import InputError
from data.face import Box, Face


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A face that is there.

    points: (M, 2) float64 frame pixels, and `between` (M, 2) int: the two landmarks in whose
    middle each lies, twice the same for a landmark itself. hard: counts neither way. hair, eyes,
    skin, gender: names, None where not known. hexes: of the same names '#rrggbb'. glasses: None
    where not known.
    """

    box: Box
    points: np.ndarray
    between: np.ndarray
    hard: bool = False
    hair: str | None = None
    eyes: str | None = None
    skin: str | None = None
    gender: str | None = None
    glasses: bool | None = None
    hexes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture's faces, and boxes that count neither way."""

    faces: list[Known]
    left_alone: list[Box]


def read_truth(path: Path) -> dict[str, Picture]:
    """Name -> what is known.

    path: a dataset folder, COCO .json, .csv, .pts or a folder of them, or a .json of hand-made
    key points: `images[] {file, faces[] {box, hard, keypoints {"36": [x, y], "37.5": ...}, hair,
    eyes, skin, gender, glasses}, nonhuman_other[]}`, where 37.5 is the middle of 37 and 38.
    Raises InputError when it is none of these.
    """
    if (path / "frames").is_dir() and (path / "faces").is_dir():
        pictures: dict[str, Picture] = {}
        for record in Dataset.open(path).faces():
            pictures.setdefault(record.frame.name, Picture([], [])).faces.append(_of(record.face))
        return pictures
    if path.suffix == ".json" and path.is_file():
        try:
            told = json.loads(path.read_text("utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"{path} is no JSON ({error}); export it again") from None
        images = told.get("images") if isinstance(told, dict) else None
        if images and isinstance(images, list) and "faces" in images[0]:
            try:
                return {image["file"]: _hand_made(image) for image in images}
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"{path} does not hold what it must: {error!r}") from None
    pictures = {}
    for one in formats.read(path):
        face = one.face if isinstance(one.face, Face) else None
        known = _of(face) if face else _marked(np.asarray(one.face, float))
        pictures.setdefault(one.frame, Picture([], [])).faces.append(known)
    return pictures


def _hand_made(image: dict[str, Any]) -> Picture:
    faces = []
    for face in image["faces"]:
        marks = {k: v for k, v in (face.get("keypoints") or {}).items() if v is not None}
        between = [(int(float(key)), int(float(key) + 0.5)) for key in marks]
        faces.append(
            Known(
                Box(*map(float, face["box"])),
                np.array(list(marks.values()), float).reshape(-1, 2),
                np.array(between, int).reshape(-1, 2),
                bool(face.get("hard")),
                **{name: face.get(name) for name in ("hair", "eyes", "skin", "glasses")},
                gender=face["gender"] if face.get("gender") in ("male", "female") else None,
            )
        )
    return Picture(faces, [Box(*map(float, box)) for box in image.get("nonhuman_other") or []])


def _of(face: Face) -> Known:
    known = _marked(face.landmarks, face.box)
    colours = {"hair": face.hair, "eyes": face.left_eye, "skin": face.skin}
    told = {name: colour for name, colour in colours.items() if colour is not None}
    return Known(
        known.box,
        known.points,
        known.between,
        hair=told["hair"].name if "hair" in told else None,
        eyes=told["eyes"].name if "eyes" in told else None,
        skin=told["skin"].name if "skin" in told else None,
        gender=face.gender.name if face.gender else None,
        glasses=None if face.glasses is None else face.glasses > 0.5,
        hexes={name: colour.hex for name, colour in told.items()},
    )


def _marked(landmarks: np.ndarray, box: Box | None = None) -> Known:
    seen = np.flatnonzero(np.isfinite(landmarks).all(1))
    points = landmarks[seen].astype(float)
    if box is None:
        low, high = points.min(0), points.max(0)
        box = Box(*low.tolist(), *(high - low).tolist())
    return Known(box, points, np.column_stack([seen, seen]))
