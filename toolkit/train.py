"""Training generators: the job behind `toolkit train`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor, nn
from torch.nn import functional

from data.condition import contours
from data.dataset import Dataset, FaceRecord
from data.errors import InputError
from data.pairs import Bank, Crop, bank, split, whole
from detectors.crops import REACH, SIDE
from detectors.fitting import has_bfloat16
from pix2pix import checkpoint
from pix2pix.artist import checkpoint_file
from pix2pix.augment import Vary, batch
from pix2pix.conditional import PAPER, Pix2Pix, Settings
from pix2pix.scores import sliced_wasserstein
from pix2pix.system import System
from pix2pix.trainer import Plan, Teaching, train

SHOWN = 8  # faces of a sample sheet
SCORED = 128  # faces a score is made of, kept apart
FEWEST = 8  # faces to learn from

PRESETS: dict[str, tuple[Settings, Plan]] = {
    "tiny": (
        Settings(side=64, width=16, judge_width=16),
        Plan(steps=2400, rate=4e-4, looked=200, kept=20),
    ),
    "light": (Settings(), Plan(steps=40_000)),
    "full": (
        Settings(side=256, width=64, judge_width=64, scales=2),
        Plan(steps=100_000, batch=16, precision="bfloat16"),
    ),
    "paper": (PAPER, Plan(steps=200_000, batch=1)),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which faces of a dataset are learnt from.

    size: least of the face on its frame, in the crop's face; domain: photo, drawn or any.
    people: only faces that a person corrected.
    """

    min_score: float = 0.5
    size: float = 0.5
    domain: str | None = None
    people: bool = False

    def of(self, record: FaceRecord, crop: Crop) -> bool:
        face = record.face
        return (
            face.score >= self.min_score
            and self.domain in (None, face.domain)
            and (record.label is not None or not self.people)
            and max(face.box.width, face.box.height) >= self.size * crop.side / crop.reach
        )


class PointReader(nn.Module):
    """Our landmark network as a frozen teacher: points and features of aligned squares."""

    def __init__(self, crop: Crop, device: str) -> None:
        super().__init__()
        from detectors.drawn import placer

        self._network = [placer(device)]  # not this module's to save or to change
        share = REACH / crop.reach
        middle = 2 * crop.raised / crop.reach
        self._matrix = torch.tensor([[share, 0, 0], [0, share, middle]], device=device)

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """pictures: (N, 3, S, S), -1 to 1. (N, 68, 2) in shares of the square, and features."""
        matrix = self._matrix.expand(len(pictures), -1, -1)
        grid = functional.affine_grid(matrix, [len(pictures), 3, SIDE, SIDE], align_corners=False)
        crops = functional.grid_sample(pictures.float(), grid, align_corners=False)
        [network] = self._network
        points, features = network.read((crops + 1) / 2)
        return (points * 2 - 1) * self._matrix[0, 0] / 2 + 0.5 + self._matrix[:, 2] / 2, features


def features_of(reader: PointReader, pictures: Tensor) -> Tensor:
    """(N, D): the landmark network's features of (N, 3, S, S), pooled to two by two places."""
    made = []
    with torch.inference_mode():
        for part in pictures.split(16):
            _, features = reader(part)
            pooled = [functional.adaptive_avg_pool2d(one, 2).flatten(1) for one in features]
            made.append(torch.cat(pooled, 1))
    return torch.cat(made)


def load_bank(
    datasets: Sequence[Path], crop: Crop, wanted: Wanted, background: str, fewest: int = FEWEST
) -> Bank:
    """The faces of dataset folders as squares, with a progress bar.

    Raises InputError when there are too few.
    """
    opened = [Dataset.open(folder) for folder in datasets]
    with Progress(transient=True) as shown:
        task = shown.add_task("read faces", total=None)
        made = bank(
            opened,
            crop,
            lambda record: wanted.of(record, crop),
            lambda done: shown.update(task, completed=done),
            background,
        )
    if len(made) < fewest:
        names = ", ".join(str(folder) for folder in datasets)
        raise InputError(
            f"{names}: only {len(made)} faces are wanted and big enough; extract more, "
            "or lower --min-score or --min-size"
        )
    return made


