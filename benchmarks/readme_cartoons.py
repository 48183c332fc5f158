"""The README's row of cartoons: one photograph, and what is asked for changed step by step.

python benchmarks/readme_cartoons.py benchmarks/cartoons.png
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

import detectors
from data.crop import cut
from detectors.attributes import Describer
from pix2pix.artist import Artist
from toolkit.generate import Wish, cartoons, tiled, write

SIDE = 192
WISHES = (
    Wish(),
    Wish(hair="pink", eyes="green"),
    Wish(hair="blue", eyes="#c03040"),
    Wish(hair="blonde", glasses=True),
    Wish(hair="black", gender="male"),
)


def main() -> None:
    pixels = astronaut()
    face = detectors.load("auto").detect([pixels])[0][0]
    describer = Describer()
    [face] = describer.describe(pixels, describer.ground(pixels, None, [face]))
    artist = Artist()
    photo = cut(pixels, replace(artist.crop, side=SIDE).matrix(face), SIDE)
    drawn = [cartoons(artist, [face], wish, "drawn", 0.8)[0][0] for wish in WISHES]
    larger = [cv2.resize(one, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC) for one in drawn]
    write(Path(sys.argv[1]), tiled([np.ascontiguousarray(photo), *larger], 6))


if __name__ == "__main__":
    main()
