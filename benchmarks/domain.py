"""How often a picture is rightly called a photo or a drawing, by the picture alone.

    python benchmarks/domain.py          the table, on pictures that were not fitted on
    python benchmarks/domain.py --fit    first fits detectors/domain.json again

Fitted on up to 1000 pictures of each training set, scored on others of the same sets and on the
real pictures by kind, none of which was fitted on. `auto` also asks its finders.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from io import BytesIO
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from machine import heading
from PIL import Image

from detectors import domain

HERE = Path(__file__).resolve().parents[1]
SHARED = HERE.parent / "shared"
# Set and folder in it -> whether it is drawn, and how many of its pictures are fitted on.
SETS = {
    ("selfies", ""): (False, 1000),
    ("photo_68", ""): (False, 1000),
    ("photo_gender", ""): (False, 1000),
    ("anime_faces_256", ""): (True, 1000),
    ("anime_faces_tagged_96", ""): (True, 1000),
    ("drawn_gender", ""): (True, 300),
    ("drawn_scenes", ""): (True, 250),
    ("drawn_patches_64", "face/"): (True, 300),
    ("drawn_patches_64", "not_face/"): (True, 300),
}
SCORED = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fit", action="store_true", help="fit detectors/domain.json first")
    options = parser.parse_args()
    if not (SHARED / "sets").is_dir():
        print(f"{SHARED / 'sets'} does not exist: the training sets lie there", file=sys.stderr)
        return 2
    print(heading())
    if options.fit:
        fit()
    print(f"\n{'kind':24} {'drawn':>5} {'pictures':>8} {'right':>6} {'surely wrong':>12}")
    for (name, folder), (drawn, fitted) in SETS.items():
        score(f"{name} {folder}", drawn, of_set(name, folder, fitted, fitted + SCORED))
    for folder in sorted((SHARED / "real").iterdir()):
        if folder.is_dir():
            score(folder.name, not folder.name.startswith("photo"), of_folder(folder))
    return 0


def fit() -> None:
    """Write detectors/domain.json."""

    def pictures(wanted: bool) -> Iterator[np.ndarray]:
        return chain.from_iterable(
            of_set(name, folder, 0, count)
            for (name, folder), (drawn, count) in SETS.items()
            if drawn is wanted
        )

    numbers = domain.fit(pictures(False), pictures(True))
    (HERE / "detectors" / "domain.json").write_text(json.dumps(numbers))


def of_set(name: str, folder: str, start: int, stop: int) -> Iterator[np.ndarray]:
    """Pictures of a set in an order of chance that is always the same."""
    with ZipFile(SHARED / "sets" / f"{name}.zip") as archive:
        names = [
            one
            for one in sorted(archive.namelist())
            if one.startswith(folder) and one.endswith((".jpg", ".png"))
        ]
        random.Random(1).shuffle(names)
        for one in names[start:stop]:
            yield np.array(Image.open(BytesIO(archive.read(one))).convert("RGB"))


def of_folder(folder: Path) -> Iterator[np.ndarray]:
    for path in sorted(folder.iterdir()):
        if path.suffix in (".jpg", ".png"):
            yield np.array(Image.open(path).convert("RGB"))


def score(kind: str, drawn: bool, pictures: Iterator[np.ndarray]) -> None:
    """Surely wrong: the other side's likelihood over .9."""
    told = np.array([domain.drawn_likelihood(pixels) for pixels in pictures])
    if not len(told):
        return
    right = told if drawn else 1 - told
    print(
        f"{kind:24} {'yes' if drawn else 'no':>5} {len(told):8} "
        f"{(right > 0.5).mean():6.3f} {(right < 0.1).mean():12.3f}"
    )


if __name__ == "__main__":
    sys.exit(main())
