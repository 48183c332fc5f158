"""What one task shows: a frame, or a window of a strip, with its faces, as Label Studio keeps it.

A task tells all that was known when it was made, so that its answer can be read on any machine,
by file too, and compared with what the person was shown, to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from annotation.configuration import Words
from annotation.regions import Shown, regions
from data.dataset import FaceRecord
from data.errors import InputError
from data.face import DOMAINS
from data.formats.plain import check_number, plain_face, plain_row, reason
from data.frame import Frame
from data.strip import is_strip

MODEL = "toolkit"  # of our predictions, so that the page shows these and no other ones
STEP = 2  # times its width: the height of a strip's windows
AROUND = 0.4  # of a face's size that is shown around it at a window's edge


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A picture to be labelled.

    key: names it for ever. x, y, width, height: where it lies on its frame, pixels. domain: of a
    face drawn by hand. faces: in the frame's pixels.
    """

    key: str
    frame_id: str
    frame: str
    x: int
    y: int
    width: int
    height: int
    domain: str
    faces: tuple[Shown, ...]


def sheets(frame: Frame, records: Iterable[FaceRecord]) -> list[Sheet]:
    """A frame's sheets: itself, or a strip's windows one below the other.

    Each face is on one sheet, which reaches as far as it needs to show it whole.
    """
    shown = [
        Shown(one.face_id, one.face, one.label.outline if one.label else ())
        for one in records
        if min(one.face.box.width, one.face.box.height) > 0
    ]
    domain = next((one.face.domain for one in shown), DOMAINS[1])
    whole = Sheet(
        frame.frame_id,
        frame.frame_id,
        frame.name,
        0,
        0,
        frame.width,
        frame.height,
        domain,
        tuple(shown),
    )
    if not is_strip(frame.width, frame.height):
        return [whole]
    step = STEP * frame.width
    count = math.ceil(frame.height / step)
    by_window: list[list[Shown]] = [[] for _ in range(count)]
    for one in shown:
        by_window[min(max(int(one.face.box.centre[1] // step), 0), count - 1)].append(one)
    made = []
    for number, here in enumerate(by_window):
        low, high = number * step, min((number + 1) * step, frame.height)
        for one in here:
            box, near = one.face.box, AROUND * one.face.box.size
            low = min(low, max(int(box.y - near), 0))
            high = max(high, min(math.ceil(box.y + box.height + near), frame.height))
        key = f"{frame.frame_id}.{number}"
        made.append(replace(whole, key=key, y=low, height=high - low, faces=tuple(here)))
    return made


def task(sheet: Sheet, image: str, words: Words) -> dict[str, Any]:
    """A task with its prediction, as Label Studio imports it. image: what the page loads."""
    scores = [one.face.score for one in sheet.faces]
    prediction = {
        "model_version": MODEL,
        "score": min(scores, default=1.0),
        "result": regions(sheet, words),
    }
    names = ("key", "frame_id", "frame", "x", "y", "width", "height", "domain")
    return {
        "data": {
            "image": image,
            "frame": sheet.frame,
            "faces": len(sheet.faces),
            "key": sheet.key,
        },
        "meta": {
            **{name: getattr(sheet, name) for name in names},
            "faces": [
                {
                    "face_id": one.face_id,
                    "outline": one.outline,
                    **plain_row(replace(one.face, foreground=None)),
                }
                for one in sheet.faces
            ],
        },
        "predictions": [prediction],
    }


def sheet_of(meta: Any) -> Sheet:
    """The sheet of a task's `meta`. Raises InputError when it is none of ours, or damaged."""
    try:
        for name in ("key", "frame_id", "frame", "domain"):
            if not isinstance(meta[name], str):
                raise TypeError(f"{name} must be text, got {meta[name]!r}")
        for name in ("x", "y", "width", "height"):
            check_number(meta[name], name)
        if meta["domain"] not in DOMAINS or min(meta["width"], meta["height"]) < 1:
            raise ValueError("it has no picture's size, or a domain that is none")
        faces = tuple(
            Shown(
                str(row["face_id"]),
                plain_face(row),
                tuple((float(x), float(y)) for x, y in row.get("outline", ())),
            )
            for row in meta["faces"]
        )
        return Sheet(
            **{name: meta[name] for name in Sheet.__slots__ if name != "faces"}, faces=faces
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"it was not made by the toolkit, or its notes are damaged: {reason(error)}"
        ) from error
