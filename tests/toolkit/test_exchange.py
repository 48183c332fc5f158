import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data import formats
from data.dataset import Dataset, FaceRecord
from data.errors import InputError
from data.face import Box, Colour, Face
from data.formats import FormatError
from data.frame import Frame
from data.sources import list_items
from toolkit.cli import app
from toolkit.exchange import export, import_faces


@pytest.fixture
def dataset(tmp_path):
    """Two pictures; two faces on the first."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (300, 200), "red" if name == "a" else "blue").save(folder / f"{name}.png")
    first, second = list_items([folder])
    dataset = Dataset(tmp_path / "faces")
    with dataset.writer({"version": "test 1"}) as writer:
        writer.add([(Frame("fa", first, 300, 200), [face_at(10), face_at(150)])])
        writer.add([(Frame("fb", second, 300, 200), [])])
    return dataset


def face_at(x):
    grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2)
    points = (grid * 5 + (x, 20)).astype(np.float32)
    return Face(Box(x, 20, 80, 15), 0.9, points, np.ones(68, np.float32), "drawn", "test 1")


@pytest.mark.parametrize(
    ("name", "file"), [("coco", "a.json"), ("csv", "a.csv"), ("pts", "pts"), ("imagefolder", "if")]
)
def test_what_comes_back_unchanged_changes_nothing(dataset, tmp_path, name, file):
    assert export(dataset, name, tmp_path / file) == 2
    assert import_faces(tmp_path / file, dataset, "Ana") == {"same": 2}
    assert dataset.labels() == []


def test_a_corrected_point_becomes_a_label_of_its_face(dataset, tmp_path):
    export(dataset, "coco", tmp_path / "a.json")
    before = list(dataset.faces())
    moved = before[0].face.landmarks.copy()
    moved[30] += 7
    mended = [
        FaceRecord(
            before[0].face_id, before[0].frame, replace(before[0].face, landmarks=moved), None
        ),
        before[1],
    ]
    formats.writer("coco")(mended, tmp_path / "a.json")
    assert import_faces(tmp_path / "a.json", dataset, "Ana") == {"changed": 1, "same": 1}
    after = {record.face_id: record for record in dataset.faces()}
    assert len(after) == 2
    assert after[before[0].face_id].label.who == "Ana"
    np.testing.assert_array_equal(after[before[0].face_id].face.landmarks, moved)


def test_a_face_drawn_elsewhere_on_a_known_frame_is_new(dataset, tmp_path):
    frame_b = next(r.frame for r in dataset.frames() if r.frame.frame_id == "fb")
    face = replace(face_at(40), hair=Colour("#ff8800", "orange", 1, 1))
    formats.writer("coco")([FaceRecord("0" * 16, frame_b, face, None)], tmp_path / "a.json")
    assert import_faces(tmp_path / "a.json", dataset, "Ben") == {"new": 1}
    assert [r.face.hair.name for r in dataset.faces() if r.face.hair] == ["orange"]


def test_faces_of_unknown_frames_need_their_pictures(dataset, tmp_path):
    export(dataset, "coco", tmp_path / "a.json")
    other = Dataset(tmp_path / "other")
    Image.new("RGB", (9, 9)).save(tmp_path / "c.png")
    elsewhere = [str(tmp_path / "c.png")]
    assert import_faces(tmp_path / "a.json", other, "Ana", elsewhere) == {"unknown": 2}
    assert not other.folder.exists()
    assert import_faces(tmp_path / "a.json", other, "Ana", [str(tmp_path / "in")]) == {"new": 2}
    one, two = (sorted(d.faces(), key=lambda r: r.face.box.x) for d in (dataset, other))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours.face.landmarks, theirs.face.landmarks)
        assert theirs.frame.width == 300


def foreign(tmp_path, *faces, frame="a.png", **more):
    """A COCO file as somebody else's tool writes it: no ids of ours, only key points."""
    annotations = [
        {
            "image_id": 1,
            "bbox": [face.box.x, face.box.y, face.box.width, face.box.height],
            "keypoints": [at for x, y in face.landmarks.tolist() for at in (x, y, 2)],
            **more,
        }
        for face in faces
    ]
    content = {"images": [{"id": 1, "file_name": frame}], "annotations": annotations}
    (tmp_path / "foreign.json").write_text(json.dumps(content))
    return tmp_path / "foreign.json"


def test_faces_from_elsewhere_are_told_once_however_often_they_are_imported(dataset, tmp_path):
    file = foreign(tmp_path, face_at(40), face_at(150), frame="b.png")
    assert import_faces(file, dataset, "Ana") == {"new": 2}
    assert import_faces(file, dataset, "Ana") == {"same": 2}
    moved = foreign(tmp_path, face_at(150), face_at(42), frame="b.png")
    assert import_faces(moved, dataset, "Ben") == {"same": 1, "changed": 1}
    boxes = sorted(r.face.box.x for r in dataset.faces() if r.frame.frame_id == "fb")
    assert boxes == [42, 150]


