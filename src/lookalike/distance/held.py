"""What an index holds: rows, norms and thumbnails, grown together and never changed under a search."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.bounds import COARSE, FINE_AXES, FINE_SUMS, BlockSums, Bounds, PrincipalAxes

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
    ready: int  # rows whose thumbnails and norms are made
    bounds: Bounds | None
    chosen_at: int  # how many rows there were when the bounds were chosen

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
            (0.0, 0.0),
            0,
            None,
            0,
        )

    def with_room(self, more: int) -> Held:
        """Return the same with room for ``more`` rows."""
        have, need = len(self.full), self.size + more
        if need <= have:
            return self
        room = -(-max(need, have + have // 2) // 16) * 16
        return self._replace(
            full=_grown(self.full, room),
            norms=_grown(self.norms, room),
            coarse=_grown(self.coarse, room * COARSE if self.bounds else 0),
            squares=_grown(self.squares, room),
            fine=_grown(self.fine, room if self.bounds else 0),
        )


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return a longer copy, zeros behind what there is."""
    longer = np.zeros((size, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def updated(held: Held, shape: tuple[int, ...], metric: Metric) -> Held:
    """Return the same with norms and thumbnails for all rows, and better suited ones where it has doubled."""
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
    """Fill in norms and thumbnails of the rows from ``start`` to ``stop``."""
    rows = held.full[start:stop, : held.features]
    if metric == "l2":
        held.norms[start:stop] = norms(rows)
    if held.bounds is None:
        return held
    made = held.bounds.of_rows(rows)
    held.fine[start:stop] = made.fine
    place = np.arange(start, stop)
    if metric == "l1":  # a vector of the scan holds 8 numbers of each of 4 rows
        view = held.coarse.reshape(-1, 4, 4, 4, 8)
        view[place // 16, place % 4, :, place % 16 // 4] = made.coarse.reshape(-1, 4, 8)
    else:  # 2 numbers of each of 8 rows
        view = held.coarse.reshape(-1, 16, 2, 8, 2)
        view[place // 16, :, place % 16 // 8, place % 8] = made.coarse.reshape(-1, 16, 2)
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
