"""Files by their paths, in a folder, a zip or a tar, which is never extracted: members are read one by one.

An archive with a path that leaves it, a link, a device, an encrypted member or one name twice is refused.
"""

from __future__ import annotations

import bz2
import gzip
import os
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import IO, Any, Generic, TypeVar, cast

from lookalike.errors import DataError, InputError
from lookalike.files import (
    MAX_ARCHIVE_BYTES,
    MAX_DEPTH,
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_NAME,
    is_gzip,
    most_unpacked,
    read_file,
)
from lookalike.text import quoted

_NOT_READ = {
    b"\xfd7zXZ\0": "xz",
    b"(\xb5/\xfd": "zstd",
    b"7z\xbc\xaf'\x1c": "7-Zip",
    b"Rar!\x1a\x07": "RAR",
}

M = TypeVar("M")

# Code pages that names of a zip are often in, and the bit that says that they are UTF-8 instead.
_CODE_PAGES = ("cp437", "gbk", "cp932", "big5", "cp949", "cp1251", "cp1252")
_IS_UTF8 = 0x800
# What is a letter or two where the encoding is none of bytes for characters.
_PLAIN = "a/b.c\\n+AGE-"

_BLOCK = 512
_MAGIC = b"ustar"
_PIECE = 2**20
_MOST_SUFFIXES = 5
# Images hardly pack: tars of them unpack to a few times their size.
_MOST_TIMES = 200
_IN_MEMORY = 64 * 2**20

# What Python's readers of archives answer to hostile bytes.
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
)


@dataclass(frozen=True, eq=False)
class Tree:
    """Files that can be read by their path, wherever they lie."""

    name: str  # as the user gave it: messages and sources say it
    kind: str  # "folder", "zip", "tar", ...
    files: tuple[str, ...]  # paths with / between their parts, no part beginning with a dot
    read: Callable[[str, int], bytes]  # a file's bytes; DataError where there are more than so many
    folders: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()  # what was left out: dotfiles, what macOS adds, links to folders
    notes: tuple[str, ...] = ()  # what a reader should know of its names
    at: Path | None = None  # the folder, or the one file, that they lie in

    def stamp(self, path: str) -> str:
        """Return what changes with a file, or with the archive that it lies in: its size and its time."""
        places = [] if self.at is None else [place := self.at / path.lstrip("/"), *place.parents]
        for place in places:
            with suppress(OSError):
                about = place.stat()
                return f"{about.st_size} {about.st_mtime_ns}"
        return ""

    def full_name(self, path: str) -> str:
        """Return what messages call a file."""
        return _below(self.name, path)

    def held(self) -> str:
        """Return how many files of which suffix there are, as people say it."""
        suffixes = Counter(os.path.splitext(path)[1].lower() for path in self.files)
        counts = sorted(suffixes.items(), key=lambda pair: (-pair[1], pair[0]))
        shown = [f"{count:,} {quoted(one, 20) if one else 'without a suffix'}" for one, count in counts]
        rest = sum(count for _, count in counts[_MOST_SUFFIXES:])
        return ", ".join(shown[:_MOST_SUFFIXES] + ([f"{rest:,} others"] if rest else [])) or "no files at all"


def _below(name: str, path: str) -> str:
    return f"{name.rstrip('/')}/{path.lstrip('/')}" if path else name


