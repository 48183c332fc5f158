import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from data.dataset import Dataset
from data.drawing.strip import draw_face
from detectors import examples, gender
from detectors.boxes import boxes_of
from detectors.crops import REACH, SIDE, sharp_cut, square, turning
from detectors.examples import MALE, Examples, bent, drawn, lit
from detectors.fit_gender import fit_gender, scores, views
from detectors.fit_landmarks import fit_landmarks, settle
from detectors.fit_scout import errors as scout_errors
from detectors.fit_scout import fit_scout, squared
from detectors.fitting import Plan
from detectors.networks import FinderNet, LandmarkNet, ScoutNet
from detectors.pages import drawn_pages
from detectors.redrawing import redrawn
from toolkit.cli import app

WEIGHTS = Path(__file__).parents[2] / "detectors" / "weights"


@pytest.fixture(scope="module")
def faces():
    return drawn(1, 48)


def test_crops_show_the_face_where_the_points_say(faces):
    known = np.isfinite(faces.points[:, :68]).all((1, 2))
    assert known.mean() > 0.6
    middles = faces.points[known, :68].mean(1)
    assert (np.abs(middles - 0.5) < 0.3).all()
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[118:123, 58:63] = 255
    turn = turning(60, 120, 80, 30)
    crop = sharp_cut(picture, turn)
    assert crop[SIDE // 2 - 1 : SIDE // 2 + 1, SIDE // 2 - 1 : SIDE // 2 + 1].min() > 200


def test_a_stopped_run_goes_on_as_if_it_had_not_been(faces, tmp_path):
    torch.set_num_threads(1)
    parts = [(faces, 1.0)]
    whole = fit_landmarks(parts, Plan(6, 8, seed=3), tmp_path / "whole")
    script = (
        "import sys, os; import detectors.fitting as f; f.KEPT_EVERY = 3;"
        "import torch; torch.set_num_threads(1);"
        "from pathlib import Path; from detectors.examples import drawn;"
        "from detectors.fit_landmarks import fit_landmarks;"
        "keep = f._keep\n"
        "def dies(*a):\n    keep(*a); os._exit(9)\n"
        "f._keep = dies\n"
        f"run = Path({str(tmp_path / 'cut')!r})\n"
        "fit_landmarks([(drawn(1, 48), 1.0)], f.Plan(6, 8, seed=3), run)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 9, done.stderr
    cut = fit_landmarks(parts, Plan(6, 8, seed=3), tmp_path / "cut")
    for one, other in zip(whole.state_dict().values(), cut.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)
    log = (tmp_path / "whole" / "log.jsonl").read_text()
    steps = [json.loads(line)["step"] for line in log.splitlines()]
    assert steps == [0]


def test_a_share_of_what_was_begun_with_is_kept(faces, tmp_path):
    parts, start = [(faces, 1.0)], WEIGHTS / "landmarks.safetensors"
    learnt, mixed = (
        fit_landmarks(parts, Plan(3, 8, seed=3), tmp_path / f"{keep}", start, keep).state_dict()
        for keep in (0.0, 0.25)
    )
    for name, before in load_file(start).items():
        if before.is_floating_point() and not name.endswith(".range"):
            mean = 0.25 * before.float() + 0.75 * learnt[name]
            torch.testing.assert_close(mixed[name], mean, rtol=1e-5, atol=1e-5)


def test_what_leaves_a_convolution_and_enters_the_next_has_one_range(faces, tmp_path):
    learnt = fit_landmarks([(faces, 1.0)], Plan(3, 8, seed=3), tmp_path).state_dict()
    ranges = {name: value for name, value in learnt.items() if name.endswith(".range")}
    assert len(ranges) > 20
    assert all((ends[:, 1] > ends[:, 0]).all() for ends in ranges.values())
    for first, second in (("stem.2.first.0", "stem.2.second.0"), ("mix.0", "mix.3.first.0")):
        assert torch.equal(ranges[f"{first}.range"][1], ranges[f"{second}.range"][0])


def test_the_shipped_weights_fit_the_networks_and_are_small():
    networks = {"landmarks": LandmarkNet(), "finder": FinderNet(), "scout": ScoutNet()}
    for name, network in networks.items():
        weights = load_file(WEIGHTS / f"{name}.safetensors")
        network.load_state_dict({key: value.float() for key, value in weights.items()})
    assert sum((WEIGHTS / f"{name}.safetensors").stat().st_size for name in networks) < 8e6
    assert all((WEIGHTS / f"{path.stem}.md").is_file() for path in WEIGHTS.glob("*.safetensors"))


def test_the_finder_finds_what_is_drawn_on_pages_nobody_learnt_from():
    network = FinderNet().eval()
    weights = load_file(WEIGHTS / "finder.safetensors")
    network.load_state_dict({key: value.float() for key, value in weights.items()})
    pages = drawn_pages(777_000_000, 30)
    seen = asked = 0
    for pixels, boxes in zip(pages.pixels, pages.boxes, strict=True):
        with torch.inference_mode():
            frame = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
            found = boxes_of([grid.numpy() for grid in network(frame)], 0.2)
        for x, y, wide, high, face in boxes[np.isfinite(boxes[:, 4])]:
            if face and min(wide, high) > 16:
                asked += 1
                near = np.abs(found[:, :2] - (x, y)).max(1) if len(found) else np.array([])
                seen += bool((near < 0.35 * max(wide, high)).any())
    assert asked > 30
    assert seen / asked > 0.75


def test_fit_refuses_folders_that_lack_what_it_needs(tmp_path):
    runner = CliRunner()
    for arguments in (
        ["landmarks", "--sets", str(tmp_path)],
        ["detector", "--sets", str(tmp_path)],
        ["scout", "--sets", str(tmp_path)],
        ["gender", "--sets", str(tmp_path)],
        ["landmarks", "--dataset", str(tmp_path / "none")],
        ["landmarks", "--start", str(tmp_path / "none.safetensors")],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", "fit", *arguments, "--run", str(tmp_path / "run"),
             "--drawn", "100"][: None if arguments[0] != "gender" else -2],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert str(tmp_path) in done.stderr
    assert runner.invoke(app, ["fit", "--help"]).exit_code == 0


@pytest.mark.slow
def test_corrected_faces_of_a_new_style_bring_its_error_down(tmp_path):
    """50 faces of a manner the network never saw: in negative colours."""
    from data.frame import Frame, identify
    from data.sources import list_items
    from detectors.fit_landmarks import errors
    from toolkit import fit

    def new_style(examples):
        examples.pixels[:] = 255 - examples.pixels
        return examples

    from PIL import Image

    pictures = tmp_path / "in"
    pictures.mkdir()
    dataset = Dataset(tmp_path / "faces")
    drawings = {f"{n:02}.png": draw_face(9000 + n, 160, over="", tone="colour") for n in range(50)}
    for name, drawing in drawings.items():
        Image.fromarray(255 - drawing.pixels).save(pictures / name)
    with dataset.writer({}) as writer:
        for item in list_items([pictures]):
            frame = Frame(identify(item.item_id, None, None), item, 160, 160)
            writer.add([(frame, drawings[item.path].faces)])
    for record in list(dataset.faces()):
        dataset.label(record.frame.frame_id, record.face_id, record.face, record.face.box, "Ana")
    held = new_style(drawn(31_337, 200))
    before = LandmarkNet()
    weights = load_file(WEIGHTS / "landmarks.safetensors")
    before.load_state_dict({key: value.float() for key, value in weights.items()})
    lesson = fit.Lesson(tmp_path / "run", 150, 400, dataset=tmp_path / "faces", start="shipped")
    fit.landmarks(lesson)
    after = LandmarkNet()
    weights = load_file(tmp_path / "run" / "landmarks.safetensors")
    after.load_state_dict({key: value.float() for key, value in weights.items()})
    one, other = (errors(network.eval(), held)["mean error"] for network in (before, after))
    assert other < 0.9 * one


def test_how_faces_are_read_is_learnt_and_kept(tmp_path, monkeypatch):
    """What is to be told apart here is plain: faces in negative colours."""

    def pictures(start, count):
        for number in range(start, start + count):
            drawing = draw_face(number, 120, over="", tone="colour")
            man = number % 2 == 0
            pixels = 255 - drawing.pixels if man else drawing.pixels
            yield pixels, drawing.faces[0].landmarks, man

    plan = Plan(40, 16, 8e-4, seed=2)
    network = fit_gender(
        views(pictures(0, 40), 1), plan, tmp_path, WEIGHTS / "landmarks.safetensors"
    )
    told = scores(network, views(pictures(500, 20), 1))
    assert told["faces"] == 20
    assert told["balanced accuracy of all"] >= 0.9
    save_file(network.state_dict(), tmp_path / "gender.safetensors")
    monkeypatch.setenv("TOOLKIT_WEIGHTS", str(tmp_path))
    gender._network.cache_clear()
    try:
        likely = [gender.male_likelihood(*face[:2]) > 0.5 for face in pictures(500, 20)]
    finally:
        gender._network.cache_clear()
    assert np.mean(np.equal(likely, [number % 2 == 0 for number in range(20)])) >= 0.9


def test_a_gender_is_set_by_all_that_parts_tell_of_it():
    def seen(seed: int, male: np.ndarray) -> Examples:
        """Noise, men's lighter."""
        made = Examples.empty(len(male))
        made.traits[:, MALE] = male
        made.pixels[:] = np.random.default_rng(seed).integers(0, 90, made.pixels.shape)
        made.pixels[male == 1] += 120
        return made

    torch.manual_seed(1)
    network, both = LandmarkNet(), np.arange(60) % 2
    unknown = seen(1, np.full(20, np.nan))
    settle(network, [(seen(2, both), 0.5), (seen(3, both * 0), 0.1), (unknown, 0.4)], 0)
    pixels = torch.from_numpy(seen(4, both).pixels).permute(0, 3, 1, 2) / 255

    def right() -> float:
        with torch.inference_mode():
            return ((network(pixels)[3][:, MALE].numpy() > 0) == both).mean()

    assert right() > 0.9
    wrong = seen(6, both[:4])
    wrong.traits[:, MALE] = 1 - both[:4]
    settle(network, [(wrong, 1.0)], 0)  # few against many
    assert right() > 0.9
    kept = network.male.weight.clone()
    settle(network, [(seen(5, both * 0), 1.0)], 0)  # of women alone nothing can be learnt
    assert torch.equal(network.male.weight, kept)


def test_bending_moves_points_with_what_they_mark():
    rng = np.random.default_rng(5)
    for number in range(60):
        crop = np.zeros((SIDE, SIDE, 3), np.uint8)
        index = (0, 8, 24, 36, 48)[number % 5]  # of what stays, and of features built otherwise
        points = np.full((72, 2), np.nan)
        points[index] = x, y = rng.integers(20, SIDE - 20, 2)
        crop[y - 2 : y + 3, x - 2 : x + 3] = 255
        made, moved = bent(crop, points, rng)
        rows, columns = np.nonzero(made[..., 0] > 127)
        np.testing.assert_allclose(moved[index], (columns.mean(), rows.mean()), atol=1.0)
        assert np.isfinite(moved).sum() == 2


def _told(eyes: float) -> np.ndarray:
    """Points of a face whose eyes are so many pixels apart, as eyes are labelled."""
    points = np.full((72, 2), np.nan)
    for side, own in ((-1, (36, 68, 39, 69)), (1, (42, 70, 45, 71))):
        at = np.array([SIDE / 2 + side * eyes / 2, 40])
        points[list(own)] = at + [(-5, 0), (0, -6), (5, 0), (0, 6)]
    points[[30, 48, 51, 54, 57, 8]] = (48, 56), (40, 70), (48, 69), (56, 70), (48, 71), (48, 88)
    return points


@given(st.integers(0, 2**32 - 1))
def test_features_drawn_anew_lie_where_their_points_say(seed):
    skin, points = np.full((SIDE, SIDE, 3), (230, 190, 170), np.uint8), _told(34)
    skin[32:49, 26:37] = skin[32:49, 60:71] = 0  # the eyes it had
    before = skin.copy()
    made, moved = redrawn(skin, points, np.random.default_rng(seed))
    np.testing.assert_array_equal(skin, before)
    ink = np.abs(made - (230, 190, 170)).max(2) > 40
    near = cv2.dilate(ink.astype(np.uint8), np.ones((7, 7)))
    for left, top, right, bottom in ((36, 68, 39, 69), (42, 70, 45, 71), (48, 51, 54, 57)):
        if left == 48 and (moved[left] == points[left]).all():
            continue  # the mouth is often left as it was
        assert 1 <= moved[right, 0] - moved[left, 0] < 37
        assert 0 <= moved[bottom, 1] - moved[top, 1] < 60
        for x, y in np.round(moved[[left, top, right, bottom]]).astype(int):
            assert near[np.clip(y, 0, SIDE - 1), x]
    np.testing.assert_array_equal(moved[[30, 8]], points[[30, 8]])


def test_faces_from_the_side_keep_their_eyes():
    rng = np.random.default_rng(1)
    assert redrawn(np.zeros((SIDE, SIDE, 3), np.uint8), _told(15), rng) is None
    unknown = _told(34)
    unknown[36] = np.nan
    assert redrawn(np.zeros((SIDE, SIDE, 3), np.uint8), unknown, rng) is None


def test_shadows_leave_one_side_as_it_is_and_grain_moves_nothing():
    rng = np.random.default_rng(4)
    picture = np.full((SIDE, SIDE, 3), 120, np.uint8)
    picture[:, : SIDE // 2] = 220
    changed = 0
    for made in (lit(picture, rng) for _ in range(60)):
        assert made.dtype == np.uint8
        if not np.array_equal(made, picture):
            changed += 1
            kept = (made == picture).all(2).mean()
            halves = made[:, : SIDE // 2].mean(), made[:, SIDE // 2 :].mean()
            assert kept > 0.05 or halves[0] > halves[1] + 20
    assert 5 < changed < 25


def test_features_change_their_size_and_place():
    """Of a face whose eyes span 12 pixels some eyes span 9 and some 15, and mouths move."""
    rng = np.random.default_rng(6)
    points = np.full((72, 2), np.nan)
    points[[36, 39, 42, 45]] = (26, 40), (38, 40), (58, 40), (70, 40)
    points[[48, 54]] = (40, 70), (56, 70)
    moved = np.array([bent(np.zeros((SIDE, SIDE, 3), np.uint8), points, rng)[1] for _ in range(80)])
    wide = np.linalg.norm(moved[:, 39] - moved[:, 36], axis=1)
    assert wide.min() < 9.5
    assert wide.max() > 14.5
    assert np.ptp(moved[:, 48, 1]) > 5


@given(st.integers(0, 2**32 - 1))
def test_the_scout_learns_the_squares_that_crops_are_cut_by(seed):
    points = np.random.default_rng(seed).uniform(0.2, 0.8, (3, 68, 2)).astype(np.float32)
    told = squared(torch.from_numpy(points)).numpy()
    for one, (x, y, side, sine, cosine) in zip(points, told, strict=True):
        expected = square(one)
        lean = np.degrees(np.arctan2(sine, cosine))
        made = x + 0.5, y + 0.5, np.exp(side) / REACH, lean
        np.testing.assert_allclose(made[:3], expected[:3], atol=1e-4)
        assert abs((lean - expected[3] + 180) % 360 - 180) < 0.1


@pytest.mark.slow
def test_a_scout_taught_a_little_already_sees_how_faces_lie(tmp_path):
    torch.set_num_threads(1)

    def cut(at, rng):
        return turning(*at[:2], at[2] * REACH, float(rng.choice([-60, 60])))

    parts = [(drawn(4, 300, cut), 1.0)]
    network = fit_scout(parts, Plan(160, 48, 3e-3, seed=1), tmp_path)
    told = scout_errors(network, drawn(5, 60, cut))
    assert told["lean, degrees"] < 30  # who sees nothing of it is 60 off
    assert told["middle, of the face's size"] < 0.12


def test_many_faces_are_drawn_as_few_are(monkeypatch):
    monkeypatch.setattr(examples, "TOGETHER", 4)
    many = drawn(3, 6)
    assert len(many) == 6
    np.testing.assert_array_equal(many.pixels[:4], drawn(3, 4).pixels)


def test_examples_join_in_order(faces):
    both = Examples.joined([faces, faces])
    assert len(both) == 96
    np.testing.assert_array_equal(both.pixels[48:], faces.pixels)