def test_a_face_from_elsewhere_is_the_one_it_lies_on(dataset, tmp_path):
    before = [record.face_id for record in dataset.faces()]
    file = foreign(tmp_path, face_at(152), face_at(12))
    assert import_faces(file, dataset, "Ana") == {"changed": 2}
    after = {record.face_id: record.face.box.x for record in dataset.faces()}
    assert after == dict(zip(before, [12, 152], strict=True))


def test_frames_taken_from_pictures_are_known_the_next_time(dataset, tmp_path):
    export(dataset, "coco", tmp_path / "a.json")
    other, pictures = Dataset(tmp_path / "other"), [str(tmp_path / "in")]
    assert import_faces(tmp_path / "a.json", other, "Ana", pictures) == {"new": 2}
    assert import_faces(tmp_path / "a.json", other, "Ana", pictures) == {"same": 2}
    assert other.labels() == []


@pytest.mark.parametrize("told", ["../escaped", 5, [1], "ABCDEF0123456789", ""])
@pytest.mark.parametrize("name", ["crops", "imagefolder", "pts"])
def test_no_id_of_a_file_leads_out_of_the_export(dataset, tmp_path, name, told):
    file = foreign(tmp_path, face_at(40), frame="b.png", face_id=told)
    assert import_faces(file, dataset, "Ana") == {"new": 1}
    before = {*tmp_path.rglob("*"), tmp_path / "out"}
    assert export(dataset, name, tmp_path / "out") == 3
    written = {*tmp_path.rglob("*")} - before
    assert written
    assert all(path.is_relative_to(tmp_path / "out") for path in written)
    assert all(re.fullmatch("[0-9a-f]{16}", record.face_id) for record in dataset.faces())


def test_a_name_that_two_sources_share_is_refused(dataset, tmp_path):
    (tmp_path / "second").mkdir()
    Image.new("RGB", (300, 200), "green").save(tmp_path / "second" / "a.png")
    [item] = list_items([tmp_path / "second"])
    with dataset.writer({"version": "test 1"}) as writer:
        writer.add([(Frame("fc", item, 300, 200), [])])
    file = foreign(tmp_path, face_at(10))
    with pytest.raises(FormatError, match=r"a\.png may be .*in/a.png or .*second/a.png"):
        import_faces(file, dataset, "Ana")
    both = [str(tmp_path / "in"), str(tmp_path / "second")]
    with pytest.raises(FormatError, match="name one of them in --pictures"):
        import_faces(file, Dataset(tmp_path / "other"), "Ana", both)
    assert dataset.labels() == []


def test_a_broken_file_leaves_the_dataset_as_it_was(dataset, tmp_path):
    export(dataset, "pts", tmp_path / "pts")
    first = sorted((tmp_path / "pts").iterdir())[0]
    first.write_text(first.read_text().replace("21.0", "22.0"))
    (tmp_path / "pts" / "b.png.pts").write_text(first.read_text())
    with pytest.raises(FormatError, match=r"points of b\.png name no face"):
        import_faces(tmp_path / "pts", dataset, "Ana")
    assert dataset.labels() == []
    (tmp_path / "pts" / "b.png.pts").unlink()
    assert import_faces(tmp_path / "pts", dataset, "Ana") == {"changed": 1, "same": 1}


def test_one_id_for_two_faces_is_refused(dataset, tmp_path):
    file = foreign(tmp_path, face_at(10), face_at(150), face_id="0123456789abcdef")
    with pytest.raises(FormatError, match="0123456789abcdef is told 2 times"):
        import_faces(file, dataset, "Ana")


def test_a_whole_strip_does_not_push_out_its_panels(tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (300, 400)).save(tmp_path / "in" / "strip.png")
    [item] = list_items([tmp_path / "in"])
    dataset = Dataset(tmp_path / "faces")
    with dataset.writer({"version": "test 1"}) as writer:
        writer.add([(Frame("f1", item, 300, 200, cut=1), [face_at(10)])])
    file = foreign(tmp_path, face_at(10), frame="strip.png")
    assert import_faces(file, dataset, "Ana", [str(tmp_path / "in")]) == {"unknown": 1}
    assert [record.frame.cut for record in dataset.faces()] == [1]


def test_a_misspelt_dataset_is_not_made(dataset, tmp_path):
    file = foreign(tmp_path, face_at(10))
    with pytest.raises(InputError, match="fases does not exist or is no dataset"):
        import_faces(file, Dataset(tmp_path / "fases"), "Ana")
    assert not (tmp_path / "fases").exists()
    made = CliRunner().invoke(
        app,
        ["import", str(file), "-d", str(tmp_path / "new"), "--pictures", str(tmp_path / "in")],
    )
    assert made.stdout == "0 changed, 1 new, 0 same, 0 unknown\n"
    assert "did not exist and was made" in made.stderr
