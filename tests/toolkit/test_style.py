"""A photo in the style of pictures, by the command people run."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut
from typer.testing import CliRunner

from toolkit.cli import app

QUICK = ("--steps", 6, "--side", 96, "--device", "cpu")


def style(*arguments, status=0):
    done = CliRunner().invoke(app, ["style", *map(str, arguments)])
    assert done.exit_code == status, f"{done.output}\n{done.exception!r}"
    return done.output


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """A photo of a person, 512 by 400, and two flat stripes of styles."""
    folder = tmp_path_factory.mktemp("pictures")
    cv2.imwrite(str(folder / "photo.png"), astronaut()[:400, ..., ::-1])
    for name, colour in (("red", (40, 40, 230)), ("green", (60, 220, 60))):
        stripes = np.full((80, 80, 3), colour, np.uint8)
        stripes[::8] = 0
        cv2.imwrite(str(folder / f"{name}.png"), stripes)
    return folder


def picture(path):
    return cv2.imread(str(path))[..., ::-1].astype(float)


def test_a_photo_takes_on_the_colours_of_its_styles_by_weight(pictures, tmp_path):
    photo, red, green = (pictures / f"{name}.png" for name in ("photo", "red", "green"))
    how = ("--optimiser", "adam", *QUICK, "--steps", 20)
    for name, weights in (("red", (1, 0)), ("green", (0, 1))):
        said = style(photo, "-s", red, "-s", green, "--weight", weights[0], "--weight", weights[1],
                     "--out", tmp_path / f"{name}.png", *how)  # fmt: skip
        assert "96 x 75" in said
        assert "our own" in said
    one, other = (picture(tmp_path / f"{name}.png") for name in ("red", "green"))
    redder = (one[..., 0] - one[..., 1]).mean() - (other[..., 0] - other[..., 1]).mean()
    assert redder > 5


def test_the_background_is_kept_when_asked(pictures, tmp_path):
    out = tmp_path / "a.png"
    style(pictures / "photo.png", "-s", pictures / "red.png", "--keep-background",
          "--optimiser", "adam", "--out", out, *QUICK)  # fmt: skip
    small = cv2.resize(picture(pictures / "photo.png"), (96, 75), interpolation=cv2.INTER_AREA)
    apart = np.abs(picture(out) - small).max(2)
    assert apart[:, :8].max() <= 2  # the flag behind her
    assert apart.max() > 10


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (("--weight", 1, "--weight", 2), "--weight is said 2 times for 1 --style"),
        (("--over", "edges"), "--over must be one of whole, foreground, got 'edges'"),
        (("--over", "foreground"), "no face was found in .*red.png"),
        (("--features", "vgg16"), "--features must be one of own, vgg19"),
        (("--features", "vgg19", "--weights", "nowhere.pth"), "no VGG-19 weights at nowhere.pth"),
        (("--weight", 0), "every --weight is 0"),
    ],
)
def test_a_wrong_wish_is_one_sentence(pictures, wrong, told):
    with pytest.raises(AssertionError, match=told):
        style(pictures / "photo.png", "-s", pictures / "red.png", *wrong, *QUICK)


def test_a_file_that_is_no_picture_is_named(pictures, tmp_path):
    text = tmp_path / "notes.png"
    text.write_text("nothing drawn")
    with pytest.raises(AssertionError, match=r"notes\.png"):
        style(pictures / "photo.png", "-s", text, *QUICK)
