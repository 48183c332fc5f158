"""`toolkit label` without a server: by file, by log, and what is worth sending first."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from annotation.desk import Desk, Project
from annotation.sheets import sheets, task
from data.dataset import Dataset
from data.errors import InputError
from data.face import Box, Colour, Face, Gender
from data.frame import Frame, identify
from data.reading import read_whole
from data.sources import list_items
from toolkit import label as job
from toolkit.cli import app
from toolkit.exchange import export, import_faces
from toolkit.label_history import agreement, history
from toolkit.label_serve import Suggestions

EVERYTHING = job.Choice(everything=True)


def face_at(x, score=0.9, sure=0.9, hair="black"):
    rng = np.random.default_rng(int(x))
    points = (rng.random((68, 2)) * 60 + (x, 20)).astype(np.float32)
    colour = Colour("#231f24", hair, 1.0, 1.0)
    scores = np.full(68, sure, np.float32)
    return Face(Box(x, 20, 60, 60), score, points, scores, "drawn", "test 1", hair=colour)


@pytest.fixture
def dataset(tmp_path):
    """Frames 0 to 3: a good face, an unlikely one, two with doubtful points, none."""
    return made(tmp_path, [
        [face_at(10, 0.99, 0.99)],
        [face_at(11, 0.55, 0.95)],
        [face_at(12, 0.98, 0.5), face_at(150, 0.98, 0.9)],
        [],
    ])  # fmt: skip


def made(tmp_path, faces, version="1"):
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    dataset = Dataset(tmp_path / "faces")
    with dataset.writer({"version": version}) as writer:
        for number, here in enumerate(faces):
            path = folder / f"{number}.png"
            Image.new("RGB", (300, 200), (40 * number, 9, 9)).save(path)
            [item] = list_items([path])
            writer.add([(Frame(identify(item.item_id), item, 300, 200), here)])
    return dataset


def frames_of(answer):
    return [sheet.frame for sheet in answer[1]]


def test_the_most_doubtful_frames_come_first(dataset):
    assert frames_of(job.chosen(dataset, job.Choice(), set())) == ["2.png", "1.png", "0.png"]
    assert frames_of(job.chosen(dataset, job.Choice(limit=1), set())) == ["2.png"]
    assert frames_of(job.chosen(dataset, EVERYTHING, set()))[-1] == "3.png"
    already, fresh = job.chosen(dataset, EVERYTHING, {sheet_key(dataset, "2.png")})
    assert (already, len(fresh)) == (1, 3)


def sheet_key(dataset, name):
    return next(r.frame.frame_id for r in dataset.frames() if r.frame.name == name)


def test_frames_on_which_detectors_disagree_come_before_those_on_which_they_agree(tmp_path):
    rare = [face_at(10, hair="black") for _ in range(5)]
    made(tmp_path, [[one] for one in rare], "1")
    moved = replace(rare[3], landmarks=rare[3].landmarks + np.float32(9))
    answers = [[rare[0]], [rare[1]], [rare[2], face_at(200)], [moved], [rare[4]]]
    dataset = made(tmp_path, answers, "2")
    order = frames_of(job.chosen(dataset, job.Choice(), set()))
    assert order[:2] == ["2.png", "3.png"]


def test_rare_attributes_come_first_and_done_faces_last(tmp_path):
    faces = [[face_at(10)] for _ in range(30)]
    faces[17] = [face_at(10, hair="pink")]
    dataset = made(tmp_path, faces)
    assert frames_of(job.chosen(dataset, job.Choice(limit=1), set())) == ["17.png"]
    pink = next(r for r in dataset.faces() if r.face.hair.name == "pink")
    dataset.label(pink.frame.frame_id, pink.face_id, pink.face, pink.face.box, "Ana")
    assert frames_of(job.chosen(dataset, job.Choice(), set()))[-1] == "17.png"


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("score < 0.6", ["1.png"]),
        ("score >= 0.98 and hair = black", ["2.png", "0.png"]),
        ("domain = photo", []),
        ("glasses > 0.5", []),
        ("label = none", ["2.png", "1.png", "0.png"]),
    ],
)
def test_queries_choose_frames(dataset, words, names):
    assert frames_of(job.chosen(dataset, job.Choice(query=words), set())) == names


@pytest.mark.parametrize("words", ["score", "score < high", "mood = glad", "landmarks = 3", ""])
def test_queries_that_are_none_are_told(dataset, words):
    if words:
        with pytest.raises(InputError):
            job.chosen(dataset, job.Choice(query=words), set())


def test_frames_are_named_by_patterns(dataset):
    choice = job.Choice(frames=["[01].png", sheet_key(dataset, "3.png")])
    assert set(frames_of(job.chosen(dataset, choice, set()))) == {"0.png", "1.png", "3.png"}
    with pytest.raises(InputError, match="is called nowhere"):
        job.chosen(dataset, job.Choice(frames=["nowhere"]), set())


def test_a_page_shows_the_file_itself_or_what_was_read_of_it(dataset, tmp_path):
    pictures = job.Pictures(record.frame for record in dataset.frames())
    frame = next(iter(dataset.faces())).frame
    [sheet] = sheets(frame, [])
    assert pictures(sheet) == (".png", frame.item.file.read_bytes())
    cut = replace(frame, frame_id="cut", cut=1, x=20, y=10, width=100, height=90)
    suffix, content = job.Pictures([cut])(*sheets(cut, []))
    (tmp_path / "cut.jpg").write_bytes(content)
    assert suffix == ".jpg"
    with Image.open(tmp_path / "cut.jpg") as shown:
        assert shown.size == (100, 90)
    assert read_whole(cut)[0].shape == (90, 100, 3)


def test_answers_come_back_by_file(dataset, tmp_path):
    out = tmp_path / "for_ana"
    assert job.export_tasks(dataset, out, EVERYTHING) == 4
    tasks = json.loads((out / "tasks.json").read_text())
    assert all(one["data"]["image"].startswith("data:image/png;base64,") for one in tasks)
    assert "<View" in (out / "config.xml").read_text()
    for number, one in enumerate(tasks, 1):
        result = one["predictions"][0]["result"]
        if number == 1:
            result[0]["value"]["vertices"][1]["y"] += 5
        ana = {"id": 1, "email": "ana@example.com"}
        told = {"id": number, "result": result, "completed_by": ana,
                "updated_at": f"2026-01-01T00:00:0{number}.000000Z"}  # fmt: skip
        one |= {"id": number, "annotations": [told], "predictions": [5]}
    (tmp_path / "answers.json").write_text(json.dumps(tasks))
    before = {record.face_id: record for record in dataset.faces()}
    done = CliRunner().invoke(
        app, ["label", "import", str(tmp_path / "answers.json"), "-d", str(dataset.folder)]
    )
    assert "4 annotations: 1 faces corrected, 0 new, 0 are none, 3 confirmed" in done.stdout
    again = job.import_tasks(dataset, tmp_path / "answers.json")
    assert (again.annotations, again.kept) == (4, 0)
    after = {record.face_id: record for record in dataset.faces()}
    assert set(after) == set(before)
    changed = [
        name for name in after
        if not np.array_equal(after[name].face.landmarks, before[name].face.landmarks)
    ]  # fmt: skip
    assert len(changed) == 1
    assert after[changed[0]].label.moved == (37,)
    assert {record.label.who for record in after.values()} == {"ana@example.com"}


@pytest.mark.parametrize("content", ["", "{}", "[3]", "\xff"])
def test_a_file_that_is_no_export_is_told(dataset, tmp_path, content):
    (tmp_path / "a.json").write_text(content, "latin-1")
    with pytest.raises(InputError, match="export it there as JSON"):
        job.import_tasks(dataset, tmp_path / "a.json")


def test_what_people_said_of_a_face_can_be_read(dataset):
    record = next(iter(dataset.faces()))
    moved = record.face.landmarks.copy()
    moved[[36, 48]] += 3
    mended = replace(record.face, landmarks=moved)
    pink = replace(mended, hair=Colour("#f472b6", "pink", 1, 1), gender=Gender("male", 1))
    ids = record.frame.frame_id, record.face_id
    for face, who in ((mended, "Ana"), (pink, "Ben"), (None, "Cho")):
        dataset.label(*ids, face, record.face.box, who)
    told = list(history(dataset, record.face_id[:6]))
    assert [line.split("  ")[1] for line in told] == [
        "Ana: left_eye 36 moved; outer_lips 48 moved",
        "Ben: hair pink; gender male",
        "Cho: not a face",
    ]
    with pytest.raises(InputError, match="nobody said anything of a face 'zz'"):
        list(history(dataset, "zz"))


def test_agreement_measures_the_detector_against_people(dataset):
    with pytest.raises(InputError, match="nobody labelled a face"):
        agreement(dataset)
    first, *_, last = dataset.faces()
    moved = first.face.landmarks.copy()
    moved[36] += (6, 0)  # a tenth of the face's size
    mended = replace(first.face, landmarks=moved)
    dataset.keep(replace(dataset.label(first.frame.frame_id, first.face_id, mended,
                                       mended.box, "Ana"), moved=(36,)))  # fmt: skip
    dataset.label(last.frame.frame_id, last.face_id, None, last.face.box, "Ana")
    faces, points, people = agreement(dataset).values()
    row = faces[0]["all"]
    assert (row["faces"], row["corrected"], row["no face"]) == (1, 1, 1)
    assert row["mean"] == pytest.approx(0.1 / 68, rel=1e-4)
    assert points[0]["left_eye"]["drawn"] == pytest.approx(0.1 / 6, rel=1e-4)
    assert points[0]["jaw"]["drawn"] == 0
    assert people[0] == {}
    dataset.label(first.frame.frame_id, first.face_id, first.face, first.face.box, "Ben")
    told = agreement(dataset)["people against each other, 1 faces"][0]
    assert told["left_eye"] == {"mean apart": pytest.approx(0.1 / 6, rel=1e-4), "disputed": 1}


def test_only_what_people_told(dataset, tmp_path):
    assert export(dataset, "csv", tmp_path / "a.csv", min_source="person") == 0
    record = next(r for r in dataset.faces() if r.face.score < 0.6)
    dataset.label(record.frame.frame_id, record.face_id, record.face, record.face.box, "Ana")
    assert export(dataset, "csv", tmp_path / "a.csv", min_source="person", min_score=0.9) == 1
    with pytest.raises(InputError, match="'nobody' is no source"):
        export(dataset, "csv", tmp_path / "a.csv", min_source="nobody")


def test_cvat_takes_and_gives_key_points(dataset, tmp_path):
    """CVAT's own COCO key points: its ids, occluded points as 1, its attributes, no scores."""
    export(dataset, "coco", tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text())
    names = {image["id"]: image["file_name"] for image in content["images"]}
    annotations = [
        {
            "id": number,
            "image_id": one["image_id"],
            "category_id": 1,
            "segmentation": [],
            "area": one["area"],
            "bbox": one["bbox"],
            "iscrowd": 0,
            "attributes": {"occluded": False, "keyframe": True},
            "keypoints": list(one["keypoints"]),
            "num_keypoints": 68,
        }
        for number, one in enumerate(content["annotations"], 1)
    ]
    annotations[0]["keypoints"][3 * 36] += 4.5
    images = [{"id": one, "file_name": name, "width": 300, "height": 200, "license": 0,
               "flickr_url": "", "coco_url": "", "date_captured": 0}
              for one, name in names.items()]  # fmt: skip
    theirs = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "version": ""},
        "categories": content["categories"],
        "images": images,
        "annotations": annotations,
    }
    (tmp_path / "cvat.json").write_text(json.dumps(theirs))
    before = {record.face_id: record.face.landmarks for record in dataset.faces()}
    done = import_faces(tmp_path / "cvat.json", dataset, "Ana")
    assert done["new"] == done["unknown"] == 0
    after = {record.face_id: record.face.landmarks for record in dataset.faces()}
    moved = [name for name in after if not np.array_equal(before[name], after[name])]
    assert len(moved) == 1
    assert (after[moved[0]] - before[moved[0]])[36, 0] == pytest.approx(4.5, abs=1e-4)


