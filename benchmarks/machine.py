"""The first line of every benchmark: when, where and on which state it was measured."""

import os
import platform
import subprocess
from datetime import date
from pathlib import Path


def heading() -> str:
    """Date, cores, processor and commit; `+` where files differ from it."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--dirty=+"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    return f"{date.today()}, {os.cpu_count()} cores, {platform.machine()}, commit {commit or '?'}"
