"""Frames in, faces out: the job behind `toolkit extract`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from queue import Queue
from threading import Thread
from time import perf_counter
from typing import Any

import cv2

import detectors
from data.dataset import Dataset
from data.face import Face
from data.frame import Frame, Item, Part, UnreadableError, Window
from data.reading import read, split
from data.sources import list_items
from detectors.attributes import Describer
from detectors.finding import each_once, same
from toolkit.workers import Answer, Failure, Work, Workers

PARTS = 4  # of a strip for each worker, so that all end at about the same time
LISTED_AHEAD = 1000  # items whose content is hashed before a worker asks for them


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the faces of a frame; kept with every row.

    detector: a name of `detectors.NAMES`. cascade: OpenCV cascade file of that detector.
    palettes: folder of palette files that replace the built-in ones. min_score: least
    likelihood, 0 to 1. max_faces: a frame, the likeliest ones. every: seconds between two
    frames of a video. cuts: split strips and pages into panels. keep_duplicates: also the
    near-duplicates among a video's frames.
    """

    detector: str = "auto"
    cascade: str | None = None
    palettes: str | None = None
    min_score: float = 0.5
    max_faces: int | None = None
    every: float = 1.0
    cuts: bool = False
    keep_duplicates: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """Faces of one window, in the frame's pixels, and the seconds each stage took.

    at_seam: those that the window's edge may have cut.
    """

    frame: Frame
    faces: list[Face]
    at_seam: list[Face]
    seconds: dict[str, float]


@dataclass(slots=True)
class Summary:
    """What a run did. skipped: items done by an earlier run. faces: count by domain."""

    frames: int = 0
    skipped: int = 0
    faces: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)  # of work, by stage
    loading: float = 0.0  # of the wall time, before the first worker was ready
    wall: float = 0.0


Progress = Callable[[int, "int | None", Summary], None]  # items done, items in all if known


def extract(
    sources: Sequence[str | Path],
    out: Path,
    settings: Settings,
    workers: int = 0,
    retry_failed: bool = False,
    progress: Progress = lambda done, total, summary: None,
) -> Summary:
    """Find the faces of all sources and keep them in the dataset `out`; goes on where it stopped.

    workers: processes, 0 for one a core. Raises InputError for sources, detectors or folders
    that cannot be used, and OSError when the disk will not take more; what was kept stays kept.
    """
    began = perf_counter()
    items = list_items(sources, settings.every)
    first = next(items)  # a wrong source is told before anything is loaded or written
    count = workers or os.cpu_count() or 1
    pool = Workers(count, prepare, settings)
    summary = Summary(loading=perf_counter() - began)
    try:
        kept_settings = asdict(settings) | {"version": pool.version}
        dataset = Dataset(out)
        with dataset.writer(kept_settings) as writer:
            done = dataset.done(kept_settings, retry_failed)
            todo = _Todo(
                [first],
                items,
                done,
                partial(split, count=PARTS * count if count > 1 else 1, cuts=settings.cuts),
            )
            answers = _whole_items(pool.map(todo))
            for finished, (item, results, reading) in enumerate(answers, 1):
                _add(summary.seconds, {"reading": reading})
                if isinstance(results, Failure):
                    writer.fail(item, results.reason)
                    cause = results.reason.removeprefix(item.path).strip()
                    summary.failures[cause] += 1
                else:
                    frames = _frames(results, settings.max_faces)
                    writer.add(frames)
                    summary.frames += len(frames)
                    summary.faces.update(face.domain for _, faces in frames for face in faces)
                    for result in results:
                        _add(summary.seconds, result.seconds)
                summary.skipped = todo.skipped
                progress(finished, todo.total, summary)
        summary.skipped = todo.skipped
        summary.seconds["writing"] = writer.seconds
    finally:
        pool.close()
    summary.wall = perf_counter() - began
    return summary


def _whole_items(
    answers: Iterable[Answer],
) -> Iterator[tuple[Item, list[Searched] | Failure, float]]:
    """Items as their last part is answered; a part that failed fails its item."""
    waiting: dict[str, dict[int, tuple[list[Searched] | Failure, float]]] = {}
    for part, results, seconds in answers:
        parts = waiting.setdefault(part.item.item_id, {})
        parts[part.number] = results, seconds
        if len(parts) < part.count:
            continue
        del waiting[part.item.item_id]
        reading = sum(spent for _, spent in parts.values())
        whole: list[Searched] = []
        wrong = None
        for _, (told, _) in sorted(parts.items()):
            if isinstance(told, Failure):
                wrong = told
            else:
                whole += told
        yield part.item, wrong or whole, reading


