"""The places of a value drawn on a photograph: where they are, what was read, and what is doubtful."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.show.images import AGAINST, FOR

#: How wide the lines are, and how high the letters, as a part of the photograph's longer edge.
_LINE, _LETTER = 1 / 400, 1 / 28


class Marked(NamedTuple):
    """A box to draw: its corners ``(4, 2)`` in the photograph, what is above it, whether it is doubtful."""

    corners: NDArray[np.float64]
    text: str
    doubtful: bool = False


def drawn(photograph: NDArray[np.uint8], marks: Sequence[Marked], heading: str = "") -> bytes:
    r"""Return a photograph with boxes on it as a PNG file: green ones, and red ones for what is doubtful.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.photo.drawing import Marked, drawn
    >>> box = np.array([[10.0, 10], [30, 10], [30, 40], [10, 40]])
    >>> drawn(np.zeros((60, 80, 3), np.uint8), [Marked(box, "7")])[:4]
    b'\x89PNG'
    """
    from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

    image = Image.fromarray(photograph)
    pen, edge = ImageDraw.Draw(image), max(image.size)
    wide, high = max(1, round(edge * _LINE)), max(11, round(edge * _LETTER))
    font = ImageFont.load_default(high)
    for mark in marks:
        colour = AGAINST if mark.doubtful else FOR
        points = [tuple(point) for point in mark.corners.tolist()]
        pen.line([*points, points[0]], fill=colour, width=wide)
        left, top = points[0]
        _write(pen, (left, top - 1.4 * high), mark.text, font, colour)
    if heading:
        _write(pen, (wide * 2, wide * 2), heading, font, (0, 0, 0))
    # By this a later run knows that the file may be written over.
    made_by = PngImagePlugin.PngInfo()
    made_by.add_text("Software", "lookalike")
    file = io.BytesIO()
    image.save(file, format="PNG", pnginfo=made_by)
    return file.getvalue()


def _write(
    pen: object, at: tuple[float, float], text: str, font: object, colour: tuple[int, int, int]
) -> None:
    """Write on a white ground: a photograph may have any colour."""
    pen.rectangle(pen.textbbox(at, text, font=font), fill=(255, 255, 255))  # type: ignore[attr-defined]
    pen.text(at, text, fill=colour, font=font)  # type: ignore[attr-defined]


def moved(corners: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where points ``(n, 2)`` of the reference lie in a photograph."""
    found = np.column_stack([corners, np.ones(len(corners))]) @ matrix.T
    there: NDArray[np.float64] = found[:, :2] / found[:, 2:]
    return there
