"""Pose: what is turned by known angles is told by those angles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.landmarks import mirrored
from detectors.pose import canonical, pose


def turned(roll: float, yaw: float, pitch: float) -> np.ndarray:
    """(68, 2) landmarks of the mean face: nods, then turns, then leans."""
    r, y, p = np.radians([roll, yaw, pitch])
    nod = [[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]]
    turn = [[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]]
    lean = [[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]]
    rotation = np.array(lean) @ turn @ nod
    return (canonical() @ rotation.T)[:, :2] * 80 + (300, 200)


angles = st.tuples(st.floats(-170, 170), st.floats(-60, 60), st.floats(-45, 45))


@given(angles)
def test_known_angles_come_back(true):
    found = pose(turned(*true).astype(np.float32))
    assert (found.roll, found.yaw, found.pitch) == pytest.approx(true, abs=1)


@given(angles)
def test_a_mirrored_face_leans_and_looks_the_other_way(true):
    found, other = pose(turned(*true)), pose(mirrored(turned(*true), 640))
    assert other.roll == pytest.approx(-found.roll, abs=0.1)
    assert other.yaw == pytest.approx(-found.yaw, abs=0.1)
    assert other.pitch == pytest.approx(found.pitch, abs=0.1)


def test_signs_are_the_reader_s():
    """The nose tip moves where the face looks; leaning clockwise lowers the right eye."""
    front = turned(0, 0, 0)
    right, up = turned(0, 30, 0), turned(0, 0, 20)
    assert right[30, 0] - right[27, 0] > front[30, 0] - front[27, 0] + 10
    assert up[30, 1] - up[27, 1] < front[30, 1] - front[27, 1] - 1
    assert pose(right).yaw > 25
    assert pose(up).pitch > 15
    leaning = turned(20, 0, 0)
    assert leaning[45, 1] > leaning[36, 1]
    assert pose(leaning).roll > 15


def test_missing_points_are_left_out():
    points = turned(5, 25, -10)
    points[::2] = np.nan
    found = pose(points)
    assert (found.roll, found.yaw, found.pitch) == pytest.approx((5, 25, -10), abs=1)


def test_too_few_points_or_one_spot_have_no_pose():
    points = turned(0, 0, 0)
    points[5:] = np.nan
    assert pose(points) is None
    assert pose(np.full((68, 2), 7.0)) is None


def test_jitter_of_two_per_cent_turns_it_little():
    points = turned(0, 20, 0)
    noise = np.random.default_rng(0).normal(0, 0.02 * np.ptp(points[:, 0]), points.shape)
    found = pose(points + noise)
    assert (found.roll, found.yaw, found.pitch) == pytest.approx((0, 20, 0), abs=4)
