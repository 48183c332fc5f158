"""What the user names (files, folders, globs, archives, films) as a list of items to read."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import NamedTuple
from unicodedata import normalize

from data import archive, video
from data.frame import Item, UnreadableError, identify

PICTURES = frozenset(
    """
    .jpg .jpeg .jpe .jfif .png .apng .webp
    .bmp .dib .tif .tiff .gif .avif
    """.split()
)
STRETCH = 60  # sampled frames of a film in one item, so that workers can share it
_SKIPPED = frozenset({"__MACOSX", "Thumbs.db"})


class _Place(NamedTuple):
    root: Path
    path: str  # POSIX, relative to root

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()


def list_items(sources: Sequence[str | Path], every: float = 1.0) -> Iterator[Item]:
    """The items behind files, folders, globs, archives and films, in natural order, none twice.

    sources: each a file, a folder (read with its subfolders), a zip or cbz, or a glob, `**` too.
    every: seconds between two sampled frames of a film.
    Hidden files and files that are no picture are passed over. What cannot be opened, a
    subfolder as well, becomes an item that fails when it is read.
    Raises UnreadableError for a source that does not exist, may not be read or holds no picture,
    all but the archives before the first item is given.
    """
    if not every > 0:
        raise UnreadableError(f"frames every {every} seconds cannot be read; give more than 0")
    places = [place for source in sources for place in _places(os.fspath(source))]
    named = {Path(os.path.abspath(source)) for source in sources}
    return _items(places, named, every)


def _items(places: list[_Place], named: set[Path], every: float) -> Iterator[Item]:
    seen = set()
    for place in places:
        found = 0
        for item in _items_at(place, every):
            found += 1
            if item.item_id not in seen:
                seen.add(item.item_id)
                yield item
        if not found and place.root / place.path in named:
            raise UnreadableError(f"{place.path} holds no picture; name another archive")


def _items_at(place: _Place, every: float) -> Iterator[Item]:
    if place.suffix in archive.SUFFIXES:
        yield from _archive_items(place)
    elif place.suffix in video.SUFFIXES:
        yield from _film_items(place, every)
    else:
        yield _item(place, _digest(place.root / place.path))


def _item(
    place: _Place, digest: str, start: float | None = None, stop: float | None = None
) -> Item:
    # NFC: macOS may hand out the same Korean name decomposed.
    item_id = identify(digest, normalize("NFC", place.path), start)
    return Item(item_id, str(place.root), place.path, start=start, stop=stop)


def _archive_items(place: _Place) -> Iterator[Item]:
    try:
        with archive.opened(place.root / place.path, place.path) as opened:
            infos = archive.members(opened)
            depth = len(PurePosixPath(place.path).parts)
            for name in sorted(filter(_readable_member, infos), key=_natural):
                path = f"{place.path}/{name}"
                try:
                    content = archive.member_bytes(opened, infos[name], path)
                    digest = blake2b(content).hexdigest()
                except UnreadableError:
                    digest = ""
                yield Item(
                    identify(digest, normalize("NFC", path), None), str(place.root), path, depth
                )
    except UnreadableError:
        yield _item(place, "")


def _readable_member(name: str) -> bool:
    path = PurePosixPath(name)
    suffixes = PICTURES | video.SUFFIXES | archive.SUFFIXES
    return path.suffix.lower() in suffixes and not any(map(_hidden, path.parts))


def _film_items(place: _Place, every: float) -> Iterator[Item]:
    file = place.root / place.path
    digest = _digest(file)
    length = video.duration(file) if digest else 0.0
    stretch = STRETCH * every
    count = max(1, int(-(-length // stretch)))
    for number in range(count):
        # The last one is open: a film's own word on its length is an estimate.
        stop = (number + 1) * stretch if number + 1 < count else None
        yield _item(place, digest, number * stretch, stop)


def _digest(file: Path) -> str:
    """blake2b of the file's bytes, "" when it cannot be opened."""
    digest = blake2b()
    try:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


def _places(source: str) -> list[_Place]:
    path = Path(os.path.abspath(os.path.expanduser(source)))
    if path.is_dir():
        places = _folder_places(path, source)
    elif path.exists():
        return [_file_place(path, source)]
    elif glob.has_magic(source):
        places = _glob_places(path)
    else:
        raise UnreadableError(f"{source} does not exist; check its spelling")
    if not places:
        raise UnreadableError(f"{source} holds no picture, archive or film; name another place")
    return places


def _file_place(path: Path, source: str) -> _Place:
    if not _readable(path):
        raise UnreadableError(f"{source} is no picture, zip, cbz or film by its name; name another")
    return _Place(path.parent, path.name)


def _folder_places(path: Path, source: str) -> list[_Place]:
    try:
        os.listdir(path)
    except OSError as error:
        raise UnreadableError(f"{source} may not be read; give yourself the right to") from error
    return [_Place(path, name) for name in _walk(path, "", frozenset())]


def _glob_places(pattern: Path) -> list[_Place]:
    fixed = list(pattern.parts)
    while any(map(glob.has_magic, fixed)):
        fixed.pop()
    root = Path(*fixed)
    places = []
    for match in sorted(map(Path, glob.glob(str(pattern), recursive=True)), key=_natural_path):
        name = match.relative_to(root).as_posix()
        if match.is_dir() and pattern.name != "**":
            places += [_Place(root, below) for below in _walk(match, f"{name}/", frozenset())]
        elif match.is_file() and _readable(match):
            places.append(_Place(root, name))
    return list(dict.fromkeys(places))


def _walk(folder: Path, prefix: str, above: frozenset[str]) -> Iterator[str]:
    """Names of the readable files below, and of subfolders that cannot be listed."""
    real = os.path.realpath(folder)
    if real in above:  # a link back up
        return
    try:
        names = sorted(os.listdir(folder), key=_natural)
    except OSError:
        yield prefix.removesuffix("/")
        return
    for name in names:
        path = folder / name
        shown = prefix + os.fsencode(name).decode(errors="replace")  # reading tells of the name
        if _hidden(name):
            continue
        if path.is_dir():
            yield from _walk(path, f"{shown}/", above | {real})
        elif _readable(path):
            yield shown


def _readable(path: Path) -> bool:
    return path.suffix.lower() in PICTURES | video.SUFFIXES | archive.SUFFIXES


def _hidden(name: str) -> bool:
    return name.startswith(".") or name in _SKIPPED


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which `page 2` comes before `page 10`."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part) if part.isdecimal() else 0, part) for part in parts]


def _natural_path(path: Path) -> list[list[tuple[int, str]]]:
    return [_natural(part) for part in path.parts]
