"""Faces kept on disk: append-only Parquet parts, and what people said of them.

    faces/frames/part-*.parquet   one row a frame, failed ones with their reason
    faces/faces/part-*.parquet    one row a detected face
    faces/labels.jsonl            one line a label

A part is written whole to a temporary name, synced and renamed, its faces before its frames: a
frame row is the promise that its faces are there. All frames of an item stand in one part; the
newest part that holds an item counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data import labels
from data.errors import InputError
from data.face import Box, Face
from data.frame import Frame, Item, identify
from data.labels import Label
from data.rows import FACE_SCHEMA, face_row, row_face

FRAME_SCHEMA = pa.schema(
    [
        ("frame_id", pa.string()),
        ("item_id", pa.string()),
        ("root", pa.string()),
        ("path", pa.string()),
        ("archive", pa.int32()),
        ("start", pa.float64()),
        ("stop", pa.float64()),
        ("time", pa.float64()),
        ("cut", pa.int32()),
        ("x", pa.int32()),
        ("y", pa.int32()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("error", pa.string()),  # null: the frame was read
        ("settings", pa.string()),  # JSON: detector, its version, flags
        ("at", pa.string()),  # UTC, ISO 8601
    ]
)

PART_FRAMES = 256
PART_SECONDS = 10.0  # between two parts of a long run; a tenth of the run while it is short


class DatasetError(InputError):
    """A folder that cannot be read or written as a dataset; one sentence for people."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """A frame that was tried. error: why it could not be read, None when it was."""

    frame: Frame
    error: str | None
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class FaceRecord:
    """A face as it counts: a person's label where there is one, else the detection."""

    face_id: str
    frame: Frame
    face: Face
    label: Label | None


def is_dataset(folder: Path) -> bool:
    """Whether faces were ever kept in a folder."""
    return (folder / "frames").is_dir() and any((folder / "frames").glob("*.parquet"))


