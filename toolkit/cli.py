"""The `toolkit` command: parse, call one public function, print."""

from __future__ import annotations

import errno
import signal
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from data.errors import InputError
from toolkit import cli_pictures
from toolkit.fit_commands import fit
from toolkit.label_commands import label

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(label, name="label")
app.add_typer(fit, name="fit")
errors = Console(stderr=True, highlight=False, soft_wrap=True)

DatasetFolder = Annotated[Path, typer.Argument(help="Dataset folder, made by `toolkit extract`.")]


def main() -> None:
    """Entry point: what a person can mend is one sentence and exit status 2."""
    debug = "--debug" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        app(arguments)
    except StoppedError:
        _stop("stopped; run the same command again to go on", 130, debug)
    except InputError as error:
        _stop(str(error), 2, debug)
    except OSError as error:
        _stop(_disk_sentence(error), 2, debug)


class StoppedError(BaseException):
    """Someone wants the command to stop; not KeyboardInterrupt, which typer makes its own."""


def _interrupt(number: int, frame: object) -> None:
    raise StoppedError


def _stop(sentence: str, status: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    errors.print(f"[red]toolkit:[/] {_plain(sentence)}")
    sys.exit(status)


def _plain(text: str) -> str:
    return text.replace("[", r"\[")


def _disk_sentence(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full; what was kept is safe: free some space and run the same again"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


@app.callback()
def toolkit() -> None:
    """Faces of photos, webtoons, comics and anime: from pictures to a generator.

    Start with: toolkit extract webtoon_frames/

    Every command takes --debug, which shows where an error came from.
    """


@app.command()
def extract(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Folders, pictures, strips, videos, zip or cbz files, or quoted globs.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Dataset folder.")] = Path("faces"),
    detector: Annotated[
        str, typer.Option("--detector", "-d", help="One of those `toolkit doctor` lists.")
    ] = "auto",
    cascade: Annotated[
        Path | None, typer.Option(help="OpenCV cascade file, for --detector cascade.")
    ] = None,
    palettes: Annotated[
        Path | None, typer.Option(help="Folder with your own hair.json, eyes.json or skin.json.")
    ] = None,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="Least likelihood of a face that is kept.")
    ] = 0.5,
    max_faces: Annotated[
        int | None, typer.Option(min=1, help="At most so many faces a frame, the likeliest.")
    ] = None,
    every: Annotated[
        float, typer.Option(min=0.01, help="Seconds between two frames of a video.")
    ] = 1.0,
    cuts: Annotated[
        bool, typer.Option("--cuts", help="Split strips and pages into their panels.")
    ] = False,
    keep_duplicates: Annotated[
        bool, typer.Option("--keep-duplicates", help="Also near-duplicate frames of videos.")
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", "-j", min=0, help="Processes; 0: one a core.")
    ] = 0,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try again what failed in an earlier run.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 when a frame failed.")
    ] = False,
) -> None:
    """Find faces in pictures and videos and keep them in a dataset.

    Run it again and it goes on where it stopped; frames that are done are not done twice.

    Example: toolkit extract webtoon_frames/ --out faces/
    """
    from toolkit.extract import Settings
    from toolkit.extract import extract as run
    from toolkit.screen import extraction, summarise

    settings = Settings(
        detector=detector,
        cascade=str(cascade.resolve()) if cascade else None,
        palettes=str(palettes.resolve()) if palettes else None,
        min_score=min_score,
        max_faces=max_faces,
        every=every,
        cuts=cuts,
        keep_duplicates=keep_duplicates,
    )
    with extraction() as progress:
        summary = run(sources, out, settings, workers, retry_failed, progress)
    summarise(summary, out)
    if strict and summary.failures:
        raise typer.Exit(1)


@app.command()
def report(
    dataset: DatasetFolder,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Page; default: DATASET/report.html.")
    ] = None,
) -> None:
    """Write one HTML page of all faces that opens without a server.

    Example: toolkit report faces/
    """
    from data.dataset import Dataset
    from toolkit.report import write_report

    print(write_report(Dataset.open(dataset), out or dataset / "report.html"))


@app.command()
def show(
    frame: Annotated[str, typer.Argument(help="Frame id, name, or a part of its path.")],
    dataset: Annotated[Path, typer.Option("--dataset", "-d", help="Dataset folder.")] = Path(
        "faces"
    ),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Picture to write.")] = None,
) -> None:
    """Draw the faces of one frame on it.

    Example: toolkit show episode_1/003.jpg --dataset faces/
    """
    from data.dataset import Dataset
    from toolkit.show import show as draw

    print(draw(Dataset.open(dataset), frame, out))


@app.command()
def export(
    dataset: DatasetFolder,
    out: Annotated[Path, typer.Option("--out", "-o", help="File or folder to write.")],
    format_name: Annotated[
        str, typer.Option("--format", "-f", help="coco, pts, csv, imagefolder or crops.")
    ] = "coco",
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="Least likelihood of a face that is written.")
    ] = 0.0,
    domain: Annotated[
        str | None, typer.Option(help="Only faces of one domain: photo or drawn.")
    ] = None,
    min_source: Annotated[
        str, typer.Option(help="Whose word is enough: detector, or person for corrected faces.")
    ] = "detector",
) -> None:
    """Write the faces for other tools: COCO key points, .pts, CSV, imagefolder, aligned crops.

    Example: toolkit export faces/ --format coco --out annotations.json
    """
    from data.dataset import Dataset
    from toolkit.exchange import export as write

    count = write(Dataset.open(dataset), format_name, out, min_score, domain, min_source)
    print(f"{count} faces in {out}")


