"""Records with the pixels of their frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from data.dataset import FaceRecord
from data.reading import read_whole


def with_pixels(records: Iterable[FaceRecord]) -> Iterator[tuple[FaceRecord, np.ndarray]]:
    """Each record and its frame's (H, W, 3) uint8 RGB; faces of one frame in a row read it once.

    Raises UnreadableError when a frame's picture is gone or broken.
    """
    frame_id, pixels = "", np.empty(0, np.uint8)
    for record in records:
        if record.frame.frame_id != frame_id:
            frame_id, pixels = record.frame.frame_id, read_whole(record.frame)[0]
        yield record, pixels
