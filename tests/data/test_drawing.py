import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.drawing.character import EYES, HAIR, draw_face
from data.drawing.strip import draw_strip
from data.landmarks import LEFT_EYE, RIGHT_EYE

seeds = st.integers(0, 2**31)


@given(seed=seeds)
def test_the_truth_lies_where_it_must(seed):
    drawing = draw_face(seed, 96, roll=0.0)
    [face] = drawing.faces
    points = face.landmarks
    assert points.min() > 0
    assert points.max() < 95
    assert points[LEFT_EYE, 0].max() < points[27, 0] < points[RIGHT_EYE, 0].min()
    assert points[36, 0] < points[39, 0] < points[42, 0] < points[45, 0]
    assert points[[37, 38], 1].max() < points[[40, 41], 1].min()
    assert points[17:27, 1].max() < points[LEFT_EYE, 1].min() + 1
    assert points[8, 1] == points[:, 1].max()
    x, y = points[30].round().astype(int)
    assert drawing.foreground[y, x] == 255
    assert drawing.foreground[0, 0] == 0


@pytest.mark.parametrize("hair", HAIR)
def test_colours_told_are_colours_drawn(hair):
    drawing = draw_face(1, 256, hair=hair, left_eye="green", right_eye="blue", yaw=0.0, roll=0.0)
    [face] = drawing.faces
    above = face.landmarks[[19, 24]].mean(0) - (0, 0.2 * face.box.height)
    assert near(drawing.pixels, above, HAIR[hair]) < 12
    for eye, name in ((LEFT_EYE, "green"), (RIGHT_EYE, "blue")):
        ring = face.landmarks[eye]
        area = [ring.mean(0) + np.array([dx, 0]) for dx in np.linspace(-9, 9, 19)]
        assert min(near(drawing.pixels, at, EYES[name]) for at in area) < 12


def near(pixels, at, hex_colour):
    x, y = np.round(at).astype(int)
    wanted = [int(hex_colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels[y, x].astype(int) - wanted).max()


def test_a_seed_draws_the_same_in_every_process():
    script = (
        "import hashlib; from data.drawing.character import draw_face;"
        "print(hashlib.sha1(draw_face(7).pixels.tobytes()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    here = hashlib.sha1(draw_face(7).pixels.tobytes()).hexdigest()
    assert done.stdout.strip() == here
    assert hashlib.sha1(draw_face(8).pixels.tobytes()).hexdigest() != here


def test_faces_of_a_strip_lie_in_its_panels():
    strip = draw_strip(2, 300, panels=4)
    assert len(strip.panels) == 4
    assert len(strip.faces) >= 4
    for face in strip.faces:
        x, y = face.box.centre
        assert any(left < x < left + w and top < y < top + h for left, top, w, h in strip.panels)
        assert strip.foreground[round(y), round(x)] == 255
