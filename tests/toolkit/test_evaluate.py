import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data.dataset import Dataset
from data.errors import InputError
from data.face import Box
from data.frame import Frame, identify
from data.sources import list_items
from toolkit import evaluate
from toolkit.cli import app
from toolkit.draw import draw

runner = CliRunner()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    list(draw(folder, 2, width=300))
    return folder


def changed(drawn, folder, change):
    """A dataset of the drawn frames with other faces: `change` takes a list of them."""
    truth = Dataset.open(drawn / "truth" / "faces")
    faces = {}
    for record in truth.faces():
        faces.setdefault(record.frame.name, []).append(record.face)
    with Dataset(folder).writer({}) as writer:
        for item in list_items([drawn / "frames"]):
            picture = cv2.imread(str(drawn / "frames" / item.path))
            frame = Frame(identify(item.item_id, None, None), item, *picture.shape[1::-1])
            writer.add([(frame, change(faces.get(item.path, [])))])
    return Dataset.open(folder)


def test_truth_held_against_itself_is_faultless_in_every_format(drawn):
    dataset = Dataset.open(drawn / "truth" / "faces")
    for truth in ("faces", "coco.json", "csv.csv", "pts"):
        made = evaluate.pairs(dataset, drawn / "truth" / truth)
        row = evaluate.detections(made, 0.5)["all"]
        assert (row["recall"], row["precision"], row["AP"]) == (1.0, 1.0, 1.0)
        assert evaluate.landmarks(made)["all"]["mean"] < 0.002


def test_counts_what_is_missed_and_what_is_false(drawn, tmp_path):
    count = len(list(Dataset.open(drawn / "truth" / "faces").faces()))

    def worse(faces):
        false = [replace(face.moved(0, 5000), score=0.9) for face in faces[:1]]
        return [replace(face, score=0.8) for face in faces[1:]] + false

    made = evaluate.pairs(changed(drawn, tmp_path / "d", worse), drawn / "truth" / "faces")
    row = evaluate.detections(made, 0.5)["all"]
    assert row["asked"] == count
    assert row["recall"] == pytest.approx((count - 2) / count)
    assert row["precision"] == pytest.approx((count - 2) / count)
    assert evaluate.detections(made, 0.85)["all"]["recall"] == 0
    bins = {round(one["from"], 1): one for one in row["calibration"]["bins"]}
    assert bins[0.9]["right"] == 0
    assert bins[0.8]["right"] == 1


def test_point_errors_are_shares_of_the_faces_size(drawn, tmp_path):
    def moved(faces):
        return [
            replace(face, landmarks=face.landmarks + np.float32([0.05 * face.box.size, 0]))
            for face in faces
        ]

    dataset = changed(drawn, tmp_path / "d", moved)
    made = evaluate.pairs(dataset, drawn / "truth" / "faces")
    row = evaluate.landmarks(made)["all"]
    assert row["mean"] == pytest.approx(0.05, abs=1e-3)
    assert row["over 6%"] == 0
    assert set(row["parts"]) == {"jaw", "left_brow", "right_brow", "nose_bridge", "nose_base",
                                 "left_eye", "right_eye", "outer_lips", "inner_lips"}  # fmt: skip
    picture = cv2.imread(str(evaluate.worst(made, tmp_path / "worst.png")))
    assert picture.shape[1] == 5 * 220


def test_hand_made_key_points_know_hard_faces_and_lids(drawn, tmp_path):
    dataset = Dataset.open(drawn / "truth" / "faces")
    [*records] = dataset.faces()
    images = {}
    for number, record in enumerate(records):
        face, box = record.face, record.face.box
        lid = face.landmarks[[37, 38]].mean(0) + (0, 0.1 * box.size)
        told = {
            "box": [box.x, box.y, box.width, box.height], "hard": number == 0, "gender": "unknown",
            "keypoints": {"37.5": lid.tolist(), "8": face.landmarks[8].tolist(), "19": None},
            "hair": face.hair.name if face.hair else None, "eyes": None, "skin": None,
            "glasses": bool(face.glasses),
        }  # fmt: skip
        image = images.setdefault(record.frame.name, {"file": record.frame.name, "faces": []})
        image["faces"].append(told)
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"images": list(images.values())}))
    made = evaluate.pairs(dataset, path)
    assert len(made) == len(records) - 1
    assert evaluate.landmarks(made)["all"]["mean"] == pytest.approx(0.05, abs=2e-3)
    row = evaluate.attributes(made)["all"]
    assert row["hair"]["right"] == 1
    assert row["glasses"]["balanced accuracy"] == 1
    assert row["gender"]["counts"] == {}


