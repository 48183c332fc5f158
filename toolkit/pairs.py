"""Conditions beside pictures, for other people's trainers: the job behind `toolkit pairs`."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from data.condition import contours
from data.pairs import Bank, split
from pix2pix.augment import batch
from pix2pix.proportions import hex_of

FORMATS = ("sides", "webdataset", "4d")
SHARD = 1000  # pairs of a WebDataset shard


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One face's square. picture, condition: (S, S, 3) uint8 RGB; lines: (S, S) uint8."""

    face_id: str
    side: str
    picture: np.ndarray
    condition: np.ndarray
    lines: np.ndarray
    about: dict[str, object]


def write(
    faces: Bank, name: str, out: Path, done: Callable[[int], None] = lambda count: None
) -> dict[str, int]:
    """Write all pairs in one of FORMATS; how many lie in `train` and `test`.

    sides: `train/ID.png`, condition left and picture right, as pytorch-CycleGAN-and-pix2pix reads
    with --dataset_mode aligned --direction AtoB. webdataset: `train-000000.tar` of ID.picture.png,
    ID.condition.png and ID.json. 4d: `train/ID.png` with four channels, the fourth the landmarks'
    lines. Points in the JSON are pixels of the square, with pixel centres at integers.
    """
    counts = {"train": 0, "test": 0}
    out.mkdir(parents=True, exist_ok=True)
    shards: dict[str, tarfile.TarFile] = {}
    try:
        for number, pair in enumerate(pairs(faces), 1):
            if name == "webdataset":
                if counts[pair.side] % SHARD == 0:
                    if pair.side in shards:
                        shards[pair.side].close()
                    shard = out / f"{pair.side}-{counts[pair.side] // SHARD:06d}.tar"
                    shards[pair.side] = tarfile.open(shard, "w")  # noqa: SIM115
                _add(shards[pair.side], pair)
            else:
                folder = out / pair.side
                folder.mkdir(exist_ok=True)
                whole = (
                    np.hstack([pair.condition, pair.picture])
                    if name == "sides"
                    else np.dstack([pair.picture, pair.lines])
                )
                (folder / f"{pair.face_id}.png").write_bytes(_png(whole))
            counts[pair.side] += 1
            done(number)
    finally:
        for opened in shards.values():
            opened.close()
    return counts


def pairs(faces: Bank) -> Iterator[Pair]:
    """Every square of a bank, as it is, and on which side of the split it lies."""
    _, held = split(faces)
    test = set(held.tolist())
    side = faces.crop.side
    for index in range(len(faces)):
        shown = batch(faces, torch.tensor([index]))
        picture = ((shown.pictures[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
        asked = shown.asked
        planes = contours(asked.points, torch.ones_like(asked.seen), side)[0].numpy()
        colours = {name: getattr(asked, name)[0].numpy() for name in ("hair", "eyes", "skin")}
        about = {
            "points": (asked.points[0] * side - 0.5).numpy().round(3).tolist(),
            "point_scores": asked.seen[0].numpy().round(3).tolist(),
            **{key: hex_of(v) if np.isfinite(v).all() else None for key, v in colours.items()},
            "gender": round(float(asked.gender[0]), 3),
            "glasses": round(float(asked.glasses[0]), 3),
            "source": faces.sources[index],
        }
        yield Pair(
            faces.face_ids[index],
            "test" if index in test else "train",
            picture,
            _coloured(planes, colours),
            (planes.max(0) * 255).round().astype(np.uint8),
            about,
        )


def _coloured(planes: np.ndarray, colours: dict[str, np.ndarray]) -> np.ndarray:
    """(S, S, 3) uint8: a face's lines in black over its colours: hair around, skin, irises."""
    side = planes.shape[1]
    told = {name: np.nan_to_num(value, nan=0.5) for name, value in colours.items()}
    outline = (planes[0] > 0.3).astype(np.uint8)
    ring, _ = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    inner = np.zeros((side, side), np.uint8)
    cv2.drawContours(inner, ring, -1, 1, -1)
    canvas = np.where(inner[..., None], told["skin"], told["hair"])
    canvas = canvas * (1 - planes[6][..., None]) + told["eyes"] * planes[6][..., None]
    canvas = canvas * (1 - planes[:6].max(0)[..., None])
    return (np.clip(canvas, 0, 1) * 255).round().astype(np.uint8)


def _png(pixels: np.ndarray) -> bytes:
    order = [2, 1, 0, 3][: pixels.shape[2]]
    return cv2.imencode(".png", np.ascontiguousarray(pixels[..., order]))[1].tobytes()


def _add(shard: tarfile.TarFile, pair: Pair) -> None:
    for suffix, content in (
        ("picture.png", _png(pair.picture)),
        ("condition.png", _png(pair.condition)),
        ("json", json.dumps(pair.about).encode()),
    ):
        head = tarfile.TarInfo(f"{pair.face_id}.{suffix}")
        head.size = len(content)
        shard.addfile(head, io.BytesIO(content))
