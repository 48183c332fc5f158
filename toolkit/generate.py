"""Cartoons from faces: the jobs behind `toolkit generate` and `toolkit cartoonize`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from data.condition import Asked, contours
from data.crop import cut
from data.dataset import Dataset, is_dataset
from data.errors import InputError
from data.face import Box, Face
from data.formats.plain import read_text
from data.formats.pts import parse
from data.pairs import asked_of, whole
from data.reading import read_whole
from data.sources import list_items
from detectors.palettes import HEX, anchors
from pix2pix.artist import Artist
from pix2pix.proportions import redrawn, shipped
from toolkit.extract import Settings, look

SHOWN = 64  # faces of a sheet
SHEET_WIDE = 4  # faces beside each other


@dataclass(frozen=True, slots=True)
class Wish:
    """What overrules the detected: colours as "#rrggbb" or a palette's name; None leaves it."""

    hair: str | None = None
    eyes: str | None = None
    skin: str | None = None
    gender: str | None = None
    glasses: bool | None = None

    def on(self, asked: Asked) -> Asked:
        """Raises InputError for a colour or gender that is none."""
        count = len(asked)
        changed = {
            name: torch.tensor(rgb_of(name, told)).repeat(count, 1)
            for name in ("hair", "eyes", "skin")
            if (told := getattr(self, name)) is not None
        }
        if self.gender is not None:
            if self.gender not in ("male", "female"):
                raise InputError(f"--gender must be male or female, got {self.gender!r}")
            changed["gender"] = torch.full((count,), 1.0 if self.gender == "male" else -1.0)
        if self.glasses is not None:
            changed["glasses"] = torch.full((count,), 1.0 if self.glasses else -1.0)
        return replace(asked, **changed)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """One picture's faces. pixels: (H, W, 3) uint8 RGB, or None where only points are known."""

    name: str
    pixels: np.ndarray | None
    faces: list[Face]
    error: str | None = None


