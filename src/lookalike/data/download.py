"""Published files from a list of mirrors into the cache.

A file is written under a name that no reader looks for, checked, and then moved to its own name in one step.
So whatever goes wrong, a mirror, the network or the machine, nothing half done is ever taken for data.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

from lookalike import settings
from lookalike.data.catalogue import KnownSet, PublishedFile
from lookalike.data.untrusted import gunzip, is_gzip, md5, quoted, sha256
from lookalike.errors import DataError, DownloadError
from lookalike.progress import Progress, silent

_TIMEOUT = (10, 60)
"""Seconds to connect, and without a byte."""

_PIECE = 128 * 1024


def cache_of(known: KnownSet) -> Path:
    """Return the folder in the cache for a known set's files."""
    return settings.cache_folder() / "data" / known.name


def checked(data: bytes, file: PublishedFile, name: str, *, by_length: bool = False) -> bytes:
    """Return the unpacked bytes of a published file, if they are the published ones.

    Parameters
    ----------
    data : bytes
        The file as published, packed anew, or unpacked.
    file : PublishedFile
        What is known of it.
    name : str
        What messages call it.
    by_length : bool, default=False
        Where only the packed file's hash is published, accept unpacked data by its length alone: nothing
        better is known of a file that its owner unpacked.

    Returns
    -------
    bytes
        Unpacked.

    Raises
    ------
    DataError
        They are others: truncated, damaged, or another file.
    """
    packed = is_gzip(data)
    plain = gunzip(data, name, file.unpacked_size) if packed else data
    if len(plain) != file.unpacked_size:
        raise DataError(
            f"{quoted(name)} has {len(plain):,} bytes unpacked: expected {file.unpacked_size:,}, get it again"
        )
    if file.sha256 is not None and sha256(plain) != file.sha256:
        raise DataError(
            f"{quoted(name)} is not the published file (SHA-256 of its unpacked bytes): get it again"
        )
    if file.sha256 is None and not (by_length and not packed):
        _check_packed(data, file, name)
    return plain


def _check_packed(data: bytes, file: PublishedFile, name: str) -> None:
    """Refuse a packed file that is not the published one to the byte."""
    if file.packed_sha256 is not None and sha256(data) != file.packed_sha256:
        raise DataError(f"{quoted(name)} is not the published file (SHA-256): get it again")
    if file.md5 is not None and md5(data) != file.md5:
        raise DataError(f"{quoted(name)} is not the published file (MD5): get it again")


def download(known: KnownSet, file: PublishedFile, progress: Progress = silent) -> Path:
    """Return the path of a published file in the cache, downloaded anew.

    Parameters
    ----------
    known : KnownSet
        The set, which has the mirrors.
    file : PublishedFile
        The file.
    progress : callable, optional
        Told of bytes.

    Raises
    ------
    DownloadError
        ``LOOKALIKE_OFFLINE`` is set, no mirror gave the published bytes, or the cache cannot be written. The
        message says of each mirror what went wrong.
    """
    folder = cache_of(known)
    mend = f"put {file.name} into a folder {known.name}/ of the folder that LOOKALIKE_DATA names"
    if settings.offline():
        raise DownloadError(f"{known.name} is not here and LOOKALIKE_OFFLINE forbids the network: {mend}")
    failures = []
    for mirror in known.mirrors:
        try:
            return _from_mirror(mirror, file, folder, progress)
        except _MirrorError as error:
            failures.append(f"{mirror}: {error}")
        except OSError as error:
            raise DownloadError(f"{quoted(folder)} cannot be written: {error.strerror or error}") from error
    raise DownloadError(f"no mirror gave {file.name} ({'; '.join(failures)}): try again, or {mend}")


class _MirrorError(Exception):
    """Why one mirror did not do."""


def _from_mirror(mirror: str, file: PublishedFile, folder: Path, progress: Progress) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".part-", dir=folder)
    try:
        with os.fdopen(handle, "w+b") as written:
            _fetch(mirror + file.name, _Sink(written, file, progress))
            written.seek(0)
            data = written.read()
        try:
            checked(data, file, file.name)
        except DataError as error:
            raise _MirrorError(str(error)) from error
        place = folder / file.name
        os.replace(partial, place)
        return place
    finally:
        Path(partial).unlink(missing_ok=True)


def _fetch(url: str, sink: _Sink) -> None:
    """Write what a server sends for ``url``; any trouble with it is a _MirrorError."""
    import pooch
    import requests

    # As published: a server may otherwise unpack gzip on the way, and the MD5 is of the packed file.
    headers = {"Accept-Encoding": "identity"}
    fetch = pooch.HTTPDownloader(chunk_size=_PIECE, timeout=_TIMEOUT, headers=headers)
    try:
        fetch(url, sink, None)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise _MirrorError(f"answered {status}") from error
    except requests.Timeout as error:
        raise _MirrorError("did not answer in time") from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _MirrorError("broke off") from error
    except requests.ConnectionError as error:
        raise _MirrorError("cannot be reached") from error
    except requests.RequestException as error:
        raise _MirrorError(type(error).__name__) from error


class _Sink:
    """A file that takes no more than a published file may have, and tells of progress."""

    def __init__(self, file: IO[bytes], published: PublishedFile, progress: Progress) -> None:
        self._file = file
        self._published = published
        self._progress = progress
        self._count = 0

    def write(self, piece: bytes) -> int:
        """Write ``piece``; refuse what is more than the file may have."""
        self._count += len(piece)
        if self._count > self._published.most:
            raise _MirrorError(f"sent more than {self._published.most:,} bytes")
        self._progress(f"downloading {self._published.name}", self._count, self._published.size)
        return self._file.write(piece)

    def flush(self) -> None:
        """Leave flushing to the end: pooch asks for it after each piece."""
