"""Where the ink of a drawing is: brighter than the paper around it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.ink import Gray8
from lookalike.data.ink import paper as paper

Whole = NDArray[np.intp]


class Box(NamedTuple):
    """The smallest rectangle around the ink of each image; arrays of shape ``(n,)``.

    Attributes
    ----------
    top, bottom, left, right : ndarray
        Rows ``top`` to ``bottom - 1`` and columns ``left`` to ``right - 1``; all 0 for a blank image.
    """

    top: Whole
    bottom: Whole
    left: Whole
    right: Whole

    @property
    def longer(self) -> Whole:
        """The longer side, in pixels."""
        longer: Whole = np.maximum(self.bottom - self.top, self.right - self.left)
        return longer


def ink(images: Gray8) -> Gray8:
    """Return how much brighter each pixel is than its image's paper; 0 where it is not brighter.

    Parameters
    ----------
    images : ndarray of shape (n, h, w), uint8
        Light ink on dark paper.

    Returns
    -------
    ndarray of shape (n, h, w), uint8
    """
    level = paper(images)[:, None, None]
    return np.maximum(images, level) - level


def ink_box(inked: Gray8) -> Box:
    """Return the box around all pixels that hold at least a quarter of their image's strongest ink.

    Parameters
    ----------
    inked : ndarray of shape (n, h, w), uint8
        What :func:`ink` returned.

    Returns
    -------
    Box
    """
    strongest = inked.max(axis=(1, 2), keepdims=True)
    mask = (inked > 0) & (inked >= (strongest.astype(np.uint16) + 3) // 4)
    top, bottom = _span(mask.any(axis=2))
    left, right = _span(mask.any(axis=1))
    return Box(top, bottom, left, right)


def _span(lines: NDArray[np.bool_]) -> tuple[Whole, Whole]:
    """Return the first line that is set and the one after the last; 0 and 0 where none is."""
    found = lines.any(axis=1)
    first = lines.argmax(axis=1)
    after = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return first, np.where(found, after, 0)
