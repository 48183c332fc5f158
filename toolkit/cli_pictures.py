"""The commands that make pictures: pairs, train, generate, cartoonize, demo."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from data.errors import InputError
from pix2pix.baselines import NAMES

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
    for command in (pairs, generate, cartoonize, compare, demo, style):
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
        typer.Option(help="tiny (64 px, a quarter hour), light (128 px), full (256 px), paper."),
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
    from pix2pix import checkpoint
    from pix2pix.artist import checkpoint_file

    about, _ = checkpoint.load(checkpoint_file(run))
    print(f"{about['system']}, {about['step']} of {about['plan']['steps']} steps")
    for group in ("settings", "plan", "crop", "scores"):
        for key, value in about.get(group, {}).items():
            print(f"  {group}.{key}: {value}")


@train.command("share")
def share_run(
    run: Annotated[Path, typer.Argument(help="A run's folder, or a checkpoint.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="File.")] = Path("drawer.safetensors"),
) -> None:
    """Write what is needed to draw, in half precision: a file to give away, not to go on with.

    Example: toolkit train share runs/a --out mine.safetensors
    """
    from pix2pix import checkpoint
    from pix2pix.artist import checkpoint_file

    about, weights = checkpoint.averaged(checkpoint_file(run))
    halves = {f"averaged/{key}": value.half() for key, value in weights.items()}
    checkpoint.save(out, about, halves)
    print(f"{out}, {out.stat().st_size / 1e6:.1f} MB")


def _translator(name: str) -> Callable[..., None]:
    def command(
        photos: Annotated[
            Path, typer.Option(help="Dataset, or folder or zip of pictures, to begin from.")
        ],
        drawings: Annotated[
            Path, typer.Option(help="Dataset, or folder or zip of pictures, to become like.")
        ],
        out: Annotated[Path, typer.Option("--out", "-o", help="The run's folder.")],
        preset: Annotated[
            str, typer.Option(help="tiny (64 px, minutes), light (128 px), paper (256 px).")
        ] = "light",
        steps: Annotated[int | None, typer.Option(min=1, help="Default: the preset's.")] = None,
        batch: Annotated[int | None, typer.Option(min=1, help="Pictures of a step.")] = None,
        side: Annotated[int | None, typer.Option(min=32, help="Pixels of the pictures.")] = None,
        rate: Annotated[float | None, typer.Option(min=0, help="Learning rate.")] = None,
        photos_only: Annotated[
            list[str] | None,
            typer.Option(help="Of a dataset: glasses=no, gender=male, score=0.8, size=0.5."),
        ] = None,
        drawings_only: Annotated[
            list[str] | None, typer.Option(help="The same; of CartoonSet: glasses=11.")
        ] = None,
        background: Annotated[str, typer.Option(help="kept, or white where it is known.")] = "kept",
        balanced: Annotated[
            bool, typer.Option(help="Both genders, with and without glasses, equally often.")
        ] = False,
        setting: Annotated[
            list[str] | None, typer.Option("--set", help="A setting of the system, as cycle=5.")
        ] = None,
        seed: Annotated[int | None, typer.Option(help="Of all that is random.")] = None,
        device: Annotated[str | None, typer.Option(help="cpu or cuda; default: the best.")] = None,
        precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
        compiled: Annotated[
            bool | None, typer.Option("--compile/--no-compile", help="torch.compile the networks.")
        ] = None,
    ) -> None:
        import torch

        from toolkit import unpaired as job

        _among("--precision", precision, ("float32", "bfloat16", None))
        _among("--background", background, ("kept", "white"))
        settings, plan = job.preset(
            name,
            preset,
            setting or [],
            side=side,
            steps=steps,
            batch=batch,
            rate=rate,
            seed=seed,
            device=device or ("cuda" if torch.cuda.is_available() else "cpu"),
            precision=precision,
            compiled=compiled,
        )
        only = (photos_only or [], drawings_only or [])
        _, scores = job.train_translator(
            name, photos, drawings, out, settings, plan, only, background, balanced
        )
        print(", ".join(f"{key} {value:.3f}" for key, value in scores.items()))
        print(out)

    command.__doc__ = f"""Teach {name} to turn photos into drawings, without pairs.

    Stopped, it goes on when it is run again. Pictures of a dataset are aligned by their faces,
    those of a folder or zip are cut to their middle squares.

    Example: toolkit train {name} --photos faces/ --drawings anime.zip --out runs/b --preset tiny
    """
    return command


for _name in NAMES:
    train.command(_name)(_translator(_name))


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
    styles: Annotated[int, typer.Option(min=1, help="Drawings of each, by munit only.")] = 1,
    like: Annotated[
        Path | None, typer.Option(help="A drawing whose style is taken, by munit only.")
    ] = None,
) -> None:
    """Draw the people of photos as cartoons: same gender, glasses and hair, big eyes.

    With a run of cyclegan and its like, which take no wishes, the photos themselves are turned.

    Example: toolkit cartoonize photo.jpg
    """
    from pix2pix.artist import Artist, system_of
    from toolkit import generate as job

    wish = job.Wish(hair, eyes, skin, gender, glasses)
    if checkpoint and system_of(checkpoint) != "pix2pix":
        if wish != job.Wish():
            raise InputError(f"{checkpoint} holds a {system_of(checkpoint)}, which takes no wishes")
        _translate(checkpoint, pictures, out, styles, like)
        return
    if styles > 1 or like:
        raise InputError("--styles and --like are munit's; name a run of it with --with")
    told = job.faces_of(pictures, 0.5)
    with job.counting("draw faces") as done:
        counts = job.generate(
            Artist(checkpoint), told, out, wish, proportions="drawn", strength=strength, done=done
        )
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    print(out / "sheet.png" if counts["faces"] else out)


def _translate(run: Path, pictures: list[str], out: Path, styles: int, like: Path | None) -> None:
    from toolkit import generate, translate
    from toolkit.unpaired import cartoonist

    told = generate.faces_of(pictures, 0.5)
    with generate.counting("draw photos") as done:
        counts = translate.translate(cartoonist(run), told, out, styles, like, done)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    print(out / "sheet.png" if counts["drawings"] else out)


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    inputs: Annotated[
        list[str], typer.Option("--inputs", "-i", help="Photos, folders of them, or a dataset.")
    ],
    drawings: Annotated[
        Path | None,
        typer.Option(help="What outputs are measured against; default: what was learnt from."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder.")] = Path("comparison"),
    device: Annotated[str | None, typer.Option(help="cpu or cuda; default: cuda if any.")] = None,
) -> None:
    """Draw the same photos by every run, ours too: a sheet, a page, and one table of scores.

    Example: toolkit compare runs/* --inputs photos/
    """
    from rich.table import Table

    from toolkit import compare as job
    from toolkit.generate import counting, faces_of
    from toolkit.screen import paper

    with counting("compare") as done:
        answer = job.compare(runs, faces_of(inputs, 0.5), out, drawings, device, done)
    table = Table("", *answer, box=None)  # a column a system, so that it fits a screen
    for column in job.COLUMNS:
        table.add_row(column, *(job.number(row.get(column)) for row in answer.values()))
    paper().print(table)
    print(out / "index.html")


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
