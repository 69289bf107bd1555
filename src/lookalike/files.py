"""Files are written whole or not at all, and read within limits, so that none can ask for more memory."""

from __future__ import annotations

import os
import secrets
import stat
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from lookalike.errors import BusyError, DataError, InputError
from lookalike.text import quoted

MAX_FILE_BYTES = 64 * 2**20  # the largest encoded image that is read
MAX_PIXELS = 2**25  # the most pixels that an image may have: 33 million, a large photograph
MAX_ARRAY_BYTES = 8 * 2**30  # the largest array of pixels that is made or unpacked
MAX_ARCHIVE_BYTES = 8 * 2**30  # the most bytes that the members of an archive may announce together
MAX_FILES = 1_000_000  # the most files that a folder or an archive may hold, and the most lines of a table
MAX_CLASSES = 20_000  # the most classes of a set: labels of more are mostly something else
MAX_LABEL_BYTES = 2**27  # the most that the labels of a set may take together
MAX_DEPTH = 32  # the deepest nesting of folders
MAX_NAME = 255  # the longest name of a class or a file, in characters

_FREE_BYTES, _MOST_TIMES = 2**25, 100
_PIECE = 2**16


#: So long a file that another process changes is waited for, and so often it is looked at: seconds.
MOST_WAITED, _LOOKED = 300.0, 0.01
#: The locks that this thread has: whoever changes a file may call others who do.
_MINE = threading.local()


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let nobody else of lookalike change a file while the block reads it, works, and writes it again.

    A lock is a hidden file beside it, which is gone afterwards. The system lets go of it where a process is
    killed.

    Raises
    ------
    BusyError
        Another process, or thread, had it for five minutes.
    """
    target = Path(os.path.realpath(path))
    lock, mine = target.with_name(f".{target.name[:50]}.lock"), vars(_MINE).setdefault("locks", set())
    if lock in mine:
        yield
        return
    if not lock.parent.is_dir():
        yield  # there is nothing to lose: whoever reads or writes says so
        return
    try:
        handle = _locked(lock, path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    mine.add(lock)
    try:
        yield
    finally:
        mine.discard(lock)
        _let_go(lock, handle)


def _locked(lock: Path, path: Path) -> int:
    """Return a handle that holds a lock, waiting for it."""
    until = time.monotonic() + MOST_WAITED
    while True:
        handle = None
        # Windows refuses to open what is being removed.
        with suppress(PermissionError) if sys.platform == "win32" else nullcontext():
            # A link of that name would have a file made elsewhere.
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        if handle is not None:
            # Whoever had it before may have removed it: then it is no lock any more.
            if _try_lock(handle) and _is_there(lock, handle):
                return handle
            os.close(handle)
        if time.monotonic() > until:
            raise BusyError(
                f"{quoted(path)} is being changed by another lookalike: try again when it is done"
            )
        time.sleep(_LOOKED)


def _try_lock(handle: int) -> bool:
    """Lock an open file, unless another has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_there(lock: Path, handle: int) -> bool:
    """Return whether an open file is still the one of its name."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(lock), os.fstat(handle))
    return False


def _let_go(lock: Path, handle: int) -> None:
    """Remove a lock and let go of it: in an order in which nobody else's is removed."""
    if sys.platform == "win32":
        # What is open is not removed there: nobody else's can be.
        os.close(handle)
    with suppress(OSError):
        lock.unlink()
    if sys.platform != "win32":
        os.close(handle)


def write_whole(path: Path, data: bytes | Iterable[bytes | memoryview]) -> None:
    """Replace a file as a whole, by data or by parts of it; on any error the old one stays as it was.

    A link to a file stays a link: the file that it leads to is replaced. Who may read it stays as it was.
    """
    with _beside(path) as (waiting, target, mode):
        with open(waiting, "xb") as file:
            file.writelines([data] if isinstance(data, bytes) else data)
            file.flush()
            # Else the new name may reach the disk before what it names.
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(waiting, mode)
        os.replace(waiting, target)


