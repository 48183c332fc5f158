import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.dataset import Dataset, DatasetError
from data.face import Box, Colour, Face, Foreground, Gender, Pose
from data.frame import Frame, Item
from data.labels import Label
from data.rows import face_row, row_face

SETTINGS = {"detector": "none", "version": "1"}


def face_at(x, y, size=40.0, **more):
    grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2)
    return Face(
        Box(x, y, size, size),
        0.9,
        (grid + np.array([x, y])).astype(np.float32),
        np.full(68, 0.5, np.float32),
        "drawn",
        "none 1",
        **more,
    )


def item(number):
    return Item(f"{number:016x}", "/frames", f"{number}.png")


def frame(number):
    return Frame(f"f{number}", item(number), 640, 480)


def keep(folder, numbers, settings=SETTINGS, faces=2):
    with Dataset(folder).writer(settings) as writer:
        for number in numbers:
            writer.add([(frame(number), [face_at(100 * k, 50) for k in range(faces)])])


floats = st.floats(-1e5, 1e5)
shares = st.floats(0, 1)
colours = st.none() | st.builds(
    Colour, st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.just("pink"), shares, shares
)


@given(
    box=st.builds(Box, floats, floats, floats, floats),
    score=shares,
    hair=colours,
    left_eye=colours,
    gender=st.none() | st.builds(Gender, st.sampled_from(["female", "male"]), shares),
    glasses=st.none() | shares,
    pose=st.none() | st.builds(Pose, floats, floats, floats),
    seed=st.integers(0, 99),
)
def test_a_face_survives_the_row_it_is_kept_in(
    box, score, hair, left_eye, gender, glasses, pose, seed
):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 256, (16, 16), np.uint8)
    points = rng.normal(0, 1e4, (68, 2)).astype(np.float32)
    points[seed % 68] = np.nan
    ground = Foreground(box, mask, 0.5, "flood") if seed % 2 else None
    face = Face(
        box, score, points, rng.random(68, np.float32), "photo", "x 1",
        hair=hair, left_eye=left_eye, gender=gender, glasses=glasses, pose=pose, foreground=ground,
    )  # fmt: skip
    back = row_face(face_row(face))
    for name in Face.__slots__:
        ours, theirs = getattr(face, name), getattr(back, name)
        if isinstance(ours, Foreground):
            assert (ours.box, ours.score, ours.source) == (theirs.box, theirs.score, theirs.source)
            np.testing.assert_array_equal(ours.mask, theirs.mask)
        else:
            np.testing.assert_array_equal(ours, theirs)


def test_what_was_added_is_read_back_in_order(tmp_path):
    keep(tmp_path, range(3))
    keep(tmp_path, range(3, 5))
    dataset = Dataset.open(tmp_path)
    assert [record.frame.frame_id for record in dataset.frames()] == [f"f{n}" for n in range(5)]
    records = list(dataset.faces())
    assert len(records) == len({record.face_id for record in records}) == 10
    assert records[1].face.box == Box(100, 50, 40, 40)
    assert records[1].label is None


def test_done_is_told_by_item_and_settings_and_failures_can_be_retried(tmp_path):
    keep(tmp_path, [1])
    with Dataset(tmp_path).writer(SETTINGS) as writer:
        writer.fail(item(2), "torn")
    dataset = Dataset(tmp_path)
    assert dataset.done(SETTINGS) == {item(1).item_id, item(2).item_id}
    assert dataset.done(SETTINGS, retry_failed=True) == {item(1).item_id}
    assert dataset.done(SETTINGS | {"version": "2"}) == set()
    assert [record.error for record in dataset.frames()] == [None, "torn"]


def test_a_new_extraction_replaces_the_old_one(tmp_path):
    keep(tmp_path, [1, 2], faces=2)
    keep(tmp_path, [1], SETTINGS | {"version": "2"}, faces=1)
    faces = [record.frame.frame_id for record in Dataset(tmp_path).faces()]
    assert sorted(faces) == ["f1", "f2", "f2"]


def test_a_changed_file_replaces_what_stood_at_its_place(tmp_path):
    keep(tmp_path, [1])
    changed = Item("ffff", "/frames", "1.png")
    with Dataset(tmp_path).writer(SETTINGS) as writer:
        writer.add([(Frame("new", changed, 5, 5), [])])
    assert [record.frame.frame_id for record in Dataset(tmp_path).frames()] == ["new"]


