"""The commands of `toolkit fit`: our networks taught anew, or by corrections."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

fit = typer.Typer(
    no_args_is_help=True,
    help="Teach the networks, anew or by your corrections.\n\n"
    "Example: toolkit fit landmarks --dataset faces/ --start shipped",
)

Run = Annotated[Path, typer.Option("--run", help="Folder of checkpoints, log and weights.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed teaches the same.")]
Device = Annotated[str, typer.Option(help="Where torch runs: cpu, cuda.")]
Sets = Annotated[Path | None, typer.Option(help="Folder of zips with real pictures.")]
Corrected = Annotated[
    Path | None, typer.Option(help="Dataset whose corrected faces are the strongest teacher.")
]
Start = Annotated[
    str | None, typer.Option(help="Weights to begin with: a .safetensors, or 'shipped'.")
]


@fit.command("landmarks")
def fit_landmarks(
    run: Run = Path("runs/landmarks"),
    steps: Annotated[int, typer.Option(min=1, help="Of 96 faces.")] = 4200,
    drawn: Annotated[int, typer.Option(min=100, help="Faces drawn to learn from.")] = 35000,
    seed: Seed = 0,
    device: Device = "cpu",
    sets: Sets = None,
    labels: Annotated[Path | None, typer.Option(help="Key points told by eye on them.")] = None,
    dataset: Corrected = None,
    start: Start = None,
    keep: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Share of the weights of --start in those that come out: some make faces of other "
            "kinds than are learnt from be read better.",
        ),
    ] = 0.0,
) -> None:
    """Teach the network that places 68 points and tells gender and glasses.

    Stopped, it goes on when it is run again. RUN/log.jsonl holds the losses. To use the weights
    that come out, set TOOLKIT_WEIGHTS to the run's folder.

    Example: toolkit fit landmarks --dataset faces/ --start shipped --steps 600 --drawn 3000
    """
    from toolkit import fit as job

    lesson = job.Lesson(run, steps, drawn, seed, device, sets, labels, dataset, start, keep)
    print(job.table(job.landmarks(lesson)))
    print(run / "landmarks.safetensors")


@fit.command("scout")
def fit_scout(
    run: Run = Path("runs/scout"),
    steps: Annotated[int, typer.Option(min=1, help="Of 96 faces.")] = 4000,
    drawn: Annotated[int, typer.Option(min=100, help="Faces drawn to learn from.")] = 16000,
    seed: Seed = 0,
    device: Device = "cpu",
    sets: Sets = None,
    labels: Annotated[Path | None, typer.Option(help="Key points told by eye on them.")] = None,
    start: Start = None,
) -> None:
    """Teach the network that glances at what the detector found: a face, and how it leans?

    To use the weights that come out, set TOOLKIT_WEIGHTS to the run's folder.

    Example: toolkit fit scout --sets ../shared/sets
    """
    from toolkit import fit as job

    lesson = job.Lesson(run, steps, drawn, seed, device, sets, labels, None, start)
    print(job.table(job.scout(lesson)))
    print(run / "scout.safetensors")


@fit.command("gender")
def fit_gender(
    sets: Annotated[Path, typer.Option(help="Folder with photo_gender.zip.")],
    run: Run = Path("runs/gender"),
    steps: Annotated[int, typer.Option(min=1, help="Of 64 faces.")] = 1200,
    seed: Seed = 0,
    device: Device = "cpu",
    start: Start = "shipped",
) -> None:
    """Teach how photographed faces are read; drawn ones are the landmark network's.

    It begins with the landmark network's trunk. To use the weights that come out, set
    TOOLKIT_WEIGHTS to the run's folder.

    Example: toolkit fit gender --sets ../shared/sets
    """
    from toolkit import fit as job

    print(job.table(job.gender(job.Lesson(run, steps, 0, seed, device, sets, start=start))))
    print(run / "gender.safetensors")


@fit.command("proportions")
def fit_proportions(
    photo: Annotated[list[Path], typer.Option(help="Dataset of photographed faces.")],
    drawn: Annotated[list[Path], typer.Option(help="Dataset of drawn faces.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File.")] = Path("runs/proportions.json"),
) -> None:
    """Measure how photographed and drawn faces are built, which `toolkit cartoonize` goes by.

    Example: toolkit fit proportions --photo selfies/ --drawn faces/
    """
    from toolkit import fit as job

    counts = job.proportions(photo, drawn, out)
    print(", ".join(f"{count} {name} faces" for name, count in counts.items()))
    print(out)


@fit.command("offsets")
def fit_offsets(
    dataset: Annotated[Path, typer.Option(help="Dataset with corrected photographed faces.")],
    run: Run = Path("runs/offsets"),
    sets: Annotated[
        Path | None, typer.Option(help="Folder with photo_68.zip, to learn from beside them.")
    ] = None,
) -> None:
    """Fit the map from the photo detector's mesh to the 68 points by your corrections.

    To use the map that comes out, set TOOLKIT_WEIGHTS to the run's folder.

    Example: toolkit fit offsets --dataset faces/
    """
    from toolkit import fit as job

    print(job.table(job.offsets(dataset, run, sets)))
    print(run / "mesh68.json")


@fit.command("detector")
def fit_detector(
    run: Run = Path("runs/detector"),
    steps: Annotated[int, typer.Option(min=1, help="Of 16 pages.")] = 2400,
    drawn: Annotated[int, typer.Option(min=16, help="Pages drawn to learn from.")] = 5000,
    seed: Seed = 0,
    device: Device = "cpu",
    sets: Sets = None,
    dataset: Corrected = None,
    start: Start = None,
) -> None:
    """Teach the network that finds drawn faces.

    Stopped, it goes on when it is run again. RUN/log.jsonl holds the losses. To use the weights
    that come out, set TOOLKIT_WEIGHTS to the run's folder.

    Example: toolkit fit detector --sets ../shared/sets
    """
    from toolkit import fit as job

    lesson = job.Lesson(run, steps, drawn, seed, device, sets, None, dataset, start)
    print(job.table(job.finder(lesson)))
    print(run / "finder.safetensors")