def check_writable(path: Path) -> None:
    """Find out whether :func:`write_whole` could write a file, and leave everything as it was.

    Permissions do not say it all (file systems may be full, read-only or no place for files), so an empty
    file is made beside it and removed.
    """
    with _beside(path) as (waiting, _, _), open(waiting, "xb"):
        pass


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, Path, int | None]]:
    """Give where a file is written before it has its name, its real name, and its permissions if any."""
    target = Path(os.path.realpath(path))
    # Beside it: only within one file system a file is replaced at once. A name may have 255 bytes, of which
    # a letter takes up to four.
    waiting = target.with_name(f".{target.name[:50]}.{secrets.token_hex(8)}.tmp")
    mode = None
    try:
        with suppress(FileNotFoundError):
            mode = os.lstat(target).st_mode
            # A device or a pipe would be gone, and a file in its place.
            if not stat.S_ISREG(mode):
                raise InputError(f"{path} is no file, so it is not written over: expected a file's name")
            # Another file takes its place, which its permissions would not forbid.
            if not mode & 0o222 or not os.access(target, os.W_OK):
                raise InputError(f"{path} is read-only: allow that it is written over, or name another file")
        yield waiting, target, None if mode is None else stat.S_IMODE(mode)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with suppress(OSError):
            waiting.unlink(missing_ok=True)


def is_gzip(data: bytes) -> bool:
    """Return whether ``data`` begins as gzip does."""
    return data[:2] == b"\x1f\x8b"


def read_file(path: Path, name: object, limit: int) -> bytes:
    """Return the bytes of a file of at most ``limit`` bytes."""
    try:
        with path.open("rb") as file:
            at = os.fstat(file.fileno())
            # Memory is taken at once for as many bytes as are asked for.
            data = file.read((min(limit, at.st_size) if stat.S_ISREG(at.st_mode) else limit) + 1)
    except OSError as error:
        raise DataError(f"{quoted(name)} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise DataError(f"{quoted(name)} is larger than {limit:,} bytes: too large to be read")
    return data


def most_unpacked(packed: int) -> int:
    """Return how many bytes may be made of so many packed ones: images and tables of them pack less."""
    return min(MAX_ARRAY_BYTES, _FREE_BYTES + _MOST_TIMES * packed)


def plain_bytes(data: bytes, name: object, limit: int) -> bytes:
    """Return what ``data`` unpacks to, at most ``limit`` bytes, where it is gzip; else itself."""
    return b"".join(unpacked(data, name, limit)) if is_gzip(data) else data


def unpacked(data: bytes, name: object, limit: int) -> Iterator[bytes]:
    """Yield what gzip unpacks to, some at a time, at most ``limit`` bytes and not far more than packed."""
    unpacker, count, fair = zlib.decompressobj(wbits=31), 0, most_unpacked(len(data))
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        while piece and not unpacker.eof:
            try:
                plain = unpacker.decompress(piece, _PIECE)
            except zlib.error as error:
                raise DataError(f"{quoted(name)} is damaged gzip ({error}): get the file again") from error
            count, piece = count + len(plain), unpacker.unconsumed_tail
            if count > limit:
                raise DataError(f"{quoted(name)} unpacks to more than the {limit:,} bytes expected: refused")
            if count > fair:
                raise DataError(
                    f"{quoted(name)} unpacks to more than {fair:,} bytes, from {len(data):,}: refused as a "
                    "bomb; unpack it yourself if you trust it"
                )
            yield plain
        if unpacker.eof:
            after = len(unpacker.unused_data) + max(0, len(data) - start - _PIECE)
            break
    if not unpacker.eof:
        raise DataError(f"{quoted(name)} is truncated gzip: get the file again")
    if after:
        raise DataError(f"{quoted(name)} has {after:,} bytes after its gzip end: get it again")


def gunzip_head(data: bytes, length: int) -> bytes:
    """Return the first ``length`` bytes of ``data``, unpacked where it is gzip; fewer where it is damaged."""
    if not is_gzip(data):
        return data[:length]
    try:
        return zlib.decompressobj(wbits=31).decompress(data[: 64 * 1024], length)
    except zlib.error:
        return b""
