"""Colour names: hair.json, eyes.json and skin.json, each domain -> name -> sRGB anchors.

`benchmarks/palettes.py` moved the drawn ones of hair and eyes to names said of faces by eye.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.face import DOMAINS, lab_of

HEX = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """names: of the (N, 3) float64 CIELAB anchors, one name may have several; hexes: their sRGB."""

    names: tuple[str, ...]
    anchors: np.ndarray
    hexes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Palettes:
    """Each domain -> palette."""

    hair: dict[str, Palette]
    eyes: dict[str, Palette]
    skin: dict[str, Palette]


@lru_cache(8)
def load_palettes(folder: str | None = None) -> Palettes:
    """The shipped palettes, those in `folder` (hair.json, eyes.json, skin.json) before them.

    Raises InputError naming the file when it is not a palette, or the folder when it has none.
    """
    parts = ("hair", "eyes", "skin")
    own = Path(folder) if folder else None
    if own and not any((own / f"{part}.json").is_file() for part in parts):
        raise InputError(f"{folder} holds no hair.json, eyes.json or skin.json; put one there")
    return Palettes(*(load_palette(part, own) for part in parts))


def load_palette(part: str, folder: Path | None = None) -> dict[str, Palette]:
    """Domain -> palette of one part: "hair", "eyes" or "skin"."""
    own = folder / f"{part}.json" if folder else None
    if own and own.exists():
        return parse(own.read_text("utf-8"), str(own))
    name = f"{part}.json"
    return parse(files("detectors.palettes").joinpath(name).read_text("utf-8"), name)


def anchors(part: str) -> dict[str, dict[str, list[str]]]:
    """Domain -> name -> its shipped colours, "#rrggbb"; of "hair", "eyes" or "skin"."""
    return json.loads(files("detectors.palettes").joinpath(f"{part}.json").read_text("utf-8"))


def parse(text: str, where: str) -> dict[str, Palette]:
    """where: the file's name, for the error."""
    try:
        domains = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where} is not JSON: {error}; compare it with the shipped one") from None
    if not isinstance(domains, dict) or set(domains) != set(DOMAINS):
        raise InputError(f"{where} must hold an object with the keys {', '.join(DOMAINS)}")
    return {domain: _palette(names, f"{where}, {domain}") for domain, names in domains.items()}


def _palette(colours: object, where: str) -> Palette:
    if not isinstance(colours, dict) or len(colours) < 2:
        raise InputError(f"{where}: give two names or more, each with a list of colours")
    for name, anchors in colours.items():
        if not isinstance(anchors, list) or not anchors:
            raise InputError(f'{where}, {name}: give a list of colours such as ["#a0522d"]')
        for anchor in anchors:
            if not isinstance(anchor, str) or not HEX.fullmatch(anchor):
                raise InputError(f'{where}, {name}: {anchor!r} is no colour such as "#a0522d"')
    pairs = [(name, anchor) for name, anchors in colours.items() for anchor in anchors]
    return Palette(
        tuple(name for name, _ in pairs),
        np.array([lab_of(anchor) for _, anchor in pairs]),
        tuple(anchor for _, anchor in pairs),
    )