class Dataset:
    """A folder of faces. Making the object reads and writes nothing."""

    def __init__(self, folder: Path | str):
        self.folder = Path(folder)

    @classmethod
    def open(cls, folder: Path | str) -> Dataset:
        """An existing dataset. Raises DatasetError when the folder is none."""
        dataset = cls(folder)
        if not (dataset.folder / "frames").is_dir():
            raise DatasetError(
                f"{folder} is no dataset of faces; "
                f"make one with: toolkit extract SOURCE --out {folder}"
            )
        return dataset

    def frames(self) -> list[FrameRecord]:
        """Every frame tried, oldest first; the newest extraction of an item counts."""
        return [_frame_record(row) for _, row in self._frame_rows()]

    def faces(self, labelled: bool = True) -> Iterator[FaceRecord]:
        """Every face, frame by frame; labels win over detections.

        labelled: False for the detections alone.
        """
        told = defaultdict(list)
        for label in self.labels() if labelled else []:
            told[label.frame_id].append(label)
        by_part: dict[Path, list[dict[str, Any]]] = defaultdict(list)
        for part, row in self._frame_rows():
            by_part[part].append(row)
        for part, rows in by_part.items():
            found: dict[str, dict[str, Face]] = defaultdict(dict)
            for row in _rows(self.folder / "faces" / part.name, FACE_SCHEMA):
                found[row["frame_id"]][row["face_id"]] = row_face(row)
            for row in rows:
                frame = _frame_record(row).frame
                merged = labels.merge(found[frame.frame_id], told[frame.frame_id])
                for face_id, (face, said) in merged.items():
                    yield FaceRecord(face_id, frame, face, said)

    def others(self) -> dict[str, list[list[Face]]]:
        """frame_id -> what extractions that no longer count found on it, one list each."""
        counting = {row["frame_id"]: row["settings"] for _, row in self._frame_rows()}
        found: dict[str, dict[str, list[Face]]] = defaultdict(dict)
        for part in sorted((self.folder / "frames").glob("part-*.parquet")):
            past = [
                row
                for row in _rows(part, FRAME_SCHEMA)
                if counting.get(row["frame_id"], row["settings"]) != row["settings"]
                and row["error"] is None
            ]
            for row in past:
                found[row["frame_id"]][row["settings"]] = []
            if past:
                for row in _rows(self.folder / "faces" / part.name, FACE_SCHEMA):
                    if row["settings"] in found.get(row["frame_id"], {}):
                        found[row["frame_id"]][row["settings"]].append(row_face(row))
        return {frame_id: list(said.values()) for frame_id, said in found.items()}

    def labels(self) -> list[Label]:
        """All labels ever given, oldest first."""
        return labels.read(self.folder / "labels.jsonl")

    def label(self, frame_id: str, face_id: str, face: Face | None, box: Box, who: str) -> Label:
        """Keep what a person said: the corrected face, or None for "not a face" at `box`.

        On the disk when it returns. Raises OSError when it could not be kept.
        """
        at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        label = Label(face_id, frame_id, face, box, who, at)
        self.keep(label)
        return label

    def keep(self, *said: Label) -> None:
        """Keep labels as they stand, all or none. On the disk when it returns; raises OSError."""
        labels.append(self.folder / "labels.jsonl", *said)

    def done(self, settings: dict[str, Any], retry_failed: bool = False) -> set[str]:
        """item_ids that need no work under these settings."""
        wanted = _dump(settings)
        return {
            row["item_id"]
            for _, row in self._frame_rows()
            if row["settings"] == wanted and not (retry_failed and row["error"])
        }

    @contextmanager
    def writer(self, settings: dict[str, Any]) -> Iterator[Writer]:
        """The one writer of this folder; what it was given is kept however the block ends.

        Raises DatasetError when another process writes here or the folder cannot be written.
        """
        try:
            for name in ("frames", "faces"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            lock = (self.folder / ".lock").open("w")
        except OSError as error:
            raise DatasetError(f"{self.folder} cannot be written: {error.strerror}") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DatasetError(
                    f"another toolkit is writing to {self.folder}; "
                    "wait for it, or choose another --out"
                ) from None
            self._sweep()
            writer = Writer(self.folder, settings)
            try:
                yield writer
            finally:
                writer.flush()

    def _sweep(self) -> None:
        """Remove what a killed run left: temporary files, faces whose frames were never written."""
        for left in [*self.folder.glob("*/.part-*")]:
            left.unlink()
        for faces in (self.folder / "faces").glob("part-*.parquet"):
            if not (self.folder / "frames" / faces.name).exists():
                faces.unlink()

    def _frame_rows(self) -> list[tuple[Path, dict[str, Any]]]:
        """(part, row) of the frames that count."""
        by_item: dict[str, list[tuple[Path, dict[str, Any]]]] = {}
        place_of: dict[tuple, str] = {}
        for part in sorted((self.folder / "frames").glob("part-*.parquet")):
            here = defaultdict(list)
            for row in _rows(part, FRAME_SCHEMA):
                here[row["item_id"]].append((part, row))
            for item_id, rows in here.items():
                place = tuple(rows[0][1][name] for name in ("root", "path", "start"))
                by_item.pop(place_of.get(place, ""), None)  # the file there has changed
                place_of[place] = item_id
                by_item[item_id] = rows
        return [pair for pairs in by_item.values() for pair in pairs]


class Writer:
    """Collects rows and writes them as parts, by count or by time."""

    def __init__(self, folder: Path, settings: dict[str, Any]):
        self.folder = folder
        self.settings = _dump(settings)
        self.seconds = 0.0  # spent writing
        self._frames: list[dict[str, Any]] = []
        self._faces: list[dict[str, Any]] = []
        self._began = self._since = time.monotonic()
        numbers = [int(p.name.split("-")[1]) for p in (folder / "frames").glob("part-*.parquet")]
        self._number = max(numbers, default=0)

    def add(self, frames: list[tuple[Frame, list[Face]]]) -> None:
        """All frames of one item, each with its faces."""
        for frame, faces in frames:
            self._frames.append(self._frame_row(frame, None))
            for index, face in enumerate(faces):
                face_id = identify(frame.frame_id, self.settings, index)
                ids = {"face_id": face_id, "frame_id": frame.frame_id, "settings": self.settings}
                self._faces.append(ids | face_row(face))
        self._flush_when_due()

    def fail(self, item: Item, reason: str) -> None:
        """An item that could not be read or searched, with the reason."""
        frame = Frame(identify(item.item_id, None, None), item, 0, 0)
        self._frames.append(self._frame_row(frame, reason))
        self._flush_when_due()

    def flush(self) -> None:
        """Write what was collected as one part. Raises OSError when the disk will not take it."""
        began = time.monotonic()
        if self._frames:
            self._number += 1
            name = f"part-{self._number:06d}-{secrets.token_hex(4)}.parquet"
            for kind, rows, schema in (
                ("faces", self._faces, FACE_SCHEMA),
                ("frames", self._frames, FRAME_SCHEMA),
            ):
                _write_whole(self.folder / kind / name, pa.Table.from_pylist(rows, schema))
            self._frames, self._faces = [], []
        self._since = time.monotonic()
        self.seconds += self._since - began

    def _flush_when_due(self) -> None:
        now = time.monotonic()
        due = min(PART_SECONDS, max(0.5, (now - self._began) / 10))
        if len(self._frames) >= PART_FRAMES or now - self._since >= due:
            self.flush()

    def _frame_row(self, frame: Frame, error: str | None) -> dict[str, Any]:
        item, frame_names = frame.item, ("frame_id", "time", "cut", "x", "y", "width", "height")
        return {
            **{name: getattr(frame, name) for name in frame_names},
            **{name: getattr(item, name) for name in Item.__slots__},
            "error": error,
            "settings": self.settings,
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }


def _write_whole(path: Path, table: pa.Table) -> None:
    temporary = path.with_name("." + path.name)
    try:
        with temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _rows(part: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    try:
        return pq.read_table(part, schema=schema, partitioning=None).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(
            f"{part} is damaged ({error}); delete it and run the same toolkit extract again"
        ) from error


def _frame_record(row: dict[str, Any]) -> FrameRecord:
    item = Item(**{name: row[name] for name in Item.__slots__})
    names = ("frame_id", "width", "height", "time", "cut", "x", "y")
    frame = Frame(item=item, **{name: row[name] for name in names})
    return FrameRecord(frame, row["error"], json.loads(row["settings"]))


def _dump(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True)
