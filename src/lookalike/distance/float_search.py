"""Exact search among rows of floats: slower than among bytes, with the same manners and the same tie rule."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.progress import Progress, silent

_METRICS: dict[str, Literal["cityblock", "sqeuclidean"]] = {"l1": "cityblock", "l2": "sqeuclidean"}
# The distances of a chunk of queries to a chunk of rows are held at once: 512 * 4096 * 8 bytes = 16 MB.
_QUERIES, _ROWS = 512, 4096


class FloatIndex:
    """Rows of floats, kept so that the nearest ones of others can be found exactly.

    Every pair's distance is summed by the same loop, whatever the batch, so that equal rows have equal
    distances; equal distances go to the row with the lowest position.

    Parameters
    ----------
    rows : ndarray of shape (n, d), float64
        Finite numbers.
    metric : {"l1", "l2"}
        The distance.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.float_search import FloatIndex
    >>> index = FloatIndex(np.array([[0.0, 0.0], [0.5, 0.5], [0.5, 0.5]]), "l1")
    >>> index.search(np.array([[0.5, 0.25]]), k=2)
    (array([[0.25, 0.25]]), array([[1, 2]]))
    """

    def __init__(self, rows: NDArray[np.float64], metric: Literal["l1", "l2"]) -> None:
        self.metric = metric
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: NDArray[np.float64]) -> None:
        """Append rows, which get the next positions."""
        self._rows = np.concatenate([self._rows, rows])

    def remove(self, positions: NDArray[np.intp]) -> None:
        """Take rows out; those behind them move up."""
        self._rows = np.delete(self._rows, positions, axis=0)

    def take(self, positions: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return a copy of the rows at ``positions``."""
        return self._rows[positions]

    def search(
        self, queries: NDArray[np.float64], k: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the k nearest rows of each query.

        Parameters
        ----------
        queries : ndarray of shape (q, d), float64
            Finite numbers.
        k : int
            How many, 1 to ``len(index)``.
        progress : Progress, optional
            Hears of queries done.

        Returns
        -------
        distances : ndarray of shape (q, k), float64
            Sums of absolute (L1) or squared (L2) differences, ascending.
        positions : ndarray of shape (q, k), int64
            Equal distances by ascending position.
        """
        distances = np.full((len(queries), k), np.inf)
        positions = np.zeros((len(queries), k), dtype=np.int64)
        for start in range(0, len(queries), _QUERIES):
            progress("searching", start, len(queries))
            part = slice(start, start + _QUERIES)
            distances[part], positions[part] = self._search_chunk(queries[part], k)
        progress("searching", len(queries), len(queries))
        return distances, positions

    def _search_chunk(
        self, queries: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the k nearest of a few queries, keeping the best so far while rows pass by."""
        from scipy.spatial.distance import cdist

        best = np.empty((len(queries), 0))
        where = np.empty((len(queries), 0), dtype=np.int64)
        for start in range(0, len(self._rows), _ROWS):
            rows = self._rows[start : start + _ROWS]
            found = cdist(queries, rows, _METRICS[self.metric])
            positions = np.broadcast_to(np.arange(start, start + len(rows)), found.shape)
            # Earlier rows stand first, and a stable sort keeps them first where distances are equal.
            best, where = np.hstack([best, found]), np.hstack([where, positions])
            order = np.argsort(best, axis=1, kind="stable")[:, :k]
            best, where = np.take_along_axis(best, order, 1), np.take_along_axis(where, order, 1)
        return best, where