def run(*words, **environment):
    command = [sys.executable, "-m", "toolkit", "label", *map(str, words)]
    kept = {k: v for k, v in os.environ.items() if k != job.TOKEN} | environment
    return subprocess.run(command, capture_output=True, text=True, env=kept, check=False)


def test_what_is_wrong_is_one_sentence(dataset, tmp_path):
    folder = dataset.folder
    dead = {job.TOKEN: "a" * 40}
    for done, words in (
        (run("push", folder), "has no Label Studio project yet"),
        (run("push", tmp_path / "none"), "is no dataset"),
        (run("setup", folder), "no token: set LABEL_STUDIO_API_KEY"),
        (run("setup", folder, "--url", "here", **dead), "is no address"),
        (run("setup", folder, "--url", "http://127.0.0.1:9", **dead), "does not answer"),
    ):
        assert done.returncode == 2, done.stderr
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert "a" * 40 not in done.stderr + done.stdout
    Desk(dataset).keep_project(Project("http://127.0.0.1:9", 1, "faces", job.palette_words()))
    told = run("status", folder, **dead)
    assert told.returncode == 0
    assert "does not answer" in told.stdout


def test_every_command_teaches_by_example():
    from toolkit.cli import command_table

    commands = command_table()["label"].commands
    assert len(commands) == 9
    for name, command in commands.items():
        assert f"Example: toolkit label {name}" in command.help
        assert all(getattr(option, "help", "") for option in command.params)


