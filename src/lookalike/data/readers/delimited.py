"""Delimited text as programs write it: its delimiter, whether its first line names the columns, its rows."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, cast

from lookalike.data.pixels import SUFFIXES as IMAGES
from lookalike.errors import DataError, InputError
from lookalike.files import MAX_ARRAY_BYTES, MAX_FILES, is_gzip, plain_bytes, read_file, unpacked
from lookalike.text import listed, quoted

SUFFIXES = (".csv", ".tsv")

# Columns by the names that people give them.
LABEL_NAMES = {"label", "labels", "label_name", "class", "classes", "class_name", "class_id", "target", "y"}
LABEL_NAMES |= {"emotion", "digit", "character", "letter", "symbol", "category"}
PART_NAMES = {"usage", "split", "part", "set", "subset", "partition"}
COUNT_NAMES = {"", "unnamed: 0", "id", "index", "idx", "row", "row_id", "rownames", "imageid", "image_id"}

LABEL = "label_column= a name, 'first', 'last' or 'none', on the command line --label-column"
HEADER = "header=True or header=False, on the command line --header or --no-header"

_DELIMITERS = ",;\t|"
# By so many lines the delimiter is told, and the longest line is that of an image of a million pixels or so.
_TOLD_BY = 20
_LONGEST_LINE = 2**22
_MOST_COLUMNS = 2**18 + 8
_HEAD = 2**20
# About so many cells are held as text at once.
_CELLS = 2**19
# Beside a name, so many numbers that count from 0 or 1 are names too, and no image.
_A_RUN = 9

_REMARK = re.compile(rb"(?:\xef\xbb\xbf)?(#[^\r\n]*|sep=.)(?:\r?\n|\r)(?=([^\r\n]*))")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NUMBERED_AGAIN = re.compile(r"(\d+)(?:\.(\d+))?", re.ASCII)


@dataclass(frozen=True)
class ColumnChoice:
    """What the user said of a table, where it can be read in two ways."""

    label: str | None = None  # the name of the label's column, "first", "last" or "none"
    header: bool | None = None


UNSAID = ColumnChoice()


def checked_columns(label: object, header: object) -> ColumnChoice:
    """Return what the user said of a table, refusing what says nothing."""
    if label is not None and not (isinstance(label, str) and label):
        raise InputError(f"label_column is {label!r}: expected a column's name, 'first', 'last' or 'none'")
    if not (header is None or isinstance(header, bool)):
        raise InputError(f"header is {header!r}: expected True, False or None")
    return ColumnChoice(label, header)


class DelimitedTable:
    """One table, opened: what its columns are called, and its rows in blocks.

    A cell that holds all pixels of an image, with spaces between, stands as so many cells.
    """

    def __init__(self, data: bytes, name: str, header: bool | None = None) -> None:
        # A packed one is counted and checked first, then unpacked while it is read: never held whole.
        self._length = sum(map(len, unpacked(data, name, MAX_ARRAY_BYTES))) if is_gzip(data) else len(data)
        self.name, self._data, self._start = name, data, 0
        self._head = self._opened().read(_HEAD)
        if self._head.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._data = _utf_8(plain_bytes(data, name, MAX_ARRAY_BYTES), name)
            self._length, self._head = len(self._data), self._data[:_HEAD]
        self._start = _remarks(self._head)
        self._delimiter = self._told_delimiter()
        start = list(islice(self._records(self._delimiter), 2))
        if not start:
            raise DataError(f"{quoted(name)} is empty: expected a line for each image")
        self._given = len(start[0])
        self._packed = next((at for at, cell in enumerate(start[-1]) if _is_packed(cell)), None)
        if self._packed is not None and self._packed >= self._given:
            raise DataError(
                f"the second line of {quoted(name)} has {len(start[-1]):,} columns: expected {self._given:,} "
                "as in the first"
            )
        self.headed = self._is_headed(start) if header is None else header
        if self._packed is not None and self.headed and _is_packed(start[0][self._packed]):
            raise DataError(f"{quoted(name)} has an image in its first line: expected header=False")
        #: the first row, which may name the columns
        self.first = [cell.strip() for cell in start[0]]
        self.second = [cell.strip() for cell in start[-1]]
        self.names = self._names()
        self.width = len(self.names or self._unpacked(start[0]))
        self._pixels = 0 if self._packed is None else self.width - self._given + 1

    def place(self) -> int:
        """Return how many bytes were read, unpacked."""
        return self._file.buffer.tell()

    def __len__(self) -> int:
        """Return the number of bytes, unpacked."""
        return self._length

    def _opened(self) -> IO[bytes]:
        """Return a file of the table from its start."""
        raw = io.BytesIO(self._data)
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw) if is_gzip(self._data) else raw)
        file.seek(self._start)
        return file

    def blocks(self) -> Iterator[tuple[int, list[list[str]]]]:
        """Yield some rows at a time, each of as many cells as the first, after the number of those before."""
        records = self._records(self._delimiter)
        if self.headed:
            next(records)
        first = 0
        while block := list(islice(records, max(1, _CELLS // self.width))):
            for index, row in enumerate(block):
                if len(row) != self._given:
                    raise DataError(
                        f"image {first + index} in {quoted(self.name)} has {len(row):,} columns: "
                        f"expected {self._given:,} as in the first line"
                    )
            if self._packed is not None:
                rows = enumerate(map(self._unpacked, block), first)
                block = [self._check_pixels(row, image) for image, row in rows]
            yield first, block
            first += len(block)
            if first > MAX_FILES:
                raise DataError(f"{quoted(self.name)} has more than {MAX_FILES:,} lines: read a part of it")
        if not first:
            raise DataError(f"{quoted(self.name)} holds no image: expected a line for each")

    def _unpacked(self, row: list[str]) -> list[str]:
        if self._packed is None:
            return row
        return [*row[: self._packed], *row[self._packed].split(), *row[self._packed + 1 :]]

    def _check_pixels(self, row: list[str], image: int) -> list[str]:
        """Return an unpacked row, refusing one of more or fewer pixels than the first."""
        if len(row) != self.width:
            found = len(row) - self._given + 1
            raise DataError(
                f"image {image} in {quoted(self.name)} has {found:,} pixels: expected "
                f"{self._pixels:,}, as before"
            )
        return row

    def _names(self) -> list[str] | None:
        """Return what the columns are called; None where nothing names them."""
        if self._packed is None:
            known = self.headed and not _counts_again(self.first)
            return self.first if known else None
        names = self.first if self.headed else ["label" if self._given == 2 else ""] * self._given
        pixels = [f"pixel{index}" for index in range(len(self.second[self._packed].split()))]
        return [*names[: self._packed], *pixels, *names[self._packed + 1 :]]

    def _records(self, delimiter: str) -> Iterator[list[str]]:
        """Yield the cells of each line that holds some."""
        number = 0
        try:
            for line in self._lines():
                number += 1
                if '"' in line or f"{delimiter} " in line:
                    # One line at a time: no cell goes over the end of its line.
                    (row,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
                else:
                    row = line.rstrip("\r\n").split(delimiter)
                if len(row) > _MOST_COLUMNS:
                    raise DataError(
                        f"{quoted(self.name)} has a line of {len(row):,} columns: expected at most "
                        f"{_MOST_COLUMNS:,}"
                    )
                if len(row) > 1 or any(map(str.strip, row)):
                    yield row
        except UnicodeDecodeError as error:
            raise DataError(f"{quoted(self.name)} is no CSV in UTF-8: save it with that encoding") from error
        except csv.Error as error:
            raise DataError(
                f"line {number:,} of {quoted(self.name)} is no CSV ({error}): expected a line an image, "
                "its quotes closed"
            ) from error

    def _lines(self) -> Iterator[str]:
        """Yield the lines, none too long."""
        self._file = io.TextIOWrapper(self._opened(), "utf-8-sig", newline="")
        while line := self._file.readline(_LONGEST_LINE + 1):
            if "\0" in line:
                raise DataError(f"{quoted(self.name)} holds zero bytes: expected a table in UTF-8 text")
            if len(line) > _LONGEST_LINE:
                raise DataError(
                    f"{quoted(self.name)} has a line of more than {_LONGEST_LINE:,} characters: too long"
                )
            yield line

    def _told_delimiter(self) -> str:
        """Return the delimiter that gives the first lines the most columns, as many in each."""
        widths = {}
        for delimiter in _DELIMITERS:
            try:
                found = {len(row) for row in islice(self._records(delimiter), _TOLD_BY)}
            except DataError:
                # A quote that another delimiter puts within a cell; the right one meets its own errors again.
                found = set()
            widths[delimiter] = found.pop() if len(found) == 1 else 0
        most = max(widths.values())
        if most < 2:
            start = self._head[self._start :][:4096]
            return max(_DELIMITERS, key=lambda delimiter: start.count(delimiter.encode()))
        told = [delimiter for delimiter, width in widths.items() if width == most]
        if len(told) > 1:
            raise DataError(
                f"{quoted(self.name)} has as many columns by {listed(told)}: put cells with these in quotes"
            )
        return told[0]

    def _is_headed(self, start: list[list[str]]) -> bool:
        """Return whether the first row names the columns, refusing where it may."""
        first = [cell.strip() for cell in start[0]]
        if self._packed is not None:
            return not _is_packed(first[self._packed])
        numbers = [cell for cell in first if _NUMBER.fullmatch(cell)]
        if not numbers:
            # Cells that are mostly the same, such as NA, are no names.
            return 2 * len(set(first)) > len(first) and not any(map(is_image, first))
        runs = _is_run(numbers) or _counts_again(first)
        # An empty corner is no label, nor is a word for one beside so many numbers in a row.
        called = len(numbers) >= _A_RUN and any(
            cell and key(cell) in LABEL_NAMES | COUNT_NAMES for cell in first
        )
        if not runs and not (called and len({*numbers}) == len(numbers)):
            return False
        beyond = len(numbers) == len(first) and not all(map(is_byte, first))
        if not runs or (first[0] and not called and not beyond):
            raise DataError(
                f"{quoted(self.name)} begins with {quoted(','.join(first[:4]), 40)}: names or an "
                f"image? Say {HEADER}"
            )
        return True


def is_table(name: str) -> bool:
    """Return whether a file is a table by its name."""
    return name.lower().removesuffix(".gz").endswith(SUFFIXES)


def table_at(path: Path, name: str, columns: ColumnChoice) -> DelimitedTable:
    """Return the table in a file, plain or gzip."""
    return DelimitedTable(read_file(path, name, MAX_ARRAY_BYTES), name, columns.header)


def key(name: str) -> str:
    """Return a column's name as it is compared; NumPy begins its header with #."""
    return name.lstrip("# ").lower()


