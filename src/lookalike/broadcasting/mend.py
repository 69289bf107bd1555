"""Which axes to put into shapes that clash, so that they fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import NamedTuple

Shape = tuple[int, ...]

# What an alignment costs: first its axes, then those put in, then (1 each) pairs that are stretched.
_AXIS = 2**40
_PUT_IN = 2**20


class Mend(NamedTuple):
    """A reshape that makes shapes fit.

    Attributes
    ----------
    place : int
        Which shape to reshape, counted from 0.
    shape : tuple of int
        What to reshape it to: axes of length 1 are put in.
    indexing : str
        The same as an index: ``array[:, None]``.
    """

    place: int
    shape: Shape
    indexing: str


def mends(shapes: Sequence[Shape]) -> tuple[Mend, ...]:
    """Return reshapes, each by putting in axes of length 1, that make shapes fit.

    Two shapes are aligned so that the result has as few axes as can be, then so that as few as can be are
    put in; where axes stay apart, those of the first shape come first. Of more than two shapes each is
    aligned with what those before it gave.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Two shapes or more.

    Returns
    -------
    tuple of Mend
        One for each shape that must be reshaped.

    Examples
    --------
    >>> from lookalike.broadcasting.mend import mends
    >>> mends([(1010, 28, 28), (1010,)])
    (Mend(place=1, shape=(1010, 1, 1), indexing='[:, None, None]'),)
    """
    rows: list[list[int | None]] = [list(shapes[0])]
    merged = list(shapes[0])
    for shape in shapes[1:]:
        path = _path(merged, shape)
        rows = [[None if i is None else row[i] for i, _ in path] for row in rows]
        rows.append([None if j is None else shape[j] for _, j in path])
        merged = [
            length
            for length in (joined(lengths) for lengths in zip(*rows, strict=True))
            if length is not None
        ]
    found = (_mend(place, row) for place, row in enumerate(rows))
    return tuple(mend for mend in found if mend.shape != shapes[mend.place])


def joined(lengths: Iterable[int | None]) -> int | None:
    """Return the length that lengths broadcast to (None counts as 1), or None where they clash."""
    others = {length for length in lengths if length not in (None, 1)}
    return None if len(others) > 1 else next(iter(others), 1)


def _path(first: Sequence[int], other: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """Return which axes of two shapes to put together, and which to leave alone (None on the other side).

    It is the cheapest alignment, found from the end by dynamic programming.
    """
    ends = len(first), len(other)
    # What the rest costs from axis i of the first and axis j of the other on, and where the best step leads.
    best = {ends: (0, ends)}
    for i in range(ends[0], -1, -1):
        for j in range(ends[1], -1, -1):
            steps = []
            if i < ends[0] and j < ends[1] and joined((first[i], other[j])) is not None:
                steps.append((_AXIS + (first[i] != other[j]), (i + 1, j + 1)))
            # Axes before a shape's first need not be put in: a missing one counts as 1.
            if i < ends[0]:
                steps.append((_AXIS + _PUT_IN * (j > 0), (i + 1, j)))
            if j < ends[1]:
                steps.append((_AXIS + _PUT_IN * (i > 0), (i, j + 1)))
            if steps:
                # Of equal costs the first wins.
                best[i, j] = min(((cost + best[to][0], to) for cost, to in steps), key=itemgetter(0))
    path: list[tuple[int | None, int | None]] = []
    here = 0, 0
    while here != ends:
        i, j = here
        here = best[here][1]
        path.append((i if here[0] > i else None, j if here[1] > j else None))
    return path


def _mend(place: int, row: Sequence[int | None]) -> Mend:
    """Return the reshape that one aligned row stands for."""
    start = next((index for index, length in enumerate(row) if length is not None), len(row))
    kept = row[start:]
    parts = ["None" if length is None else ":" for length in kept]
    while parts and parts[-1] == ":":
        parts.pop()
    return Mend(place, tuple(1 if length is None else length for length in kept), f"[{', '.join(parts)}]")