def test_a_strip_is_shown_in_windows(tmp_path):
    pixels = np.arange(4000 * 400, dtype=np.uint32).reshape(4000, 400) % 251
    path = tmp_path / "strip.png"
    Image.fromarray(pixels.astype(np.uint8)).convert("RGB").save(path)
    [item] = list_items([path])
    frame = Frame(identify(item.item_id), item, 400, 4000)
    dataset = Dataset(tmp_path / "faces")
    low = replace(face_at(100), box=Box(100, 1560, 90, 90))  # over the edge of two windows
    with dataset.writer({}) as writer:
        writer.add([(frame, [low])])
    _, [only] = job.chosen(dataset, job.Choice(), set())
    assert (only.y, only.height) == (1524, 876)
    _, every = job.chosen(dataset, EVERYTHING, set())
    assert len(every) == 5
    shown = job.Pictures([frame])
    for sheet in every:
        picture = cv2.imdecode(np.frombuffer(shown(sheet)[1], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (sheet.height, 400, 3)
        top = pixels[sheet.y : sheet.y + sheet.height]
        assert np.abs(picture[..., 0].astype(int) - top).mean() < 3


def test_what_the_backend_answers_of_tasks(dataset, caplog):
    project = Project("http://127.0.0.1:9", 1, "faces", job.palette_words())
    suggestions = Suggestions(dataset, project)
    _, [sheet, *_] = job.chosen(dataset, job.Choice(), set())
    ours = task(sheet, "/a.png", project.words)
    known, strange, empty = suggestions([ours, {"id": 5, "meta": {}}, {"id": 6}], None)
    assert known["result"] == ours["predictions"][0]["result"]
    assert strange["result"] == empty["result"] == []
    assert "task 5: it was not made by the toolkit" in caplog.text
    for context in ({"result": []}, {"result": [3]}, [1], {"result": None}):
        assert suggestions([ours], context)[0]["result"] == []
