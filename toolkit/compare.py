"""Systems held against each other on the same photos: the job behind `toolkit compare`."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from data.crop import cut
from data.errors import InputError
from data.face import Face
from data.pairs import Crop, asked_of, foreground, middle
from pix2pix import checkpoint
from pix2pix.artist import SHIPPED, Artist, checkpoint_file
from pix2pix.augment import batch
from pix2pix.scores import kernel_distance, sliced_wasserstein
from pix2pix.trainer import SPEED
from toolkit.generate import Faces, Wish, cartoons, write
from toolkit.judge import Eyes, by_group, row_of
from toolkit.train import PointReader, features_of
from toolkit.unpaired import cartoonist, load

SIDE = 128  # pixels at which all outputs are scored and shown
SHOWN = 40  # photos of the sheet
STRENGTH = 0.8  # as `toolkit cartoonize`
COLUMNS = (
    "pictures", "found", "wasserstein", "KID, own features", "points", "hair distance",
    "gender kept, female", "gender kept, male", "glasses kept, glasses", "glasses kept, no glasses",
    "background drift", "parameters, M", "ms a picture", "learnt pictures a second", "side",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Contestant:
    """A system that draws a photo's face.

    square: of a photo and its face the square it is given, as a matrix (2, 3). draw: the photo
    and its face to (side, side, 3) uint8 RGB.
    """

    name: str
    side: int
    parameters: int
    speed: float | None
    square: Callable[[np.ndarray, Face], np.ndarray]
    draw: Callable[[np.ndarray, Face], np.ndarray]
    drawings: Path | None


def compare(
    runs: Sequence[Path],
    told: Iterable[Faces],
    out: Path,
    drawings: Path | None = None,
    device: str | None = None,
    done: Callable[[int], None] = lambda count: None,
) -> dict[str, dict[str, Any]]:
    """Every run's drawing of each photo's likeliest face, read again; a row of scores a system.

    drawings: what wasserstein and KID are measured against; default: what the first baseline
    learnt from, as long as it is there. Writes `sheet.png`, `index.html` and `comparison.json` in
    `out`; both begin with the photos as they are, which tells how well the judges read. Points are
    compared to the photo's own, in shares of the face's longer side; a system that redraws
    proportions moves them on purpose. The judge of points, gender and glasses is the
    network that taught our pix2pix, so they flatter it. Raises InputError when there is nothing
    to compare.
    """
    contestants = [one for run in runs if (one := _contestant(run, device))]
    if not contestants:
        raise InputError("none of the runs holds a checkpoint; train one with toolkit train")
    names = Counter(one.name for one in contestants)
    if twice := [name for name, count in names.items() if count > 1 or name in ("photo", "ours")]:
        raise InputError(f"a row cannot be called {twice[0]!r}, name that run's folder otherwise")
    contestants = [_unchanged(contestants[0]), *contestants, *filter(None, [_shipped(device)])]
    photos = [(one.pixels, max(one.faces, key=lambda face: face.score))
              for one in told if one.pixels is not None and one.faces]  # fmt: skip
    if not photos:
        raise InputError("no photo shows a face; name others with --inputs")
    out.mkdir(parents=True, exist_ok=True)
    eyes, columns, answer = Eyes(), [], {}
    reference = _reference(drawings or next(filter(None, (c.drawings for c in contestants)), None))
    for number, contestant in enumerate(contestants):
        made, rows, spent = [], [], []
        contestant.draw(*photos[0])  # what is done only once is not timed
        for count, (pixels, face) in enumerate(photos, 1):
            began = perf_counter()
            drawn = contestant.draw(pixels, face)
            spent.append(perf_counter() - began)
            rows.append(_scored(contestant, pixels, face, drawn, eyes))
            made.append(_sized(drawn))
            done(number * len(photos) + count)
        columns.append(made)
        answer[contestant.name] = {
            **_row(by_group(rows)),
            **_as_sets(np.stack(made), reference),
            "parameters, M": contestant.parameters / 1e6,
            "ms a picture": float(np.median(spent)) * 1000,
            "learnt pictures a second": contestant.speed,
            "side": contestant.side,
        }
    _pages(out, columns, answer)
    return answer


def _contestant(run: Path, device: str | None) -> Contestant | None:
    """A run's system; None for a path that holds no run, as runs/* may name."""
    kept = run.glob("*.safetensors") if run.is_dir() else [run]
    if run.exists() and not any(path.suffix == ".safetensors" for path in kept):
        return None
    about, _ = checkpoint.load(checkpoint_file(run))
    if about["system"] == "pix2pix":
        return _ours(run.name, Artist(run, device), _speed(run))
    maker = cartoonist(run, device)

    def square(pixels: np.ndarray, face: Face) -> np.ndarray:
        return maker.crop.matrix(face) if maker.aligned else middle(pixels, maker.crop.side)

    def draw(pixels: np.ndarray, face: Face) -> np.ndarray:
        return maker.draw(cut(pixels, square(pixels, face), maker.crop.side)[None])[0]

    source = Path(about["drawings"]["source"])
    learnt = source if source.exists() else None
    return Contestant(
        run.name, maker.crop.side, maker.parameters, _speed(run), square, draw, learnt
    )


def _unchanged(other: Contestant) -> Contestant:
    """What another system is given, as it is: how well the judges read photos."""

    def draw(pixels: np.ndarray, face: Face) -> np.ndarray:
        return cut(pixels, other.square(pixels, face), other.side)

    return Contestant("photo", other.side, 0, None, other.square, draw, None)


