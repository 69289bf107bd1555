"""The members of an archive from outside: paths that stay in it, each once; else it is refused as a whole."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

from lookalike.data.untrusted import MAX_ARCHIVE_BYTES, MAX_DEPTH, MAX_FILES, MAX_NAME, quoted
from lookalike.errors import DataError

M = TypeVar("M")


class Members(Generic[M]):
    """The members of an archive, or of one folder in it, by their paths.

    Parameters
    ----------
    archive : str
        What messages call it.
    inside : str
        The folder in it that is the root, ``""`` for all of it.

    Attributes
    ----------
    files : dict of str to member
        Paths with ``/`` between their parts, no part beginning with a dot.
    folders : dict of str to None
        Paths of folders, those above files included.
    hidden : list of str
        Members left out: dotfiles, and what macOS adds.
    """

    def __init__(self, archive: str, inside: str) -> None:
        self.files: dict[str, M] = {}
        self.folders: dict[str, None] = {}
        self.hidden: list[str] = []
        self._archive = archive
        self._inside = inside
        self._count = 0
        self._bytes = 0

    def add(self, member: M, name: str, size: int, *, folder: bool) -> None:
        """Take one member in.

        Raises
        ------
        DataError
            Its path leaves the archive, is too deep or too long, or was there before; or there are too many
            members, or too many bytes in them.
        """
        self._count += 1
        if self._count > MAX_FILES:
            raise DataError(f"{quoted(self._archive)} holds more than {MAX_FILES:,} members: refused")
        self._bytes += size
        if self._bytes > MAX_ARCHIVE_BYTES:
            raise DataError(
                f"{quoted(self._archive)} announces {self._bytes:,} bytes: more than {MAX_ARCHIVE_BYTES:,}, "
                "refused"
            )
        parts = _parts(name, self._archive)
        path = "/".join(parts)
        prefix = f"{self._inside}/" if self._inside else ""
        if not f"{path}/".startswith(prefix) or path == self._inside:
            return
        relative = path[len(prefix) :]
        if any(map(is_hidden, relative.split("/"))):
            self.hidden.append(relative)
            return
        parts = relative.split("/")
        for depth in range(1, len(parts)):
            self.folders["/".join(parts[:depth])] = None
        if folder:
            self.folders[relative] = None
        elif relative in self.files:
            raise DataError(f"{quoted(self._archive)} holds {quoted(relative)} twice: refused")
        else:
            self.files[relative] = member

    def finish(self) -> None:
        """Refuse a folder in the archive that is not there."""
        if self._inside and not self.files:
            raise DataError(f"{quoted(self._archive)} holds no folder {quoted(self._inside)}")


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is left out by its name: dotfiles, and what macOS adds."""
    return name.startswith(".") or name == "__MACOSX"


def _parts(given: str, archive: str) -> list[str]:
    """Return the parts of a member's path, refusing any that could lead out of the archive."""
    name = given.replace("\\", "/")
    parts = name.rstrip("/").split("/")
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or "\0" in name or ".." in parts:
        raise DataError(f"{quoted(archive)} holds {quoted(given)}, a path that leaves it: refused")
    parts = [part for part in parts if part not in ("", ".")]
    if len(parts) > MAX_DEPTH or max(map(len, parts), default=0) > MAX_NAME:
        raise DataError(
            f"{quoted(archive)} holds {quoted(name)}: "
            f"expected 1 to {MAX_DEPTH} parts of at most {MAX_NAME} characters"
        )
    return parts
