"""Images in the terminal: two pixels a character, side by side, captioned.

Where there are colours, the upper half block shows one pixel in its own colour and the one below as its
background. Where there are none (``NO_COLOR``, a pipe, a terminal of 16 colours), characters shade instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len, set_cell_size
from rich.color import Color
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style

from lookalike.picture.png import as_bytes, shrunk
from lookalike.picture.text import plain

Line = list[Segment]

_GAP = 2
_SMALL = 16  # images up to this edge are drawn with two columns a pixel, or they are too small to see
_LONGEST_CAPTION = 24
_SHADES = " ░▒▓█"
_ASCII_SHADES = " .:-=+*#%@"


class ImageGrid:
    """Images side by side, as a Rich renderable: ``console.print(ImageGrid(images, captions))``.

    Parameters
    ----------
    images : sequence of ndarray of shape (h, w) or (h, w, c)
        uint8, or floats in 0-1. Sizes may differ. Images that are wider than the terminal are averaged down.
    captions : sequence of str
        One for each image, below it; untrusted text is fine. Cut where longer than the image and than 24
        columns.

    Examples
    --------
    >>> import numpy as np
    >>> from rich.console import Console
    >>> from lookalike.picture.halfblocks import ImageGrid
    >>> image = np.array([[255, 0, 255], [0, 255, 255]], np.uint8)
    >>> Console(width=20, color_system=None).print(ImageGrid([image, image], ["left", "rights"]))
    ██  ██  ██  ██
      ████    ████
    left    rights
    """

    def __init__(self, images: Sequence[NDArray[Any]], captions: Sequence[str]) -> None:
        self.images = images
        self.captions = captions

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the grid's segments, at most ``options.max_width`` columns wide."""
        width = options.max_width
        cells = [
            _captioned(_drawn(image, width, _shades(console, options)), plain(caption), width)
            for image, caption in zip(self.images, self.captions, strict=True)
        ]
        for band in _bands(cells, width):
            height = max(len(cell) for cell in band)
            for row in range(height):
                yield from _joined(band, row)
                yield Segment.line()


def has_colours(console: Console) -> bool:
    """Return whether ``console`` shows enough colours for images.

    Parameters
    ----------
    console : rich.console.Console
        Where one draws.

    Returns
    -------
    bool
        256 colours or more, and neither ``NO_COLOR`` nor a pipe in the way.
    """
    return not console.no_color and console.color_system in ("256", "truecolor")


def _shades(console: Console, options: ConsoleOptions) -> str | None:
    """Return the characters to shade with, darkest first, or None where there are colours."""
    if options.ascii_only:
        return _ASCII_SHADES
    return None if has_colours(console) else _SHADES


def _drawn(image: NDArray[Any], width: int, shades: str | None) -> list[Line]:
    """Return one image as lines of segments no wider than ``width`` columns."""
    small = max(image.shape[:2]) <= _SMALL and 2 * image.shape[1] <= width
    colours = _flattened(shrunk(image, width) if image.shape[1] > width else as_bytes(image))
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


def _half_blocks(colours: NDArray[np.uint8]) -> Iterator[Line]:
    """Yield lines of upper half blocks, each two rows of pixels."""
    for top in range(0, len(colours), 2):
        upper = colours[top].tolist()
        lower = colours[top + 1].tolist() if top + 1 < len(colours) else [None] * len(upper)
        yield list(
            Segment.simplify(
                Segment("▀", _style(tuple(above), tuple(below) if below else None))
                for above, below in zip(upper, lower, strict=True)
            )
        )


@lru_cache(maxsize=4096)
def _style(above: tuple[int, int, int], below: tuple[int, int, int] | None) -> Style:
    """Return the style that shows one pixel above another."""
    return Style.from_color(Color.from_rgb(*above), Color.from_rgb(*below) if below else None)


def _shaded(colours: NDArray[np.uint8], shades: str, small: bool) -> list[Line]:
    """Return lines of shade characters: two columns a pixel if ``small``, else two rows of pixels a line."""
    gray = colours.astype(np.float64).mean(axis=-1)
    if small:
        gray = gray.repeat(2, axis=1)
    else:
        starts = np.arange(0, len(gray), 2)
        gray = np.add.reduceat(gray, starts) / np.diff(starts, append=len(gray))[:, None]
    levels = np.rint(gray * (len(shades) - 1) / 255).astype(int)
    return [[Segment("".join(shades[level] for level in row))] for row in levels.tolist()]


def _captioned(lines: list[Line], caption: str, width: int) -> list[Line]:
    """Return the lines of one picture with its caption below, all of one width."""
    drawn = Segment.get_line_length(lines[0])
    columns = min(max(drawn, min(cell_len(caption), _LONGEST_CAPTION)), width)
    if cell_len(caption) > columns:
        caption = set_cell_size(caption, max(columns - 1, 0)).rstrip() + "…"
    text = [Segment(set_cell_size(caption, columns))]
    return [Segment.adjust_line_length(line, columns) for line in (*lines, text)]


def _bands(cells: list[list[Line]], width: int) -> Iterator[list[list[Line]]]:
    """Yield as many pictures at a time as fit beside each other."""
    band: list[list[Line]] = []
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


def _joined(band: list[list[Line]], row: int) -> Iterator[Segment]:
    """Yield one line through all pictures of a band; shorter pictures keep their captions at the bottom."""
    height = max(len(cell) for cell in band)
    for number, cell in enumerate(band):
        if number:
            yield Segment(" " * _GAP)
        missing = height - len(cell)
        columns = Segment.get_line_length(cell[0])
        yield from cell[row - missing] if row >= missing else [Segment(" " * columns)]
