"""From drawn strips to a trained generator to cartoons, by the commands people run."""

import io
import json
import tarfile

import cv2
import numpy as np
import pytest
import torch
from skimage.data import astronaut
from typer.testing import CliRunner

from data.dataset import Dataset
from data.pairs import Crop, asked_of
from pix2pix.artist import Artist
from pix2pix.proportions import redrawn, shipped
from toolkit.cli import app


def toolkit(*arguments, status=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    toolkit("draw", folder, "-n", 4, "--width", 480, "--panels", 6)
    return folder


@pytest.fixture(scope="module")
def faces(drawn):
    return drawn / "truth" / "faces"


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    """A tiny generator after a few steps: it draws, if badly."""
    folder = tmp_path_factory.mktemp("runs") / "a"
    said = train(faces, folder, 6)
    assert "wasserstein" in said
    return folder


def train(faces, out, steps, *more):
    how = ("--preset", "tiny", "--batch", 2, "--min-size", 0, "--device", "cpu")
    return toolkit("train", "pix2pix", "--data", faces, "--out", out, "--steps", steps, *how, *more)


def picture(path):
    return cv2.imread(str(path))[..., ::-1]


def test_training_leaves_samples_scores_and_a_log_and_goes_on_when_it_is_run_again(run, faces):
    assert (run / "samples" / "0000006.png").exists()
    assert list((run / "events").iterdir())
    train(faces, run, 8)
    steps = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 8
    assert "pix2pix" in toolkit("train", "show", run)


def test_faces_of_a_dataset_are_drawn_and_shown_beside_what_was_found(run, faces, tmp_path):
    toolkit("generate", faces, "--with", run, "--out", tmp_path, "--in-place")
    records = list(Dataset(faces).faces())
    made = [path for path in tmp_path.rglob("*_*.png") if path.name[-5].isdigit()]
    assert len(made) >= len(records)
    assert picture(tmp_path / "sheet.png").shape[1] > 3 * 64
    for frame in {record.frame.name: record.frame for record in records}.values():
        whole = picture(tmp_path / frame.name)
        before = picture(faces.parent.parent / "frames" / frame.name)
        assert whole.shape == before.shape
        assert (whole != before).any()
        own = [record.face.box for record in records if record.frame.frame_id == frame.frame_id]
        far = np.ones(before.shape[:2], bool)
        for box in own:
            reach = round(2 * max(box.width, box.height))
            x, y = (round(at) for at in box.centre)
            far[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach] = False
        assert (whole[far] == before[far]).all()


def test_points_alone_are_enough(run, drawn, tmp_path):
    points = next((drawn / "truth" / "pts").rglob("*.pts"))
    toolkit("generate", points, "--with", run, "--out", tmp_path, "--hair", "pink", "--glasses")
    assert picture(tmp_path / f"{points.stem}_1.png").shape == (64, 64, 3)


def test_what_is_said_overrules_what_was_found(run, faces, tmp_path):
    for hair in ("#ff0000", "blue"):
        toolkit("generate", faces, "--with", run, "--out", tmp_path / hair, "--hair", hair)
    one, other = (sorted((tmp_path / hair).rglob("*_1.png"))[0] for hair in ("#ff0000", "blue"))
    assert (picture(one) != picture(other)).any()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--hair", "plaid"], "'plaid' is no colour of hair"),
        (["--gender", "robot"], "--gender must be male or female"),
        (["--proportions", "tiny"], "--proportions must be one of"),
        (["--with", "/nowhere/run"], "/nowhere/run"),
    ],
)
def test_a_wrong_wish_is_one_sentence(run, faces, tmp_path, options, sentence):
    done = CliRunner().invoke(
        app, ["generate", str(faces), "--with", str(run), "--out", str(tmp_path), *options]
    )
    assert done.exit_code != 0
    assert sentence in str(done.exception)


def test_a_photo_becomes_a_cartoon_in_one_command(run, tmp_path):
    photo = tmp_path / "astronaut.png"
    cv2.imwrite(str(photo), astronaut()[..., ::-1])
    out = tmp_path / "out"
    said = toolkit("cartoonize", photo, "--with", run, "--out", out)
    assert "1 faces" in said
    assert picture(out / "astronaut_1.png").shape == (64, 64, 3)
    assert picture(out / "sheet.png").shape[1] >= 3 * 64


