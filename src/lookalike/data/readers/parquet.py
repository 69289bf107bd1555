"""Parquet with a column of encoded images and a column of labels, the layout of Hugging Face's image sets.

Parts are told by the names of files (``train-00000-of-00002.parquet``) or folders. Images are bytes, alone or
in a struct ``{bytes, path}``. Where the metadata name the classes (``ClassLabel``), they are the labels.
"""

from __future__ import annotations

import bisect
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source, natural_order
from lookalike.data.pixels import SUFFIXES
from lookalike.data.readers.listing import PARTS, FileImages, Listing, class_texts
from lookalike.data.readers.trees import Tree
from lookalike.data.sizes import Size
from lookalike.errors import DataError, MissingExtraError, install
from lookalike.files import MAX_FILES, MAX_NAME, read_file
from lookalike.progress import Progress
from lookalike.text import listed, quoted

MAX_PARQUET_BYTES = 2 * 2**30  # of a whole file: it is held in memory while its images are
MAX_GROUP_BYTES = 2**31  # what one group of rows may announce, unpacked

_SUFFIX = ".parquet"
_PIECE = re.compile(r"-(\d{5})-of-(\d{5})\.parquet$")
_IMAGE_NAMES = ("image", "img")
_LABEL_NAMES = ("label", "labels", "class")
_MAX_METADATA = 16 * 2**20
_MAX_COLUMNS = 2**20
_BYTES = "bytes"


