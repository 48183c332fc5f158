import subprocess
import sys

import pytest
from typer.testing import CliRunner

from toolkit.cli import app, command_table

COMMANDS = command_table()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_example(name):
    assert f"Example: toolkit {name}" in COMMANDS[name].help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_every_option_with_a_word_on_it(name):
    shown = CliRunner().invoke(app, [name, "--help"])
    assert shown.exit_code == 0
    assert all(getattr(option, "help", "") for option in COMMANDS[name].params)


def test_help_loads_no_heavy_package():
    script = (
        "import sys; from typer.testing import CliRunner; from toolkit.cli import app;"
        "CliRunner().invoke(app, ['extract', '--help']);"
        "print({'torch', 'mediapipe', 'cv2', 'numpy', 'pyarrow'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
