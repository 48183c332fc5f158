"""The command itself, as people run it: real processes on real and drawn pictures."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut, coffee

from data.dataset import Dataset

TOOLKIT = [sys.executable, "-m", "toolkit"]


def toolkit(*arguments, status=0):
    """Run it; its exit status is what was expected, and never is there a traceback."""
    done = subprocess.run(
        [*TOOLKIT, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == status, done.stderr + done.stdout
    assert "Traceback" not in done.stderr + done.stdout
    return done


def found(folder):
    """Everything that tells a face, without when it was found."""
    return sorted(
        (record.frame.name, record.face_id, record.face.box, record.face.score,
         record.face.landmarks.tobytes(), record.face.hair, record.face.pose)
        for record in Dataset(folder).faces()
    )  # fmt: skip


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Photographs of one astronaut, one of a coffee, and a broken file."""
    folder = tmp_path_factory.mktemp("그림")
    photo = Image.fromarray(astronaut())
    for number in range(8):
        photo.crop((20 * number, 0, 20 * number + 340, 300)).save(folder / f"{number}.png")
    (folder / "sub").mkdir()
    Image.fromarray(coffee()).save(folder / "sub" / "없음.jpg")
    (folder / "broken.jpg").write_bytes((folder / "sub" / "없음.jpg").read_bytes()[:900])
    return folder


