"""Every detector on the hand-labelled drawings, side by side: finds, points, time a frame.

    python benchmarks/drawn.py ../shared/real [--detectors drawn,auto,...] [--save scores.json]

A detection is right when its box overlaps a labelled face by IoU 0.3. Faces marked hard are
neither asked for nor counted against; `nonhuman_other` boxes count neither way. `union` is
animeface's and the cascade's finds together; `whole` is animeface as the library alone runs, on
frames in their full size, where ours shrinks them first. Point error: `toolkit evaluate
landmarks`. The labels seem to count from a pixel's corner, ours count from its middle; so the
error is told with half a pixel taken off them, too. Time on one core: to find faces with points,
gender and glasses; with colours and pose as well; and all that `toolkit extract` does on a frame,
which also cuts out the foreground.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from machine import heading

import detectors
from data.face import Face
from data.frame import Frame
from data.sources import list_items
from data.truth import read_truth
from detectors.animeface import AnimefaceDetector
from detectors.attributes import Describer
from detectors.finding import each_once
from toolkit import evaluate


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real", type=Path, help="folder with labels.json and the pictures")
    parser.add_argument("--detectors", default="drawn,auto,photo,animeface,whole,cascade,union")
    parser.add_argument("--cascade", type=Path, help="default: ../peers/lbpcascade_animeface.xml")
    parser.add_argument("--likelihood", type=float, default=0.5)
    parser.add_argument("--save", type=Path, help="all scores, as JSON")
    parser.add_argument("--worst", type=Path, help="the worst faces of the first, as a picture")
    options = parser.parse_args()
    truth = options.real / "labels.json"
    if not truth.is_file():
        print(f"{truth} does not exist: give the folder of hand-labelled pictures", file=sys.stderr)
        return 2
    cascade = options.cascade or options.real.parent / "peers" / "lbpcascade_animeface.xml"
    cv2.setNumThreads(1)
    known = read_truth(truth)
    describer = Describer()
    print(heading())
    print(f"{len(known)} pictures, likelihood at least {options.likelihood}\n")
    print(
        f"{'detector':10} {'kind':14} {'recall':>15} {'precision':>15} {'AP':>5} "
        f"{'mean':>6} {'median':>6} {'<6 %':>5} {'find ms':>8} {'told ms':>8} {'all ms':>8}"
    )
    saved = {}
    seen: dict[str, dict[str, list[Face]]] = defaultdict(dict)
    for name in options.detectors.split(","):
        made, spent = [], defaultdict(list)
        if name == "whole":
            detector = AnimefaceDetector(whole=True)
        elif name != "union":
            told = str(cascade) if name == "cascade" else None
            detector = detectors.load(name, cascade=told)
        if name != "union":
            detector.detect([np.zeros((64, 64, 3), np.uint8)])  # what is loaded once takes no time
        for path, picture in known.items():
            kind = path.split("/")[0]
            pixels = cv2.cvtColor(cv2.imread(str(options.real / path)), cv2.COLOR_BGR2RGB)
            began = time.perf_counter()
            if name == "union":
                both = [*seen["animeface"].get(path, []), *seen["cascade"].get(path, [])]
                faces = each_once(sorted(both, key=lambda face: -face.score))
            else:
                faces = detector.detect([pixels])[0]
            found = time.perf_counter()
            if name != "union":
                likely = [face for face in faces if face.score >= options.likelihood]
                describer.describe(pixels, likely)
                told = time.perf_counter()
                describer.describe(pixels, describer.ground(pixels, None, likely))
                whole = time.perf_counter() - told
                for at in (kind, "all"):
                    spent[at].append((found - began, told - began, found - began + whole))
            seen[name][path] = faces
            [item] = list_items([options.real / path])
            frame = Frame("", item, pixels.shape[1], pixels.shape[0])
            made += evaluate.paired(frame, path, picture, faces, evaluate.OVERLAP)
        scores = evaluate.detections(made, options.likelihood)
        sure = [pair for pair in made if not pair.face or pair.face.score >= options.likelihood]
        points = evaluate.landmarks(sure)
        for kind, row in scores.items():
            off, times = points[kind], np.mean(spent[kind] or [[0.0] * 3], 0) * 1000
            print(
                f"{name:10} {kind:14} {row['right']:4}/{row['asked']:3} = {row['recall'] or 0:.2f} "
                f"{row['right']:4}/{row['told']:3} = {row['precision'] or 0:.2f} "
                f"{row['AP'] or 0:5.2f} {off.get('mean', np.nan):6.3f} "
                f"{off.get('median', np.nan):6.3f} {1 - off.get('over 6%', np.nan):5.2f} "
                f"{times[0]:8.0f} {times[1]:8.0f} {times[2]:8.0f}"
            )
        print(f"{name:10} points by part: " + ", ".join(
            f"{part} {error:.3f}" for part, error in points["all"].get("parts", {}).items()
        ))  # fmt: skip
        inward = evaluate.landmarks([_inward(pair) for pair in sure])["all"]
        if inward["found"]:
            right, down = _apart(sure)
            print(f"{name:10} labels lie {right:+.2f} {down:+.2f} pixels off points in the median; "
                  f"mean {points['all']['mean']:.4f} as they stand, with half a pixel taken off "
                  f"{inward['mean']:.4f}, {1 - inward['over 6%']:.2f} under 6 %")  # fmt: skip
        print(f"{name:10} scores foretell errors: rank correlation "
              f"{points['all'].get('rank correlation') or np.nan:.2f}", flush=True)  # fmt: skip
        gender = evaluate.attributes(sure)["all"]["gender"]
        if gender["told"]:
            print(f"{name:10} gender: balanced {gender['balanced accuracy']:.3f} of the "
                  f"{gender['told']:.0%} told anything, {gender['balanced accuracy of all']:.3f} "
                  "with nothing told as wrong\n", flush=True)  # fmt: skip
        saved[name] = {"detections": scores, "landmarks": points, "gender": gender}
        if options.worst and len(saved) == 1:
            evaluate.worst(made, options.worst)
    if options.save:
        options.save.write_text(json.dumps(saved, indent=1) + "\n", "utf-8")
    return 0


def _apart(pairs: list[evaluate.Pair]) -> np.ndarray:
    """How far right and down of what was found the labels lie, pixels, in the median."""
    off = [
        pair.known.points - pair.face.landmarks[pair.known.between].mean(1)
        for pair in pairs
        if pair.known is not None and pair.face is not None
    ]
    return np.median(np.concatenate(off), 0)


def _inward(pair: evaluate.Pair) -> evaluate.Pair:
    if pair.known is None:
        return pair
    return replace(pair, known=replace(pair.known, points=pair.known.points - 0.5))


if __name__ == "__main__":
    sys.exit(main())