def train_pix2pix(
    datasets: Sequence[Path],
    run: Path,
    settings: Settings,
    plan: Plan,
    wanted: Wanted | None = None,
    background: str = "kept",
    start: Path | None = None,
) -> tuple[Pix2Pix, dict[str, float]]:
    """Train pix2pix on the faces of datasets; the averaged system and its scores on held faces.

    start: a run or checkpoint whose weights a new run begins with, as far as they fit.
    """
    crop = Crop(settings.side)
    wanted = wanted or Wanted()
    faces = load_bank(datasets, crop, wanted, background).to(plan.device)
    learnt, held = split(faces)
    if len(held) < 2 or len(learnt) < 2:  # a handful of sources
        learnt = held = torch.arange(len(faces))
    reader = PointReader(crop, plan.device) if settings.reading else None
    torch.manual_seed(plan.seed)
    system = Pix2Pix(settings, reader)
    judge = reader or PointReader(crop, plan.device)
    teaching = Teaching(
        batches=_batches(faces, learnt, plan),
        sheet=_sheet(faces, held[:SHOWN]),
        score=_score(faces, held[:SCORED], judge),
        best="wasserstein",
        about={
            "crop": asdict(crop),
            "faces": len(faces),
            "held": [faces.face_ids[index] for index in held.tolist()],
            "wanted": asdict(wanted),
            "background": background,
        },
    )
    if start:
        begin(system, start)
    trained = train("pix2pix", system, teaching, plan, run)
    assert isinstance(trained, Pix2Pix)
    with torch.no_grad():
        scores = teaching.score(trained) if teaching.score else {}
    return trained, scores


def begin(system: System, start: Path) -> None:
    """Give a system the weights of a checkpoint that fit it. Raises InputError if none does."""
    path = checkpoint_file(start)
    _, tensors = checkpoint.load(path)
    kept = checkpoint.under(tensors, "weights/") or checkpoint.under(tensors, "averaged/")
    own = system.state_dict()
    shared = {key: value for key, value in kept.items() if own.get(key, value).shape == value.shape}
    shared = {key: value for key, value in shared.items() if key in own}
    if not shared:
        raise InputError(f"{path} has no weight that fits; choose another --start, or none")
    system.load_state_dict({**own, **shared})


def _batches(faces: Bank, learnt: Tensor, plan: Plan) -> Callable[[int], object]:
    vary = Vary()

    def batch_of(step: int) -> object:
        random = torch.Generator().manual_seed(plan.seed * 7_919 + step)
        which = learnt[torch.randint(len(learnt), (plan.batch,), generator=random)]
        return batch(faces, which, vary, random)

    return batch_of


def _sheet(faces: Bank, held: Tensor) -> Callable[[System], np.ndarray]:
    """Condition, made, real; one column a face."""

    def sheet(system: System) -> np.ndarray:
        assert isinstance(system, Pix2Pix)
        shown = batch(faces, held)
        made = system.translate(whole(shown.asked))
        lines = contours(shown.asked.points, torch.ones_like(shown.asked.seen), faces.crop.side)
        drawn = (1 - lines.amax(1, keepdim=True)).expand(-1, 3, -1, -1) * 2 - 1
        return as_picture(
            torch.cat([torch.cat(list(row), 2) for row in (drawn, made, shown.pictures)], 1)
        )

    return sheet


def _score(faces: Bank, held: Tensor, reader: PointReader) -> Callable[[System], dict[str, float]]:
    shown = batch(faces, held)
    asked = whole(shown.asked)

    def score(system: System) -> dict[str, float]:
        assert isinstance(system, Pix2Pix)
        made = torch.cat([system.translate(asked[at : at + 16]) for at in range(0, len(held), 16)])
        points = torch.cat([reader(made[at : at + 16])[0] for at in range(0, len(held), 16)])
        apart = (points - shown.asked.points).norm(dim=2).mean(1)
        apart_l1 = ((made - shown.pictures).abs() * shown.known).mean()
        seen = made * shown.known + shown.pictures * (1 - shown.known)
        return {
            "wasserstein": sliced_wasserstein(seen.cpu() / 2 + 0.5, shown.pictures.cpu() / 2 + 0.5),
            "points": float(apart.mean()) * faces.crop.reach,
            "l1": float(apart_l1),
        }

    return score


def as_picture(picture: Tensor) -> np.ndarray:
    """(3, H, W), -1 to 1, to (H, W, 3) uint8 RGB."""
    whole = ((picture.clamp(-1, 1) + 1) * 127.5).round().byte()
    return whole.permute(1, 2, 0).cpu().numpy()


def preset(name: str, **changes: Any) -> tuple[Settings, Plan]:
    """Settings and plan by name, with what was said otherwise (None: nothing)."""
    return changed(*PRESETS[name], **changes)


def changed(settings: Any, plan: Plan, **changes: Any) -> tuple[Any, Plan]:
    """Settings and plan with what was said otherwise (None: nothing).

    A preset's bfloat16 counts only where the device computes in it: elsewhere it takes ten times
    as long as float32.
    """
    said = {key: value for key, value in changes.items() if value is not None}
    if plan.precision == "bfloat16" and not has_bfloat16(str(said.get("device", plan.device))):
        said.setdefault("precision", "float32")
    names = {field.name for field in fields(settings)}
    mine = {key: said.pop(key) for key in list(said) if key in names}
    return replace(settings, **mine), replace(plan, **said)
