"""Answers back from Label Studio, each once, as labels of the dataset.

Every version of every annotation is told apart by its number, its time and what it says, which
its labels carry as their origin: what is in the log is not kept again, whoever brings it and in
whatever order.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from annotation.answers import Said, answer
from annotation.configuration import Words, tags
from annotation.desk import Desk
from annotation.sheets import Sheet, sheet_of
from annotation.studio import Studio
from data.dataset import Dataset
from data.errors import InputError
from data.face import Face
from data.frame import identify
from data.labels import CARRIED, Label
from data.rows import COLOURS, face_row

LATE = timedelta(seconds=60)  # a change may be seen so much later than its time says
APART = 0.03  # of the face's size: people who place a point further apart disagree
AT_ONCE = 100  # tasks, between two times that the log is synced
BEGINNING = "2000-01-01T00:00:00.000000Z"
LATEST, AGREEMENT = "latest", "agreement"  # else the name of the person who counts


@dataclass(slots=True)
class Pulled:
    """What a pull did. kept: labels. problems: what was not understood, one sentence each.

    disputed: (face, point) pairs on which people disagree.
    """

    annotations: int = 0
    kept: int = 0
    corrected: int = 0
    confirmed: int = 0
    denied: int = 0
    new: int = 0
    skipped: int = 0
    disputed: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """One annotation, read."""

    name: str
    who: str
    at: str  # as the server writes it
    said: list[Said]


class Known:
    """What the log holds of answers already: the newest version of each, and every version."""

    def __init__(self, log: Path):
        """The log is searched, not parsed: it is read whole on every pull."""
        self._newest: dict[tuple[str, str], tuple[str, str]] = {}
        self._all: set[tuple[str, str, str]] = set()
        for found in _ORIGIN.finditer(log.read_bytes() if log.exists() else b""):
            face_id, name, at, digest = (part.decode() for part in found.groups())
            self.add(name, face_id, at, digest)

    def add(self, name: str, face_id: str, at: str, digest: str) -> None:
        self._all.add((face_id, at, digest))
        if at >= self._newest.get((name, face_id), ("", ""))[0]:
            self._newest[name, face_id] = at, digest

    def has(self, name: str, face_id: str, at: str, digest: str) -> bool:
        """Whether it is there, or the same annotation said the same or something newer."""
        newest = self._newest.get((name, face_id))
        older = newest is not None and (newest[0] >= at or newest[1] == digest)
        return older or (face_id, at, digest) in self._all


_ORIGIN = re.compile(
    rb'^\{"face_id": "([^"]*)".*"origin": "(\S+) (\S+) ([0-9a-f]{16})"(?:, "aside": true)?\}$',
    re.M,
)


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Makes labels of tasks.

    frames: ids of the dataset's. asked: the page's tags, None for all of ours. name: who
    `completed_by` is. where: the server, or "file". known and done learn of every label.
    """

    frames: set[str]
    words: Words
    asked: set[str] | None
    resolve: str
    name: Callable[[Any], str]
    where: str
    known: Known
    done: Pulled

    def labels(self, task: dict[str, Any]) -> list[Label]:
        """Labels of a task that are not in the log yet."""
        number, done = task.get("id"), self.done
        try:
            sheet = sheet_of(task.get("meta"))
        except InputError as error:
            done.problems.append(f"task {number}: {error}")
            return []
        if sheet.frame_id not in self.frames:  # kept all the same: it may be extracted again
            done.problems.append(f"task {number}: {sheet.frame} is no frame of this dataset now")
        told = []
        annotations = task.get("annotations")
        for one in annotations if isinstance(annotations, list) else []:
            if not isinstance(one, dict) or one.get("was_cancelled"):
                done.skipped += 1
            elif read := self._annotation(one, sheet, f"task {number}"):
                told.append(read)
        told.sort(key=lambda one: one.at)
        latest = {one.who: one for one in told}
        if len(latest) > 1:
            done.disputed += len(disputes({who: one.said for who, one in latest.items()}))
        several = len(latest) > 1
        labels = []
        for one in told:
            aside = several if self.resolve == AGREEMENT else not _is(one.who, self.resolve)
            labels += self._new(one, sheet, aside)
        if several and self.resolve == AGREEMENT:
            agreed = agreement(sheet, {who: one.said for who, one in latest.items()})
            name, who = f"agreement-{number}", " & ".join(sorted(latest))
            labels += self._new(_Told(name, who, told[-1].at, agreed), sheet, False)
        return labels

    def _annotation(self, one: dict[str, Any], sheet: Sheet, where: str) -> _Told | None:
        number, at = one.get("id"), one.get("updated_at")
        if not isinstance(number, int) or not isinstance(at, str) or _utc(at) is None:
            self.done.problems.append(f"{where}: an annotation has no number or no time")
            return None
        who = self.name(one.get("completed_by"))
        read = answer(sheet, one.get("result"), self.words, self.asked, who)
        self.done.problems += [f"{where}, annotation {number}: {told}" for told in read.problems]
        self.done.annotations += 1
        return _Told(str(number), who, at, read.said)

    def _new(self, told: _Told, sheet: Sheet, aside: bool) -> list[Label]:
        name, at = f"{self.where}/{told.name}", _utc(told.at) or ""
        labels = []
        for said in told.said:
            digest = _digest(said, aside)
            if self.known.has(name, said.face_id, told.at, digest):
                continue
            self.known.add(name, said.face_id, told.at, digest)
            labels.append(
                Label(
                    said.face_id,
                    sheet.frame_id,
                    said.face,
                    said.box,
                    told.who,
                    at,
                    said.moved,
                    said.outline,
                    f"{name} {told.at} {digest}",
                    aside,
                )
            )
            self._count(said)
        return labels

    def _count(self, said: Said) -> None:
        if said.face is None:
            self.done.denied += 1
        elif said.new:
            self.done.new += 1
        elif said.changed:
            self.done.corrected += 1
        else:
            self.done.confirmed += 1


