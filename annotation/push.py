"""Sheets to Label Studio, each once, however often it is tried and wherever it is cut off.

Label Studio makes a task of whatever it is sent, so what is about to be sent is written down
first. After a batch of which nobody knows whether it arrived, the server is asked before
anything is sent again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from annotation.desk import Desk, Journal, Project
from annotation.sheets import Sheet, task
from annotation.studio import LostError, Studio, StudioError
from data.errors import InputError

BATCH = 50  # tasks a request; with their predictions about a megabyte
SETTLE = 15.0  # seconds in which a server ends what it was at when its client was cut off

Picture = Callable[[Sheet], tuple[str, bytes]]  # suffix with its dot, file content


@dataclass(slots=True)
class Pushed:
    """What a push did. failed: what could not be read, one sentence each."""

    sent: int = 0
    already: int = 0
    found: int = 0  # had arrived in a push that was cut off
    failed: list[str] = field(default_factory=list)


def push(
    desk: Desk,
    studio: Studio,
    sheets: Iterable[Sheet],
    picture: Picture,
    progress: Callable[[int], None] = lambda done: None,
) -> Pushed:
    """Send what is not there yet, in the order given.

    Raises StudioError when Label Studio will not, OSError when the journal cannot be written;
    the same push goes on from there.
    """
    project = desk.project()
    done = Pushed()
    with desk.alone("push"):
        journal = desk.journal()
        doubtful = journal.highest if journal.unsure else None
        if journal.unsure or journal.fresh:
            done.found = _reconcile(desk, studio, project, journal)
        todo = (one for one in _counted(sheets, journal, done))
        for batch in _batches(todo, BATCH):
            tasks = _tasks(studio, project, batch, picture, done)
            if not tasks:
                continue
            keys = [one["data"]["key"] for one in tasks]
            desk.note(sending=keys)
            try:
                ids = _send(studio, project, tasks)
            except LostError:
                journal.unsure = keys
                _reconcile(desk, studio, project, journal)
                if not set(keys) <= set(journal.sent):
                    raise
            else:
                desk.note(sent=dict(zip(keys, ids, strict=True)))
            done.sent += len(keys)
            progress(done.sent)
        if doubtful is not None:
            _undouble(studio, project, doubtful)
    return done


def _send(studio: Studio, project: Project, tasks: list[dict[str, Any]]) -> list[int]:
    path = f"/api/projects/{project.project}/import"
    ids: list[int] = studio.post(path, tasks, return_task_ids="true").get("task_ids") or []
    if len(ids) != len(tasks):
        raise StudioError(f"{project.url} took {len(ids)} of {len(tasks)} tasks; push again")
    return ids


def _counted(sheets: Iterable[Sheet], journal: Journal, done: Pushed) -> Iterator[Sheet]:
    for sheet in sheets:
        if sheet.key in journal.sent:
            done.already += 1
        else:
            yield sheet


def _batches(sheets: Iterator[Sheet], size: int) -> Iterator[list[Sheet]]:
    while batch := list(islice(sheets, size)):
        yield batch


def _reconcile(desk: Desk, studio: Studio, project: Project, journal: Journal) -> int:
    """Ask which of the unsure ones arrived, until all have or the server must have ended."""
    began, missing = time.monotonic(), set(journal.unsure)
    found: dict[str, int] = {}
    while True:
        for one in studio.sent(project.project, max([journal.highest, *found.values()])):
            key = one["data"].get("key")
            if isinstance(key, str):
                found.setdefault(key, one["id"])
        if missing <= set(found) or time.monotonic() - began > SETTLE:
            break
        time.sleep(1.0)
    desk.note(sent=found)
    journal.sent |= found
    return len(found)


def _undouble(studio: Studio, project: Project, above: int) -> None:
    """What a server ended after all, later than anybody waits, is there twice: keep one."""
    kept: dict[str, dict[str, Any]] = {}
    for one in studio.sent(project.project, above):
        first = kept.setdefault(one["data"].get("key", one["id"]), one)
        if first is not one:
            less = min((first, one), key=lambda task: (task["total_annotations"], -task["id"]))
            if not less["total_annotations"]:
                studio.delete(f"/api/tasks/{less['id']}/")


def _tasks(
    studio: Studio, project: Project, batch: Sequence[Sheet], picture: Picture, done: Pushed
) -> list[dict[str, Any]]:
    """Tasks whose pictures are where the page can load them; frames that are broken are left."""
    readable: list[tuple[Sheet, str, bytes]] = []
    for sheet in batch:
        try:
            readable.append((sheet, *picture(sheet)))
        except InputError as error:
            done.failed.append(str(error))
    if not readable:
        return []
    urls = _served(project, readable) if project.pictures else _upload(studio, project, readable)
    return [
        task(sheet, url, project.words) for (sheet, _, _), url in zip(readable, urls, strict=True)
    ]


def _served(project: Project, pictures: list[tuple[Sheet, str, bytes]]) -> list[str]:
    """Addresses of files in the folder that Label Studio serves."""
    folder = Path(project.pictures)
    folder.mkdir(parents=True, exist_ok=True)
    urls = []
    for sheet, suffix, content in pictures:
        path = folder / f"{sheet.key}{suffix}"
        if not path.exists() or path.stat().st_size != len(content):
            part = path.with_name("." + path.name)
            part.write_bytes(content)
            part.rename(path)
        place = path.relative_to(project.root).as_posix()
        urls.append(f"/data/local-files/?d={place}")
    return urls


def _upload(
    studio: Studio, project: Project, pictures: list[tuple[Sheet, str, bytes]]
) -> list[str]:
    """Addresses of uploaded files. What is uploaded twice lies there twice, but shows once."""
    path = f"/api/projects/{project.project}"
    files = {
        f"{number:04d}": (f"{sheet.key}{suffix}", content)
        for number, (sheet, suffix, content) in enumerate(pictures)
    }
    ids = studio.post(f"{path}/import", files=files, commit_to_project="false")["file_upload_ids"]
    stored = {one["id"]: one["file"] for one in studio.get(f"{path}/file-uploads", ids=str(ids))}
    if len(ids) != len(pictures) or set(ids) != set(stored):
        raise StudioError(f"{project.url} took {len(ids)} of {len(pictures)} pictures; push again")
    return [f"/data/{stored[number]}" for number in ids]
