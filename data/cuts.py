"""Panels of a webtoon strip or a comic page, cut at the gutters between them."""

from __future__ import annotations

import cv2
import numpy as np

Rectangle = tuple[int, int, int, int]  # x, y, width, height; pixels

_WIDTH = 400  # the picture is looked at this wide: gutters stay, JPEG noise goes
_LIKE = 14  # grey levels a gutter's pixel may be off the gutter's colour
_CLEAN = 0.95  # share of a gutter's pixels that must have its colour; balloons may cross it
_GUTTER = 0.006  # least thickness of a gutter, of the picture's smaller side
_SLIVER = 0.06  # a piece thinner than this part of the smaller side is no panel


def find_cuts(pixels: np.ndarray) -> list[Rectangle]:
    """Panels of (H, W, 3) uint8 RGB from top to bottom, then from left to right.

    Gutters are straight bands of one colour, whichever. A picture without any comes whole.
    Recursive XY-cut (Nagy & Seth 1984).
    """
    height, width = pixels.shape[:2]
    factor = max(1, round(width / _WIDTH))
    small = cv2.resize(
        pixels,
        (-(-width // factor), -(-height // factor)),
        interpolation=cv2.INTER_AREA,
    )
    side = min(small.shape[:2])
    gutter, sliver = max(2, round(side * _GUTTER)), max(4, round(side * _SLIVER))
    panels = _split(small, 0, 0, gutter, sliver)
    scaled = [_scaled(panel, factor, width, height) for panel in panels]
    return scaled or [(0, 0, width, height)]


def _scaled(panel: Rectangle, factor: int, width: int, height: int) -> Rectangle:
    x, y = panel[0] * factor, panel[1] * factor
    right = min(x + panel[2] * factor, width)
    bottom = min(y + panel[3] * factor, height)
    return x, y, right - x, bottom - y


def _split(pixels: np.ndarray, x: int, y: int, gutter: int, sliver: int) -> list[Rectangle]:
    """Panels of a part of the picture whose top-left corner is (x, y)."""
    height, width = pixels.shape[:2]
    rows = _pieces(pixels, gutter, sliver)
    if rows != [(0, height)]:
        return [
            panel
            for top, bottom in rows
            for panel in _split(pixels[top:bottom], x, y + top, gutter, sliver)
        ]
    columns = _pieces(pixels.swapaxes(0, 1), gutter, sliver)
    if columns != [(0, width)]:
        return [
            panel
            for left, right in columns
            for panel in _split(pixels[:, left:right], x + left, y, gutter, sliver)
        ]
    return [(x, y, width, height)]


def _pieces(pixels: np.ndarray, gutter: int, sliver: int) -> list[tuple[int, int]]:
    """First and last-but-one rows of what lies between the gutters that run across."""
    blank = _gutter_rows(pixels, gutter)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], blank, [True]])))
    pieces = [(int(top), int(bottom)) for top, bottom in edges.reshape(-1, 2)]
    return [(top, bottom) for top, bottom in pieces if bottom - top >= sliver]


def _gutter_rows(pixels: np.ndarray, gutter: int) -> np.ndarray:
    """(H,) bool: rows of one colour in runs of at least `gutter` rows of the same one."""
    colours = np.median(pixels, axis=1)  # (H, 3)
    like = (np.abs(pixels - colours[:, None]) <= _LIKE).all(axis=2)
    # A gutter reaches both sides; a plain background ends at its panel's frame.
    plain = (like.mean(axis=1) >= _CLEAN) & like[:, 0] & like[:, -1]
    same = np.abs(np.diff(colours, axis=0)).max(axis=1) <= _LIKE
    blank = np.zeros(len(pixels), bool)
    breaks = np.flatnonzero(~(plain[1:] & plain[:-1] & same)) + 1
    for start, stop in zip([0, *breaks], [*breaks, len(pixels)], strict=True):
        if plain[start] and stop - start >= gutter:
            blank[start:stop] = True
    return blank
