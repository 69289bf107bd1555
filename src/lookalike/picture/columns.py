"""Tables for terminals of any width: what does not fit goes as a whole column, and nothing is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_GAP = 2


class Column(NamedTuple):
    r"""One column of a table.

    Attributes
    ----------
    header : str
        May have several lines, with ``\n`` between; untrusted text goes through ``plain`` first.
    cells : list of Text
        One for each row, with ``\n`` between lines.
    goes : int
        How early the column is left out where a terminal is narrow: the highest first, 0 never.
    left : bool
        It is text, and not figures that line up on the right.
    folds : bool
        Its text may be folded between words where all columns that may go are gone.
    """

    header: str
    cells: list[Text]
    goes: int = 0
    left: bool = False
    folds: bool = False

    def width(self) -> int:
        """Return how many columns of a terminal the longest line takes."""
        return max(line.cell_len for cell in (Text(self.header), *self.cells) for line in cell.split("\n"))

    def least(self) -> int:
        """Return how many it takes when it is folded: its longest word."""
        texts = [self.header, *(cell.plain for cell in self.cells)]
        return max((Text(word).cell_len for text in texts for word in text.split()), default=0)


class FittedTable:
    """A table that fits, as a Rich renderable: print it with ``crop=False``.

    Where a terminal is too narrow, the least important columns are left out, then texts are folded between
    words. What is wider even so is left to the terminal: names and figures are never cut. No line ends in
    spaces.

    Parameters
    ----------
    columns : sequence of Column
        From left to right.
    header_style : str, default="dim"
        Rich's.

    Examples
    --------
    >>> from rich.console import Console
    >>> from rich.text import Text
    >>> from lookalike.picture.columns import Column, FittedTable
    >>> table = FittedTable([
    ...     Column("idea", [Text("mean image")], left=True, folds=True),
    ...     Column("right", [Text("0.8914")]),
    ...     Column("size", [Text("136.9 kB")], goes=1),
    ... ])
    >>> Console(width=40, color_system=None).print(table)
    idea         right      size
    mean image  0.8914  136.9 kB
    >>> Console(width=20, color_system=None).print(table)
    idea         right
    mean image  0.8914
    """

    def __init__(self, columns: Sequence[Column], header_style: str = "dim") -> None:
        self.columns = columns
        self.header_style = header_style

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the header and of each row."""
        columns = _that_fit(self.columns, options.max_width)
        widths = _widths(columns, options.max_width)
        headers = [Text(column.header, style=self.header_style) for column in columns]
        for cells, bottom in ((headers, True), *((row, False) for row in _rows(columns))):
            folded = [
                list(cell.wrap(console, width, overflow="fold"))
                if column.folds
                else list(cell.split("\n", allow_blank=True))
                for cell, column, width in zip(cells, columns, widths, strict=True)
            ]
            yield from _lines(folded, columns, widths, bottom)


def _that_fit(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns without the least important ones, where not all fit."""
    kept = list(columns)
    while _total([column.width() for column in kept]) > width and any(column.goes for column in kept):
        kept.remove(max(kept, key=lambda column: column.goes))
    return kept


def _widths(columns: list[Column], width: int) -> list[int]:
    """Return how wide each column is: texts that may be folded give what is missing."""
    widths = [column.width() for column in columns]
    for place, column in enumerate(columns):
        if column.folds:
            missing = max(0, _total(widths) - width)
            widths[place] = max(column.least(), widths[place] - missing)
    return widths


def _total(widths: list[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _rows(columns: list[Column]) -> Iterator[list[Text]]:
    for cells in zip(*(column.cells for column in columns), strict=True):
        yield list(cells)


def _lines(cells: list[list[Text]], columns: list[Column], widths: list[int], bottom: bool) -> Iterator[Text]:
    """Yield the lines of one row; headers stand on the bottom."""
    most = max(map(len, cells))
    if bottom:
        cells = [[Text()] * (most - len(lines)) + lines for lines in cells]
    for parts in zip_longest(*cells):
        line = Text(no_wrap=True, overflow="ignore")
        for part, column, width in zip(parts, columns, widths, strict=True):
            text = Text() if part is None else part
            text.rstrip()
            space = " " * (width - text.cell_len)
            line.append_text(Text.assemble(text, space) if column.left else Text.assemble(space, text))
            line.append(" " * _GAP)
        line.rstrip()
        yield line
