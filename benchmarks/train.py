"""How fast pix2pix is taught: our trainer beside the published way of working, in one run.

Usage: python benchmarks/train.py [--side 256] [--batch 1] [--steps 8] [--reference CHECKOUT]

The published way is that of pytorch-CycleGAN-and-pix2pix: the paper's networks, eager float32,
A|B pictures decoded, resized, cropped and flipped by loader workers, fake and real judged apart,
Adam without fusing. Ours is the preset `paper` as `toolkit train pix2pix` runs it, once in
float32 and once in bfloat16: the same networks, with 22 condition channels instead of 3, on a
bank in memory. --reference takes the networks and the loss from a checkout of the public code.
Every way runs in a process of its own, in turns, and the best of its turns counts.
"""

from __future__ import annotations

import argparse
import inspect
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from machine import heading
from torch import nn
from torch.nn import functional

from data.condition import Asked
from data.pairs import Bank, Crop
from pix2pix.augment import Vary, batch
from pix2pix.conditional import PAPER, Pix2Pix
from pix2pix.networks import PatchNet, UNet
from pix2pix.trainer import Plan, adam, step_of
from toolkit.train import has_bfloat16

WAYS = ("published", "ours float32", "ours bfloat16")
PICTURES = 64
WARM = 2  # steps before the clock starts


class Published(torch.utils.data.Dataset):  # type: ignore[type-arg]
    """A|B pictures as the public code reads them: resize to 286/256, crop, flip."""

    def __init__(self, folder: Path, side: int) -> None:
        self.files = sorted(folder.glob("*.png"))
        self.side = side

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        from PIL import Image

        whole = Image.open(self.files[index]).convert("RGB")
        large = round(self.side * 286 / 256)
        x, y = (int(at) for at in torch.randint(large - self.side + 1, (2,)))
        flip = bool(torch.rand(()) < 0.5)
        made = []
        for left in (0, self.side):
            half = whole.crop((left, 0, left + self.side, self.side))
            half = half.resize((large, large), Image.Resampling.BICUBIC)
            half = half.crop((x, y, x + self.side, y + self.side))
            if flip:
                half = half.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            pixels = torch.from_numpy(np.asarray(half).copy()).permute(2, 0, 1)
            made.append(pixels.float() / 127.5 - 1)
        return made[0], made[1]


def published(side: int, size: int, device: str, reference: Path | None) -> Iterator[None]:
    """A step of the public code at each turn."""
    generator: nn.Module = UNet(3, side)
    judge: nn.Module = PatchNet(6, norm="batch")
    answer: Callable[[torch.Tensor], torch.Tensor] = lambda pair: judge(pair)[-1]  # noqa: E731
    if reference:
        sys.path.insert(0, str(reference))
        from models import networks  # type: ignore[import-not-found]

        more = (
            {"gpu_ids": []} if "gpu_ids" in inspect.signature(networks.define_G).parameters else {}
        )
        kind = f"unet_{side}" if side in (128, 256) else "unet_256"
        generator = networks.define_G(3, 3, 64, kind, "batch", True, "normal", 0.02, **more)
        judge = networks.define_D(6, 64, "basic", 3, "batch", "normal", 0.02, **more)
        answer = judge
    generator.to(device).train()
    judge.to(device).train()
    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        for number in range(PICTURES):
            small = random.integers(0, 255, (side // 8, side // 4, 3), np.uint8)
            pixels = cv2.resize(small, (side * 2, side), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(f"{folder}/{number}.png", pixels)
        loader = torch.utils.data.DataLoader(
            Published(Path(folder), side), size, shuffle=True, drop_last=True, num_workers=1
        )
        first, second = (
            torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for net in (judge, generator)
        )
        bce = functional.binary_cross_entropy_with_logits
        while True:
            for condition, picture in loader:
                condition, picture = condition.to(device), picture.to(device)
                fake = generator(condition)
                judge.requires_grad_(True)
                first.zero_grad()
                told_fake = answer(torch.cat([condition, fake.detach()], 1))
                told_real = answer(torch.cat([condition, picture], 1))
                loss = bce(told_fake, torch.zeros_like(told_fake)) + bce(
                    told_real, torch.ones_like(told_real)
                )
                (loss / 2).backward()
                first.step()
                judge.requires_grad_(False)
                second.zero_grad()
                told_fake = answer(torch.cat([condition, fake], 1))
                loss = bce(told_fake, torch.ones_like(told_fake))
                (loss + 100 * functional.l1_loss(fake, picture)).backward()
                second.step()
                yield


def ours(side: int, size: int, device: str, precision: str) -> Iterator[None]:
    """A step of our trainer at each turn."""
    crop = Crop(side)
    wide = round(side * 1.15 / 2) * 2
    pictures = torch.randint(0, 255, (PICTURES, 3, wide, wide), dtype=torch.uint8)
    points, seen = torch.rand(PICTURES, 68, 2), torch.ones(PICTURES, 68)
    colours, none = torch.rand(PICTURES, 3), torch.zeros(PICTURES)
    asked = Asked(points, seen, colours, colours, colours, none, none)
    inside = torch.ones(PICTURES, 1, wide, wide, dtype=torch.uint8)
    names = [str(number) for number in range(PICTURES)]
    bank = Bank(crop, pictures, inside, asked, names, names).to(device)
    system = Pix2Pix(replace(PAPER, side=side)).to(device).train()
    plan = Plan(batch=size, precision=precision)
    optimisers = {part.name: adam(part, plan) for part in system.parts()}
    for step in range(10**9):
        which = torch.randint(PICTURES, (size,))
        step_of(system, optimisers, batch(bank, which, Vary()), plan, step)
        yield


def measure(way: str, said: argparse.Namespace) -> dict[str, float]:
    """Pictures a second and peak memory of this process, MiB."""
    torch.manual_seed(0)
    if way == "published":
        steps = published(said.side, said.batch, said.device, said.reference)
    else:
        steps = ours(said.side, said.batch, said.device, way.split()[1])
    for _ in range(WARM):
        next(steps)
    took = []
    for _ in range(said.steps):
        began = time.perf_counter()
        next(steps)
        if said.device == "cuda":
            torch.cuda.synchronize()
        took.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if said.device == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**20
    return {"pictures a second": said.batch / float(np.median(took)), "peak MiB": peak}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--reference", type=Path)
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.only:
        print(json.dumps(measure(said.only, said)))
        return
    ways = WAYS if has_bfloat16(said.device) else WAYS[:-1]
    told: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(said.turns):
        for way in ways:
            done = subprocess.run(
                [sys.executable, *sys.argv, "--only", way],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            told[way].append(json.loads(done.stdout.splitlines()[-1]))
    print(heading())
    print(f"{said.side} px, batch {said.batch}, {said.device}; the best of {said.turns} turns")
    base = max(one["pictures a second"] for one in told["published"])
    for way, turns in told.items():
        speed = max(one["pictures a second"] for one in turns)
        peak = max(one["peak MiB"] for one in turns)
        name = f"{way} ({said.reference})" if way == "published" and said.reference else way
        print(f"{name:40} {speed:7.2f} pictures/s  {speed / base:5.2f} x  peak {peak:6.0f} MiB")
    if len(ways) < len(WAYS):
        print("ours bfloat16: left out, this device does not compute in it")


if __name__ == "__main__":
    main()
