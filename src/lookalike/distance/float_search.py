"""Exact search among rows of floats, and by any metric: slower than among bytes, with the same tie rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.metrics import METRICS, checked_metric
from lookalike.progress import Progress, silent

# The distances of a chunk of queries to a chunk of rows are held at once: 512 * 4096 * 8 bytes = 16 MB.
_QUERIES, _ROWS = 512, 4096


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
