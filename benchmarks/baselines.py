"""Every system trained under one equal budget, then held against each other on unseen photos.

    python benchmarks/baselines.py SETS OUT [--minutes 8] [--systems cyclegan,unit]

SETS holds selfies.zip and anime_faces_256.zip. The last 100 selfies are kept apart; faces of the
others and of the drawings are found by `toolkit extract`, and each system learns from them at 64
pixels, preset `tiny`, on one core, for about as many minutes of that core's own time: a few steps
are timed, and it gets as many steps as fit. Initial phases get their share of them. Then `toolkit
compare` draws the unseen selfies by each. Stopped, it goes on when it is run again. The table is
written to OUT/baselines.md, the sheet to OUT/comparison/sheet.png.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import zipfile
from inspect import signature
from pathlib import Path
from statistics import median
from time import process_time

from machine import heading

APART = 100  # selfies nobody learns from
SIDE = 64
BATCH = 2
PHASES = {"initial": 0.1, "masking": 0.1}  # shares of the steps
TIMED = 12
OWN = "pix2pix"  # learns from the drawings and their points alone
# What the preset learns too slowly at to be worth a look after minutes.
RATES = {"cyclegan": 5e-4}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", type=Path, help="folder of selfies.zip and anime_faces_256.zip")
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=8, help="of one core, a system")
    parser.add_argument("--systems", help="default: all")
    parser.add_argument("--time", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.time:
        print(timed(said.time, said.out))
        return 0
    if missing := [n for n in ("selfies", "anime_faces_256") if not _zip(said.sets, n).is_file()]:
        print(f"{said.sets} lacks {missing[0]}.zip: name the folder that holds it", file=sys.stderr)
        return 2
    from pix2pix.baselines import NAMES

    names = said.systems.split(",") if said.systems else [*NAMES, OWN]
    prepare(said.sets, said.out)
    spent = {name: trained(name, said.out, said.minutes) for name in names}
    runs = [str(said.out / "runs" / name) for name in names]
    _toolkit("compare", *runs, "--inputs", str(said.out / "unseen"), "--out",
             str(said.out / "comparison"), "--drawings", str(said.out / "drawings"))  # fmt: skip
    (said.out / "baselines.md").write_text(report(said.out, spent, said.minutes), "utf-8")
    print((said.out / "baselines.md").read_text("utf-8"))
    return 0


def prepare(sets: Path, out: Path) -> None:
    """The selfies in two zips, and the datasets `photos`, `unseen` and `drawings`."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(_zip(sets, "selfies")) as whole:
        names = sorted(whole.namelist())
        for part, some in (("photos", names[:-APART]), ("unseen", names[-APART:])):
            if not (out / f"{part}.zip").exists():
                with zipfile.ZipFile(out / f"{part}.part", "w") as made:
                    for name in some:
                        made.writestr(name, whole.read(name))
                (out / f"{part}.part").rename(out / f"{part}.zip")
    for part, source in (
        ("photos", out / "photos.zip"),
        ("unseen", out / "unseen.zip"),
        ("drawings", _zip(sets, "anime_faces_256")),
    ):
        _toolkit("extract", str(source), "--out", str(out / part))


def timed(name: str, out: Path) -> float:
    """Seconds of one core that a step takes, past its initial phases."""
    import torch

    from pix2pix.baselines import baselines
    from pix2pix.trainer import adam, step_of
    from toolkit import train, unpaired

    torch.set_num_threads(1)
    if name == OWN:
        from data.pairs import Crop
        from pix2pix.augment import Vary, batch

        settings, plan = train.PRESETS["tiny"]
        bank = train.load_bank([out / "unseen"], Crop(SIDE), train.Wanted(), "kept")
        system = train.Pix2Pix(settings, train.PointReader(Crop(SIDE), "cpu"))

        def given() -> object:
            return batch(bank, torch.randint(len(bank), (plan.batch,)), Vary())
    else:
        from pix2pix.unpaired import Both

        settings, plan = unpaired.preset(name, "tiny", _phases(name, 0), batch=BATCH, side=SIDE)
        kind = baselines()[name].system
        own = {"own": unpaired.FaceLayers("cpu")} if "own" in signature(kind).parameters else {}
        system = kind(settings, **own)
        bank = unpaired.load(out / "unseen", unpaired.Crop(SIDE))

        def given() -> object:
            some = [torch.randint(len(bank), (plan.batch,)) for _ in range(2)]
            return Both(*(unpaired.batch(bank, one, unpaired.VARIED) for one in some))

    if plan.steps == 1:
        return float("inf")  # nothing is learnt
    system.train()
    optimisers = {part.name: adam(part, plan) for part in system.parts()}
    took = []
    for number in range(TIMED):
        began = process_time()
        step_of(system, optimisers, given(), plan, 10 + number)
        took.append(process_time() - began)
    return median(took[2:])


