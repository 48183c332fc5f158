"""What fitting our networks shares: steps with a progress bar, a log, checkpoints, resume."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from rich.progress import Progress
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

N = TypeVar("N", bound=nn.Module)
KEPT_EVERY = 500  # steps between checkpoints
AVERAGE = 0.998  # share of the averaged weights that stays at a step


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how fast to learn: steps of `batch` examples, the highest learning rate."""

    steps: int
    batch: int
    rate: float = 2e-3
    seed: int = 0
    device: str = "cpu"


def has_bfloat16(device: str) -> bool:
    """Whether a device computes in bfloat16 and does not only imitate it."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    told = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # no public name yet
    return bool(told and told())


def in_bfloat16(device: torch.device) -> torch.autocast:
    """To run a network within: in bfloat16, where the device computes in it.

    So what is learnt differs, a little, between processors.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=has_bfloat16(str(device)))


def begun(network: N, start: Path | None) -> N:
    """A network that begins with the weights of a file, as far as they fit."""
    if start is not None:
        own = network.state_dict()
        kept = {k: v for k, v in load_file(start).items() if k in own and v.shape == own[k].shape}
        network.load_state_dict({**own, **kept})
    return network


def fit(
    network: nn.Module,
    batches: Callable[[int], Tensor | tuple[Tensor, ...]],
    loss: Callable[..., dict[str, Tensor]],
    plan: Plan,
    run: Path,
    name: str,
) -> nn.Module:
    """Learn, or go on learning where a run was stopped; the averaged weights.

    batches: the examples of a step, the same for the same step, so that a run that was killed
    goes on as if it had not been. loss: network and batch to named losses, which are summed. run:
    folder of `state.safetensors`, `state.json` and `log.jsonl`. The rate rises over a twentieth
    of the steps and falls along a cosine (Loshchilov & Hutter 2017).
    """
    run.mkdir(parents=True, exist_ok=True)
    network.to(plan.device).train()
    averaged = {key: value.detach().clone() for key, value in network.state_dict().items()}
    chosen = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=0.02)
    start = _resumed(run, network, averaged, chosen)
    with Progress(transient=True) as shown, (run / "log.jsonl").open("a") as log:
        bar = shown.add_task(f"fit {name}", total=plan.steps, completed=start)
        for step in range(start, plan.steps):
            torch.manual_seed(plan.seed * 1_000_003 + step)  # dropout, alike after a resume
            for group in chosen.param_groups:
                group["lr"] = plan.rate * _share(step, plan.steps)
            told = loss(network, batches(step))
            chosen.zero_grad(set_to_none=True)
            torch.stack(list(told.values())).sum().backward()
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            chosen.step()
            _average(averaged, network, step)
            shown.advance(bar)
            if step % 50 == 0:
                values = {key: round(float(value.detach()), 4) for key, value in told.items()}
                log.write(json.dumps({"step": step, **values}) + "\n")
                log.flush()
            if (step + 1) % KEPT_EVERY == 0 or step + 1 == plan.steps:
                _keep(run, network, averaged, chosen, step + 1)
    network.load_state_dict(averaged)
    return network.eval()


def _share(step: int, steps: int) -> float:
    warm = max(steps // 20, 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * (step - warm) / (steps - warm))))


def _average(averaged: dict[str, Tensor], network: nn.Module, step: int) -> None:
    stays = min(AVERAGE, (step + 1) / (step + 10))
    for key, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            averaged[key].lerp_(value.detach(), 1 - stays)
        else:
            averaged[key].copy_(value)


def _moments(chosen: torch.optim.Optimizer, network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in network.named_parameters():
        for key, value in chosen.state.get(parameter, {}).items():
            yield f"moment/{key}/{name}", value


def _keep(
    run: Path,
    network: nn.Module,
    averaged: dict[str, Tensor],
    chosen: torch.optim.Optimizer,
    step: int,
) -> None:
    tensors = {f"weights/{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"averaged/{key}": value for key, value in averaged.items()}
    tensors |= dict(_moments(chosen, network))
    whole = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    save_file(whole, run / "state.part", metadata={"step": str(step)})
    os.replace(run / "state.part", run / "state.safetensors")


def _resumed(
    run: Path, network: nn.Module, averaged: dict[str, Tensor], chosen: torch.optim.Optimizer
) -> int:
    """The step to go on with; 0 for a new run."""
    path = run / "state.safetensors"
    if not path.exists():
        return 0
    from safetensors import safe_open

    with safe_open(path, "pt") as opened:
        step = int(opened.metadata()["step"])
    tensors = load_file(path)
    network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("weights/")})
    for key, value in averaged.items():
        value.copy_(tensors[f"averaged/{key}"])
    for name, parameter in network.named_parameters():
        if f"moment/step/{name}" not in tensors:
            continue  # not learnt by descent
        state = {}
        for key in ("step", "exp_avg", "exp_avg_sq"):
            value = tensors[f"moment/{key}/{name}"]
            state[key] = value if key == "step" else value.to(parameter.device)
        chosen.state[parameter] = state
    return step
