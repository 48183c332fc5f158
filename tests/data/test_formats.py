import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from data import formats
from data.dataset import FaceRecord
from data.face import Box, Colour, Face, Foreground, Gender, Pose
from data.formats import FormatError
from data.formats.pts import parse, to_text
from data.frame import Frame, Item

numbers = st.floats(-1e5, 1e5, allow_subnormal=False)
shares = st.floats(0, 1)
colours = st.none() | st.builds(
    Colour, st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.just("light_blue"), shares, shares
)
boxes = st.builds(Box, numbers, numbers, st.floats(0.1, 1e4), st.floats(0.1, 1e4))


@st.composite
def faces(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.normal(0, 3000, (68, 2)).astype(np.float32)
    if draw(st.booleans()):
        points[draw(st.integers(0, 67))] = np.nan
    mask = rng.integers(0, 256, (8, 8), np.uint8)
    return Face(
        draw(boxes),
        draw(shares),
        points,
        rng.random(68, np.float32),
        draw(st.sampled_from(["photo", "drawn"])),
        draw(st.sampled_from(["auto 1", "검출기 2"])),
        hair=draw(colours),
        hair_second=draw(colours),
        left_eye=draw(colours),
        skin=draw(colours),
        gender=draw(st.none() | st.builds(Gender, st.sampled_from(["female", "male"]), shares)),
        glasses=draw(st.none() | shares),
        pose=draw(st.none() | st.builds(Pose, numbers, numbers, numbers)),
        foreground=draw(st.none() | st.just(Foreground(Box(1, 2, 3, 4), mask, 0.25, "flood"))),
    )


def record(face, number=0, root="/nowhere"):
    item = Item(f"{number:016x}", root, f"한글 폴더/{number}.png")
    frame = Frame(f"f{number}", item, 640, 480, cut=3 if number else None, x=7, y=9)
    return FaceRecord(f"{number:016x}", frame, face, None)


def assert_same(one, other):
    for name in Face.__slots__:
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, Foreground):
            assert (ours.box, ours.score, ours.source) == (theirs.box, theirs.score, theirs.source)
            np.testing.assert_array_equal(ours.mask, theirs.mask)
        else:
            np.testing.assert_array_equal(ours, theirs, err_msg=name)


