"""`toolkit label …`: parse, call one public function, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from annotation.pull import Pulled

label = typer.Typer(
    no_args_is_help=True,
    help="Correct faces in Label Studio, and bring what people said back.\n\n"
    "Example: toolkit label setup faces/ --url http://127.0.0.1:8080",
)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
SHOWN_PROBLEMS = 10

Folder = Annotated[Path, typer.Argument(help="Dataset folder, made by `toolkit extract`.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(help="File whose first line is the token; default: $LABEL_STUDIO_API_KEY."),
]
Resolve = Annotated[
    str,
    typer.Option(help="Of several people on one task: latest, agreement, or the one who counts."),
]
Everything = Annotated[bool, typer.Option("--all", help="All frames, also those without faces.")]
Frames = Annotated[
    list[str] | None, typer.Option(help="Only frames of this id, name, part of it or pattern.")
]
Query = Annotated[
    str, typer.Option(help='Only frames with such a face, e.g. "score < 0.7 and hair = pink".')
]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many frames; default: 100.")]


@label.command()
def setup(
    dataset: Folder,
    url: Annotated[str, typer.Option(help="Where Label Studio is.")] = "http://127.0.0.1:8080",
    title: Annotated[str, typer.Option(help="Of the project; default: the folder's name.")] = "",
    token_file: TokenFile = None,
    local_files: Annotated[
        Path | None,
        typer.Option(
            help="The server's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, to serve pictures from "
            "there; default: they are uploaded."
        ),
    ] = None,
    palettes: Annotated[
        Path | None, typer.Option(help="Folder with your own hair.json, eyes.json or skin.json.")
    ] = None,
    project: Annotated[
        int | None, typer.Option(help="Number of a project that is there; default: a new one.")
    ] = None,
    backend: Annotated[
        str, typer.Option(help="Where `toolkit label serve` runs, to have it told of answers.")
    ] = "",
) -> None:
    """Make the dataset's project, or bring it up to date: title, page, view, storage, hooks.

    Example: toolkit label setup faces/ --url http://127.0.0.1:8080
    """
    from data.dataset import Dataset
    from toolkit import label as job

    folder = str(palettes) if palettes else None
    opened = Dataset.open(dataset)
    made = job.setup(opened, url, title, token_file, local_files, folder, project)
    print(f"project {made.project} {made.title!r}: {made.url}/projects/{made.project}/data")
    if backend:
        from toolkit.label_serve import attach

        print(attach(opened, backend, token_file))


@label.command()
def push(
    dataset: Folder,
    everything: Everything = False,
    frames: Frames = None,
    query: Query = "",
    limit: Limit = None,
    token_file: TokenFile = None,
) -> None:
    """Send the frames most worth a person's time: doubtful faces, points, and rare ones first.

    What is there is not sent again, however often this is run or cut off.

    Example: toolkit label push faces/ --limit 200
    """
    from rich.progress import Progress

    from data.dataset import Dataset
    from toolkit import label as job

    choice = job.Choice(everything, frames or [], query, limit)
    with Progress(console=errors, transient=True) as bar:
        row = bar.add_task("push", total=None)
        done = job.send(
            Dataset.open(dataset),
            choice,
            token_file,
            lambda sent, total: bar.update(row, completed=sent, total=total),
        )
    _problems(done.failed)
    print(f"{done.sent} sent, {done.already + done.found} there already, {len(done.failed)} failed")


@label.command()
def pull(dataset: Folder, resolve: Resolve = "latest", token_file: TokenFile = None) -> None:
    """Bring back what people said since the last time, as labels of the dataset.

    Example: toolkit label pull faces/
    """
    from data.dataset import Dataset
    from toolkit import label as job

    _pulled(job.bring(Dataset.open(dataset), resolve, token_file))


@label.command()
def status(dataset: Folder, token_file: TokenFile = None) -> None:
    """Say what is on the server, what is here, and what waits.

    Example: toolkit label status faces/
    """
    from data.dataset import Dataset
    from toolkit import label as job

    table = Table(show_header=False, box=None)
    for name, words in job.status(Dataset.open(dataset), token_file):
        table.add_row(name, escape(words))
    Console(highlight=False, soft_wrap=True).print(table)


@label.command()
def serve(
    dataset: Folder,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 9090,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two polls.")] = 60.0,
    resolve: Resolve = "latest",
    token_file: TokenFile = None,
) -> None:
    """Suggest points while a box is drawn, and take answers as they are given.

    The secret that Label Studio must show stands in DATASET/label_studio/secret.

    Example: toolkit label serve faces/ --port 9090
    """
    import logging

    from data.dataset import Dataset
    from toolkit.label_serve import serve as run

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("toolkit.label").setLevel(logging.INFO)
    run(
        Dataset.open(dataset),
        host,
        port,
        every,
        resolve,
        token_file,
        ready=lambda url: print(f"listening at {url}; stop with Ctrl+C", flush=True),
    )


@label.command()
def log(
    face: Annotated[str, typer.Argument(help="Face id, or its first letters.")],
    dataset: Annotated[Path, typer.Option("--dataset", "-d", help="Dataset folder.")] = Path(
        "faces"
    ),
) -> None:
    """Everything people ever said of one face, the oldest first.

    Example: toolkit label log 3f2a9c --dataset faces/
    """
    from data.dataset import Dataset
    from toolkit.label_history import history

    for line in history(Dataset.open(dataset), face):
        print(line)


@label.command()
def agreement(dataset: Folder) -> None:
    """How far the detector is from people, and people from each other, part by part.

    Example: toolkit label agreement faces/
    """
    from data.dataset import Dataset
    from toolkit.label_history import agreement as measure
    from toolkit.screen import scores

    answer = measure(Dataset.open(dataset))
    for title, (rows, columns, first) in answer.items():
        print(f"\n{title}")
        scores(rows, columns, first)


@label.command("export")
def export_command(
    dataset: Folder,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tasks.json, config.xml.")],
    images: Annotated[
        str, typer.Option(help="Address before a picture's name; default: pictures in the file.")
    ] = "",
    everything: Everything = False,
    frames: Frames = None,
    query: Query = "",
    limit: Limit = None,
) -> None:
    """Write tasks for a Label Studio that this machine does not reach.

    Example: toolkit label export faces/ --out for_ana/
    """
    from data.dataset import Dataset
    from toolkit import label as job

    choice = job.Choice(everything, frames or [], query, limit)
    count = job.export_tasks(Dataset.open(dataset), out, choice, images)
    print(f"{count} tasks in {out / 'tasks.json'}, their page in {out / 'config.xml'}")


@label.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="JSON that Label Studio exported.")],
    dataset: Annotated[Path, typer.Option("--dataset", "-d", help="Dataset folder.")] = Path(
        "faces"
    ),
    resolve: Resolve = "latest",
) -> None:
    """Bring answers back from a file, as `pull` does from a server.

    Example: toolkit label import export.json --dataset faces/
    """
    from data.dataset import Dataset
    from toolkit import label as job

    _pulled(job.import_tasks(Dataset.open(dataset), source, resolve))


def _pulled(done: Pulled) -> None:
    _problems(done.problems)
    print(
        f"{done.annotations} annotations: {done.corrected} faces corrected, {done.new} new, "
        f"{done.denied} are none, {done.confirmed} confirmed; {done.skipped} skipped"
    )
    if done.disputed:
        print(f"people disagree on {done.disputed} points: see toolkit label agreement")


def _problems(sentences: list[str]) -> None:
    for words in sentences[:SHOWN_PROBLEMS]:
        errors.print(f"[yellow]toolkit:[/] {escape(words)}")
    if len(sentences) > SHOWN_PROBLEMS:
        errors.print(f"[yellow]toolkit:[/] and {len(sentences) - SHOWN_PROBLEMS} more")
