"""How bytes and names from outside are handled: limits, bounded reading, names fit to be shown.

Every reader goes through here, so that no file can ask for more memory than is stated below and no file name
can do harm in a message.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

from lookalike.errors import DataError

MAX_FILE_BYTES = 64 * 2**20
"""The largest encoded image that is read."""

MAX_PIXELS = 2**25
"""The most pixels that an image may have: 33 million, a large photograph."""

MAX_ARRAY_BYTES = 8 * 2**30
"""The largest array of pixels that is made or unpacked."""

MAX_ARCHIVE_BYTES = 8 * 2**30
"""The most bytes that the members of an archive may announce together."""

MAX_FILES = 1_000_000
"""The most files that a folder or an archive may hold."""

MAX_DEPTH = 32
"""The deepest nesting of folders."""

MAX_NAME = 255
"""The longest name of a class or a file, in characters."""

_GZIP = b"\x1f\x8b"


def quoted(name: object, longest: int = 120) -> str:
    r"""Return a name from outside as one may print it: quoted, control characters escaped, not too long."""
    text = repr(str(name))
    return text if len(text) <= longest else f"{text[: longest - 4]}...{text[-1]}"


def listed(names: Iterable[object], most: int = 5) -> str:
    """Return names from outside as a list that is not too long."""
    every = list(names)
    text = ", ".join(quoted(name) for name in every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most:,} more"


def is_gzip(data: bytes) -> bool:
    """Return whether ``data`` begins as gzip does."""
    return data[:2] == _GZIP


def read_file(path: Path, name: object, limit: int) -> bytes:
    """Return the bytes of a file of at most ``limit`` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise DataError(f"{quoted(name)} cannot be read: {error.strerror or error}") from error
    if len(data) > limit:
        raise DataError(f"{quoted(name)} is larger than {limit:,} bytes: too large to be read")
    return data


def plain_bytes(data: bytes, name: object, limit: int) -> bytes:
    """Return what ``data`` unpacks to, at most ``limit`` bytes, where it is gzip; else itself."""
    if not is_gzip(data):
        return data
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise DataError(f"{quoted(name)} is damaged gzip ({error}): get the file again") from error
    if len(plain) > limit:
        raise DataError(f"{quoted(name)} unpacks to more than the {limit:,} bytes expected: refused")
    if not unpacker.eof:
        raise DataError(f"{quoted(name)} is truncated gzip: get the file again")
    if unpacker.unused_data:
        raise DataError(
            f"{quoted(name)} has {len(unpacker.unused_data):,} bytes after its gzip end: get it again"
        )
    return plain


def gunzip_head(data: bytes, length: int) -> bytes:
    """Return the first ``length`` bytes of ``data``, unpacked where it is gzip; fewer where it is damaged."""
    if not is_gzip(data):
        return data[:length]
    try:
        return zlib.decompressobj(wbits=31).decompress(data[: 64 * 1024], length)
    except zlib.error:
        return b""
