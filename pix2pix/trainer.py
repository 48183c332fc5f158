"""One trainer for every system: steps, averages, checkpoints, samples, scores, a log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import Tensor

from data.errors import InputError
from pix2pix import checkpoint
from pix2pix.system import Part, System

SPEED = "pictures a second"  # learnt from; samples, scores and checkpoints are not counted
AHEAD = 1_000_003  # between the random streams of two seeds


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run goes; kept in its checkpoints.

    steps of `batch` squares. rate: of Adam with betas 0.5, 0.999 (Isola et al. 2017, 3.3), even
    for the first half and falling to nothing over the second. average: share of the averaged
    weights that stays at a step. precision: "float32" or "bfloat16". kept, looked: steps between
    checkpoints, and between sample sheets with scores.
    """

    steps: int = 20_000
    batch: int = 8
    rate: float = 2e-4
    average: float = 0.999
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    compiled: bool = False
    kept: int = 500
    looked: int = 1000


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a system learns from and how it is looked at.

    batches: the examples of a step, the same for the same number; of several processes each takes
    its own numbers. sheet: (H, W, 3) uint8 of
    samples. score: named numbers of the averaged networks, of which `best` (lower is better)
    decides what is kept as the best.
    """

    batches: Callable[[int], Any]
    sheet: Callable[[System], np.ndarray] | None = None
    score: Callable[[System], dict[str, float]] | None = None
    best: str = ""
    about: dict[str, Any] = field(default_factory=dict)


def train(name: str, system: System, teaching: Teaching, plan: Plan, run: Path) -> System:
    """Train, or go on where a run was stopped; the system with its averaged networks.

    run: folder of `state.safetensors`, `best.safetensors`, `samples/`, `log.jsonl` and
    TensorBoard's events. A run that was stopped anywhere and goes on ends with the same weights
    as one that was not: what is random in a step comes from the seed and the step's number.
    Raises InputError when the run's folder holds another system or other settings.
    """
    # Imported here: the launcher's library takes a second, and using a checkpoint needs none of it.
    from accelerate import Accelerator

    run.mkdir(parents=True, exist_ok=True)
    accelerator = Accelerator(cpu=plan.device == "cpu")
    system.to(accelerator.device).train()
    optimisers = {part.name: adam(part, plan) for part in system.parts()}
    averages = {key: value.detach().clone() for key, value in _shown(system).items()}
    about = {
        "system": name,
        "settings": asdict(system.settings),
        "plan": asdict(plan),
        **teaching.about,
    }
    start, best = _resumed(run, about, system, averages, optimisers)
    if plan.compiled:
        for part in system.parts():
            for network in part.networks:
                network.compile()
    lead = accelerator.is_main_process
    watch = _Watch(plan.batch * accelerator.num_processes)
    with _bar(lead) as shown, _Log(run, lead, start) as log:
        task = shown.add_task(f"train {name}", total=plan.steps, completed=start, told="")
        for step in range(start, plan.steps):
            share = step * accelerator.num_processes + accelerator.process_index
            torch.manual_seed(plan.seed * AHEAD + share)
            told = step_of(system, optimisers, teaching.batches(share), plan, step, accelerator)
            _average(averages, _shown(system), min(plan.average, (step + 1) / (step + 10)))
            done = step + 1
            watch.step()
            shown.update(task, completed=done)
            if step % 50 == 0 or done == plan.steps:
                values = {key: float(value) for key, value in told.items()}
                log.write(done, {**values, SPEED: watch.speed()})
                shown.update(task, told=" ".join(f"{k} {v:.2f}" for k, v in values.items()))
            if done % plan.looked == 0 or done == plan.steps:
                with watch.stopped():
                    best = _look(run, system, averages, teaching, done, best, log, about, lead)
            if lead and (done % plan.kept == 0 or done == plan.steps):
                with watch.stopped():
                    tensors = _whole(system, averages, optimisers)
                    checkpoint.save(
                        run / "state.safetensors", {**about, "step": done, "best": best}, tensors
                    )
    _show(system, averages)
    return system.eval()


def step_of(
    system: System,
    optimisers: dict[str, torch.optim.Optimizer],
    batch: Any,
    plan: Plan,
    step: int,
    accelerator: Any = None,
) -> dict[str, Tensor]:
    """One step: everything is made once, then each part lowers its losses. Losses by name."""
    system.begin_step(step)
    parts = system.parts()
    told: dict[str, Tensor] = {}
    device = next(iter(system.state_dict().values())).device.type
    half = plan.precision == "bfloat16"
    with torch.autocast(device, torch.bfloat16) if half else nullcontext():
        made = system.made(batch)
    for part in parts:
        for other in parts:
            for network in other.networks:
                network.requires_grad_(other is part)
        optimiser = optimisers[part.name]
        for group in optimiser.param_groups:
            group["lr"] = plan.rate * min(1.0, 2 * (1 - step / plan.steps))
        with torch.autocast(device, torch.bfloat16) if half else nullcontext():
            losses = part.losses(batch, made)
        if not losses:
            continue
        torch.stack([loss.float() for loss in losses.values()]).sum().backward()
        if accelerator is not None and accelerator.num_processes > 1:
            _shared(optimiser, accelerator)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        told |= {f"{part.name}/{key}": loss.detach() for key, loss in losses.items()}
    for part in parts:
        for network in part.networks:
            network.requires_grad_(True)
    system.stepped()
    return told


def _shared(optimiser: torch.optim.Optimizer, accelerator: Any) -> None:
    """Every process gets the mean of all processes' gradients."""
    learnt = [p for group in optimiser.param_groups for p in group["params"] if p.grad is not None]
    flat = torch.cat([p.grad.flatten() for p in learnt])
    flat = accelerator.reduce(flat, "mean")
    for p, piece in zip(learnt, flat.split([p.numel() for p in learnt]), strict=True):
        p.grad.copy_(piece.view_as(p))


