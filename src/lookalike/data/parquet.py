"""Parquet with a column of encoded images and a column of labels, the layout of Hugging Face's image sets.

::

    digits.parquet                               one part; load makes the split
    data/train-00000-of-00002.parquet            the parts by the files' names, all pieces of a part
    data/train-00001-of-00002.parquet
    data/test-00000-of-00001.parquet
    default/train/0000.parquet                   or by their folders' names

Images are bytes of PNG, JPEG, BMP or WEBP: a struct ``{bytes, path}``, or a plain binary column. Labels are
whole numbers or texts; where the file's metadata name the classes (``ClassLabel``), the names are the labels.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.decode import SUFFIXES
from lookalike.data.folders import PARTS
from lookalike.data.labelled import Source, natural_order
from lookalike.data.listing import FileImages, Listing
from lookalike.data.parquet_columns import Columns, MissingLabelsError, OpenFile, check_extra, open_file
from lookalike.data.tree import Tree
from lookalike.data.untrusted import MAX_FILES, listed, quoted, read_file
from lookalike.errors import DataError
from lookalike.progress import Progress

MAX_PARQUET_BYTES = 2 * 2**30
"""The largest Parquet file that is read: it is held in memory while its images are."""

_SUFFIX = ".parquet"
_PIECE = re.compile(r"-(\d{5})-of-(\d{5})\.parquet$")


def is_parquet(head: bytes) -> bool:
    """Return whether a file begins as Parquet does."""
    return head[:4] == b"PAR1"


def find(tree: Tree) -> list[str]:
    """Return the Parquet files of a tree, none where it holds image files too."""
    if any(path.lower().endswith(SUFFIXES) for path in tree.files):
        return []
    return natural_order(path for path in tree.files if path.lower().endswith(_SUFFIX))


def read_one(path: Path, name: str, progress: Progress) -> dict[str, Listing]:
    """Return the listing of one Parquet file: one part, ``"train"``.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    DataError
        As :func:`read`.
    """
    return {"train": _listing(_OneFile(path, name), "train", [path.name], progress)}


def read(tree: Tree, paths: list[str], progress: Progress) -> dict[str, Listing]:
    """Return the listings of Parquet files, by part.

    Parameters
    ----------
    tree : Tree
        Where they are.
    paths : list of str
        What :func:`find` returned.
    progress : callable
        Told of files.

    Returns
    -------
    dict of str to Listing
        Images are named by their place in the part, counted from 0.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    DataError
        A file is damaged, is too large or announces too much; a piece of a part is missing; it is not clear
        which files, or which columns, are meant; or a label is missing.
    """
    check_extra()
    parts, left_out = _parts(tree, paths)
    notes = [f"Parquet files left out, of no known part: {listed(left_out)}."] if left_out else []
    listings = {}
    for part, pieces in parts.items():
        _check_pieces(tree, pieces)
        try:
            listings[part] = _listing(tree, part, pieces, progress)
        except MissingLabelsError:
            if part == "train":
                raise
            notes.append(f"The {part} part has no labels and was left out.")
    return {part: listing.noted(*notes) for part, listing in listings.items()}


def _parts(tree: Tree, paths: list[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the files of each part, and those of none."""
    found: dict[str, dict[str | None, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        folder, _, file = path.rpartition("/")
        words = re.split(r"[-_.]", file.lower())
        part = next((PARTS[word] for word in words if word in PARTS), None)
        above, _, last = folder.rpartition("/")
        if part is None and last.lower() in PARTS:
            part, folder = PARTS[last.lower()], above
        found[folder][part].append(path)
    if len(found) > 1:
        example = tree.full_name(sorted(found)[-1])
        raise DataError(
            f"{quoted(tree.name)} holds Parquet files in {len(found)} folders ({listed(sorted(found))}), "
            f"which may be different sets: give one of them, for example {quoted(example)}"
        )
    (parts,) = found.values()
    unknown = parts.pop(None, [])
    if not parts:
        return {"train": unknown}, []
    return {str(part): parts[part] for part in ("train", "valid", "test") if part in parts}, unknown


def _check_pieces(tree: Tree, pieces: list[str]) -> None:
    """Refuse a part of which a numbered piece is missing."""
    numbered = [match for match in map(_PIECE.search, pieces) if match]
    for match in numbered:
        total = int(match[2])
        there = {int(other[1]) for other in numbered if other[2] == match[2]}
        missing = next((piece for piece in range(total) if piece not in there), None)
        if missing is not None:
            lacks = f"{match.string[: match.start()]}-{missing:05}-of-{match[2]}{_SUFFIX}"
            raise DataError(f"{quoted(tree.name)} lacks {quoted(lacks)}: get it, all pieces belong together")


def _listing(tree: Tree, part: str, paths: list[str], progress: Progress) -> Listing:
    """Return the listing of one part."""
    check_extra()
    rows = _Rows(tree, tree.name)
    classes: list[NDArray[np.str_]] = []
    columns: Columns | None = None
    names: list[str] = []
    for done, path in enumerate(paths):
        progress("reading Parquet", done, len(paths))
        file = rows.open(path)
        columns = columns or file.columns
        if file.columns != columns:
            raise DataError(
                f"{quoted(tree.full_name(path))} has the columns {listed(file.columns)}: expected "
                f"{listed(columns)} as in {quoted(paths[0])}"
            )
        labels = file.labels()
        names += [f"{path}/{row}" for row in range(len(labels))]
        if len(names) > MAX_FILES:
            raise DataError(f"{quoted(tree.name)} holds more than {MAX_FILES:,} images: refused")
        classes.append(labels)
    progress("reading Parquet", len(paths), len(paths))
    if not names:
        raise DataError(f"the {part} part of {quoted(tree.name)} holds no image: expected a row for each")
    return Listing(
        np.concatenate(classes),
        [str(index) for index in range(len(names))],
        FileImages(rows, tuple(names)),
        source=Source(tree.name, part, "Parquet"),
    )


@dataclass
class _Rows:
    """The encoded images in the rows of Parquet files, as a tree: ``file.parquet/17`` is a file's row 17.

    One file and one group of its rows are held at a time, so images are best read in their order.
    """

    tree: Tree
    name: str
    kind: str = "parquet"
    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    _file: OpenFile | None = field(default=None, repr=False)
    _path: str = ""
    _group: tuple[int, Any] | None = field(default=None, repr=False)

    def open(self, path: str) -> OpenFile:
        """Return a file, opened and checked."""
        if self._file is None or self._path != path:
            self._group = None
            data = self.tree.read(path, MAX_PARQUET_BYTES)
            self._file, self._path = open_file(data, self.tree.full_name(path)), path
        return self._file

    def read(self, path: str, limit: int) -> bytes:
        """Return the encoded image of a row."""
        at, _, row = path.rpartition("/")
        file = self.open(at)
        group = bisect.bisect_right(file.starts, int(row)) - 1
        if self._group is None or self._group[0] != group:
            # The old group goes before the next comes.
            self._group = None
            self._group = group, file.images(group)
        data = file.image(self._group[1], int(row) - file.starts[group])
        if data is None:
            raise DataError(f"{quoted(self.full_name(path))} has no image: leave the row out")
        if len(data) > limit:
            raise DataError(f"{quoted(self.full_name(path))} has {len(data):,} bytes: more than {limit:,}")
        return data

    def full_name(self, path: str) -> str:
        """Return what messages call a row."""
        return self.tree.full_name(path)


class _OneFile:
    """A tree of one file."""

    kind = "file"
    folders: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.files: tuple[str, ...] = (path.name,)
        self._path = path

    def read(self, path: str, limit: int) -> bytes:
        """Return the file's bytes."""
        return read_file(self._path, self.name, limit)

    def full_name(self, path: str) -> str:
        """Return the name as the user gave it, and the row if one is meant."""
        return self.name + path[len(self.files[0]) :]
