"""Faces of datasets as aligned squares in memory, each with what a generator is to be asked.

One crop rule (`Crop`) makes the squares, is kept in every checkpoint and is used again when a
picture is generated, so that training and use see the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

import cv2
import numpy as np
import torch
from torch import Tensor

from data.condition import Asked
from data.crop import cut, inside, square, upright_square
from data.dataset import Dataset, FaceRecord
from data.face import Colour, Face, lab_of
from data.formats.pictures import with_pixels
from data.landmarks import MIRRORED

MARGIN = 1.15  # the bank's squares reach so much farther than the crop, for shifting and turning
ALIKE = 0.97  # correlation of two thumbnails from which pictures are near-duplicates
THUMBNAIL = 16  # pixels
GROUND = 64  # pixels of the foreground that is asked for
SOURCES = 5  # folders from which on a folder is a source, not each file


@dataclass(frozen=True, slots=True)
class Crop:
    """The square of a face: turned so that its eyes are level.

    side: pixels. reach: side in the longer side of the face's box. raised: how much higher than
    the box's the middle is, in the box's longer side.
    """

    side: int = 128
    reach: float = 1.9
    raised: float = 0.1

    def matrix(self, face: Face) -> np.ndarray:
        """(2, 3) float64: crop pixels to frame pixels."""
        return self._matrix(face, self.reach, self.side)

    def _matrix(self, face: Face, reach: float, side: int) -> np.ndarray:
        matrix = upright_square(face.box, face.landmarks, reach, side)
        up = matrix[:, 1] * (self.raised / reach * side)
        return np.column_stack([matrix[:, :2], matrix[:, 2] - up])

    def shares(self, face: Face) -> np.ndarray:
        """(68, 2) float32: the landmarks in shares of the square, 0 at its first edge to 1."""
        points = inside(self.matrix(face), face.landmarks.astype(np.float64))
        return ((points + 0.5) / self.side).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Bank:
    """N aligned squares and what they show.

    pictures: (N, 3, K, K) uint8 RGB, K = crop.side * MARGIN; the crop is its middle.
    inside: (N, 1, K, K) uint8, 1 where the frame reaches, 0 beyond its edge.
    asked: of the crop, so shares of points may lie outside 0 to 1; `seen` holds landmark scores.
    face_ids: N. sources: N, what is split by.
    """

    crop: Crop
    pictures: Tensor
    inside: Tensor
    asked: Asked
    face_ids: list[str]
    sources: list[str]

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, which: Tensor) -> Bank:
        chosen = which.tolist()
        return Bank(
            self.crop,
            self.pictures[which],
            self.inside[which],
            self.asked[which],
            [self.face_ids[index] for index in chosen],
            [self.sources[index] for index in chosen],
        )

    def to(self, device: torch.device | str) -> Bank:
        moved = (self.pictures.to(device), self.inside.to(device), self.asked.to(device))
        return Bank(self.crop, *moved, self.face_ids, self.sources)


def bank(
    datasets: Iterable[Dataset],
    crop: Crop,
    wanted: Callable[[FaceRecord], bool] = lambda _: True,
    shown: Callable[[int], None] = lambda _: None,
    background: str = "kept",
) -> Bank:
    """Every wanted face of the datasets; labels win over detections.

    shown: told how many faces are done. background: "kept", or "white" where the dataset knows
    the foreground. Raises UnreadableError when a picture is gone.
    """
    side = round(crop.side * MARGIN / 2) * 2
    wide = Crop(side, crop.reach * side / crop.side, crop.raised)
    pictures, inner, faces, grounds, ids, sources = [], [], [], [], [], []
    for dataset in datasets:
        records = [record for record in dataset.faces() if wanted(record)]
        sources += _sources(records)
        for record, pixels in with_pixels(records):
            matrix = wide._matrix(record.face, wide.reach, side)
            picture = cut(pixels, matrix, side)
            if background == "white" and record.face.foreground:
                share = _foreground(record.face, matrix, side)[..., None] / 255
                picture = (picture * share + 255 * (1 - share)).round().astype(np.uint8)
            pictures.append(picture)
            inner.append(cut(np.ones(pixels.shape[:2], np.uint8), matrix, side, border=0))
            faces.append(record.face)
            grounds.append(_ground(record.face, crop))
            ids.append(record.face_id)
            shown(len(ids))
    stacked = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
    whole = np.stack(inner) if inner else np.zeros((0, side, side), np.uint8)
    return Bank(
        crop,
        torch.from_numpy(stacked).permute(0, 3, 1, 2).contiguous(),
        torch.from_numpy(whole)[:, None],
        replace(asked_of(faces, crop), foreground=_stacked(grounds)),
        ids,
        _united(sources, stacked),
    )


def asked_of(faces: list[Face], crop: Crop) -> Asked:
    """What a generator must be asked for to draw these faces again."""
    if not faces:
        none = torch.zeros(0, 3)
        empty = torch.zeros(0)
        return Asked(torch.zeros(0, 68, 2), torch.zeros(0, 68), none, none, none, empty, empty)
    points = np.stack([crop.shares(face) for face in faces])
    scores = np.stack([face.landmark_scores for face in faces])
    gender = [_gender(face) for face in faces]
    glasses = [0.0 if face.glasses is None else face.glasses * 2 - 1 for face in faces]
    eyes = [_mean(face.left_eye, face.right_eye) for face in faces]
    return Asked(
        torch.from_numpy(np.nan_to_num(points, nan=0.5)),
        torch.from_numpy(np.where(np.isfinite(points[..., 0]), scores, 0).astype(np.float32)),
        _colours([_rgb(face.hair) for face in faces]),
        _colours(eyes),
        _colours([_rgb(face.skin) for face in faces]),
        torch.tensor(gender),
        torch.tensor(glasses, dtype=torch.float32),
    )


def mirrored(asked: Asked, which: Tensor) -> Asked:
    """What to ask for the pictures flipped left to right where `which` (N,) is true."""
    order = torch.from_numpy(MIRRORED).to(asked.points.device)
    across = torch.stack([1 - asked.points[..., 0], asked.points[..., 1]], 2)
    points = torch.where(which[:, None, None], across[:, order], asked.points)
    seen = torch.where(which[:, None], asked.seen[:, order], asked.seen)
    foreground = asked.foreground
    if foreground is not None:
        foreground = torch.where(which[:, None, None], foreground.flip(2), foreground)
    rest = (asked.hair, asked.eyes, asked.skin, asked.gender, asked.glasses)
    return Asked(points, seen, *rest, foreground)


def split(bank: Bank, held: float = 0.1) -> tuple[Tensor, Tensor]:
    """Indices to learn from and indices kept apart, by source.

    held: about the share kept apart. A source's side comes from its name alone, so more data
    never moves a picture from one side to the other.
    """
    places = torch.tensor([_place(source) for source in bank.sources])
    return torch.nonzero(places >= held).flatten(), torch.nonzero(places < held).flatten()


def _place(source: str) -> float:
    return int.from_bytes(blake2b(source.encode(), digest_size=4).digest(), "big") / 2**32


def _sources(records: list[FaceRecord]) -> list[str]:
    """Folder (episode, series, person) where there are some, else file; never the face."""
    folders = [record.frame.item.path.rpartition("/")[0] for record in records]
    if len(set(folders)) >= SOURCES:
        return folders
    return [record.frame.item.path for record in records]


def _united(sources: list[str], pictures: np.ndarray) -> list[str]:
    """The sources, those that share a near-duplicate picture under one name."""
    if len(pictures) < 2:
        return sources
    grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    size = (THUMBNAIL, THUMBNAIL)
    small = np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in grey])
    flat = small.reshape(len(small), -1).astype(np.float32)
    flat -= flat.mean(1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    name = {source: source for source in sources}

    def first(source: str) -> str:
        while name[source] != source:
            source = name[source]
        return source

    for start in range(0, len(flat), 1024):
        near = flat[start : start + 1024] @ flat.T > ALIKE
        for row, column in zip(*np.nonzero(near), strict=True):
            if start + row < column:
                one, other = sorted((first(sources[start + row]), first(sources[column])))
                name[other] = one
    return [first(source) for source in sources]


def _foreground(face: Face, matrix: np.ndarray, side: int) -> np.ndarray:
    """(side, side) uint8: the face's foreground mask, on a crop."""
    assert face.foreground is not None
    box, mask = face.foreground.box, face.foreground.mask
    own = square(*box.centre, box.width, len(mask))
    whole = np.vstack([own, [0, 0, 1]])
    to_mask = (np.linalg.inv(whole) @ np.vstack([matrix, [0, 0, 1]]))[:2]
    return cut(mask, to_mask, side, border=0)


