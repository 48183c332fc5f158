"""How often hair and eye names agree with people's, and how far hair and skin colours are off.

    python benchmarks/colours.py ../shared

Names: on 300 tagged faces named by eye (labels/colours.json), as `drawn` finds them, a face not
found counting as wrong; half of them was tuned on. And on the hand-labelled drawings, the mean
face laid over their key points. Distances: on faces whose hair and skin somebody picked.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from machine import heading
from PIL import Image

from data.face import Box, Colour, Face, lab_of
from detectors.animeface import AnimefaceDetector
from detectors.attributes import Describer
from detectors.drawn import DrawnDetector
from detectors.pose import canonical
from toolkit.evaluate import ciede2000

NONE = ("nothing", 0.0)
LABELS = Path(__file__).parent / "labels" / "colours.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder with real/ and sets/")
    options = parser.parse_args()
    labels = options.shared / "real" / "labels.json"
    if not labels.is_file():
        print(f"{labels} does not exist: give the folder of labelled faces", file=sys.stderr)
        return 2
    print(heading())
    cv2.setNumThreads(1)
    describer, detector = Describer(), AnimefaceDetector()
    tagged(options.shared / "sets" / "anime_faces_tagged_96.zip", describer)
    score("hand-labelled", labelled_faces(labels), describer)
    distances(options.shared / "real" / "anime_face_rgb", detector, describer)
    return 0


Names = str | list[str] | None  # a list where one would waver, the likelier first


def tagged(archive: Path, describer: Describer) -> None:
    """Print how often the names of faces named by eye are told, on each half of them."""
    labels = json.loads(LABELS.read_text("utf-8"))
    members: dict[str, dict[str, Names]] = labels["members"]
    detector = DrawnDetector()
    told = {}
    for name, pixels in pictures(archive, list(members)):
        faces = describer.ground(pixels, None, detector.detect([pixels])[0][:1])
        told[name] = describer.describe(pixels, faces)
    found = sum(map(bool, told.values()))
    print(f"\ntagged, named by eye: {len(members)} faces, {found} found as they are, 96 px")
    tuned = halves(members)[0]
    for half in (False, True):
        print("  not tuned on" if not half else "  tuned on")
        those = [name for name in members if (name in tuned) is half]
        answers = {
            "hair": {name: one.hair.name for name in those for one in told[name] if one.hair},
            "eyes": {name: eye.name for name in those for one in told[name] if (eye := surer(one))},
        }
        for part, said in answers.items():
            agreement(part, {name: members[name][part] for name in those}, said)
    with zipfile.ZipFile(archive) as file:
        rows = list(csv.DictReader(file.read("tags.csv").decode().splitlines()))
    print("  the set's tags, read right")
    for part, column in (("hair", "eyes"), ("eyes", "hair")):
        said = {row["file"]: labels[f"{part}_of_tag"][row[column]] for row in rows}
        agreement(part, {name: label[part] for name, label in members.items()}, said)


def halves(members: dict[str, dict[str, Names]]) -> tuple[set[str], set[str]]:
    """The half that may be looked at, and the other."""
    names = sorted(members, key=lambda name: int(Path(name).stem))
    random.Random(0).shuffle(names)
    return set(names[: len(names) // 2]), set(names[len(names) // 2 :])


def pictures(archive: Path, names: list[str]) -> Iterator[tuple[str, np.ndarray]]:
    with zipfile.ZipFile(archive) as file:
        for name in names:
            bgr = cv2.imdecode(np.frombuffer(file.read(name), np.uint8), cv2.IMREAD_COLOR)
            yield name, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def surer(face: Face) -> Colour | None:
    return max((face.left_eye, face.right_eye), key=lambda eye: eye.confidence if eye else -1)


def agreement(part: str, known: dict[str, Names], said: dict[str, str]) -> None:
    """Print how often the first name is told, or one of those that one would waver between."""
    asked = {
        name: [names] if isinstance(names, str) else names for name, names in known.items() if names
    }
    strict = np.mean([said.get(name) == names[0] for name, names in asked.items()])
    either = np.mean([said.get(name) in names for name, names in asked.items()])
    wavering = np.mean([len(names) > 1 for names in asked.values()])
    print(
        f"    {part}: of {len(asked)}, {either:.1%} a name one would give, {strict:.1%} the "
        f"likeliest; {wavering:.0%} have two"
    )
    wrong = Counter(
        (names[0], said.get(name, NONE[0]))
        for name, names in asked.items()
        if said.get(name) not in names
    )
    print("     ", ", ".join(f"{a} as {b} {n}" for (a, b), n in wrong.most_common(8)))


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
        for part, colour, true in (("hair", one.hair, hair), ("eyes", surer(one), eyes)):
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
    """Print how far hair and skin are from colours picked by somebody, CIE 1976 and 2000."""
    gaps: dict[str, list[tuple[float, float]]] = {"hair": [], "skin": []}
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
                    two = lab_of(true), lab_of(colour.hex)
                    gaps[part].append((float(np.linalg.norm(two[0] - two[1])), ciede2000(*two)))
    print("\ndistance to picked colours")
    for part, values in gaps.items():
        for kind, gap in zip(("CIE 1976", "CIEDE2000"), np.array(values).T, strict=True):
            print(
                f"  {part}, {kind}: median {np.median(gap):.1f}, 90 % under "
                f"{np.percentile(gap, 90):.1f}, {len(gap)} faces"
            )


if __name__ == "__main__":
    sys.exit(main())
