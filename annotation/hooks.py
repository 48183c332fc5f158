"""Hooks that came in, on disk until they are done; and polling, since none comes twice."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from annotation.desk import Desk, write_whole
from annotation.pull import Puller
from data.errors import InputError

log = logging.getLogger("toolkit.label")

ANSWERS = {"ANNOTATION_CREATED", "ANNOTATION_UPDATED"}
SLOWEST = 300.0  # seconds between two tries while Label Studio is away


class Queue:
    """Hooks as files, oldest first. Making the object reads and writes nothing."""

    def __init__(self, desk: Desk):
        self.folder = desk.folder / "queue"
        self.filled = threading.Event()

    def put(self, hook: dict[str, Any]) -> None:
        """On the disk when it returns. Raises OSError. Of hooks without an answer nothing is kept.

        A hook for every annotation: the project, which is the same each time, is left out.
        """
        if hook.get("action") not in ANSWERS:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {name: hook.get(name) for name in ("action", "annotation", "task")}
        write_whole(self.folder / f"{time.time_ns():020d}.json", json.dumps(kept))
        self.filled.set()

    def waiting(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))


def work(
    queue: Queue,
    puller: Callable[[], Puller],
    every: float,
    stop: threading.Event,
) -> None:
    """Do what waits, and pull `every` so many seconds, until `stop` is set.

    While Label Studio is away or the disk is full, everything stays where it is and is tried
    again, ever more seldom.
    """
    pause, polled = 0.0, -every
    while not stop.is_set():
        queue.filled.clear()
        try:
            drain(queue, puller)
            if time.monotonic() - polled >= every:
                polled = time.monotonic()
                done = puller().pull(wait=True)
                if done.kept:
                    log.info("%s labels brought back", done.kept)
            pause = 0.0
        except (InputError, OSError) as error:  # Label Studio's errors among them
            pause = min(max(2 * pause, 1.0), SLOWEST)
            polled = -every
            log.warning("%s; again in %.0f s", error, pause)
            stop.wait(pause)
            continue
        left = every - (time.monotonic() - polled)
        end = time.monotonic() + max(left, 0.05)
        while not stop.is_set() and time.monotonic() < end and not queue.filled.is_set():
            queue.filled.wait(min(0.5, max(end - time.monotonic(), 0.01)))


def drain(queue: Queue, puller: Callable[[], Puller]) -> int:
    """Make labels of the hooks that wait; returns how many hooks were done.

    Raises what the puller does; the hook it happened at stays.
    """
    count = 0
    for path in queue.waiting():
        try:
            hook = json.loads(path.read_bytes())
            task = {**hook["task"], "annotations": [hook["annotation"]]}
        except (ValueError, KeyError, TypeError) as error:
            log.warning("%s is no hook (%s) and is set aside", path.name, error)
            path.rename(path.with_suffix(".broken"))
            continue
        try:
            done = puller().take(task)
        except (InputError, OSError):
            raise
        except Exception:  # nothing that comes from outside may stop what comes after it
            log.exception("%s cannot be used and is set aside", path.name)
            path.rename(path.with_suffix(".broken"))
            continue
        for words in done.problems:
            log.warning("%s", words)
        path.unlink()
        count += 1
    return count
