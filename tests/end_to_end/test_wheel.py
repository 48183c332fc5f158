"""The wheel, installed into an environment of its own, far from the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from skimage.data import astronaut

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--wheel-dir", out, ROOT], check=True)
    [built] = out.glob("*.whl")
    return built


def test_it_holds_the_rooms_and_what_they_need_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    rooms = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert rooms == {"toolkit", "detectors", "pix2pix", "annotation", "data"}
    kept = subprocess.run(
        ["git", "ls-files", *sorted(rooms)], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    needed = {name for name in kept if not name.endswith(".md")}
    assert needed <= set(names)


def test_it_runs_where_nothing_else_is_installed(wheel, tmp_path):
    home = tmp_path / "elsewhere"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = [home / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", ROOT / "constraints.txt", wheel], check=True)
    Image.fromarray(astronaut()).save(tmp_path / "astronaut.png")
    done = subprocess.run(
        [home / "bin" / "toolkit", "extract", "astronaut.png"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "1 (1 photo)" in done.stdout
    report = [home / "bin" / "toolkit", "report", "faces"]
    subprocess.run(report, cwd=tmp_path, capture_output=True, check=True)
    assert (tmp_path / "faces" / "report.html").stat().st_size > 10_000