def _shipped(device: str | None) -> Contestant | None:
    """Our own generator, where it is shipped."""
    if not (files("pix2pix") / "weights" / SHIPPED).is_file():
        return None
    return _ours("ours", Artist(None, device), None)


def _ours(name: str, artist: Artist, speed: float | None) -> Contestant:
    def draw(pixels: np.ndarray, face: Face) -> np.ndarray:
        return cartoons(artist, [face], Wish(), "drawn", STRENGTH)[0][0]

    def square(pixels: np.ndarray, face: Face) -> np.ndarray:
        return artist.crop.matrix(face)

    return Contestant(name, artist.crop.side, artist.parameters, speed, square, draw, None)


def _speed(run: Path) -> float | None:
    """Pictures a second a run learnt from, the median of its log but for the first line."""
    log = run / "log.jsonl"
    if not log.is_file():
        return None
    told = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    speeds = [line[SPEED] for line in told if SPEED in line]
    return float(np.median(speeds[1:] or speeds)) if speeds else None


def _scored(
    contestant: Contestant, pixels: np.ndarray, face: Face, drawn: np.ndarray, eyes: Eyes
) -> dict[str, Any]:
    side, matrix = contestant.side, contestant.square(pixels, face)
    size = np.sqrt(abs(np.linalg.det(matrix[:, :2]))) * side  # frame pixels
    crop = Crop(side, size / max(face.box.width, face.box.height))
    asked = asked_of([face], crop)
    names = ("hair", "eyes", "skin", "gender", "glasses")
    told = {name: getattr(asked, name)[0] for name in names}
    ends = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    points = (face.landmarks @ ends[:, :2].T + ends[:, 2] + 0.5) / side
    row = row_of(face, eyes.read(drawn), told, points, crop)
    behind = foreground(face, matrix, side) < 128
    if behind.any():
        before = cut(pixels, matrix, side).astype(np.float32)
        row["background drift"] = float(np.abs(drawn - before)[behind].mean() / 255)
    return row


def _row(groups: dict[str, dict[str, Any]]) -> dict[str, Any]:
    row = dict(groups["all"])
    for trait, names in (("gender", ("female", "male")), ("glasses", ("glasses", "no glasses"))):
        for name in names:
            row[f"{trait} kept, {name}"] = groups.get(name, {}).get(f"{trait} kept")
            row[f"{trait} kept, {name}, pictures"] = groups.get(name, {}).get("pictures", 0)
    return row


def _reference(source: Path | None) -> Tensor | None:
    """(N, 3, SIDE, SIDE), -1 to 1, of the drawings that outputs should look like."""
    if source is None:
        return None
    made = load(source, Crop(SIDE))
    return batch(made, torch.arange(len(made))).pictures


def _as_sets(made: np.ndarray, reference: Tensor | None) -> dict[str, Any]:
    if reference is None:
        return {}
    own = torch.from_numpy(made).permute(0, 3, 1, 2).float() / 127.5 - 1
    count = min(len(own), len(reference))
    spread = torch.linspace(0, len(reference) - 1, count).long()
    reader = PointReader(Crop(SIDE), "cpu")
    kid, error = kernel_distance(features_of(reader, own), features_of(reader, reference))
    return {
        "wasserstein": sliced_wasserstein(own[:count] / 2 + 0.5, reference[spread] / 2 + 0.5),
        "KID, own features": kid,
        "KID, standard error": error,
    }


def _sized(picture: np.ndarray) -> np.ndarray:
    how = cv2.INTER_AREA if picture.shape[0] > SIDE else cv2.INTER_CUBIC
    return cv2.resize(picture, (SIDE, SIDE), interpolation=how)


def _pages(out: Path, columns: list[list[np.ndarray]], answer: dict[str, dict[str, Any]]) -> None:
    heads = [np.full((20, SIDE, 3), 255, np.uint8) for _ in answer]
    for head, name in zip(heads, answer, strict=True):
        cv2.putText(head, name[:20], (3, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 1,
                    cv2.LINE_AA)  # fmt: skip
    rows = [np.hstack(list(row)) for row in zip(*columns, strict=True)][:SHOWN]
    write(out / "sheet.png", np.vstack([np.hstack(heads), *rows]))
    text = json.dumps(answer, indent=1, ensure_ascii=False) + "\n"
    (out / "comparison.json").write_text(text, "utf-8")
    (out / "index.html").write_text(_html(out / "sheet.png", answer), "utf-8")


def _html(sheet: Path, answer: dict[str, dict[str, Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("system", *COLUMNS))
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(f"<td>{number(row.get(column))}</td>" for column in COLUMNS)
        + "</tr>\n"
        for name, row in answer.items()
    )
    picture = base64.b64encode(sheet.read_bytes()).decode()
    return (
        '<!doctype html><meta charset="utf-8"><title>toolkit compare</title>'
        "<style>body{font:14px sans-serif}td{text-align:right}td,th{padding:.2em .6em}"
        "img{max-width:100%;image-rendering:pixelated}</style>\n"
        f"<table>\n<tr>{head}</tr>\n{body}</table>\n"
        f'<img alt="photo beside each system\'s drawing" src="data:image/png;base64,{picture}">\n'
    )


def number(value: float | None) -> str:
    """As a table shows it."""
    return "" if value is None else f"{value:.4g}"
