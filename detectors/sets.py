"""Real pictures to learn from, out of a folder of zips as ../shared/sets holds them."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from detectors.examples import MIDDLES

FREE = "free_drawings"  # clip art, painted portraits, flat cartoons: see benchmarks
USED = {
    "30",
    "36",
    "39",
    "42",
    "45",
    "48",
    "54",
    "51",
    "57",
    "8",
    "17",
    "19",
    "21",
    "22",
    "24",
    "26",
}


def pictures(path: Path, under: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Name and (H, W, 3) uint8 RGB of every picture in a zip, in the order of names."""
    with zipfile.ZipFile(path) as opened:
        for name in sorted(opened.namelist()):
            if name.startswith(under) and name.lower().endswith((".jpg", ".png")):
                raw = cv2.imdecode(np.frombuffer(opened.read(name), np.uint8), cv2.IMREAD_COLOR)
                yield name, cv2.cvtColor(raw, cv2.COLOR_BGR2RGB)


def rows(path: Path, name: str) -> list[dict[str, str]]:
    """A table of a zip."""
    with zipfile.ZipFile(path) as opened, opened.open(name) as raw:
        return list(csv.DictReader(io.TextIOWrapper(raw, "utf-8")))


def photo_points(path: Path) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """photo_68.zip: pictures, their 68 points (1-based files, so a pixel is taken off), a face."""
    with zipfile.ZipFile(path) as opened:
        for name in sorted(opened.namelist()):
            if not name.endswith(".pts"):
                continue
            lines = opened.read(name).decode().split("{")[1].split("}")[0].split()
            points = np.full((72, 2), np.nan, np.float32)
            points[:68] = np.array(lines, np.float32).reshape(68, 2) - 1
            picture = next(
                name[:-4] + end for end in (".jpg", ".png") if name[:-4] + end in opened.NameToInfo
            )
            raw = cv2.imdecode(np.frombuffer(opened.read(picture), np.uint8), cv2.IMREAD_COLOR)
            yield cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), points, np.array([1, np.nan, np.nan])


def labelled(
    labels: Path, sets: Path, held: bool = False, said: str = "points", free: bool | None = None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Faces of the zips whose key points were labelled by eye; `labels`: key_points.json.

    held: those that are kept apart, to measure on, instead of those to learn from. said: "again"
    for what was said of some by who had not seen any points of theirs. free: the
    free drawings alone, or all but them.
    """
    for pixels, told in _told(labels, sets, said, held, free):
        points = np.full((72, 2), np.nan, np.float32)
        for index, at in told[said].items():
            if at is not None and (index in USED or index in MIDDLES):
                points[MIDDLES[index][0] if index in MIDDLES else int(index)] = at
        male = {"male": 1.0, "female": 0.0}.get(told["gender"], np.nan)
        yield pixels, points, np.array([1, male, told["glasses"]])


def faceless(
    labels: Path, sets: Path, held: bool = False
) -> Iterator[tuple[np.ndarray, tuple[float, float, float, float]]]:
    """Pictures of the zips and where, as x, y, width, height, a detector saw a face, nobody else.

    held: as of `labelled`.
    """
    for pixels, told in _told(labels, sets, "no face", held):
        x, y, width, height = told["no face"]
        yield pixels, (x, y, width, height)


def _told(
    labels: Path, sets: Path, said: str, held: bool, free: bool | None = None
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Pictures, and what `labels` tells of each; of the zips that are there."""
    opened: dict[str, zipfile.ZipFile] = {}
    for key, told in json.loads(labels.read_text("utf-8")).items():
        folder, name = key.split("#")[0].split(":")  # behind a #: which face of the picture
        path = sets / f"{folder}.zip"
        if said not in told or told.get("held", False) != held:
            continue
        if free not in (None, folder == FREE) or not path.is_file():
            continue
        archive = opened.setdefault(folder, zipfile.ZipFile(path))
        raw = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
        yield cv2.cvtColor(raw, cv2.COLOR_BGR2RGB), told


def read_by_eye(labels: Path, sets: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """drawn_patches_64.zip: faces of which `labels` tells how they are read, no more; traits."""
    told = json.loads(labels.read_text("utf-8"))
    for name, pixels in pictures(sets / "drawn_patches_64.zip", "face"):
        known = told.get(f"drawn_patches_64:{name}", {"points": {}})
        if "gender" in known and "points" not in known:
            yield pixels, np.array([1, known["gender"] == "male", np.nan])
