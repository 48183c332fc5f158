"""Foreground: the person around a face, and an honest word on how sure that is."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from data.face import Box, Face
from detectors.foreground import Segmenter
from detectors.photo import PhotoDetector
from detectors.pose import canonical

SIDE = 400
HEAD = ((200, 190), (95, 120))  # centre and half axes of head with hair


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter()


def person() -> np.ndarray:
    """(SIDE, SIDE) uint8 0 or 255: head, neck and shoulders."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, *HEAD, 0, 0, 360, 255, -1)
    cv2.rectangle(mask, (170, 290), (230, 360), 255, -1)
    cv2.ellipse(mask, (200, 400), (150, 70), 0, 0, 360, 255, -1)
    return mask


def drawing(background: np.ndarray) -> tuple[np.ndarray, Face]:
    """background: broadcast to (SIDE, SIDE, 3)."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8) + background.astype(np.uint8)
    pixels[person() > 0] = (60, 70, 150)
    cv2.ellipse(pixels, (200, 222), (72, 82), 0, 0, 360, (250, 225, 205), -1)
    points = (canonical()[:, :2] * 58 + (200, 225)).astype(np.float32)
    low, high = points.min(0), points.max(0)
    box = Box(*map(float, low), *map(float, high - low))
    return pixels, Face(box, 1.0, points, np.ones(68, np.float32), "drawn", "painted")


def agreement(found, truth: np.ndarray) -> float:
    """Intersection over union with the truth in the foreground's square."""
    box, side = found.box, found.mask.shape[0]
    scale = box.width / side
    matrix = np.array([[scale, 0, box.x + scale / 2 - 0.5], [0, scale, box.y + scale / 2 - 0.5]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    true = cv2.warpAffine(truth, matrix, (side, side), flags=flags) > 127
    said = found.mask > 127
    return (true & said).sum() / (true | said).sum()


def test_alpha_decides_where_there_is_one(segmenter):
    pixels, face = drawing(np.array([255, 255, 255]))
    found = segmenter.foreground(pixels, person(), face)
    assert (found.source, found.score) == ("alpha", 1.0)
    assert agreement(found, person()) > 0.97


def test_opaque_alpha_says_nothing(segmenter):
    pixels, face = drawing(np.array([255, 255, 255]))
    found = segmenter.foreground(pixels, np.full((SIDE, SIDE), 255, np.uint8), face)
    assert found.source == "flood"


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (90, 170, 120)])
def test_a_flat_background_is_flooded(segmenter, colour):
    pixels, face = drawing(np.array(colour))
    found = segmenter.foreground(pixels, None, face)
    assert found.source == "flood"
    assert found.score > 0.7
    assert agreement(found, person()) > 0.95


def test_a_busy_background_is_cut_and_less_sure(segmenter):
    busy = np.random.default_rng(0).integers(0, 255, (20, 20, 3)).astype(np.uint8)
    busy = cv2.resize(busy, (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
    pixels, face = drawing(busy)
    found = segmenter.foreground(pixels, None, face)
    assert found.source == "grabcut"
    assert found.score < 0.65
    assert agreement(found, person()) > 0.5


def test_no_picture_gives_everything_or_nothing_surely(segmenter):
    """A page of one colour: whatever the mask, it must not be trusted."""
    pixels, face = drawing(np.array([250, 225, 205]))
    pixels[:] = 128
    assert segmenter.foreground(pixels, None, face).score < 0.2


def test_a_photo_is_segmented(segmenter):
    pixels = astronaut()
    face = PhotoDetector().detect([pixels])[0][0]
    found = segmenter.foreground(pixels, None, face)
    assert found.source == "selfie"
    assert found.score > 0.6
    assert found.mask.shape == (128, 128)
    x, y = (np.array(face.box.centre) - (found.box.x, found.box.y)) * 128 / found.box.width
    assert found.mask[int(y), int(x)] > 200  # the face
    assert found.mask[:20, :20].mean() < 60  # the flag behind her


def test_a_face_at_the_edge_or_off_the_frame_is_no_trouble(segmenter):
    pixels, face = drawing(np.array([255, 255, 255]))
    for shift in ((-200, -190), (250, 0), (5000, 5000)):
        moved = face.moved(*shift)
        for domain in ("drawn", "photo"):
            found = segmenter.foreground(pixels, person(), replace(moved, domain=domain))
            assert found.mask.shape == (128, 128)
            assert 0 <= found.score <= 1


def test_the_same_picture_gives_the_same_mask(segmenter):
    busy = np.random.default_rng(1).integers(0, 255, (SIDE, SIDE, 3)).astype(np.uint8)
    pixels, face = drawing(busy)
    one, other = (segmenter.foreground(pixels, None, face) for _ in range(2))
    np.testing.assert_array_equal(one.mask, other.mask)
