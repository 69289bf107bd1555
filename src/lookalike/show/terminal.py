"""Rich renderables for terminals: tables, images of two pixels a character, the numbers of one image.

Where there are colours, the upper half block shows one pixel in its own colour and the one below as its
background. Where there are none (``NO_COLOR``, a pipe, a terminal of 16 colours), characters shade instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from lookalike.images import to_unit
from lookalike.show.columns import Column, Form, Table
from lookalike.show.images import as_bytes, shrunk
from lookalike.text import plain

Segments = list[Segment]

_GAP = 2
_SMALL = 16  # images up to this edge are drawn with two columns a pixel, or they are too small to see
_LEAST_EDGE = 12  # smaller pictures say nothing
_LONGEST_CAPTION = 24
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:-=+*#%@"
_CHANNELS = {2: ("gray", "opacity"), 3: ("red", "green", "blue"), 4: ("red", "green", "blue", "opacity")}
_INDEX = Style(bold=True)
_PLAIN = Style()


class FittedTable:
    """A table that fits, as a Rich renderable: print it with ``crop=False``.

    Where a terminal is too narrow, the least important columns are left out, then texts are folded between
    words. What is wider even so is left to the terminal: names and figures are never cut. No line ends in
    spaces.
    """

    def __init__(self, table: Table, form: Form = "terminal") -> None:
        self.table = table
        self.form = form

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the header and of each row."""
        drawn = [_DrawnColumn(column, self.table, self.form) for column in self.table.of(self.form)]
        kept = _that_fit(drawn, options.max_width)
        widths = _widths(kept, options.max_width)
        for place in range(-1, len(self.table.rows)):
            cells = [
                list(
                    one.cells[place].wrap(console, width, overflow="fold")
                    if one.column.folds
                    else one.cells[place].split("\n", allow_blank=True)
                )
                for one, width in zip(kept, widths, strict=True)
            ]
            yield from _lines(cells, kept, widths, bottom=place == -1)


class _DrawnColumn:
    """A column with its cells as text; the last one, at -1, is its heading."""

    def __init__(self, column: Column, table: Table, form: Form) -> None:
        self.column = column
        self.cells = [_styled(column.text(row, form), table.style(row, column.key)) for row in table.rows]
        heading = column.heading.replace("\n", "\n" if form == "terminal" else " ")
        self.cells.append(Text(heading + (f"\n({column.under})" if column.under else ""), style="dim"))

    def width(self) -> int:
        """Return how many columns of a terminal the longest line takes."""
        return max(line.cell_len for cell in self.cells for line in cell.split("\n"))

    def least(self) -> int:
        """Return how many it takes when it is folded: its longest word."""
        return max((Text(word).cell_len for cell in self.cells for word in cell.plain.split()), default=0)


def _styled(written: str, style: str) -> Text:
    """Return a cell in its style; what stands below its first line is dim."""
    first, *below = written.split("\n")
    return Text.assemble((first, style), *((f"\n{line}", "dim") for line in below))


def _that_fit(columns: Sequence[_DrawnColumn], width: int) -> list[_DrawnColumn]:
    """Return the columns without the least important ones, where not all fit."""
    kept = list(columns)
    while _total([one.width() for one in kept]) > width and any(one.column.goes for one in kept):
        kept.remove(max(kept, key=lambda one: one.column.goes))
    return kept


def _widths(columns: list[_DrawnColumn], width: int) -> list[int]:
    """Return how wide each column is: texts that may be folded give what is missing."""
    widths = [one.width() for one in columns]
    for place, one in enumerate(columns):
        if one.column.folds:
            missing = max(0, _total(widths) - width)
            widths[place] = max(one.least(), widths[place] - missing)
    return widths


