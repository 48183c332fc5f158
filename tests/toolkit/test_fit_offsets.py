"""People's corrections change where the photo detector puts its points."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from data.dataset import Dataset
from data.errors import InputError
from data.frame import Frame, identify
from data.sources import list_items
from detectors import mesh68
from detectors.photo import PhotoDetector
from toolkit import fit


@pytest.fixture(scope="module")
def corrected(tmp_path_factory):
    """34 photographs of one face, turned and scaled; people place the nose's tip elsewhere."""
    folder = tmp_path_factory.mktemp("photos")
    dataset, detector = Dataset(folder / "faces"), PhotoDetector()
    rng = np.random.default_rng(2)
    with dataset.writer({"version": "1"}) as writer:
        for number in range(34):
            turn = cv2.getRotationMatrix2D((225, 125), rng.uniform(-25, 25), rng.uniform(1, 1.6))
            turn[:, 2] += (40, 80)
            pixels = cv2.warpAffine(astronaut(), turn, (512, 420))
            path = folder / f"{number:02d}.png"
            cv2.imwrite(str(path), pixels[..., ::-1])
            [item] = list_items([path])
            frame = Frame(identify(item.item_id, None, None), item, 512, 420)
            writer.add([(frame, detector.detect([pixels])[0][:1])])
    for record in list(dataset.faces()):
        face = record.face
        points = face.landmarks.copy()
        points[30] += 0.1 * (face.landmarks[8] - face.landmarks[27])  # down the face
        mended = replace(face, landmarks=points, foreground=None)
        dataset.label(record.frame.frame_id, record.face_id, mended, face.box, "Ana")
    return dataset


def test_the_map_learns_what_people_say(corrected, tmp_path, monkeypatch):
    scores = fit.offsets(corrected.folder, tmp_path / "run")
    assert scores["faces"] >= 32
    monkeypatch.setenv("TOOLKIT_WEIGHTS", str(tmp_path / "run"))
    mesh68.shipped.cache_clear()
    try:
        face = PhotoDetector().detect([astronaut()])[0][0]
    finally:
        monkeypatch.undo()
        mesh68.shipped.cache_clear()
    before = PhotoDetector().detect([astronaut()])[0][0]
    moved = (face.landmarks - before.landmarks) / before.box.size
    down = (before.landmarks[8] - before.landmarks[27]) / before.box.size
    np.testing.assert_allclose(moved[30], 0.1 * down, atol=0.03)
    assert np.abs(np.delete(moved, 30, 0)).mean() < 0.02


def test_too_few_corrections_are_told(tmp_path):
    dataset = Dataset(tmp_path / "faces")
    with dataset.writer({}):
        pass
    with pytest.raises(InputError, match="0 labelled faces were found, at least 32"):
        fit.offsets(dataset.folder, tmp_path / "run")
    with pytest.raises(InputError, match=r"holds no photo_68\.zip"):
        fit.offsets(dataset.folder, tmp_path / "run", tmp_path)


def test_offsets_that_are_none_are_told(tmp_path, monkeypatch):
    (tmp_path / "mesh68.json").write_text("{}")
    monkeypatch.setenv("TOOLKIT_WEIGHTS", str(tmp_path))
    mesh68.shipped.cache_clear()
    with pytest.raises(InputError, match="toolkit fit offsets"):
        mesh68.shipped()
