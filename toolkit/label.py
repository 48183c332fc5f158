"""Faces to Label Studio and back: the jobs behind `toolkit label`."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from annotation.configuration import Words, configuration
from annotation.desk import Desk, Project, write_whole
from annotation.pull import LATEST, Known, Pulled, Puller, Reader, frame_ids, name_of
from annotation.push import Pushed, push
from annotation.sheets import Sheet, sheets, task
from annotation.studio import NotThereError, Studio, StudioError, read_token
from annotation.worth import named, query, worth
from data.dataset import Dataset, FaceRecord
from data.errors import InputError
from data.frame import Frame
from data.picture import open_picture, orientation
from data.reading import read_whole
from detectors.palettes import Palette, load_palettes

TOKEN = "LABEL_STUDIO_API_KEY"
SHOWN = {".jpg", ".jpeg", ".png", ".webp"}  # by every browser, as they are
QUALITY = 95  # of the JPEGs that are made of all else
LIMIT = 100  # frames a push sends when nobody says how many

GUIDE = """\
<b>Points</b>: drag them. Alt+click takes a point away that cannot be placed; points that are
covered but known go to "Hidden points". <b>A face too many</b>: click its box, choose "not a
face" or press Backspace. <b>A face too few</b>: switch Auto-Annotation on, click "face", press M,
draw it from cheek to cheek and brow to chin, accept with the green tick. Left is the picture's
left. Submit a picture even when all is right: that says so.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which frames to send. everything: also those without faces, and all of them.

    frames: names or patterns. query: of faces, see `annotation.worth.query`. limit: frames.
    """

    everything: bool = False
    frames: Sequence[str] = ()
    query: str = ""
    limit: int | None = None


def connect(project: Project, token_file: Path | None = None) -> Studio:
    """Raises InputError when there is no token."""
    stored = Path(project.token_file) if project.token_file else None
    return Studio(project.url, read_token(TOKEN, dict(os.environ), token_file or stored))


def setup(
    dataset: Dataset,
    url: str,
    title: str = "",
    token_file: Path | None = None,
    served: Path | None = None,
    palettes: str | None = None,
    number: int | None = None,
) -> Project:
    """Make the dataset's project on a server, or bring it up to date.

    served: the server's LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, when pictures are to be served
    from there instead of uploaded. number: of a project that is there already.
    """
    desk = Desk(dataset)
    token_path = str(token_file.resolve()) if token_file else ""
    folder = dataset.folder.resolve()
    title = title or f"Faces of {folder.parent.name}/{folder.name}"[-50:]
    if len(title) < 3 or len(title) > 50:
        raise InputError(f"a project's title has 3 to 50 letters, {title!r} has {len(title)}")
    words = palette_words(palettes)
    root = str(served.resolve()) if served else ""
    pictures = str(Path(root, f"toolkit-{folder.name}")) if root else ""
    project = Project(url.rstrip("/"), number or 0, title, words, pictures, root, token_path)
    studio = connect(project)
    project = replace(project, project=_project(studio, desk, project))
    desk.keep_project(project)  # before all that may be refused, so that it is not made twice
    studio.patch(
        f"/api/projects/{project.project}/",
        {
            "title": title,
            "label_config": configuration(words),
            "expert_instruction": GUIDE,
            "show_collab_predictions": True,
        },
    )
    _view(studio, project.project)
    if pictures:
        _storage(studio, project)
    return project


def _project(studio: Studio, desk: Desk, wanted: Project) -> int:
    """The number of the dataset's project; a new one where there is none any more."""
    number = wanted.project
    if not number:
        try:
            before = desk.project()
            number = before.project if before.url == wanted.url else 0
        except InputError:
            number = 0
    if number:
        try:
            return int(studio.get(f"/api/projects/{number}/")["id"])
        except NotThereError:
            if wanted.project:
                raise
    made = {"title": wanted.title, "label_config": configuration(wanted.words)}
    return int(studio.post("/api/projects/", made)["id"])


