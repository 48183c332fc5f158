"""Pictures a generator drew, held against what it was asked for: `toolkit evaluate pictures`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import detectors
from data.crop import cut
from data.dataset import Dataset, FaceRecord
from data.face import Colour, Face, lab_of
from data.formats.pictures import with_pixels
from data.pairs import Crop, bank
from detectors.attributes import Describer
from pix2pix.artist import Artist
from pix2pix.augment import batch
from pix2pix.proportions import hex_of
from pix2pix.scores import interval, kernel_distance, nearest, sliced_wasserstein
from toolkit.evaluate import ciede2000
from toolkit.generate import Wish, cartoons, tiled, write
from toolkit.train import PointReader, features_of

GROUPS = ("all", "female", "male", "glasses", "no glasses")
SURE = 0.5  # how far from not told a trait must be asked for, to count as kept or lost
SHOWN = 60  # pictures of the sheet


class Eyes:
    """Reads drawn pictures again, as `toolkit extract` would."""

    def __init__(self) -> None:
        self._detector = detectors.load("drawn")
        self._describer = Describer()

    def read(self, picture: np.ndarray) -> Face | None:
        """The likeliest face of (S, S, 3) uint8 RGB with its colours, if it is told at 0.5."""
        [faces] = self._detector.detect([picture])
        faces = [face for face in faces if face.score >= 0.5][:1]
        described = self._describer.describe(picture, self._describer.ground(picture, None, faces))
        return described[0] if described else None


def drawn_again(
    artist: Artist,
    dataset: Dataset,
    most: int,
    out: Path,
    proportions: str = "auto",
    done: Callable[[int], None] = lambda count: None,
) -> dict[str, dict[str, Any]]:
    """Draw faces that the generator did not learn from, and read them again, by group.

    most: faces at most, spread over the dataset. Writes `sheet.png` in `out`: found, drawn. Points
    asked for against points found are shares of the longer side of the face; colours CIEDE2000.
    The judge of points, gender and glasses is the network that also taught the generator, so they
    flatter it; the colours' judge taught nothing.
    """
    records = _unseen(dataset, artist)
    spread = np.linspace(0, len(records) - 1, min(most, len(records)))
    records = [records[int(at)] for at in spread]
    eyes = Eyes()
    rows: list[dict[str, Any]] = []
    sheet: list[np.ndarray] = []
    pictures: list[np.ndarray] = []
    for number, (record, pixels) in enumerate(with_pixels(records), 1):
        drawn, asked = cartoons(artist, [record.face], Wish(), proportions)
        read = eyes.read(drawn[0])
        told = {
            name: getattr(asked, name)[0] for name in ("hair", "eyes", "skin", "gender", "glasses")
        }
        rows.append(row_of(record.face, read, told, asked.points[0].numpy(), artist.crop))
        pictures.append(drawn[0])
        if len(sheet) < SHOWN:
            before = cut(pixels, artist.crop.matrix(record.face), artist.crop.side)
            sheet.append(np.hstack([before, drawn[0]]))
        done(number)
    if sheet:
        out.mkdir(parents=True, exist_ok=True)
        write(out / "sheet.png", tiled(sheet, 6))
    answer = by_group(rows)
    if len(pictures) > 1:
        answer["all"] |= _as_sets(artist, dataset, records, np.stack(pictures))
    return answer


def _unseen(dataset: Dataset, artist: Artist) -> list[FaceRecord]:
    """Faces kept apart in training; all of a dataset the generator never saw."""
    records = [record for record in dataset.faces() if record.face.score >= 0.5]
    held = set(artist.about.get("held", []))
    apart = [record for record in records if record.face_id in held]
    return apart or records


def row_of(
    face: Face, read: Face | None, told: dict[str, Tensor], points: np.ndarray, crop: Crop
) -> dict[str, Any]:
    """What of a face, and of what was told of it, is read in its drawing.

    points: (68, 2) where they were asked for, in shares of the crop's square.
    """
    gender, glasses = float(told["gender"]), float(told["glasses"])
    groups = ["all"]
    groups += ["male" if gender > 0 else "female"] if abs(gender) > SURE else []
    groups += ["glasses" if glasses > 0 else "no glasses"] if abs(glasses) > SURE else []
    row: dict[str, Any] = {"groups": groups, "found": float(read is not None)}
    if read is None:
        return row
    at = (read.landmarks + 0.5) / crop.side
    row["points"] = float(np.linalg.norm(at - points, axis=1).mean() * crop.reach)
    for name, said in (("hair", read.hair), ("eyes", read.left_eye), ("skin", read.skin)):
        asked = told[name].numpy()
        if said and np.isfinite(asked).all():
            row[f"{name} distance"] = ciede2000(lab_of(hex_of(asked)), lab_of(said.hex))
    for name, was, is_ in (
        ("hair", face.hair, read.hair),
        ("eyes", face.left_eye, read.left_eye),
    ):
        if was and face.domain == "drawn":
            row[f"{name} name kept"] = float(is_ is not None and _same(was, is_))
    if abs(gender) > SURE and read.gender:
        row["gender kept"] = float((gender > 0) == (read.gender.name == "male"))
    if abs(glasses) > SURE and read.glasses is not None:
        row["glasses kept"] = float((glasses > 0) == (read.glasses > 0.5))
    return row


def by_group(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows of each group that has some, summed."""
    answer = {name: summed([row for row in rows if name in row["groups"]]) for name in GROUPS}
    return {name: row for name, row in answer.items() if row["pictures"]}


