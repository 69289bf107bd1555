"""The numbers of one image as a table, each cell shaded by its value."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from lookalike.images import to_unit
from lookalike.picture.halfblocks import has_colours

_CHANNELS = {
    2: ("gray", "opacity"),
    3: ("red", "green", "blue"),
    4: ("red", "green", "blue", "opacity"),
}
_INDEX = Style(bold=True)
_PLAIN = Style()


class PixelTable:
    """The numbers of one image, as a Rich renderable: ``console.print(PixelTable(image))``.

    Bytes are printed as they are, floats with two decimals. Each cell's background is its value as a gray;
    without colours only the numbers are there. Where a terminal is too narrow for all columns they follow in
    blocks; a file or pipe gets them all in one (print with ``soft_wrap=True``, or Rich crops them). A colour
    image has a table for each channel.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        uint8, or floats in 0-1.

    Examples
    --------
    >>> import numpy as np
    >>> from rich.console import Console
    >>> from lookalike.picture.numbers import PixelTable
    >>> image = np.array([[0, 255], [7, 16]], np.uint8)
    >>> Console(width=20, color_system=None).print(PixelTable(image))
        0   1
    0   0 255
    1   7  16
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
            yield from _table(planes[..., channel], width, coloured)


def _table(plane: NDArray[Any], width: int | None, coloured: bool) -> RenderResult:
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
