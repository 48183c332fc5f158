"""Baselines trained and compared by the commands people run."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from data.errors import InputError
from data.pairs import Crop
from pix2pix.baselines import NAMES
from pix2pix.cartoonist import Cartoonist
from pix2pix.unpaired import traits
from toolkit.cli import app
from toolkit.unpaired import _batches, _grouped, cartoonist, load, preset


def toolkit(*arguments, status=0):
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn")
    toolkit("draw", folder, "-n", 4, "--width", 480, "--panels", 6)
    return folder / "truth" / "faces"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Plain pictures, wider than high, with CartoonSet's numbers beside them."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for number in range(10):
        small = random.integers(0, 255, (6, 9, 3), np.uint8)
        cv2.imwrite(str(folder / f"cs{number}.png"), cv2.resize(small, (90, 60)))
        (folder / f"cs{number}.csv").write_text(f'"glasses", {number % 2}, 12\n"hair", 3, 9\n')
    return folder


def train(name, faces, drawings, out, *more):
    how = ("--preset", "tiny", "--steps", 2, "--batch", 2, "--device", "cpu")
    return toolkit(
        "train", name, "--photos", faces, "--drawings", drawings, "--out", out,
        "--photos-only", "size=0", *how, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(faces, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, small in (
        ("cyclegan", "width=8"),
        ("munit", "width=8"),
        ("style_transfer", "rate=0.1"),
    ):
        said = train(name, faces, pictures, folder / name, "--set", small)
        assert "wasserstein" in said
    toolkit(
        "train", "pix2pix", "--data", faces, "--out", folder / "pix2pix", "--preset", "tiny",
        "--steps", 2, "--batch", 2, "--min-size", 0, "--device", "cpu",
    )  # fmt: skip
    return folder


def test_a_run_shows_itself_and_goes_on_when_it_is_run_again(runs, faces, pictures):
    assert (runs / "cyclegan" / "samples" / "0000002.png").exists()
    assert "cyclegan, 2 of 2 steps" in toolkit("train", "show", runs / "cyclegan")
    train("cyclegan", faces, pictures, runs / "cyclegan", "--set", "width=8", "--steps", 3)
    lines = map(json.loads, (runs / "cyclegan" / "log.jsonl").read_text().splitlines())
    assert [line["step"] for line in lines if "pictures a second" in line] == [1, 2, 3]
    maker = cartoonist(runs / "cyclegan", "cpu")
    assert maker.aligned
    photos = np.zeros((3, 64, 64, 3), np.uint8)
    assert maker.draw(photos).shape == photos.shape


def test_all_runs_are_compared_on_the_same_photos(runs, faces, tmp_path):
    said = toolkit(
        "compare", *sorted(runs.iterdir()), "--inputs", faces, "--out", tmp_path, "--device", "cpu"
    )
    answer = json.loads((tmp_path / "comparison.json").read_text())
    assert {"cyclegan", "munit", "pix2pix", "style_transfer"} <= set(answer)
    counts = {row["pictures"] for row in answer.values()}
    assert len(counts) == 1
    for name, row in answer.items():
        assert row["ms a picture"] > 0
        assert row["parameters, M"] > 0 or name in ("photo", "style_transfer")
        assert row["wasserstein"] > 0
        assert name in said
    assert answer["cyclegan"]["learnt pictures a second"] > 0
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[:2] == (20 + 128 * min(counts.pop(), 40), 128 * len(answer))
    page = (tmp_path / "index.html").read_text()
    assert "cyclegan" in page
    assert "<img" in page


def test_a_system_that_changes_nothing_scores_as_the_photo_does(runs, faces, tmp_path, monkeypatch):
    monkeypatch.setattr(Cartoonist, "draw", lambda self, photos: photos)
    toolkit("compare", runs / "cyclegan", "--inputs", faces, "--drawings", faces, "--out", tmp_path)
    answer = json.loads((tmp_path / "comparison.json").read_text())
    timed = ("parameters, M", "ms a picture", "learnt pictures a second")
    same, photo = (
        {key: value for key, value in answer[name].items() if key not in timed}
        for name in ("cyclegan", "photo")
    )
    assert same == photo
    assert photo["found"] > 0.5
    assert photo["points"] < 0.1
    assert photo.get("background drift", 0) == 0


def test_runs_that_cannot_be_compared_are_one_sentence(runs, tmp_path):
    for named, sentence in (
        ([runs / "munit"] * 2, "called 'munit'"),
        ([tmp_path], "none of the runs"),
        ([tmp_path / "nowhere"], "nowhere"),
    ):
        told = ["compare", *map(str, named), "--inputs", "x.png", "--out", str(tmp_path)]
        done = CliRunner().invoke(app, told)
        assert isinstance(done.exception, InputError)
        assert sentence in str(done.exception)


def test_photos_become_cartoons_in_a_style_or_in_several(runs, pictures, tmp_path):
    from skimage.data import astronaut

    photo = tmp_path / "astronaut.png"
    cv2.imwrite(str(photo), astronaut()[..., ::-1])
    for name, more, count in (
        ("cyclegan", (), 1),
        ("munit", ("--styles", 3), 3),
        ("munit", ("--like", pictures / "cs0.png"), 1),
    ):
        out = tmp_path / f"{name}{count}{len(more)}"
        toolkit("cartoonize", photo, "--with", runs / name, "--out", out, *more)
        made = [cv2.imread(str(path)) for path in sorted(out.glob("astronaut_*.png"))]
        assert len(made) == count
        assert made[0].shape == (64, 64, 3)
        assert count == 1 or (made[0] != made[1]).any()
        assert (out / "sheet.png").exists()


@pytest.mark.parametrize(
    ("run", "options", "sentence"),
    [
        ("cyclegan", ["--hair", "pink"], "takes no wishes"),
        ("cyclegan", ["--styles", "2"], "only munit"),
        ("pix2pix", ["--styles", "2"], "are munit's"),
    ],
)
def test_what_a_run_cannot_do_is_one_sentence(runs, tmp_path, run, options, sentence):
    done = CliRunner().invoke(
        app, ["cartoonize", "x.png", "--with", str(runs / run), "--out", str(tmp_path), *options]
    )
    assert isinstance(done.exception, InputError)
    assert sentence in str(done.exception)


def test_plain_pictures_are_cut_to_their_middles(pictures):
    made = load(pictures, Crop(60))
    whole = cv2.imread(str(pictures / "cs0.png"))[..., ::-1]
    edge = (made.pictures.shape[2] - 60) // 2
    inner = made.pictures[0, :, edge:-edge, edge:-edge].permute(1, 2, 0).numpy()
    assert np.abs(inner.astype(int) - whole[:, 15:75]).mean() < 1
    assert made.inside[0, 0, edge + 1, edge + 1] == 1
    assert made.inside[0, 0, 0, made.inside.shape[3] // 2] == 0  # above the picture
    assert (traits(made.asked) == 0).all()


def test_only_what_is_wanted_is_learnt_from(pictures, faces):
    assert len(load(pictures, Crop(32), ["glasses=1", "hair=2,3"], fewest=1)) == 5
    everything = load(faces, Crop(32), ["size=0"], fewest=1)
    worn = load(faces, Crop(32), ["size=0", "glasses=yes"], fewest=0)
    bare = load(faces, Crop(32), ["size=0", "glasses=no"], fewest=0)
    assert len(worn) + len(bare) == len(everything)
    assert (worn.asked.glasses > 0).all()
    assert (bare.asked.glasses <= 0).all()
    assert everything.ground is not None


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (["glasses=maybe"], "glasses=yes or no"),
        (["hat=yes"], "not hat=yes"),
        (["glasses"], "name=value"),
    ],
)
def test_a_wish_that_cannot_be_told_of_is_one_sentence(faces, said, sentence):
    with pytest.raises(InputError, match=sentence):
        load(faces, Crop(32), said)


def test_plain_pictures_have_no_gender_and_too_few_of_them_are_one_sentence(pictures):
    with pytest.raises(InputError, match="toolkit extract"):
        load(pictures, Crop(32), ["gender=male"])
    with pytest.raises(InputError, match="only 0 pictures"):
        load(pictures, Crop(32), ["glasses=7"])
    with pytest.raises(InputError, match="background is not known"):
        load(pictures, Crop(32), background="white")


def test_groups_are_shown_equally_often_and_a_photo_beside_its_own(faces):
    banks = [load(faces, Crop(32), ["size=0"], fewest=1)] * 2
    learnt = [torch.arange(len(one)) for one in banks]
    _, plan = preset("ugatit", "tiny", [], batch=200)
    among = _grouped(banks, learnt)
    both = _batches(banks, among, plan)(0)
    of = traits(both.photos.asked)
    assert torch.equal(of, traits(both.drawings.asked))
    groups, counts = of.unique(dim=0, return_counts=True)
    assert len(groups) == len(among) > 1
    assert counts.min() > 0.6 * counts.max()


def test_what_is_told_of_too_few_photos_divides_no_groups(faces):
    drawings = load(faces, Crop(32), ["size=0"], fewest=1)
    some = drawings.asked.glasses.clone()
    some[1:] = 0
    photos = replace(drawings, asked=replace(drawings.asked, glasses=some))
    learnt = [torch.arange(len(drawings))] * 2
    among = _grouped([photos, drawings], learnt)
    assert len(among) == 2
    assert sum(len(lot[0]) for lot in among) == (drawings.asked.gender != 0).sum()
    none = torch.zeros(len(drawings))
    photos = replace(drawings, asked=replace(drawings.asked, glasses=some, gender=none))
    with pytest.raises(InputError, match="--balanced"):
        _grouped([photos, drawings], learnt)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_said_by_name(name):
    settings, plan = preset(name, "tiny", ["side=64"], steps=7)
    assert settings.side == 64
    assert getattr(settings, "steps", plan.steps) == 7  # style transfer's own are of each picture
    with pytest.raises(InputError, match="has no 'sidee'"):
        preset(name, "tiny", ["sidee=64"])
    with pytest.raises(InputError, match="--set side=big"):
        preset(name, "tiny", ["side=big"])
    with pytest.raises(InputError, match="--preset must be one of"):
        preset(name, "huge", [])
