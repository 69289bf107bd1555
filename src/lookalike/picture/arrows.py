"""A displacement field as arrows: a path for SVG and the same arrows for a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# At most so many arrows along an edge: more cannot be told apart on a thumbnail.
_MOST = 16
# Shorter arrows, in pixels, are no more than dots.
_SHORTEST = 0.3
# Where nothing differs from the paper by so much of what differs most, nothing is seen to move.
_FAINT = 0.125
# The sides of a head go back by this part of the arrow, of 2 pixels at most, and out by that part.
_BACK, _OUT = 0.38, 0.27


def arrows(field: NDArray[np.int8], warped: NDArray[Any]) -> NDArray[np.float64]:
    """Return a displacement field as arrows: how the ink of the match moves to look like the image.

    Parameters
    ----------
    field : ndarray of shape (h, w, 2)
        Pixel ``(y, x)`` was matched with pixel ``(y + field[y, x, 0], x + field[y, x, 1])``.
    warped : ndarray of shape (h, w) or (h, w, c)
        The match, bent by the field. Its paper is the median of its border: where it is bare, nothing is to
        be seen that moves.

    Returns
    -------
    ndarray of shape (n, 4), float64
        ``x, y`` of each arrow's tail, in the match, and of its head, in the image, in pixels from the upper
        left corner. Where there are more than 16 pixels along an edge, squares of pixels share the arrow of
        their mean displacement. What hardly moves has none, and bare paper.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.picture.arrows import arrows
    >>> field = np.zeros((2, 2, 2), np.int8)
    >>> field[0, 0] = 0, 1  # the upper left pixel was found one to the right
    >>> arrows(field, np.array([[9, 0], [0, 0]]))
    array([[1.5, 0.5, 0.5, 0.5]])
    """
    height, width = field.shape[:2]
    step = -(-max(height, width) // _MOST)
    rows, columns = (np.arange(0, length, step) for length in (height, width))
    sums = np.add.reduceat(np.add.reduceat(field.astype(np.float64), rows, axis=0), columns, axis=1)
    heights, widths = np.diff(rows, append=height), np.diff(columns, append=width)
    moves = sums / np.outer(heights, widths)[..., None]
    y, x = np.meshgrid(rows + heights / 2, columns + widths / 2, indexing="ij")
    found = np.stack([x + moves[..., 1], y + moves[..., 0], x, y], axis=-1)
    inked = np.maximum.reduceat(np.maximum.reduceat(_ink(warped), rows, axis=0), columns, axis=1)
    seen = inked > _FAINT * inked.max()
    drawn: NDArray[np.float64] = found[seen & (np.hypot(moves[..., 0], moves[..., 1]) >= _SHORTEST)]
    return drawn


def _ink(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return how much each pixel differs from the paper, in the channel where it differs most."""
    values = image.astype(np.float64).reshape(*image.shape[:2], -1)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    away: NDArray[np.float64] = abs(values - np.median(border, axis=0)).max(axis=2)
    return away


def arrows_path(field: NDArray[np.int8], warped: NDArray[Any]) -> str:
    """Return the arrows of a field as the ``d`` of one SVG path, in the image's pixels.

    Parameters
    ----------
    field, warped : ndarray
        See :func:`arrows`.

    Returns
    -------
    str
        Letters, digits, points, signs and spaces only; empty where nothing moves.
    """
    parts = []
    for x0, y0, x1, y1 in arrows(field, warped).tolist():
        length = float(np.hypot(x1 - x0, y1 - y0))
        size = min(length, 2.0) / length
        back = (x0 - x1) * size * _BACK, (y0 - y1) * size * _BACK
        out = (y1 - y0) * size * _OUT, (x0 - x1) * size * _OUT
        left, right = (back[0] - out[0], back[1] - out[1]), (back[0] + out[0], back[1] + out[1])
        parts.append(
            f"M{_number(x0)} {_number(y0)}L{_number(x1)} {_number(y1)}"
            f"m{_number(left[0])} {_number(left[1])}L{_number(x1)} {_number(y1)}"
            f"l{_number(right[0])} {_number(right[1])}"
        )
    return "".join(parts)


def _number(value: float) -> str:
    """Return a number as short as SVG allows."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