def test_a_label_wins_and_outlives_a_new_extraction(tmp_path):
    keep(tmp_path, [1])
    dataset = Dataset(tmp_path)
    first, second = dataset.faces()
    mended = face_at(104, 52, hair=Colour("#ff0000", "red", 1, 1))
    dataset.label("f1", second.face_id, mended, mended.box, "Ana")
    keep(tmp_path, [1], SETTINGS | {"version": "2"}, faces=3)

    by_id = {record.face_id: record for record in Dataset(tmp_path).faces()}
    assert len(by_id) == 3
    assert by_id[second.face_id].label.who == "Ana"
    assert by_id[second.face_id].face.hair.name == "red"
    assert first.face_id not in by_id  # the new extraction's own finds stand in its stead


def test_not_a_face_removes_it_and_a_face_drawn_by_hand_stays(tmp_path):
    keep(tmp_path, [1])
    dataset = Dataset(tmp_path)
    wrong = next(dataset.faces())
    dataset.label("f1", wrong.face_id, None, wrong.face.box, "Ana")
    drawn = face_at(400, 300)
    dataset.label("f1", "by-hand", drawn, drawn.box, "Ana")
    keep(tmp_path, [1], SETTINGS | {"version": "2"})
    boxes = [record.face.box.x for record in Dataset(tmp_path).faces()]
    assert sorted(boxes) == [100, 400]


def test_a_torn_last_label_is_skipped_with_a_warning_and_the_next_is_whole(tmp_path):
    keep(tmp_path, [1])
    dataset = Dataset(tmp_path)
    for who in ("Ana", "Ben"):
        dataset.label("f1", "a", face_at(0, 0), Box(0, 0, 1, 1), who)
    log = tmp_path / "labels.jsonl"
    log.write_bytes(log.read_bytes()[:-30])
    with pytest.warns(UserWarning, match="line 2 is torn"):
        assert [label.who for label in dataset.labels()] == ["Ana"]
    dataset.label("f1", "a", face_at(0, 0), Box(0, 0, 1, 1), "Chi")
    with pytest.warns(UserWarning, match="line 2 is torn"):
        assert [label.who for label in dataset.labels()] == ["Ana", "Chi"]


def test_a_second_writer_is_told_to_wait(tmp_path):
    with Dataset(tmp_path).writer(SETTINGS), pytest.raises(DatasetError, match="another toolkit"):
        keep(tmp_path, [1])


def test_what_a_killed_writer_leaves_is_never_read(tmp_path):
    """Killed between a part's faces and its frames: the faces do not count, nor reach others."""
    script = (
        "import os, sys, pathlib; sys.path.insert(0, sys.argv[2]);"
        "import test_dataset as t, data.dataset as d;"
        "t.keep(pathlib.Path(sys.argv[1]), [1]);"
        "write = d._write_whole;"
        "d._write_whole = lambda p, t: write(p, t) if p.parent.name == 'faces' else os._exit(9);"
        "t.keep(pathlib.Path(sys.argv[1]), [2])"
    )
    here = str(Path(__file__).parent)
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path), here], check=False)
    assert died.returncode == 9
    assert len(list((tmp_path / "faces").iterdir())) == 2
    assert Dataset(tmp_path).done(SETTINGS) == {item(1).item_id}
    assert len(list(Dataset(tmp_path).faces())) == 2
    keep(tmp_path, [2])
    assert len(list((tmp_path / "faces").iterdir())) == 2
    assert len(list(Dataset(tmp_path).faces())) == 4


def test_what_was_added_before_a_stop_is_kept(tmp_path):
    def stopped():
        with Dataset(tmp_path).writer(SETTINGS) as writer:
            writer.add([(frame(1), [face_at(0, 0)])])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert Dataset(tmp_path).done(SETTINGS) == {item(1).item_id}


def test_a_folder_that_is_no_dataset_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"is no dataset.*toolkit extract"):
        Dataset.open(tmp_path)


def test_labels_count_by_when_they_were_said_and_not_by_when_they_arrived(tmp_path):
    keep(tmp_path, [1], faces=1)
    dataset = Dataset(tmp_path)
    [before] = dataset.faces()

    def said(who, at, **more):
        face = replace(before.face, source=who)
        return Label(before.face_id, "f1", face, face.box, who, at, **more)

    late = said("Ana", "2026-01-02T00:00:00.000+00:00", moved=(3, 5), origin="12 2026")
    early = said("Ben", "2026-01-01T00:00:00.000+00:00", outline=((1.5, 2.5), (3.0, 4.0)))
    aside = said("Cho", "2026-01-03T00:00:00.000+00:00", aside=True)
    dataset.keep(late, early)
    dataset.keep(aside)
    [after] = dataset.faces()
    assert (after.label.who, after.label.moved, after.label.origin) == ("Ana", (3, 5), "12 2026")
    assert [label.who for label in dataset.labels()] == ["Ana", "Ben", "Cho"]
    assert dataset.labels()[1].outline == ((1.5, 2.5), (3.0, 4.0))
    assert dataset.labels()[2].aside