def folder_tree(root: Path, given: str | None = None, follow_links: bool = False) -> Tree:
    """Return the files of a folder on disk; a link is followed only to a file within it, unless all are."""
    name, root = given or str(root), root.resolve()
    files: list[str] = []
    folders: list[str] = []
    hidden: list[str] = []

    def failed(error: OSError) -> None:
        raise DataError(f"{quoted(error.filename)} cannot be read: {error.strerror}") from error

    for at, below, names in os.walk(root, onerror=failed, followlinks=follow_links):
        base = Path(at).relative_to(root).as_posix()
        prefix = "" if base == "." else f"{base}/"
        links = [each for each in below if os.path.islink(os.path.join(at, each))]
        if follow_links:
            # A link to one of the folders that it lies in has no end.
            above = {os.path.realpath(root / one) for one in (PurePath(base), *PurePath(base).parents)}
            links = [each for each in links if os.path.realpath(os.path.join(at, each)) in above]
        seen = [each for each in below if not is_hidden(each) and each not in links]
        hidden += [f"{prefix}{each}/" for each in below if each not in seen]
        hidden += [f"{prefix}{each}" for each in names if is_hidden(each)]
        below[:] = seen
        folders += [f"{prefix}{each}" for each in seen]
        files += [f"{prefix}{each}" for each in names if not is_hidden(each)]
        if len(files) + len(folders) > MAX_FILES or prefix.count("/") > MAX_DEPTH:
            raise DataError(
                f"{quoted(name)} holds more than {MAX_FILES:,} files or {MAX_DEPTH} folders "
                "in one another: expected a folder of images"
            )

    def read(path: str, limit: int) -> bytes:
        place, shown = root / path, _below(name, path)
        # Links to folders were not followed, so only the file itself can be a link.
        if not follow_links and place.is_symlink() and not place.resolve().is_relative_to(root):
            raise DataError(
                f"{quoted(shown)} is a link that leaves the folder: copy the file into it, or if you trust "
                "where it leads, say follow_links=True (on the command line: --follow-links)"
            )
        if not place.is_file():
            raise DataError(f"{quoted(shown)} is not a regular file: leave it out")
        return read_file(place, shown, limit)

    return Tree(name, "folder", tuple(files), read, tuple(folders), tuple(hidden), at=root)


def zip_tree(path: Path, inside: str = "", given: str | None = None, encoding: str | None = None) -> Tree:
    """Return the members of a zip, or of one folder in it.

    Names that are not said to be UTF-8 are read by ``encoding``; without one they are UTF-8 where all can be,
    else of the code page that zips began with, and a note says so.
    """
    name = given or str(path)
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGED as error:
        raise DataError(f"{quoted(name)} is no readable zip ({error}): get it again") from error
    members: Members[zipfile.ZipInfo] = Members(name, inside)
    held = path.stat().st_size
    listed = archive.infolist()
    names, notes = _zipped_names(listed, name, encoding)
    for member, shown in zip(listed, names, strict=True):
        _check_zipped(member, name)
        members.add(member, shown, member.file_size, folder=shown.endswith("/"))

    def read(path: str, limit: int) -> bytes:
        member, shown = members.files[path], quoted(_below(name, path))
        if member.file_size > limit:
            raise DataError(f"{shown} announces {member.file_size:,} bytes: more than {limit:,}, refused")
        packed = min(member.compress_size, held)
        if member.file_size > most_unpacked(packed):
            raise DataError(
                f"{shown} announces {member.file_size:,} bytes, from {packed:,}: refused as a bomb; unpack "
                "the zip yourself if you trust it"
            )
        try:
            with archive.open(member) as file:
                # Space is taken for as many bytes as are asked for, also where the zip lies.
                return file.read(member.file_size + 1)
        except _DAMAGED as error:
            raise DataError(f"{shown} is damaged in the zip ({error}): get the zip again") from error

    return replace(members.tree("zip", read), notes=notes)


