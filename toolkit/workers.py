"""Spawned processes that do items part by part; a process that dies costs one part.

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
from data.frame import Part, UnreadableError, Window

AHEAD = 2  # parts sent to a worker before it answered, and windows decoded ahead


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an item gave nothing."""

    reason: str


@dataclass(slots=True)
class Work:
    """What a worker runs: made once in each process by `start`, both importable functions."""

    read: Callable[[Part], Iterator[Window]]
    search: Callable[[Window], Any]
    version: str


@dataclass(slots=True)
class _Worker:
    process: BaseProcess
    connection: Connection
    parts: deque[Part] = field(default_factory=deque)


Answer = tuple[Part, "list[Any] | Failure", float]


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

    def map(self, parts: Iterable[Part]) -> Iterator[Answer]:
        """Each part with one result a window, or its Failure, and seconds of reading; any order."""
        source = iter(parts)
        suspects: deque[Part] = deque()  # in the hands of a process when it died
        alone: set[Part] = set()
        while True:
            for depth in range(AHEAD):  # the first to everybody before the second to anybody
                for worker in self._workers:
                    if len(worker.parts) == depth:
                        self._feed(worker, source, suspects, alone)
            busy = [worker for worker in self._workers if worker.parts]
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
                    yield (worker.parts.popleft(), *answer)

    def close(self) -> None:
        """End the processes, whatever they do."""
        for worker in self._workers:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()

    def _feed(
        self, worker: _Worker, source: Iterator[Part], suspects: deque[Part], alone: set[Part]
    ) -> None:
        if any(part in alone for part in worker.parts):
            return
        if suspects:
            if not worker.parts:
                alone.add(suspects[0])
                self._send(worker, suspects.popleft())
            return
        if (part := next(source, None)) is not None:
            self._send(worker, part)

    def _send(self, worker: _Worker, part: Part) -> None:
        worker.parts.append(part)
        with suppress(BrokenPipeError, ConnectionResetError):  # its end of file tells in `map`
            worker.connection.send(part)

    def _bury(self, dead: _Worker, suspects: deque[Part], alone: set[Part]) -> Iterator[Answer]:
        """Replace a dead worker; what it alone had in hand killed it, else all are suspects."""
        dead.process.join()
        dead.connection.close()
        code = dead.process.exitcode or 0
        how = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        self._workers[self._workers.index(dead)] = self._spawn()
        if len(dead.parts) == 1 and dead.parts[0] in alone:
            yield dead.parts[0], Failure(f"the process working on it died twice ({how})"), 0.0
        else:
            suspects.extend(dead.parts)

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
    with suppress(BrokenPipeError):  # the parent is gone, and so is the reader
        while True:
            connection.send(_do_part(work, ahead))


def _do_part(work: Work, ahead: Queue[Any]) -> tuple[list[Any] | Failure, float]:
    """Search a part's windows as they come; one result a window, and the seconds of reading."""
    results: list[Any] = []
    wrong: Failure | None = None
    while isinstance(window := ahead.get(), Window):
        if wrong:
            continue  # empty the queue up to the part's end
        try:
            results.append(work.search(window))
        except Exception as error:  # whatever a picture does to a detector is that picture's row
            wrong = Failure(f"{work.version} failed on it: {type(error).__name__}: {error}")
    unread, seconds = window
    return wrong or unread or results, seconds


def _read_ahead(connection: Connection, work: Work, ahead: Queue[Any]) -> None:
    while True:
        try:
            part = connection.recv()
        except (EOFError, OSError):
            os._exit(0)  # the parent is gone
        failure, seconds = None, 0.0
        windows = work.read(part)
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
