import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data.dataset import Dataset
from data.errors import InputError
from data.face import Box, Colour, Face, Pose
from data.frame import Frame, Item, identify
from data.sources import list_items
from toolkit.report import write_report
from toolkit.show import show


@pytest.fixture
def dataset(tmp_path):
    """Twelve frames with a face each, one whose name is an attack, one lost, one broken."""
    folder = tmp_path / "in"
    folder.mkdir()
    names = [f"{number:02}.png" for number in range(10)] + ["<script>alert(1)<!--.png", "잃은.png"]
    for number, name in enumerate(names):
        Image.new("RGB", (200, 160), (20 * number, 90, 200)).save(folder / name)
    dataset = Dataset(tmp_path / "얼굴")
    with dataset.writer({"version": "test 1"}) as writer:
        for number, item in enumerate(list_items([folder])):
            frame = Frame(identify(item.item_id, None, None), item, 200, 160)
            writer.add([(frame, [face(number)])])
        writer.fail(Item("gone", str(folder), "gone.jpg"), "gone.jpg is not there; put it back")
        for name in ("broken.jpg", "a/torn.png"):
            writer.fail(Item(name, str(folder), name), f"{name} is broken or cut off")
    first = next(dataset.faces())
    dataset.label(first.frame.frame_id, first.face_id, first.face, first.face.box, "Ana")
    (folder / "잃은.png").unlink()
    return dataset


def face(number):
    grid = np.stack(np.meshgrid(np.arange(17), np.arange(4)), -1).reshape(68, 2)
    points = (grid * (4, 15) + (40, 40)).astype(np.float32)
    points[3] = np.nan
    names = ["pink", "blue"]
    return Face(
        Box(40, 40, 64, 45), number / 12, points, np.ones(68, np.float32), "drawn", "test 1",
        hair=Colour("#ff88aa", names[number % 2], 1, 1), pose=Pose(0, 5.0 * number, 0),
    )  # fmt: skip


def embedded(page, name):
    text = re.search(rf'id="{name}">(.*?)</script>', page, re.S)[1]
    return json.loads(text)


def test_the_page_holds_every_face_and_every_failure_and_needs_nothing_else(dataset, tmp_path):
    page = write_report(dataset, tmp_path / "r" / "report.html").read_text("utf-8")
    cards = embedded(page, "faces")
    assert len(cards) == 12
    assert sum("gone" in card for card in cards) == 1
    assert all(len(card["points"]) == 68 for card in cards if "gone" not in card)
    about = embedded(page, "about")
    assert about["failed"] == [
        {"cause": "is broken or cut off", "names": ["broken.jpg", "a/torn.png"]},
        {"cause": "is not there; put it back", "names": ["gone.jpg"]},
    ]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "<script>alert" not in page


def test_a_limit_picks_evenly_and_the_page_says_so(dataset, tmp_path):
    page = write_report(dataset, tmp_path / "report.html", limit=4).read_text("utf-8")
    assert [card["frame"] for card in embedded(page, "faces")][:2] == ["00.png", "03.png"]
    about = embedded(page, "about")
    assert (about["faces"], about["shown"], len(embedded(page, "faces"))) == (12, 4, 4)


def in_browser(page, profile):
    """The page's elements after its scripts ran."""
    browser = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
        "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", f"--user-data-dir={profile}",
        "--virtual-time-budget=3000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(browser, capture_output=True, text=True, check=True, timeout=120).stdout


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_draws_cards_and_charts(dataset, tmp_path):
    dom = in_browser(write_report(dataset, tmp_path / "report.html"), tmp_path / "profile")
    assert dom.count('<article class="card"') == 12
    assert dom.count('<div class="chart"') == 4
    assert "12 of 12" in dom
    assert "pink (6)" in dom
    assert "3 frames could not be read" in dom
    assert "2 × is broken or cut off" in dom
    assert "5° right" in dom
    assert "straight ahead" in dom


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
@pytest.mark.parametrize(
    ("name", "value", "left"),
    [("label", "labelled by a person", 1), ("label", "not labelled", 11), ("hair", "pink", 6)],
)
def test_a_browser_filters(dataset, tmp_path, name, value, left):
    out = write_report(dataset, tmp_path / "report.html")
    choice = f'$("{name}").value = "{value}"; $("{name}").dispatchEvent(new Event("input"));'
    page = out.read_text("utf-8").replace("</body>", f"<script>{choice}</script></body>")
    out.write_text(page, "utf-8")
    dom = in_browser(out, tmp_path / "profile")
    assert f"{value} ({left})" in dom
    assert f"{left} of 12" in dom
    assert dom.count('<article class="card"') == left


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_a_browser_is_made_to_fetch_nothing_by_a_colour(dataset, tmp_path):
    for record in dataset.faces():
        painted = replace(record.face, hair=Colour("url(http://127.0.0.1:9/x)", "teal", 1, 1))
        dataset.label(record.frame.frame_id, record.face_id, painted, painted.box, "Eve")
    dom = in_browser(write_report(dataset, tmp_path / "report.html"), tmp_path / "profile")
    assert dom.count('<article class="card"') == 12
    assert "teal (12)" not in dom
    assert not re.search(r"""(style|fill)=["'][^"']*url""", dom)


def test_show_draws_the_faces_on_the_frame(dataset, tmp_path):
    out = show(dataset, "07", tmp_path / "shown.png")
    drawn = np.asarray(Image.open(out))
    assert drawn.shape == (160, 200, 3)
    plain = np.asarray(Image.open(tmp_path / "in" / "07.png"))
    changed = (drawn != plain).any(2)
    assert changed[40:90, 35:110].mean() > 0.05
    assert not changed[110:, :].any()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("0", "may be any of 10 frames"),
        ("o7.png", "did you mean"),
        ("broken.jpg", "could not be read"),
    ],
)
def test_show_says_which_frame_it_cannot_tell(dataset, tmp_path, name, told):
    with pytest.raises(InputError, match=told):
        show(dataset, name, tmp_path / "x.png")


@pytest.mark.parametrize("name", ["shown.xyz", "shown.exr", "shown.txt"])
def test_show_says_which_files_can_hold_a_picture(dataset, tmp_path, name):
    with pytest.raises(InputError, match=r"cannot hold a 200×160 picture; end --out with \.png"):
        show(dataset, "07", tmp_path / name)
    assert not (tmp_path / name).exists()