def _zipped_names(
    members: list[zipfile.ZipInfo], archive: str, encoding: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """Return the names of a zip's members, and a note where their code page is not known."""
    names = [member.orig_filename for member in members]
    # What is not said to be UTF-8 was read as cp437, in which every byte is a character.
    raw = {
        place: names[place].encode("cp437")
        for place, member in enumerate(members)
        if not member.flag_bits & _IS_UTF8 and not names[place].isascii()
    }
    pages = {page: _decoded(raw.values(), page) for page in (encoding or "utf-8", *_CODE_PAGES)}
    first, *others = (page for page, found in pages.items() if found is not None)
    if encoding is not None and first != encoding:
        raise DataError(
            f"the names in {quoted(archive)} are not in {encoding}: expected {' or '.join((first, *others))}"
        )
    for place, shown in zip(raw, pages[first] or (), strict=True):
        names[place] = shown
    if not raw or encoding is not None or first == "utf-8":
        return names, ()
    other = (others or _CODE_PAGES)[0]
    shown = ", ".join(f"in {page} {quoted(found[0], 60)}" for page, found in pages.items() if found)
    return names, (
        f"The code page of names in {quoted(archive)} is not known, and {first} was taken. The first of them "
        f"is {shown}: name the right one, zip_encoding={quoted(other)} (on the command line: "
        f"--zip-encoding {other}).",
    )


def _decoded(names: Iterable[bytes], encoding: str) -> list[str] | None:
    """Return names as texts; None where one of them is not in that encoding."""
    try:
        return [name.decode(encoding) for name in names]
    except UnicodeDecodeError:
        return None


def checked_encoding(encoding: object) -> str | None:
    """Return the name of an encoding of texts, refusing one in which ASCII is not as it is; None stays."""
    try:
        if encoding is None or (isinstance(encoding, str) and _PLAIN.encode().decode(encoding) == _PLAIN):
            return encoding
    except (LookupError, ValueError):
        pass
    raise InputError(
        f"zip_encoding is {encoding!r}: expected a code page, for example {', '.join(_CODE_PAGES)}"
    )


def open_tree(
    path: Path, name: str | None = None, zip_encoding: str | None = None, follow_links: bool = False
) -> Tree | None:
    """Return the tree at ``path``: a folder, a zip, a tar, or a folder in one; None where there is none."""
    if path.is_dir():
        return folder_tree(path, name, follow_links)
    for archive in (path, *path.parents):
        if archive.is_file():
            head = _head(archive, 8)
            for magic, packing in _NOT_READ.items():
                if head.startswith(magic):
                    raise DataError(
                        f"{quoted(archive)} is packed by {packing}, which is not read: expected a folder, a "
                        "zip or a tar, plain or packed by gzip or bzip2"
                    )
            inside = path.relative_to(archive).as_posix() if archive != path else ""
            if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                return replace(zip_tree(archive, inside, name, zip_encoding), at=archive)
            return replace(tar_tree(archive, inside, name), at=archive) if is_tar(archive) else None
    return None


def _head(path: Path, length: int) -> bytes:
    with path.open("rb") as file:
        return file.read(length)


def _check_zipped(member: zipfile.ZipInfo, archive: str) -> None:
    """Refuse a member that is no plain file or folder, packed as everybody packs."""
    name = member.orig_filename
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DataError(f"{quoted(archive)} holds {quoted(name)}, a link: refused")
    if member.flag_bits & 1:
        raise DataError(f"{quoted(archive)} is encrypted: unpack it first")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{quoted(name)} in {quoted(archive)} is not packed by deflate: pack it anew")


class Members(Generic[M]):
    """The members of an archive, or of one folder in it, by their paths."""

    def __init__(self, archive: str, inside: str) -> None:
        self.files: dict[str, M] = {}
        self.folders: dict[str, None] = {}  # those above files included
        self.hidden: list[str] = []
        self._archive = archive
        self._inside = inside
        self._count = 0
        self._bytes = 0

    def add(self, member: M, name: str, size: int, *, folder: bool) -> None:
        """Take one member in."""
        self._count += 1
        if self._count > MAX_FILES:
            raise DataError(f"{quoted(self._archive)} holds more than {MAX_FILES:,} members: refused")
        self._bytes += size
        if self._bytes > MAX_ARCHIVE_BYTES:
            raise DataError(
                f"{quoted(self._archive)} announces {self._bytes:,} bytes: more than {MAX_ARCHIVE_BYTES:,}, "
                "refused"
            )
        path = "/".join(_parts(name, self._archive))
        prefix = f"{self._inside}/" if self._inside else ""
        if not f"{path}/".startswith(prefix) or path == self._inside:
            return
        relative = path[len(prefix) :]
        parts = relative.split("/")
        if any(map(is_hidden, parts)):
            self.hidden.append(relative)
            return
        self.folders |= dict.fromkeys("/".join(parts[:depth]) for depth in range(1, len(parts) + folder))
        if folder:
            return
        if relative in self.files:
            raise DataError(f"{quoted(self._archive)} holds {quoted(relative)} twice: refused")
        self.files[relative] = member

    def tree(self, kind: str, read: Callable[[str, int], bytes]) -> Tree:
        """Return the tree of all members, refusing a folder in the archive that is not there."""
        if self._inside and not self.files:
            raise DataError(f"{quoted(self._archive)} holds no folder {quoted(self._inside)}")
        return Tree(self._archive, kind, tuple(self.files), read, tuple(self.folders), tuple(self.hidden))


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


def tar_tree(path: Path, inside: str = "", given: str | None = None) -> Tree:
    """Return the members of a tar, or of one folder in it.

    A packed tar is unpacked as a whole, since its members cannot be reached one by one: into memory, and
    into one nameless temporary file where it is large. What it unpacks to is counted on the way.
    """
    name = given or str(path)
    members: Members[tuple[int, int]] = Members(name, inside)
    try:
        plain = _plain(path, name)
        # Headers alone are read; tarfile is told of no compression, so that it unpacks nothing itself.
        with tarfile.open(fileobj=cast("IO[bytes]", plain), mode="r:") as archive:
            _walk_tar(archive, plain, members, name)
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(f"{quoted(name)} is no readable tar ({error}): get it again") from error

    def read(path: str, limit: int) -> bytes:
        offset, size = members.files[path]
        if size > limit:
            shown = quoted(_below(name, path))
            raise DataError(f"{shown} announces {size:,} bytes: more than {limit:,}, refused")
        plain.seek(offset)
        return plain.read(size)

    return members.tree("tar", read)


def _walk_tar(
    archive: tarfile.TarFile, plain: _Clamped, members: Members[tuple[int, int]], name: str
) -> None:
    """Take in all members of a tar by their headers."""
    at = -1
    while (member := archive.next()) is not None:
        # tarfile keeps every header it has read.
        cast(Any, archive).members.clear()
        if member.size < 0 or archive.offset <= at:
            raise DataError(f"{quoted(name)} has a header that leads back: refused")
        at = archive.offset
        _check_tarred(member, name)
        if member.isreg() and member.offset_data + member.size > plain.length:
            raise DataError(f"{quoted(name)} is truncated or damaged: get it again")
        members.add((member.offset_data, member.size), member.name, member.size, folder=member.isdir())
    # tarfile takes a broken header for the end.
    plain.seek(archive.offset)
    end = plain.read(_BLOCK)
    if not end or end.strip(b"\0"):
        raise DataError(f"{quoted(name)} is truncated or damaged: get it again")


def is_tar(path: Path) -> bool:
    """Return whether a file is a tar by its first bytes, unpacked where it is packed."""
    try:
        with _opened(path) as file:
            head = file.read(_BLOCK)
    except _DAMAGED:
        return False
    return head[257:262] == _MAGIC


def _opened(path: Path) -> IO[bytes]:
    """Return a file that unpacks while it is read."""
    head = _head(path, 3)
    opener: Any = gzip.open if is_gzip(head) else bz2.open if head == b"BZh" else open
    return cast(IO[bytes], opener(path, "rb"))


def _plain(path: Path, name: str) -> _Clamped:
    """Return the plain tar: the file itself, or what it unpacks to."""
    packed, source = path.stat().st_size, _opened(path)
    if not isinstance(source, gzip.GzipFile | bz2.BZ2File):
        return _Clamped(source, packed)
    most = min(MAX_ARCHIVE_BYTES, MAX_FILE_BYTES + _MOST_TIMES * packed)
    # It lives as long as the tree, and is gone with it.
    plain = _Clamped(cast(IO[bytes], tempfile.SpooledTemporaryFile(_IN_MEMORY)), 0)  # noqa: SIM115
    with source:
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
        self.length += self._file.write(piece)

    def read(self, size: int) -> bytes:
        if size < 0:
            raise OSError("a header announces fewer than no bytes")
        return self._file.read(min(size, max(0, self.length - self._file.tell())))

    def seek(self, place: int) -> int:
        return self._file.seek(place)

    def tell(self) -> int:
        return self._file.tell()


def _check_tarred(member: tarfile.TarInfo, archive: str) -> None:
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
