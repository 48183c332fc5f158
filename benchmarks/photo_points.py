"""How near the photo detector's 68 points come to people's, for several maps from the mesh.

    python benchmarks/photo_points.py          the table, on half B of ../shared/sets/photo_68.zip
    python benchmarks/photo_points.py --fit    first fits detectors/mesh68.json again, on half A

Halves are by source picture, so that no picture is in both.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from data.face import Box, Face
from data.landmarks import JAW, LEFT_BROW, LEFT_EYE, NOSE_BASE, NOSE_BRIDGE, OUTER_LIPS
from detectors import mesh68
from detectors.finding import Finder
from detectors.fit_offsets import fit_offsets, mesh_at
from detectors.mesh import Mesh
from detectors.mesh68 import VERTICES, frame_of
from detectors.photo import PhotoDetector

HERE = Path(__file__).resolve().parents[1]
LABELLED = HERE.parent / "shared" / "sets" / "photo_68.zip"
PARTS = {
    "jaw": slice(JAW.start, JAW.stop),
    "brows": slice(LEFT_BROW.start, NOSE_BRIDGE.start),
    "nose": slice(NOSE_BRIDGE.start, NOSE_BASE.stop),
    "eyes": slice(LEFT_EYE.start, OUTER_LIPS.start),
    "mouth": slice(OUTER_LIPS.start, 68),
}
Map = Callable[[np.ndarray], np.ndarray]

# fmt: off
# The list in MaixPy and LatentSync 1.5, the most copied.
COPIED = np.array([
    162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389,
    71, 63, 105, 66, 107, 336, 296, 334, 293, 301, 168, 197, 5, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
])
# PeizhiYan/Mediapipe_2_Dlib_Landmarks: as COPIED but for these, some the mean of two vertices.
AVERAGED = {
    0: (127,), 3: (132, 58), 4: (58, 172), 6: (150,), 7: (176,), 9: (400,), 10: (379,),
    12: (397, 288), 13: (361,), 16: (356,), 17: (70,), 26: (300,), 27: (168, 6), 28: (197, 195),
    55: (321,), 59: (91,),
}
# fmt: on


def averaged(mesh: np.ndarray) -> np.ndarray:
    points = mesh[COPIED, :2].copy()
    for point, vertices in AVERAGED.items():
        points[point] = mesh[list(vertices), :2].mean(0)
    return points


def shifted(mesh: np.ndarray) -> np.ndarray:
    """The constant part of the offsets alone."""
    face = frame_of(mesh)
    return face.outside(face.inside(mesh)[VERTICES, :2] + mesh68.shipped().weights[0])


MAPS: dict[str, Map] = {
    "A copied": lambda mesh: mesh[COPIED, :2],
    "B averaged": averaged,
    "C vertices": lambda mesh: mesh[VERTICES, :2],
    "C + constant": shifted,
    "ours": lambda mesh: mesh68.shipped().landmarks(mesh),
}


def labelled(half: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, pixels and landmarks of one half (0 is A, 1 is B).

    One pixel is taken off the labels, as off every iBUG file: mirrored pictures show the labels
    1.07 px too far right (mean over both ways), and tilted faces 1.2 right and 1.15 down (+-.2).
    """
    with ZipFile(LABELLED) as archive:
        for name in sorted(archive.namelist()):
            stem = name.removesuffix(".jpg")
            if stem == name or half_of(stem) != half:
                continue
            text = archive.read(f"{stem}.pts").decode()
            numbers = text.split("{")[1].split("}")[0].split()
            points = np.array(numbers, float).reshape(68, 2) - 1
            yield stem, np.asarray(Image.open(BytesIO(archive.read(name))).convert("RGB")), points


def half_of(stem: str) -> int:
    """`afw_1051618982_1` is face 1 of picture 1051618982: all its faces go to one half."""
    return int(sha256(stem.rsplit("_", 1)[0].encode()).hexdigest(), 16) % 2


def errors(points: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(68,) distances in per cent of the distance of the outer eye corners."""
    return np.linalg.norm(points - truth, axis=1) / np.linalg.norm(truth[45] - truth[36]) * 100


def matched(faces: list[Face], truth: np.ndarray) -> Face | None:
    """The face whose box overlaps the labelled one most, by half at least."""
    best = max(faces, key=lambda face: face.box.overlap(Box.around(truth)), default=None)
    return best if best and best.box.overlap(Box.around(truth)) >= 0.5 else None


def row(name: str, found: str, found_errors: list[np.ndarray]) -> str:
    """One line of the table; errors: (68,) a face."""
    all_errors = np.array(found_errors)
    means = all_errors.mean(1)
    parts = " ".join(f"{all_errors[:, part].mean():6.2f}" for part in PARTS.values())
    failed = (means > 10).mean() * 100
    return (
        f"{name:22} {found:>7} {means.mean():6.2f} {np.median(means):6.2f} {failed:7.2f}  {parts}"
    )


def table() -> Iterator[str]:
    """The lines of the table, from half B."""
    detector, finder, mesh = PhotoDetector(), Finder(), Mesh()
    by_map: dict[str, list[np.ndarray]] = {name: [] for name in MAPS}
    own: list[np.ndarray] = []
    as_given: list[np.ndarray] = []
    asked = 0
    scores, near = [], []
    for _, pixels, truth in labelled(1):
        asked += 1
        points = mesh_at(finder, mesh, pixels, truth)
        for name, to_68 in MAPS.items():
            if points is not None:
                by_map[name].append(errors(to_68(points), truth))
        face = matched(detector.detect([pixels])[0], truth)
        if face:
            own.append(errors(face.landmarks, truth))
            as_given.append(errors(face.landmarks, truth + 1))
            scores.append(face.landmark_scores)
            near.append(own[-1] < 5)
    yield f"{'map':22} {'found %':>7} {'mean':>6} {'median':>6} {'>10% %':>7}  " + " ".join(
        f"{name:>6}" for name in PARTS
    )
    for name, found_errors in by_map.items():
        yield row(name, f"{len(found_errors) / asked * 100:.1f}", found_errors)
    found = f"{len(own) / asked * 100:.1f}"
    yield row("detector", found, own)
    yield row("detector, labels as is", found, as_given)
    yield "landmark_scores: said, and true share within 5 %, of points by score"
    yield from reliability(np.concatenate(scores), np.concatenate(near))
    yield f"{asked} faces"


def reliability(scores: np.ndarray, near: np.ndarray) -> Iterator[str]:
    for low in np.arange(0, 1, 0.2):
        inside = (scores >= low) & (scores < low + 0.2 + 1e-6)
        if inside.sum() >= 100:
            yield f"  {scores[inside].mean():.2f} {near[inside].mean():.2f} ({inside.sum()} points)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="Fit detectors/mesh68.json on half A.")
    arguments = parser.parse_args()
    if not LABELLED.exists():
        print(f"{LABELLED} is not there: the labelled photos are needed.", file=sys.stderr)
        sys.exit(2)
    if arguments.fit:
        numbers = fit_offsets((pixels, points) for _, pixels, points in labelled(0))
        text = json.dumps(numbers, separators=(",", ":"))
        (HERE / "detectors" / "mesh68.json").write_text(text + "\n", "utf-8")
    commit = subprocess.run(
        ["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    ).stdout.strip()
    print(date.today(), platform.machine(), platform.processor(), "commit", commit)
    started = time.perf_counter()
    for line in table():
        print(line)
    print(f"{time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
