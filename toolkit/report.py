"""One HTML page of all faces that opens without a server: the job behind `toolkit report`."""

from __future__ import annotations

import base64
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from data.crop import cut, inside, square
from data.dataset import Dataset, FaceRecord, FrameRecord
from data.frame import Frame, UnreadableError
from data.landmarks import lines
from data.reading import read_whole
from data.rows import COLOURS

SIDE = 144  # pixels of a face's crop
REACH = 1.7
LIMIT = 5000


def write_report(dataset: Dataset, out: Path, limit: int = LIMIT) -> Path:
    """Write the page of a dataset; every frame is read once, and the page grows as they are.

    limit: most faces shown, evenly picked; the page says when it shows not all.
    """
    frames = dataset.frames()
    page = files("toolkit").joinpath("report.html").read_text("utf-8")
    head, tail = page.split("/*FACES*/")
    records = dataset.faces()
    total = sum(1 for _ in dataset.faces())
    step = max(total / limit, 1.0)
    picked = (record for n, record in enumerate(records) if n // step != (n - 1) // step)
    about = {
        "dataset": dataset.folder.name,
        "frames": sum(record.error is None for record in frames),
        "faces": total,
        "shown": min(total, limit),
        "lines": lines(),
        "side": SIDE,
        "failed": _by_cause(frames),
        "detectors": Counter(record.settings.get("version", "?") for record in frames),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.part")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(head.replace("/*ABOUT*/", _json(about)))
        faces = track(
            _cards(picked), "report", total=min(total, limit), console=Console(stderr=True)
        )
        for number, card in enumerate(faces):
            file.write(("," if number else "") + _json(card) + "\n")
        file.write(tail)
    temporary.replace(out)
    return out


def _by_cause(frames: list[FrameRecord]) -> list[dict[str, Any]]:
    """Frames that failed under what went wrong, the most frequent cause first."""
    causes: dict[str, list[str]] = defaultdict(list)
    for record in frames:
        if record.error:
            cause = record.error.removeprefix(record.frame.item.path).strip()
            causes[cause].append(record.frame.name)
    by_count = sorted(causes.items(), key=lambda pair: -len(pair[1]))
    return [{"cause": cause, "names": names} for cause, names in by_count]


def _cards(records: Iterable[FaceRecord]) -> Iterator[dict[str, Any]]:
    last: tuple[str, np.ndarray | str] = ("", "")
    for record in records:
        frame = record.frame
        if frame.frame_id != last[0]:
            last = (frame.frame_id, _pixels(frame))
        yield _card(record, last[1])


def _pixels(frame: Frame) -> np.ndarray | str:
    """Pixels, or why there are none any more."""
    try:
        return read_whole(frame)[0]
    except UnreadableError as error:
        return str(error)


def _card(record: FaceRecord, pixels: np.ndarray | str) -> dict[str, Any]:
    face = record.face
    card: dict[str, Any] = {
        "id": record.face_id,
        "frame": record.frame.name,
        "score": round(face.score, 3),
        "domain": face.domain,
        "source": face.source,
        "size": round(face.box.size),
        "who": record.label.who if record.label else None,
        "gender": face.gender.name if face.gender else None,
        "glasses": face.glasses,
        "tone": face.skin_tone,
        "pose": [round(at) for at in (face.pose.roll, face.pose.yaw, face.pose.pitch)]
        if face.pose
        else None,
        "colours": {
            part: [colour.hex, colour.name, round(colour.confidence, 2)]
            for part in COLOURS
            if (colour := getattr(face, part))
        },
        "heterochromia": face.heterochromia,
    }
    if isinstance(pixels, str):
        return card | {"gone": pixels}
    reach = REACH * max(face.box.width, face.box.height)
    matrix = square(*face.box.centre, max(reach, 2.0), SIDE)
    crop, points = cut(pixels, matrix, SIDE, border=128), inside(matrix, face.landmarks)
    jpeg = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 82])[1]
    where = [
        None if not np.isfinite(x + y) else [round(x, 1), round(y, 1)] for x, y in points.tolist()
    ]
    return card | {"jpeg": base64.b64encode(jpeg.tobytes()).decode(), "points": where}


def _json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
