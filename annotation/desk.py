"""What a dataset knows of its Label Studio project: DATASET/label_studio.

project.json    address, project, words, where pictures are served from
sent.jsonl      what was about to be sent, and what arrived
pulled.json     until when answers were brought back, and who is who
secret          what hooks must show
queue/          hooks that came in and are not done
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from annotation.configuration import Words
from data.dataset import Dataset
from data.errors import InputError


@dataclass(frozen=True, slots=True)
class Project:
    """Where faces are labelled.

    pictures: folder that Label Studio serves files from and is told of them by path; "" when they
    are uploaded. root: the server's document root that it lies in. token_file: "" when the token
    is in the environment.
    """

    url: str
    project: int
    title: str
    words: Words
    pictures: str = ""
    root: str = ""
    token_file: str = ""


@dataclass(slots=True)
class Journal:
    """What was sent. unsure: keys of a batch of which nobody knows whether it arrived.

    highest: id of a task that is known to have arrived, 0 when none is. fresh: whether nothing
    was ever written.
    """

    sent: dict[str, int] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    fresh: bool = True

    @property
    def highest(self) -> int:
        return max(self.sent.values(), default=0)


class Desk:
    """The folder; making the object reads and writes nothing."""

    def __init__(self, dataset: Dataset):
        self.folder = dataset.folder / "label_studio"

    def project(self) -> Project:
        """Raises InputError when there is none yet."""
        path = self.folder / "project.json"
        try:
            told = json.loads(path.read_text("utf-8"))
            return Project(**{**told, "words": Words(**told["words"])})
        except FileNotFoundError:
            raise InputError(
                f"{self.folder.parent} has no Label Studio project yet; "
                f"make one with: toolkit label setup {self.folder.parent} --url http://…"
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{path} is damaged ({error}); run toolkit label setup again"
            ) from None

    def keep_project(self, project: Project) -> None:
        """A project on another server starts with an empty journal."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            before = self.project()
        except InputError:
            before = None
        if before is None or (before.url, before.project) != (project.url, project.project):
            for name in ("sent.jsonl", "pulled.json"):
                (self.folder / name).unlink(missing_ok=True)
        write_whole(self.folder / "project.json", json.dumps(asdict(project), ensure_ascii=False))

    def secret(self) -> str:
        """Made when it is first asked for; only its owner can read it."""
        path = self.folder / "secret"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24))
        told = path.read_text("utf-8").strip()
        if len(told) < 16:
            raise InputError(f"{path} holds no secret of 16 letters or more; delete it")
        return told

    def journal(self) -> Journal:
        """Read anew; a torn last line is a batch of which nobody knows."""
        path, read = self.folder / "sent.jsonl", Journal()
        if not path.exists():
            return read
        read.fresh = False
        for line in path.read_bytes().split(b"\n"):
            try:
                told = json.loads(line) if line else {}
            except ValueError:
                continue
            read.unsure = told.get("sending", read.unsure)
            if "sent" in told:
                read.sent |= told["sent"]
                read.unsure = []
        return read

    def note(self, **line: Any) -> None:
        """Add a line to the journal; on the disk when it returns. Raises OSError."""
        path = self.folder / "sent.jsonl"
        with path.open("ab", buffering=0) as file:
            end = file.seek(0, os.SEEK_END)
            content = b"\n" + json.dumps(line).encode() + b"\n"
            try:
                if file.write(content) != len(content):
                    raise OSError(28, os.strerror(28), str(path))
                os.fsync(file.fileno())
            except OSError:
                os.truncate(path, end)
                raise

    def pulled(self) -> dict[str, Any]:
        """since, seen and people; empty before the first pull, and after damage: it is redone."""
        try:
            told = json.loads((self.folder / "pulled.json").read_text("utf-8"))
            return told if isinstance(told, dict) else {}
        except (OSError, ValueError):
            return {}

    def keep_pulled(self, state: dict[str, Any]) -> None:
        write_whole(self.folder / "pulled.json", json.dumps(state))

    @contextmanager
    def alone(self, what: str, wait: bool = False) -> Iterator[None]:
        """One `push` or `pull` at a time. Raises InputError when another one runs."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f".{what}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise InputError(
                    f"another toolkit is at a {what} of {self.folder.parent}; wait for it"
                ) from None
            yield


def write_whole(path: Path, text: str) -> None:
    """All of it or nothing, on the disk when it returns. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
