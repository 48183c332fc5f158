"""Photos drawn by a trained baseline: what `toolkit cartoonize` does with such a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from data.crop import cut
from data.errors import InputError
from data.frame import Part
from data.pairs import middle
from data.reading import read
from data.sources import list_items
from pix2pix.baselines.munit import MUNIT
from pix2pix.cartoonist import Cartoonist
from toolkit.generate import SHEET_WIDE, SHOWN, Faces, tiled, write
from toolkit.train import as_picture


def translate(
    maker: Cartoonist,
    told: Iterable[Faces],
    out: Path,
    count: int = 1,
    like: Path | None = None,
    done: Callable[[int], None] = lambda count: None,
) -> dict[str, int]:
    """Draw photos as a baseline does; a picture each in `out`, and `sheet.png` of the first ones.

    Of a run whose photos were aligned every face is drawn, else each photo's middle square.
    count: drawings of each, in as many styles; like: a drawing whose style is taken; both only
    MUNIT knows. Counts of `drawings`, `pictures` and `failed`.
    """
    styles = _styles(maker, count, like)
    out.mkdir(parents=True, exist_ok=True)
    counts = {"pictures": 0, "drawings": 0, "failed": 0}
    sheet: list[np.ndarray] = []
    for one in told:
        counts["pictures"] += 1
        if one.pixels is None:
            counts["failed"] += 1
            continue
        stem = out / PurePosixPath(one.name.replace("\\", "/")).with_suffix("")
        stem.parent.mkdir(parents=True, exist_ok=True)
        number = 0
        for photo in _squares(maker, one):
            drawn = _drawn(maker, photo, styles)
            for picture in drawn:
                number += 1
                write(stem.with_name(f"{stem.name}_{number}.png"), picture)
            if len(sheet) < SHOWN:
                sheet.append(np.hstack([photo, *drawn]))
        counts["drawings"] += number
        done(counts["drawings"])
    if sheet:
        write(out / "sheet.png", tiled(sheet, SHEET_WIDE))
    return counts


def _squares(maker: Cartoonist, one: Faces) -> list[np.ndarray]:
    assert one.pixels is not None
    side = maker.crop.side
    if not maker.aligned:
        return [cut(one.pixels, middle(one.pixels, side), side)]
    return [cut(one.pixels, maker.crop.matrix(face), side) for face in one.faces]


def _styles(maker: Cartoonist, count: int, like: Path | None) -> torch.Tensor | None:
    """(count or 1, style) of MUNIT, None where nothing was said of them."""
    if count == 1 and like is None:
        return None
    system = maker.system
    if not isinstance(system, MUNIT):
        raise InputError(
            f"only munit draws in styles, and this run is {maker.about['system']}; "
            "leave --styles and --like out"
        )
    if like is None:
        return system.styles(count)
    pixels = next(iter(read(Part(next(iter(list_items([like]))))))).pixels
    side = maker.crop.side
    square = torch.from_numpy(cut(pixels, middle(pixels, side), side))
    with torch.no_grad():
        given = square.permute(2, 0, 1)[None].float() / 127.5 - 1
        return system.drawing_style(given.to(maker.device)).cpu()


def _drawn(maker: Cartoonist, photo: np.ndarray, styles: torch.Tensor | None) -> list[np.ndarray]:
    if styles is None:
        return list(maker.draw(photo[None]))
    assert isinstance(maker.system, MUNIT)
    given = torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 127.5 - 1
    whole = given.expand(len(styles), -1, -1, -1).to(maker.device)
    with torch.no_grad():
        return [as_picture(one) for one in maker.system.styled(whole, styles.to(maker.device))]