def trained(name: str, out: Path, minutes: float) -> dict[str, float]:
    """Train one, or go on; its steps, and the minutes of a core that they took."""
    run, kept = out / "runs" / name, out / "runs" / f"{name}.json"
    told = json.loads(kept.read_text("utf-8")) if kept.is_file() else {}
    if not told:
        run.parent.mkdir(exist_ok=True)
        command = [sys.executable, __file__, ".", str(out), "--time", name]
        done = subprocess.run(command, env=_alone(), check=True, capture_output=True, text=True)
        steps = max(round(minutes * 60 / float(done.stdout.splitlines()[-1])), 1)
        told = {"steps": steps, "minutes": 0.0}
        kept.write_text(json.dumps(told), "utf-8")
    common = ["--out", str(run), "--preset", "tiny", "--device", "cpu"]
    if told["steps"] > 1:  # style transfer learns nothing; its steps are those of a picture
        common += ["--steps", str(told["steps"])]
    if name == OWN:
        given = ["--data", str(out / "drawings")]
    else:
        given = ["--photos", str(out / "photos"), "--drawings", str(out / "drawings"),
                 "--batch", str(BATCH)]  # fmt: skip
        given += [part for one in _phases(name, told["steps"]) for part in ("--set", one)]
        given += ["--rate", str(RATES[name])] if name in RATES else []
    began = _children()
    _toolkit("train", name, *given, *common)
    told["minutes"] += (_children() - began) / 60
    kept.write_text(json.dumps(told), "utf-8")
    return told


def report(out: Path, spent: dict[str, dict[str, float]], minutes: float) -> str:
    """The table, a line a system."""
    answer = json.loads((out / "comparison" / "comparison.json").read_text("utf-8"))
    columns = {
        "found": "found", "points": "points", "hair": "hair distance",
        "women kept": "gender kept, female", "men kept": "gender kept, male",
        "glasses kept": "glasses kept, glasses", "none kept": "glasses kept, no glasses",
        "background": "background drift", "wasserstein": "wasserstein",
        "KID": "KID, own features", "M parameters": "parameters, M", "ms": "ms a picture",
    }  # fmt: skip
    lines = [
        f"Made by `python benchmarks/baselines.py SETS OUT --minutes {minutes:g}`: {heading()}.",
        "",
        "| system | steps | core minutes | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 3) + "|",
    ]
    for name, row in answer.items():
        told = spent.get(name)
        cells = [f"{told['steps']}", f"{told['minutes']:.1f}"] if told else ["", ""]
        values = [row.get(column) for column in columns.values()]
        cells += ["" if value is None else f"{value:.3g}" for value in values]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    women, men, worn = (
        answer["photo"].get(f"{group}, pictures")
        for group in ("gender kept, female", "gender kept, male", "glasses kept, glasses")
    )
    lines += [
        "",
        f"Of the photos {women} are read as women's, {men} as men's, {worn} with glasses.",
    ]
    return "\n".join(lines) + "\n"


def _phases(name: str, steps: int) -> list[str]:
    from pix2pix.baselines import baselines

    settings = baselines()[name].settings
    return [
        f"{phase}={round(share * steps)}"
        for phase, share in PHASES.items()
        if phase in settings.__dataclass_fields__
    ]


def _toolkit(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "toolkit", *words], env=_alone(), check=True)


def _alone() -> dict[str, str]:
    """One thread: what the minutes are measured by."""
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _zip(sets: Path, name: str) -> Path:
    return sets / f"{name}.zip"


if __name__ == "__main__":
    sys.exit(main())
