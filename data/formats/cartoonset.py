"""CartoonSet's attributes: beside `cs123.png` lies `cs123.csv`, a line an attribute.

A line is `"name", value, number of values`, as `"glasses", 11, 12`.
"""

from __future__ import annotations

import csv
from pathlib import Path

from data.errors import InputError


def attributes(picture: Path) -> dict[str, int]:
    """Values by name of what is told beside a picture; nothing where nothing is.

    Raises InputError naming the file when it is none of CartoonSet's.
    """
    path = picture.with_suffix(".csv")
    if not path.is_file():
        return {}
    try:
        rows = list(csv.reader(path.read_text("utf-8").splitlines(), skipinitialspace=True))
        return {row[0]: int(row[1]) for row in rows if row}
    except (ValueError, IndexError):
        raise InputError(
            f'{path} is none of CartoonSet\'s; its lines must be as "glasses", 11, 12'
        ) from None
