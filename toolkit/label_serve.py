"""The server behind `toolkit label serve`: suggestions out, answers in."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from annotation.answers import box_of
from annotation.desk import Desk, Project
from annotation.hooks import SLOWEST, Queue, work
from annotation.pull import LATEST, Puller
from annotation.regions import Shown, regions
from annotation.server import USER, hooks_server
from annotation.sheets import MODEL, Sheet, sheet_of
from annotation.studio import Studio, StudioError
from data.dataset import Dataset
from data.errors import InputError
from data.frame import Frame
from data.reading import read_whole
from toolkit.label import connect
from toolkit.suggest import Suggester

log = logging.getLogger("toolkit.label")
HOOKS = ["ANNOTATION_CREATED", "ANNOTATION_UPDATED"]


def serve(
    dataset: Dataset,
    host: str,
    port: int,
    every: float = 60.0,
    resolve: str = LATEST,
    token_file: Path | None = None,
    stop: threading.Event | None = None,
    ready: Callable[[str], None] = lambda url: None,
) -> None:
    """Listen until `stop` is set, or for ever. every: seconds between two polls.

    Raises InputError when there is no project or no token, OSError when the port is taken. A
    Label Studio that is away is waited for.
    """
    desk = Desk(dataset)
    project, secret = desk.project(), desk.secret()
    connect(project, token_file)
    stop = stop or threading.Event()
    queue = Queue(desk)
    suggestions = Suggestions(dataset, project)
    try:
        server = hooks_server(host, port, secret, MODEL, suggestions, queue.put)
    except OSError as error:
        raise InputError(f"{host}:{port} cannot be had ({error.strerror}); say --port") from None
    url = f"http://{host}:{server.server_address[1]}"

    def puller() -> Puller:
        return Puller(dataset, connect(project, token_file), resolve)

    threads = [
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True),
        threading.Thread(target=work, args=(queue, puller, every, stop), daemon=True),
        threading.Thread(target=_attached, args=(dataset, url, token_file, stop), daemon=True),
    ]
    for thread in threads:
        thread.start()
    try:
        ready(url)
        stop.wait()
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        threads[1].join(10)


def _attached(dataset: Dataset, url: str, token_file: Path | None, stop: threading.Event) -> None:
    """Attach as soon as Label Studio answers."""
    pause = 1.0
    while not stop.is_set():
        try:
            log.info("%s", attach(dataset, url, token_file))
            return
        except InputError as error:
            log.warning("%s; again in %.0f s", error, pause)
            stop.wait(pause)
            pause = min(2 * pause, SLOWEST)


def attach(dataset: Dataset, backend: str, token_file: Path | None = None) -> str:
    """Tell the project of this server: its backend, and its hook with the secret.

    Returns a sentence. Raises StudioError when Label Studio does not answer.
    """
    desk = Desk(dataset)
    project, secret, url = desk.project(), desk.secret(), backend.rstrip("/")
    studio = connect(project, token_file)
    told = [_backend(studio, project, url, secret), _webhook(studio, project, url, secret)]
    # A backend puts its own answers before those that were sent with the tasks.
    try:
        studio.patch(f"/api/projects/{project.project}/", {"model_version": MODEL})
    except StudioError as error:
        log.info("%s", error)  # nothing was sent yet
    return "; ".join(told)


def _backend(studio: Studio, project: Project, url: str, secret: str) -> str:
    body = {
        "project": project.project,
        "url": url,
        "title": "toolkit",
        "is_interactive": True,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": USER,
        "basic_auth_pass": secret,
    }
    there = [one for one in studio.get("/api/ml/", project=project.project) if one["url"] == url]
    try:
        if there:
            studio.patch(f"/api/ml/{there[0]['id']}", body)
        else:
            studio.post("/api/ml/", body)
    except StudioError as error:
        return f"no suggestions while a box is drawn: {error}"
    return f"suggestions from {url}"


def _webhook(studio: Studio, project: Project, url: str, secret: str) -> str:
    """A backend brings a hook of its own, which shows no secret: that one becomes ours."""
    body = {
        "project": project.project,
        "url": f"{url}/webhook",
        "headers": {"Authorization": f"Bearer {secret}"},
        "send_payload": True,
        "send_for_all_actions": False,
        "actions": HOOKS,
        "is_active": True,
    }
    hooks = studio.get("/api/webhooks/", project=project.project)
    there = [one for one in hooks if one["url"] == body["url"]]
    try:
        if there:
            studio.patch(f"/api/webhooks/{there[0]['id']}/", body)
            for one in there[1:]:
                studio.delete(f"/api/webhooks/{one['id']}/")
        else:
            studio.post("/api/webhooks/", body)
    except StudioError as error:
        return (
            f"no hook, answers are asked for instead: {error}; a Label Studio started with "
            "USE_DEFAULT_BANNED_SUBNETS=false may tell this machine"
        )
    return f"answers to {url}/webhook"


class Suggestions:
    """What the ML backend answers; the detectors are loaded when first asked."""

    def __init__(self, dataset: Dataset, project: Project):
        self._dataset, self._words = dataset, project.words
        self._frames: dict[str, Frame] = {}
        self._suggester: Suggester | None = None
        self._pixels: tuple[str, np.ndarray] = ("", np.zeros((0, 0, 3), np.uint8))
        self._one = threading.Lock()  # detectors are not made for several threads

    def __call__(self, tasks: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        """A result a task; an empty one where there is nothing to say."""
        made = []
        for task in tasks:
            try:
                result = self._result(task, context)
            except InputError as error:
                log.warning("task %s: %s", task.get("id"), error)
                result = []
            score = next((one["score"] for one in result if "score" in one), 0.0)
            made.append({"model_version": MODEL, "score": score, "result": result})
        return made

    def _result(self, task: dict[str, Any], context: Any) -> list[dict[str, Any]]:
        sheet = sheet_of(task.get("meta"))
        if not context:
            return regions(sheet, self._words)
        drawn = context.get("result") if isinstance(context, dict) else None
        box = box_of(sheet, drawn)
        if box is None:
            return []
        with self._one:
            self._suggester = self._suggester or Suggester()
            face = self._suggester.face_at(self._whole(sheet), box)
        # A fresh id: the box that was drawn is taken away when the suggestion is accepted.
        shown = Shown(secrets.token_hex(8), face)
        alone = replace(sheet, faces=(shown,))
        return regions(alone, self._words)

    def _whole(self, sheet: Sheet) -> np.ndarray:
        if sheet.frame_id not in self._frames:
            self._frames = {one.frame.frame_id: one.frame for one in self._dataset.frames()}
        if sheet.frame_id not in self._frames:
            raise InputError(f"{sheet.frame} is no frame of {self._dataset.folder} any more")
        if self._pixels[0] != sheet.frame_id:
            self._pixels = (sheet.frame_id, read_whole(self._frames[sheet.frame_id])[0])
        return self._pixels[1]
