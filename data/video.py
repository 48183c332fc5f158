"""Films through OpenCV's ffmpeg: how long they are, and their pictures at given times."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from data.frame import UnreadableError

SUFFIXES = frozenset(
    """
    .mp4 .m4v .mov .webm .mkv .avi .mpg
    .mpeg .m2ts .mts .wmv .flv .ogv .3gp
    """.split()
)


# ffmpeg must neither write to stderr nor follow a playlist into the network; it looks here when
# the first film of the process is opened.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "protocol_whitelist;file")
cv2.setLogLevel(0)


@contextmanager
def _opened(file: Path, name: str) -> Iterator[cv2.VideoCapture]:
    capture = cv2.VideoCapture(str(file), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise UnreadableError(f"{name} is no film that can be read, or a broken one")
        yield capture
    finally:
        capture.release()


def duration(file: Path) -> float:
    """Seconds a film says it lasts; 0 when it does not say or cannot be opened."""
    try:
        with _opened(file, file.name) as capture:
            return _duration(capture)
    except UnreadableError:
        return 0.0


def _duration(capture: cv2.VideoCapture) -> float:
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    return count / rate if rate > 0 and count > 0 else 0.0


def shots(file: Path, name: str, times: Iterable[float]) -> Iterator[tuple[float, np.ndarray]]:
    """(time, (H, W, 3) uint8 RGB) shown at each of the rising `times`, until the film ends.

    times: seconds. Rotation in the film's metadata is applied.
    Raises UnreadableError, with `name`, when the film gives no picture where it says it has one.
    """
    with _opened(file, name) as capture:
        half = 0.5 / max(capture.get(cv2.CAP_PROP_FPS), 1.0)
        length, shown, begun = _duration(capture), -1.0, False
        for time in times:
            if not begun and time > 1:
                # A second early: ffmpeg's seek goes by the mean rate and may land late.
                capture.set(cv2.CAP_PROP_POS_MSEC, (time - 1) * 1000)
            while shown < time - half and capture.grab():
                shown = max(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, shown)
            if shown < time - half:
                if time == 0 or time + 1 < length:
                    raise UnreadableError(f"{name} breaks off before {time:g} s; get it anew")
                return
            found, pixels = capture.retrieve()
            if not found:
                raise UnreadableError(f"{name} is broken at {time:g} s; get it anew")
            begun = True
            yield time, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
