"""Picture in, faces out: the detectors by name, and which of them can run here."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from data.errors import InputError

if TYPE_CHECKING:
    from detectors.protocol import Detector

ABOUT = {
    "auto": "photo and drawn together, each face where it fits",
    "photo": "MediaPipe 0.10.21: photographed faces, 68 points from its mesh",
    "drawn": "our own networks: drawn faces, 68 points, gender, glasses",
    "animeface": "AnimeFace 2009: drawn faces, points from the mesh and its parts",
    "fan": "auto's boxes, 68 points by face-alignment",
    "cascade": "any OpenCV cascade file: --cascade FILE",
}


def load(name: str, cascade: str | None = None) -> Detector:
    """A detector by name, ready to run; other packages add theirs as `toolkit.detectors`.

    cascade: file of the cascade detector. Raises InputError when the name is not known or the
    detector cannot run here.
    """
    plugins = {point.name: point for point in entry_points(group="toolkit.detectors")}
    if name in plugins:
        return plugins[name].load()()
    if name not in ABOUT:
        names = ", ".join([*ABOUT, *plugins])
        raise InputError(f"there is no detector {name!r}; choose one of: {names}")
    if cascade and name != "cascade":
        raise InputError(f"--cascade belongs to the cascade detector, not to {name}")
    return _BUILT_IN[name](cascade)


def check() -> dict[str, str | None]:
    """Name -> None when the detector can run here, else what it lacks."""
    return {name: _lacks(name) for name in ABOUT if name != "cascade"} | {"cascade": None}


def _lacks(name: str) -> str | None:
    try:
        _BUILT_IN[name](None)
    except InputError as error:
        return str(error)
    except ImportError as error:
        return f"{error}; install it again with: pip install webtoon-face-toolkit"
    return None


# Heavy packages are imported only by the detector that needs them.
def _auto(_: str | None) -> Detector:
    from detectors.auto import AutoDetector

    return AutoDetector()


def _photo(_: str | None) -> Detector:
    from detectors.photo import PhotoDetector

    return PhotoDetector(min_score=0)


def _drawn(_: str | None) -> Detector:
    from detectors.drawn import DrawnDetector

    return DrawnDetector()


def _animeface(_: str | None) -> Detector:
    from detectors.animeface import AnimefaceDetector

    return AnimefaceDetector()


def _fan(_: str | None) -> Detector:
    from detectors.fan import FanDetector

    return FanDetector()


def _cascade(path: str | None) -> Detector:
    from detectors.cascade import CascadeDetector

    return CascadeDetector(path)


_BUILT_IN: dict[str, Callable[[str | None], Detector]] = {
    "auto": _auto,
    "photo": _photo,
    "drawn": _drawn,
    "animeface": _animeface,
    "fan": _fan,
    "cascade": _cascade,
}
