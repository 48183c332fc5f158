"""Teaching the networks: the jobs behind `toolkit fit`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from data.dataset import Dataset
from data.errors import InputError

SURE = 0.7  # score of a face that proportions are measured on
HELD_OUT = 400  # drawn faces, or pages, nobody learns from, for the final table


@dataclass(frozen=True, slots=True)
class Lesson:
    """How to teach. run: folder of checkpoints, log and the weights that come out.

    drawn: how many faces, or pages, are drawn for it. sets: folder of zips of real pictures.
    labels: key points told by eye of faces of those zips. dataset: faces corrected by people.
    start: weights to begin with, "shipped" for those of this package. keep: their share in the
    landmark network's weights that come out.
    """

    run: Path
    steps: int
    drawn: int
    seed: int = 0
    device: str = "cpu"
    sets: Path | None = None
    labels: Path | None = None
    dataset: Path | None = None
    start: str | None = None
    keep: float = 0.0


def landmarks(lesson: Lesson) -> dict[str, float]:
    """Fit the landmark network; RUN/landmarks.safetensors, and errors on faces held out.

    Those are drawn ones and, with sets and labels, the labels' held ones.

    Raises InputError when a folder lacks what it is said to hold, or weights to begin with that
    are to be kept are not told.
    """
    from detectors import recipes, sets
    from detectors.drawn import DrawnDetector
    from detectors.examples import drawn, pictured
    from detectors.fit_landmarks import errors, fit_landmarks
    from detectors.fitting import Plan

    start = _weights(lesson.start, "landmarks")
    if lesson.keep and start is None:
        raise InputError("--keep wants --start: weights to keep a share of, or 'shipped'")
    dataset = Dataset.open(lesson.dataset) if lesson.dataset else None
    parts = recipes.landmark_parts(
        lesson.drawn, lesson.seed, _folder(lesson.sets), lesson.labels, dataset
    )
    if dataset is not None and not len(parts[1][0]):
        raise InputError(
            f"{lesson.dataset} holds no face that a person labelled; correct some first"
        )
    plan = Plan(lesson.steps, 96, 1e-3 if lesson.start else 2e-3, lesson.seed, lesson.device)
    network = fit_landmarks(parts, plan, lesson.run, start, lesson.keep)
    _ship(network, lesson.run / "landmarks.safetensors")
    answer = errors(network, drawn(987_654_321, HELD_OUT))
    if lesson.sets and lesson.labels:
        faces = sets.labelled(lesson.labels, lesson.sets, held=True)
        real = pictured(faces, lesson.seed, 1, recipes.looked_at(DrawnDetector(0.0)))
        if len(real):
            told = errors(network, real)
            answer |= {f"{name}, real": value for name, value in told.items()}
    return answer


def scout(lesson: Lesson) -> dict[str, float]:
    """Fit the scout; RUN/scout.safetensors, and what it is off on drawn faces held out.

    Raises InputError when a folder lacks what it is said to hold.
    """
    from detectors import recipes
    from detectors.examples import drawn, glanced
    from detectors.fit_scout import errors, fit_scout
    from detectors.fitting import Plan

    parts = recipes.scout_parts(lesson.drawn, lesson.seed, _folder(lesson.sets), lesson.labels)
    plan = Plan(lesson.steps, 96, 1e-3 if lesson.start else 2e-3, lesson.seed, lesson.device)
    network = fit_scout(parts, plan, lesson.run, _weights(lesson.start, "scout"))
    _ship(network, lesson.run / "scout.safetensors")
    return errors(network, drawn(987_654_321, HELD_OUT, glanced))


def finder(lesson: Lesson) -> dict[str, float]:
    """Fit the finder; RUN/finder.safetensors, and recall and precision on drawn pages held out.

    Raises InputError when a folder lacks what it is said to hold.
    """
    from detectors import recipes
    from detectors.fit_finder import fit_finder, hits
    from detectors.fitting import Plan
    from detectors.pages import drawn_pages

    folder = _folder(lesson.sets)
    faces, others = recipes.real_faces(folder) if folder else (None, None)
    if lesson.dataset:
        faces = (faces or []) + recipes.corrected_boxes(Dataset.open(lesson.dataset))
    parts = recipes.page_parts(lesson.drawn, lesson.seed, faces, others)
    plan = Plan(lesson.steps, 16, 1e-3 if lesson.start else 3e-3, lesson.seed, lesson.device)
    network = fit_finder(parts, plan, lesson.run, _weights(lesson.start, "finder"))
    _ship(network, lesson.run / "finder.safetensors")
    return hits(network, drawn_pages(987_654_321, HELD_OUT // 4))


def gender(lesson: Lesson) -> dict[str, float]:
    """Fit how photographed faces are read on photo_gender.zip; RUN/gender.safetensors.

    Scores are of the fifth that neither this nor the landmark network learns from.

    Raises InputError when the folder lacks the zip.
    """
    from detectors import recipes
    from detectors.fit_gender import fit_gender, scores, views
    from detectors.fitting import Plan

    folder = lesson.sets
    if folder is None or not (folder / "photo_gender.zip").is_file():
        raise InputError(f"{folder} holds no photo_gender.zip; name the folder of the sets' zips")
    seen, held = (
        views(recipes.photographed(folder, held_out), lesson.seed) for held_out in (False, True)
    )
    plan = Plan(lesson.steps, 64, 8e-4, lesson.seed, lesson.device)
    network = fit_gender(seen, plan, lesson.run, _weights(lesson.start, "landmarks")).cpu()
    answer = scores(network, held)
    _ship(network, lesson.run / "gender.safetensors")
    return answer


def offsets(labelled: Path, out: Path, sets: Path | None = None) -> dict[str, float]:
    """Fit the mesh's map to 68 points by corrected photos; OUT/mesh68.json, and what it is off.

    Raises InputError when fewer than 32 corrected faces are found by the mesh.
    """
    from detectors import recipes
    from detectors.fit_offsets import fit_offsets
    from detectors.sets import photo_points

    if sets is not None and not (sets / "photo_68.zip").is_file():
        raise InputError(f"{sets} holds no photo_68.zip; name the folder of the sets' zips")
    pairs = recipes.corrected_photos(Dataset.open(labelled))
    if sets is not None:
        told = ((pixels, points[:68]) for pixels, points, _ in photo_points(sets / "photo_68.zip"))
        pairs = chain(pairs, told)
    try:
        fitted = fit_offsets(pairs)
    except ValueError as error:
        raise InputError(f"{labelled}: {error}; correct more photos, or name --sets too") from None
    out.mkdir(parents=True, exist_ok=True)
    (out / "mesh68.json").write_text(json.dumps(fitted), "utf-8")
    off = float(np.mean(fitted["errors"]))
    return {"faces": fitted["faces"], "missed": fitted["missed"], "error, mesh radii": off}


def _folder(sets: Path | None) -> Path | None:
    if sets is not None and not (sets / "anime_faces_256.zip").is_file():
        raise InputError(f"{sets} holds no anime_faces_256.zip; name the folder of the sets' zips")
    return sets


def _weights(start: str | None, name: str) -> Path | None:
    if start is None:
        return None
    path = Path(start)
    if start == "shipped":
        path = Path(__file__).parents[1] / "detectors" / "weights" / f"{name}.safetensors"
    if not path.is_file():
        raise InputError(f"{path} does not exist; name a .safetensors to begin with, or 'shipped'")
    return path


def _ship(network: Any, path: Path) -> None:
    """Weights in half precision: they are read back in single, and half is enough for them."""
    from safetensors.torch import save_file

    tensors = {
        key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
    }
    save_file(
        {k: v.half() if v.is_floating_point() and v.numel() > 1 else v for k, v in tensors.items()},
        path,
    )


def table(answer: dict[str, float]) -> str:
    """The final table, a line a number."""
    return "\n".join(
        f"{name:>24}  {value:.4f}" for name, value in answer.items() if np.isfinite(value)
    )


def proportions(photos: Sequence[Path], drawn: Sequence[Path], out: Path) -> dict[str, int]:
    """Measure how photographed and drawn faces are built; how many faces each is the mean of."""
    from data.pairs import Crop, asked_of
    from pix2pix.proportions import measured

    counts, told = {}, {}
    for domain, folders in (("photo", photos), ("drawn", drawn)):
        records = (record for folder in folders for record in Dataset.open(folder).faces())
        faces = [one.face for one in records if one.face.domain == domain and one.face.score > SURE]
        if not faces:
            names = ", ".join(str(folder) for folder in folders)
            raise InputError(f"{names}: no {domain} face is likelier than {SURE}; extract more")
        mean = measured(asked_of(faces, Crop()))
        counts[domain] = len(faces)
        told[domain] = {
            "points": mean.points.round(4).tolist(),
            "skin": mean.skin.round(2).tolist(),
        }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"faces": counts, **told}) + "\n", "utf-8")
    return counts
