"""Sums straight from bytes: of the rows of each class, and of groups of features within each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.kernels.compiled import Kernel


@Kernel
def group_sums(rows: NDArray[np.uint8], group_of: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Add to ``out[i, group_of[j]]`` each ``rows[i, j]``."""
    for i in range(rows.shape[0]):
        for j in range(group_of.size):
            out[i, group_of[j]] += rows[i, j]


@Kernel
def _class_sums(rows: Any, codes: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Add each row to the row of ``out`` that its code names."""
    for i in range(rows.shape[0]):
        target = out[codes[i]]
        for j in range(rows.shape[1]):
            target[j] += rows[i, j]


def class_sums(rows: NDArray[np.uint8], codes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return the sum of the rows of each class, exactly.

    Parameters
    ----------
    rows : ndarray of shape (n, d), uint8
        Any memory layout; C order is fastest.
    codes : ndarray of shape (n,), integers
        The class of each row, 0 to ``n_classes - 1``.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of shape (n_classes, d), int64
        Zeros for a class without rows.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.kernels.sums import class_sums
    >>> class_sums(np.array([[1, 2], [3, 4], [255, 255]], np.uint8), np.array([0, 0, 1]), 2)
    array([[  4,   6],
           [255, 255]])
    """
    codes = np.ascontiguousarray(codes, dtype=np.int64)
    if codes.size and not 0 <= codes.min() <= codes.max() < n_classes:
        raise ValueError(
            f"class codes run from {codes.min()} to {codes.max()}: expected 0 to {n_classes - 1}"
        )
    out = np.zeros((n_classes, rows.shape[1]), np.int64)
    for start in range(0, len(rows), 4096):
        part = np.array(rows[start : start + 4096], order="C")
        _class_sums(part, codes[start : start + 4096], out)
    return out
