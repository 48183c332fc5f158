"""Faces through Label Studio's JSON: exact where nobody touched them, and as told where one did."""

import json
from copy import deepcopy
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.answers import TOLD_HIDDEN, answer
from annotation.configuration import Words, configuration, tags
from annotation.percent import from_percent, to_percent
from annotation.regions import Shown, regions
from annotation.sheets import Sheet, sheet_of, sheets, task
from data.dataset import FaceRecord
from data.errors import InputError
from data.face import Box, Colour, Face, Gender, Pose
from data.frame import Frame, Item
from data.landmarks import LEFT_EYE, PARTS

WORDS = Words(
    {"black": "#101010", "pink": "#f472b6", "blonde": "#e8c766"},
    {"blue": "#3b82f6", "brown": "#553626"},
    {"light": "#f8d5bd", "tan": "#c88d62"},
)
sizes = st.integers(1, 30_000)
near = st.floats(-1e6, 1e6, width=32)
shares = st.floats(0, 1)
colours = st.none() | st.builds(
    Colour,
    st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True),
    st.sampled_from(["pink", "black", "blue", "teal", "왕"]),
    shares,
    shares,
)


@st.composite
def faces(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    spread = draw(st.sampled_from([1e-20, 1, 300, 1e7]))
    points = (rng.normal(size=(68, 2)) * spread).astype(np.float32)
    points[rng.random((68, 2)) < draw(st.sampled_from([0, 0.1, 1]))] = np.nan
    scores = rng.random(68).astype(np.float32)
    scores[rng.random(68) < 0.05] = np.nan
    sides = st.floats(1e-3, 1e6)
    return Face(
        draw(st.builds(Box, near, near, sides, sides)),
        draw(shares),
        points,
        scores,
        draw(st.sampled_from(["photo", "drawn"])),
        draw(st.sampled_from(["auto 2", "person Ana"])),
        **{part: draw(colours) for part in ("hair", "hair_second", "left_eye", "skin")},
        gender=draw(
            st.none() | st.builds(Gender, st.sampled_from(["female", "male", "?"]), shares)
        ),
        glasses=draw(st.none() | shares),
        pose=draw(st.none() | st.builds(Pose, near, near, near)),
    )


def exactly(one, other):
    for field in fields(Face):
        mine, theirs = getattr(one, field.name), getattr(other, field.name)
        if isinstance(mine, np.ndarray):
            assert mine.tobytes() == theirs.tobytes(), field.name
        else:
            assert mine == theirs, field.name


@given(
    st.lists(faces(), max_size=3),
    sizes,
    sizes,
    st.integers(0, 10**6),
    st.lists(st.tuples(near, near)),
)
@settings(deadline=None)
def test_every_field_comes_back_to_the_last_bit(several, width, height, y, outline):
    shown = tuple(
        Shown(f"{number:016x}", face, tuple(outline)) for number, face in enumerate(several)
    )
    sheet = Sheet("k", "f", "a 그림.png", 0, y, width, height, "drawn", shown)
    sent = json.loads(json.dumps(task(sheet, "/a.png", WORDS), allow_nan=False))
    back = sheet_of(sent["meta"])
    read = answer(back, sent["predictions"][0]["result"], WORDS, tags(configuration(WORDS)))
    assert read.problems == []
    assert [one.face_id for one in read.said] == [one.face_id for one in shown]
    for was, one in zip(shown, read.said, strict=True):
        assert (one.moved, one.changed, one.new) == ((), (), False)
        assert one.outline == was.outline
        exactly(was.face, one.face)


@given(sizes, sizes, st.lists(st.tuples(near, near), min_size=1))
def test_percent_and_back(width, height, points):
    back = from_percent(to_percent(np.array(points), width, height), width, height)
    np.testing.assert_allclose(back, points, rtol=1e-9, atol=1e-9)


def test_last_pixel_of_a_tall_strip_stays_inside():
    assert to_percent(np.array([[799, 29_999]]), 800, 30_000).max() < 100


def face_at(x, y=40.0, size=80.0, **more):
    rng = np.random.default_rng(3)
    points = (rng.random((68, 2)) * size + (x, y)).astype(np.float32)
    scores = np.full(68, 0.9, np.float32)
    return Face(Box(x, y, size, size), 0.9, points, scores, "drawn", "test 1", **more)


def sheet_with(*several, width=400, height=300):
    shown = tuple(Shown(f"{number:016x}", face) for number, face in enumerate(several))
    return Sheet("f", "f", "a.png", 0, 0, width, height, "drawn", shown)


def sent(sheet):
    return deepcopy(regions(sheet, WORDS))


def find(result, face, tag, part=None):
    return next(
        region
        for region in result
        if (region["id"].startswith(face) or region.get("parentID") == face)
        and region["from_name"] == tag
        and (part is None or part in region["value"].get("vectorlabels", []))
    )


def read(sheet, result, asked=None):
    return answer(sheet, json.loads(json.dumps(result)), WORDS, asked, "Ana")


FIRST, SECOND = "0" * 16, "0" * 15 + "1"


def test_one_dragged_point_is_the_only_one_that_moves():
    sheet = sheet_with(face_at(20), face_at(200))
    result = sent(sheet)
    eye = find(result, FIRST, "contour6", "left_eye")["value"]["vertices"]
    eye[3]["x"] += 2.0
    for vertex in eye:  # a page's own arithmetic touches the last digits of the whole contour
        vertex["y"] += 1e-12
    first, second = read(sheet, result).said
    assert first.moved == (39,)
    assert set(first.changed) == {"landmarks", "landmark_scores"}
    want = sheet.faces[0].face.landmarks.copy()
    want[39, 0] += 8
    np.testing.assert_allclose(first.face.landmarks, want, atol=1e-3)
    others = np.arange(68) != 39
    assert first.face.landmarks[others].tobytes() == sheet.faces[0].face.landmarks[others].tobytes()
    assert first.face.landmark_scores[39] == 1
    assert first.face.source == "person Ana"
    assert second.moved == second.changed == ()


def test_a_deleted_face_with_children_left_behind_is_none():
    sheet = sheet_with(face_at(20), face_at(200))
    result = [region for region in sent(sheet) if region["id"] != FIRST]
    first, second = read(sheet, result).said
    assert first.face is None
    assert first.box == sheet.faces[0].face.box
    assert second.changed == ()
    assert read(sheet, result).problems == []


def test_not_a_face_is_none():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    value = {"choices": ["not a face"]}
    result.append({**result[-1], "from_name": "verdict", "type": "choices", "value": value})
    assert read(sheet, result).said[0].face is None


def test_a_moved_box_leaves_its_points():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    find(result, FIRST, "face")["value"]["x"] += 10
    [said] = read(sheet, result).said
    assert said.changed == ("box",)
    assert said.face.box.x == pytest.approx(60)
    assert said.face.landmarks.tobytes() == sheet.faces[0].face.landmarks.tobytes()


def test_a_turned_box_becomes_the_one_around_it():
    sheet = sheet_with(face_at(100, 100, 40))
    result = sent(sheet)
    find(result, FIRST, "face")["value"]["rotation"] = 90
    [said] = read(sheet, result).said
    box = said.face.box
    assert (box.x, box.y, box.width, box.height) == pytest.approx((60, 100, 40, 40))


def test_a_deleted_point_is_not_placed():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    del find(result, FIRST, "contour17")["value"]["vertices"][5]
    [said] = read(sheet, result).said
    assert said.moved == (5,)
    assert np.isnan(said.face.landmarks[5]).all()
    assert said.face.landmark_scores[5] == 0


def test_a_point_drawn_again_takes_the_place_of_the_deleted_one():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    vertices = find(result, FIRST, "contour17")["value"]["vertices"]
    del vertices[5]
    vertices.append({"id": "Xk3-a_9Zq", "x": 50, "y": 50, "prevPointId": None})
    [said] = read(sheet, result).said
    assert said.moved == (5,)
    assert said.face.landmarks[5].tolist() == [199.5, 149.5]


def test_a_contour_drawn_by_hand_with_too_few_points_is_told_and_left():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    jaw = find(result, FIRST, "contour17")
    jaw["value"]["vertices"] = [{"id": f"v{i}", "x": i, "y": 9} for i in range(11)]
    answered = read(sheet, result)
    assert answered.said[0].moved == ()
    assert "jaw of the face 0000000000000000 has 11 points, not 17" in answered.problems[0]


def test_points_outside_the_frame_are_kept():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    find(result, FIRST, "contour4")["value"]["vertices"][0].update(x=-25.0, y=140.0)
    [said] = read(sheet, result).said
    assert said.face.landmarks[27].tolist() == [-100.5, 419.5]


def test_a_face_drawn_by_hand_with_loose_contours():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    theirs = deepcopy(sent(sheet_with(face_at(20), face_at(200))))
    for region in theirs:
        if region["id"].startswith(SECOND) or region.get("parentID") == SECOND:
            region["id"] = (
                "new" if region["from_name"] in ("face", "gender") else region["id"] + "x"
            )
            region.pop("parentID", None)
            for vertex in region["value"].get("vertices", []):
                vertex["id"] = "loose"
            result.append(region)
    known, drawn = read(sheet, result).said
    assert known.changed == ()
    assert drawn.new
    np.testing.assert_allclose(drawn.face.landmarks, face_at(200).landmarks, atol=1e-3)
    assert drawn.moved == tuple(range(68))
    assert len(drawn.face_id) == 16
    assert drawn.face_id == read(sheet, result).said[1].face_id


def test_a_box_alone_is_a_face_without_points():
    sheet = sheet_with()
    value = {"x": 10, "y": 10, "width": 20, "height": 20, "rectanglelabels": ["face"]}
    [said] = read(sheet, [{"id": "b", "from_name": "face", "value": value}]).said
    assert np.isnan(said.face.landmarks).all()
    assert said.moved == ()


def test_words_change_what_they_name_and_nothing_else():
    hair = Colour("#112233", "black", 0.7, 0.6)
    sheet = sheet_with(face_at(20, hair=hair, gender=Gender("male", 0.8), glasses=0.3))
    result = sent(sheet)
    find(result, FIRST, "hair")["value"]["choices"] = ["pink"]
    find(result, FIRST, "gender")["value"]["choices"] = ["female"]
    find(result, FIRST, "glasses")["value"]["choices"] = ["yes"]
    [said] = read(sheet, result).said
    assert said.face.hair == Colour("#f472b6", "pink", 0.7, 1.0)
    assert said.face.gender == Gender("female", 1.0)
    assert said.face.glasses == 1.0
    assert set(said.changed) == {"hair", "gender", "glasses"}
    result = sent(sheet)
    find(result, FIRST, "hair_hex")["value"]["text"] = ["#f070b0"]
    [said] = read(sheet, result).said
    assert said.face.hair == Colour("#f070b0", "pink", 0.7, 1.0)
    result = [region for region in sent(sheet) if not region["from_name"].startswith("hair")]
    assert read(sheet, result).said[0].face.hair is None


def test_hidden_points_are_told_by_their_numbers():
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    told = {**result[-1], "from_name": "hidden", "value": {"text": "0-2, 36"}}
    [said] = read(sheet, [*result, told]).said
    assert np.flatnonzero(said.face.landmark_scores == np.float32(TOLD_HIDDEN)).tolist() == [
        0, 1, 2, 36,
    ]  # fmt: skip
    assert said.changed == ("landmark_scores",)
    told["value"] = {"text": ["0-99"]}
    answered = read(sheet, [*result, told])
    assert answered.said[0].changed == ()
    assert "0-99" in answered.problems[0]


def test_what_an_edited_page_does_not_ask_nobody_has_denied():
    sheet = sheet_with(face_at(20, hair=Colour("#112233", "black", 1, 1)))
    asked = tags(configuration(WORDS)) - {"contour17", "hair", "hair_hex"}
    result = [region for region in sent(sheet) if region["from_name"] in asked]
    [said] = read(sheet, result, asked).said
    assert said.changed == ()
    assert np.isfinite(said.face.landmarks).all()
    asked -= {"face"}
    assert read(sheet, [], asked).said[0].face is not None


HOSTILE = [
    None,
    5,
    [],
    {"id": "a"},
    {"id": "a", "from_name": "face", "value": {}},
    {"id": "a", "from_name": "face", "value": {"x": "1", "y": 2, "width": 3, "height": 4}},
    {"id": "a", "from_name": "face", "value": {"x": 1, "y": 2, "width": 0, "height": 4}},
    {"id": "a", "from_name": "face", "value": {"x": 1e300, "y": 2, "width": 1, "height": 4}},
    {"id": "a", "from_name": "face", "value": {"x": float("nan"), "y": 2, "width": 1, "height": 4}},
    {"id": "a", "from_name": "mood", "value": {"choices": ["glad"]}},
    {"id": "a", "from_name": ["face"], "value": {"x": 1}},
    {"id": "a", "from_name": "contour6", "value": {"vertices": "none"}},
    {"id": "a", "from_name": "contour6", "value": {"vertices": [{"x": 1}]}},
    {"id": "a", "from_name": "contour6", "value": {"vertices": [{"x": 1, "y": True}]}},
    {"id": "a", "from_name": "contour6", "value": {"vertices": [{"x": 99, "y": 99}]}},
    {
        "id": "a",
        "parentID": FIRST,
        "from_name": "contour6",
        "value": {"vertices": [{"x": 1, "y": 1}], "vectorlabels": ["left_ear"]},
    },
    {
        "id": "a",
        "parentID": FIRST,
        "from_name": "contour6",
        "value": {"vertices": [{"x": 1, "y": 1}], "vectorlabels": ["left_eye"]},
    },
    {"id": "a", "parentID": FIRST, "from_name": "hair_outline", "value": {"points": [[1, 2, 3]]}},
]


@pytest.mark.parametrize("region", HOSTILE)
def test_what_is_no_region_is_told_and_changes_nothing(region):
    sheet = sheet_with(face_at(20))
    result = sent(sheet)
    answered = answer(sheet, [*result, region], WORDS, None)
    assert len(answered.problems) == 1
    [said] = answered.said
    exactly(said.face, sheet.faces[0].face)


@pytest.mark.parametrize("result", [None, {}, "x", 3])
def test_a_result_that_is_none_changes_nothing(result):
    answered = answer(sheet_with(face_at(20)), result, WORDS, None)
    assert answered.said == []
    assert answered.problems


@pytest.mark.parametrize(
    "break_it",
    [
        lambda meta: None,
        lambda meta: {},
        lambda meta: {**meta, "width": 0},
        lambda meta: {**meta, "width": "9"},
        lambda meta: {**meta, "domain": "sculpture"},
        lambda meta: {**meta, "faces": [{}]},
        lambda meta: {**meta, "faces": 3},
        lambda meta: {**meta, "faces": [{**meta["faces"][0], "landmarks": [1]}]},
        lambda meta: {**meta, "faces": [{**meta["faces"][0], "outline": [["a", 1]]}]},
    ],
)
def test_notes_of_a_task_are_checked(break_it):
    meta = task(sheet_with(face_at(20)), "a.png", WORDS)["meta"]
    with pytest.raises(InputError, match="not made by the toolkit, or its notes are damaged"):
        sheet_of(break_it(meta))


def test_a_strip_goes_in_windows_that_cut_no_face():
    frame = Frame("f", Item("i", "/", "strip.png"), 400, 4000)
    several = [face_at(20, y) for y in (100, 790, 1500, 3900)]
    records = [FaceRecord(f"{n:016x}", frame, face, None) for n, face in enumerate(several)]
    made = sheets(frame, records)
    assert [sheet.key for sheet in made] == ["f.0", "f.1", "f.2", "f.3", "f.4"]
    assert sorted(one.face_id for sheet in made for one in sheet.faces) == [
        record.face_id for record in records
    ]
    for sheet in made:
        assert 0 <= sheet.y < sheet.y + sheet.height <= 4000
        for one in sheet.faces:
            assert sheet.y <= one.face.box.y
            assert min(one.face.box.y + 80, 4000) <= sheet.y + sheet.height
    assert max(one.y + one.height for one in made) == 4000
    for sheet in made:
        for said in answer(sheet, regions(sheet, WORDS), WORDS, None).said:
            exactly(said.face, next(r.face for r in records if r.face_id == said.face_id))


def test_rectangles_come_last_so_that_points_can_be_dragged():
    order = [region["from_name"] for region in sent(sheet_with(face_at(20), face_at(60)))]
    last_contour = max(i for i, tag in enumerate(order) if tag.startswith("contour"))
    assert last_contour < order.index("face")


def test_the_page_asks_for_all_that_is_sent():
    hair = Colour("#112233", "black", 1, 1)
    sheet = sheet_with(replace(face_at(20, hair=hair, skin=hair, gender=Gender("male", 1))))
    asked = tags(configuration(WORDS))
    assert {region["from_name"] for region in sent(sheet)} <= asked
    assert {f"contour{p.stop - p.start}" for p, _ in PARTS.values()} <= asked
    assert LEFT_EYE.stop - LEFT_EYE.start == 6
    with pytest.raises(InputError, match="no XML"):
        tags("<View")
