"""Every detector through the one protocol, on drawn faces and on a public-domain photograph."""

import numpy as np
import pytest
from skimage.data import astronaut

import detectors
from data.drawing.strip import draw_face, draw_strip
from data.errors import InputError
from data.landmarks import LEFT_EYE, RIGHT_EYE

HAAR = "haarcascade_frontalface_alt2.xml"


# A face that every detector for drawings knows.
PLAIN = {
    "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "eye_kind": "anime", "eye_height": 0.55, "over": "",
    "top": "", "glasses": False, "tone": "colour", "left_open": 1.0, "right_open": 1.0,
    "fringe": "locks", "fringe_low": -0.5, "back": "long", "chin": 1.25, "mouth_open": 0.1,
    "skin_hex": "#ffe6d6", "shade": "flat",
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded():
    import cv2

    return {
        name: detectors.load(
            name, cascade=cv2.data.haarcascades + HAAR if name == "cascade" else None
        )
        for name in ("auto", "drawn", "photo", "animeface", "cascade")
    }


@pytest.mark.parametrize("name", ["auto", "drawn", "photo", "animeface", "cascade"])
def test_what_comes_out_keeps_the_protocol(loaded, name):
    frames = [astronaut(), draw_face(3, 320, **PLAIN).pixels, np.zeros((50, 40, 3), np.uint8)]
    answers = loaded[name].detect(frames)
    assert len(answers) == 3
    assert answers[2] == []
    assert any(answers[:2])
    for faces in answers:
        assert [face.score for face in faces] == sorted((f.score for f in faces), reverse=True)
        for face in faces:
            assert np.isfinite(face.landmarks).all()
            assert ((face.landmark_scores >= 0) & (face.landmark_scores <= 1)).all()
            assert face.source == f"{name} {loaded[name].version}"


@pytest.mark.parametrize("name", ["auto", "drawn", "photo", "animeface", "cascade"])
def test_the_same_frame_gives_the_same_answer(loaded, name):
    frame = draw_strip(5, 400, panels=2).pixels
    first, second = (loaded[name].detect([frame])[0] for _ in range(2))
    assert [face.score for face in first] == [face.score for face in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.landmarks, other.landmarks)


@pytest.mark.parametrize("name", ["auto", "drawn", "photo", "animeface", "cascade"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (2000, 5)])
def test_odd_frames_hold_no_face(loaded, name, shape):
    assert loaded[name].detect([np.full((*shape, 3), 200, np.uint8)]) == [[]]


def test_auto_finds_drawn_faces_and_calls_them_drawn(loaded):
    plain = {**PLAIN, "mouth_open": 0.0}
    drawings = [draw_face(seed, 320, **plain) for seed in range(12)]
    found = [loaded["auto"].detect([drawing.pixels])[0] for drawing in drawings]
    assert sum(len(faces) >= 1 for faces in found) >= 11
    domains = [face.domain for faces in found for face in faces[:1]]
    assert domains.count("drawn") >= len(domains) - 1
    for drawing, faces in zip(drawings, found, strict=True):
        for face in faces[:1]:
            truth = drawing.faces[0]
            assert face.box.overlap(truth.box) > 0.3
            for eye in (LEFT_EYE, RIGHT_EYE):
                off = face.landmarks[eye].mean(0) - truth.landmarks[eye].mean(0)
                assert np.hypot(*off) < 0.15 * truth.box.size


def test_auto_tells_photo_and_drawing_apart_on_one_frame(loaded):
    drawn = draw_face(3, 320, **PLAIN).pixels
    frame = np.hstack([astronaut()[:320, 60:380], drawn])
    faces = loaded["auto"].detect([frame])[0]
    assert [face.domain for face in sorted(faces, key=lambda face: face.box.x)] == [
        "photo",
        "drawn",
    ]


def test_glasses_are_told_on_photos_too(loaded):
    import cv2

    photo = astronaut()
    bare = loaded["auto"].detect([photo])[0][0]
    assert bare.domain == "photo"
    assert bare.glasses < 0.5
    worn = photo.copy()
    left, right = (bare.landmarks[eye].mean(0) for eye in (LEFT_EYE, RIGHT_EYE))
    radius = round(0.36 * float(np.linalg.norm(right - left)))
    for eye in (left, right):
        cv2.circle(worn, tuple(int(at) for at in eye), radius, (20, 20, 20), 3, cv2.LINE_AA)
    cv2.line(worn, (int(left[0]) + radius, int(left[1])), (int(right[0]) - radius, int(right[1])),
             (20, 20, 20), 3, cv2.LINE_AA)  # fmt: skip
    dressed = loaded["auto"].detect([worn])[0][0]
    assert dressed.glasses > 0.5


def test_many_faces_a_frame_each_once(loaded):
    strip = draw_strip(3, 690, panels=3)
    faces = loaded["auto"].detect([strip.pixels])[0]
    matched = [
        [face for face in faces if face.box.overlap(truth.box) > 0.3] for truth in strip.faces
    ]
    assert all(len(found) <= 1 for found in matched)
    assert sum(len(found) for found in matched) >= 0.7 * len(strip.faces)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("best",), "choose one of: auto, photo, drawn, animeface, fan, cascade"),
        (("cascade",), "--cascade FILE"),
        (("cascade", "/nowhere.xml"), "/nowhere.xml does not exist"),
        (("cascade", __file__), "is no OpenCV cascade"),
        (("photo", __file__), "belongs to the cascade detector"),
    ],
)
def test_what_cannot_be_loaded_is_told(arguments, told):
    with pytest.raises(InputError, match=told):
        detectors.load(*arguments)


def test_fan_says_what_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(InputError, match=r"put 2DFAN4-11f355bf06.pth.tar .* into .*checkpoints"):
        detectors.load("fan")
    assert list(tmp_path.rglob("*.tar")) == []


@pytest.mark.slow
def test_fan_runs_on_the_boxes_of_auto_with_weights_in_the_cache(tmp_path, monkeypatch):
    """With weights of chance: their points mean nothing, but the way there and back is real."""
    import torch
    from face_alignment.models import FAN

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cache = tmp_path / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(FAN(4).state_dict(), cache / "2DFAN4-11f355bf06.pth.tar")
    detector = detectors.load("fan")
    # Unlikely faces are told too, the likeliest first.
    (face, *_), [] = detector.detect([astronaut(), np.zeros((64, 64, 3), np.uint8)])
    assert np.isfinite(face.landmarks).all()
    assert face.source.startswith("fan ")
    assert face.domain == "photo"


def test_the_doctor_tells_what_each_lacks(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lacking = detectors.check()
    assert list(lacking) == ["auto", "photo", "drawn", "animeface", "fan", "cascade"]
    assert [name for name, lacks in lacking.items() if lacks] == ["fan"]