def test_a_photo_in_a_drawings_proportions_has_bigger_eyes_and_keeps_what_is_its_own():
    photo, drawn = shipped()
    random = np.random.default_rng(0)
    points = np.repeat(photo.points[None], 3, 0) + random.normal(0, 0.004, (3, 68, 2))
    points[1, 37:39] = points[1, 41:39:-1] = points[1, 36:40:3].mean(0)  # a closed eye
    asked = asked_of([], Crop())
    none = torch.full((3, 3), torch.nan)
    asked = type(asked)(
        torch.from_numpy(points.astype(np.float32)), torch.ones(3, 68), none, none, none,
        torch.tensor([1.0, -1, 0]), torch.tensor([1.0, -1, 0]),
    )  # fmt: skip
    moved = redrawn(asked, photo, drawn)

    def height(points, eye):
        return (points[:, eye + 4] - points[:, eye + 1]).norm(dim=1)

    grown = height(moved.points, 42) / height(asked.points, 42)
    assert (grown > 1.5).all()
    assert height(moved.points, 36)[1] < 0.5 * height(moved.points, 36)[0]
    assert torch.equal(moved.gender, asked.gender)
    assert torch.equal(redrawn(asked, photo, drawn, 0.0).points, asked.points)
    mean = type(asked)(
        torch.from_numpy(photo.points.astype(np.float32))[None], torch.ones(1, 68), none[:1],
        none[:1], none[:1], torch.zeros(1), torch.zeros(1),
    )  # fmt: skip
    np.testing.assert_allclose(redrawn(mean, photo, drawn).points[0], drawn.points, atol=1e-5)


def test_a_checkpoint_draws_what_the_trainer_showed(run, faces):
    artist = Artist(run, "cpu")
    asked = asked_of([record.face for record in Dataset(faces).faces()][:3], artist.crop)
    made = artist.draw(asked)
    assert made.shape == (3, 64, 64, 3)
    alone = artist.draw(asked[1:2])[0].astype(int)
    assert np.abs(made[1] - alone).max() <= 1  # a grey level, by the order of sums


def test_scores_tell_what_was_kept(run, faces, tmp_path):
    toolkit("evaluate", "pictures", faces, "--with", run, "--out", tmp_path, "-n", 6)
    told = json.loads((tmp_path / "evaluation.json").read_text())["pictures"]
    assert told["all"]["pictures"] == 6
    assert told["all"]["wasserstein"] > 0
    assert (tmp_path / "sheet.png").exists()


def test_pairs_for_other_trainers_come_in_three_forms(faces, tmp_path):
    count = len(list(Dataset(faces).faces()))
    for form in ("sides", "webdataset", "4d"):
        toolkit("pairs", faces, "--out", tmp_path / form, "-f", form, "--side", 64, "--min-size", 0)
    sides = sorted((tmp_path / "sides").rglob("*.png"))
    assert len(sides) == count
    assert picture(sides[0]).shape == (64, 128, 3)
    deep = cv2.imread(str(next((tmp_path / "4d").rglob("*.png"))), cv2.IMREAD_UNCHANGED)
    assert deep.shape == (64, 64, 4)
    assert deep[..., 3].max() > 200
    members = {}
    for shard in sorted((tmp_path / "webdataset").glob("*.tar")):
        with tarfile.open(shard) as opened:
            members |= {name: opened.extractfile(name).read() for name in opened.getnames()}
    assert len(members) == 3 * count
    record = next(iter(Dataset(faces).faces()))
    about = json.load(io.BytesIO(members[f"{record.face_id}.json"]))
    wanted = Crop(64).shares(record.face) * 64 - 0.5
    np.testing.assert_allclose(about["points"], wanted, atol=1e-2)


def test_too_few_faces_are_told_before_anything_is_trained(faces, tmp_path):
    done = CliRunner().invoke(
        app, ["train", "pix2pix", "--data", str(faces), "--out", str(tmp_path / "run"),
              "--min-source", "person"],
    )  # fmt: skip
    assert "only 0 faces" in str(done.exception)
    assert not (tmp_path / "run").exists()
