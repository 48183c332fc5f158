import json
import zipfile

import cv2
import numpy as np

from data.drawing.strip import draw_face
from detectors import recipes
from detectors.drawn import DrawnDetector


def test_what_is_sure_of_faces_nobody_labelled_teaches(tmp_path):
    drawn = [draw_face(seed, 128, tone="colour") for seed in range(6)]
    for name, under in (
        ("anime_faces_256", ""),
        ("anime_faces_tagged_96", ""),
        ("drawn_patches_64", "face/"),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as made:
            if name == "anime_faces_tagged_96":
                for number, one in enumerate(drawn):
                    raw = cv2.imencode(".png", one.pixels[:, :, ::-1])[1].tobytes()
                    made.writestr(f"{under}{number}.png", raw)
            else:
                blank = cv2.imencode(".png", np.full((64, 64, 3), 200, np.uint8))[1].tobytes()
                made.writestr(f"{under}blank.png", blank)
    labels = tmp_path / "labels.json"
    labelled = {"points": {"30": [1, 2]}, "gender": "unknown", "glasses": False}
    labels.write_text(
        json.dumps(
            {
                "anime_faces_tagged_96:0.png": labelled,
                "anime_faces_tagged_96:1.png": {"gender": "male"},
            }
        )
    )
    taught = list(recipes.sure(tmp_path, labels, DrawnDetector(0.0)))
    assert 3 <= len(taught) <= 5
    off = []
    for pixels, points, traits in taught:
        assert points.shape == (72, 2)
        assert np.isfinite(points).all()
        assert traits[0] == 1
        assert np.isnan(traits[1:]).all()
        [which] = [n for n, one in enumerate(drawn) if (one.pixels == pixels).all()]
        assert which != 0
        truth = drawn[which].faces[0]
        apart = np.linalg.norm(points[:68] - truth.landmarks, axis=1).mean()
        off.append(apart / truth.box.size)
    assert np.median(off) < 0.08
