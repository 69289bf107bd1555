"""Rows that come and go, at little cost for a few of many: kept images, and all that an index holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.lower_bounds import COARSE, LowerBounds
from lookalike.distance.metrics import Kernels

#: Who may write behind the rows of an array: the first who asks, by how many rows there are. Copies share
#: arrays, and ``setdefault`` is one step for all threads.
Claims = dict[int, object]

#: Lower bounds pay where there are so many rows and features; below, brute force is as quick.
LEAST_ROWS, LEAST_FEATURES = 1024, 128


def _claimed(claims: Claims, size: int) -> bool:
    """Return whether the array of these claims is ours to write to behind so many rows."""
    mine = object()
    return claims.setdefault(size, mine) is mine


class _Grown(NamedTuple):
    """Rows in two arrays: never changed, but for room behind ``more`` rows that nobody has."""

    first: NDArray[Any]
    room: NDArray[Any]
    more: int
    claims: Claims


class GrowingRows:
    """Rows that others are appended to, and taken out of.

    The first rows stay where they are; those that come later lie behind them in an array of their own, with
    room to spare, until all are asked for at once. What was handed out is never written to again: a search
    may go on with the rows that it got. Copies (``copy.copy``) share arrays, and go ways of their own.

    The array of the first rows (n, ...) is used as it is, and may be read-only.

    >>> import numpy as np
    >>> growing = GrowingRows(np.array([5, 6, 7]))
    >>> growing.add(np.array([8]))
    >>> growing.remove(np.array([0, 1]))
    >>> growing.rows, growing.take(np.array([1, 0, 1]))
    (array([7, 8]), array([8, 7, 8]))
    """

    def __init__(self, rows: NDArray[Any]) -> None:
        self._held = _Grown(rows, rows[:0], 0, {})

    def __len__(self) -> int:
        held = self._held
        return len(held.first) + held.more

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows together."""
        return len(self), *self._held.first.shape[1:]

    @property
    def rows(self) -> NDArray[Any]:
        """All rows, in order: a copy is made of those that were added since it was last asked for."""
        first, room, more, _ = self._held
        if more:
            first = np.concatenate([first, room[:more]])
            self._held = _Grown(first, first[:0], 0, {})
        return first

    def take(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of the rows at some places, in one dimension."""
        first, room, _, _ = self._held
        later = places >= len(first)
        if not later.any():
            return first[places]
        taken = np.empty((len(places), *first.shape[1:]), first.dtype)
        taken[~later] = first[places[~later]]
        taken[later] = room[places[later] - len(first)]
        return taken

    def add(self, rows: NDArray[Any]) -> None:
        """Append rows."""
        first, room, more, claims = self._held
        need = more + len(rows)
        if need > len(room) or not _claimed(claims, more):
            wider = np.empty((need + need // 2, *first.shape[1:]), first.dtype)
            wider[:more] = room[:more]
            room, claims = wider, {}
        room[more:need] = rows
        self._held = _Grown(first, room, need, claims)

    def remove(self, places: NDArray[np.intp]) -> None:
        """Take rows out; those behind them move up."""
        first, room, more, claims = self._held
        places, start = np.unique(places), len(first)
        cut = int(np.searchsorted(places, start))
        if cut:
            first = _shorter(first, places[:cut])
        if cut < len(places):
            room, claims = _shorter(room[:more], places[cut:] - start), {}
            more = len(room)
        self._held = _Grown(first, room, more, claims)


def _shorter(rows: NDArray[Any], places: NDArray[np.intp]) -> NDArray[Any]:
    """Return rows without some: a view where the last ones go."""
    count = len(rows) - len(places)
    return rows[:count] if places[0] == count else rows_without(rows, places)


def rows_without(rows: NDArray[Any], places: NDArray[np.intp], room: int = 0) -> NDArray[Any]:
    """Return a copy of rows without those at some places, ascending, each once; zeros behind, up to ``room``.

    A few places are left out by copying the spans between them, several times as fast as picking rows.
    """
    left = np.zeros((max(len(rows) - len(places), room), *rows.shape[1:]), rows.dtype)
    start = filled = 0
    for place in (*places.tolist(), len(rows)):
        left[filled : filled + place - start] = rows[start:place]
        filled, start = filled + place - start, place + 1
    return left


class Held(NamedTuple):
    """What an index holds: never changed below ``size``, so that a search may go on with the one it got.

    Copies of an index share arrays: what follows from rows is the same whoever writes it there.
    """

    size: int
    features: int
    claims: Claims
    full: NDArray[np.uint8]
    norms: NDArray[np.int64]
    coarse: NDArray[Any]
    squares: NDArray[np.int32]
    fine: NDArray[Any]
    slack: tuple[float, float] = (0.0, 0.0)  # the most that rounding moved a reduced row
    normed: int = 0  # rows whose norms are made
    ready: int = 0  # rows that are reduced
    bounds: LowerBounds | None = None
    chosen_at: int = 0  # how many rows there were when the bounds were chosen
    room: int = 0  # rows that may be written to

    @classmethod
    def empty(cls, features: int, kernels: Kernels) -> Held:
        """Return what holds no image yet."""
        return cls(
            0,
            features,
            {},
            np.zeros((0, -(-features // 32) * 32), np.uint8),
            np.zeros(0, np.int64),
            np.zeros(0, kernels.kind),
            np.zeros(0, np.int32),
            np.zeros((0, kernels.fine), kernels.kind),
        )

    def with_room(self, more: int) -> Held:
        """Return the same with room for ``more`` rows that is nobody else's."""
        need = self.size + more
        if need <= self.room and _claimed(self.claims, self.size):
            return self
        # Pages that nobody wrote to cost nothing: with some to spare, the next few rows need no copy.
        room = -(-max(need + need // 8, self.size + self.size // 2) // 16) * 16
        return self._replace(
            room=room,
            claims={},
            full=_grown(self.full, room),
            norms=_grown(self.norms, room),
            coarse=_grown(self.coarse, room * COARSE if self.bounds else 0),
            squares=_grown(self.squares, room),
            fine=_grown(self.fine, room if self.bounds else 0),
        )

    def without(self, places: NDArray[np.intp], kernels: Kernels) -> Held:
        """Return the same without the rows at some places, ascending and each once; others move up.

        The last rows are only forgotten. A search or a copy may still read them, and nothing is ever written
        to their place: further rows go into new arrays.
        """
        left = self.size - len(places)
        normed = self.normed - int(np.searchsorted(places, self.normed))
        ready = self.ready - int(np.searchsorted(places, self.ready))
        if not len(places):
            return self
        shorter = self._replace(size=left, normed=normed, ready=ready, room=0)
        if places[0] == left:
            return shorter
        room = len(self.full)
        fresh = shorter._replace(
            room=room,
            claims={},
            full=rows_without(self.full[: self.size], places, room),
            norms=rows_without(self.norms[: self.size], places, room),
        )
        if self.bounds is None:
            return fresh
        coarse = np.zeros_like(self.coarse)
        there = np.arange(self.size)
        dealt, moved = _dealt(self.coarse, kernels), rows_without(there, places)
        _dealt(coarse, kernels)[_where(there[:left], kernels)] = dealt[_where(moved, kernels)]
        return fresh._replace(
            coarse=coarse,
            squares=rows_without(self.squares[: self.size], places, room),
            fine=rows_without(self.fine[: self.size], places, room),
        )


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a copy of another length, zeros behind what there is."""
    longer = np.zeros((size, *array.shape[1:]), array.dtype)
    kept = min(size, len(array))
    longer[:kept] = array[:kept]
    return longer


def _dealt(coarse: NDArray[Any], kernels: Kernels) -> NDArray[Any]:
    """Return coarse lower bounds, which the scan has dealt out, so that ``_where`` says where a row's are."""
    return coarse.reshape(-1, *kernels.dealt).transpose(kernels.rows_first)


def _where(rows: NDArray[np.intp], kernels: Kernels) -> tuple[NDArray[np.intp], ...]:
    """Return where the coarse lower bounds of rows are: in which 16, and where among them."""
    group, lane = np.divmod(rows, 16)
    return group, *np.divmod(lane, kernels.dealt[kernels.rows_first[2] - 1])


def with_norms(held: Held, kernels: Kernels) -> Held:
    """Return the same with norms of all rows, which is all that brute force takes."""
    if kernels.products:
        held.norms[held.normed : held.size] = norms(held.full[held.normed : held.size, : held.features])
    return held._replace(normed=held.size)


def with_bounds(held: Held, shape: tuple[int, ...], kernels: Kernels) -> Held:
    """Return the same with norms and lower bounds for all rows, chosen anew where it has doubled."""
    if held.ready == held.size:
        return held
    held = with_norms(held, kernels)
    if held.size >= LEAST_ROWS and held.features >= LEAST_FEATURES and held.size >= 2 * held.chosen_at:
        height, width, channels = (*shape, 1)[:3]
        room = len(held.full)
        held = held._replace(
            bounds=kernels.bounds(held.full[: held.size, : held.features], (height, width, channels)),
            chosen_at=held.size,
            ready=0,
            slack=(0.0, 0.0),
            coarse=np.zeros(room * COARSE, held.coarse.dtype),
            squares=np.zeros(room, np.int32),
            fine=np.zeros((room, held.fine.shape[1]), held.fine.dtype),
        )
    for start in range(held.ready, held.size if held.bounds else 0, 8192):
        held = _with_reduced(held, start, min(start + 8192, held.size), kernels)
    return held._replace(ready=held.size)


def _with_reduced(held: Held, start: int, stop: int, kernels: Kernels) -> Held:
    """Fill in the reduced rows from ``start`` to ``stop``."""
    assert held.bounds is not None
    made = held.bounds.of_rows(held.full[start:stop, : held.features])
    held.fine[start:stop] = made.fine
    dealt = _dealt(held.coarse, kernels)
    dealt[_where(np.arange(start, stop), kernels)] = made.coarse.reshape(-1, *dealt.shape[3:])
    if kernels.products:
        held.squares[start:stop] = np.square(made.coarse.astype(np.int32)).sum(axis=1)
    worst = made.slack.max(axis=0, initial=0.0)
    return held._replace(slack=(max(held.slack[0], worst[0]), max(held.slack[1], worst[1])))


def norms(rows: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the sum of squares of each row."""
    norms = np.empty(len(rows), np.int64)
    step = max(1, (1 << 21) // rows.shape[1])
    for start in range(0, len(rows), step):
        part = rows[start : start + step].astype(np.int64)
        norms[start : start + step] = np.square(part, out=part).sum(axis=1)
    return norms
