import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data.condition import PLANES, USUAL, Asked, contours, count, render
from data.landmarks import PARTS
from data.pairs import mirrored

seeds = st.integers(0, 2**31)


def face(seed=0, count=1):
    """Points of plausible faces: a ring of a jaw, parts where parts are, each a little moved."""
    random = np.random.default_rng(seed)
    at = np.zeros((count, 68, 2), np.float32)
    middles = {
        "left_brow": (0.38, 0.42), "right_brow": (0.62, 0.42), "nose_bridge": (0.5, 0.53),
        "nose_base": (0.5, 0.6), "left_eye": (0.39, 0.5), "right_eye": (0.61, 0.5),
        "outer_lips": (0.5, 0.69), "inner_lips": (0.5, 0.69),
    }  # fmt: skip
    angle = np.linspace(np.pi, 0, 17)
    at[:, :17] = np.stack([0.5 + 0.25 * np.cos(angle), 0.5 + 0.28 * np.sin(angle)], 1)
    for name, middle in middles.items():
        indices = PARTS[name][0]
        turn = np.linspace(np.pi, -np.pi, indices.stop - indices.start, endpoint=False)
        at[:, indices] = middle + 0.05 * np.stack([np.cos(turn), -np.sin(turn)], 1)
    return torch.from_numpy(at + random.uniform(-0.02, 0.02, (count, 68, 2)).astype(np.float32))


def asked(points, **more):
    n = len(points)
    grey, none = torch.full((n, 3), 0.5), torch.zeros(n)
    told = {"hair": grey, "eyes": grey, "skin": grey, "gender": none, "glasses": none}
    return Asked(points, torch.ones(n, 68), **(told | more))


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_a_mirrored_face_is_asked_for_by_the_mirrored_condition(seed):
    told = asked(face(seed), hair=torch.rand(1, 3))
    flipped = mirrored(told, torch.tensor([True]))
    torch.testing.assert_close(render(flipped, 48), render(told, 48).flip(3), atol=1e-4, rtol=0)
    back = mirrored(flipped, torch.tensor([True]))
    torch.testing.assert_close(back.points, told.points)


@given(seeds, st.sampled_from(sorted(PARTS)))
@settings(max_examples=30, deadline=None)
def test_every_point_lies_on_its_parts_line_and_nowhere_when_unseen(seed, part):
    side, points, seen = 128, face(seed), torch.ones(1, 68)
    indices = PARTS[part][0]
    plane = {"jaw": 0, "left_brow": 1, "right_brow": 1, "left_eye": 2, "right_eye": 2,
             "nose_bridge": 3, "nose_base": 3, "outer_lips": 4, "inner_lips": 5}[part]  # fmt: skip
    column, row = (points[0, indices] * side).long().clamp(0, side - 1).T
    assert contours(points, seen, side)[0, plane][row, column].min() > 0.7
    seen[:, indices] = 0
    others = [name for name in PARTS if name != part]
    for name in others:  # only this part's plane is left to look at
        seen[:, PARTS[name][0]] = 0
    assert contours(points, seen, side)[0, :6].max() < 1e-3


def test_closed_eyes_have_no_iris_and_open_ones_do():
    points = face(1)
    open_eyes = contours(points, torch.ones(1, 68), 64)[0, 6].sum()
    for eye in ("left_eye", "right_eye"):
        lids = points[:, PARTS[eye][0]]
        lids[..., 1] = lids[..., 1].mean()
    assert contours(points, torch.ones(1, 68), 64)[0, 6].sum() < 0.1 * open_eyes


def test_a_gradient_reaches_every_point():
    points = face(2).requires_grad_()
    contours(points, torch.ones(1, 68), 64).square().sum().backward()
    assert (points.grad.abs().sum(2) > 0).all()


def test_what_was_drawn_for_use_can_be_learnt_from_afterwards():
    with torch.inference_mode():
        contours(face(), torch.ones(1, 68), 40)
    points = face().requires_grad_()
    contours(points, torch.ones(1, 68), 40).sum().backward()
    assert points.grad is not None


def test_planes_come_by_name_and_say_what_is_not_told():
    points = face(3)
    nothing = torch.full((1, 3), torch.nan)
    red = torch.tensor([[1.0, 0.0, 0.0]])
    told = asked(points, hair=red, eyes=nothing, gender=torch.tensor([-1.0]))
    made = render(told, 32, ("hair", "eyes", "gender"))
    assert made.shape == (1, 9, 32, 32)
    values = made[0, :, 5, 7].tolist()
    assert values == [1, -1, -1, 1, 0, 0, 0, 0, -1]
    assert render(told, 32).shape[1] == count(USUAL) == sum(PLANES[name] for name in USUAL)


@pytest.mark.parametrize("side", [32, 96])
def test_the_foreground_is_a_plane_of_its_own_and_black_when_there_is_none(side):
    mask = torch.zeros(1, 64, 64)
    mask[:, 16:48, 16:48] = 1
    made = render(asked(face(), foreground=mask), side, ("foreground",))
    assert made.shape == (1, 1, side, side)
    assert made[0, 0, side // 2, side // 2] == 1
    assert made[0, 0, 0, 0] == -1
    assert render(asked(face()), side, ("foreground",)).abs().max() == 0
