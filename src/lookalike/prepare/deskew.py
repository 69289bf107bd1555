"""Deskew: slanted writing made upright, by its moments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.prepare.base import Gray8, Preparation
from lookalike.prepare.ink import ink, paper

# Writing slants up to about 45 degrees; what leans more is a flat stroke, such as a dash.
_STEEPEST = 1.0


class Deskew(Preparation):
    r"""Make slanted writing upright: shift each row so that the ink's principal slant becomes vertical.

    With :math:`I` the ink (how much brighter a pixel is than the paper, which is the median of the image's
    border), :math:`\bar x, \bar y` its centre of mass and :math:`\mu_{pq} = \sum I (x - \bar x)^p
    (y - \bar y)^q` its central moments,

    .. math:: v'(y, x) = v\left(y, \; x + \alpha (y - \bar y)\right), \qquad
        \alpha = \mu_{11} / \mu_{02}

    with :math:`\alpha` cut to -1 to 1 (45 degrees). Between two pixels of a row values are interpolated
    linearly (bilinear interpolation: no row moves down or up); beyond the border there is paper. The result
    is rounded, halves to even. The centre of mass stays where it is. Images without ink, or with ink in
    one row alone, stay as they are.

    Expects light ink on dark paper (see :class:`Polarity`).

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 86 (1998), section III.A: the deslanted MNIST.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Deskew
    >>> slanted = np.pad(np.eye(3, dtype=np.uint8) * 255, 1)[None]
    >>> Deskew().fit_transform(slanted)[0, 1:4]
    array([[  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0]], dtype=uint8)
    """

    def describe(self) -> str:
        """Return what the step does to images."""
        return "slanted ink is made upright"

    def _apply(self, images: Gray8) -> Gray8:
        n, height, width = images.shape
        inked = ink(images)
        slant, middle = slants(inked)
        shift = slant[:, None] * (np.arange(height) - middle[:, None])
        # A shift by a whole image leaves nothing of it, as any longer one does.
        shift = np.clip(shift, -width, width)
        whole = np.floor(shift)
        part = (shift - whole)[:, :, None]
        # A column of paper on either side stands for all that is beyond.
        wide = np.empty((n * height, width + 2), np.uint8)
        level = paper(images)
        wide[:, [0, -1]] = np.repeat(level, height)[:, None]
        wide[:, 1:-1] = images.reshape(n * height, width)
        columns = np.arange(1, width + 1) + whole.astype(np.intp)[:, :, None]
        rows = np.arange(0, wide.size, width + 2).reshape(n, height, 1)
        left = wide.take(rows + np.clip(columns, 0, width + 1))
        right = wide.take(rows + np.clip(columns + 1, 0, width + 1))
        return np.rint(left + part * (right.astype(np.float64) - left)).astype(np.uint8)


def slants(inked: Gray8) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return each image's slant and the row of its centre of mass.

    Parameters
    ----------
    inked : ndarray of shape (n, h, w), uint8
        What :func:`lookalike.prepare.ink.ink` returned.

    Returns
    -------
    slant : ndarray of shape (n,), float64
        Columns to the right for each row down, in -1 to 1; 0 where it is not defined.
    middle : ndarray of shape (n,), float64
        In rows from the top.
    """
    _, height, width = inked.shape
    y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    # Sums of whole numbers below 2^53: exact in any order, so an image's slant is the same in any batch.
    lines = inked.astype(np.float64)
    mass, along = lines.sum(axis=2), lines @ x
    total, sum_x, sum_y = mass.sum(axis=1), along.sum(axis=1), mass @ y
    # Central moments, times the total.
    both = (along @ y) * total - sum_x * sum_y
    down = (mass @ y**2) * total - sum_y**2
    slant = np.divide(both, down, out=np.zeros_like(down), where=down > 0)
    middle = np.divide(sum_y, total, out=np.zeros_like(total), where=total > 0)
    return np.clip(slant, -_STEEPEST, _STEEPEST), middle
