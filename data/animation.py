"""Animated GIF, WebP, PNG and AVIF: their pictures at given times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from PIL import Image

from data.picture import check_size, decode, decoding

# In a TIFF or an MPO the further pages are other pictures, not later ones.
_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")


def is_animation(image: Image.Image, name: str) -> bool:
    """Whether an opened picture moves. Raises UnreadableError when it is broken."""
    with decoding(name):
        return image.format in _FORMATS and getattr(image, "is_animated", False)


def shots(
    image: Image.Image, name: str, times: Iterable[float]
) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
    """(time, pixels, alpha) shown at each of the rising `times`, until the first run through ends.

    times: seconds. Pixels and alpha as of `picture.decode`, which says what is raised.
    """
    check_size(image, name)
    number, begin, end = 0, 0.0, _seconds(image, name, 0)
    shown = None
    for time in times:
        while time >= end:
            number, begin, shown = number + 1, end, None
            if number == getattr(image, "n_frames", 1):
                return
            end = begin + _seconds(image, name, number)
        if shown is None:
            shown = decode(image, name)
        yield time, *shown


def _seconds(image: Image.Image, name: str, number: int) -> float:
    """How long one picture is shown; goes to it."""
    with decoding(name):
        image.seek(number)
        image.load()  # before its duration is known, for some formats
        seconds = float(image.info.get("duration", 0)) / 1000
    return seconds if seconds > 0.01 else 0.1  # as browsers do
