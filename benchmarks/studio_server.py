"""A real Label Studio, installed into an environment of its own and run on loopback.

    python benchmarks/studio_server.py FOLDER [PORT]     until it is stopped; tells how to log in

It needs numpy 2 and so cannot share the toolkit's environment.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from data.dataset import Dataset
from data.drawing.strip import draw_strip
from data.face import Face
from data.frame import Frame, identify
from data.sources import list_items

VERSION = "1.23.2"
HERE = Path(__file__).resolve().parents[1]
ENVIRONMENT = HERE / ".venv-label-studio"
PERSON = "ana@example.com"
START = 240.0  # seconds; the first start makes the database


def install() -> Path:
    """The environment's python; made from the package registry when it is not there.

    Raises CalledProcessError where it cannot be installed.
    """
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / f"installed-{VERSION}"
    if not done.exists():
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, f"label-studio=={VERSION}"], check=True, stderr=subprocess.DEVNULL)
        done.touch()
    return python


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class StudioServer:
    """folder: its database and uploads; `folder/files` is its document root."""

    def __init__(self, folder: Path, port: int | None = None):
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.root = self.folder / "files"
        self.root.mkdir(parents=True, exist_ok=True)
        self.token = self._secret("token", secrets.token_hex(20))
        self.password = self._secret("password", secrets.token_urlsafe(12))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> StudioServer:
        """Raises RuntimeError with the log's end when it does not come up."""
        label_studio = install().with_name("label-studio")
        environment = os.environ | {
            "LABEL_STUDIO_BASE_DATA_DIR": str(self.folder / "data"),
            "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(self.root),
            "LABEL_STUDIO_USERNAME": PERSON,
            "LABEL_STUDIO_PASSWORD": self.password,
            "LABEL_STUDIO_USER_TOKEN": self.token,
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
            "DJANGO_DB": "sqlite",
            "COLLECT_ANALYTICS": "false",
            "LATEST_VERSION_CHECK": "false",
            "SENTRY_DSN": "",
            "FRONTEND_SENTRY_DSN": "",
            "FEATURE_FLAGS_OFFLINE": "true",
            "USE_DEFAULT_BANNED_SUBNETS": "false",  # else hooks to loopback are refused
        }
        command = [label_studio, "start", "--no-browser", "--internal-host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data-dir", self.folder / "data"]
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log
            )
        end = time.monotonic() + START
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                    return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.3)
        raise RuntimeError((self.folder / "log").read_text("utf-8", "replace")[-2000:])

    def _secret(self, name: str, fresh: str) -> str:
        path = self.folder / name
        if not path.exists():
            path.touch(0o600)
            path.write_text(fresh)
        return path.read_text()

    def kill(self) -> None:
        """At once, as a power cut would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def drawn_frames(folder: Path, wanted: list[int], unseen: bool = False) -> Dataset:
    """A dataset of panels we draw; `wanted`: how many faces each holds, whole on the picture.

    unseen: the first panel's last face is in its picture, but not in the dataset; unseen.json
    holds its box. Points are shaken and scores lowered, as a detector's would be.
    """
    pictures = folder / "frames"
    pictures.mkdir(parents=True)
    dataset, left = Dataset(folder / "faces"), list(wanted)
    rng = np.random.default_rng(1)
    with dataset.writer({"detector": "drawn and shaken", "version": "1"}) as writer:
        for seed in range(100 * len(wanted)):
            strip = draw_strip(seed, 500, 6)
            for x, y, width, height in strip.panels if left else []:
                inside = [
                    face.moved(-x, -y)
                    for face in strip.faces
                    if y < face.box.centre[1] < y + height
                ]
                whole = [face for face in inside if _is_whole(face, width, height)]
                number = len(wanted) - len(left)
                fits = len(whole) in left[: 1 if not number else None]
                if not fits or len(whole) != len(inside):
                    continue
                left.remove(len(whole))
                path = pictures / f"panel_{number:04d}.png"
                cv2.imwrite(str(path), strip.pixels[y : y + height, x : x + width, ::-1])
                [item] = list_items([path])
                frame = Frame(identify(item.item_id, None, None), item, width, height)
                seen = whole
                if unseen and not number:
                    *seen, last = whole
                    box = [last.box.x, last.box.y, last.box.width, last.box.height]
                    (folder / "unseen.json").write_text(json.dumps(box))
                writer.add([(frame, [_shaken(face, rng) for face in seen])])
            if not left:
                return dataset
    raise AssertionError("no such panels")


def _is_whole(face: Face, width: int, height: int) -> bool:
    """Whether all of a face that stands upright is on the picture."""
    points = face.landmarks
    upright = points[48:68, 1].mean() - points[36:48, 1].mean() > 0.3 * face.box.height
    inside = (points > 2).all() and (points < (width - 2, height - 2)).all()
    return bool(upright and inside and face.box.size > 60)


def _shaken(face: Face, rng: np.random.Generator) -> Face:
    points = (face.landmarks + rng.normal(0, 1, (68, 2))).astype(np.float32)
    scores = rng.uniform(0.5, 1, 68).astype(np.float32)
    return replace(face, score=float(rng.uniform(0.5, 1)), landmarks=points, landmark_scores=scores)


def main() -> int:
    if len(sys.argv) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    port = int(sys.argv[2]) if len(sys.argv) > 2 else None
    server = StudioServer(Path(sys.argv[1]), port).start()
    print(f"{server.url}, log in as {PERSON} with {server.password}")
    print(f"export LABEL_STUDIO_API_KEY={server.token}", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
