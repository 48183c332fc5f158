import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.drawing.anatomy import Head, landmarks
from data.drawing.character import EYES, HAIR, Character
from data.drawing.finish import aged, toned
from data.drawing.strip import draw_face, draw_page, draw_strip
from data.landmarks import LEFT_EYE, MIRRORED, RIGHT_EYE

seeds = st.integers(0, 2**31)
PLAIN = {
    "tone": "colour", "top": "", "over": "", "glasses": False, "sunglasses": False,
    "yaw": 0.0, "pitch": 0.0, "roll": 0.0,
}  # fmt: skip


@given(seed=seeds)
@settings(max_examples=60)
def test_the_truth_lies_where_it_must(seed):
    drawing = draw_face(seed, 96, **PLAIN, left_open=1.0, right_open=1.0, eye_tilt=0.0)
    [face] = drawing.faces
    points = face.landmarks
    assert points[LEFT_EYE, 0].max() < points[27, 0] < points[RIGHT_EYE, 0].min()
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0]
    assert points[[37, 38], 1].max() < points[[40, 41], 1].min()
    assert points[[51, 62], 1].max() <= points[[57, 66], 1].max()
    assert points[27, 1] < points[30, 1] < points[33, 1] < points[57, 1] < points[8, 1]
    x, y = points[30].round().astype(int)
    assert drawing.foreground[y, x] == 255
    assert drawing.foreground[0, 0] == 0


@given(seed=seeds, yaw=st.floats(-80, 80), pitch=st.floats(-25, 25))
def test_a_mirrored_head_has_mirrored_points(seed, yaw, pitch):
    who = replace(
        Character.sample(np.random.default_rng(seed)),
        yaw=yaw, pitch=pitch, roll=0.0, mouth_x=0.0, skew=0.0, left_open=1.0, right_open=1.0,
    )  # fmt: skip
    here, hidden = landmarks(who, Head(who, 0, 0, 100))
    there, covered = landmarks(replace(who, yaw=-yaw), Head(replace(who, yaw=-yaw), 0, 0, 100))
    np.testing.assert_allclose(here, (there * (-1, 1))[MIRRORED], atol=1e-6)
    assert (hidden == covered[MIRRORED]).mean() > 0.9


@given(seed=seeds, roll=st.floats(-180, 180))
def test_roll_turns_all_points_about_the_place_between_the_eyes(seed, roll):
    who = replace(Character.sample(np.random.default_rng(seed)), roll=0.0)
    upright, _ = landmarks(who, Head(who, 50, 60, 20))
    leaning, _ = landmarks(replace(who, roll=roll), Head(replace(who, roll=roll), 50, 60, 20))
    angle = np.radians(roll)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(leaning, (upright - (50, 60)) @ turn.T + (50, 60), atol=1e-6)


def test_what_a_hand_covers_is_told_hidden_and_what_nothing_covers_is_not():
    _, plain = (
        draw_face(3, 200, **PLAIN, fringe_low=-1.0).faces,
        draw_face(3, 200, **PLAIN, fringe_low=-1.0).hidden,
    )
    assert not plain[0][60:68].any()
    masked = draw_face(3, 200, **{**PLAIN, "over": "mask"}, fringe_low=-1.0).hidden
    assert masked[0][60:68].all()
    turned = draw_face(3, 200, **{**PLAIN, "yaw": 75.0}).hidden
    assert turned[0][RIGHT_EYE].sum() > turned[0][LEFT_EYE].sum()


DOTS = {
    "eye_kind": "dot", "eye_width": 0.08, "eye_height": 0.3, "eye_power": 2.0, "eye_round": 2.0,
    "lid": 0.5, "eye_tilt": 0.0, "eye_lean": 0.0, "left_open": 1.0, "right_open": 1.0,
    "shade": "flat", "blush": 0.0, "back": "bald", "skin_hex": "#ffe6d6", "ink": "#000000",
}  # fmt: skip


@given(seed=seeds)
@settings(max_examples=20)
def test_points_of_dot_eyes_lie_on_the_edges_of_the_dots(seed):
    wanted = {"brow_y": 0.6, "brow_tilt": 0.0, "nose": "none", "gender": "male"}  # no lashes
    drawing = draw_face(seed, 256, **PLAIN, **DOTS, **wanted)
    [face] = drawing.faces
    dark = drawing.pixels.max(2) < 60
    for eye in (LEFT_EYE, RIGHT_EYE):
        x, y = face.landmarks[eye].mean(0).round().astype(int)
        row, column = dark[y, x - 12 : x + 13], dark[y - 15 : y + 16, x]
        left, right = x - 12 + np.flatnonzero(row)[[0, -1]]
        top, bottom = y - 15 + np.flatnonzero(column)[[0, -1]]
        points = face.landmarks[eye]
        np.testing.assert_allclose([points[:, 0].min(), points[:, 0].max()], [left, right], atol=2)
        assert top - 2 < points[:, 1].min() < points[:, 1].max() < bottom + 2