def _view(studio: Studio, number: int) -> None:
    """Without a view the first task that is opened by its address may show nothing."""
    if studio.get("/api/dm/views/", project=number):
        return
    hidden = ["tasks:data.key", "tasks:file_upload", "tasks:annotations_results",
              "tasks:predictions_results", "tasks:storage_filename"]  # fmt: skip
    data = {
        "title": "Faces",
        "type": "list",
        "target": "tasks",
        "ordering": ["tasks:id"],
        "hiddenColumns": {"explore": hidden, "labeling": hidden},
    }
    studio.post("/api/dm/views/", {"project": number, "data": data})


def _storage(studio: Studio, project: Project) -> None:
    Path(project.pictures).mkdir(parents=True, exist_ok=True)
    there = studio.get("/api/storages/localfiles/", project=project.project)
    if any(one["path"] == project.pictures for one in there):
        return
    body = {
        "project": project.project,
        "path": project.pictures,
        "use_blob_urls": True,
        "title": "toolkit",
    }
    try:
        studio.post("/api/storages/localfiles/", body)
    except StudioError as error:
        raise InputError(
            f"{error}; start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true "
            f"and LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={project.root}, or leave --local-files out"
        ) from None


def palette_words(folder: str | None = None) -> Words:
    """The names of colours of drawings and photos, each with one colour to show it by."""
    palettes = load_palettes(folder)
    return Words(_named(palettes.hair), _named(palettes.eyes), _named(palettes.skin))


def _named(domains: dict[str, Palette]) -> dict[str, str]:
    """Each name with the one of its colours that is nearest to their mean; drawn ones first."""
    named: dict[str, str] = {}
    for palette in (domains["drawn"], domains["photo"]):
        for name in dict.fromkeys(palette.names):
            at = [number for number, other in enumerate(palette.names) if other == name]
            anchors = palette.anchors[at]
            middle = np.linalg.norm(anchors - anchors.mean(0), axis=1).argmin()
            named.setdefault(name, palette.hexes[at[int(middle)]])
    return named


