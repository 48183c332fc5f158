"""How fast `toolkit label` is against a Label Studio on the same machine, and what kills cost.

    python benchmarks/label_studio.py [--frames 1000] [--kills 30]

The server is installed and started by `studio_server`. Times are of the whole command, with
Python's start. Killed are the client or the server, at random moments of pushes and pulls;
afterwards every task must be there once, and every face must have one label.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from machine import heading
from studio_server import StudioServer

from annotation.desk import Desk
from annotation.studio import LostError
from data.dataset import Dataset
from data.face import Box, Colour, Face, Gender
from data.frame import Frame, identify
from data.sources import list_items
from toolkit import label as job

LIMITS = {"push": 60.0, "second push": 3.0, "pull": 20.0}  # seconds, of 1000 frames


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=30)
    options = parser.parse_args()
    print(heading())
    with tempfile.TemporaryDirectory() as folder:
        server = StudioServer(Path(folder, "studio")).start()
        os.environ[job.TOKEN] = server.token
        try:
            seconds = speed(server, Path(folder, "speed"), options.frames)
            for what, spent in seconds.items():
                limit = LIMITS.get(what, float("inf")) * options.frames / 1000
                print(f"{what:>24} {spent:7.1f} s" + "  too slow" * (spent > limit))
            for what, count in kills(server, Path(folder, "kills"), options.kills).items():
                print(f"{what:>24} {count:7}")
        finally:
            server.stop()
    return 0


def speed(server: StudioServer, folder: Path, frames: int) -> dict[str, float]:
    """Seconds of each command on frames with one or two faces each."""
    dataset = plain_frames(folder, frames)
    job.setup(dataset, server.url, f"speed {time.time_ns()}")
    everything = ["push", str(dataset.folder), "--all"]
    seconds = {"push": timed(everything), "second push": timed(everything)}
    seconds["pull of nothing"] = timed(["pull", str(dataset.folder)])
    annotate(dataset)
    seconds["pull"] = timed(["pull", str(dataset.folder)])
    assert len(dataset.labels()) == len(list(dataset.faces()))
    seconds["second pull"] = timed(["pull", str(dataset.folder)])
    seconds["third push"] = timed(everything)
    return seconds


def timed(arguments: list[str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-m", "toolkit", "label", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def plain_frames(folder: Path, count: int, side: int = 480) -> Dataset:
    """A dataset of noise, as hard on a disk as pictures are, with 3 faces on 2 frames."""
    pictures = folder / "frames"
    pictures.mkdir(parents=True)
    dataset, rng = Dataset(folder / "faces"), np.random.default_rng(5)
    with dataset.writer({"detector": "none", "version": "1"}) as writer:
        for number in range(count):
            path = pictures / f"{number:05d}.jpg"
            small = rng.integers(0, 256, (side // 8, side // 8, 3), np.uint8)
            cv2.imwrite(str(path), cv2.resize(small, (side, side)))
            [item] = list_items([path])
            frame = Frame(identify(item.item_id, None, None), item, side, side)
            writer.add([(frame, [_face(rng, 20 + 200 * k) for k in range(1 + number % 2)])])
    return dataset


def _face(rng: np.random.Generator, x: float) -> Face:
    points = (rng.random((68, 2)) * 150 + (x, 100)).astype(np.float32)
    hair = Colour("#7a1a20", "red", 0.9, 0.8)
    more = {"hair": hair, "left_eye": hair, "right_eye": hair, "gender": Gender("female", 0.9)}
    scores = rng.random(68).astype(np.float32)
    return Face(Box(x, 100, 150, 150), 0.8, points, scores, "drawn", "none 1", **more)


def annotate(dataset: Dataset) -> None:
    """Somebody submits every task, one point of its first contour moved."""
    project = Desk(dataset).project()
    studio = job.connect(project)
    tasks, wanted = [], {"project": project.project, "fields": "all", "page_size": 200}
    count = studio.get(f"/api/projects/{project.project}/")["task_number"]
    while len(tasks) < count:
        tasks += studio.get("/api/tasks/", page=len(tasks) // 200 + 1, **wanted)["tasks"]

    def submit(task: dict) -> None:
        result = task["predictions"][0]["result"]
        result[0]["value"]["vertices"][0]["x"] += 1
        for _ in range(5):  # SQLite may be locked by a neighbour
            try:
                studio.post(f"/api/tasks/{task['id']}/annotations/", {"result": result})
                return
            except LostError:
                time.sleep(0.5)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(submit, tasks))


def kills(server: StudioServer, folder: Path, count: int, frames: int = 1200) -> dict[str, int]:
    """What is there after so many kills, half of them in pushes and half in pulls."""
    dataset, dice = plain_frames(folder, frames, 160), random.Random(7)
    job.setup(dataset, server.url, f"kills {time.time_ns()}")
    push = ["push", str(dataset.folder), "--all"]
    done = _killed(server, push, (count + 1) // 2, dice)
    timed(push)
    journal = Desk(dataset).journal()
    there = _keys(dataset)
    annotate(dataset)
    done += _killed(server, ["pull", str(dataset.folder)], count // 2, dice)
    timed(["pull", str(dataset.folder)])
    labels = Counter(label.face_id for label in dataset.labels())
    faces = {record.face_id for record in dataset.faces()}
    return {
        "clients killed": done["client"],
        "servers killed": done["server"],
        "runs that were through": done["through"],
        "tasks lost": frames - len(there),
        "tasks doubled": sum(there.values()) - len(there),
        "tasks not in the journal": len(set(there) - set(journal.sent)),
        "labels lost": len(faces - set(labels)),
        "labels doubled": sum(labels.values()) - len(labels),
    }


def _keys(dataset: Dataset) -> Counter[str]:
    project = Desk(dataset).project()
    return Counter(one["data"]["key"] for one in job.connect(project).sent(project.project, 0))


def _killed(
    server: StudioServer, arguments: list[str], count: int, dice: random.Random
) -> Counter[str]:
    """Run a command until so many kills have met it or its server at work."""
    done: Counter[str] = Counter()
    command = [sys.executable, "-m", "toolkit", "label", *arguments]
    while done["client"] + done["server"] < count and done["through"] < 3 * count:
        client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client.wait(dice.uniform(0.5, 1.4))
            done["through"] += 1
            if arguments[0] == "pull":  # as if it had been killed before the last line was synced
                Path(arguments[1], "label_studio", "pulled.json").unlink(missing_ok=True)
        except subprocess.TimeoutExpired:
            if dice.random() < 0.3:
                server.kill()
                done["server"] += 1
                server.start()
                client.wait()
            else:
                client.kill()
                client.wait()
                done["client"] += 1
    return done


if __name__ == "__main__":
    sys.exit(main())
