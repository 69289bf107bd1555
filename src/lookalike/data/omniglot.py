"""Omniglot: ``ALPHABET/characterNN/MMMM_DD.png``, each character drawn by twenty people, in zips."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping

import numpy as np

from lookalike.data.labelled import Source, natural_order
from lookalike.data.listing import FileImages, Listing
from lookalike.data.untrusted import quoted
from lookalike.errors import DataError

_DRAWING = re.compile(r"[^/]+/([^/]+)/(character\d\d)/\d{4}_(\d\d)\.png")


def listing(zips: Mapping[str, bytes], source: Source) -> Listing:
    """Return the listing of some of Omniglot's zips, whose bytes were checked.

    Parameters
    ----------
    zips : mapping of str to bytes
        The files by their names. A drawing that is in several of them is one drawing.
    source : Source
        Where they came from.

    Returns
    -------
    Listing
        The classes are ``ALPHABET/characterNN``, in natural order; the groups are who drew it, 1 to 20 within
        each alphabet, as ``ALPHABET/DD``.
    """
    drawings: dict[str, bytes] = {}
    for data in zips.values():
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if _DRAWING.fullmatch(name):
                    drawings[name.partition("/")[2]] = archive.read(name)
    paths = natural_order(drawings)
    parts = [path.split("/") for path in paths]
    return Listing(
        np.array([f"{alphabet}/{character}" for alphabet, character, _ in parts]),
        paths,
        FileImages(_Drawings(source.name, drawings), tuple(paths)),
        groups=np.array([f"{alphabet}/{file[5:7]}" for alphabet, _, file in parts]),
        source=source,
    )


class _Drawings:
    """A tree of files that are in memory."""

    kind = "zip"
    folders: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def __init__(self, name: str, files: Mapping[str, bytes]) -> None:
        self.name = name
        self.files = tuple(files)
        self._files = files

    def read(self, path: str, limit: int) -> bytes:
        """Return a file's bytes; DataError where there are more than ``limit``."""
        data = self._files[path]
        if len(data) > limit:
            raise DataError(f"{quoted(self.full_name(path))} has {len(data):,} bytes: more than {limit:,}")
        return data

    def full_name(self, path: str) -> str:
        """Return the path below the set's name."""
        return f"{self.name}/{path}"
