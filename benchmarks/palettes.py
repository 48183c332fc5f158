"""Move the drawn anchors of hair.json and eyes.json to where people's names of colours lie.

    python benchmarks/palettes.py ../shared

Generalised learning vector quantisation (Sato & Yamada 1996) on the colours that
`detectors.colours` sees, from the anchors that are there; learns from the `fitting` faces of
labels/colours.json and the half of its members that may be looked at. Writes the palettes.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from colours import LABELS, Names, halves, pictures

from data.face import lab_of
from detectors.attributes import Describer
from detectors.colours import LIGHTNESS, hex_of, samples
from detectors.drawn import DrawnDetector

PALETTES = Path(__file__).parents[1] / "detectors" / "palettes"
EPOCHS = 40
RATE = 0.1
# How much of its way an anchor goes back after each epoch: these faces have few dull eyes.
HOLD = {"hair": 0.02, "eyes": 0.1}
SURE = 0.3  # how often only the likelier name is right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shared", type=Path, help="folder with sets/")
    archive = parser.parse_args().shared / "sets" / "anime_faces_tagged_96.zip"
    if not archive.is_file():
        print(f"{archive} does not exist: give the folder of tagged faces", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    labels = json.loads(LABELS.read_text("utf-8"))
    looked_at = {name: labels["members"][name] for name in halves(labels["members"])[0]}
    known = dict(sorted({**labels["fitting"], **looked_at}.items()))
    seen = medians(archive, list(known))
    for part in ("hair", "eyes"):
        told = [
            (colours[part], listed(known[name][part]))
            for name, colours in seen.items()
            if part in colours and known[name][part]
        ]
        path = PALETTES / f"{part}.json"
        palettes = json.loads(path.read_text("utf-8"))
        palettes["drawn"] = moved(palettes["drawn"], told, HOLD[part])
        path.write_text(written(palettes), "utf-8")
        print(f"{path.name}: {len(told)} faces")
    return 0


def listed(names: Names) -> list[str]:
    return [names] if isinstance(names, str) else names or []


def medians(archive: Path, names: list[str]) -> dict[str, dict[str, np.ndarray]]:
    """Name -> part -> the median Lab of the first face's hair and more vivid iris."""
    detector, describer = DrawnDetector(), Describer()
    seen: dict[str, dict[str, np.ndarray]] = {}
    for name, pixels in pictures(archive, names):
        for face in describer.ground(pixels, None, detector.detect([pixels])[0][:1]):
            sample = samples(pixels, face)
            eyes = [eye for eye in (sample.left_eye, sample.right_eye) if eye]
            clearer = max(eyes, key=lambda eye: eye.vividness, default=None)
            seen[name] = {"eyes": np.median(clearer.lab, axis=0)} if clearer else {}
            if len(sample.hair):
                seen[name]["hair"] = np.median(sample.hair, axis=0)
    return seen


def moved(
    palette: dict[str, list[str]], told: list[tuple[np.ndarray, list[str]]], hold: float
) -> dict[str, list[str]]:
    """The palette with its anchors pulled to the colours of their names, pushed from others'."""
    names = np.array([name for name, anchors in palette.items() for _ in anchors])
    first = np.array([lab_of(anchor) for anchors in palette.values() for anchor in anchors])
    anchors = first.copy()
    random = np.random.default_rng(0)
    for epoch in range(EPOCHS):
        rate = RATE * (1 - epoch / EPOCHS)
        for number in random.permutation(len(told)):
            colour, known = told[number]
            gaps = (((colour - anchors) * (LIGHTNESS, 1, 1)) ** 2).sum(1)
            right = np.isin(names, known[:1] if random.random() < SURE else known)
            own = np.where(right, gaps, np.inf).argmin()
            other = np.where(np.isin(names, known), np.inf, gaps).argmin()
            both = gaps[own] + gaps[other] + 1e-6
            wrong = 1 / (1 + np.exp(-4 * (gaps[own] - gaps[other]) / both))
            step = 16 * rate * wrong * (1 - wrong) / both
            anchors[own] += step * gaps[other] * (colour - anchors[own])
            anchors[other] -= step / 2 * gaps[own] * (colour - anchors[other])
        anchors += hold * (first - anchors)
    return {name: [hex_of(anchor) for anchor in anchors[names == name]] for name in palette}


def written(palettes: dict[str, dict[str, list[str]]]) -> str:
    """As people write palettes: a line a name."""
    domains = [
        f'  "{domain}": {{\n'
        + ",\n".join(f'    "{name}": {json.dumps(anchors)}' for name, anchors in names.items())
        + "\n  }"
        for domain, names in palettes.items()
    ]
    return "{\n" + ",\n".join(domains) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main())
