"""Medians, and what they would be without one of the images: three images of each class say it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Median(NamedTuple):
    """The pixel-wise median of some rows, and of all of them but one.

    Attributes
    ----------
    middle : ndarray of shape (d,), float64
        The median.
    pivot : ndarray of shape (d,), float64
        The middle value, or the lower of both.
    without_less, without_pivot, without_more : ndarray of shape (d,), float64
        The median without a value that is less than the pivot, equal to it, or more.
    """

    middle: Floats
    pivot: Floats
    without_less: Floats
    without_pivot: Floats
    without_more: Floats

    @classmethod
    def of(cls, rows: NDArray[Any]) -> Median:
        """Return the median of rows ``(n, d)``.

        Examples
        --------
        >>> import numpy as np
        >>> from lookalike.models.medians import Median
        >>> rows = np.array([[1], [2], [4], [9]])
        >>> median = Median.of(rows)
        >>> median.middle, median.without(rows).ravel()
        (array([3.]), array([4., 4., 2., 2.]))
        """
        half = len(rows) // 2
        if len(rows) == 1:
            only = rows[0].astype(np.float64)
            return cls(only, only, only, only, only)
        if len(rows) % 2 == 0:
            below, above = _values(rows, [half - 1, half])
            return cls((below + above) / 2, below, above, above, below)
        below, middle, above = _values(rows, [half - 1, half, half + 1])
        return cls(middle, middle, (middle + above) / 2, (below + above) / 2, (below + middle) / 2)

    def without(self, rows: NDArray[Any]) -> Floats:
        """Return the median of all rows but one, for each of some of the rows; of a single row itself."""
        less_or_equal = np.where(rows < self.pivot, self.without_less, self.without_pivot)
        return np.where(rows > self.pivot, self.without_more, less_or_equal)


def _values(rows: NDArray[Any], places: list[int]) -> Floats:
    """Return the values at some places of each sorted column."""
    values: Floats = np.partition(rows, places, axis=0)[places].astype(np.float64)
    return values
