import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from data.crop import cut
from data.dataset import Dataset
from data.face import Box, Foreground
from data.pairs import Crop, asked_of, bank, split
from pix2pix.augment import Vary, batch
from toolkit.cli import app


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Strips of faces we draw, and a dataset that tells the truth of them."""
    folder = tmp_path_factory.mktemp("drawn")
    done = CliRunner().invoke(app, ["draw", str(folder), "-n", "3", "--width", "480"])
    assert done.exit_code == 0, done.output
    return folder


def test_points_lie_where_the_picture_shows_them_however_it_is_varied(drawn):
    dataset = Dataset(drawn / "truth" / "faces")
    faces = bank([dataset], Crop(64))
    assert len(faces) == len(list(dataset.faces()))
    # A picture that is bright at one landmark of each face only.
    side = faces.pictures.shape[2]
    share = faces.crop.side / side
    places = (faces.asked.points[:, 30] - 0.5) * share + 0.5
    y, x = torch.meshgrid(*[(torch.arange(side) + 0.5) / side] * 2, indexing="ij")
    for index, (across, down) in enumerate(places.tolist()):
        spot = torch.exp(-((x - across) ** 2 + (y - down) ** 2) / (2 * 0.03**2))
        faces.pictures[index] = (spot * 255).byte()
    random = torch.Generator().manual_seed(0)
    shown = batch(faces, torch.arange(len(faces)), Vary(turn=20, zoom=0.2), random)
    bright = shown.pictures.mean(1).flatten(1).argmax(1)
    found = torch.stack([bright % 64, bright // 64], 1) + 0.5
    wanted = shown.asked.points[:, 30] * 64
    inside = ((wanted > 2) & (wanted < 62)).all(1)
    assert inside.float().mean() > 0.8
    assert (found - wanted)[inside].abs().max() < 1.6


def test_a_square_cut_from_the_frame_is_the_banks_middle(drawn):
    crop = Crop(64)
    faces = bank([Dataset(drawn / "truth" / "faces")], crop)
    shown = batch(faces, torch.arange(len(faces)))
    for number, record in enumerate(Dataset(drawn / "truth" / "faces").faces()):
        pixels = cv2.imread(str(drawn / "frames" / record.frame.name))[..., ::-1]
        square = cut(pixels, crop.matrix(record.face), 64)
        made = ((shown.pictures[number] + 1) * 127.5).permute(1, 2, 0).numpy()
        known = shown.known[number, 0].numpy() > 0
        # Sampled twice instead of once, so lines and screens differ; places must not.
        made, square = (cv2.GaussianBlur(one, (0, 0), 2.0) for one in (made, square.astype("f4")))
        assert np.abs(made - square)[known].mean() < 1.5  # a pixel off is 2 and more
        points = asked_of([record.face], crop).points[0].numpy() * 64 - 0.5
        np.testing.assert_allclose(
            points, (shown.asked.points[number] * 64 - 0.5).numpy(), atol=1e-4
        )


def test_beyond_the_frames_edge_nothing_is_known(drawn):
    faces = bank([Dataset(drawn / "truth" / "faces")], Crop(64, reach=6))
    shown = batch(faces, torch.arange(len(faces)))
    assert 0 < shown.known.mean() < 1
    assert set(shown.known.unique().tolist()) == {0.0, 1.0}


def test_white_background_is_white_where_no_person_is(drawn, tmp_path):
    record = next(iter(Dataset(drawn / "truth" / "faces").faces()))
    x, y = record.face.box.centre
    size = record.face.box.size
    mask = np.zeros((200, 200), np.uint8)
    cv2.circle(mask, (100, 100), 50, 255, -1)  # the person is a disc in the middle of the face
    square = Box(x - size / 2, y - size / 2, size, size)
    told = replace(record.face, foreground=Foreground(square, mask, 1.0, "alpha"))
    with Dataset(tmp_path / "faces").writer({}) as writer:
        writer.add([(record.frame, [told])])

    even = Crop(64, reach=2, raised=0)
    kept, white = (
        bank([Dataset(tmp_path / "faces")], even, background=name) for name in ("kept", "white")
    )
    side = kept.pictures.shape[3]
    y, x = torch.meshgrid(*[torch.arange(side) - (side - 1) / 2] * 2, indexing="ij")
    longer = max(record.face.box.width, record.face.box.height)
    apart = (x**2 + y**2).sqrt() / (64 / 2 / longer) / (size / 4)  # 1 on the disc's rim
    assert (white.pictures[..., apart > 1.3] == 255).all()
    assert torch.equal(white.pictures[..., apart < 0.7], kept.pictures[..., apart < 0.7])
    assert (kept.pictures[..., apart > 1.3] < 250).any()


def test_a_label_wins_and_only_peoples_faces_can_be_asked_for(drawn, tmp_path):
    shutil.copytree(drawn / "truth" / "faces", tmp_path / "faces")
    dataset = Dataset(tmp_path / "faces")
    record = next(iter(dataset.faces()))
    moved = replace(record.face, landmarks=record.face.landmarks + 3, source="person Ana")
    dataset.label(record.frame.frame_id, record.face_id, moved, moved.box, "Ana")
    only = bank([dataset], Crop(64), lambda one: one.label is not None)
    assert only.face_ids == [record.face_id]
    np.testing.assert_allclose(only.asked.points[0], Crop(64).shares(moved), atol=1e-6)


def test_the_split_goes_by_source_stays_when_faces_come_and_keeps_near_duplicates_together(drawn):
    dataset = Dataset(drawn / "truth" / "faces")
    faces = bank([dataset], Crop(64))
    by_source = {}
    learnt, held = split(faces, 0.5)
    for index in learnt.tolist():
        by_source.setdefault(faces.sources[index], set()).add("learnt")
    for index in held.tolist():
        by_source.setdefault(faces.sources[index], set()).add("held")
    assert all(len(sides) == 1 for sides in by_source.values())
    assert len(by_source) == len({r.frame.name for r in dataset.faces()})
    fewer = faces[learnt]
    assert len(split(fewer, 0.5)[1]) == 0
    twice = bank([dataset, dataset], Crop(64))
    half = len(faces)
    assert twice.sources[:half] == twice.sources[half:]


def test_a_foreground_moves_with_its_picture(drawn):
    faces = bank([Dataset(drawn / "truth" / "faces")], Crop(64), ground=True)
    side = faces.pictures.shape[3]
    y, x = torch.meshgrid(*[torch.arange(side)] * 2, indexing="ij")
    disc = ((x - 0.4 * side) ** 2 + (y - 0.6 * side) ** 2 < (0.2 * side) ** 2).byte() * 255
    same = disc.expand(len(faces), 1, -1, -1)
    told = replace(faces, pictures=same.expand(-1, 3, -1, -1).contiguous(), ground=same)
    random = torch.Generator().manual_seed(1)
    shown = batch(told, torch.arange(len(told)), Vary(turn=30, shift=0.1), random)
    torch.testing.assert_close(
        shown.asked.foreground, shown.pictures[:, 0] / 2 + 0.5, atol=1e-4, rtol=0
    )
