"""Pack free drawings that labels/key_points.json tells of into a zip beside the other sets.

    python benchmarks/free_drawings.py ../shared/sets

Clip art, painted portraits of games and the like come out of Debian 12's packages, of which
apt-get fetches what the labels name; flat cartoons are DiceBear's and comic heads faces.js's,
drawn by node. Their terms: public domain (openclipart, DiceBear's lorelei, notionists and
open-peeps), CC BY 4.0 (DiceBear's others; its avataaars are free for any use), Apache 2.0
(faces.js), GPL and CC BY-SA (Wesnoth, Naev), and as each package's /usr/share/doc/*/copyright says.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from detectors.sets import FREE

LABELS = Path(__file__).parent / "labels" / "key_points.json"
LONGEST = 900  # pixels; larger pictures are shrunk to it
GROUNDS = ((235,) * 3, (255,) * 3, (200, 214, 190), (190, 205, 225), (225, 205, 190), (150,) * 3)
RESVG = "@resvg/resvg-js@2.6.2"
# What npm is to install for a source, and the script that draws the pictures named to it.
DRAWN = {
    "dicebear": (
        ("@dicebear/core@9.4.3", "@dicebear/collection@9.4.3", RESVG),
        """
import {createAvatar} from '@dicebear/core';
import * as all from '@dicebear/collection';
import {Resvg} from '@resvg/resvg-js';
import fs from 'fs';
const grounds = ['b6e3f4', 'c0aede', 'd1d4f9', 'ffd5dc', 'ffdfbf', 'ffffff', 'e8e8e8', '7a8b99',
                 'f2d16b', '9bc29b'];
for (const name of process.argv.slice(2)) {
  const [style, number] = [name.split('_')[0], parseInt(name.split('_')[1])];
  const face = createAvatar(all[style], {seed: `face ${number}`, flip: number % 2 == 1,
                                         backgroundColor: [grounds[number % 10]]});
  const drawn = new Resvg(face.toString(), {fitTo: {mode: 'width', value: 320}}).render();
  fs.writeFileSync(name, drawn.asPng());
}
""",
    ),
    "facesjs": (
        ("facesjs@5.0.3", RESVG),
        """
import {faceToSvgString, generate} from 'facesjs';
import {Resvg} from '@resvg/resvg-js';
import fs from 'fs';
for (const name of process.argv.slice(2)) {
  let state = parseInt(name.split('_')[1]) * 7919 + 17;
  Math.random = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (let i = 0; i < 9; i++) Math.random();
  const face = generate(undefined, {gender: state % 2 ? 'male' : 'female'});
  const drawn = new Resvg(faceToSvgString(face), {fitTo: {mode: 'width', value: 320}}).render();
  fs.writeFileSync(name, drawn.asPng());
}
""",
    ),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path, help="folder of the zips")
    options = parser.parse_args()
    wanted: dict[str, set[str]] = defaultdict(set)
    for key in json.loads(LABELS.read_text("utf-8")):
        folder, name = key.split("#")[0].split(":")
        if folder == FREE:
            source, path = name.split("/", 1)
            wanted[source].add(path)
    target = options.sets / f"{FREE}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for source, names in sorted(wanted.items()):
            taken = set()
            for name, raw in (_by_node if source in DRAWN else _debian)(source, names):
                packed.writestr(f"{source}/{name}", _plain(name, raw))
                taken.add(name)
            print(f"{source}: {len(taken)} of {len(names)}", flush=True)
            for name in sorted(names - taken):
                print(f"  not in it: {name}", file=sys.stderr)
    print(target)
    return 0


def _debian(package: str, names: set[str]) -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        fetch = ["apt-get", "-o", "APT::Sandbox::User=root", "download", "-qq", package]
        subprocess.run(fetch, cwd=folder, check=True)
        [archive] = Path(folder).glob("*.deb")
        told = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(told.stdout)) as opened:
            for member in opened:
                name = member.name.removeprefix("./")
                if name in names and (found := opened.extractfile(member)):
                    yield name, found.read()


def _by_node(source: str, names: set[str]) -> Iterator[tuple[str, bytes]]:
    packages, script = DRAWN[source]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "draw.mjs").write_text(script, "utf-8")
        subprocess.run(["npm", "install", "--silent", *packages], cwd=folder, check=True)
        subprocess.run(["node", "draw.mjs", *sorted(names)], cwd=folder, check=True)
        for name in sorted(names):
            yield name, (Path(folder) / name).read_bytes()


def _plain(name: str, raw: bytes) -> bytes:
    """A PNG without transparency, on one of some grounds, not too large."""
    pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels.dtype != np.uint8:
        pixels = (pixels / 257).astype(np.uint8)
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    if pixels.shape[2] == 4:
        ground = GROUNDS[zlib.crc32(PurePosixPath(name).name.encode()) % len(GROUNDS)]
        share = pixels[:, :, 3:].astype(np.float32) / 255
        pixels = (
            (pixels[:, :, :3] * share + np.array(ground) * (1 - share)).round().astype(np.uint8)
        )
    scale = LONGEST / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", pixels)[1].tobytes()


if __name__ == "__main__":
    sys.exit(main())