def adam(part: Part, plan: Plan) -> torch.optim.Optimizer:
    """Adam on what a part changes, with the betas of Isola et al. 2017, 3.3."""
    learnt = [p for network in part.networks for p in network.parameters()]
    return torch.optim.Adam(
        learnt, lr=plan.rate, betas=(0.5, 0.999), weight_decay=part.decay, fused=True
    )


def _shown(system: System) -> dict[str, Tensor]:
    return {
        f"{name}.{key}": value
        for name in system.averaged
        for key, value in getattr(system, name).state_dict().items()
    }


@torch.no_grad()
def _average(averages: dict[str, Tensor], now: dict[str, Tensor], stays: float) -> None:
    """Running average of weights (Karras et al. 2018, 4.1); counters are copied."""
    floats = [key for key, value in now.items() if value.is_floating_point()]
    if floats:
        torch._foreach_lerp_(
            [averages[key] for key in floats], [now[key].detach() for key in floats], 1 - stays
        )
    for key in now.keys() - set(floats):
        averages[key].copy_(now[key])


def _show(system: System, averages: dict[str, Tensor]) -> None:
    for name in system.averaged:
        getattr(system, name).load_state_dict(checkpoint.under(averages, f"{name}."))


def _look(
    run: Path,
    system: System,
    averages: dict[str, Tensor],
    teaching: Teaching,
    step: int,
    best: float,
    log: _Log,
    about: dict[str, Any],
    lead: bool,
) -> float:
    """A sample sheet and scores of the averaged networks; the lowest score so far."""
    if not lead:
        return best
    now = {key: value.detach().clone() for key, value in _shown(system).items()}
    _show(system, averages)
    system.eval()
    with torch.no_grad():
        if teaching.sheet:
            (run / "samples").mkdir(exist_ok=True)
            sheet = teaching.sheet(system)
            cv2.imwrite(str(run / "samples" / f"{step:07d}.png"), sheet[..., ::-1])
        scores = teaching.score(system) if teaching.score else {}
    system.train()
    _show(system, now)
    log.write(step, {f"score/{key}": value for key, value in scores.items()})
    if teaching.best in scores and scores[teaching.best] < best:
        best = scores[teaching.best]
        tensors = {f"averaged/{key}": value for key, value in averages.items()}
        checkpoint.save(
            run / "best.safetensors", {**about, "step": step, "scores": scores}, tensors
        )
    return best