@app.command("import")
def import_command(
    source: Annotated[
        Path, typer.Argument(help="COCO .json, .csv, .pts or a folder of them, or an imagefolder.")
    ],
    dataset: Annotated[Path, typer.Option("--dataset", "-d", help="Dataset folder.")] = Path(
        "faces"
    ),
    who: Annotated[str, typer.Option(help="Whose corrections these are.")] = "import",
    pictures: Annotated[
        list[str] | None,
        typer.Option(help="Where pictures lie that the dataset does not know yet."),
    ] = None,
) -> None:
    """Bring corrected faces back: what differs becomes a label, which wins over the detection.

    Example: toolkit import annotations.json --dataset faces/ --who Ana
    """
    from data.dataset import Dataset
    from toolkit.exchange import import_faces

    there = dataset.exists()
    counts = import_faces(source, Dataset(dataset), who, pictures or [])
    if not there and counts["new"]:
        errors.print(f"toolkit: {_plain(str(dataset))} did not exist and was made")
    print(", ".join(f"{counts[name]} {name}" for name in ("changed", "new", "same", "unknown")))


evaluate = typer.Typer(
    no_args_is_help=True,
    help="Hold a dataset against what is known of it.\n\n"
    "Example: toolkit evaluate detections faces/ --truth labels.json",
)
app.add_typer(evaluate, name="evaluate")
Truth = Annotated[
    Path,
    typer.Option(help="Dataset, COCO .json, .csv, .pts or a folder of them, or hand-made .json."),
]
Kept = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder; default: DATASET/evaluation.")
]


@evaluate.command()
def detections(
    dataset: DatasetFolder,
    truth: Truth,
    out: Kept = None,
    likelihood: Annotated[
        float, typer.Option(min=0, max=1, help="From which a face counts as told.")
    ] = 0.5,
    overlap: Annotated[
        float, typer.Option("--iou", min=0.01, max=1, help="Least overlap of the right box.")
    ] = 0.3,
) -> None:
    """Recall, precision, average precision and calibration, kind by kind.

    Example: toolkit evaluate detections faces/ --truth labels.json
    """
    from data.dataset import Dataset
    from toolkit import evaluate as job
    from toolkit.screen import scores

    answer = job.detections(job.pairs(Dataset.open(dataset), truth, overlap), likelihood)
    scores(answer, ("asked", "told", "right", "recall", "precision", "AP"))
    print(f"mean gap of likelihood and share right: {answer['all']['calibration']['gap']:.3f}")
    print(job.save(answer, "detections", out or dataset / "evaluation"))


@evaluate.command()
def landmarks(dataset: DatasetFolder, truth: Truth, out: Kept = None) -> None:
    """Errors of points in shares of the face's size, and the worst 20 faces as a picture.

    Example: toolkit evaluate landmarks faces/ --truth annotations.json
    """
    from data.dataset import Dataset
    from toolkit import evaluate as job
    from toolkit.screen import scores

    made = job.pairs(Dataset.open(dataset), truth)
    answer = job.landmarks(made)
    limits = [f"over {limit:.0%}" for limit in job.FAILED]
    scores(answer, ("asked", "found", "mean", "median", *limits, "rank correlation"))
    scores({kind: row.get("parts", {}) for kind, row in answer.items()}, tuple(job.PARTS))
    folder = out or dataset / "evaluation"
    print(job.save(answer, "landmarks", folder))
    print(job.worst(made, folder / "worst.png"))


@evaluate.command()
def attributes(dataset: DatasetFolder, truth: Truth, out: Kept = None) -> None:
    """Names and distances of colours, and who was taken for what.

    Example: toolkit evaluate attributes faces/ --truth labels.json
    """
    from data.dataset import Dataset
    from toolkit import evaluate as job
    from toolkit.screen import scores

    answer = job.attributes(job.pairs(Dataset.open(dataset), truth))
    told = {
        kind: {name: row[name].get("right", row[name].get("balanced accuracy")) for name in row}
        for kind, row in answer.items()
    }
    scores(told, ("hair", "eyes", "skin", "gender", "glasses"))
    for name in ("gender", "glasses"):
        print(f"{name}:", answer["all"][name]["counts"])
    print(job.save(answer, "attributes", out or dataset / "evaluation"))


cli_pictures.add(app)
evaluate.command("pictures")(cli_pictures.evaluate_pictures)


@app.command()
def draw(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for strips and truth.")],
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="How many strips.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same.")] = 0,
    width: Annotated[int, typer.Option(min=160, max=4000, help="Pixels.")] = 690,
    panels: Annotated[int, typer.Option(min=1, max=100, help="Panels of a strip.")] = 5,
) -> None:
    """Draw webtoon strips whose faces are known: to try the toolkit, to test, to train.

    DIR/frames holds the strips, DIR/truth their faces, points and colours in every format.

    Example: toolkit draw sample/ && toolkit extract sample/frames
    """
    from rich.progress import track

    from toolkit.draw import draw as run

    for _ in track(run(out, count, seed, width, panels), "draw", count, console=errors):
        pass
    print(f"{count} strips in {out / 'frames'}, their truth in {out / 'truth'}")


@app.command()
def doctor() -> None:
    """Say which detectors can run here, and what each other one lacks.

    Example: toolkit doctor
    """
    from toolkit.screen import health

    health()


def command_table() -> dict[str, Any]:
    """Command name -> click command, for tests and the README."""
    return typer.main.get_command(app).commands  # type: ignore[attr-defined]