def rgb_of(part: str, told: str) -> tuple[float, float, float]:
    """sRGB 0 to 1 of "#rrggbb" or of a name of the drawn palette of hair, eyes or skin."""
    names = anchors(part)["drawn"]
    code = told if HEX.fullmatch(told) else names.get(told.replace(" ", "_"), [""])[0]
    if not code:
        raise InputError(
            f"{told!r} is no colour of {part}; say #rrggbb or one of: {', '.join(names)}"
        )
    red, green, blue = (int(code[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def faces_of(sources: Sequence[str], min_score: float, detector: str = "auto") -> Iterator[Faces]:
    """Datasets' frames, .pts files, and pictures searched now; InputError for a wrong one."""
    pictures = []
    for source in sources:
        path = Path(source)
        if is_dataset(path):
            yield from _kept(Dataset.open(path), min_score)
        elif path.suffix.lower() == ".pts":
            points = parse(read_text(path), str(path)).astype(np.float32)
            yield Faces(path.name, None, [_only_points(points)])
        else:
            pictures.append(source)
    if pictures:
        settings = Settings(detector=detector, min_score=min_score)
        for item, found in look(list_items(pictures), settings):
            if isinstance(found, str):
                yield Faces(item.path, None, [], found)
            else:
                for frame, faces in found:
                    yield Faces(frame.name, read_whole(frame)[0], faces)


def _kept(dataset: Dataset, min_score: float) -> Iterator[Faces]:
    for _, records in groupby(dataset.faces(), key=lambda record: record.frame.frame_id):
        whole = list(records)
        faces = [record.face for record in whole if record.face.score >= min_score]
        if faces:
            frame = whole[0].frame
            yield Faces(frame.name, read_whole(frame)[0], faces)


def _only_points(points: np.ndarray) -> Face:
    return Face(Box.around(points), 1.0, points, np.ones(68, np.float32), "drawn", "person points")


def generate(
    artist: Artist,
    told: Iterable[Faces],
    out: Path,
    wish: Wish,
    in_place: bool = False,
    proportions: str = "auto",
    strength: float = 1.0,
    done: Callable[[int], None] = lambda count: None,
) -> dict[str, int]:
    """Draw every face; a picture each in `out`, and `sheet.png` of the first ones.

    in_place: also each picture with its faces drawn back. proportions: "drawn" redraws all faces
    in a drawing's, "kept" none, "auto" those of photos. done: told how many faces are drawn.
    Counts of `faces`, `pictures` and `failed`.
    """
    out.mkdir(parents=True, exist_ok=True)
    counts = {"pictures": 0, "faces": 0, "failed": 0}
    sheet: list[np.ndarray] = []
    for one in told:
        counts["pictures"] += 1
        if one.error:
            counts["failed"] += 1
            continue
        drawn, asked = cartoons(artist, one.faces, wish, proportions, strength)
        stem = out / PurePosixPath(one.name.replace("\\", "/")).with_suffix("")
        stem.parent.mkdir(parents=True, exist_ok=True)
        for number, picture in enumerate(drawn, 1):
            write(stem.with_name(f"{stem.name}_{number}.png"), picture)
        if in_place and one.pixels is not None and len(drawn):
            write(
                stem.with_name(f"{stem.name}.png"), put_back(artist, one.pixels, one.faces, drawn)
            )
        for face, picture, lines in zip(one.faces, drawn, _lines(artist, asked), strict=True):
            if len(sheet) < SHOWN:
                sheet.append(np.hstack([_before(artist, one, face), lines, picture]))
        counts["faces"] += len(drawn)
        done(counts["faces"])
    if sheet:
        write(out / "sheet.png", tiled(sheet, SHEET_WIDE))
    return counts


def cartoons(
    artist: Artist, faces: list[Face], wish: Wish, proportions: str = "auto", strength: float = 1.0
) -> tuple[np.ndarray, Asked]:
    """(N, side, side, 3) uint8 RGB of N faces, and what was asked for."""
    asked = wish_free = asked_of(faces, artist.crop)
    if proportions != "kept" and faces:
        photo, drawn = shipped()
        moved = redrawn(wish_free, photo, drawn, strength)
        which = [proportions == "drawn" or face.domain == "photo" for face in faces]
        asked = _chosen(torch.tensor(which), moved, wish_free)
    asked = whole(wish.on(asked))
    return artist.draw(asked), asked


def _chosen(which: torch.Tensor, one: Asked, other: Asked) -> Asked:
    def choose(name: str) -> torch.Tensor:
        first, second = getattr(one, name), getattr(other, name)
        return torch.where(which.view(-1, *[1] * (first.dim() - 1)), first, second)

    return replace(one, **{name: choose(name) for name in ("points", "hair", "eyes", "skin")})


def put_back(
    artist: Artist, pixels: np.ndarray, faces: list[Face], drawn: np.ndarray
) -> np.ndarray:
    """The picture with its faces drawn over, fading at the squares' rims. (H, W, 3) uint8 RGB."""
    whole = pixels.astype(np.float32)
    side = artist.crop.side
    at = np.abs((np.arange(side) + 0.5) / side * 2 - 1)
    fade = np.clip((1 - np.maximum(at[:, None], at[None])) / 0.2, 0, 1).astype(np.float32)
    size = (pixels.shape[1], pixels.shape[0])
    for face, picture in sorted(zip(faces, drawn, strict=True), key=lambda pair: pair[0].score):
        matrix = artist.crop.matrix(face)
        over = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_CUBIC)
        share = cv2.warpAffine(fade, matrix, size)[..., None]
        whole = whole * (1 - share) + over * share
    return whole.round().astype(np.uint8)


def _before(artist: Artist, one: Faces, face: Face) -> np.ndarray:
    side = artist.crop.side
    if one.pixels is None:
        return np.full((side, side, 3), 255, np.uint8)
    return cut(one.pixels, artist.crop.matrix(face), side)


def _lines(artist: Artist, asked: Asked) -> np.ndarray:
    side = artist.crop.side
    if not len(asked):
        return np.zeros((0, side, side, 3), np.uint8)
    made = 1 - contours(asked.points, asked.seen, side).amax(1)
    return (made[..., None].expand(-1, -1, -1, 3) * 255).byte().numpy()


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """A bar of how many are done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}"))
    with Progress(*columns, TimeElapsedColumn(), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda count: shown.update(task, completed=count)


def tiled(pictures: list[np.ndarray], wide: int) -> np.ndarray:
    """Pictures of one size in rows of `wide`, a white line between, white where there is none."""
    edge = 4
    framed = [np.pad(one, ((0, edge), (0, edge), (0, 0)), constant_values=255) for one in pictures]
    wide = min(wide, len(framed))
    framed += [np.full_like(framed[0], 255)] * (-len(framed) % wide)
    rows = [np.hstack(framed[at : at + wide]) for at in range(0, len(framed), wide)]
    return np.vstack(rows)


def write(path: Path, pixels: np.ndarray) -> None:
    """A PNG of (H, W, 3) uint8 RGB. Raises OSError when the disk will not take it."""
    path.write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
