"""How often hair and eye names agree with people's, and how far hair and skin colours are off.

    python benchmarks/colours.py ../shared

Names: on the hand-labelled drawings, the mean face laid over their key points. Colours: on faces
whose hair and skin somebody picked, found by animeface. Tags that come with whole sets of faces
are no truth: those of anime_faces_tagged_96.zip do not belong to its pictures.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from machine import heading
from PIL import Image

from data.face import Box, Face, lab_of
from detectors.animeface import AnimefaceDetector
from detectors.attributes import Describer
from detectors.pose import canonical

NONE = ("nothing", 0.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder with real/ and sets/")
    options = parser.parse_args()
    labels = options.shared / "real" / "labels.json"
    if not labels.is_file():
        print(f"{labels} does not exist: give the folder of labelled faces", file=sys.stderr)
        return 2
    print(heading())
    describer, detector = Describer(), AnimefaceDetector()
    score("hand-labelled", labelled_faces(labels), describer)
    distances(options.shared / "real" / "anime_face_rgb", detector, describer)
    return 0


Labelled = tuple[np.ndarray, Face, str | None, str | None]


def labelled_faces(path: Path) -> Iterator[Labelled]:
    """Drawn faces with the mean face laid over their labelled key points."""
    for image in json.loads(path.read_text("utf-8"))["images"]:
        pixels = None
        for label in image["faces"]:
            if label["hard"] or not label["keypoints"]:
                continue
            points = laid(label["keypoints"])
            if points is None:
                continue
            if pixels is None:
                bgr = cv2.imread(str(path.parent / image["file"]))
                pixels = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
            whole = np.ones(68, np.float32)
            face = Face(Box(*map(float, label["box"])), 1.0, points, whole, "drawn", "person")
            eyes = label["eyes"] if label.get("eye_style") != "closed" else None
            yield pixels, face, label["hair"], eyes


def laid(keypoints: dict[str, list[float] | None]) -> np.ndarray | None:
    """(68, 2) float32: the mean face, affine, to the key points; each eye again to its own four."""
    model = canonical()[:, :2]
    at = {key: np.array(point, float) for key, point in keypoints.items() if point}

    def place(key: str) -> np.ndarray:
        low = int(float(key))
        return model[low] if key.isdigit() else (model[low] + model[low + 1]) / 2

    def affine(keys: list[str]) -> np.ndarray:
        source = np.array([[*place(key), 1] for key in keys])
        return np.linalg.lstsq(source, np.array([at[key] for key in keys]), rcond=None)[0]

    if len(at) < 6:
        return None
    homogeneous = np.column_stack([model, np.ones(68)])
    points = homogeneous @ affine(list(at))
    for first in (36, 42):
        own = [key for key in at if first <= float(key) < first + 6]
        if len(own) == 4:
            points[first : first + 6] = homogeneous[first : first + 6] @ affine(own)
    return points.astype(np.float32)


def score(name: str, faces: Iterator[Labelled], describer: Describer) -> None:
    """Print agreement, overall and where our confidence is above the median, and confusions."""
    told: dict[str, list[tuple[str, str, float]]] = {"hair": [], "eyes": []}
    seconds = []
    for pixels, face, hair, eyes in faces:
        [grounded] = describer.ground(pixels, None, [face])
        began = time.perf_counter()
        [one] = describer.describe(pixels, [grounded])
        seconds.append(time.perf_counter() - began)
        iris = max((one.left_eye, one.right_eye), key=lambda eye: eye.confidence if eye else -1)
        for part, colour, true in (("hair", one.hair, hair), ("eyes", iris, eyes)):
            if true not in (None, "unknown"):
                told[part].append((true, *((colour.name, colour.confidence) if colour else NONE)))
    print(f"\n{name}: {len(seconds)} faces, {np.median(seconds) * 1000:.1f} ms each")
    for part, answers in told.items():
        right = np.array([true == said for true, said, _ in answers])
        sure = np.array([confidence for *_, confidence in answers])
        missed = sum(said == NONE[0] for _, said, _ in answers)
        print(
            f"  {part}: {right.sum()}/{len(right)} = {right.mean():.1%} right, "
            f"{right[sure >= np.median(sure)].mean():.1%} of the surer half; {missed} not told"
        )
        wrong = Counter((true, said) for true, said, _ in answers if true != said)
        print("   ", ", ".join(f"{a} as {b} {n}" for (a, b), n in wrong.most_common(12)))


def distances(folder: Path, detector: AnimefaceDetector, describer: Describer) -> None:
    """Print how far hair and skin are from colours picked by somebody, in CIELAB."""
    gaps: dict[str, list[float]] = {"hair": [], "skin": []}
    for row in csv.DictReader((folder / "color.csv").open()):
        path = folder / f"jonathonyan__{row['file']}"
        if not path.is_file():
            continue
        pixels = np.asarray(Image.open(path).convert("RGB"))
        faces = describer.ground(pixels, None, detector.detect([pixels])[0][:1])
        for face in describer.describe(pixels, faces):
            for part, colour in (("hair", face.hair), ("skin", face.skin)):
                true = "#" + "".join(f"{int(row[f'{part}_{c}']):02x}" for c in "rgb")
                if colour:
                    gaps[part].append(float(np.linalg.norm(lab_of(true) - lab_of(colour.hex))))
    print("\ndistance to picked colours (CIE 1976)")
    for part, values in gaps.items():
        print(
            f"  {part}: median {np.median(values):.1f}, 90 % under "
            f"{np.percentile(values, 90):.1f}, {len(values)} faces"
        )


if __name__ == "__main__":
    sys.exit(main())
