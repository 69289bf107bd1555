"""Tar archives, plain or packed by gzip or bzip2, read as zips are: nothing is extracted.

A packed tar is unpacked as a whole, since its members cannot be reached one by one: into memory, and into
one nameless temporary file where it is large. What it unpacks to is counted on the way, and a bomb is
refused. Any member but a plain file or a folder is refused: links, devices, sparse files.
"""

from __future__ import annotations

import bz2
import gzip
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from lookalike.data.archive import Members
from lookalike.data.untrusted import MAX_ARCHIVE_BYTES, MAX_FILE_BYTES, is_gzip, quoted
from lookalike.errors import DataError

_BLOCK = 512
_MAGIC = b"ustar"
_PIECE = 2**20
# Images hardly pack: tars of them unpack to a few times their size.
_MOST_TIMES = 200
_IN_MEMORY = 64 * 2**20

_DAMAGED = (
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RecursionError,
)


class TarTree:
    """The members of a tar, or of one folder in it.

    Parameters
    ----------
    path : Path
        The tar.
    inside : str
        The folder in it that is the root, ``""`` for all of it.
    name : str, optional
        What messages call it; by default its path.
    """

    kind = "tar"

    def __init__(self, path: Path, inside: str = "", name: str | None = None) -> None:
        self.name = name or str(path)
        members: Members[tuple[int, int]] = Members(self.name, inside)
        try:
            self._file = _plain(path, self.name)
            # Headers alone are read; tarfile is told of no compression, so that it unpacks nothing itself.
            with tarfile.open(fileobj=cast("IO[bytes]", self._file), mode="r:") as archive:
                self._walk(archive, members)
        except DataError:
            raise
        except _DAMAGED as error:
            raise DataError(f"{quoted(self.name)} is no readable tar ({error}): get it again") from error
        members.finish()
        self._members = members.files
        self.files, self.folders = tuple(members.files), tuple(members.folders)
        self.hidden = tuple(members.hidden)

    def _walk(self, archive: tarfile.TarFile, members: Members[tuple[int, int]]) -> None:
        at = -1
        while (member := archive.next()) is not None:
            # tarfile keeps every header it has read.
            cast(Any, archive).members.clear()
            if member.size < 0 or archive.offset <= at:
                raise DataError(f"{quoted(self.name)} has a header that leads back: refused")
            at = archive.offset
            _check_member(member, self.name)
            if member.isreg() and member.offset_data + member.size > self._file.length:
                raise DataError(f"{quoted(self.name)} is truncated or damaged: get it again")
            place = (member.offset_data, member.size)
            members.add(place, member.name, member.size, folder=member.isdir())
        # tarfile takes a broken header for the end.
        self._file.seek(archive.offset)
        end = self._file.read(_BLOCK)
        if not end or end.strip(b"\0"):
            raise DataError(f"{quoted(self.name)} is truncated or damaged: get it again")

    def read(self, path: str, limit: int) -> bytes:
        """Return a member's bytes; DataError where there are more than ``limit``."""
        offset, size = self._members[path]
        if size > limit:
            shown = quoted(self.full_name(path))
            raise DataError(f"{shown} announces {size:,} bytes: more than {limit:,}, refused")
        self._file.seek(offset)
        return self._file.read(size)

    def full_name(self, path: str) -> str:
        """Return the path below the tar's name."""
        return f"{self.name}/{path}"


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar by its first bytes, unpacked where it is packed."""
    try:
        with _opened(path) as file:
            head = file.read(_BLOCK)
    except _DAMAGED:
        return False
    return head[257:262] == _MAGIC


def _packing(path: Path) -> Callable[[Path], IO[bytes]] | None:
    """Return what opens a packed file; None for a plain one."""
    with path.open("rb") as file:
        head = file.read(3)
    if is_gzip(head):
        return cast("Callable[[Path], IO[bytes]]", gzip.open)
    return cast("Callable[[Path], IO[bytes]]", bz2.open) if head == b"BZh" else None


def _opened(path: Path) -> IO[bytes]:
    """Return a file that unpacks while it is read."""
    packing = _packing(path)
    return path.open("rb") if packing is None else packing(path)


def _plain(path: Path, name: str) -> _Clamped:
    """Return the plain tar: the file itself, or what it unpacks to."""
    packed = path.stat().st_size
    if _packing(path) is None:
        return _Clamped(path.open("rb"), packed)
    most = min(MAX_ARCHIVE_BYTES, MAX_FILE_BYTES + _MOST_TIMES * packed)
    # It lives as long as the tree, and is gone with it.
    plain = _Clamped(cast(IO[bytes], tempfile.SpooledTemporaryFile(_IN_MEMORY)), 0)  # noqa: SIM115
    with _opened(path) as source:
        while piece := source.read(_PIECE):
            plain.append(piece)
            if plain.length > most:
                raise DataError(
                    f"{quoted(name)} unpacks to more than {most:,} bytes, from {packed:,}: refused as a bomb"
                )
    plain.seek(0)
    return plain


class _Clamped:
    """A file that is never asked for more than it holds: a header may announce any number of bytes."""

    def __init__(self, file: IO[bytes], length: int) -> None:
        self._file = file
        self.length = length

    def __del__(self) -> None:
        # Nobody closes a tree: the file goes with it, as zipfile's does.
        self._file.close()

    def append(self, piece: bytes) -> None:
        """Add a piece at the end."""
        self.length += self._file.write(piece)

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes."""
        if size < 0:
            raise OSError("a header announces fewer than no bytes")
        return self._file.read(min(size, max(0, self.length - self._file.tell())))

    def seek(self, place: int) -> int:
        """Go to a place."""
        return self._file.seek(place)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()


def _check_member(member: tarfile.TarInfo, archive: str) -> None:
    """Refuse a member that is no plain file or folder."""
    if member.issym() or member.islnk():
        raise DataError(
            f"{quoted(archive)} holds {quoted(member.name)}, a link: refused; pack it anew with what it "
            "leads to (tar --dereference --hard-dereference)"
        )
    if member.issparse():
        raise DataError(
            f"{quoted(archive)} holds {quoted(member.name)}, a sparse file: refused; pack it anew without "
            "--sparse"
        )
    if not (member.isreg() or member.isdir()):
        raise DataError(f"{quoted(archive)} holds {quoted(member.name)}, a device or pipe: refused")
