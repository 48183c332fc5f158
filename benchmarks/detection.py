"""Every detector on the hand-labelled drawings: recall, precision, point error, time a frame.

    python benchmarks/detection.py ../shared/real [--detectors auto,animeface] [--kinds …]

A detection is right when its box overlaps a labelled face by IoU 0.3. Faces marked hard are
neither asked for nor counted against; `nonhuman_other` boxes count neither way. Point error is
the mean over a face's labelled key points, in shares of the face's size (root of the box's area).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from machine import heading

import detectors
from data.face import Box, Face

RIGHT = 0.3  # intersection over union


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real", type=Path, help="folder with labels.json and the pictures")
    parser.add_argument("--detectors", default="auto,photo,animeface,cascade")
    parser.add_argument("--cascade", type=Path, help="default: ../peers/lbpcascade_animeface.xml")
    parser.add_argument("--min-score", type=float, default=0.5)
    options = parser.parse_args()
    truth = options.real / "labels.json"
    if not truth.is_file():
        print(f"{truth} does not exist: give the folder of hand-labelled pictures", file=sys.stderr)
        return 2
    images = json.loads(truth.read_text("utf-8"))["images"]
    cascade = options.cascade or options.real.parent / "peers" / "lbpcascade_animeface.xml"
    print(heading())
    print(f"{len(images)} pictures, likelihood at least {options.min_score}\n")
    print(
        f"{'detector':10} {'kind':14} {'recall':>14} {'precision':>14} "
        f"{'error mean':>10} {'median':>7} {'<6 %':>6} {'ms/frame':>9}"
    )
    for name in options.detectors.split(","):
        detector = detectors.load(name, cascade=str(cascade) if name == "cascade" else None)
        score(name, detector, options.real, images, options.min_score)
    return 0


def score(name: str, detector: Any, real: Path, images: list[dict], least: float) -> None:
    """Print one row a kind and one for all."""
    rows: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for image in images:
        pixels = cv2.cvtColor(cv2.imread(str(real / image["file"])), cv2.COLOR_BGR2RGB)
        began = time.perf_counter()
        faces = [face for face in detector.detect([pixels])[0] if face.score >= least]
        spent = time.perf_counter() - began
        for kind in (image["file"].split("/")[0], "all"):
            rows[kind]["ms"].append(spent * 1000)
            for key, values in compare(faces, image).items():
                rows[kind][key] += values
    for kind, row in rows.items():
        errors = np.array(row["error"] or [np.nan])
        found, asked, false = sum(row["found"]), len(row["found"]), len(row["false"])
        right = sum(row["right"])
        print(
            f"{name:10} {kind:14} {found:4.0f}/{asked:3} = {found / max(asked, 1):.2f} "
            f"{right:4.0f}/{right + false:3.0f} = {right / max(right + false, 1):.2f} "
            f"{errors.mean():10.3f} {np.median(errors):7.3f} {(errors < 0.06).mean():6.2f} "
            f"{np.mean(row['ms']):9.0f}"
        )
    print()


def compare(faces: list[Face], image: dict) -> dict[str, list[float]]:
    """found: 1 or 0 a face asked for; right and false: detections; error: a matched face."""
    left = list(image["faces"])
    answer: dict[str, list[float]] = {"found": [], "right": [], "false": [], "error": []}
    for face in sorted(faces, key=lambda face: -face.score):
        best = max(left, key=lambda one: Box(*one["box"]).overlap(face.box), default=None)
        if best is not None and Box(*best["box"]).overlap(face.box) >= RIGHT:
            left.remove(best)
            if not best["hard"]:
                answer["right"].append(1)
                answer["found"].append(1)
            if best.get("keypoints") and not best["hard"]:
                answer["error"].append(point_error(face.landmarks, best))
        elif not any(
            Box(*box).overlap(face.box) >= RIGHT for box in image.get("nonhuman_other") or []
        ):
            answer["false"].append(1)
    answer["found"] += [0] * sum(not face["hard"] for face in left)
    return answer


def point_error(landmarks: np.ndarray, truth: dict) -> float:
    """Mean distance over the labelled points; 37.5 is the middle of 37 and 38."""
    distances = [
        np.linalg.norm(landmarks[[int(float(key)), int(float(key) + 0.5)]].mean(0) - point)
        for key, point in truth["keypoints"].items()
        if point
    ]
    return float(np.mean(distances)) / Box(*truth["box"]).size


if __name__ == "__main__":
    sys.exit(main())
