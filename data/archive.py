"""Zip and cbz archives, read in place: the names in them, and one member's bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from zipfile import ZipFile, ZipInfo

from data.frame import UnreadableError

SUFFIXES = frozenset({".zip", ".cbz"})
LARGEST_MEMBER = 256 * 2**20  # bytes unpacked; a picture file is smaller, a bomb is not

_UTF8 = 0x800  # general purpose bit 11: the name is UTF-8 (APPNOTE.TXT 4.4.4)
_ENCRYPTED = 0x1
# EUC-KR before Shift JIS: strict on both bytes, so it does not swallow the other's names.
_ENCODINGS = ("utf-8", "euc_kr", "cp932", "cp949", "cp437")


@contextmanager
def opened(file: Path, name: str) -> Iterator[ZipFile]:
    """The archive on `file`, called `name` in what UnreadableError says when it is broken."""
    try:
        archive = ZipFile(file)
    except PermissionError as error:
        raise UnreadableError(f"{name} may not be read; give yourself the right to") from error
    except Exception as error:  # zipfile raises whatever struct, zlib and codecs raise
        raise UnreadableError(f"{name} is no zip archive, or a broken one") from error
    with archive:
        yield archive


def members(archive: ZipFile) -> dict[str, ZipInfo]:
    """The files in an archive by their POSIX names, decoded and free of `..`, `/` and drives.

    A part that would climb out is written `__`, so that no name leads anywhere on disk.
    """
    infos = [info for info in archive.infolist() if not info.is_dir()]
    unmarked = b"\n".join(_raw_name(info) for info in infos if not info.flag_bits & _UTF8)
    encoding = next(encoding for encoding in _ENCODINGS if _decodes(unmarked, encoding))
    return {_safe(_name(info, encoding)): info for info in infos}


def member_bytes(archive: ZipFile, info: ZipInfo, name: str) -> bytes:
    """One member, unpacked in memory. Raises UnreadableError naming it by `name`."""
    if _climbs(info.orig_filename):
        raise UnreadableError(f"{name} has a path that climbs out of its archive; pack it anew")
    if info.flag_bits & _ENCRYPTED:
        raise UnreadableError(f"{name} is encrypted; unpack it with its password first")
    if info.file_size > LARGEST_MEMBER:
        size, limit = info.file_size >> 20, LARGEST_MEMBER >> 20
        raise UnreadableError(f"{name} unpacks to {size} MiB, over {limit} MiB; unpack it first")
    try:
        return archive.read(info)
    except Exception as error:  # zipfile raises whatever struct, zlib, bz2 and lzma raise
        raise UnreadableError(f"{name} is broken inside its archive; pack it anew") from error


def _raw_name(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("cp437")  # how zipfile decoded it


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _name(info: ZipInfo, encoding: str) -> str:
    marked = info.flag_bits & _UTF8
    name = info.orig_filename if marked else _raw_name(info).decode(encoding)
    return name.split("\0")[0].replace("\\", "/")


def _climbs(name: str) -> bool:
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or bool(re.match("[A-Za-z]:", path))


def _safe(name: str) -> str:
    if not _climbs(name):
        return str(PurePosixPath(name))
    parts = [part.replace(":", "__") for part in name.split("/")]
    return "/".join("__" if part in ("", "..") else part for part in parts)
