"""The commands that make pictures: pairs, train, generate, cartoonize, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError

Datasets = Annotated[
    list[Path], typer.Option("--data", "-d", help="Dataset folder; may be said several times.")
]
MinScore = Annotated[float, typer.Option(min=0, max=1, help="Least likelihood of a face.")]
Checkpoint = Annotated[
    Path | None,
    typer.Option("--with", "-w", help="Run or checkpoint; default: the shipped generator."),
]
Hair = Annotated[str | None, typer.Option(help='Colour: a name such as pink, or "#c04060".')]
Eyes = Annotated[str | None, typer.Option(help="Colour of the irises.")]
Skin = Annotated[str | None, typer.Option(help="Colour of the skin.")]
Gender = Annotated[str | None, typer.Option(help="male or female.")]
Glasses = Annotated[bool | None, typer.Option("--glasses/--no-glasses", help="Worn or not.")]
Strength = Annotated[
    float, typer.Option(min=0, max=1, help="How far photos go to a drawing's proportions.")
]


def add(app: typer.Typer) -> None:
    """Give an app these commands."""
    app.add_typer(train, name="train")
    for command in (pairs, generate, cartoonize, demo, style):
        app.command()(command)


def pairs(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder, made by `toolkit extract`.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("pairs"),
    format_name: Annotated[
        str, typer.Option("--format", "-f", help="sides (A|B folders), webdataset, or 4d.")
    ] = "sides",
    side: Annotated[int, typer.Option(min=16, max=2048, help="Pixels of the squares.")] = 256,
    background: Annotated[str, typer.Option(help="kept, or white where it is known.")] = "kept",
    domain: Annotated[str | None, typer.Option(help="Only photo or only drawn faces.")] = None,
    min_score: MinScore = 0.5,
    min_size: Annotated[
        float, typer.Option(min=0, help="Least size of a face, 1: not enlarged.")
    ] = 0.25,
    min_source: Annotated[
        str | None, typer.Option(help="person: only faces that a person corrected.")
    ] = None,
) -> None:
    """Write aligned squares with their conditions for other trainers; our own needs no such files.

    Example: toolkit pairs faces/ --out pairs/ --format sides
    """
    from data.pairs import Crop
    from toolkit import pairs as job
    from toolkit.generate import counting
    from toolkit.train import Wanted, load_bank

    _among("--format", format_name, job.FORMATS)
    _among_usual(background, domain, min_source)
    wanted = Wanted(min_score, min_size, domain, min_source == "person")
    faces = load_bank([dataset], Crop(side), wanted, background, fewest=1)
    with counting("write pairs") as done:
        counts = job.write(faces, format_name, out, done)
    print(f"{counts['train']} to train, {counts['test']} to test in {out}")


def _among(name: str, value: str | None, allowed: tuple[str | None, ...]) -> None:
    if value not in allowed:
        known = ", ".join(filter(None, allowed))
        raise InputError(f"{name} must be one of {known}, got {value!r}")


def _among_usual(background: str, domain: str | None, min_source: str | None) -> None:
    _among("--background", background, ("kept", "white"))
    _among("--domain", domain, ("photo", "drawn", None))
    _among("--min-source", min_source, ("person", None))


train = typer.Typer(
    no_args_is_help=True,
    help="Train a generator on the faces of datasets.\n\n"
    "Example: toolkit train pix2pix --data faces/ --out runs/a",
)


@train.command("pix2pix")
def train_pix2pix(
    data: Datasets,
    out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
    preset: Annotated[
        str,
        typer.Option(help="tiny (64 px, minutes), light (128 px), full (256 px), paper."),
    ] = "light",
    steps: Annotated[int | None, typer.Option(min=1, help="Default: the preset's.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Squares of a step.")] = None,
    side: Annotated[int | None, typer.Option(min=32, help="Pixels of the pictures.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Learning rate.")] = None,
    background: Annotated[str, typer.Option(help="kept, or white where it is known.")] = "kept",
    domain: Annotated[str | None, typer.Option(help="Only photo or only drawn faces.")] = None,
    min_score: MinScore = 0.5,
    min_size: Annotated[
        float, typer.Option(min=0, help="Least size of a face, 1: not enlarged.")
    ] = 0.5,
    min_source: Annotated[
        str | None, typer.Option(help="person: only faces that a person corrected.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed teaches the same.")] = 0,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: cuda if any.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="With torch.compile.")] = False,
    start: Annotated[
        Path | None, typer.Option(help="Run or checkpoint to begin a new run with.")
    ] = None,
) -> None:
    """Teach pix2pix to draw the faces of datasets from their points, colours and traits.

    Stopped, it goes on when it is run again. OUT/samples shows how it comes along, OUT/log.jsonl
    and TensorBoard (tensorboard --logdir OUT) the losses and scores.

    Example: toolkit train pix2pix --data faces/ --out runs/a --preset tiny
    """
    import torch

    from toolkit import train as job

    _among("--preset", preset, tuple(job.PRESETS))
    _among("--precision", precision, ("float32", "bfloat16", None))
    _among_usual(background, domain, min_source)
    settings, plan = job.preset(
        preset,
        side=side,
        steps=steps,
        batch=batch,
        rate=rate,
        seed=seed,
        device=device or ("cuda" if torch.cuda.is_available() else "cpu"),
        precision=precision,
        compiled=compiled,
    )
    wanted = job.Wanted(min_score, min_size, domain, min_source == "person")
    _, scores = job.train_pix2pix(data, out, settings, plan, wanted, background, start)
    print(", ".join(f"{name} {value:.3f}" for name, value in scores.items()))
    print(out)


@train.command("show")
def show_run(run: Annotated[Path, typer.Argument(help="A run's folder.")]) -> None:
    """Tell what a run is, how far it came, and its scores.

    Example: toolkit train show runs/a
    """
    from pix2pix.artist import Artist

    about = Artist(run, "cpu").about
    print(f"{about['system']}, {about['step']} of {about['plan']['steps']} steps")
    for group in ("settings", "plan", "crop", "scores"):
        for key, value in about.get(group, {}).items():
            print(f"  {group}.{key}: {value}")


def generate(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Dataset folders, .pts files, or pictures."),
    ],
    checkpoint: Checkpoint = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("generated"),
    hair: Hair = None,
    eyes: Eyes = None,
    skin: Skin = None,
    gender: Gender = None,
    glasses: Glasses = None,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Also the pictures with their faces drawn back.")
    ] = False,
    proportions: Annotated[
        str, typer.Option(help="drawn: all in a drawing's; kept: none; auto: those of photos.")
    ] = "auto",
    strength: Strength = 1.0,
    detector: Annotated[str, typer.Option(help="That finds faces in pictures.")] = "auto",
    min_score: MinScore = 0.5,
) -> None:
    """Draw faces anew from their points, colours and traits; what is said here overrules them.

    OUT/sheet.png shows the first of them: found, asked for, drawn.

    Example: toolkit generate faces/ --with runs/a --hair pink --eyes "#3050c0"
    """
    from pix2pix.artist import Artist
    from toolkit import generate as job

    _among("--proportions", proportions, ("auto", "drawn", "kept"))
    wish = job.Wish(hair, eyes, skin, gender, glasses)
    told = job.faces_of(sources, min_score, detector)
    with job.counting("draw faces") as done:
        counts = job.generate(
            Artist(checkpoint), told, out, wish, in_place, proportions, strength, done
        )
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    print(out / "sheet.png" if counts["faces"] else out)


def cartoonize(
    pictures: Annotated[
        list[str], typer.Argument(metavar="PICTURE...", help="Photos, or folders of them.")
    ],
    checkpoint: Checkpoint = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("cartoons"),
    hair: Hair = None,
    eyes: Eyes = None,
    skin: Skin = None,
    gender: Gender = None,
    glasses: Glasses = None,
    strength: Strength = 0.8,
) -> None:
    """Draw the people of photos as cartoons: same gender, glasses and hair, big eyes.

    Example: toolkit cartoonize photo.jpg
    """
    from pix2pix.artist import Artist
    from toolkit import generate as job

    wish = job.Wish(hair, eyes, skin, gender, glasses)
    told = job.faces_of(pictures, 0.5)
    with job.counting("draw faces") as done:
        counts = job.generate(
            Artist(checkpoint), told, out, wish, proportions="drawn", strength=strength, done=done
        )
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    print(out / "sheet.png" if counts["faces"] else out)


def demo(
    checkpoint: Checkpoint = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="On this machine only.")] = 7860,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Open a local page: load a picture, drag points, pick colours, see the cartoon.

    Example: toolkit demo --with runs/a
    """
    import webbrowser
    from threading import Timer

    from toolkit.demo import serve

    server, address = serve(checkpoint, port)
    print(f"open {address}", flush=True)
    if browser:
        Timer(2, webbrowser.open, [address]).start()
    server.run()


