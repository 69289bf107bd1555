"""Tables of pixels, an image a line: labels first, last or by name, as Kaggle, pandas, R, FER write them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source
from lookalike.data.readers.delimited import (
    COUNT_NAMES,
    LABEL,
    LABEL_NAMES,
    PART_NAMES,
    ColumnChoice,
    DelimitedTable,
    is_byte,
    is_image,
    is_whole,
    key,
)
from lookalike.data.readers.listing import Listing, checked_class, class_array, numbered, parts_of
from lookalike.data.sizes import Size
from lookalike.errors import DataError
from lookalike.progress import Progress, silent
from lookalike.text import listed, quoted

_NO_NUMBERS = str.maketrans("", "", "0123456789,")
_NO_FLOATS = str.maketrans("", "", "0123456789,.eE+-")

_DIGITS = re.compile(r"[0-9]+")

# The labels' column is spread unlike the pixels beside it: by this much of the distribution, and twice as
# much as the pixels' own columns. One that holds little but one value may be a pixel's all the same, and of
# a few rows nothing is told.
_UNLIKE, _ONE_VALUE, _FEWEST = 0.5, 0.9, 10


class _Roles(NamedTuple):
    """What the columns of a table are."""

    pixels: list[int]  # in the order of the image
    label: int | None
    part: int | None = None
    sure: bool = True  # else an index or the labels may be the first or last of ``pixels``
    notes: tuple[str, ...] = ()


def from_table(
    table: DelimitedTable, columns: ColumnChoice, size: Size | None, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listings of a table of labels and pixels, images named by their row; None without labels.

    ``size`` is height and width, needed where the number of pixels is no square; where it has another number
    of pixels than a line, images are read as squares.
    """
    read = _Read(table, columns, size, True, progress)
    if read.roles.label is None:
        return None
    labels = [
        checked_class(text, f"image {at} in {quoted(table.name)}") for at, text in enumerate(read.labels)
    ]
    listing = numbered(
        class_array(labels, table.name), read.images, Source(table.name, "train", "CSV", read.roles.notes)
    )
    return parts_of(listing, None if read.roles.part is None else read.texts[read.roles.part])