def is_byte(cell: str) -> bool:
    """Return whether a cell is a whole number from 0 to 255."""
    return is_whole(cell) and 0 <= float(cell) <= 255


def is_whole(cell: str) -> bool:
    """Return whether a cell is a whole number, written as a float or not."""
    return bool(_NUMBER.fullmatch(cell.strip())) and float(cell).is_integer()


def is_image(cell: str) -> bool:
    """Return whether a cell is the name of an image file."""
    return cell.strip().lower().endswith(IMAGES)


def _utf_8(data: bytes, name: str) -> bytes:
    try:
        return data.decode("utf-16").encode()
    except UnicodeError as error:
        raise DataError(f"{quoted(name)} is no CSV in UTF-16: save it in UTF-8") from error


def _remarks(data: bytes) -> int:
    """Return how many bytes of remarks come first: sep=; and # lines, but NumPy's names of the columns."""
    end = 0
    while remark := _REMARK.match(data, end):
        line, after = remark.groups()
        if line[:1] == b"#" and any(line.count(one) == after.count(one) > 0 for one in _DELIMITERS.encode()):
            break
        end = remark.end()
    return end


def _is_packed(cell: str) -> bool:
    numbers = cell.split()
    return len(numbers) > 1 and all(map(is_byte, numbers))


def _is_run(cells: Sequence[str]) -> bool:
    """Return whether cells count from 0 or 1, in any order, but for up to two before them and one behind."""
    if len({*cells}) < len(cells) - 3:
        return False
    for before in range(3):
        for behind in range(2):
            inner = cells[before : len(cells) - behind]
            if len(inner) > (len(cells) > 2):
                counted = {*map(str, range(len(inner) + 1))}
                if counted - {*inner} in ({"0"}, {str(len(inner))}):
                    return True
    return False


def _counts_again(cells: Sequence[str]) -> bool:
    """Return whether cells are a row of numbers that pandas made names of: 0, 0.1, 0.2, 7, 0.3."""
    seen: dict[str, int] = {}
    for cell in cells:
        match = _NUMBERED_AGAIN.fullmatch(cell)
        if match is None or (match[2] or "0") != str(seen.get(match[1], 0)) or match[2] == "0":
            return False
        seen[match[1]] = seen.get(match[1], 0) + 1
    return max(seen.values(), default=0) > 1