def _whole(
    system: System, averages: dict[str, Tensor], optimisers: dict[str, torch.optim.Optimizer]
) -> dict[str, Tensor]:
    tensors = {f"weights/{key}": value for key, value in system.state_dict().items()}
    tensors |= {f"averaged/{key}": value for key, value in averages.items()}
    for name, optimiser in optimisers.items():
        tensors |= {f"optimiser/{name}/{key}": value for key, value in _moments(optimiser)}
    return tensors


def _moments(optimiser: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for number, parameter in enumerate(optimiser.param_groups[0]["params"]):
        for key, value in optimiser.state.get(parameter, {}).items():
            yield f"{number}/{key}", value


def _resumed(
    run: Path,
    about: dict[str, Any],
    system: System,
    averages: dict[str, Tensor],
    optimisers: dict[str, torch.optim.Optimizer],
) -> tuple[int, float]:
    """The step to go on with and the best score so far; 0 and infinity for a new run."""
    path = run / "state.safetensors"
    if not path.exists():
        return 0, float("inf")
    kept, tensors = checkpoint.load(path)
    changed = [
        f"{key} was {kept.get(group, {}).get(key)}, is {value}"
        for group in ("settings", "plan")
        for key, value in json.loads(json.dumps(about[group])).items()
        if key not in ("steps", "device", "kept", "looked")
        and kept.get(group, {}).get(key) != value
    ]
    if kept.get("system") != about["system"]:
        changed = [f"system was {kept.get('system')}, is {about['system']}"]
    if changed:
        raise InputError(
            f"{run} holds a run with other settings ({'; '.join(changed[:3])}); "
            "say the same again, or choose another --out"
        )
    system.load_state_dict(checkpoint.under(tensors, "weights/"))
    for key, value in averages.items():
        value.copy_(tensors[f"averaged/{key}"])
    for name, optimiser in optimisers.items():
        moments = checkpoint.under(tensors, f"optimiser/{name}/")
        for number, parameter in enumerate(optimiser.param_groups[0]["params"]):
            state = checkpoint.under(moments, f"{number}/")
            if state:
                optimiser.state[parameter] = {
                    key: value if key == "step" else value.to(parameter.device)
                    for key, value in state.items()
                }
    return int(kept["step"]), float(kept["best"])


class _Watch:
    """Tells how fast is learnt. pictures: of a step."""

    def __init__(self, pictures: int) -> None:
        self._pictures = pictures
        self._steps, self._spent, self._since = 0, 0.0, perf_counter()

    def step(self) -> None:
        self._steps += 1

    def speed(self) -> float:
        """Pictures a second since this was last asked."""
        spent = self._spent + perf_counter() - self._since
        speed = self._steps * self._pictures / spent
        self._steps, self._spent, self._since = 0, 0.0, perf_counter()
        return speed

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stand still, once the device has done what it was asked."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self._spent += perf_counter() - self._since
        yield
        self._since = perf_counter()


class _Log:
    """`log.jsonl` and TensorBoard's events; lines after the step a run goes on from are cut."""

    def __init__(self, run: Path, lead: bool, start: int) -> None:
        self._lead, self._run, self._start = lead, run, start

    def __enter__(self) -> _Log:
        if self._lead:
            from tensorboardX import SummaryWriter

            path = self._run / "log.jsonl"
            old = path.read_text().splitlines() if path.exists() else []
            lines = [line for line in old if _step(line) <= self._start]
            path.write_text("".join(f"{line}\n" for line in lines))
            self._file = path.open("a")
            self._events = SummaryWriter(str(self._run / "events"), purge_step=self._start)
        return self

    def write(self, step: int, values: dict[str, float]) -> None:
        if self._lead and values:
            rounded = {key: round(value, 5) for key, value in values.items()}
            self._file.write(json.dumps({"step": step, **rounded}) + "\n")
            self._file.flush()
            for key, value in values.items():
                self._events.add_scalar(key, value, step)

    def __exit__(self, *_: object) -> None:
        if self._lead:
            self._file.close()
            self._events.close()


def _step(line: str) -> float:
    try:
        return json.loads(line)["step"]
    except (ValueError, KeyError):  # a line that a kill tore
        return float("inf")


def _bar(lead: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[told]}"),
        disable=not lead,
        transient=True,
    )
