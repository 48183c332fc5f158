"""Worker processes that die, fail or stall, for real."""

import sys
import textwrap

import pytest

from data.errors import InputError
from data.frame import Item, Part
from toolkit.workers import Failure, Workers

JOB = """
    import os, signal, time
    from data.errors import InputError
    from data.frame import Frame, UnreadableError, Window
    from toolkit.workers import Work
    import numpy as np

    def read(part):
        item = part.item
        if "unreadable" in item.path:
            raise UnreadableError(f"{item.path} is torn")
        if "dies reading" in item.path:
            os.kill(os.getpid(), signal.SIGSEGV)
        for number in range(2 if "two" in item.path else 1):
            frame = Frame(f"{item.path} {number}", item, 1, 1)
            yield Window(frame, np.zeros((1, 1, 3), np.uint8))

    def search(window):
        if "dies searching" in window.frame.item.path:
            os.kill(os.getpid(), signal.SIGKILL)
        if "bug" in window.frame.item.path:
            raise RuntimeError("a bug")
        return window.frame.frame_id

    def start(version):
        if version == "lacks":
            raise InputError("put weights there")
        return Work(read, search, version)
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A module that spawned processes can import."""
    (tmp_path / "worker_job.py").write_text(textwrap.dedent(JOB))
    monkeypatch.syspath_prepend(tmp_path)
    import worker_job

    yield worker_job
    del sys.modules["worker_job"]


def run(job, names, count=2):
    pool = Workers(count, job.start, "job 1")
    try:
        answers = pool.map(Part(Item(str(n), "/", name)) for n, name in enumerate(names))
        return {part.item.path: results for part, results, _ in answers}
    finally:
        pool.close()


def test_every_item_is_answered_once_window_by_window(job):
    names = [f"good {n}" for n in range(20)] + ["two"]
    answers = run(job, names)
    assert set(answers) == set(names)
    assert answers["good 3"] == ["good 3 0"]
    assert answers["two"] == ["two 0", "two 1"]


@pytest.mark.parametrize("death", ["dies reading", "dies searching"])
def test_an_item_that_kills_its_process_fails_alone(job, death):
    names = [*(f"good {n}" for n in range(6)), death, *(f"fine {n}" for n in range(6))]
    answers = run(job, names)
    assert set(answers) == set(names)
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, Failure)}
    assert set(failed) == {death}
    assert "died twice (SIG" in failed[death].reason


def test_what_goes_wrong_on_an_item_is_told_and_the_next_goes_on(job):
    answers = run(job, ["bug", "unreadable", "good"], count=1)
    assert answers["bug"].reason == "job 1 failed on it: RuntimeError: a bug"
    assert answers["unreadable"].reason == "unreadable is torn"
    assert answers["good"] == ["good 0"]


def test_what_a_worker_lacks_is_told_at_once(job):
    with pytest.raises(InputError, match="put weights there"):
        Workers(2, job.start, "lacks")
