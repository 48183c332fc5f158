"""What a person sees in the terminal: progress, the summary, the doctor's table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from toolkit.extract import Progress as Tell
    from toolkit.extract import Summary

SHOWN_CAUSES = 12


@contextmanager
def extraction() -> Iterator[Tell]:
    """A progress bar on standard error with rate and time left."""
    bar = Progress(
        TextColumn("[bold]extract"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[found]}"),
        console=Console(stderr=True),
        transient=True,  # the summary, or one sentence, is what stays
    )
    task = bar.add_task("extract", total=None, rate="loading detectors", found="")

    def tell(done: int, total: int | None, summary: Summary) -> None:
        speed = bar.tasks[0].speed
        rate = f"{speed:.1f}/s" if speed else ""
        found = f"{summary.faces.total()} faces"
        if summary.failures:
            found += f", [red]{summary.failures.total()} failed[/]"
        bar.update(task, completed=done, total=total, rate=rate, found=found)

    with bar:
        yield tell


def summarise(summary: Summary, out: Path) -> None:
    """Print what a run did, and what to do next."""
    screen = Console(highlight=False)
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_column(justify="left", style="bold")
    table.add_column()
    table.add_row("frames", f"{summary.frames}")
    if summary.skipped:
        table.add_row("done before", f"{summary.skipped}")
    domains = ", ".join(f"{count} {domain}" for domain, count in summary.faces.most_common())
    table.add_row("faces", f"{summary.faces.total()}" + (f" ({domains})" if domains else ""))
    table.add_row("failed", f"{summary.failures.total()}")
    for reason, count in summary.failures.most_common(SHOWN_CAUSES):
        table.add_row("", f"{count} x {escape(reason)}")
    if len(summary.failures) > SHOWN_CAUSES:
        table.add_row("", f"and {len(summary.failures) - SHOWN_CAUSES} more causes: see the report")
    work = sum(summary.seconds.values()) or 1.0
    stages = sorted(summary.seconds.items(), key=lambda stage: -stage[1])
    for row, (stage, seconds) in enumerate(stages):
        share = f"{seconds / work:6.1%}  {stage}, {seconds:.1f} s"
        table.add_row("" if row else "time", share)
    table.add_row("wall", f"{summary.wall:.1f} s")
    screen.print(table)
    screen.print(f"\nLook at them: [bold]toolkit report {escape(str(out))}[/]")


def health() -> None:
    """Print each detector, whether it can run here, and what it lacks."""
    import detectors

    table = Table("detector", "runs here", "what it is, or what it lacks", box=None)
    for name, lacks in detectors.check().items():
        table.add_row(
            name, "[red]no[/]" if lacks else "[green]yes[/]", escape(lacks or detectors.ABOUT[name])
        )
    Console(highlight=False).print(table)


def scores(
    answer: dict[str, dict[str, Any]], columns: tuple[str, ...], first: str = "kind"
) -> None:
    """Print a row a kind, or whatever `first` says."""
    table = Table(first, *columns, box=None)
    for kind, row in answer.items():
        table.add_row(escape(kind), *(_number(row.get(column)) for column in columns))
    paper().print(table)


def paper() -> Console:
    """What tables are printed on: one that is piped is not cut to a screen's width."""
    screen = Console(highlight=False)
    return screen if screen.is_terminal else Console(highlight=False, width=400)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
