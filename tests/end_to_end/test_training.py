"""Training that is killed, as machines and people do."""

import random
import subprocess
import sys
import time

import pytest
import torch
from typer.testing import CliRunner

from pix2pix import checkpoint
from toolkit.cli import app

STEPS = 160


def command(faces, run):
    return [
        sys.executable, "-m", "toolkit", "train", "pix2pix", "--data", str(faces),
        "--out", str(run), "--preset", "tiny", "--steps", str(STEPS), "--batch", "1",
        "--side", "32", "--min-size", "0", "--device", "cpu",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_run_killed_at_twenty_random_moments_ends_with_the_same_weights(tmp_path):
    drawn = CliRunner().invoke(app, ["draw", str(tmp_path), "-n", "3", "--width", "320"])
    assert drawn.exit_code == 0, drawn.output
    faces = tmp_path / "truth" / "faces"
    began = time.monotonic()
    subprocess.run(command(faces, tmp_path / "whole"), check=True, capture_output=True)
    whole = time.monotonic() - began

    moments = random.Random(5)
    kills = 0
    while kills < 20:
        with subprocess.Popen(
            command(faces, tmp_path / "killed"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            try:
                process.wait(moments.uniform(0.25, 0.75) * whole)
                break  # it came to its end
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
    assert kills > 1
    subprocess.run(command(faces, tmp_path / "killed"), check=True, capture_output=True)
    for name in ("state.safetensors", "best.safetensors"):
        about, one = checkpoint.load(tmp_path / "whole" / name)
        _, other = checkpoint.load(tmp_path / "killed" / name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert about["step"] == STEPS
