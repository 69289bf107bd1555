"""What an index holds: rows, norms and thumbnails, grown together and never changed under a search."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.bounds import COARSE, FINE_AXES, FINE_SUMS, BlockSums, Bounds, PrincipalAxes
from lookalike.distance.growing import rows_without

Metric = Literal["l1", "l2"]

#: Thumbnails pay where there are so many rows and features; below, brute force is as quick.
LEAST_ROWS, LEAST_FEATURES = 1024, 128


class Held(NamedTuple):
    """What an index holds: never changed below ``size``, so that a search may go on with the one it got."""

    size: int
    features: int
    full: NDArray[np.uint8]
    norms: NDArray[np.int64]
    coarse: NDArray[Any]
    squares: NDArray[np.int32]
    fine: NDArray[Any]
    slack: tuple[float, float]  # the most that rounding moved a row's thumbnails
    normed: int  # rows whose norms are made
    ready: int  # rows whose thumbnails are made
    bounds: Bounds | None
    chosen_at: int  # how many rows there were when the bounds were chosen
    room: int  # rows that may be written to: a search may still read those beyond

    @classmethod
    def empty(cls, features: int, metric: Metric) -> Held:
        """Return what holds no image yet."""
        kind = np.uint8 if metric == "l1" else np.int16
        return cls(
            0,
            features,
            np.zeros((0, -(-features // 32) * 32), np.uint8),
            np.zeros(0, np.int64),
            np.zeros(0, kind),
            np.zeros(0, np.int32),
            np.zeros((0, FINE_SUMS if metric == "l1" else FINE_AXES), kind),
            slack=(0.0, 0.0),
            normed=0,
            ready=0,
            bounds=None,
            chosen_at=0,
            room=0,
        )

    def with_room(self, more: int) -> Held:
        """Return the same with room for ``more`` rows."""
        need = self.size + more
        if need <= self.room:
            return self
        # Pages that nobody wrote to cost nothing: with some to spare, the next few rows need no copy.
        room = -(-max(need + need // 8, self.size + self.size // 2) // 16) * 16
        return self._replace(
            room=room,
            full=_grown(self.full, room),
            norms=_grown(self.norms, room),
            coarse=_grown(self.coarse, room * COARSE if self.bounds else 0),
            squares=_grown(self.squares, room),
            fine=_grown(self.fine, room if self.bounds else 0),
        )

    def without(self, places: NDArray[np.intp], metric: Metric, *, is_read: bool) -> Held:
        """Return the same without the rows at some places, ascending and each once; others move up.

        The last rows are only forgotten. Where a search may still read them (``is_read``), nothing is ever
        written to their place: further rows go into new arrays.
        """
        left = self.size - len(places)
        normed = self.normed - int(np.searchsorted(places, self.normed))
        ready = self.ready - int(np.searchsorted(places, self.ready))
        shorter = self._replace(size=left, normed=normed, ready=ready, room=0 if is_read else self.room)
        if not len(places) or places[0] == left:
            return shorter
        room = len(self.full)
        fresh = shorter._replace(
            room=room,
            full=rows_without(self.full[: self.size], places, room),
            norms=rows_without(self.norms[: self.size], places, room),
        )
        if self.bounds is None:
            return fresh
        coarse = np.zeros_like(self.coarse)
        there = np.arange(self.size)
        dealt, moved = _dealt(self.coarse, metric), rows_without(there, places)
        _dealt(coarse, metric)[_where(there[:left], metric)] = dealt[_where(moved, metric)]
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


def _dealt(coarse: NDArray[Any], metric: Metric) -> NDArray[Any]:
    """Return coarse thumbnails as the scan has them, so that ``_where`` says where those of a row are."""
    # A vector of the scan holds 8 numbers of each of 4 rows (L1), or 2 of each of 8 rows (L2).
    return coarse.reshape(-1, 4, 4, 4, 8) if metric == "l1" else coarse.reshape(-1, 16, 2, 8, 2)


def _where(rows: NDArray[np.intp], metric: Metric) -> tuple[Any, ...]:
    """Return where the coarse thumbnails of rows are."""
    group, lane = np.divmod(rows, 16)
    if metric == "l1":
        return group, rows % 4, slice(None), lane // 4
    return group, slice(None), lane // 8, lane % 8


def with_norms(held: Held, metric: Metric) -> Held:
    """Return the same with norms of all rows, which is all that brute force takes."""
    if metric == "l2":
        held.norms[held.normed : held.size] = norms(held.full[held.normed : held.size, : held.features])
    return held._replace(normed=held.size)


def updated(held: Held, shape: tuple[int, ...], metric: Metric) -> Held:
    """Return the same with norms and thumbnails for all rows, and better suited ones where it has doubled."""
    if held.ready == held.size:
        return held
    held = with_norms(held, metric)
    if held.size >= LEAST_ROWS and held.features >= LEAST_FEATURES and held.size >= 2 * held.chosen_at:
        images = held.full[: held.size, : held.features]
        room = len(held.full)
        height, width, channels = (*shape, 1)[:3]
        held = held._replace(
            bounds=BlockSums(images, (height, width, channels)) if metric == "l1" else PrincipalAxes(images),
            chosen_at=held.size,
            ready=0,
            slack=(0.0, 0.0),
            coarse=np.zeros(room * COARSE, held.coarse.dtype),
            squares=np.zeros(room, np.int32),
            fine=np.zeros((room, held.fine.shape[1]), held.fine.dtype),
        )
    for start in range(held.ready, held.size, 8192):
        held = _with_thumbnails(held, start, min(start + 8192, held.size), metric)
    return held._replace(ready=held.size)


def _with_thumbnails(held: Held, start: int, stop: int, metric: Metric) -> Held:
    """Fill in thumbnails of the rows from ``start`` to ``stop``."""
    rows = held.full[start:stop, : held.features]
    if held.bounds is None:
        return held
    made = held.bounds.of_rows(rows)
    held.fine[start:stop] = made.fine
    where = _where(np.arange(start, stop), metric)
    _dealt(held.coarse, metric)[where] = made.coarse.reshape(len(rows), -1, 8 if metric == "l1" else 2)
    if metric == "l2":
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