@pytest.mark.parametrize("name", ["coco", "csv"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(several=st.lists(faces(), min_size=1, max_size=3))
def test_everything_told_of_a_face_comes_back(tmp_path, name, several):
    records = [record(face, number) for number, face in enumerate(several)]
    out = tmp_path / {"coco": "a.json", "csv": "a.csv"}[name]
    assert formats.writer(name)(records, out) == len(several)
    back = formats.read(out)
    for one, told in zip(records, back, strict=True):
        assert (told.frame, told.frame_id) == (one.frame.name, one.frame.frame_id)
        assert told.face_id == one.face_id
        assert told.place["cut"] == one.frame.cut
        assert_same(told.face, one.face)


@given(face=faces())
def test_points_come_back_from_pts_text(face):
    np.testing.assert_array_equal(parse(to_text(face.landmarks), "x.pts"), face.landmarks)


def test_pts_counts_from_one():
    landmarks = np.zeros((68, 2), np.float32)
    assert "\n1.0 1.0\n" in to_text(landmarks)


@pytest.fixture
def pictured(tmp_path):
    """A record whose frame is a real picture: red but for a green square around its face."""
    folder = tmp_path / "in" / "한글 폴더"
    folder.mkdir(parents=True)
    pixels = np.zeros((480, 640, 3), np.uint8)
    pixels[..., 0] = 255
    pixels[160:240, 200:300] = (0, 255, 0)
    Image.fromarray(pixels).save(folder / "0.png")
    grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2)
    points = (grid * (5, 15) + (210, 170)).astype(np.float32)
    points[36:48, 1] = 190  # level eyes
    face = Face(Box(200, 160, 100, 80), 0.9, points, np.ones(68, np.float32), "drawn", "auto 1")
    one = record(face, root=str(tmp_path / "in"))
    return FaceRecord(one.face_id, Frame("f0", one.frame.item, 640, 480), face, None)


def test_imagefolder_holds_the_crop_and_everything_told(pictured, tmp_path):
    formats.writer("imagefolder")([pictured], tmp_path / "out")
    [told] = formats.read(tmp_path / "out")
    assert_same(told.face, pictured.face)
    line = json.loads((tmp_path / "out" / "metadata.jsonl").read_text("utf-8"))
    crop = np.asarray(Image.open(tmp_path / "out" / line["file_name"]))
    x, y = np.array(line["crop_landmarks"][0]).round().astype(int)
    assert crop[y, x].tolist() == [0, 255, 0]
    left, top, size = line["crop"]
    scale = 256 / size
    np.testing.assert_allclose(
        line["crop_landmarks"][5],
        (pictured.face.landmarks[5] - (left, top) + 0.5) * scale - 0.5,
        atol=0.51 * scale,
    )


def test_aligned_crops_tell_how_to_get_back_to_the_frame(pictured, tmp_path):
    formats.writer("crops")([pictured], tmp_path / "out")
    [path] = (tmp_path / "out").glob("*.json")
    told = json.loads(path.read_text("utf-8"))
    crop_points = np.column_stack([np.array(told["crop_landmarks"]), np.ones(68)])
    back = crop_points @ np.array(told["matrix"]).T
    np.testing.assert_allclose(back, pictured.face.landmarks, atol=1e-3)


def test_coco_is_what_others_read(pictured, tmp_path):
    formats.writer("coco")([pictured, pictured], tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    [category] = content["categories"]
    assert len(category["keypoints"]) == len(set(category["keypoints"])) == 68
    assert {index for bone in category["skeleton"] for index in bone} == set(range(1, 69))
    [image] = content["images"]
    assert image["file_name"] == "한글 폴더/0.png"
    for number, one in enumerate(content["annotations"], 1):
        assert one["id"] == number
        assert one["image_id"] == image["id"]
        assert len(one["keypoints"]) == 204
        assert one["num_keypoints"] == 68
        assert one["bbox"] == [200, 160, 100, 80]
        wanted = "hair hair_hex left_eye right_eye skin gender glasses domain roll yaw pitch"
        assert set(wanted.split()) <= set(one["attributes"])


def test_a_coco_file_from_elsewhere_needs_only_its_key_points(tmp_path):
    content = {
        "images": [{"id": 5, "file_name": "a.jpg", "width": 9, "height": 9}],
        "annotations": [
            {"image_id": 5, "bbox": [1, 2, 3, 4], "keypoints": [1, 2, 2] * 67 + [0] * 3}
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    [told] = formats.read(tmp_path / "a.json")
    assert told.face.box == Box(1, 2, 3, 4)
    assert np.isnan(told.face.landmarks[67]).all()
    assert told.face.landmarks[0].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.json", "{", "a.json is no COCO file"),
        ("a.json", '{"images": []}', "no COCO file"),
        ("a.json", '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"id": 7,'
         ' "image_id": 1, "keypoints": [1, 2, 2]}]}', "annotation 7: 1 key points"),
        ("a.json", '{"images": [], "annotations": [{"id": 7, "image_id": 1}]}', "annotation 7"),
        ("a.csv", "frame,x\na,b\n", "line 2 is no face"),
        ("a.pts", "version: 1\nn_points: 67\n{\n" + "1 2\n" * 67 + "}", "67 points"),
        ("a.pts", "n_points: 68 1 2 3", "no points in braces"),
        ("a.pts", "{\n1 x\n}", "not two numbers"),
        ("a.txt", "hello", "is none of"),
    ],
)  # fmt: skip
def test_a_broken_file_is_one_sentence_that_names_the_place(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=told):
        formats.read(Path(tmp_path / name))
