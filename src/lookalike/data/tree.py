"""Files by their paths, in a folder, a zip or a tar: what the readers walk over.

An archive is never extracted: its members are read one at a time into memory, each bounded. One with a path
that leaves it, a link, an encrypted member or one name twice is refused as a whole.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from lookalike.data.archive import Members, is_hidden
from lookalike.data.tape import TarTree, is_tar
from lookalike.data.untrusted import MAX_DEPTH, MAX_FILES, quoted, read_file
from lookalike.errors import DataError

_NOT_READ = {
    b"\xfd7zXZ\0": "xz",
    b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf'\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
}


class Tree(Protocol):
    """Files that can be read by their path.

    Attributes
    ----------
    name : str
        As the user gave it: messages and sources say it.
    kind : str
        ``"folder"``, ``"zip"`` or ``"tar"``.
    files, folders : tuple of str
        Paths with ``/`` between their parts, no part beginning with a dot.
    hidden : tuple of str
        What was left out: dotfiles, what macOS adds to archives, links to folders.
    """

    name: str
    kind: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    hidden: tuple[str, ...]

    def read(self, path: str, limit: int) -> bytes:
        """Return a file's bytes; DataError where there are more than ``limit``."""

    def full_name(self, path: str) -> str:
        """Return what messages call a file."""


class FolderTree:
    """The files of a folder on disk."""

    kind = "folder"

    def __init__(self, root: Path, name: str | None = None) -> None:
        self.name = name or str(root)
        self._root = root.resolve()
        self.files: tuple[str, ...] = ()
        self.folders: tuple[str, ...] = ()
        self.hidden: tuple[str, ...] = ()
        self._walk()

    def _walk(self) -> None:
        files: list[str] = []
        folders: list[str] = []
        hidden: list[str] = []

        def failed(error: OSError) -> None:
            raise DataError(f"{quoted(error.filename)} cannot be read: {error.strerror}") from error

        for at, below, names in os.walk(self._root, onerror=failed):
            base = Path(at).relative_to(self._root).as_posix()
            prefix = "" if base == "." else f"{base}/"
            seen = [
                name for name in below if not is_hidden(name) and not os.path.islink(os.path.join(at, name))
            ]
            hidden += [f"{prefix}{name}/" for name in below if name not in seen]
            hidden += [f"{prefix}{name}" for name in names if is_hidden(name)]
            below[:] = seen
            folders += [f"{prefix}{name}" for name in seen]
            files += [f"{prefix}{name}" for name in names if not is_hidden(name)]
            if len(files) > MAX_FILES or prefix.count("/") > MAX_DEPTH:
                raise DataError(
                    f"{quoted(self.name)} holds more than {MAX_FILES:,} files or {MAX_DEPTH} folders "
                    "in one another: expected a folder of images"
                )
        self.files, self.folders, self.hidden = tuple(files), tuple(folders), tuple(hidden)

    def read(self, path: str, limit: int) -> bytes:
        """Return a file's bytes; a link is followed only within the folder."""
        place = self._root / path
        # Links to folders were not followed, so only the file itself can be a link.
        if place.is_symlink() and not place.resolve().is_relative_to(self._root):
            shown = quoted(self.full_name(path))
            raise DataError(f"{shown} is a link that leaves the folder: copy the file into it")
        if not place.is_file():
            raise DataError(f"{quoted(self.full_name(path))} is not a regular file: leave it out")
        return read_file(place, self.full_name(path), limit)

    def full_name(self, path: str) -> str:
        """Return the path below the folder's name."""
        return f"{self.name.rstrip('/')}/{path}"


class ZipTree:
    """The members of a zip, or of one folder in it.

    Parameters
    ----------
    path : Path
        The zip.
    inside : str
        The folder in it that is the root, ``""`` for all of it.
    name : str, optional
        What messages call it; by default its path.
    """

    kind = "zip"

    def __init__(self, path: Path, inside: str = "", name: str | None = None) -> None:
        self.name = name or str(path)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise DataError(f"{quoted(self.name)} is no readable zip ({error}): get it again") from error
        members: Members[zipfile.ZipInfo] = Members(self.name, inside)
        for member in self._zip.infolist():
            _check_member(member, self.name)
            members.add(member, member.orig_filename, member.file_size, folder=member.is_dir())
        members.finish()
        self._members = members.files
        self.files, self.folders = tuple(members.files), tuple(members.folders)
        self.hidden = tuple(members.hidden)

    def read(self, path: str, limit: int) -> bytes:
        """Return a member's bytes; never more than ``limit``, whatever the zip announces."""
        member = self._members[path]
        shown = quoted(self.full_name(path))
        if member.file_size > limit:
            raise DataError(f"{shown} announces {member.file_size:,} bytes: more than {limit:,}, refused")
        try:
            with self._zip.open(member) as file:
                return file.read(limit)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            RuntimeError,
            OverflowError,
        ) as error:
            raise DataError(f"{shown} is damaged in the zip ({error}): get the zip again") from error

    def full_name(self, path: str) -> str:
        """Return the path below the zip's name."""
        return f"{self.name}/{path}"


def open_tree(path: Path, name: str | None = None) -> Tree | None:
    """Return the tree at ``path``: a folder, a zip, a tar, or a folder in one; None where there is none."""
    if path.is_dir():
        return FolderTree(path, name)
    for archive in (path, *path.parents):
        if archive.is_file():
            _check_packing(archive)
            inside = path.relative_to(archive).as_posix() if archive != path else ""
            if is_zip(archive):
                return ZipTree(archive, inside, name)
            return TarTree(archive, inside, name) if is_tar(archive) else None
    return None


def _check_packing(archive: Path) -> None:
    """Refuse what is packed in a way that is not read."""
    with archive.open("rb") as file:
        head = file.read(8)
    for magic, packing in _NOT_READ.items():
        if head.startswith(magic):
            raise DataError(
                f"{quoted(archive)} is packed by {packing}, which is not read: expected a folder, a zip or "
                "a tar, plain or packed by gzip or bzip2"
            )


def is_zip(path: Path) -> bool:
    """Return whether a file begins as a zip does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _check_member(member: zipfile.ZipInfo, archive: str) -> None:
    """Refuse a member that is no plain file or folder, packed as everybody packs."""
    name = member.orig_filename
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{quoted(archive)} holds {quoted(name)}, a link: refused")
    if member.flag_bits & 1:
        raise DataError(f"{quoted(archive)} is encrypted: unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{quoted(name)} in {quoted(archive)} is not packed by deflate: pack it anew")
