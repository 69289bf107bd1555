"""CSV in the form of Kaggle's digits: a label, then the pixels, one image a line; a header may be missing."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source
from lookalike.data.pixels import Size
from lookalike.data.readers.listing import Listing, numbered
from lookalike.errors import DataError
from lookalike.files import MAX_ARRAY_BYTES, MAX_NAME, MAX_PIXELS, plain_bytes, read_file
from lookalike.progress import Progress
from lookalike.text import quoted

_EXPECTED = "expected the columns label,pixel0,pixel1,..."
_UNLABELLED = "expected the columns pixel0,pixel1,..."
_NO_NUMBERS = str.maketrans("", "", "0123456789,")

# About so many lines are parsed at once, so that text and wider numbers are never held for all.
_LINES = 2000


def from_file(
    path: Path, name: str, head: bytes, size: Size | None, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listing of a CSV of labels and pixels, images named by line; None for another file's name.

    ``size`` is height and width, needed where the number of pixels is no square; where it has another number
    of pixels than a line, images are read as squares.
    """
    if not path.name.lower().removesuffix(".gz").endswith(".csv"):
        return None
    lines, length = _opened(path, name, _EXPECTED)
    columns = lines.readline().strip().split(",")
    if not _is_label(columns[0]):
        if len(columns) < 2 or not all(_is_byte(pixel.strip()) for pixel in columns[1:]):
            begin = quoted(",".join(columns[:3]), 40)
            raise DataError(f"{quoted(name)} begins with the columns {begin}: {_EXPECTED}")
        lines.seek(0)
    shape = _shape(len(columns) - 1, size, name)
    labels: list[str] = []
    blocks: list[NDArray[np.uint8]] = []
    for first, rows in _rows(lines, shape, name):
        progress("reading CSV", lines.tell(), length)
        cells = [row.partition(",") for row in rows]
        labels += [_label(label, name, first + index) for index, (label, _, _) in enumerate(cells)]
        blocks.append(_pixels([pixels for _, _, pixels in cells], shape, name, first))
    source = Source(name, "train", "CSV")
    return {"train": numbered(np.array(labels, np.str_), np.concatenate(blocks), source)}


def unlabelled(path: Path, name: str, size: Size) -> Iterator[NDArray[np.uint8]]:
    """Yield the images ``(n, h, w)`` of a CSV of pixels, some at a time; its size as in :func:`from_file`.

    A first column called ``label`` is left out; without a header, a first column is taken for labels where
    the others make an image of ``size``.
    """
    lines, _ = _opened(path, name, _UNLABELLED)
    columns = lines.readline().strip().split(",")
    labelled = _is_label(columns[0])
    if all(_is_byte(cell.strip()) for cell in columns[1:]):
        labelled = len(columns) - 1 == size[0] * size[1]
        lines.seek(0)
    shape = _shape(len(columns) - labelled, size, name)
    for first, rows in _rows(lines, shape, name):
        yield _pixels([row.partition(",")[2] if labelled else row for row in rows], shape, name, first)


def _opened(path: Path, name: str, expected: str) -> tuple[io.StringIO, int]:
    """Return the text of a CSV, plain or gzip, and its length."""
    data = plain_bytes(read_file(path, name, MAX_ARRAY_BYTES), name, MAX_ARRAY_BYTES)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{quoted(name)} is no CSV in UTF-8: {expected}") from error
    return io.StringIO(text), len(text)


def _is_label(cell: str) -> bool:
    return cell.strip().strip('"').lower() == "label"


def _shape(pixels: int, size: Size | None, name: str) -> Size:
    """Return height and width: the given size if it has so many pixels, else a square."""
    if not 1 <= pixels <= MAX_PIXELS:
        raise DataError(f"{quoted(name)} has {pixels:,} pixels a line: expected 1 to {MAX_PIXELS:,}")
    if size is not None and size[0] * size[1] == pixels:
        return size
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise DataError(
            f"{quoted(name)} has {pixels:,} pixels a line, which is no square: "
            "give size=(height, width) with that many, on the command line --size HEIGHTxWIDTH"
        )
    return side, side


def _rows(lines: io.StringIO, shape: Size, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield some of the lines that are left, without spaces, after the number of those before them."""
    first = 0
    while block := lines.readlines(_LINES * (2 * shape[0] * shape[1] + 2)):
        rows = [line.strip().replace(" ", "") for line in block if line.strip()]
        if rows:
            yield first, rows
        first += len(rows)
    if not first:
        raise DataError(f"{quoted(name)} holds no image: expected a line for each")


def _label(text: str, name: str, image: int) -> str:
    label = text.strip().strip('"')
    if not 0 < len(label) <= MAX_NAME or not label.isprintable():
        raise DataError(f"image {image} in {quoted(name)} has the label {quoted(label, 40)}: {_EXPECTED}")
    return label


def _pixels(rows: list[str], shape: Size, name: str, first: int) -> NDArray[np.uint8]:
    """Return the images of some lines, every pixel checked."""
    count = shape[0] * shape[1]
    for index, row in enumerate(rows):
        found = row.count(",") + 1 if row else 0
        if found != count:
            raise DataError(
                f"image {first + index} in {quoted(name)} has {found:,} pixels: "
                f"expected {count:,} as in the first line"
            )
    text = ",".join(rows)
    plain = not text.translate(_NO_NUMBERS) and ",," not in f",{text},"
    values = np.fromstring(text, np.int64, sep=",") if plain else np.empty(0, np.int64)
    if not plain or values.max() > 255:
        pixels = text.split(",")
        bad = next(place for place, pixel in enumerate(pixels) if not _is_byte(pixel))
        raise DataError(
            f"image {first + bad // count} in {quoted(name)} has the pixel {quoted(pixels[bad], 40)}: "
            "expected whole numbers from 0 to 255"
        )
    return values.astype(np.uint8).reshape(-1, *shape)


def _is_byte(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) <= 255
