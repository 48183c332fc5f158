"""What the README says exists."""

import re
import shlex
from pathlib import Path

from typer.testing import CliRunner

from toolkit.cli import app, command_table

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_command_and_option_shown_is_one():
    shown = re.findall(r"^toolkit (.+)$", README, re.M)
    assert len(shown) >= 6
    for line in shown:
        name, *words = shlex.split(line, comments=True)
        command = command_table()[name]
        if hasattr(command, "commands"):  # of a family: evaluate landmarks
            command = command.commands[words.pop(0)]
        options = {option for one in command.params for option in one.opts}
        assert {word for word in words if word.startswith("-")} <= options


def test_every_command_is_shown():
    assert all(f"toolkit {name}" in README for name in command_table())


def test_links_and_pictures_are_there():
    for target in re.findall(r"\]\(([^)h][^)]*)\)", README):
        assert (ROOT / target).exists(), target


def test_make_targets_shown_are_there():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"^make (\w+)", README, re.M):
        assert f"\n{target}:" in makefile


def test_the_first_help_names_the_first_command():
    assert "toolkit extract webtoon_frames/" in CliRunner().invoke(app, ["--help"]).output