def _ground(face: Face, crop: Crop) -> np.ndarray | None:
    """(GROUND, GROUND) uint8: the face's foreground mask, on its crop; None where there is none."""
    if face.foreground is None:
        return None
    return _foreground(face, Crop(GROUND, crop.reach, crop.raised).matrix(face), GROUND)


def _stacked(grounds: list[np.ndarray | None]) -> Tensor | None:
    if all(ground is None for ground in grounds):
        return None
    none = np.full((GROUND, GROUND), np.nan, np.float32)
    whole = [none if ground is None else np.float32(ground) / 255 for ground in grounds]
    return torch.from_numpy(np.stack(whole))


def _gender(face: Face) -> float:
    if face.gender is None:
        return 0.0
    return face.gender.score if face.gender.name == "male" else -face.gender.score


def _rgb(colour: Colour | None) -> np.ndarray:
    if colour is None:
        return np.full(3, np.nan, np.float32)
    return np.array([int(colour.hex[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def _mean(one: Colour | None, other: Colour | None) -> np.ndarray:
    """Of both irises; of very unlike ones (heterochromia) the first."""
    if one and other and np.linalg.norm(lab_of(one.hex) - lab_of(other.hex)) > 40:
        return _rgb(one)
    told = [_rgb(colour) for colour in (one, other) if colour]
    return np.mean(told, 0) if told else _rgb(None)


def _colours(values: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(values).astype(np.float32))
