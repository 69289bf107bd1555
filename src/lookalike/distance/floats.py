"""Rows of floats: exact search among them, by any metric, and distances to a few that stand for classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.metrics import METRICS, Metric, checked_metric
from lookalike.progress import Progress, silent
from lookalike.tensors import device_in_use, to_tensor

# The distances of a chunk of queries to a chunk of rows are held at once: 512 * 4096 * 8 bytes = 16 MB.
_QUERIES, _ROWS = 512, 4096
#: Values that a device turns into float64 at once.
_DEVICE_VALUES = 2**22


class FloatIndex:
    """Rows (n, d) of finite float64 (bytes, where a metric has no kernels), searched by every pair's sum.

    A sum does not depend on the batch, so that equal rows have equal distances; equal distances go to the row
    with the lowest position.

    >>> import numpy as np
    >>> index = FloatIndex(np.array([[0.0, 0.0], [0.5, 0.5], [0.5, 0.5]]), "l1")
    >>> index.search(np.array([[0.5, 0.25]]), k=2)
    (array([[0.25, 0.25]]), array([[1, 2]]))
    """

    def __init__(self, rows: NDArray[Any], metric: str) -> None:
        self.metric = checked_metric(metric).name
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows, which get the next positions."""
        self._rows = np.concatenate([self._rows, rows])

    def remove(self, positions: NDArray[np.intp]) -> None:
        """Take rows out; those behind them move up."""
        self._rows = np.delete(self._rows, positions, axis=0)

    def take(self, positions: NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of the rows at ``positions``."""
        return self._rows[positions]

    def search(
        self, queries: NDArray[Any], k: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the sums and positions (q, k) of the k nearest rows of each query, 1 to ``len(index)``.

        Ascending, equal sums by ascending position; a metric that is no sum gives its distances.
        """
        distances = np.full((len(queries), k), np.inf)
        positions = np.zeros((len(queries), k), dtype=np.int64)
        for start in range(0, len(queries), _QUERIES):
            progress("searching", start, len(queries))
            part = slice(start, start + _QUERIES)
            distances[part], positions[part] = self._search_chunk(queries[part], k)
        progress("searching", len(queries), len(queries))
        return distances, positions

    def _search_chunk(self, queries: NDArray[Any], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the k nearest of a few queries, keeping the best so far while rows pass by."""
        best = np.empty((len(queries), 0))
        where = np.empty((len(queries), 0), dtype=np.int64)
        for start in range(0, len(self._rows), _ROWS):
            rows = self._rows[start : start + _ROWS]
            found = METRICS[self.metric].sums(queries, rows)
            positions = np.broadcast_to(np.arange(start, start + len(rows)), found.shape)
            # Earlier rows stand first, and a stable sort keeps them first where distances are equal.
            best, where = np.hstack([best, found]), np.hstack([where, positions])
            order = np.argsort(best, axis=1, kind="stable")[:, :k]
            best, where = np.take_along_axis(best, order, 1), np.take_along_axis(where, order, 1)
        return best, where


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
