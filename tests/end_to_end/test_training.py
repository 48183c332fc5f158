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
    subprocess.run(command(faces, tmp_path / "whole"), check=True, capture_output=True)

    moments = random.Random(5)
    state = tmp_path / "killed" / "state.safetensors"
    kills = 0
    while kills < 20:
        early = moments.random() < 0.6  # else only after something more was kept
        kept = state.stat().st_mtime_ns if state.exists() else 0
        with subprocess.Popen(
            command(faces, tmp_path / "killed"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while process.poll() is None and not early:
                if state.exists() and state.stat().st_mtime_ns != kept:
                    break
                time.sleep(0.02)
            time.sleep(moments.uniform(0, 3 if early else 0.4))
            if process.poll() is not None:
                break  # it came to its end
            process.kill()
            kills += 1
    assert kills >= 5
    subprocess.run(command(faces, tmp_path / "killed"), check=True, capture_output=True)
    for name in ("state.safetensors", "best.safetensors"):
        about, one = checkpoint.load(tmp_path / "whole" / name)
        _, other = checkpoint.load(tmp_path / "killed" / name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
    assert about["step"] == STEPS
