import json
import zipfile

import cv2
import numpy as np

from data.drawing.strip import draw_face
from detectors import recipes
from detectors.drawn import DrawnDetector


def test_what_is_sure_of_faces_nobody_labelled_teaches(tmp_path):
    faces = [draw_face(seed, 128, tone="colour") for seed in range(6)]
    blank = np.full((64, 64, 3), 200, np.uint8)
    for name, pictures in {
        "anime_faces_256": {"blank": blank},
        "anime_faces_tagged_96": {str(n): face.pixels for n, face in enumerate(faces)},
        "drawn_patches_64": {"face/blank": blank, "not_face/0": faces[0].pixels},
    }.items():
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as made:
            for which, pixels in pictures.items():
                raw = cv2.imencode(".png", pixels[:, :, ::-1])[1]
                made.writestr(f"{which}.png", raw.tobytes())
    labels = tmp_path / "labels.json"
    told = {"anime_faces_tagged_96:0.png": {"points": {}}, "anime_faces_tagged_96:1.png": {}}
    labels.write_text(json.dumps(told))

    off = []
    for pixels, points, traits in recipes.sure(tmp_path, labels, DrawnDetector(0.0)):
        [face] = [face for face in faces[1:] if np.array_equal(face.pixels, pixels)]
        assert points.shape == (72, 2)
        assert traits[0] == 1
        assert np.isnan(traits[1:]).all()
        truth = face.faces[0]
        apart = np.linalg.norm(points[:68] - truth.landmarks, axis=1).mean()
        off.append(apart / truth.box.size)
    assert len(off) >= 3
    assert np.median(off) < 0.08


def test_what_nobody_sees_a_face_in_teaches_that_there_is_none(tmp_path):
    pixels = np.full((120, 160, 3), 255, np.uint8)
    pixels[40:80, 90:110] = (200, 30, 40)
    with zipfile.ZipFile(tmp_path / "here.zip", "w") as made:
        made.writestr("a.png", cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes())
    labels = tmp_path / "labels.json"
    place = {"no face": [90, 40, 20, 40]}
    labels.write_text(
        json.dumps(
            {
                "here:a.png": place,
                "here:a.png#1": {**place, "held": True},
                "here:a.png#2": {"points": {}, "gender": "male", "glasses": False},
                "not_here:a.png": place,
            }
        )
    )
    [(crop, traits)] = recipes.none_there(labels, tmp_path)
    assert traits[0] == 0
    assert np.isnan(traits[1:]).all()
    # The place fills two thirds of the crop's height and lies in its middle.
    ys, xs = np.nonzero(crop[:, :, 1] < 128)
    assert abs(ys.mean() - 47.5) < 1
    assert abs(xs.mean() - 47.5) < 1
    assert abs(np.ptp(ys) - 63) < 3
