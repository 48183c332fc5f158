"""How well drawn and photographed faces are read that nothing was learnt from.

    python benchmarks/held.py ../shared/sets

Points: on the faces of labels/key_points.json that are marked held, as `drawn` places them when
told where they are, on those of free_drawings.zip (free_drawings.py packs it) apart; of those
learnt from, every eighth. Their size is the root of the area that their labelled points span.
Gender and glasses: on the third of drawn_gender.zip and the fifth of photo_gender.zip held out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from machine import heading

from data.face import Box, Face
from detectors import recipes, sets
from detectors.drawn import DrawnDetector, Found
from detectors.examples import MIDDLES
from detectors.photo import PhotoDetector

LABELS = Path(__file__).parent / "labels" / "key_points.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, help="folder of the zips")
    options = parser.parse_args()
    if not (options.sets / "drawn_gender.zip").is_file():
        print(f"{options.sets} holds no drawn_gender.zip", file=sys.stderr)
        return 2
    print(heading())
    drawn = DrawnDetector(min_score=0)
    for free in (False, True):
        for held in (False, True):
            faces = list(sets.labelled(LABELS, options.sets, held, free=free))[:: 1 if held else 8]
            off = np.array([_off(drawn, pixels, points) for pixels, points, _ in faces])
            if not len(off):
                continue
            print(
                f"points, {len(off)} {'free drawings' if free else 'faces'} "
                f"{'held out' if held else 'learnt from'}: mean {off.mean():.3f} median "
                f"{np.median(off):.3f} under 6 % {(off < 0.06).mean():.2f}"
            )
    places = list(sets.faceless(LABELS, options.sets, held=True))
    taken = [drawn.place(pixels, [Found(Box(*box), 0.6)]) for pixels, box in places]
    likely = sum(face.score >= 0.5 for faces in taken for face in faces)
    print(f"{len(places)} places held out where nobody sees a face: {likely} taken for one")
    again = list(sets.labelled(LABELS, options.sets, held=True, said="again"))
    off = np.array([_off(drawn, pixels, points) for pixels, points, _ in again])
    print(f"points, {len(off)} of those held out as labelled again unseen: mean {off.mean():.3f}")
    rows = []
    for pixels, traits in recipes.gendered(options.sets, held_out=True):
        rows.append((recipes.filling(pixels, drawn), *traits[1:]))
    _told("drawn_gender", "male", ((truth, _male(face)) for face, truth, _ in rows))
    worn = ((truth, None if f.glasses is None else f.glasses > 0.5) for f, _, truth in rows)
    _told("drawn_gender", "glasses", worn)
    photo = PhotoDetector(min_score=0)
    read = []
    for pixels, _, man in recipes.photographed(options.sets, held_out=True):
        placed = [photo.place(pixels, found) for found in photo.find(pixels)]
        [face] = photo.read(pixels, [max(placed, key=lambda face: face.score)])
        read.append((float(man), _male(face)))
    _told("photo_gender", "male", read)
    return 0


def _off(detector: DrawnDetector, pixels: np.ndarray, points: np.ndarray) -> float:
    known = np.isfinite(points).all(1)
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    [face] = detector.place(pixels, [Found(Box(*low, *(high - low)), 1.0)])
    middles = [face.landmarks[[a, b]].mean(0) for _, a, b in MIDDLES.values()]
    found = np.vstack([face.landmarks, middles])
    apart = np.linalg.norm(found[known] - points[known], axis=1)
    return float(apart.mean() / np.sqrt((high - low).prod()))


def _male(face: Face) -> bool | None:
    return None if face.gender is None else face.gender.name == "male"


def _told(name: str, trait: str, rows: Iterable[tuple[float, bool | None]]) -> None:
    known = [(truth == 1, told) for truth, told in rows if not np.isnan(truth)]
    right = {
        anything: np.mean(
            [
                np.mean([told == truth for truth, told in known if truth == is_so
                         and (told is not None or not anything)])
                for is_so in (False, True)
            ]
        )
        for anything in (True, False)
    }  # fmt: skip
    told = np.mean([told is not None for _, told in known])
    print(
        f"{name}, {trait}, {len(known)} faces: balanced {right[True]:.3f} of the {told:.0%} told "
        f"anything, {right[False]:.3f} with nothing told as wrong"
    )


if __name__ == "__main__":
    sys.exit(main())