def from_file(
    path: Path, name: str, head: bytes, size: Size | None, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listing of one Parquet file: one part, ``"train"``; None where it is no Parquet."""
    if head != b"PAR1":
        return None
    tree = Tree(name, "file", ("",), lambda _, limit: read_file(path, name, limit), at=path)
    return {"train": _listing(tree, "train", [""], progress)}


def from_tree(tree: Tree, progress: Progress) -> dict[str, Listing] | None:
    """Return the listings of the Parquet files in a tree, by part; None where it has none, or images too."""
    if any(path.lower().endswith(SUFFIXES) for path in tree.files):
        return None
    paths = natural_order(path for path in tree.files if path.lower().endswith(_SUFFIX))
    if not paths:
        return None
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
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"reading Parquet needs pyarrow: {install('parquet')}") from error
    rows = _Rows(tree)
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
        FileImages(replace(tree, kind="parquet", read=rows.read), tuple(names)),
        source=Source(tree.name, part, "Parquet"),
    )


@dataclass
class _Rows:
    """The encoded images in the rows of a tree's files: ``file.parquet/17`` is row 17. One file is held."""

    tree: Tree
    _file: OpenFile | None = field(default=None, repr=False)
    _path: str = ""

    def open(self, path: str) -> OpenFile:
        """Return a file, opened and checked."""
        if self._file is None or self._path != path:
            data = self.tree.read(path, MAX_PARQUET_BYTES)
            name = self.tree.full_name(path)
            with _guarded(name):
                self._file, self._path = OpenFile(data, name), path
        return self._file

    def read(self, path: str, limit: int) -> bytes:
        """Return the encoded image of a row."""
        at, _, row = path.rpartition("/")
        data = self.open(at).image(int(row))
        if data is None:
            raise DataError(f"{quoted(self.tree.full_name(path))} has no image: leave the row out")
        if len(data) > limit:
            raise DataError(
                f"{quoted(self.tree.full_name(path))} has {len(data):,} bytes: more than {limit:,}"
            )
        return data


class MissingLabelsError(DataError):
    """No image of a file has a label."""


class Columns(NamedTuple):
    """The two columns of a file that are read."""

    image: str
    label: str


class OpenFile:
    """An opened Parquet file. One group of its rows is held."""

    _group = -1
    _held: Any = None

    def __init__(self, data: bytes, name: str) -> None:
        import pyarrow as pa

        self.name = name
        plain = _parsed(data)
        self.columns = _chosen(plain.schema_arrow, name)
        image = plain.schema_arrow.field(self.columns.image).type
        self._leaf = f"{self.columns.image}.{_BYTES}" if pa.types.is_struct(image) else self.columns.image
        self._names = _class_names(plain.schema_arrow, self.columns.label, name)
        self._check_sizes(plain.metadata)
        repeated = [self._leaf]
        if not pa.types.is_integer(plain.schema_arrow.field(self.columns.label).type):
            repeated.append(self.columns.label)
        self._file = _parsed(data, read_dictionary=repeated)
        about = plain.metadata
        counts = (about.row_group(group).num_rows for group in range(about.num_row_groups))
        *self.starts, self.rows = accumulate(counts, initial=0)

    def labels(self) -> NDArray[np.str_]:
        """Return the class of each row."""
        with _guarded(self.name):
            column = _column(self._file.read(columns=[self.columns.label], use_threads=False))
            if len(column) != self.rows:
                raise _damaged(self.name, f"{len(column)} labels in {self.rows} rows")
            if column.null_count:
                self._refuse_missing(np.array([not value.is_valid for value in column]))
            if not self.rows:
                return np.empty(0, np.str_)
            numbers, texts = _numbers_and_texts(column, self.name)
            if texts is not None:
                return texts[numbers]
            if self._names is None:
                return class_texts(numbers)
            if (numbers == -1).any():
                self._refuse_missing(numbers == -1)
            if numbers.min() < 0 or numbers.max() >= len(self._names):
                raise DataError(
                    f"{quoted(self.name)} has labels {numbers.min()} to {numbers.max()}: expected places in "
                    f"its {len(self._names)} class names"
                )
            return np.array(self._names, np.str_)[numbers]

    def image(self, row: int) -> bytes | None:
        """Return the encoded image in a row; None where there is none."""
        group = bisect.bisect_right(self.starts, row) - 1
        if group != self._group:
            # The old group goes before the next comes.
            self._held, self._group = None, -1
            self._held, self._group = self._images(group), group
        with _guarded(self.name):
            data: bytes | None = self._held[row - self.starts[group]].as_py()
        return data

    def _images(self, group: int) -> Any:
        """Return the encoded images of a group of rows."""
        with _guarded(self.name):
            column = _column(self._file.read_row_group(group, columns=[self._leaf], use_threads=False))
            ends = [*self.starts, self.rows]
            if len(column) != ends[group + 1] - ends[group]:
                raise _damaged(self.name, f"{len(column)} images in a group")
            if self._leaf == self.columns.image:
                return column
            import pyarrow as pa

            return pa.chunked_array([chunk.field(_BYTES) for chunk in column.chunks])

    def _refuse_missing(self, missing: NDArray[np.bool_]) -> None:
        kind = MissingLabelsError if missing.all() else DataError
        raise kind(
            f"{quoted(self.name)} has no label in {int(missing.sum()):,} of {len(missing):,} rows (the first "
            f"is row {int(missing.argmax())}): leave these out"
        )

    def _check_sizes(self, metadata: Any) -> None:
        """Refuse what announces too much, before anything of it is read."""
        rows = 0
        for group in range(metadata.num_row_groups):
            about = metadata.row_group(group)
            rows += about.num_rows
            if about.num_rows < 0 or rows > MAX_FILES:
                raise DataError(
                    f"{quoted(self.name)} announces {rows:,} rows: more than {MAX_FILES:,}, refused"
                )
            # Not of single columns: pyarrow ends the process where their statistics are damaged.
            if not 0 <= about.total_byte_size <= MAX_GROUP_BYTES:
                raise DataError(
                    f"{quoted(self.name)} announces {about.total_byte_size:,} bytes in one group of rows: "
                    f"more than {MAX_GROUP_BYTES:,}, refused; write it with smaller groups"
                )


def _parsed(data: bytes, **options: Any) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(
        pa.BufferReader(data),
        thrift_string_size_limit=_MAX_METADATA,
        thrift_container_size_limit=_MAX_COLUMNS,
        **options,
    )


@contextmanager
def _guarded(name: str) -> Iterator[None]:
    """Whatever pyarrow makes of hostile bytes means a damaged file."""
    import pyarrow as pa

    try:
        yield
    except DataError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise _damaged(name, str(error).partition("\n")[0]) from error


def _damaged(name: str, reason: str) -> DataError:
    return DataError(f"{quoted(name)} is damaged Parquet ({reason[:200]}): get it again")


def _column(table: Any) -> Any:
    """Return the one column of a table."""
    if table.num_columns != 1:
        raise ValueError(f"{table.num_columns} columns where one was asked for")
    return table.column(0)


def _chosen(schema: Any, name: str) -> Columns:
    """Return which columns are the images and the labels, where that is clear."""
    names = list(schema.names)
    if len(set(names)) != len(names):
        raise DataError(f"{quoted(name)} has two columns of one name: {listed(names)}")
    images = [column for column in names if _is_image(schema.field(column).type)]
    labels = [column for column in names if _is_label(schema.field(column).type) and column not in images]
    marked = [column for column in labels if _marked(schema, column) is not None]
    image = _clear(images, _IMAGE_NAMES, ())
    label = _clear(labels, _LABEL_NAMES, marked)
    if image is None or label is None:
        lacking, kinds = ("image", images) if image is None else ("label", labels)
        found = f"{listed(kinds)} may be" if kinds else "none can be"
        raise DataError(
            f"{quoted(name)} has the columns {listed(names, 8)}, of which {found} the {lacking} column: "
            "expected one column image (encoded images) and one column label (whole numbers or texts); "
            "rename or drop some"
        )
    return Columns(image, label)


def _clear(columns: list[str], usual: tuple[str, ...], marked: Sequence[str]) -> str | None:
    """Return the one column that is called as usual, or is marked as such, or is the only one."""
    few = [column for column in columns if column.lower() in usual] or marked or columns
    return few[0] if len(few) == 1 else None


def _is_image(kind: Any) -> bool:
    import pyarrow as pa

    kinds = [kind]
    if pa.types.is_struct(kind):
        fields = (kind.field(place) for place in range(kind.num_fields))
        kinds = [field.type for field in fields if field.name == _BYTES]
    return len(kinds) == 1 and bool(pa.types.is_binary(kinds[0]) or pa.types.is_large_binary(kinds[0]))


def _is_label(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _marked(schema: Any, column: str) -> list[Any] | None:
    """Return the class names that the file's metadata give a column; None where they give none."""
    text = (schema.metadata or {}).get(b"huggingface", b"")
    if not text:
        return None
    try:
        names = json.loads(text)["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return names if isinstance(names, list) else None


def _class_names(schema: Any, column: str, name: str) -> list[str] | None:
    """Return the class names of the label column, checked."""
    names = _marked(schema, column)
    if names is None:
        return None
    for given in names:
        if not isinstance(given, str) or not 0 < len(given) <= MAX_NAME or not given.isprintable():
            raise DataError(
                f"{quoted(name)} names a class {quoted(given, 40)}: "
                f"expected 1 to {MAX_NAME} printable characters"
            )
    if len(set(names)) != len(names):
        raise DataError(f"{quoted(name)} names a class twice: {listed(names)}")
    return names


def _numbers_and_texts(column: Any, name: str) -> tuple[NDArray[np.int64], NDArray[np.str_] | None]:
    """Return labels as numbers; where they are texts, the numbers are places in the texts."""
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        wide = column.cast(pa.int64())
        return np.asarray(wide.to_numpy(), np.int64), None
    column = column.unify_dictionaries().combine_chunks()
    whole = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    values = whole.dictionary
    if pa.types.is_integer(values.type):
        return np.asarray(values.cast(pa.int64()).take(whole.indices).to_numpy(), np.int64), None
    for text in values:
        # Bytes first: a text of any length should not be decoded.
        short = len(text.as_buffer()) <= 4 * MAX_NAME
        if not short or not 0 < len(text.as_py()) <= MAX_NAME or not text.as_py().isprintable():
            shown = quoted(text.as_py() if short else "...", 40)
            raise DataError(
                f"{quoted(name)} has the label {shown}: expected 1 to {MAX_NAME} printable characters"
            )
    return np.asarray(whole.indices.to_numpy(), np.int64), np.array(values.to_pylist(), np.str_)
