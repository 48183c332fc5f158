from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data import formats
from data.dataset import Dataset, FaceRecord
from data.face import Box, Colour, Face
from data.frame import Frame
from data.sources import list_items
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
    assert import_faces(tmp_path / "a.json", other, "Ana") == {"unknown": 2}
    assert import_faces(tmp_path / "a.json", other, "Ana", [str(tmp_path / "in")]) == {"new": 2}
    one, two = (sorted(d.faces(), key=lambda r: r.face.box.x) for d in (dataset, other))
    for ours, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(ours.face.landmarks, theirs.face.landmarks)
        assert theirs.frame.width == 300
