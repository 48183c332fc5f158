"""Colours: what a face was painted with is what is told of it."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from data.errors import InputError
from data.face import Box, Colour, Face, Foreground, lab_of
from detectors.colours import colours
from detectors.palettes import load_palettes
from detectors.pose import canonical

HAIR = {
    "black": "#1d1a20", "brown": "#74492f", "blonde": "#ecd27a", "red": "#b0262c",
    "pink": "#f0a8c0", "purple": "#75529c", "blue": "#3d62b4", "aqua": "#6fcccc",
    "green": "#4f9048", "grey": "#8f8d94", "white": "#f2f1f4",
}  # fmt: skip
EYES = {
    "brown": "#74462f", "red": "#c22c32", "yellow": "#e6c440", "green": "#4a994c",
    "aqua": "#58c4c6", "blue": "#3a66ba", "purple": "#7852a6", "pink": "#d66a9a",
}  # fmt: skip
SKIN = {"light": "#fbe3d0", "tan": "#cf9870", "dark": "#8f5e3c"}


def painted(hair="#3d62b4", left="#4a994c", right=None, skin="#fbe3d0", half=None, size=100.0):
    """Pixels (6 * size)² and the face: hair cap, skin oval, lined eyes; `half`: of the hair."""
    side = round(6 * size)
    picture = np.full((side, side, 3), 170, np.uint8)
    picture[:] = (200, 220, 205)
    points = canonical()[:, :2] * size + (3 * size, 3.6 * size)
    for first in (36, 42):  # big drawn eyes, open wide
        eye = points[first : first + 6]
        eye[:, 1] = eye[:, 1].mean() + (eye[:, 1] - eye[:, 1].mean()) * 2.2
    middle, wide = (round(3 * size), round(3.3 * size)), round(1.5 * size)
    mask = np.zeros((side, side), np.uint8)
    cv2.ellipse(mask, middle, (round(2.0 * size), round(2.6 * size)), 0, 0, 360, 255, -1)
    picture[mask > 0] = rgb(hair)
    if half:
        picture[(mask > 0) & (np.arange(side) > middle[0])[None]] = rgb(half)
    for turn in range(0, 180, 15):  # strands, as line art
        at = np.array(middle) + 2.3 * size * np.array([-np.cos(np.radians(turn)), -1])
        cv2.line(picture, middle, [int(v) for v in at], (25, 20, 25), max(round(size / 60), 1))
    oval = (middle[0], round(3.75 * size))
    cv2.ellipse(picture, oval, (wide, round(1.75 * size)), 0, 0, 360, rgb(skin), -1)
    for first, colour in ((36, left), (42, right or left)):
        contour = points[first : first + 6]
        cv2.fillPoly(picture, [contour.round().astype(np.int32)], (250, 250, 250))
        x, y = (int(v) for v in contour.mean(0).round())
        radius = round(np.ptp(contour[:, 1]) / 2)
        cv2.circle(picture, (x, y), radius, rgb(colour), -1)
        cv2.circle(picture, (x, y), radius // 3, (15, 10, 15), -1)
        cv2.circle(picture, (x + radius // 3, y - radius // 3), radius // 4, (255, 255, 255), -1)
        cv2.polylines(picture, [contour.round().astype(np.int32)], True, (20, 15, 20), 2)
    low, high = points.min(0), points.max(0)
    face = Face(
        Box(*low, *(high - low)), 1.0, points.astype(np.float32), np.ones(68, np.float32),
        "drawn", "painted",
    )  # fmt: skip
    everything = np.zeros((128, 128), np.uint8)
    square = Box(-0.5, -0.5, side, side)
    everything[:] = cv2.resize(mask, (128, 128), interpolation=cv2.INTER_AREA)
    return picture, replace(face, foreground=Foreground(square, everything, 1.0, "alpha"))


def rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def told(pixels, face):
    return colours(pixels, face, load_palettes())


@pytest.mark.parametrize("name", HAIR)
@pytest.mark.parametrize("skin", SKIN)
def test_hair_is_named_beside_any_skin(name, skin):
    found = told(*painted(hair=HAIR[name], skin=SKIN[skin]))
    assert found.hair.name == name
    assert found.hair_second is None
    assert np.linalg.norm(lab_of(found.hair.hex) - lab_of(HAIR[name])) < 4


@pytest.mark.parametrize("name", EYES)
@pytest.mark.parametrize("skin", SKIN)
def test_eyes_are_named_beside_any_skin(name, skin):
    found = told(*painted(left=EYES[name], skin=SKIN[skin]))
    assert (found.left_eye.name, found.right_eye.name) == (name, name)


@pytest.mark.parametrize("name", SKIN)
def test_skin_is_named(name):
    found = told(*painted(skin=SKIN[name]))
    assert found.skin.name == name


def test_left_is_the_picture_s_left_and_two_colours_are_told():
    pixels, face = painted(left=EYES["blue"], right=EYES["red"])
    found = told(pixels, face)
    assert (found.left_eye.name, found.right_eye.name) == ("blue", "red")
    assert replace(face, left_eye=found.left_eye, right_eye=found.right_eye).heterochromia


def test_a_slightly_shaded_eye_is_no_second_colour():
    found = told(*painted(left="#5c8fd0", right="#58a0b8"))
    assert found.left_eye.name == found.right_eye.name


def test_an_eye_under_hair_takes_the_name_of_the_other():
    pixels, face = painted(left=EYES["green"])
    low, high = face.landmarks[42:48].min(0).astype(int), face.landmarks[42:48].max(0).astype(int)
    pixels[low[1] : high[1], low[0] : high[0]] = rgb("#a88f70")
    found = told(pixels, face)
    assert (found.left_eye.name, found.right_eye.name) == ("green", "green")


def test_two_tone_hair_is_told():
    found = told(*painted(hair=HAIR["black"], half=HAIR["red"]))
    assert {found.hair.name, found.hair_second.name} == {"black", "red"}


def test_the_same_picture_gives_the_same_answer():
    pixels, face = painted()
    assert told(pixels, face) == told(pixels, face)


@pytest.mark.parametrize("scale", [0.4, 0.7, 2.0])
def test_size_does_not_matter(scale):
    reference, other = told(*painted()), told(*painted(size=100 * scale))
    assert names(reference) == names(other)
    assert np.linalg.norm(lab_of(reference.hair.hex) - lab_of(other.hair.hex)) < 5


def test_jpeg_of_quality_60_does_not_matter():
    pixels, face = painted()
    _, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 60])
    again = cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1].copy()
    assert names(told(again, face)) == names(told(pixels, face))


def names(found):
    parts = (found.hair, found.left_eye, found.right_eye, found.skin)
    return [part.name for part in parts]


def test_the_foreground_keeps_the_background_out():
    pixels, face = painted(hair=HAIR["purple"])
    bald = np.zeros((128, 128), np.uint8)
    nothing = replace(face.foreground, mask=bald)
    assert told(pixels, face).hair.name == "purple"
    assert told(pixels, replace(face, foreground=nothing)).hair is None


def test_closed_eyes_have_no_colour_but_hair_has():
    pixels, face = painted()
    points = face.landmarks.copy()
    for first in (36, 42):
        points[first : first + 6, 1] = points[first : first + 6, 1].mean()
    found = told(pixels, replace(face, landmarks=points))
    assert found.left_eye is None
    assert found.right_eye is None
    assert found.hair.name == "blue"


def test_a_grey_page_tells_only_how_dark_the_hair_is():
    pixels, face = painted(hair=HAIR["black"])
    grey = np.repeat(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    found = told(grey, face)
    assert found.hair.name == "black"
    assert (found.left_eye, found.right_eye, found.skin) == (None, None, None)


def test_a_face_without_eyes_or_off_the_frame_tells_nothing_wrong():
    pixels, face = painted()
    points = face.landmarks.copy()
    points[36:48] = np.nan
    assert told(pixels, replace(face, landmarks=points)).hair is None
    away = face.moved(-5000, -5000)
    assert told(pixels, away).hair is None
    assert told(pixels, away).skin is None


def test_shares_and_confidences_are_within_their_ranges():
    found = told(*painted(half=HAIR["white"]))
    for part in (found.hair, found.hair_second, found.left_eye, found.right_eye, found.skin):
        assert isinstance(part, Colour)
        assert 0 <= part.confidence <= part.share <= 1


def test_faces_are_labelled_in_the_palettes_words():
    labels = json.loads((Path(__file__).parents[2] / "benchmarks/labels/colours.json").read_text())
    assert len(labels["members"]) == 300
    assert not set(labels["members"]) & set(labels["fitting"])
    for part in ("hair", "eyes"):
        known = set(getattr(load_palettes(), part)["drawn"].names)
        for label in [*labels["members"].values(), *labels["fitting"].values()]:
            names = label[part] if isinstance(label[part], list) else [label[part]]
            assert {name for name in names if name} <= known


def test_own_palettes_come_first(tmp_path):
    both = '{"photo": {"ink": ["#000000"], "sky": ["#4060c0"]}, "drawn": {"ink": ["#000000"], '
    (tmp_path / "hair.json").write_text(both + '"sky": ["#4060c0"]}}')
    pixels, face = painted()
    assert colours(pixels, face, load_palettes(str(tmp_path))).hair.name == "sky"


@pytest.mark.parametrize(
    "text",
    ["no json", "[]", '{"photo": {}}', '{"photo": {"a": ["red"], "b": ["#000000"]}, "drawn": {}}'],
)
def test_a_wrong_palette_is_named(tmp_path, text):
    (tmp_path / "eyes.json").write_text(text)
    with pytest.raises(InputError, match=r"eyes\.json"):
        load_palettes(str(tmp_path))


def test_a_folder_without_palettes_is_named(tmp_path):
    with pytest.raises(InputError, match=r"hair\.json"):
        load_palettes(str(tmp_path))
