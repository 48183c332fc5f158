"""Frames a second, peak memory and each stage's share of `toolkit extract`, 1 and 2 workers.

    python benchmarks/extract.py ../shared/real

Loads: photos, drawn scenes, six strips, one long strip (webtoon slices one below the other), and
one three times as long, which must not need more memory. A strip is one worker's. Beside them a
peer: MediaPipe's own FaceMesh solution in a plain loop over the same pictures, which finds fewer
faces and tells no colours. Rates are of the work itself, loading the detectors apart.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from machine import heading
from PIL import Image

LOADS = {
    "photos": ["photo_selfie256", "photo_68"],
    "scenes": ["anime_scene"],
    "6 strips": ["webtoon_slice"],
    "strip": ["webtoon_slice"],
    "strip x3": ["webtoon_slice"] * 3,
}
WIDTH = 690  # of the strip
SUFFIXES = {".jpg", ".png", ".jpeg"}

RUN = """
import json, sys
from pathlib import Path
from toolkit.extract import Settings, extract
if __name__ == "__main__":
    out, workers, *sources = sys.argv[1:]
    summary = extract(sources, Path(out), Settings(), int(workers))
    print(json.dumps({name: getattr(summary, name) for name in summary.__slots__}))
"""

PEER = """
import json, sys, time
import cv2, mediapipe as mp
began = time.perf_counter()
mesh = mp.solutions.face_mesh.FaceMesh(
    static_image_mode=True, max_num_faces=20, refine_landmarks=True)
mesh.process(cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2RGB))
loaded = time.perf_counter()
faces = 0
for path in sys.argv[1:]:
    found = mesh.process(cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB)).multi_face_landmarks
    faces += len(found or [])
print(json.dumps(dict(faces=faces, loading=loaded - began, wall=time.perf_counter() - began)))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("real", type=Path, help="folder of real pictures by kind")
    parser.add_argument("--loads", default=",".join(LOADS))
    options = parser.parse_args()
    if not (options.real / "manifest.csv").is_file():
        print(
            f"{options.real} has no manifest.csv: give the folder of real pictures", file=sys.stderr
        )
        return 2
    print(heading())
    print(
        f"\n{'load':10} {'workers':>7} {'frames':>6} {'faces':>5} {'frames/s':>8} {'speed-up':>8} "
        f"{'peak MiB':>8} {'a worker':>8}  share of the workers' time"
    )
    with tempfile.TemporaryDirectory() as scratch:
        for load in options.loads.split(","):
            pictures = gather(options.real, load, Path(scratch))
            one = None
            for workers in (1, 2):
                out = Path(scratch) / f"{load}-{workers}"
                result, peak, biggest = run(RUN, [str(out), str(workers), *map(str, pictures)])
                one = row(load, workers, result, peak, biggest, one)
            peer(load, pictures)
    return 0


def gather(real: Path, load: str, scratch: Path) -> list[Path]:
    """The load's pictures; slices are stacked into one strip."""
    pictures = [
        path
        for kind in LOADS[load]
        for path in sorted((real / kind).iterdir())
        if path.suffix in SUFFIXES
    ]
    if "strip" not in load:
        return pictures
    slices = []
    for path in pictures:
        picture = Image.open(path).convert("RGB")
        height = round(picture.height * WIDTH / picture.width)
        slices.append(np.asarray(picture.resize((WIDTH, height), Image.Resampling.LANCZOS)))
    groups = [slices] if load != "6 strips" else [slices[n::6] for n in range(6)]
    strips = []
    for number, group in enumerate(groups):
        strips.append(scratch / f"{load.replace(' ', '')}_{number}.jpg")
        Image.fromarray(np.vstack(group)[:65_000]).save(strips[-1], quality=92)
    return strips


def peer(load: str, pictures: list[Path]) -> None:
    """Print the peer's row, or how it ended."""
    try:
        result, peak, biggest = run(PEER, [str(path) for path in pictures])
    except RuntimeError:
        print(f"{load:10} {'peer':>7} {len(pictures):6}  FaceMesh died on it\n")
        return
    rate = len(pictures) / (result["wall"] - result["loading"])
    print(
        f"{load:10} {'peer':>7} {len(pictures):6} {result['faces']:5} {rate:8.2f} "
        f"{'':8} {peak:8.0f} {biggest:8.0f}  FaceMesh in a plain loop\n"
    )


def run(script: str, arguments: list[str]) -> tuple[dict, float, float]:
    """Its JSON, and the peak of all its processes and of the biggest one, MiB of own memory."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments] if script is PEER
        else [sys.executable, write(script), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    peaks = {"all": 0.0, "one": 0.0}
    watch = threading.Thread(target=watched, args=(process, peaks), daemon=True)
    watch.start()
    told, wrong = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the run ended with {process.returncode}: {wrong[-2000:]}")
    return json.loads(told.splitlines()[-1]), peaks["all"], peaks["one"]


def write(script: str) -> str:
    """Spawned workers import the main module again, so it must be a file."""
    path = Path(tempfile.gettempdir()) / "toolkit_benchmark_run.py"
    path.write_text(script)
    return str(path)


def watched(process: subprocess.Popen, peaks: dict[str, float]) -> None:
    while process.poll() is None:
        sizes = [proportional(pid) for pid in family(process.pid)]
        peaks["all"] = max(peaks["all"], sum(sizes))
        peaks["one"] = max(peaks["one"], max(sizes, default=0))
        time.sleep(0.1)


def family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in family(int(child)))]


def proportional(pid: int) -> float:
    """MiB, shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def row(
    load: str, workers: int, result: dict, peak: float, biggest: float, one: float | None
) -> float:
    work = result["wall"] - result["loading"]
    rate = result["frames"] / work
    seconds = result["seconds"]
    own = {name: spent for name, spent in seconds.items() if name not in ("reading", "writing")}
    shares = ", ".join(f"{name} {spent / work / workers:.0%}" for name, spent in own.items())
    other = 1 - sum(own.values()) / work / workers
    faces = sum(result["faces"].values())
    print(
        f"{load:10} {workers:7} {result['frames']:6} {faces:5} {rate:8.2f} "
        f"{rate / one if one else 1:8.2f} {peak:8.0f} {biggest:8.0f}  {shares}, "
        f"all else {other:.0%} (reading {seconds['reading'] / work / workers:.0%}, meanwhile)"
    )
    return rate


if __name__ == "__main__":
    sys.exit(main())