def _is(who: str, resolve: str) -> bool:
    """Whether a person counts: an address is told whole or by what stands before its @."""
    return resolve in (LATEST, who, who.partition("@")[0])


class Puller:
    """Brings answers back. resolve: LATEST, AGREEMENT, or the name of the one who counts."""

    def __init__(self, dataset: Dataset, studio: Studio, resolve: str = LATEST):
        self.dataset, self.studio, self.resolve = dataset, studio, resolve
        self.desk = Desk(dataset)
        self.project = self.desk.project()
        self._people: dict[str, str] = self.desk.pulled().get("people", {})
        self._asked: set[str] | None = None

    def pull(self, wait: bool = False) -> Pulled:
        """All that changed since the last time. wait: for another pull that runs.

        Raises StudioError when Label Studio will not, OSError when the disk is full; what was
        kept stays kept and the same pull goes on from there.
        """
        done = Pulled()
        with self.desk.alone("pull", wait):
            self._asked = None  # the page may have been edited meanwhile
            state = self.desk.pulled()
            since, seen = state.get("since", BEGINNING), dict(state.get("seen", {}))
            reader = None
            changed = (
                task
                for task in self.studio.told(self.project.project, _earlier(since))
                if seen.get(str(task["id"])) != task["updated_at"]
            )
            while tasks := list(islice(changed, AT_ONCE)):
                reader = reader or self._reader(done)
                self._keep(tasks, reader)
                since = max([since, *(task["updated_at"] for task in tasks)])
                seen |= {str(task["id"]): task["updated_at"] for task in tasks}
                seen = {number: at for number, at in seen.items() if at >= _earlier(since)}
                self.desk.keep_pulled({"since": since, "seen": seen, "people": self._people})
        return done

    def take(self, task: dict[str, Any]) -> Pulled:
        """One task with its annotations, as a hook tells it. Raises as `pull` does."""
        done = Pulled()
        with self.desk.alone("pull", wait=True):
            self._keep([task], self._reader(done))
        return done

    def _keep(self, tasks: list[dict[str, Any]], reader: Reader) -> None:
        labels = [label for task in tasks for label in reader.labels(task)]
        if labels:
            self.dataset.keep(*labels)
            reader.done.kept += len(labels)

    def _reader(self, done: Pulled) -> Reader:
        if self._asked is None:
            path = f"/api/projects/{self.project.project}/"
            self._asked = tags(self.studio.get(path)["label_config"])
        known = Known(self.dataset.folder / "labels.jsonl")
        words, where = self.project.words, self.project.url
        frames = frame_ids(self.dataset)
        return Reader(frames, words, self._asked, self.resolve, self._name, where, known, done)

    def _name(self, user: Any) -> str:
        """A person's address, asked for once. Raises StudioError."""
        if not isinstance(user, dict) and str(user) not in self._people:
            users = self.studio.get("/api/users/")
            self._people |= {str(one["id"]): one.get("email") or str(one["id"]) for one in users}
        return name_of(user, self._people)


def frame_ids(dataset: Dataset) -> set[str]:
    return {record.frame.frame_id for record in dataset.frames()}


