"""Distances from images to a few images of floats that stand for classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.metrics import Metric, checked_metric
from lookalike.tensors import device_in_use, to_tensor

#: Values that a device turns into float64 at once.
_DEVICE_VALUES = 2**22


def prototype_sums(
    rows: NDArray[Any], prototypes: NDArray[np.float64], metric: str, *, compiled: bool
) -> NDArray[np.float64]:
    """Return the sum of costs of each row (n, d), bytes or floats, and each prototype (m, d), in rows' units.

    A pair's sum does not depend on the batch or on threads. Images that came from a card go back there, and
    their sums are the same up to rounding. ``compiled`` sends bytes to the compiled kernel, which pays for
    many of them: whoever asks decides by what a model was fitted on, not by the batch, for the two ways may
    differ in the last bits.
    """
    row, device = checked_metric(metric), device_in_use()
    if device is not None:
        return _on_device(row, rows, prototypes, device)
    if compiled and rows.dtype == np.uint8 and row.kernels is not None:
        # Numba takes long to import, and a few rows do not need it.
        from lookalike.distance.kernels.sums import prototype_sums as kernel

        return kernel(rows, prototypes, row.root)
    return row.sums(rows, prototypes)


def _on_device(
    metric: Metric, rows: NDArray[Any], prototypes: NDArray[np.float64], device: Any
) -> NDArray[np.float64]:
    """Return the sums by the definition, worked out in float64 on a device."""
    length = rows.shape[1]
    references = to_tensor(prototypes, device)
    step = max(1, _DEVICE_VALUES // length)
    sums = np.empty((len(rows), len(prototypes)))
    for start in range(0, len(rows), step):
        part = to_tensor(rows[start : start + step], device).double()
        found = metric.summed(metric.definition(part, references), length)
        sums[start : start + step] = found.cpu().numpy()
    return sums
