"""Thirty kills, of clients and of the server, leave every task and every label once."""

import label_studio
import pytest

pytestmark = pytest.mark.label_studio


def test_kills_lose_and_double_nothing(server, tmp_path):
    told = label_studio.kills(server, tmp_path / "kills", 30, 800)
    assert told["clients killed"] + told["servers killed"] == 30
    assert told["clients killed"] > 5
    assert told["servers killed"] > 2
    for name in ("tasks lost", "tasks doubled", "tasks not in the journal"):
        assert told[name] == 0, told
    assert told["labels lost"] == told["labels doubled"] == 0, told
