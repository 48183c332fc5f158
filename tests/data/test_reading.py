import io
import random
import subprocess
import sys
import zipfile
import zlib
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data.frame import UnreadableError
from data.reading import read, read_whole, split
from data.sources import list_items
from data.strip import window_tops


def picture():
    """Four corners of four colours, so that a turn or a swapped channel shows."""
    pixels = np.zeros((60, 80, 3), np.uint8)
    pixels[:30, :40] = (220, 30, 30)
    pixels[:30, 40:] = (30, 220, 30)
    pixels[30:, :40] = (30, 30, 220)
    pixels[30:, 40:] = (230, 230, 40)
    return pixels


def only(source, **how):
    [item] = list_items([source])
    [window] = read(item, **how)
    return window


def close(one, other, within):
    assert one.shape == other.shape
    assert np.abs(one.astype(int) - other.astype(int))[4:-4, 4:-4].mean() <= within


@pytest.mark.parametrize(
    ("name", "options", "within"),
    [
        ("a.jpg", {"quality": 95}, 4),
        ("a.png", {}, 0),
        ("a.webp", {"lossless": True}, 0),
        ("a.bmp", {}, 0),
        ("a.tiff", {}, 0),
        ("a.gif", {}, 6),
        ("a.avif", {"quality": 95}, 5),
        ("그림 이름 ✿ صورة.png", {}, 0),
        ("강[1].png", {}, 0),
    ],
)
def test_every_format_and_any_name_gives_its_colours(tmp_path, name, options, within):
    Image.fromarray(picture()).save(tmp_path / name, **options)
    window = only(tmp_path / name)
    close(window.pixels, picture(), within)
    assert window.frame.name == name
    assert (window.frame.width, window.frame.height) == (80, 60)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA", "RGBA"])
def test_every_mode_is_shown_as_it_looks(tmp_path, mode):
    image = Image.fromarray(picture()).convert(mode)
    suffix = "tiff" if mode == "CMYK" else "png"
    image.save(tmp_path / f"a.{suffix}")
    close(only(tmp_path / f"a.{suffix}").pixels, np.array(image.convert("RGB")), 6)


def test_an_adobe_cmyk_jpeg_is_not_inverted(tmp_path):
    Image.fromarray(picture()).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    close(only(tmp_path / "a.jpg").pixels, picture(), 25)


def test_sixteen_bits_keep_their_brightness(tmp_path):
    ramp = np.tile(np.linspace(0, 65535, 80).astype(np.uint16), (60, 1))
    Image.fromarray(ramp).save(tmp_path / "a.png")
    Image.fromarray(ramp).save(tmp_path / "b.tiff")
    cv2.imwrite(str(tmp_path / "c.png"), np.dstack([ramp] * 3))
    for name in ("a.png", "b.tiff", "c.png"):
        pixels = only(tmp_path / name).pixels
        np.testing.assert_allclose(pixels[30, :, 0], ramp[30] / 257, atol=1)


def test_transparent_parts_are_white_and_kept_as_alpha(tmp_path):
    rgba = np.dstack([picture(), np.full((60, 80), 255, np.uint8)])
    rgba[:20, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    window = only(tmp_path / "a.png")
    assert (window.pixels[:20] == 255).all()
    np.testing.assert_array_equal(window.alpha, rgba[..., 3])
    np.testing.assert_array_equal(window.pixels[20:], picture()[20:])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_are_undone(tmp_path, orientation):
    back = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}[orientation]
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }  # fmt: skip
    stored = Image.fromarray(picture())
    if back in turns:
        stored = stored.transpose(turns[back])
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(only(tmp_path / "a.png").pixels, picture())


