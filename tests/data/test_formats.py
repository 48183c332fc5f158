import csv
import json
import math
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import cv2
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
         ' "image_id": 1, "keypoints": [1, 2, 2]}]}', "annotation 7 is no face: 1 key points"),
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


WRONG = [
    ("bbox", None),
    ("bbox", [None, 2, 3, 4]),
    ("bbox", ["1", 2, 3, 4]),
    ("bbox", [math.nan, 2, 3, 4]),
    ("bbox", [1, 2, -3, 4]),
    ("bbox", [1, 2, 3, 0]),
    ("bbox", [True, 2, 3, 4]),
    ("bbox", [1, 2, 3]),
    ("bbox", [10**400, 2, 3, 4]),
    ("score", None),
    ("score", 2),
    ("keypoints", None),
    ("keypoints", [1, math.inf, 2] * 68),
    ("keypoints", [1, 1e300, 2] * 68),
    ("keypoints", ["1", 2, 2] * 68),
    ("keypoints", [1, 2, "2"] * 68),
    ("keypoint_scores", "high"),
    ("half_placed", [1]),
    ("image_id", 6),
    ("attributes", {"skin_hex": "url(//x/)", "skin": "a", "skin_share": 1, "skin_confidence": 1}),
    ("attributes", {"skin_hex": "red", "skin": "a", "skin_share": 1, "skin_confidence": 1}),
    ("attributes", {"hair_hex": "#ff0000", "hair": "red"}),
    ("attributes", {"gender": 5, "gender_score": 1}),
    ("attributes", {"glasses": "yes"}),
    ("attributes", {"glasses": math.nan}),
    ("attributes", {"roll": 3}),
    ("attributes", {"source": 5}),
    ("attributes", {"source": "\ud800"}),
    ("attributes", {"domain": ["drawn"]}),
    ("attributes", {"foreground_mask": ""}),
    ("attributes", {"foreground_mask": 5}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), WRONG, ids=lambda value: str(value)[:40])
def test_what_no_face_can_have_is_refused_before_it_is_kept(tmp_path, name, value):
    annotation = {"id": 7, "image_id": 5, "bbox": [1, 2, 3, 4], "keypoints": [1, 2, 2] * 68}
    content = {
        "images": [{"id": 5, "file_name": "a.jpg"}],
        "annotations": [annotation | {name: value}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=r"annotation 7 is no face: .*; mend or remove it"):
        formats.read(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", ""), ("x", "nan"), ("width", "-3"), ("hair_hex", "red"), ("frame_x", "inf"),
     ("x7", "inf")],
)  # fmt: skip
def test_a_csv_cell_that_no_face_can_have_is_refused(tmp_path, name, value):
    [row] = csv_rows(tmp_path)
    write_rows(tmp_path / "a.csv", [row | {name: value}])
    with pytest.raises(FormatError, match="line 2 is no face"):
        formats.read(tmp_path / "a.csv")


def csv_rows(tmp_path):
    """The rows of a CSV that the toolkit wrote of one face with brown hair."""
    formats.writer("csv")(
        [record(plain(hair=Colour("#553311", "brown", 1, 1)))], tmp_path / "a.csv"
    )
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path, rows, encoding="utf-8"):
    with path.open("w", encoding=encoding, newline="") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)


def plain(**more):
    points = np.arange(136, dtype=np.float32).reshape(68, 2)
    scores = np.ones(68, np.float32)
    return Face(Box(1, 2, 3, 4), 0.5, points, scores, "drawn", "auto 1", **more)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"images": [], "annotations": None}, "must be lists of objects"),
        ({"images": [], "annotations": [1]}, "must be lists of objects"),
        ({"images": [1], "annotations": []}, "no COCO file"),
        ({"images": [{"id": [1]}], "annotations": []}, "no COCO file"),
        ([], "no COCO file"),
        (None, "no COCO file"),
    ],
)
def test_json_that_is_no_coco_is_one_sentence(tmp_path, content, told):
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(FormatError, match=told):
        formats.read(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["a.csv", "if/metadata.jsonl", "a.json"])
def test_a_file_in_the_korean_windows_encoding_says_so(tmp_path, name):
    (tmp_path / "if").mkdir()
    (tmp_path / name).write_bytes('{"frame": "한글.png"}\n'.encode("cp949"))
    with pytest.raises(FormatError, match="is not in UTF-8"):
        formats.read(tmp_path / name if name != "if/metadata.jsonl" else tmp_path / "if")


def test_a_csv_with_a_cell_no_csv_has_is_one_sentence(tmp_path):
    [row] = csv_rows(tmp_path)
    write_rows(tmp_path / "a.csv", [row | {"source": "a" * 200_000}])
    with pytest.raises(FormatError, match="line 2: field larger"):
        formats.read(tmp_path / "a.csv")


def test_a_mask_that_is_no_square_png_is_refused(tmp_path):
    ground = Foreground(Box(1, 2, 3, 4), np.zeros((8, 8), np.uint8), 0.25, "flood")
    formats.writer("coco")([record(plain(foreground=ground))], tmp_path / "a.json")
    content = json.loads((tmp_path / "a.json").read_text("utf-8"))
    attributes = content["annotations"][0]["attributes"]
    broken = [
        b"no picture",
        cv2.imencode(".jpg", ground.mask)[1].tobytes(),
        cv2.imencode(".png", ground.mask[:4])[1].tobytes(),
        b64decode(attributes["foreground_mask"])[:30],
    ]
    for mask in broken:
        attributes["foreground_mask"] = b64encode(mask).decode()
        (tmp_path / "a.json").write_text(json.dumps(content))
        with pytest.raises(FormatError, match="foreground_mask must be a square PNG"):
            formats.read(tmp_path / "a.json")


@pytest.mark.parametrize(("name", "file"), [("coco", "a.json"), ("csv", "a.csv")])
def test_a_point_with_one_coordinate_keeps_it(tmp_path, name, file):
    face = plain()
    face.landmarks[5, 1] = np.nan
    formats.writer(name)([record(face)], tmp_path / file)
    [told] = formats.read(tmp_path / file)
    np.testing.assert_array_equal(told.face.landmarks, face.landmarks)


def test_a_pts_file_is_called_after_its_frame_and_face(tmp_path):
    formats.writer("pts")([record(plain())], tmp_path)
    [file] = tmp_path.rglob("*.pts")
    assert file.relative_to(tmp_path).as_posix() == "한글 폴더/0.png_0000000000000000.pts"
    [told] = formats.read(tmp_path)
    assert (told.frame, told.face_id) == ("한글 폴더/0.png", "0" * 16)
    file.write_text("{\n" + "inf 2\n" * 68 + "}")
    with pytest.raises(FormatError, match="beyond every picture"):
        formats.read(tmp_path)


def test_a_line_separator_in_a_name_ends_no_line(pictured, tmp_path):
    face = replace(pictured.face, source="a\u2028b\x85c")
    one = FaceRecord(pictured.face_id, pictured.frame, face, None)
    formats.writer("imagefolder")([one, one], tmp_path / "out")
    back = formats.read(tmp_path / "out")
    assert [told.face.source for told in back] == ["a\u2028b\x85c"] * 2
    (tmp_path / "out" / "metadata.jsonl").write_text("\n[1]\n")
    with pytest.raises(FormatError, match="line 2 is no face: it must be an object"):
        formats.read(tmp_path / "out")
