"""Training without pairs: the job behind `toolkit train cyclegan` and its like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from data.dataset import Dataset, FaceRecord, is_dataset
from data.errors import InputError
from data.formats.cartoonset import attributes
from data.frame import Item, Part, UnreadableError
from data.pairs import Bank, Crop, bank, plain, split
from data.reading import read
from data.sources import list_items
from pix2pix.augment import Vary, batch
from pix2pix.baselines import baselines
from pix2pix.cartoonist import Cartoonist
from pix2pix.scores import kernel_distance, sliced_wasserstein
from pix2pix.system import System
from pix2pix.trainer import Plan, Teaching, train
from pix2pix.unpaired import Both, Translator, traits
from toolkit.style import FaceLayers
from toolkit.train import (
    FEWEST,
    SCORED,
    SHOWN,
    PointReader,
    Wanted,
    as_picture,
    changed,
    features_of,
)

VARIED = Vary(forget=0, drop=0)


def wanted_faces(said: Sequence[str], crop: Crop) -> Callable[[FaceRecord], bool]:
    """Which faces of a dataset are learnt from.

    said: gender=male or female, glasses=yes or no, score=0 to 1 (least likelihood), size=0 up
    (least, 1 is not enlarged). Raises InputError for anything else.
    """
    told = dict(_condition(one) for one in said)
    allowed = {"gender": "male or female", "glasses": "yes or no", "score": "0.8", "size": "0.5"}
    numbers = {"score": 0.5, "size": 0.25}
    for name, value in told.items():
        if name in numbers and re.fullmatch(r"\d*\.?\d+", value):
            numbers[name] = float(value)
        elif value not in allowed.get(name, "").split(" or "):
            known = ", ".join(f"{key}={value}" for key, value in allowed.items())
            raise InputError(f"of a dataset's faces one may say {known}, not {name}={value}")
    big = Wanted(numbers["score"], numbers["size"])

    def wanted(record: FaceRecord) -> bool:
        face = record.face
        worn = None if face.glasses is None else ("yes" if face.glasses > 0.5 else "no")
        gender = face.gender and face.gender.name
        return (
            big.of(record, crop)
            and told.get("gender", gender) == gender
            and told.get("glasses", worn) == worn
        )

    return wanted


def wanted_files(said: Sequence[str]) -> Callable[[Item], bool]:
    """Which pictures of CartoonSet, by the numbers beside them: glasses=11, hair=1,2,3."""
    told = {}
    for name, values in map(_condition, said):
        if not re.fullmatch(r"\d+(,\d+)*", values):
            raise InputError(
                f"of plain pictures only CartoonSet's numbers are known, such as glasses=11, not "
                f"{name}={values}; make a dataset of them with toolkit extract to say more"
            )
        told[name] = {int(value) for value in values.split(",")}

    def wanted(item: Item) -> bool:
        beside = attributes(item.file) if told else {}
        return all(beside.get(name) in values for name, values in told.items())

    return wanted


def _condition(said: str) -> tuple[str, str]:
    name, sign, value = said.partition("=")
    if not sign:
        raise InputError(f"say name=value, such as glasses=no, not {said!r}")
    return name, value


def load(
    source: Path,
    crop: Crop,
    only: Sequence[str] = (),
    background: str = "kept",
    fewest: int = FEWEST,
) -> Bank:
    """A dataset's faces as aligned squares, or the middle squares of pictures.

    source: a dataset, or a folder or zip of pictures. only: as `wanted_faces` or `wanted_files`.
    Raises InputError when there are too few, or when what is asked for is not known.
    """
    with Progress(transient=True) as shown:
        task = shown.add_task(f"read {source.name}", total=None)

        def done(count: int) -> None:
            shown.update(task, completed=count)

        if is_dataset(source):
            wanted, opened = wanted_faces(only, crop), [Dataset.open(source)]
            made = bank(opened, crop, wanted, done, background, ground=True)
        elif background != "kept":
            raise InputError(
                f"{source} holds plain pictures, whose background is not known; make a dataset "
                f"of them first: toolkit extract {source} --out faces/"
            )
        else:
            made = plain(_counted(_pictures(source, only), done), crop)
    if len(made) < fewest:
        raise InputError(
            f"{source}: only {len(made)} pictures are wanted, {fewest} are needed; add more, "
            "or ask for less"
        )
    return made


def _pictures(source: Path, only: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    """Names and pixels; what cannot be read is passed over."""
    wanted = wanted_files(only)
    for item in list_items([source]):
        if wanted(item):
            try:
                window = next(iter(read(Part(item))))
            except UnreadableError:
                continue
            yield item.path, window.pixels


def _counted(
    pictures: Iterable[tuple[str, np.ndarray]], done: Callable[[int], None]
) -> Iterator[tuple[str, np.ndarray]]:
    for number, one in enumerate(pictures, 1):
        done(number)
        yield one


def train_translator(
    name: str,
    photos: Path,
    drawings: Path,
    run: Path,
    settings: Any,
    plan: Plan,
    only: tuple[Sequence[str], Sequence[str]] = ((), ()),
    background: str = "kept",
    balanced: bool = False,
) -> tuple[Translator, dict[str, float]]:
    """Train a baseline; the averaged system and its scores on pictures kept apart.

    only: of the photos and of the drawings. balanced: women and men, with and without glasses,
    are shown equally often, as far as they are told, a photo beside a drawing of the same group.
    """
    crop = Crop(settings.side)
    sources = (photos, drawings)
    banks = [load(source, crop, one, background) for source, one in zip(sources, only, strict=True)]
    sides = [split(one) for one in banks]
    learnt = [_enough(one, side[0]) for one, side in zip(banks, sides, strict=True)]
    held = [_enough(one, side[1]) for one, side in zip(banks, sides, strict=True)]
    banks = [one.to(plan.device) for one in banks]
    torch.manual_seed(plan.seed)
    kind = baselines()[name].system
    # Some compare pictures by what our own landmark network sees in them.
    own = {"own": FaceLayers(plan.device)} if "own" in signature(kind).parameters else {}
    system = kind(settings, **own)
    among = _grouped(banks, learnt) if balanced else [learnt]
    told = {
        key: {"source": str(source.resolve()), "aligned": is_dataset(source), "count": len(one),
              "only": list(chosen), "held": [one.face_ids[at] for at in apart.tolist()]}
        for key, source, one, chosen, apart
        in zip(("photos", "drawings"), sources, banks, only, held, strict=True)
    }  # fmt: skip
    teaching = Teaching(
        batches=_batches(banks, among, plan),
        sheet=_sheet(banks[0], held[0][:SHOWN]),
        score=_score(banks, held, crop, plan.device),
        best="wasserstein",
        about={"crop": asdict(crop), "background": background, "balanced": balanced, **told},
    )
    trained = train(name, system, teaching, plan, run)
    assert isinstance(trained, Translator)
    with torch.no_grad():
        scores = teaching.score(trained) if teaching.score else {}
    return trained, scores


def cartoonist(run: Path, device: str | None = None) -> Cartoonist:
    """A trained baseline at work. Raises InputError naming the file when it cannot be used."""
    return Cartoonist(run, device, FaceLayers)


def _enough(whole: Bank, which: Tensor) -> Tensor:
    return which if len(which) > 1 else torch.arange(len(whole))


def _grouped(banks: list[Bank], learnt: list[Tensor]) -> list[list[Tensor]]:
    """Photos and drawings of each group that both have, such as women without glasses.

    A trait counts that is told of half of the photos and half of the drawings: detectors do not
    tell all of both. Raises InputError when none is.
    """
    of = [traits(one.asked.to("cpu"))[which] for one, which in zip(banks, learnt, strict=True)]
    counts = torch.stack([(signs != 0).float().mean(0) >= 0.5 for signs in of]).all(0)
    kept = [signs[:, counts] for signs in of]
    found = [{tuple(row) for row in signs.tolist() if row and 0 not in row} for signs in kept]
    if not found[0] & found[1]:
        raise InputError(
            "neither gender nor glasses is told of half of the photos and half of the drawings, "
            "or they share no group; label more, or leave --balanced out"
        )
    return [
        [which[(signs == torch.tensor(group)).all(1)]
         for which, signs in zip(learnt, kept, strict=True)]
        for group in sorted(found[0] & found[1])
    ]  # fmt: skip


def _batches(banks: list[Bank], among: list[list[Tensor]], plan: Plan) -> Callable[[int], Both]:
    """among: lots of photos and drawings, all as likely, of which a place takes one each."""

    def batch_of(step: int) -> Both:
        random = torch.Generator().manual_seed(plan.seed * 7_919 + step)
        lots = torch.randint(len(among), (plan.batch,), generator=random).tolist()
        made = []
        for side, one in enumerate(banks):
            which = [
                lot[int(torch.randint(len(lot), (), generator=random))]
                for lot in (among[number][side] for number in lots)
            ]
            made.append(batch(one, torch.stack(which), VARIED, random))
        return Both(*made)

    return batch_of


def _sheet(photos: Bank, held: Tensor) -> Callable[[System], np.ndarray]:
    """Photo, and below what the system shows of it; one column a photo."""

    def sheet(system: System) -> np.ndarray:
        assert isinstance(system, Translator)
        shown = batch(photos, held).pictures
        rows = [shown, *system.views(shown)]
        return as_picture(torch.cat([torch.cat(list(row), 2) for row in rows], 1))

    return sheet


def _score(
    banks: list[Bank], held: list[Tensor], crop: Crop, device: str
) -> Callable[[System], dict[str, float]]:
    count = min(SCORED, *(len(which) for which in held))
    photos, drawings = (
        batch(one, which[:count]).pictures for one, which in zip(banks, held, strict=True)
    )
    reader = PointReader(crop, device)
    theirs = features_of(reader, drawings).cpu()

    def score(system: System) -> dict[str, float]:
        assert isinstance(system, Translator)
        made = torch.cat([system.translate(part) for part in photos.split(16)]).clamp(-1, 1)
        own = features_of(reader, made).cpu()
        return {
            "wasserstein": sliced_wasserstein(made.cpu() / 2 + 0.5, drawings.cpu() / 2 + 0.5),
            "KID, own features": kernel_distance(own, theirs)[0],
        }

    return score


def preset(name: str, level: str, said: Sequence[str], **changes: Any) -> tuple[Any, Plan]:
    """A baseline's settings and plan by preset, with what was said otherwise (None: nothing).

    said: each "name=value" of its settings. Raises InputError for one that it does not have.
    """
    kept = baselines()[name].presets
    if level not in kept:
        raise InputError(f"--preset must be one of {', '.join(kept)}, got {level!r}")
    settings, plan = kept[level]
    own = {field.name: getattr(settings, field.name) for field in fields(settings)}
    for one in said:
        key, _, value = one.partition("=")
        if key not in own:
            raise InputError(f"--set {one}: {name} has no {key!r}; it has {', '.join(own)}")
        changes[key] = _like(own[key], value, one)
    try:
        return changed(settings, plan, **changes)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None


def _like(kept: Any, value: str, said: str) -> Any:
    """A value as of the same kind as the one it replaces."""
    try:
        if isinstance(kept, bool):
            return {"yes": True, "true": True, "no": False, "false": False}[value.lower()]
        if isinstance(kept, tuple):
            kind = type(kept[0]) if kept else str
            return tuple(kind(one) for one in value.split(",") if one)
        return type(kept)(value)
    except (KeyError, ValueError):
        raise InputError(f"--set {said}: say a value such as {kept!r}") from None