def unlabelled(
    table: DelimitedTable, columns: ColumnChoice, size: Size
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the images ``(n, h, w)`` of a table as :func:`from_table` does, and notes; labels or none."""
    read = _Read(table, columns, size, False, silent)
    return read.images, read.roles.notes


class _Read:
    """A table that was read: columns that may be no pixels are kept as text until all rows are there."""

    def __init__(
        self,
        table: DelimitedTable,
        columns: ColumnChoice,
        size: Size | None,
        labelled: bool,
        progress: Progress,
    ) -> None:
        self.name, self._size, self._labelled = table.name, size, labelled
        roles = _roles(table, columns, labelled)
        open_ends = set() if roles.sure else {*roles.pixels[:2], *roles.pixels[-1:]}
        inner = [at for at in roles.pixels if at not in open_ends]
        self._places = {at: place for place, at in enumerate(inner)}
        others = open_ends | ({*range(table.width)} - {*roles.pixels} & {roles.label, roles.part})
        self.texts: dict[int, list[str]] = {at: [] for at in others}
        blocks = []
        known: dict[str, str] = {}  # what comes again and again is kept once
        for first, rows in table.blocks():
            progress("reading CSV", table.place(), len(table))
            for at, texts in self.texts.items():
                cells = (row[at].strip() for row in rows)
                texts += [known.setdefault(cell, cell) for cell in cells]
            blocks.append(self._numbers(_cells(rows, inner), len(inner), first, len(rows)))
        self._inner = np.concatenate(blocks)
        self.roles, shape = self._decided(roles, columns.label)
        self.images = self._images(self.roles.pixels, shape)
        self.labels = [] if self.roles.label is None else self._labels(self.texts[self.roles.label])

    def _numbers(self, cells: list[str], width: int, first: int, rows: int) -> NDArray[np.uint8]:
        """Return the cells of some rows as pixels, every one checked."""
        text = ",".join(cells)
        whole = not text.translate(_NO_NUMBERS)
        if not cells:
            return np.empty((rows, 0), np.uint8)
        if (whole or not text.translate(_NO_FLOATS)) and ",," not in f",{text},":
            try:
                values = np.fromstring(text, np.int64 if whole else np.float64, sep=",")
            except (ValueError, DeprecationWarning):
                values = np.empty(0)
            if len(values) == len(cells) and values.min() >= 0 and values.max() <= 255:
                pixels = values.astype(np.uint8)
                if whole or (pixels == values).all():
                    return pixels.reshape(rows, width)
        bad = next((place for place, cell in enumerate(cells) if not is_byte(cell)), None)
        if bad is not None:
            raise DataError(_no_pixel(self.name, first + bad // width, cells[bad]))
        return np.array([int(float(cell)) for cell in cells], np.uint8).reshape(rows, width)

    def _column(self, at: int) -> NDArray[np.uint8] | None:
        """Return a column as pixels; None where some of its cells are none."""
        if at in self._places:
            return self._inner[:, self._places[at]]
        values = {text: int(float(text)) for text in set(self.texts[at]) if is_byte(text)}
        if not values.keys() >= set(self.texts[at]):
            return None
        return np.array([values[text] for text in self.texts[at]], np.uint8)

    def _images(self, pixels: list[int], shape: Size) -> NDArray[np.uint8]:
        """Return the images that columns make."""
        if pixels == [*self._places]:
            return self._inner.reshape(-1, *shape)
        images = np.empty((len(self._inner), len(pixels)), np.uint8)
        for place, at in enumerate(pixels):
            column = self._column(at)
            if column is None:
                bad, text = next((row, text) for row, text in enumerate(self.texts[at]) if not is_byte(text))
                raise DataError(_no_pixel(self.name, bad, text))
            images[:, place] = column
        return images.reshape(-1, *shape)

    def _labels(self, texts: list[str]) -> list[str]:
        """Return the labels as they are written, but 3.0 as 3: so pandas writes numbers where one lacked."""
        numbers = {text: str(int(float(text))) for text in {*texts} if is_whole(text) and "." in text}
        if len({*numbers.values()}) == len({*texts}):
            return [numbers[text] for text in texts]
        return texts

    def _decided(self, roles: _Roles, said: str | None) -> tuple[_Roles, Size]:
        """Return what the columns are by all rows, and the height and width of the images."""
        pixels, known = roles.pixels, roles.label is not None or said == "none"
        # Up to two columns more than pixels: what counts the rows, and the labels where no name told them.
        least = 1 if self._labelled or said is not None else 0
        tries = ((0,),) if roles.sure else ((0, 1),) if known else ((1, 2), (0,)) if least else ((0, 1, 2),)
        extra, shape = self._extra(len(pixels), tries)
        if extra == 2 or (extra == 1 and known):
            if not _is_index(self.texts[pixels[0]]):
                raise DataError(_no_square(self.name, len(pixels) - (not known), None))
            pixels = pixels[1:]
        if extra == 0 or known:
            return roles._replace(pixels=pixels), shape
        if said is not None:
            at = pixels[0 if said == "first" else -1]
            return roles._replace(pixels=[one for one in pixels if one != at], label=at), shape
        at = self._unlike_pixels(pixels, shape[1])
        label: int | None = at
        if at == pixels[0] and extra == 1 and _is_index(self.texts[at]):
            if self._labelled:
                raise DataError(
                    f"the first column of {quoted(self.name)} is another in each line: say whether it is the "
                    f"label, {LABEL}"
                )
            label = None
        where = "last" if at == pixels[-1] else "first" if extra == 1 else "second"
        note = f"The {where} column was taken for the labels: its values are unlike the pixels' beside it."
        pixels = [one for one in pixels if one != at]
        return roles._replace(pixels=pixels, label=label, notes=(*roles.notes, note)), shape

    def _extra(self, count: int, tries: Sequence[Sequence[int]]) -> tuple[int, Size]:
        """Return how many columns are no pixels, such that the others make an image, and its shape."""
        for extras in tries:
            for extra in extras:
                if self._size is not None and self._size[0] * self._size[1] == count - extra:
                    return extra, self._size
            for extra in extras:
                side = math.isqrt(max(0, count - extra))
                if side and side * side == count - extra:
                    return extra, (side, side)
        raise DataError(_no_square(self.name, max(0, count - tries[0][0]), self._size))

    def _unlike_pixels(self, pixels: list[int], width: int) -> int:
        """Return which of the first and the last column holds no pixels, refusing where that is not clear."""
        ends = pixels[0], pixels[-1]
        # Beside it, and in the next row of the image.
        near = (
            (pixels[1], pixels[min(width, len(pixels) - 2)]),
            (pixels[-2], pixels[max(1, len(pixels) - 1 - width)]),
        )
        columns = [self._column(at) for at in ends]
        others = [at for at, column in zip(ends, columns, strict=True) if column is None]
        if len(others) == 1:
            return others[0]
        apart = [
            min((_apart(column, one) for one in map(self._column, beside) if one is not None), default=1.0)
            for column, beside in zip(columns, near, strict=True)
            if column is not None
        ]
        chosen = int(len(apart) == 2 and apart[1] > apart[0])
        if (
            not apart
            or apart[chosen] < max(_UNLIKE, 2 * apart[1 - chosen])
            or not _like_labels(columns[chosen])
        ):
            raise DataError(
                f"{quoted(self.name)} may have its labels in the first column or the last: say which, {LABEL}"
            )
        return ends[chosen]


def _roles(table: DelimitedTable, columns: ColumnChoice, labelled: bool) -> _Roles:
    """Return what the columns are by their names and by what the user said."""
    said = columns.label
    roles = _Roles([*range(table.width)], None, sure=False)
    if table.names is not None:
        roles = _by_names(table, table.names, None, labelled and said is None)
    if said is None or (said in ("first", "last") and not roles.sure):
        return roles
    if said == "none":
        return roles._replace(label=None)
    return _by_names(table, table.names or [], label_at(table, said), False)


def label_at(table: DelimitedTable, said: str) -> int:
    """Return the column that the user calls the labels'; what counts the rows is not the first."""
    names = table.names or [" "] * table.width
    others = [at for at, name in enumerate(names) if key(name) not in COUNT_NAMES]
    matches = [at for at, name in enumerate(names) if said in (name, key(name))]
    if said in ("first", "last"):
        matches = others[:1] if said == "first" else others[-1:]
    if len(matches) != 1:
        known = f"its columns are {listed(table.names)}" if table.names else "nothing names its columns"
        raise DataError(f"{quoted(table.name)} has no one column {quoted(said)} ({known}): say {LABEL}")
    return matches[0]


def _by_names(table: DelimitedTable, names: Sequence[str], said: int | None, labelled: bool) -> _Roles:
    """Return what the columns are by their names; pixels are those that are called alike but for a number."""
    keys = [key(name) for name in names]
    labels = [at for at, one in enumerate(keys) if one in LABEL_NAMES] if said is None else [said]
    parts = [at for at, one in enumerate(keys) if one in PART_NAMES and at != said]
    named = LABEL_NAMES | PART_NAMES | COUNT_NAMES
    rest = [at for at, one in enumerate(keys) if one not in named and at != said]
    patterns = [_DIGITS.sub("#", keys[at]) for at in rest]
    most, count = Counter(patterns).most_common(1)[0] if patterns else ("", 0)
    alike = "#" in most and 2 * count > len(rest)
    run = [at for at, one in zip(rest, patterns, strict=True) if one == most] if alike else rest
    if alike and not _are_by_columns([keys[at] for at in run]):
        # Some programs sort columns as texts: pixel1, pixel10, pixel11, or 1x1, 1x10, 1x11.
        run.sort(key=lambda at: (_numbers_in(keys[at]), keys[at]))
    odd = listed(names[at] for at in sorted({*rest} - {*run}))
    if labelled and (len(labels) > 1 or (odd and not labels)):
        found = listed(names[at] for at in labels) if labels else f"{odd} beside its pixels"
        raise DataError(f"{quoted(table.name)} has the columns {found}: say which is the label, {LABEL}")
    notes = (f"Columns that are no pixels were left out: {odd}.",) if odd else ()
    # Names that count through say nothing of a label among them: V1 to V785.
    sure = bool(odd) or not alike or (said is None and bool(labels))
    return _Roles(run, labels[0] if labels else None, parts[0] if len(parts) == 1 else None, sure, notes)


def _are_by_columns(names: Sequence[str]) -> bool:
    """Return whether names of two numbers are in the order of the second, as where x comes before y."""
    if len(_DIGITS.findall(names[0])) != 2:
        return False
    pairs = [_numbers_in(name)[::-1] for name in names]
    return pairs == sorted(pairs)


def _numbers_in(name: str) -> list[tuple[int, str]]:
    """Return the numbers in a name as they are compared: by length, then digit by digit."""
    numbers = [digits.lstrip("0") for digits in _DIGITS.findall(name)]
    return [(len(number), number) for number in numbers]


def _cells(rows: list[list[str]], places: list[int]) -> list[str]:
    """Return the cells at some places, row after row."""
    if not places:
        return []
    first, last = places[0], places[-1] + 1
    if places == [*range(first, last)]:
        return list(chain.from_iterable([row[first:last] for row in rows]))
    pick = itemgetter(*places)
    return list(chain.from_iterable(map(pick, rows)))


def _apart(column: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Return how far the distributions of two columns are apart, 0 to 1 (Kolmogorov and Smirnov's)."""
    counts = [np.cumsum(np.bincount(one, minlength=256)) for one in (column, other)]
    return float(np.abs(counts[0] - counts[1]).max()) / len(column)


def _like_labels(column: NDArray[np.uint8] | None) -> bool:
    """Return whether values come again and again, and not one alone."""
    if column is None or len(column) < _FEWEST:
        return False
    counts = np.bincount(column)
    return bool(counts.max() <= _ONE_VALUE * len(column) and 2 * (counts > 0).sum() <= len(column))


def _is_index(texts: list[str]) -> bool:
    """Return whether a column may count or name the rows: another number or file in each."""
    return len(set(texts)) == len(texts) and (
        all(text.isascii() and text.isdecimal() for text in texts) or all(map(is_image, texts))
    )


def _no_pixel(name: str, image: int, cell: str) -> str:
    return (
        f"image {image} in {quoted(name)} has the pixel {quoted(cell, 40)}: "
        "expected whole numbers from 0 to 255"
    )


def _no_square(name: str, pixels: int, size: Size | None) -> str:
    if pixels < 1:
        return f"{quoted(name)} has {pixels:,} pixels a line: expected at least one"
    height, width = size or [math.isqrt(pixels // 3)] * 2
    if 3 * height * width == pixels:
        return (
            f"{quoted(name)} has {pixels:,} values a line, {height}x{width} of three colours: expected gray "
            "images; store colour as an array (n, height, width, 3) in an .npz file"
        )
    return (
        f"{quoted(name)} has {pixels:,} pixels a line, which is no square: "
        "give size=(height, width) with that many, on the command line --size HEIGHTxWIDTH"
    )