def name_of(user: Any, people: dict[str, str]) -> str:
    """Who `completed_by` is: an export tells the person, else only a number."""
    if isinstance(user, dict):
        return str(user.get("email") or user.get("id"))
    return people.get(str(user), f"user {user}")


def _digest(said: Said, aside: bool) -> str:
    row = face_row(replace(said.face, source="", foreground=None)) if said.face else None
    return identify(json.dumps([row, said.outline, aside]))


def _utc(at: str) -> str | None:
    """A server's time as labels tell it."""
    try:
        told = datetime.fromisoformat(at.replace("Z", "+00:00"))
    except ValueError:
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=timezone.utc)
    return told.astimezone(timezone.utc).isoformat(timespec="microseconds")


def _earlier(at: str) -> str:
    told = datetime.fromisoformat(at.replace("Z", "+00:00")) - LATE
    return told.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# Several people on one task.


def together(by_person: dict[str, list[Said]]) -> list[dict[str, Said]]:
    """What each said of the same face; faces drawn by hand are the same where they overlap."""
    made: list[dict[str, Said]] = []
    for who, several in by_person.items():
        for said in several:
            place = next((one for one in made if who not in one and _same(said, one)), None)
            if place is None:
                made.append({who: said})
            else:
                place[who] = said
    return made


def _same(said: Said, others: dict[str, Said]) -> bool:
    first = next(iter(others.values()))
    return first.face_id == said.face_id or (
        said.new and first.new and said.box.overlap(first.box) >= CARRIED
    )


def disputes(by_person: dict[str, list[Said]]) -> list[tuple[str, int, float]]:
    """(face, point, distance in shares of the face's size) of points that people place apart."""
    found = []
    for one in together(by_person):
        placed = [said.face.landmarks for said in one.values() if said.face]
        if len(placed) > 1:
            size = max(next(iter(one.values())).box.size, 1e-6)
            apart = spread(placed) / size
            found += [
                (next(iter(one.values())).face_id, int(index), float(apart[index]))
                for index in np.flatnonzero(apart > APART)
            ]
    return found


def spread(placed: Iterable[np.ndarray]) -> np.ndarray:
    """(68,) greatest distance between any two people's points, pixels; NaN where one has none."""
    stack = np.stack(list(placed)).astype(np.float64)
    return np.asarray(np.linalg.norm(stack[:, None] - stack[None], axis=-1).max((0, 1)))


def agreement(sheet: Sheet, by_person: dict[str, list[Said]]) -> list[Said]:
    """One answer of several: the mean of points that all place alike, what most say else.

    Where nothing has a majority, what was shown stays.
    """
    shown = {one.face_id: one for one in sheet.faces}
    agreed = []
    for one in together(by_person):
        said = list(one.values())
        faces = [each.face for each in said if each.face]
        was = shown.get(said[0].face_id)
        if 2 * len(faces) < len(by_person) or (was is None and 2 * len(faces) == len(by_person)):
            if was:
                agreed.append(replace(said[0], face=None, box=was.face.box, moved=()))
            continue
        base = was.face if was else faces[0]
        face = _agreed_face(base, faces, " & ".join(sorted(by_person)))
        same = (face.landmarks == base.landmarks) | np.isnan(face.landmarks)
        moved = tuple(np.flatnonzero(~same.all(1)).tolist())
        changed = tuple(sorted({name for each in said for name in each.changed}))
        agreed.append(replace(said[0], face=face, box=face.box, moved=moved, changed=changed))
    return agreed


def _agreed_face(base: Face, faces: list[Face], who: str) -> Face:
    near = spread([face.landmarks for face in faces]) / max(base.box.size, 1e-6) <= APART
    mean = np.mean([face.landmarks.astype(np.float64) for face in faces], 0).astype(np.float32)
    scores = np.mean([face.landmark_scores for face in faces], 0).astype(np.float32)
    fields: dict[str, Any] = {
        name: _majority([getattr(face, name) for face in faces], getattr(base, name))
        for name in ("box", *COLOURS, "gender", "glasses")
    }
    return replace(
        base,
        landmarks=np.where(near[:, None], mean, base.landmarks),
        landmark_scores=np.where(near, scores, base.landmark_scores),
        source=f"person {who}",
        **fields,
    )


def _majority(told: list[Any], shown: Any) -> Any:
    counts: dict[int, int] = defaultdict(int)
    for number, value in enumerate(told):
        counts[told.index(value) if value in told[:number] else number] += 1
    best = max(counts, key=lambda number: counts[number])
    return told[best] if 2 * counts[best] > len(told) else shown
