"""Arrays that grow and lose rows, at little cost for a few rows of many."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class GrowingRows:
    """Rows that others are appended to, and taken out of.

    The first rows stay where they are; those that come later lie behind them in an array of their own, with
    room to spare, until all are asked for at once. What was handed out is never written to again: a search
    may go on with the rows that it got.

    Parameters
    ----------
    rows : ndarray of shape (n, ...)
        The first rows; the array is used as it is, and may be read-only.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.growing import GrowingRows
    >>> growing = GrowingRows(np.array([5, 6, 7]))
    >>> growing.add(np.array([8]))
    >>> growing.remove(np.array([0, 1]))
    >>> growing.rows, growing.take(np.array([1, 0, 1]))
    (array([7, 8]), array([8, 7, 8]))
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._first = rows
        self._room, self._more = rows[:0], 0

    def __len__(self) -> int:
        return len(self._first) + self._more

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows together."""
        return len(self), *self._first.shape[1:]

    @property
    def rows(self) -> NDArray[Any]:
        """All rows, in order: a copy is made of those that were added since it was last asked for."""
        if self._more:
            self._first = np.concatenate([self._first, self._room[: self._more]])
            self._room, self._more = self._first[:0], 0
        return self._first

    def take(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of the rows at some places, in one dimension."""
        later = places >= len(self._first)
        if not later.any():
            return self._first[places]
        taken = np.empty((len(places), *self._first.shape[1:]), self._first.dtype)
        taken[~later] = self._first[places[~later]]
        taken[later] = self._room[places[later] - len(self._first)]
        return taken

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows."""
        need = self._more + len(rows)
        if need > len(self._room):
            room = np.empty((need + need // 2, *self._first.shape[1:]), self._first.dtype)
            room[: self._more] = self._room[: self._more]
            self._room = room
        self._room[self._more : need] = rows
        self._more = need

    def remove(self, places: NDArray[np.intp]) -> None:
        """Take rows out; those behind them move up."""
        places = np.unique(places)
        first = len(self._first)
        cut = int(np.searchsorted(places, first))
        if cut:
            self._first = _shorter(self._first, places[:cut])
        if cut < len(places):
            self._room = _shorter(self._room[: self._more], places[cut:] - first)
            self._more = len(self._room)


def _shorter(rows: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """Return rows without some: a view where the last ones go."""
    count = len(rows) - len(places)
    return rows[:count] if places[0] == count else rows_without(rows, places)


def rows_without(rows: NDArray[Any], places: NDArray[np.intp], room: int = 0) -> NDArray[Any]:
    """Return a copy of rows without those at some places.

    A few places are left out by copying the spans between them, several times as fast as picking rows.

    Parameters
    ----------
    rows : ndarray of shape (n, ...)
        Rows.
    places : ndarray of shape (m,), int
        Which to leave out, ascending, each once.
    room : int, default=0
        The least length of the copy: zeros behind what is left.

    Returns
    -------
    ndarray of shape (max(n - m, room), ...)
    """
    left = np.zeros((max(len(rows) - len(places), room), *rows.shape[1:]), rows.dtype)
    start = filled = 0
    for place in (*places.tolist(), len(rows)):
        left[filled : filled + place - start] = rows[start:place]
        filled, start = filled + place - start, place + 1
    return left
