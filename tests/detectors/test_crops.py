"""Crops that the landmark network reads, and that network as detection loads it."""

import json
import zipfile
from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from detectors import sets
from detectors.crops import SIDE, sharp_cut, turning
from detectors.drawn import placer
from detectors.networks import LandmarkNet


def picture(height, width):
    random = np.random.default_rng(height)
    small = random.integers(0, 255, (height // 40, width // 40, 3), np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize(
    ("x", "y", "side", "lean"),
    [(400, 300, 300, 0), (30, 40, 500, 20), (790, 590, 400, -40), (400, 20, 700, 180)],
)
def test_a_crop_is_the_same_whatever_lies_far_from_it(x, y, side, lean):
    pixels = picture(600, 800)
    wide = 900
    framed = cv2.copyMakeBorder(pixels, *[wide] * 4, cv2.BORDER_REFLECT)
    here = sharp_cut(pixels, turning(x, y, side, lean)).astype(int)
    there = sharp_cut(framed, turning(x + wide, y + wide, side, lean)).astype(int)
    assert np.abs(here - there).mean() < 2


def test_a_crop_far_outside_the_frame_is_still_one():
    assert sharp_cut(picture(200, 300), turning(-900, -900, 500, 10)).shape == (SIDE, SIDE, 3)


def test_what_detection_loads_says_what_the_weights_say():
    weights = load_file(files("detectors") / "weights" / "landmarks.safetensors")
    network = LandmarkNet()
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    )
    crops = torch.from_numpy(
        picture(SIDE, SIDE * 3).reshape(SIDE, 3, SIDE, 3).swapaxes(0, 1).copy()
    )
    crops = crops.permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        for own, loaded in zip(network.eval()(crops), placer("cpu")(crops), strict=True):
            torch.testing.assert_close(loaded, own, rtol=1e-3, atol=1e-3)


def test_labels_kept_apart_are_not_learnt_from(tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as made:
        for name in ("a.png", "b.png"):
            made.writestr(name, cv2.imencode(".png", picture(80, 80))[1].tobytes())
    face = {
        "points": {"36": [10, 20], "37.5": [14, 16], "8": None},
        "gender": "male",
        "glasses": True,
    }
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"faces:a.png": face, "faces:b.png": {**face, "held": True}}))
    for held in (False, True):
        [(_, points, traits)] = sets.labelled(labels, tmp_path, held)
        assert np.isfinite(points).all(1).nonzero()[0].tolist() == [36, 68]
        assert traits.tolist() == [1, 1, 1]
