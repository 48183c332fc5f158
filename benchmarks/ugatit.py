"""Steps a second of our U-GAT-IT against the published order of work, at one setting, in one run.

The published order (https://github.com/znxlwm/UGATIT-pytorch, `UGATIT.train`) makes the fakes for
the discriminators' step with their graph, which is differentiated too, and makes them again for
the generators'. --reference PATH times that checkout's own networks in its order besides; its
discriminators have 7 and 5 layers, so ours get as many.

    python benchmarks/ugatit.py --preset light --steps 10 --device cuda
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time

import torch
from machine import heading
from torch import nn
from torch.nn import functional

from data.condition import Asked
from pix2pix.augment import Batch
from pix2pix.baselines.ugatit import PRESETS, UGATIT, Settings
from pix2pix.trainer import Plan, adam, step_of
from pix2pix.unpaired import Both

WARM = 2  # steps not timed


def examples(settings: Settings, plan: Plan) -> Both:
    count, side = plan.batch, settings.side

    def one() -> Batch:
        none, zero = torch.full((count, 3), torch.nan), torch.zeros(count)
        asked = Asked(
            torch.zeros(count, 68, 2), torch.zeros(count, 68), none, none, none, zero, zero
        )
        pictures = torch.rand(count, 3, side, side) * 2 - 1
        return Batch(
            pictures.to(plan.device), torch.ones(count, 1, side, side, device=plan.device),
            asked.to(plan.device),
        )  # fmt: skip

    return Both(one(), one())


def ours(settings: Settings, plan: Plan, both: Both) -> Callable[[], object]:
    system = UGATIT(settings).to(plan.device)
    optimisers = {part.name: adam(part, plan) for part in system.parts()}
    return lambda: step_of(system, optimisers, both, plan, 0)


def published(settings: Settings, plan: Plan, both: Both) -> Callable[[], object]:
    """The same networks and losses; nothing is frozen, detached or used twice."""
    system = UGATIT(settings).to(plan.device)
    optimisers = {part.name: adam(part, plan) for part in system.parts()}

    def step() -> None:
        for name in optimisers:
            for optimiser in optimisers.values():
                optimiser.zero_grad(set_to_none=True)
            made = system.made(both)
            part = next(part for part in system.parts() if part.name == name)
            if name == "discriminator":
                losses = _attached(system, both, made)
            else:
                losses = list(part.losses(both, made).values())
            torch.stack(losses).sum().backward()
            optimisers[name].step()
        system.stepped()

    return step


def _attached(system: UGATIT, both: Both, made: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    """The discriminators' losses with the fakes' graph."""
    losses = []
    for judges, real, fake in (
        (system.judges, both.drawings.pictures, made["drawn"]),
        (system.back_judges, both.photos.pictures, made["taken"]),
    ):
        for pictures, wanted in ((real, 1.0), (fake, 0.0)):
            answers, _ = system._judged(judges, pictures)
            losses += [(answer - wanted).square().mean() for answer in answers]
    return losses


def reference(path: Path, settings: Settings, plan: Plan, both: Both) -> Callable[[], object]:
    """The public code's networks in its order of work."""
    sys.path.insert(0, str(path))
    import networks  # type: ignore[import-not-found]

    of = {"ngf": settings.width, "n_blocks": settings.blocks, "img_size": settings.side}
    back, forth = (
        networks.ResnetGenerator(3, 3, light=settings.light, **of).to(plan.device) for _ in range(2)
    )
    judges = [
        [networks.Discriminator(3, settings.judge_width, n_layers=depth).to(plan.device)
         for depth in settings.depths]
        for _ in range(2)
    ]  # fmt: skip
    generators = nn.ModuleList([back, forth])
    discriminators = nn.ModuleList([one for side in judges for one in side])
    how = {"lr": plan.rate, "betas": (0.5, 0.999), "weight_decay": 1e-4}
    teach, judge = (torch.optim.Adam(n.parameters(), **how) for n in (generators, discriminators))
    photos, drawings = both.photos.pictures, both.drawings.pictures

    def least(answers: tuple[torch.Tensor, ...], wanted: float) -> torch.Tensor:
        return torch.stack([(one - wanted).square().mean() for one in answers[:2]]).sum()

    def step() -> None:
        judge.zero_grad()
        drawn, taken = forth(photos)[0], back(drawings)[0]
        sum(
            least(one(real), 1) + least(one(fake), 0)
            for side, real, fake in ((judges[0], drawings, drawn), (judges[1], photos, taken))
            for one in side
        ).backward()  # type: ignore[union-attr]
        judge.step()
        teach.zero_grad()
        (drawn, from_photo, _), (taken, from_drawing, _) = forth(photos), back(drawings)
        (same, of_drawing, _), (same_photo, of_photo, _) = forth(drawings), back(photos)
        told = functional.binary_cross_entropy_with_logits
        loss = sum(
            least(one(fake), 1)
            for side, fake in ((judges[0], drawn), (judges[1], taken)) for one in side
        )  # fmt: skip
        for weight, one, other in (
            (10, back(drawn)[0], photos), (10, forth(taken)[0], drawings),
            (10, same, drawings), (10, same_photo, photos),
        ):  # fmt: skip
            loss = loss + weight * functional.l1_loss(one, other)
        for logits, wanted in ((from_photo, 1.0), (from_drawing, 1.0), (of_drawing, 0.0),
                               (of_photo, 0.0)):  # fmt: skip
            loss = loss + 1000 * told(logits, torch.full_like(logits, wanted))
        loss.backward()
        teach.step()
        for part in generators.modules():
            if hasattr(part, "rho"):
                part.rho.data.clamp_(0, 1)

    return step


def steps_a_second(step: Callable[[], object], steps: int, device: str) -> float:
    """On a cpu by the process's own time, which others on the machine do not change."""
    clock = process_time if device == "cpu" else perf_counter
    for _ in range(WARM):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    began = clock()
    for _ in range(steps):
        step()
    if device != "cpu":
        torch.cuda.synchronize()
    return steps / (clock() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="light", choices=list(PRESETS))
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3, help="each, one after the other")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--reference", type=Path, help="a checkout of UGATIT-pytorch")
    said = parser.parse_args()
    settings, plan = PRESETS[said.preset]
    # What the public code does not have is left out on both sides.
    settings = replace(settings, grouped=0.0, shaken=())
    plan = replace(plan, batch=said.batch, device=said.device)
    both = examples(settings, plan)
    ways = {"published order": published(settings, plan, both), "ours": ours(settings, plan, both)}
    if said.reference:
        ways["public code"] = reference(said.reference, settings, plan, both)
    print(heading(), f"preset {said.preset}, batch {said.batch}, {said.device}", sep="\n")
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(said.rounds):
        for name, step in ways.items():
            speeds[name].append(steps_a_second(step, said.steps, said.device))
    slow = max(speeds["published order"])
    for name, told in speeds.items():
        every = ", ".join(f"{one:.3f}" for one in told)
        print(f"{name}: {max(told):.3f} steps/s, {max(told) / slow:.2f} x ({every})")


if __name__ == "__main__":
    main()
