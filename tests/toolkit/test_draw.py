import json

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from data.dataset import Dataset
from toolkit.cli import app

runner = CliRunner()


def test_draws_strips_with_truth_in_every_format_and_only_what_is_missing(tmp_path):
    done = runner.invoke(app, ["draw", str(tmp_path), "-n", "2", "--width", "240"])
    assert done.exit_code == 0, done.output
    strips = sorted((tmp_path / "frames").glob("*.png"))
    assert len(strips) == 2
    records = list(Dataset.open(tmp_path / "truth" / "faces").faces())
    assert len(records) > 3
    coco = json.loads((tmp_path / "truth" / "coco.json").read_text())
    assert len(coco["annotations"]) == len(records)
    assert len(list((tmp_path / "truth" / "pts").rglob("*.pts"))) == len(records)
    assert (tmp_path / "truth" / "csv.csv").read_text().count("\n") > len(records)
    assert (tmp_path / "truth" / "imagefolder" / "metadata.jsonl").is_file()
    for record in records:
        picture = cv2.imread(str(tmp_path / "frames" / record.frame.name))
        assert picture.shape[1] == record.frame.width
        assert record.face.gender is not None
    before = [strip.stat().st_mtime_ns for strip in strips]
    again = runner.invoke(app, ["draw", str(tmp_path), "-n", "3", "--width", "240"])
    assert again.exit_code == 0, again.output
    assert [strip.stat().st_mtime_ns for strip in strips] == before
    assert len(list((tmp_path / "frames").glob("*.png"))) == 3


def test_the_same_seed_draws_the_same_and_another_something_else(tmp_path):
    pictures = []
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        folder = str(tmp_path / name)
        runner.invoke(app, ["draw", folder, "-n", "1", "--seed", str(seed), "--width", "200"])
        [strip] = (tmp_path / name / "frames").glob("*.png")
        pictures.append(cv2.imread(str(strip)))
    assert np.array_equal(pictures[0], pictures[1])
    assert pictures[0].shape != pictures[2].shape or not np.array_equal(pictures[0], pictures[2])


@pytest.mark.parametrize("wrong", [["--width", "3"], ["-n", "0"], ["--seed", "-1"]])
def test_what_cannot_be_drawn_is_refused(tmp_path, wrong):
    assert runner.invoke(app, ["draw", str(tmp_path), *wrong]).exit_code == 2