def send(
    dataset: Dataset,
    choice: Choice,
    token_file: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Pushed:
    """The job behind `toolkit label push`."""
    desk = Desk(dataset)
    studio = connect(desk.project(), token_file)
    already, fresh = chosen(dataset, choice, set(desk.journal().sent))
    pictures = Pictures(record.frame for record in dataset.frames()) if fresh else Pictures(())
    done = push(desk, studio, fresh, pictures, lambda sent: progress(sent, len(fresh)))
    done.already += already
    return done


def chosen(dataset: Dataset, choice: Choice, sent: set[str]) -> tuple[int, list[Sheet]]:
    """How many sheets are there already, and those to send, the most worth a person's time first.

    Raises InputError when no frame is called so, or the query is none.
    """
    fits = query(choice.query) if choice.query else None
    frames = {
        record.frame.frame_id: record.frame for record in dataset.frames() if not record.error
    }
    if choice.frames:
        frames = {name: one for name, one in frames.items() if named(one, choice.frames)}
        if not frames:
            raise InputError(f"no frame of {dataset.folder} is called {' or '.join(choice.frames)}")
    faces = list(dataset.faces())
    by_frame: dict[str, list[FaceRecord]] = {name: [] for name in frames}
    for record in faces:
        by_frame.get(record.frame.frame_id, []).append(record)
    empty_too = choice.everything or bool(choice.frames)
    already, fresh = 0, {}
    for name, here in by_frame.items():
        if fits and not any(fits(record) for record in here):
            continue
        wanted = [sheet for sheet in sheets(frames[name], here) if sheet.faces or empty_too]
        left = [sheet for sheet in wanted if sheet.key not in sent]
        already += len(wanted) - len(left)
        if left:
            fresh[name] = left
    if not fresh:
        return already, []
    worths = worth(faces, dataset.others())
    order = sorted(fresh, key=lambda name: -worths[name].total if name in worths else 0.0)
    limit = choice.limit or (len(order) if empty_too else LIMIT)
    return already, [sheet for name in order[:limit] for sheet in fresh[name]]


class Pictures:
    """What a page shows of a sheet: the file itself where a browser can show it, else a JPEG."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = {frame.frame_id: frame for frame in frames}
        self._read: tuple[str, np.ndarray] = ("", np.zeros((0, 0, 3), np.uint8))

    def __call__(self, sheet: Sheet) -> tuple[str, bytes]:
        """Suffix and content. Raises UnreadableError when the picture is broken or gone."""
        frame = self._frames[sheet.frame_id]
        suffix = Path(frame.item.path).suffix.lower()
        if suffix in SHOWN and not frame.item.archive and _is_file(frame, sheet):
            return suffix, frame.item.file.read_bytes()
        if self._read[0] != frame.frame_id:
            self._read = (frame.frame_id, read_whole(frame)[0])
        part = self._read[1][sheet.y : sheet.y + sheet.height, sheet.x : sheet.x + sheet.width]
        _, packed = cv2.imencode(".jpg", part[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return ".jpg", packed.tobytes()


def _is_file(frame: Frame, sheet: Sheet) -> bool:
    """Whether the sheet is all of a picture's file, as it lies there."""
    if frame.time is not None or frame.cut is not None or sheet.key != frame.frame_id:
        return False
    with open_picture(frame.item.file, frame.item.path) as image:
        upright = orientation(image) == 1
        return upright and image.size == (frame.width, frame.height)


def bring(dataset: Dataset, resolve: str = LATEST, token_file: Path | None = None) -> Pulled:
    """The job behind `toolkit label pull`."""
    return Puller(dataset, connect(Desk(dataset).project(), token_file), resolve).pull()


def status(dataset: Dataset, token_file: Path | None = None) -> list[tuple[str, str]]:
    """What is there and what is here, a line each."""
    desk = Desk(dataset)
    project, journal = desk.project(), desk.journal()
    here = [
        ("project", f"{project.title!r}, {project.url}/projects/{project.project}/data"),
        ("sent", f"{len(journal.sent)} tasks"),
        ("unsure", f"{len(journal.unsure)} tasks of a push that was cut off; push again"),
        ("brought back", f"until {desk.pulled().get('since', 'now nothing')}"),
        ("hooks waiting", str(len(list((desk.folder / "queue").glob("*.json"))))),
        ("labels", str(len(dataset.labels()))),
    ]
    try:
        there = connect(project, token_file).get(f"/api/projects/{project.project}/")
        here += [
            ("tasks there", str(there["task_number"])),
            ("annotated there", str(there["num_tasks_with_annotations"])),
        ]
    except StudioError as error:
        here.append(("Label Studio", str(error)))
    return [line for line in here if line != here[2] or journal.unsure]


def export_tasks(dataset: Dataset, out: Path, choice: Choice, images: str = "") -> int:
    """Write OUT/tasks.json and OUT/config.xml for a server this machine does not reach.

    images: address that a picture's name is put behind; "" puts the pictures into the file.
    Returns how many tasks.
    """
    words = palette_words()
    _, wanted = chosen(dataset, choice, set())
    pictures = Pictures(record.frame for record in dataset.frames())
    made = []
    for sheet in wanted:
        if images:
            image = images.rstrip("/") + "/" + quote(sheet.frame)
        else:
            suffix, content = pictures(sheet)
            kind = {".jpg": "jpeg"}.get(suffix, suffix[1:])
            image = f"data:image/{kind};base64,{b64encode(content).decode()}"
        made.append(task(sheet, image, words))
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.xml").write_text(configuration(words), "utf-8")
    write_whole(out / "tasks.json", json.dumps(made, ensure_ascii=False))
    return len(made)


def import_tasks(dataset: Dataset, source: Path, resolve: str = LATEST) -> Pulled:
    """Bring answers back from a JSON file that Label Studio exported.

    Raises InputError when it is none.
    """
    try:
        tasks = json.loads(source.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{source} is no JSON of Label Studio ({error}); export it there as JSON"
        ) from None
    if not isinstance(tasks, list) or not all(isinstance(one, dict) for one in tasks):
        raise InputError(f"{source} is no list of tasks; export it there as JSON, not JSON_MIN")
    done = Pulled()
    known = Known(dataset.folder / "labels.jsonl")
    frames, words = frame_ids(dataset), palette_words()
    reader = Reader(
        frames, words, None, resolve, lambda user: name_of(user, {}), "file", known, done
    )
    labels = [label for one in tasks for label in reader.labels(one)]
    if labels:
        dataset.keep(*labels)
    done.kept = len(labels)
    return done