def _total(widths: list[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _lines(
    cells: list[list[Text]], columns: list[_DrawnColumn], widths: list[int], bottom: bool
) -> Iterator[Text]:
    """Yield the lines of one row; headings stand on the bottom."""
    most = max(map(len, cells))
    if bottom:
        cells = [[Text()] * (most - len(lines)) + lines for lines in cells]
    for parts in zip_longest(*cells):
        line = Text(no_wrap=True, overflow="ignore")
        for part, one, width in zip(parts, columns, widths, strict=True):
            written = Text() if part is None else part
            written.rstrip()
            space = " " * (width - written.cell_len)
            left = one.column.kind.left
            line.append_text(Text.assemble(written, space) if left else Text.assemble(space, written))
            line.append(" " * _GAP)
        line.rstrip()
        yield line


class ImageGrid:
    """Images side by side, as a Rich renderable: ``console.print(ImageGrid(images, captions))``.

    Sizes may differ. Images, uint8 or floats in 0-1, that are wider than the terminal are averaged down, and
    so are they where all fit the terminal's height then; else where one alone is higher than it.
    Captions stand below; untrusted text is fine. They are cut where longer than the image and 24 columns.
    """

    def __init__(self, images: Sequence[NDArray[Any]], captions: Sequence[str]) -> None:
        self.images = images
        self.captions = captions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the grid's segments, at most ``options.max_width`` columns wide."""
        for band in _bands(self._cells(console, options), options.max_width):
            height = max(map(len, band))
            for row in range(height):
                for number, cell in enumerate(band):
                    if number:
                        yield Segment(" " * _GAP)
                    above = height - len(cell)  # shorter pictures keep their captions at the bottom
                    space = [Segment(" " * Segment.get_line_length(cell[0]))]
                    yield from cell[row - above] if row >= above else space
                yield Segment.line()

    def _cells(self, console: Console, options: ConsoleOptions) -> list[list[Segments]]:
        """Return the pictures with their captions, as large as fits."""
        width, shades = options.max_width, _shades(console, options)

        def drawn(edge: int, doubled: bool) -> list[list[Segments]]:
            return [
                _captioned(_drawn(image, edge, shades, doubled), plain(caption), width)
                for image, caption in zip(self.images, self.captions, strict=True)
            ]

        usual = drawn(width, True)
        if not console.is_terminal or not self.images:
            return usual
        # A line for what is said above, and one for what is typed below.
        height, longest = options.size.height - 2, max(max(image.shape[:2]) for image in self.images)
        fitting = usual
        for edge, doubled in [(width, True), *((-(-longest // part), False) for part in range(1, longest))]:
            if edge < min(_LEAST_EDGE, longest):
                break
            cells = usual if doubled else drawn(min(edge, width), False)
            if sum(max(map(len, band)) for band in _bands(cells, width)) <= height:
                return cells
            if max(map(len, fitting)) > height:
                fitting = cells
        return fitting


def has_colours(console: Console) -> bool:
    """Return whether ``console`` shows 256 colours or more, and neither NO_COLOR nor a pipe is in the way."""
    return not console.no_color and console.color_system in ("256", "truecolor")


def _shades(console: Console, options: ConsoleOptions) -> str | None:
    """Return the characters to shade with, darkest first, or None where there are colours."""
    if options.ascii_only:
        return _ASCII_SHADES
    return None if has_colours(console) else _SHADES


def _drawn(image: NDArray[Any], edge: int, shades: str | None, doubled: bool) -> list[Segments]:
    """Return one image as lines of segments no wider than ``edge``; small ones may be twice as large."""
    small = doubled and max(image.shape[:2]) <= _SMALL and 2 * image.shape[1] <= edge
    too_large = image.shape[1] > edge or (not doubled and image.shape[0] > edge)
    colours = _flattened(shrunk(image, edge) if too_large else as_bytes(image))
    if shades is not None:
        return _shaded(colours, shades, small)
    if small:
        colours = colours.repeat(2, axis=0).repeat(2, axis=1)
    return list(_half_blocks(colours))


def _flattened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)`` colours; what is transparent is drawn on black."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.shape[2] in (2, 4):
        colours, opacity = pixels[..., :-1], pixels[..., -1:].astype(np.float64) / 255
        pixels = np.rint(colours * opacity).astype(np.uint8)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def _half_blocks(colours: NDArray[np.uint8]) -> Iterator[Segments]:
    """Yield lines of upper half blocks, each two rows of pixels."""
    for upper, lower in zip_longest(colours[::2].tolist(), colours[1::2].tolist()):
        pairs = zip_longest(map(tuple, upper), map(tuple, lower or ()))
        yield list(Segment.simplify(Segment("▀", _style(*pair)) for pair in pairs))


@lru_cache(maxsize=4096)
def _style(above: tuple[int, int, int], below: tuple[int, int, int] | None) -> Style:
    """Return the style that shows one pixel above another."""
    return Style.from_color(Color.from_rgb(*above), Color.from_rgb(*below) if below else None)


def _shaded(colours: NDArray[np.uint8], shades: str, small: bool) -> list[Segments]:
    """Return lines of shade characters: two columns a pixel if ``small``, else two rows of pixels a line."""
    gray = colours.astype(np.float64).mean(axis=-1)
    if small:
        gray = gray.repeat(2, axis=1)
    else:
        starts = np.arange(0, len(gray), 2)
        gray = np.add.reduceat(gray, starts) / np.diff(starts, append=len(gray))[:, None]
    levels = np.rint(gray * (len(shades) - 1) / 255).astype(int)
    return [[Segment("".join(shades[level] for level in row))] for row in levels.tolist()]


def _captioned(lines: list[Segments], caption: str, width: int) -> list[Segments]:
    """Return the lines of one picture with its caption below, all of one width."""
    drawn = Segment.get_line_length(lines[0])
    columns = min(max(drawn, min(cell_len(caption), _LONGEST_CAPTION)), width)
    if cell_len(caption) > columns:
        caption = set_cell_size(caption, max(columns - 1, 0)).rstrip() + "…"
    text = [Segment(set_cell_size(caption, columns))]
    return [Segment.adjust_line_length(line, columns) for line in (*lines, text)]


def _bands(cells: list[list[Segments]], width: int) -> Iterator[list[list[Segments]]]:
    """Yield as many pictures at a time as fit beside each other."""
    band: list[list[Segments]] = []
    used = 0
    for cell in cells:
        columns = Segment.get_line_length(cell[0])
        if band and used + _GAP + columns > width:
            yield band
            band, used = [], 0
        used += columns + (_GAP if band else 0)
        band.append(cell)
    if band:
        yield band


class PixelTable:
    """The numbers of one image, as a Rich renderable: ``console.print(PixelTable(image))``.

    Bytes are printed as they are, floats with two decimals. Each cell's background is its value as a gray;
    without colours only the numbers are there. Where a terminal is too narrow for all columns they follow in
    blocks; a file or pipe gets them all in one (print with ``soft_wrap=True``, or Rich crops them). A colour
    image has a table for each channel. It is uint8, or floats in 0-1.
    """

    def __init__(self, image: NDArray[Any]) -> None:
        self.image = image

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table's segments, on a terminal in blocks of columns that fit ``options.max_width``."""
        coloured = has_colours(console)
        width = options.max_width if console.is_terminal else None
        planes = self.image[..., None] if self.image.ndim == 2 else self.image
        names = _CHANNELS.get(planes.shape[2], ("",))
        for channel, name in enumerate(names):
            if name:
                yield from (Segment(name, _INDEX), Segment.line())
            yield from _numbers(planes[..., channel], width, coloured)


def _numbers(plane: NDArray[Any], width: int | None, coloured: bool) -> RenderResult:
    """Yield one channel's table."""
    rows, columns = plane.shape
    digits = 4 if plane.dtype.kind == "f" else 3
    cell = max(digits, len(str(columns - 1))) + 1
    margin = len(str(rows - 1))
    fit = columns if width is None else max(1, (width - margin) // cell)
    gray = np.rint(to_unit(plane) * 255).astype(int)
    for start in range(0, columns, fit):
        block = range(start, min(start + fit, columns))
        yield from (
            Segment(" " * margin + "".join(f"{column:{cell}}" for column in block), _INDEX),
            Segment.line(),
        )
        for row in range(rows):
            yield Segment(f"{row:{margin}}", _INDEX)
            for column in block:
                text = _number(plane[row, column], digits).rjust(cell)
                yield Segment(text, _shade(int(gray[row, column])) if coloured else _PLAIN)
            yield Segment.line()


def _number(value: Any, digits: int) -> str:
    """Return one value as people read it."""
    return f"{value:.{digits - 2}f}" if isinstance(value, np.floating) else str(int(value))


@lru_cache(maxsize=256)
def _shade(gray: int) -> Style:
    """Return the style of a cell: its value as background, black or white on it, whichever is clearer."""
    return Style(color="#000000" if gray > 127 else "#ffffff", bgcolor=f"#{gray:02x}{gray:02x}{gray:02x}")