def _same(one: Colour, other: Colour) -> bool:
    return one.name == other.name


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Means with 95 % bootstrap intervals."""
    made: dict[str, Any] = {"pictures": len(rows)}
    for name in ("found", "points", "hair name kept", "hair distance", "eyes name kept",
                 "eyes distance", "skin distance", "gender kept", "glasses kept",
                 "background drift"):  # fmt: skip
        values = torch.tensor([row[name] for row in rows if name in row])
        if len(values):
            mean, low, high = interval(values)
            made[name] = mean
            made[f"{name}, 95 %"] = [round(low, 4), round(high, 4)]
    return made


def _as_sets(
    artist: Artist, dataset: Dataset, records: Sequence[FaceRecord], pictures: np.ndarray
) -> dict[str, Any]:
    """Distances of all pictures together to the real ones, and to those learnt from."""
    made = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    ids = {record.face_id for record in records}
    real = bank([dataset], artist.crop, lambda record: record.face_id in ids)
    shown = batch(real, torch.arange(len(real)))
    seen = made * shown.known + shown.pictures * (1 - shown.known)
    reader = PointReader(artist.crop, "cpu")
    own, theirs = features_of(reader, seen), features_of(reader, shown.pictures)
    kid, error = kernel_distance(own, theirs)
    answer: dict[str, Any] = {
        "wasserstein": sliced_wasserstein(seen / 2 + 0.5, shown.pictures / 2 + 0.5),
        "KID, own features": kid,
        "KID, standard error": error,
        "diversity": float(1 - _alike(own)),
        "diversity of real": float(1 - _alike(theirs)),
    }
    held = set(artist.about.get("held", []))
    learnt = bank([dataset], artist.crop, lambda r: bool(held) and r.face_id not in held)
    if len(learnt):
        shown = batch(learnt, torch.arange(len(learnt)))
        known = features_of(reader, shown.pictures)
        answer["nearest learnt"] = float(nearest(own, known).mean())
        answer["nearest learnt, of real"] = float(nearest(theirs, known).mean())
    return answer


def _alike(features: Tensor) -> Tensor:
    """Mean cosine of two different rows."""
    unit = torch.nn.functional.normalize(features, dim=1)
    count = len(unit)
    return ((unit @ unit.T).sum() - count) / (count * (count - 1))