def test_folders_are_read_in_the_order_people_count(tmp_path):
    for name in ("10.png", "2.png", "1.png", "sub/3.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture()).save(tmp_path / name, format="PNG")
    assert [item.path for item in list_items([tmp_path])] == [
        "1.png", "2.png", "10.png", "sub/3.png",
    ]  # fmt: skip


def test_ids_come_from_content_and_place_not_from_the_machine(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        Image.fromarray(picture()).save(tmp_path / folder / "a.png")
    one, two = (next(list_items([tmp_path / folder])) for folder in ("one", "two"))
    assert one.item_id == two.item_id
    Image.fromarray(picture()[::-1]).save(tmp_path / "two" / "a.png")
    assert next(list_items([tmp_path / "two"])).item_id != one.item_id
    Image.fromarray(picture()).save(tmp_path / "two" / "b.png")
    assert len({item.item_id for item in list_items([tmp_path])}) == 3


def test_archives_are_read_in_place_and_climbing_names_go_nowhere(tmp_path):
    content = io.BytesIO()
    Image.fromarray(picture()).save(content, "PNG")
    with zipfile.ZipFile(tmp_path / "책.cbz", "w") as archive:
        archive.writestr("1화/쪽 1.png", content.getvalue())
        archive.writestr("../../up.png", content.getvalue())
        archive.writestr("/etc/root.png", content.getvalue())
    items = list(list_items([tmp_path / "책.cbz"]))
    good = [item for item in items if item.path == "책.cbz/1화/쪽 1.png"]
    assert len(good) == 1
    [window] = read(good[0])
    np.testing.assert_array_equal(window.pixels, picture())
    np.testing.assert_array_equal(read_whole(window.frame)[0], picture())
    for item in items:
        assert ".." not in item.path
        if item is not good[0]:
            with pytest.raises(UnreadableError, match="climbs out"):
                list(read(item))
    assert [path.name for path in tmp_path.iterdir()] == ["책.cbz"]


def film(path, seconds=4, rate=10, codec="mp4v"):
    """A film whose brightness tells the second; it changes once a second."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), rate, (96, 64))
    rng = np.random.default_rng(0)
    for second in range(seconds):
        still = rng.integers(0, 2, (4, 6, 1), np.uint8).repeat(16, 0).repeat(16, 1) * 200
        for _ in range(rate):
            writer.write(np.repeat(still, 3, 2) + np.uint8(10 * second))
    writer.release()


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "mp4v"), ("a.avi", "MJPG")])
def test_a_film_is_sampled_in_time_and_its_frames_are_found_again(tmp_path, name, codec):
    film(tmp_path / name, codec=codec)
    [item] = list_items([tmp_path / name], every=0.5)
    every = list(read(item, every=0.5, keep_duplicates=True))
    assert [window.frame.time for window in every] == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5]
    kept = list(read(item, every=0.5))
    assert [window.frame.time for window in kept] == [0, 1, 2, 3]
    assert len({window.frame.frame_id for window in every}) == 8
    np.testing.assert_array_equal(read_whole(kept[2].frame)[0], kept[2].pixels)


def test_an_animation_is_sampled_by_its_own_durations(tmp_path):
    rng = np.random.default_rng(0)
    stills = [
        Image.fromarray(np.kron(rng.integers(0, 255, (4, 4)), np.ones((16, 16))).astype(np.uint8))
        for _ in range(3)
    ]
    stills[0].save(tmp_path / "a.gif", save_all=True, append_images=stills[1:], duration=1500)
    [item] = list_items([tmp_path / "a.gif"])
    windows = list(read(item, every=1.0, keep_duplicates=True))
    assert [window.frame.time for window in windows] == [0, 1, 2, 3, 4]
    assert [window.frame.time for window in read(item, every=1.0)] == [0, 2, 3]


@given(width=st.integers(1, 3000), times=st.floats(3.01, 60))
def test_windows_of_a_strip_cover_it_and_share_a_width(width, times):
    height = max(int(width * times), 2049)
    if height <= 3 * width:
        return
    tall, tops = window_tops(width, height)
    assert tops[0] == 0
    assert tops[-1] + tall == height
    assert all(b - a <= tall - width for a, b in pairwise(tops))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_windows_of_a_strip_show_what_the_whole_shows(tmp_path, suffix):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 255, (150, 10, 3), np.uint8)
    strip = cv2.resize(small, (200, 3000), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(strip).save(tmp_path / f"a.{suffix}", quality=95)
    [item] = list_items([tmp_path / f"a.{suffix}"])
    whole = None
    for window in read(item):
        whole = np.zeros((window.frame.height, 200, 3), np.uint8) if whole is None else whole
        whole[window.y : window.y + len(window.pixels)] = window.pixels
    np.testing.assert_array_equal(whole, read_whole(window.frame)[0])


@pytest.mark.parametrize("count", [2, 3, 50])
def test_the_parts_of_a_strip_have_its_windows_each_once(tmp_path, count):
    Image.effect_noise((100, 2500), 60).convert("RGB").save(tmp_path / "a.jpg")
    [item] = list_items([tmp_path / "a.jpg"])
    whole = list(read(item))
    shared = [window for part in split(item, count) for window in read(part)]
    assert [window.y for window in shared] == [window.y for window in whole]
    for one, other in zip(shared, whole, strict=True):
        assert one.frame == other.frame
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.slow
def test_memory_does_not_grow_with_a_strip(tmp_path):
    script = (  # the process's own memory; pages of the mapped file are the system's to drop
        "import re, sys; from data.sources import list_items; from data.reading import read\n"
        "own = lambda: int(re.search('RssAnon:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "print(max(own() for _ in read(next(list_items([sys.argv[1]])))) // 1024)"
    )
    peaks = []
    for height in (6000, 19332, 60000):
        path = tmp_path / f"{height}.jpg"
        Image.effect_noise((690, height), 60).convert("RGB").save(path)
        done = subprocess.run(
            [sys.executable, "-c", script, path], capture_output=True, text=True, check=True
        )
        peaks.append(int(done.stdout))
    assert max(peaks) - min(peaks) < 40, peaks  # MiB; the longest one decoded would be 118


def test_cuts_are_the_panels_of_a_strip(tmp_path):
    strip = np.full((1600, 400, 3), 255, np.uint8)
    panels = [(20, 30, 360, 300), (20, 380, 300, 350), (0, 800, 400, 260), (40, 1120, 330, 420)]
    rng = np.random.default_rng(7)
    for x, y, width, height in panels:
        strip[y : y + height, x : x + width] = rng.integers(0, 200, (height, width, 3))
    Image.fromarray(strip).save(tmp_path / "strip.png")
    [item] = list_items([tmp_path / "strip.png"])
    frames = [window.frame for window in read(item, cuts=True)]
    assert [frame.name for frame in frames] == [f"strip_cut_{n:03}.png" for n in range(1, 5)]
    assert len({frame.frame_id for frame in frames}) == 4
    for frame, panel in zip(frames, panels, strict=True):
        np.testing.assert_allclose((frame.x, frame.y, frame.width, frame.height), panel, atol=4)
    pixels, _ = read_whole(frames[2])
    left, top = frames[2].x, frames[2].y
    np.testing.assert_array_equal(
        pixels, strip[top : top + frames[2].height, left : left + frames[2].width]
    )


def test_a_huge_picture_is_refused_by_its_head_alone(tmp_path):
    def chunk(kind, body):
        check = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + check

    head = (40_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    (tmp_path / "huge.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    [item] = list_items([tmp_path / "huge.png"])
    with pytest.raises(
        UnreadableError, match=r"huge\.png has 40000×40000 pixels, over 179 million"
    ):
        list(read(item))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda at: at / "nowhere", "nowhere"),
        (lambda at: (at / "empty").mkdir() or at / "empty", "empty"),
        (lambda at: (at / "a.txt").write_text("x") and at / "a.txt", "a.txt"),
        (lambda at: at / "*.png", r"\*\.png"),
        (lambda at: (at / "a.zip").write_bytes(b"PK no") and at / "a.zip", "a.zip"),
    ],
)
def test_a_source_that_holds_nothing_is_told_at_once(tmp_path, make, told):
    with pytest.raises(UnreadableError, match=told):
        read_every([make(tmp_path)])


def read_every(sources):
    return [list(read(item)) for item in list_items(sources)]


def broken_files(folder, count, seed):
    """Pictures and films of every kind with bytes changed, cut off or doubled."""
    pick = random.Random(seed)
    kinds = {}
    for suffix in ("jpg", "png", "webp", "bmp", "tiff", "gif", "avif"):
        content = io.BytesIO()
        name = {"jpg": "JPEG"}.get(suffix, suffix.upper())
        Image.fromarray(picture()).save(content, name)
        kinds[suffix] = content.getvalue()
    tall = io.BytesIO()
    Image.effect_noise((100, 2500), 50).convert("RGB").save(tall, "JPEG")
    kinds["jpeg"] = tall.getvalue()
    film(folder.parent / "good.mp4", seconds=1)
    kinds["mp4"] = (folder.parent / "good.mp4").read_bytes()
    for number in range(count):
        suffix = pick.choice(list(kinds))
        content = bytearray(kinds[suffix])
        for _ in range(pick.choice([0, 1, 4, 30])):
            content[pick.randrange(len(content))] = pick.randrange(256)
        if pick.random() < 0.5:
            content = content[: pick.randrange(len(content))]
        (folder / f"{number}.{suffix}").write_bytes(bytes(content))


def read_all(folder):
    read_, refused = 0, 0
    for item in list_items([folder]):
        told = ""
        try:
            for window in read(item):
                assert window.pixels.dtype == np.uint8
                assert window.pixels.ndim == 3
            read_ += 1
        except UnreadableError as error:
            told = str(error)
            refused += 1
        assert not told or (item.path in told and "\n" not in told)
    return read_, refused


@pytest.mark.parametrize("count", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_broken_files_are_read_or_refused_in_a_sentence(tmp_path, capfd, count):
    (tmp_path / "in").mkdir()
    broken_files(tmp_path / "in", count, seed=count)
    done, refused = read_all(tmp_path / "in")
    assert done + refused >= count
    assert refused > count / 5
    assert capfd.readouterr().err == ""


SHARED = Path(__file__).parents[2].parent / "shared" / "real"


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="needs the real pictures")
def test_every_real_picture_is_read(tmp_path):
    done, refused = read_all(SHARED)
    assert done > 400
    assert refused == 0
