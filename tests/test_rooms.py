"""The rooms and who may enter them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "data": set(),
    "detectors": {"data"},
    "annotation": {"data"},
    "pix2pix": {"data"},
    "toolkit": {"data", "detectors", "annotation", "pix2pix"},
}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_room_imports_only_what_it_may(room):
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            ours = {name.split(".")[0] for name in names} & set(MAY_IMPORT) - {room}
            assert ours <= MAY_IMPORT[room], f"{path.relative_to(ROOT)} imports {ours}"


def test_a_folder_named_data_where_one_works_does_not_hide_ours(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "notes.txt").write_text("mine")
    script = "import data.face; print(data.face.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(ROOT)