@pytest.mark.parametrize("nose", ["ball", "bulb", "hook", "wedge"])
@pytest.mark.parametrize("yaw", [-70.0, -35.0, 35.0, 70.0])
def test_a_nose_with_a_body_breaks_the_outline_at_its_tip(nose, yaw):
    wanted = {**PLAIN, "yaw": yaw, "nose": nose, "nose_width": 0.14, "nose_out": 0.6}
    drawing = draw_face(4, 256, **wanted, back="bald", line=0.02)
    [face], [hidden] = drawing.faces, drawing.hidden
    tip, out = face.landmarks[30], np.sign(yaw)
    x, y = (tip - (2 * out, 0)).round().astype(int)
    assert drawing.foreground[y, x] == 255
    if abs(yaw) > 60:  # nothing but the nose's own line beyond the tip
        assert drawing.foreground[y, int(x + out * 12)] == 0
    assert not hidden[27:31].any()


def test_one_in_five_is_a_comics_or_a_gag_mangas():
    rng = np.random.default_rng(0)
    schools = [Character.sample(rng).school for _ in range(1500)]
    assert 0.15 < np.mean([school != "" for school in schools]) < 0.25
    assert schools.count("comic") > schools.count("manga") > 50


def test_necks_do_not_tell_men_from_women():
    """A network that may go by necks looks at nothing else."""
    widths = {}
    for gender in ("male", "female"):
        made = widths.setdefault(gender, [])
        for seed in range(60):
            drawing = draw_face(seed, 128, **PLAIN, gender=gender, back="bald", chin=1.3)
            points = drawing.faces[0].landmarks
            below = round(float(points[8, 1] + 0.12 * np.ptp(points[:, 1])))
            made.append((drawing.foreground[below] == 255).sum() / np.ptp(points[:, 0]))
    men, women = (np.array(widths[gender]) for gender in ("male", "female"))
    told = max(((men > t).mean() + (women <= t).mean()) / 2 for t in np.r_[men, women])
    assert told < 0.75


@pytest.mark.parametrize("hair", HAIR)
def test_colours_told_are_colours_drawn(hair):
    wanted = {"hair": hair, "hair_hex": HAIR[hair], "left_eye_hex": EYES["green"]}
    drawing = draw_face(
        1, 256, **PLAIN, **wanted, right_eye_hex=EYES["blue"], fringe="locks", back="long",
        eye_kind="anime", left_open=1.0, right_open=1.0, fringe_low=-0.9, eye_height=0.6,
    )  # fmt: skip
    [face] = drawing.faces
    assert face.hair.hex == HAIR[hair]
    assert face.hair.name == hair
    x, y = (face.landmarks[[19, 24]].mean(0) - (0, 0.3 * face.box.height)).astype(int)
    above = np.median(drawing.pixels[y - 8 : y + 9, x - 8 : x + 9], (0, 1))  # between strands
    assert near(above[None, None], (0, 0), HAIR[hair]) < 40
    for eye, colour in ((LEFT_EYE, face.left_eye), (RIGHT_EYE, face.right_eye)):
        ring = face.landmarks[eye]
        low, high = ring.min(0).astype(int), ring.max(0).astype(int)
        area = [(x, y) for x in range(low[0], high[0]) for y in range(low[1], high[1])]
        assert min(near(drawing.pixels, at, colour.hex) for at in area) < 16


def near(pixels, at, hex_colour):
    x, y = np.round(at).astype(int)
    wanted = [int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels[y, x].astype(int) - wanted).max()


def test_a_seed_draws_the_same_in_every_process():
    script = (
        "import hashlib; from data.drawing.strip import draw_page;"
        "print(hashlib.sha1(draw_page(7, worn=True).pixels.tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    here = hashlib.sha1(draw_page(7, worn=True).pixels.tobytes()).hexdigest()
    assert done.stdout.strip() == here
    assert hashlib.sha1(draw_page(8, worn=True).pixels.tobytes()).hexdigest() != here


@pytest.mark.parametrize("draw", [draw_strip, draw_page])
def test_faces_of_strips_and_pages_lie_in_their_panels(draw):
    faces = 0
    for seed in range(6):
        drawing = draw(seed, 300)
        faces += len(drawing.faces)
        assert len(drawing.faces) == len(drawing.hidden)
        for face in drawing.faces:
            x, y = face.box.centre
            assert any(
                left <= x <= left + w and top <= y <= top + h for left, top, w, h in drawing.panels
            )
    assert faces > 8


@given(seed=seeds, tone=st.sampled_from(["colour", "grey", "ink", "screen"]))
def test_toning_and_wear_keep_shape_and_kind(seed, tone):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (40, 56, 3)).astype(np.uint8)
    made = toned(pixels, tone, rng)
    assert made.shape == pixels.shape
    assert (made[..., 0] == made[..., 1]).all() or tone == "colour"
    worn = aged(made, rng)
    assert worn.shape == pixels.shape
    assert worn.dtype == np.uint8