def style(
    photo: Annotated[Path, typer.Argument(help="Picture whose content is kept.")],
    styles: Annotated[
        list[Path], typer.Option("--style", "-s", help="Picture; may be said several times.")
    ],
    weight: Annotated[
        list[float] | None, typer.Option(min=0, help="One for each --style; default 1.")
    ] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(help="whole or foreground, one for each --style or one for all."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG file.")] = Path("styled.png"),
    keep_background: Annotated[
        bool, typer.Option("--keep-background", help="Only people are drawn anew.")
    ] = False,
    features: Annotated[
        str, typer.Option(help="own, shipped; or vgg19, of torchvision's weights file.")
    ] = "own",
    weights: Annotated[
        Path | None, typer.Option(help="VGG-19's .pth or .safetensors; default: torch's cache.")
    ] = None,
    strength: Annotated[float, typer.Option(min=0, help="Of the style, beside the content.")] = 1.0,
    optimiser: Annotated[str, typer.Option(help="lbfgs or adam.")] = "lbfgs",
    steps: Annotated[int, typer.Option(min=1, help="Times the picture is looked at.")] = 200,
    side: Annotated[int, typer.Option(min=64, max=2048, help="Pixels, the longer side.")] = 256,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: cuda if any.")] = None,
) -> None:
    """Draw a picture in the style of others (Gatys et al. 2016); nothing is trained.

    Example: toolkit style photo.jpg --style panel.png --style cover.png --weight 2 --weight 1
    """
    import torch

    from pix2pix.baselines import style_transfer
    from pix2pix.baselines.features import KINDS
    from toolkit import style as job
    from toolkit.generate import counting

    _among("--features", features, KINDS)
    _among("--optimiser", optimiser, style_transfer.OPTIMISERS)
    wishes = job.wishes(styles, weight or [], over or [])
    settings = style_transfer.Settings(
        side=side,
        features=features,
        weights=str(weights or ""),
        style=strength * style_transfer.Settings().style,
        optimiser=optimiser,
        steps=steps,
    )
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    with counting("draw") as done:
        wide, high = job.style(photo, wishes, out, settings, keep_background, device, done)
    print(f"{out}, {wide} x {high}, by features of {'our own' if features == 'own' else 'VGG-19'}")


def evaluate_pictures(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder, made by `toolkit extract`.")],
    checkpoint: Checkpoint = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; default: DATASET/evaluation.")
    ] = None,
    most: Annotated[int, typer.Option("--count", "-n", min=2, help="Faces drawn at most.")] = 200,
    proportions: Annotated[str, typer.Option(help="As toolkit generate's.")] = "auto",
) -> None:
    """Draw a dataset's faces anew, read them again, and tell what was kept, by group.

    Faces the generator learnt from are left out, where it kept others apart.

    Example: toolkit evaluate pictures faces/ --with runs/a
    """
    from data.dataset import Dataset
    from pix2pix.artist import Artist
    from toolkit import judge
    from toolkit.evaluate import save
    from toolkit.generate import counting
    from toolkit.screen import scores

    _among("--proportions", proportions, ("auto", "drawn", "kept"))
    folder = out or dataset / "evaluation"
    with counting("draw and read") as done:
        answer = judge.drawn_again(
            Artist(checkpoint), Dataset.open(dataset), most, folder, proportions, done
        )
    told = ("pictures", "found", "points", "hair name kept", "hair distance", "eyes name kept",
            "eyes distance", "skin distance", "gender kept", "glasses kept")  # fmt: skip
    scores(answer, told)
    rest = {k: v for k, v in answer["all"].items() if k not in told and "95 %" not in k}
    scores({"all": rest}, tuple(rest))
    print(save(answer, "pictures", folder))
