"""Tall strips in overlapping windows, streamed top to bottom so that memory stays flat."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
from PIL import Image

from data.picture import decoding, flatten, orientation

_ROWS = 256  # rows fetched at once

# Modes that libvips widens to 8-bit grey or RGB just as Pillow does; the others are decoded whole.
_STREAMED = {"JPEG": {"L", "RGB"}, "PNG": {"1", "L", "LA", "P", "RGB", "RGBA"}}


def is_strip(width: int, height: int) -> bool:
    return height > 3 * width and height > 2048


def window_tops(width: int, height: int) -> tuple[int, list[int]]:
    """Height of the windows of a strip, and their first rows; neighbours overlap by its width.

    No face is wider than the strip, so each lies whole in some window.
    """
    tall = min(max(3 * width, 1024), height)
    return tall, [*range(0, height - tall, tall - width), height - tall]


def can_stream(image: Image.Image) -> bool:
    """Whether `stream` gives the same picture as decoding it whole would."""
    return (
        image.mode in _STREAMED.get(image.format or "", ())
        and orientation(image) == 1
        and not image.info.get("interlace")
        and not image.info.get("progressive")
    )


def share(tops: list[int], number: int, count: int) -> list[int]:
    """The windows of one of `count` parts of a strip; all parts together have each once.

    Later parts are smaller, so that workers who take them in turn end at about the same time.
    """
    start, stop = (round(len(tops) * (1 - (1 - n / count) ** 1.5)) for n in (number, number + 1))
    return tops[start:stop]


def stream(
    content: Path | bytes, image: Image.Image, name: str, number: int = 0, count: int = 1
) -> Iterator[tuple[int, np.ndarray, np.ndarray | None]]:
    """(y, pixels, alpha) of each window of a strip, as `picture.decode` would give them.

    image: the opened picture, of which only the head is used. number, count: only the windows of
    that part.
    Raises UnreadableError at the row where a broken file breaks off.
    """
    tall, tops = window_tops(image.width, image.height)
    profile = image.info.get("icc_profile")
    tops = share(tops, number, count)
    rows, first = np.empty(0, np.uint8), tops[0] if tops else 0
    source = _fetched(content, name, first)
    for top in tops:
        with decoding(name):
            if not len(rows):
                rows = next(source)
            kept = [rows[top - first :]]
            while sum(map(len, kept)) < tall:
                kept.append(next(source))
            rows, first = np.concatenate(kept), top
            window = Image.fromarray(rows[:tall].squeeze())
            pixels, alpha = flatten(window, profile)
        yield top, pixels, alpha


def _fetched(content: Path | bytes, name: str, first: int) -> Iterator[np.ndarray]:
    """(up to _ROWS, W, bands) uint8, from row `first` to the bottom."""
    vips = _libvips()
    with decoding(name):
        # A Source, for vips would read `strip[page=1].png` as a file with an option.
        if isinstance(content, Path):
            source = vips.Source.new_from_file(str(content))
        else:
            source = vips.Source.new_from_memory(content)
        image = vips.Image.new_from_source(source, "", access="sequential", fail_on="truncated")
        region = vips.Region.new(image)
    for y in range(first, image.height, _ROWS):
        height = min(_ROWS, image.height - y)
        with decoding(name):
            rows = np.frombuffer(region.fetch(0, y, image.width, height), np.uint8)
        yield rows.reshape(height, image.width, image.bands)


@cache
def _libvips() -> ModuleType:
    """pyvips on one thread, without a cache and silent: the workers share out the cores."""
    os.environ.setdefault("VIPS_CONCURRENCY", "1")
    os.environ.setdefault("VIPS_WARNING", "0")
    import pyvips

    logging.getLogger("pyvips").setLevel(logging.CRITICAL)
    pyvips.cache_set_max(0)
    return pyvips