def test_gender_told_wrong_is_counted_where_it_belongs(drawn, tmp_path):
    def male(faces):
        return [replace(face, gender=replace(face.gender, name="male")) for face in faces]

    made = evaluate.pairs(changed(drawn, tmp_path / "d", male), drawn / "truth" / "faces")
    row = evaluate.attributes(made)["all"]["gender"]
    assert row["balanced accuracy"] == 0.5
    assert set(row["counts"]) == {"male told male", "female told male"}
    assert row["told"] == 1


def test_gender_of_which_nothing_is_told_counts_against_all(drawn, tmp_path):
    def silent(faces):
        return [
            replace(face, gender=None) if face.gender.name == "male" else face for face in faces
        ]

    made = evaluate.pairs(changed(drawn, tmp_path / "d", silent), drawn / "truth" / "faces")
    row = evaluate.attributes(made)["all"]["gender"]
    assert 0 < row["told"] < 1
    assert row["balanced accuracy"] == 1
    assert row["balanced accuracy of all"] == 0.5


# Sharma, Wu & Dalal 2005, table 1, pairs 1, 7, 13, 19, 25, 31.
@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, -0.001, 2.49), (50, 0.0009, -2.49), 4.8045),
        ((50, 2.5, 0), (56, -27, -3), 31.9030),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((90.9257, -0.5406, -0.9208), (88.6381, -0.8985, -0.7239), 1.5381),
    ],
)
def test_ciede2000_is_that_of_its_authors(one, other, distance):
    assert evaluate.ciede2000(np.array(one), np.array(other)) == pytest.approx(distance, abs=1e-4)
    assert evaluate.ciede2000(np.array(other), np.array(one)) == pytest.approx(distance, abs=1e-4)


def test_commands_print_and_save(drawn, tmp_path):
    faces, out = str(drawn / "truth" / "faces"), str(tmp_path / "out")
    for what in ("detections", "landmarks", "attributes"):
        told = runner.invoke(app, ["evaluate", what, faces, "--truth", faces, "--out", out])
        assert told.exit_code == 0, told.output
    saved = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert set(saved) == {"detections", "landmarks", "attributes"}
    assert (tmp_path / "out" / "worst.png").is_file()


@pytest.mark.parametrize("content", ["{", '{"images": [{"faces": [{}]}]}', "[]"])
def test_truth_that_is_none_is_one_sentence(drawn, tmp_path, content):
    path = tmp_path / "truth.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"truth\.json"):
        evaluate.pairs(Dataset.open(drawn / "truth" / "faces"), path)


def test_truth_of_other_pictures_is_refused(drawn, tmp_path):
    path = tmp_path / "truth.json"
    face = {"box": [0, 0, 9, 9]}
    path.write_text(json.dumps({"images": [{"file": "elsewhere.png", "faces": [face]}]}))
    with pytest.raises(InputError, match="no frame"):
        evaluate.pairs(Dataset.open(drawn / "truth" / "faces"), path)


def test_boxes_left_alone_count_neither_way():
    from data.truth import Picture

    face = next(iter(draw_one()))
    picture = Picture([], [Box(face.box.x, face.box.y, face.box.width, face.box.height)])
    assert evaluate.paired(None, "a/b.png", picture, [face], 0.3) == []
    assert len(evaluate.paired(None, "a/b.png", Picture([], []), [face], 0.3)) == 1


def draw_one():
    from data.drawing.strip import draw_face

    return draw_face(1).faces
