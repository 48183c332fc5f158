"""Spawned processes that do items one after the other; a process that dies costs one item.

Each has its own detectors and reads ahead: while one window is searched the next is decoded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import Queue
from threading import Thread
from time import perf_counter
from typing import Any

from data.errors import InputError
from data.frame import Frame, Item, UnreadableError, Window

AHEAD = 2  # items sent to a worker before it answered, and windows decoded ahead


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item gave nothing."""

    reason: str


@dataclass(slots=True)
class Work:
    """What a worker runs: made once in each process by `start`, both importable functions."""

    read: Callable[[Item], Iterator[Window]]
    search: Callable[[Window], Any]
    finish: Callable[[Frame, list[Any]], Any]
    version: str


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    items: deque[Item] = field(default_factory=deque)


Answer = tuple[Item, "list[Any] | Failure", float]


class Workers:
    """A pool for one run. start: importable function, called with `arguments` in each process.

    Raises InputError from the constructor when `start` raises one in the first process.
    """

    def __init__(self, count: int, start: Callable[..., Work], *arguments: Any) -> None:
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, "1")  # read when a process loads numpy: one core each
        self._context = multiprocessing.get_context("spawn")
        self._arguments = (start, arguments)
        self._workers = [self._spawn() for _ in range(count)]
        self.version = self._ready(self._workers[0])

    def map(self, items: Iterable[Item]) -> Iterator[Answer]:
        """Each item with one result a frame, or its Failure, and seconds of reading; any order."""
        source = iter(items)
        suspects: deque[Item] = deque()  # in the hands of a process when it died
        alone: set[str] = set()
        while True:
            for worker in self._workers:
                self._feed(worker, source, suspects, alone)
            busy = [worker for worker in self._workers if worker.items]
            if not busy:
                return
            for connection in wait([worker.connection for worker in busy]):
                worker = next(w for w in busy if w.connection is connection)
                try:
                    answer = worker.connection.recv()
                except (EOFError, ConnectionResetError):
                    yield from self._bury(worker, suspects, alone)
                    continue
                if isinstance(answer, InputError):
                    raise answer
                if isinstance(answer, tuple):  # not the version a late starter tells
                    yield (worker.items.popleft(), *answer)

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker in self._workers:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()

    def _feed(
        self, worker: _Worker, source: Iterator[Item], suspects: deque[Item], alone: set[str]
    ) -> None:
        if any(item.item_id in alone for item in worker.items):
            return
        if suspects:
            if not worker.items:
                alone.add(suspects[0].item_id)
                self._send(worker, suspects.popleft())
            return
        while len(worker.items) < AHEAD and (item := next(source, None)) is not None:
            self._send(worker, item)

    def _send(self, worker: _Worker, item: Item) -> None:
        worker.items.append(item)
        with suppress(BrokenPipeError, ConnectionResetError):  # its end of file tells in `map`
            worker.connection.send(item)

    def _bury(self, dead: _Worker, suspects: deque[Item], alone: set[str]) -> Iterator[Answer]:
        """Replace a dead worker; what it alone had in hand killed it, else all are suspects."""
        dead.process.join()
        dead.connection.close()
        code = dead.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self._workers[self._workers.index(dead)] = self._spawn()
        if len(dead.items) == 1 and dead.items[0].item_id in alone:
            yield dead.items[0], Failure(f"the process working on it died twice ({how})"), 0.0
        else:
            suspects.extend(dead.items)

    def _spawn(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, *self._arguments), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _ready(self, worker: _Worker) -> str:
        try:
            answer = worker.connection.recv()
        except EOFError:
            answer = InputError("the worker process died while it loaded its detectors")
        if isinstance(answer, InputError):
            self.close()
            raise answer
        return answer


def _serve(connection: Connection, start: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    try:
        work = start(*arguments)
    except InputError as error:
        connection.send(error)
        return
    connection.send(work.version)
    ahead: Queue[Any] = Queue(maxsize=AHEAD)
    Thread(target=_read_ahead, args=(connection, work, ahead), daemon=True).start()
    while True:
        connection.send(_do_item(work, ahead))


def _do_item(work: Work, ahead: Queue[Any]) -> tuple[list[Any] | Failure, float]:
    """Search an item's windows as they come; one result a frame, and the seconds of reading."""
    results: list[Any] = []
    parts: list[Any] = []
    frame: Frame | None = None
    wrong: Failure | None = None
    while isinstance(window := ahead.get(), Window):
        if wrong:
            continue  # empty the queue up to the item's end
        try:
            if frame is not None and window.frame.frame_id != frame.frame_id:
                results.append(work.finish(frame, parts))
                parts = []
            frame = window.frame
            parts.append(work.search(window))
        except Exception as error:  # whatever a picture does to a detector is that picture's row
            wrong = Failure(f"{work.version} failed on it: {type(error).__name__}: {error}")
    unread, seconds = window
    if wrong or unread:
        return wrong or unread, seconds
    if frame is not None:
        results.append(work.finish(frame, parts))
    return results, seconds


def _read_ahead(connection: Connection, work: Work, ahead: Queue[Any]) -> None:
    while True:
        try:
            item = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone
        failure, seconds = None, 0.0
        windows = work.read(item)
        while True:
            began = perf_counter()
            try:
                window = next(windows, None)
            except UnreadableError as error:
                failure, window = Failure(str(error)), None
            except Exception as error:  # a decoder's own surprise is that picture's row too
                failure, window = Failure(f"reading failed: {type(error).__name__}: {error}"), None
            seconds += perf_counter() - began
            if window is None:
                break
            ahead.put(window)
        ahead.put((failure, seconds))
