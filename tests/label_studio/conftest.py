"""A real Label Studio for these tests, installed into an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import studio_server  # noqa: E402 - lies among the benchmarks, which share it


@pytest.fixture(scope="session")
def installed():
    """Skips where the package registry does not give Label Studio."""
    try:
        studio_server.install()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"Label Studio {studio_server.VERSION} cannot be installed here: {error}")


@pytest.fixture(scope="session")
def server(installed, tmp_path_factory):
    """A running server, with its token in the environment."""
    server = studio_server.StudioServer(tmp_path_factory.mktemp("studio")).start()
    os.environ["LABEL_STUDIO_API_KEY"] = server.token
    yield server
    server.stop()
    del os.environ["LABEL_STUDIO_API_KEY"]