@pytest.fixture(scope="module")
def undisturbed(pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "faces"
    done = toolkit("extract", pictures, "--out", folder)
    return folder, done


def test_faces_are_found_kept_and_summed_up(undisturbed):
    folder, done = undisturbed
    records = sorted(Dataset.open(folder).faces(), key=lambda record: record.frame.name)
    assert [record.frame.name for record in records] == [f"{n}.png" for n in range(8)]
    for number, record in enumerate(records):
        face = record.face
        assert face.domain == "photo"
        x, y = face.box.centre  # she looks at us from (224, 118) of the photograph
        assert abs(x - (222 - 20 * number)) < 12
        assert abs(y - 122) < 15
        assert face.pose is not None
        assert face.skin is not None
        assert face.foreground is not None
    errors = [record.error for record in Dataset(folder).frames() if record.error]

    assert "8 (8 photo)" in done.stdout
    assert "1 x is broken or cut off" in done.stdout
    assert errors == ["broken.jpg is broken or cut off; get it anew"]


def test_the_same_again_does_nothing_twice(undisturbed):
    folder, _ = undisturbed
    before = found(folder)
    done = toolkit("extract", folder.parent.parent / "nowhere", "--out", folder, status=2)
    assert "nowhere" in done.stderr
    assert found(folder) == before


def test_going_on_does_only_what_is_new(pictures, tmp_path):
    out = tmp_path / "faces"
    toolkit("extract", pictures / "0.png", "--out", out, "--workers", 1)
    done = toolkit("extract", pictures / "[01].png", "--out", out, "--workers", 1)
    assert "done before" in done.stdout
    assert [record.frame.name for record in Dataset(out).faces()] == ["0.png", "1.png"]
    parts = len(list((out / "frames").iterdir()))
    toolkit("extract", pictures / "[01].png", "--out", out, "--workers", 1)
    assert len(list((out / "frames").iterdir())) == parts


def test_failures_are_tried_again_when_asked_and_strict_tells_by_its_status(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "faces"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    toolkit("extract", folder, "--out", out, "--workers", 1, "--strict", status=1)
    again = toolkit("extract", folder, "--out", out, "--workers", 1)
    assert "done before" in again.stdout
    retried = toolkit("extract", folder, "--out", out, "--workers", 1, "--retry-failed")
    assert "1 x" in retried.stdout
    assert len(Dataset(out).frames()) == 1


def test_a_file_that_was_mended_loses_its_failure(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "faces"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    toolkit("extract", folder, "--out", out, "--workers", 1)
    Image.fromarray(astronaut()[:300, :340]).save(folder / "a.png")
    toolkit("extract", folder, "--out", out, "--workers", 1)
    [record] = Dataset(out).frames()
    assert record.error is None
    assert len(list(Dataset(out).faces())) == 1


def test_min_score_and_max_faces_are_the_users(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    one = astronaut()[:300, 50:390]
    Image.fromarray(np.hstack([one, one, one])).save(folder / "three.png")
    toolkit("extract", folder, "--out", tmp_path / "all", "--workers", 1)
    assert len(list(Dataset(tmp_path / "all").faces())) == 3
    toolkit("extract", folder, "--out", tmp_path / "two", "--workers", 1, "--max-faces", 2)
    assert len(list(Dataset(tmp_path / "two").faces())) == 2
    toolkit("extract", folder, "--out", tmp_path / "none", "--workers", 1, "--min-score", 1)
    assert list(Dataset(tmp_path / "none").faces()) == []


def test_a_face_on_a_strip_is_told_once_in_the_strips_coordinates(tmp_path):
    strip = np.full((6000, 400, 3), 255, np.uint8)
    tops = [100, 950, 1180 + 900, 4000, 5600]  # some lie across the seams of windows
    for top in tops:
        strip[top : top + 300, 30:370] = astronaut()[:300, 50:390]
    (tmp_path / "in").mkdir()
    Image.fromarray(strip).save(tmp_path / "in" / "strip.png")
    toolkit("extract", tmp_path / "in", "--out", tmp_path / "faces", "--workers", 1)
    toolkit("extract", tmp_path / "in", "--out", tmp_path / "shared", "--workers", 3)
    assert found(tmp_path / "shared") == found(tmp_path / "faces")
    [frame] = Dataset(tmp_path / "faces").frames()
    assert (frame.frame.width, frame.frame.height) == (400, 6000)
    centres = sorted(record.face.box.centre[1] for record in Dataset(tmp_path / "faces").faces())
    np.testing.assert_allclose(centres, [top + 122 for top in tops], atol=15)


def test_a_member_of_an_archive_is_read_in_place(pictures, tmp_path):
    with zipfile.ZipFile(tmp_path / "책.cbz", "w") as archive:
        archive.write(pictures / "0.png", "쪽/1.png")
        archive.writestr("../../climbs.png", (pictures / "1.png").read_bytes())
    toolkit("extract", tmp_path / "책.cbz", "--out", tmp_path / "faces", "--workers", 1)
    names = [record.frame.name for record in Dataset(tmp_path / "faces").faces()]
    assert names == ["책.cbz/쪽/1.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces", "책.cbz"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere"], "nowhere"),
        (["{empty}"], "empty"),
        (["{text}"], "text.txt"),
        (["{good}", "--detector", "best"], "choose one of: auto, photo"),
        (["{good}", "--detector", "cascade"], "--cascade FILE"),
        (["{good}", "--detector", "cascade", "--cascade", "{text}"], "is no OpenCV cascade"),
        (["{good}", "--out", "{text}"], "text.txt"),
        (["{good}", "--palettes", "{empty}"], "empty"),
        (["{good}", "--min-score", "2"], "min-score"),
        (["{good}", "--treshold", "2"], "treshold"),
    ],
)
def test_wrong_input_is_one_clear_sentence(pictures, tmp_path, arguments, told):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no picture")
    places = {
        "empty": tmp_path / "empty",
        "text": tmp_path / "text.txt",
        "good": pictures / "0.png",
    }
    filled = [argument.format(**places) for argument in arguments]
    if "--out" not in filled:
        filled += ["--out", str(tmp_path / "faces")]
    done = toolkit("extract", *filled, status=2)
    assert told in done.stderr
    assert not (tmp_path / "faces" / "frames").exists() or not Dataset(tmp_path / "faces").frames()


def test_a_folder_without_right_to_read_is_told_and_one_inside_fails_alone(pictures, tmp_path):
    # Root may read everything, unless it is run without the capability to.
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("needs setpriv to lose root's right to read")
    limit = bound if os.geteuid() == 0 else []
    folder = tmp_path / "in"
    (folder / "closed").mkdir(parents=True)
    shutil.copy(pictures / "0.png", folder)
    (folder / "closed").chmod(0)

    def run(source):
        command = [*limit, *TOOLKIT, "extract", source, "-o", tmp_path / "faces", "-j", "1"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    alone = run(folder / "closed")
    assert alone.returncode == 2
    assert "closed may not be read" in alone.stderr
    assert "Traceback" not in alone.stderr
    assert run(folder).returncode == 0
    errors = [record.error for record in Dataset(tmp_path / "faces").frames()]
    assert errors == [None, "closed is a folder that may not be read; give yourself the right to"]


def kill_at_random(pictures, out, times, seed):
    """Start and SIGKILL the run at random moments, then let it end."""
    pick = random.Random(seed)
    for _ in range(times):
        process = subprocess.Popen(
            [*TOOLKIT, "extract", str(pictures), "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(pick.uniform(0, 8))
        process.send_signal(signal.SIGKILL)
        process.wait()
    toolkit("extract", pictures, "--out", out)


def test_killed_runs_end_as_one_undisturbed(pictures, undisturbed, tmp_path):
    kill_at_random(pictures, tmp_path / "faces", times=3, seed=1)
    assert found(tmp_path / "faces") == found(undisturbed[0])


@pytest.mark.slow
def test_thirty_killed_runs_end_as_one_undisturbed(pictures, undisturbed, tmp_path):
    kill_at_random(pictures, tmp_path / "faces", times=30, seed=2)
    assert found(tmp_path / "faces") == found(undisturbed[0])


def test_stopping_it_by_hand_keeps_what_was_done(pictures, undisturbed, tmp_path):
    process = subprocess.Popen(
        [*TOOLKIT, "extract", str(pictures), "--out", str(tmp_path / "faces"), "-j", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("faces/frames/part-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert "Traceback" not in told
    if process.returncode:  # else it had just ended
        assert process.returncode == 130
        assert "go on" in told
    toolkit("extract", pictures, "--out", tmp_path / "faces")
    assert found(tmp_path / "faces") == found(undisturbed[0])


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 400 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", folder]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(path):
    """Write until the disk takes no more."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while True:
            os.write(file, b"x" * 512)
    os.close(file)


def test_a_full_disk_loses_nothing_and_the_same_command_goes_on(
    pictures, undisturbed, small_disk, tmp_path
):
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 390_000)
    done = toolkit("extract", pictures, "--out", small_disk / "faces", status=2)
    assert "the disk is full" in done.stderr
    kept = found(small_disk / "faces")
    assert set(kept) <= set(found(undisturbed[0]))
    filler.unlink()
    toolkit("extract", pictures, "--out", small_disk / "faces")
    assert found(small_disk / "faces") == found(undisturbed[0])


def test_a_label_that_finds_no_room_leaves_the_log_as_it_was(undisturbed, small_disk):
    subprocess.run(["cp", "-r", undisturbed[0], small_disk / "faces"], check=True)
    dataset = Dataset(small_disk / "faces")
    record = next(dataset.faces())
    dataset.label(record.frame.frame_id, record.face_id, record.face, record.face.box, "Ana")
    fill(small_disk / "filler")

    def label_again():
        for _ in range(9):
            dataset.label(record.frame.frame_id, record.face_id, record.face, record.face.box, "B")

    with pytest.raises(OSError, match="space"):
        label_again()
    kept = [label.who for label in dataset.labels()]
    assert kept[0] == "Ana"
    (small_disk / "filler").unlink()
    dataset.label(record.frame.frame_id, record.face_id, record.face, record.face.box, "Chi")
    assert [label.who for label in dataset.labels()] == [*kept, "Chi"]


@pytest.mark.slow
def test_five_hundred_broken_pictures_are_rows_with_reasons(tmp_path):
    pick = random.Random(0)
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(500):
        suffix = pick.choice(["png", "jpg", "webp", "gif", "tiff"])
        path = folder / f"{number}.{suffix}"
        Image.fromarray(astronaut()[:200, 100:300]).save(path)
        content = bytearray(path.read_bytes())
        for _ in range(pick.choice([1, 5, 40])):
            content[pick.randrange(len(content))] = pick.randrange(256)
        path.write_bytes(bytes(content[: pick.randrange(len(content))]))
    done = toolkit("extract", folder, "--out", tmp_path / "faces")
    records = Dataset(tmp_path / "faces").frames()
    assert len({record.frame.item.item_id for record in records}) >= 498  # few may be alike
    assert sum(record.error is not None for record in records) > 250
    assert "broken or cut off" in done.stdout
