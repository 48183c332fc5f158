"""The demo page in a real browser."""

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import cv2
import pytest
from skimage.data import astronaut

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A running server's address, its secret in it."""
    from socket import socket

    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "toolkit", "demo", "--no-browser", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            told = re.search(r"http\S+", server.stdout.readline()).group()
            for _ in range(100):
                try:
                    urllib.request.urlopen(told, timeout=30).close()
                    break
                except urllib.error.URLError:
                    subprocess.run(["sleep", "0.3"], check=True)
            yield told
        finally:
            server.terminate()


@pytest.mark.slow
def test_without_the_secret_nothing_is_shown(address):
    bare = address.split("?")[0]
    for where in (bare, bare + "config", bare + "?secret=guess"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(where, timeout=30)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_picture_a_dragged_point_and_a_colour_change_the_cartoon(address, tmp_path):
    from playwright.sync_api import sync_playwright

    photo = tmp_path / "astronaut.png"
    cv2.imwrite(str(photo), astronaut()[..., ::-1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        wrong = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#cartoon img", timeout=60_000)

        def changed(act):
            before = page.get_attribute("#cartoon img", "src")
            act()
            page.wait_for_function(
                "old => document.querySelector('#cartoon img').src !== old",
                arg=page.evaluate("() => document.querySelector('#cartoon img').src"),
                timeout=60_000,
            )
            return before != page.get_attribute("#cartoon img", "src")

        assert changed(lambda: page.set_input_files("input[type=file]", str(photo)))
        page.get_by_text("Found a photo face").wait_for()

        def drag():
            dot = page.locator("#points circle").nth(8).bounding_box()
            page.mouse.move(dot["x"] + 4, dot["y"] + 4)
            page.mouse.down()
            page.mouse.move(dot["x"] + 4, dot["y"] + 40, steps=4)
            page.mouse.up()

        chin = page.locator("#points circle").nth(8).get_attribute("cy")
        assert changed(drag)
        assert float(page.locator("#points circle").nth(8).get_attribute("cy")) > float(chin) + 3
        assert changed(lambda: page.get_by_label("Glasses").click())
        page.screenshot(path=str(tmp_path / "page.png"))
        browser.close()
    assert not wrong