class _Todo:
    """Parts of items not done yet; listing runs ahead in a thread, for it hashes every file."""

    def __init__(
        self,
        first: list[Item],
        rest: Iterator[Item],
        done: set[str],
        split: Callable[[Item], list[Part]],
    ) -> None:
        self.total: int | None = None  # items to do, once all are listed
        self.skipped = 0
        self._split = split
        self._queue: Queue[Part | BaseException | None] = Queue(maxsize=LISTED_AHEAD)
        Thread(target=self._list, args=(first, rest, set(done)), daemon=True).start()

    def __iter__(self) -> Iterator[Part]:
        while (part := self._queue.get()) is not None:
            if isinstance(part, BaseException):
                raise part
            yield part

    def _list(self, first: list[Item], rest: Iterator[Item], done: set[str]) -> None:
        total = 0
        try:
            for item in (one for part in (first, rest) for one in part):
                if item.item_id in done:
                    self.skipped += 1
                    continue
                done.add(item.item_id)  # the same file named twice is done once
                total += 1
                for part in self._split(item):
                    self._queue.put(part)
        except Exception as error:
            self._queue.put(error)
            return
        self.total = total
        self._queue.put(None)


def prepare(settings: Settings) -> Work:
    """Load everything a worker process needs."""
    cv2.setNumThreads(1)  # one process a core is faster than threads that wait for each other
    detector = detectors.load(settings.detector, cascade=settings.cascade)
    describer = Describer(settings.palettes)
    return Work(
        read=partial(
            read,
            every=settings.every,
            cuts=settings.cuts,
            keep_duplicates=settings.keep_duplicates,
        ),
        search=partial(_search, detector, describer, settings.min_score),
        version=f"{detector.name} {detector.version}",
    )


def look(
    items: Iterable[Item], settings: Settings
) -> Iterator[tuple[Item, list[tuple[Frame, list[Face]]] | str]]:
    """Items searched here and now, nothing kept: frames with their faces, or why there are none."""
    work = prepare(settings)
    for item in items:
        try:
            windows = [work.search(window) for window in work.read(Part(item))]
        except UnreadableError as error:
            yield item, str(error)
        else:
            yield item, _frames(windows, settings.max_faces)


def _search(detector: Any, describer: Describer, min_score: float, window: Window) -> Searched:
    clock = [perf_counter()]
    [faces] = detector.detect([window.pixels])
    faces = [face for face in faces if face.score >= min_score]
    clock.append(perf_counter())
    faces = describer.ground(window.pixels, window.alpha, faces)
    clock.append(perf_counter())
    faces = describer.describe(window.pixels, faces)
    clock.append(perf_counter())
    stages = ("faces and landmarks", "foreground", "colours and pose")
    seconds = {stage: clock[i + 1] - clock[i] for i, stage in enumerate(stages)}
    return Searched(
        window.frame,
        [face.moved(window.x, window.y) for face in faces if not _at_seam(face, window)],
        [face.moved(window.x, window.y) for face in faces if _at_seam(face, window)],
        seconds,
    )


def _frames(windows: list[Searched], most: int | None) -> list[tuple[Frame, list[Face]]]:
    """Each frame with its faces, likeliest first, at most `most`."""
    grouped = groupby(windows, key=lambda window: window.frame)
    return [(frame, _each_once(list(seen))[:most]) for frame, seen in grouped]


def _each_once(windows: list[Searched]) -> list[Face]:
    """Faces of all windows of one frame, each once: the window that saw it whole tells."""
    faces = each_once([face for window in windows for face in window.faces])
    for face in (face for window in windows for face in window.at_seam):
        if not any(same(face.box, other.box) for other in faces):
            faces.append(face)
    return sorted(faces, key=lambda face: -face.score)


def _at_seam(face: Face, window: Window) -> bool:
    """Whether the window's edge, where the frame goes on, may have cut the face."""
    height, width = window.pixels.shape[:2]
    box, near = face.box, 0.1 * face.box.size
    return (
        (window.x > 0 and box.x < near)
        or (window.y > 0 and box.y < near)
        or (window.x + width < window.frame.width and box.x + box.width > width - near)
        or (window.y + height < window.frame.height and box.y + box.height > height - near)
    )


def _add(total: dict[str, float], more: dict[str, float]) -> None:
    for stage, seconds in more.items():
        total[stage] = total.get(stage, 0.0) + seconds
