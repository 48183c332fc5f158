"""COCO key points (cocodataset.org, person style): one JSON file, 68 points a face.

Pixel centres lie at integers, 0-based, as everywhere in the toolkit. Visibility is 2, or 1 where
a point's score is under .5, or 0 with x = y = 0 where it could not be placed. Of a point with
one coordinate alone that one is kept in `half_placed`, under the point's index.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from data.dataset import FaceRecord
from data.formats import FormatError, Told
from data.formats.plain import (
    PLACE,
    check_number,
    plain_row,
    read_text,
    reason,
    telling,
    told_face,
)
from data.landmarks import COUNT, PARTS, lines
from data.rows import COLOURS

HIDDEN = 0.5

KEYPOINTS = [
    f"{part}_{index - points.start}"
    for part, (points, _) in PARTS.items()
    for index in range(points.start, points.stop)
]

CATEGORY = {
    "id": 1,
    "name": "face",
    "supercategory": "person",
    "keypoints": KEYPOINTS,
    "skeleton": [[one + 1, other + 1] for one, other in lines()],
}

_OWN = ("x", "y", "width", "height", "score", "landmarks", "landmark_scores")  # not attributes


def write(records: Iterable[FaceRecord], out: Path) -> int:
    """Write `out` (a .json, or a folder that gets annotations.json)."""
    images: dict[str, dict[str, Any]] = {}
    annotations: list[dict[str, Any]] = []
    for record in records:
        frame = record.frame
        image = images.setdefault(
            frame.frame_id,
            {
                "id": len(images) + 1,
                "file_name": frame.name,
                "frame_id": frame.frame_id,
                **{name: getattr(frame, name) for name in PLACE},
            },
        )
        annotations.append(_annotation(record, len(annotations) + 1, image["id"]))
    path = out if out.suffix == ".json" else out / "annotations.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "info": {"description": "webtoon-face-toolkit", "version": "1.0"},
        "images": list(images.values()),
        "categories": [CATEGORY],
        "annotations": annotations,
    }
    path.write_text(json.dumps(content, ensure_ascii=False, allow_nan=False), "utf-8")
    return len(annotations)


def read(path: Path) -> list[Told]:
    """Faces of a file of ours, or of anybody's with 68 key points a face."""
    try:
        content = json.loads(read_text(path))
        images = {image["id"]: image for image in content["images"]}
        annotations = content["annotations"]
        if not _objects(list(images.values())) or not _objects(annotations):
            raise TypeError("images and annotations must be lists of objects")
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path} is no COCO file: {reason(error)}; export it again") from error
    told = []
    for annotation in annotations:
        with telling(f"{path}, annotation {annotation.get('id')}"):
            told.append(_told(annotation, images, path))
    return told


def _objects(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, dict) for value in values)


def _annotation(record: FaceRecord, number: int, image: int) -> dict[str, Any]:
    row = plain_row(record.face)
    points = list(zip(row["landmarks"][::2], row["landmarks"][1::2], strict=True))
    keypoints: list[float] = []
    for (x, y), score in zip(points, record.face.landmark_scores.tolist(), strict=True):
        placed = x is not None and y is not None
        keypoints += [x, y, 1 if score < HIDDEN else 2] if placed else [0, 0, 0]
    attributes = {name: value for name, value in row.items() if name not in _OWN}
    for part in COLOURS:  # `hair` is the name people search for
        attributes[part] = attributes.pop(f"{part}_name")
    half = {str(index): point for index, point in enumerate(points) if point.count(None) == 1}
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "bbox": [row[name] for name in _OWN[:4]],
        "area": row["width"] * row["height"],
        "iscrowd": 0,
        "num_keypoints": sum(visible > 0 for visible in keypoints[2::3]),
        "keypoints": keypoints,
        "score": row["score"],
        "keypoint_scores": row["landmark_scores"],
        **({"half_placed": half} if half else {}),
        "attributes": attributes,
        "face_id": record.face_id,
        "label_by": record.label.who if record.label else None,
    }


def _told(annotation: dict[str, Any], images: dict[Any, dict], path: Path) -> Told:
    if annotation["image_id"] not in images:
        raise ValueError(f"its image {annotation['image_id']!r} is not among the images")
    image = images[annotation["image_id"]]
    given = annotation["keypoints"]
    if not isinstance(given, list) or len(given) != 3 * COUNT:
        found = len(given) // 3 if isinstance(given, list) else 0
        raise ValueError(f"{found} key points, but a face has {COUNT}")
    for visible in given[2::3]:
        check_number(visible, "a key point's visibility")
    landmarks = [
        value if visible else None
        for x, y, visible in zip(given[::3], given[1::3], given[2::3], strict=True)
        for value in (x, y)
    ]
    for index, point in dict(annotation.get("half_placed") or {}).items():
        landmarks[2 * int(index) : 2 * int(index) + 2] = point
    attributes = dict(annotation.get("attributes") or {})
    for part in COLOURS:
        attributes[f"{part}_name"] = attributes.pop(part, None)
    row = {
        "domain": "drawn",
        "source": f"import {path.name}",
        **attributes,
        **dict(zip(_OWN[:4], annotation["bbox"], strict=True)),
        "score": annotation.get("score", 1.0),
        "landmarks": landmarks,
        "landmark_scores": annotation.get("keypoint_scores")
        or [math.nan if not visible else visible / 2 for visible in given[2::3]],
    }
    place = {name: image.get(name) for name in PLACE}
    ids = image.get("frame_id"), annotation.get("face_id")
    return told_face(image["file_name"], *ids, row, place)
