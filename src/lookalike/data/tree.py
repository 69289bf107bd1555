"""Files by their paths, in a folder or in a zip: what the readers walk over.

A zip is never extracted: its members are read one at a time into memory, each bounded. A zip with a path that
leaves it, a link, an encrypted member or one name twice is refused as a whole.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Protocol

from lookalike.data.untrusted import MAX_ARCHIVE_BYTES, MAX_DEPTH, MAX_FILES, MAX_NAME, quoted, read_file
from lookalike.errors import DataError


class Tree(Protocol):
    """Files that can be read by their path.

    Attributes
    ----------
    name : str
        As the user gave it: messages and sources say it.
    kind : str
        ``"folder"`` or ``"zip"``.
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
                name for name in below if not _is_hidden(name) and not os.path.islink(os.path.join(at, name))
            ]
            hidden += [f"{prefix}{name}/" for name in below if name not in seen]
            hidden += [f"{prefix}{name}" for name in names if _is_hidden(name)]
            below[:] = seen
            folders += [f"{prefix}{name}" for name in seen]
            files += [f"{prefix}{name}" for name in names if not _is_hidden(name)]
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
        members = self._zip.infolist()
        if len(members) > MAX_FILES:
            raise DataError(
                f"{quoted(self.name)} holds {len(members):,} members: more than {MAX_FILES:,}, refused"
            )
        total = sum(member.file_size for member in members)
        if total > MAX_ARCHIVE_BYTES:
            raise DataError(
                f"{quoted(self.name)} announces {total:,} bytes: more than {MAX_ARCHIVE_BYTES:,}, refused"
            )
        self._members: dict[str, zipfile.ZipInfo] = {}
        folders: dict[str, None] = {}
        hidden: list[str] = []
        prefix = f"{inside}/" if inside else ""
        for member in members:
            parts = _member_parts(member, self.name)
            path_inside = "/".join(parts)
            if not f"{path_inside}/".startswith(prefix) or path_inside == inside:
                continue
            relative = path_inside[len(prefix) :]
            if any(map(_is_hidden, relative.split("/"))):
                hidden.append(relative)
                continue
            self._add(member, relative, folders)
        self.files = tuple(self._members)
        self.folders = tuple(folders)
        self.hidden = tuple(hidden)
        if inside and not self.files:
            raise DataError(f"{quoted(path)} holds no folder {quoted(inside)}")

    def _add(self, member: zipfile.ZipInfo, relative: str, folders: dict[str, None]) -> None:
        parts = relative.split("/")
        for depth in range(1, len(parts)):
            folders["/".join(parts[:depth])] = None
        if member.is_dir():
            folders[relative] = None
        elif relative in self._members:
            raise DataError(f"{quoted(self.name)} holds {quoted(relative)} twice: refused")
        else:
            self._members[relative] = member

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
    """Return the tree at ``path``: a folder, a zip, or a folder in a zip; None where there is none."""
    if path.is_dir():
        return FolderTree(path, name)
    for zipped in (path, *path.parents):
        if zipped.is_file():
            if not is_zip(zipped):
                return None
            return ZipTree(zipped, path.relative_to(zipped).as_posix() if zipped != path else "", name)
    return None


def is_zip(path: Path) -> bool:
    """Return whether a file begins as a zip does."""
    with path.open("rb") as file:
        return file.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def _member_parts(member: zipfile.ZipInfo, archive: str) -> list[str]:
    """Return the parts of a member's path, refusing any that could lead out of the archive."""
    name = member.orig_filename.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or "\0" in name or ".." in parts:
        raise DataError(
            f"{quoted(archive)} holds {quoted(member.orig_filename)}, a path that leaves it: refused"
        )
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{quoted(archive)} holds {quoted(name)}, a link: refused")
    if member.flag_bits & 1:
        raise DataError(f"{quoted(archive)} is encrypted: unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{quoted(name)} in {quoted(archive)} is not packed by deflate: pack it anew")
    parts = [part for part in parts if part not in ("", ".")]
    if not 1 <= len(parts) <= MAX_DEPTH or max(map(len, parts)) > MAX_NAME:
        raise DataError(
            f"{quoted(archive)} holds {quoted(name)}: "
            f"expected 1 to {MAX_DEPTH} parts of at most {MAX_NAME} characters"
        )
    return parts


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
