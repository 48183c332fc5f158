"""The README's picture: what `toolkit extract` finds on a public-domain photo and on drawings.

    python benchmarks/readme_picture.py          writes benchmarks/readme.png

The photograph is scikit-image's astronaut (NASA, public domain); the strip is drawn by `data`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

import detectors
from data.crop import cut, square
from data.drawing.strip import draw_strip
from detectors.attributes import Describer
from toolkit.overlay import draw_face

HEIGHT = 560
SEED = 4


def main() -> int:
    photo = cv2.resize(astronaut(), None, fx=1.6, fy=1.6, interpolation=cv2.INTER_CUBIC)
    strip = draw_strip(SEED, 690, panels=4)
    left = cut(photo, square(360, 245, 480, HEIGHT), HEIGHT)
    first, second = (strip.pixels[y - 20 : y + h + 20] for _, y, _, h in strip.panels[1:3])
    detector, describer = detectors.load("auto"), Describer()
    tiles = []
    for pixels in (left, first, second):
        tall = pixels.copy()
        faces = describer.describe(tall, describer.ground(tall, None, detector.detect([tall])[0]))
        for face in faces:
            draw_face(tall, face)
        width = round(tall.shape[1] * HEIGHT / tall.shape[0])
        tiles.append(cv2.resize(tall, (width, HEIGHT), interpolation=cv2.INTER_AREA))
    out = Path(__file__).with_name("readme.png")
    cv2.imwrite(str(out), np.hstack(tiles)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
