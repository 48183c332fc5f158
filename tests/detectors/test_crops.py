"""Crops that the landmark network reads, and the networks as detection runs them."""

import json
import re
import subprocess
import sys
import zipfile
from importlib.resources import files

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data.drawing.strip import draw_face
from data.errors import InputError
from detectors import networks, sets
from detectors.crops import REACH, SIDE, sharp_cut, square, turning
from detectors.loading import NETWORKS, by_torch, runner


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


@pytest.mark.parametrize(
    ("name", "side"), [("finder", 160), ("scout", SIDE), ("landmarks", SIDE), ("gender", SIDE)]
)
def test_what_detection_runs_says_what_network_and_weights_say(name, side):
    """The graph for ONNX Runtime, torch as GPUs run it, and the network as it is written."""
    network = getattr(networks, NETWORKS[name])()
    weights = load_file(files("detectors") / "weights" / f"{name}.safetensors")
    network.load_state_dict(
        {k: v.float() if v.is_floating_point() else v for k, v in weights.items()}
    )
    pictures = picture(side, side * 3).reshape(side, 3, side, 3).swapaxes(0, 1)[..., [2, 0, 1]]
    others = []
    if name == "gender":
        others.append(np.random.default_rng(1).random((3, network.MEASURES), np.float32))
    with torch.no_grad():
        given = torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float() / 255
        own = network.eval()(given, *map(torch.from_numpy, others))
    own = [own] if isinstance(own, torch.Tensor) else own
    for run in (by_torch,) if name == "landmarks" else (runner, by_torch):
        for part, answer in zip(own, run(name, "cpu")(pictures, *others), strict=True):
            np.testing.assert_allclose(answer, part.numpy(), rtol=1e-3, atol=1e-3)


def test_points_of_the_quantised_network_lie_where_the_others_do():
    crops = []
    for number in range(24):
        drawing = draw_face(number, 120)
        x, y, side, lean = square(drawing.faces[0].landmarks)
        crops.append(sharp_cut(drawing.pixels, turning(x, y, side * REACH, lean)))
    (whole, spread, *_), (exact, broad, *_) = (
        run("landmarks", "cpu")(np.stack(crops)) for run in (runner, by_torch)
    )
    apart = np.linalg.norm(whole - exact, axis=2)
    assert apart.mean() < 0.003
    assert apart.max() < 0.05
    assert np.abs(spread - broad).mean() < 0.1


def test_weights_that_do_not_fit_are_told(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_WEIGHTS", str(tmp_path))
    path = tmp_path / "landmarks.safetensors"
    shipped = files("detectors") / "weights" / "landmarks.safetensors"
    others = shipped.with_name("finder.safetensors").read_bytes()
    for content in (b"nothing", shipped.read_bytes()[:-9], others):
        path.write_bytes(content)
        for run in (runner, by_torch):
            with pytest.raises(InputError, match=re.escape(str(path))):
                run("landmarks", "cpu")


def test_drawn_faces_are_found_without_torch():
    script = (
        "import sys, numpy as np; from detectors.drawn import DrawnDetector;"
        "DrawnDetector(device='cpu').detect([np.full((64, 64, 3), 200, np.uint8)]);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_labels_kept_apart_are_not_learnt_from_and_a_picture_may_hold_many(tmp_path):
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as made:
        for name in ("a.png", "b.png"):
            made.writestr(name, cv2.imencode(".png", picture(80, 80))[1].tobytes())
    face = {
        "points": {"36": [10, 20], "37.5": [14, 16], "8": None},
        "gender": "male",
        "glasses": True,
    }
    labels = tmp_path / "labels.json"
    other = {**face, "points": {"30": [5, 6]}, "gender": "unknown"}
    kept = {**face, "held": True, "again": {"45": [40, 20]}}
    told = {"faces:a.png": face, "faces:a.png#1": other, "faces:b.png": kept}
    labels.write_text(json.dumps(told))

    def known(**how):
        made = sets.labelled(labels, tmp_path, **how)
        return [(np.isfinite(p).all(1).nonzero()[0].tolist(), traits[1]) for _, p, traits in made]

    first, second = known()
    assert first == ([36, 68], 1)
    assert second[0] == [30]
    assert np.isnan(second[1])
    assert known(held=True) == [([36, 68], 1)]
    assert known(held=True, said="again") == [([45], 1)]
