"""Distances from images to a few images of floats that stand for classes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.device.in_use import device_in_use

_SCIPYS: dict[str, Literal["cityblock", "sqeuclidean"]] = {"l1": "cityblock", "l2": "sqeuclidean"}
# Rows are turned into floats a few at a time, so that they stay in the processor's cache.
_CHUNK_VALUES = 2**17


def prototype_sums(
    rows: NDArray[Any], prototypes: NDArray[np.float64], metric: Literal["l1", "l2"], *, compiled: bool
) -> NDArray[np.float64]:
    """Return the sum of absolute or squared differences of each row and each prototype.

    A pair's sum does not depend on the batch or on threads. Images that came from a card go back there, and
    their sums are the same up to rounding.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Bytes or floats.
    prototypes : ndarray of shape (m, d), float64
        In the units of the rows.
    metric : {"l1", "l2"}
        Absolute or squared differences.
    compiled : bool
        Bytes go to the compiled kernel, which pays for many of them. Whoever asks decides by what a model was
        fitted on, not by the batch: the two ways may differ in the last bit.

    Returns
    -------
    ndarray of shape (n, m), float64

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.prototypes import prototype_sums
    >>> rows, prototypes = np.array([[0, 10]], np.uint8), np.array([[0.5, 9.0], [0.0, 10.0]])
    >>> prototype_sums(rows, prototypes, "l2", compiled=False)
    array([[1.25, 0.  ]])
    """
    device = device_in_use()
    if device is not None:
        from lookalike.distance.device.arrays import prototype_sums as on_device

        return on_device(rows, prototypes, metric, device)
    if compiled and rows.dtype == np.uint8:
        from lookalike.distance.kernels.prototypes import prototype_sums as kernel

        return kernel(rows, prototypes, metric)
    from scipy.spatial.distance import cdist

    step = max(1, _CHUNK_VALUES // rows.shape[1])
    sums = np.empty((len(rows), len(prototypes)))
    for start in range(0, len(rows), step):
        chunk = rows[start : start + step].astype(np.float64)
        sums[start : start + step] = cdist(chunk, prototypes, _SCIPYS[metric])
    return sums
