"""The loops of the deformable distance: two references at a time, a band of rows at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lookalike.distance.classes import FARTHEST
from lookalike.distance.kernels.compiled import Kernel
from lookalike.distance.kernels.deform_steps import SIZE, copy_run, fill, half_sums, slide, sweep


class Plan(NamedTuple):
    """How two sets of planes are compared."""

    height: int
    phases: int
    pairs: int
    context: int
    down: int  # the longest displacement down
    rows: int  # rows of a scratch copy, with zeros above and below the image
    above: int  # how many of them are above
    in_registers: bool  # whether ``sweep`` can be used
    both: bool  # whether the references are also matched with the queries, and the distances added


class Scratch(NamedTuple):
    """Working memory of one thread."""

    offsets: NDArray[np.int64]  # (displacements * phases,): where displaced phases begin
    query: NDArray[np.int8]  # two copies of a query, side by side
    reference: NDArray[np.int8]  # two references, side by side
    room: NDArray[Any]  # for ``slide``, of 16 or 32 bits as all below
    best: NDArray[Any]  # (phases * rows, 16): the lowest cost of each pixel
    start: NDArray[Any]  # (phases * 16,): all ones for a pixel of the image, 0 beside it


@njit(nogil=True, inline="always")
def _load(plan: Plan, source: Any, index: int, half: int, target: Any, first: int, last: int) -> None:
    """Copy the rows ``first`` to ``last`` of image ``index`` to one half of the vectors of a scratch copy."""
    runs = plan.phases * plan.pairs
    first, last = max(first, 0), min(last, plan.height)
    for run in range(runs):
        start = ((index * runs + run) * plan.height + first) * (SIZE // 2)
        at = (run * plan.rows + plan.above + first) * SIZE + half * (SIZE // 2)
        copy_run(source, start, target, at, last - first)


@njit(nogil=True, inline="always")
def _sums_of_band(variant: Any, plan: Plan, scratch: Scratch, first: Any, second: Any, start: int,
                  stop: int) -> Any:  # fmt: skip
    """Return what the rows ``start`` to ``stop`` of two matches add to their distances.

    ``first`` and ``second`` are scratch copies: the vectors of the second are bent to look like the first's.
    """
    stride, margin = plan.rows * SIZE, 2 * plan.context
    count, top = stop - start, (plan.above + start - plan.context) * SIZE
    shape = (plan.phases, stride, plan.pairs, plan.context)
    fill(variant, scratch.best, plan.rows, scratch.start, plan.phases, margin, count)
    for at in range(0, scratch.offsets.size, plan.phases):
        if plan.in_registers:
            sweep(variant, first, top, second, scratch.offsets, at, top, stride, scratch.best, plan.rows,
                  (count + 3) // 2)  # fmt: skip
        else:
            slide(variant, first, top, second, scratch.offsets, at, top, shape, scratch.room, scratch.best,
                  plan.rows, count + margin)  # fmt: skip
    return half_sums(variant, scratch.best, plan.rows, plan.phases, margin, count)


@njit(nogil=True, inline="always")
def _finish(variant: Any, plan: Plan, scratch: Scratch, references: Any, pair: Any, so_far: Any, parts: Any,
            bound: int) -> Any:  # fmt: skip
    """Return ``so_far``, two distances, with ``parts`` added; or anything above ``bound`` for both."""
    one, other = so_far
    for number in range(parts.shape[0]):
        if one > bound and other > bound:
            break
        backward, start, stop = parts[number, 0], parts[number, 1], parts[number, 2]
        margin = plan.context + plan.down
        for half in range(2):
            _load(plan, references, pair[half], half, scratch.reference, start - margin, stop + margin)
        first, second = scratch.query, scratch.reference
        if backward:
            first, second = second, first
        more = _sums_of_band(variant, plan, scratch, first, second, start, stop)
        one, other = one + more[0], other + more[1]
    return one, other


@Kernel
def compare(variant: Any, plan: Plan, scratch: Scratch, queries: Any, references: Any, candidates: Any,
            first: int, order: Any, parts: Any, bounds: Any, sums: Any, distances: Any, indices: Any,
            codes: Any, class_distances: Any, class_indices: Any, factor: float) -> None:  # fmt: skip
    """Add parts of the distances of queries and their candidates to ``sums`` (q, c), and keep the nearest.

    ``queries`` and ``references`` are packed planes, flat; ``candidates`` (q, c), or (1, c) for all of them,
    name references; ``first`` is the query that ``sums`` begins with. Candidates are taken in the ``order``
    (q, c) or (1, c), ascending by ``sums``. Each of ``parts`` (p, 3) is a direction (1: the query is bent to
    look like the reference), first row, last row + 1. Sums above their query's one of ``bounds`` (q,) may
    stay incomplete, but above it. ``distances`` and ``indices`` (q, k) are the nearest so far, ascending by
    distance, then by index; where k is not 0, their worst distance is a bound as well. Where there are
    ``codes`` (r,), the nearest of each class are kept in ``class_distances`` and ``class_indices`` (q,
    classes), and that bound is at least ``factor`` times the smallest distance.
    """
    count = candidates.shape[1]
    for number in range(sums.shape[0]):
        chosen, places = candidates[min(number, len(candidates) - 1)], order[min(number, len(order) - 1)]
        nearest, who, known = distances[number], indices[number], sums[number]
        bound = bounds[number]
        for half in range(2):
            _load(plan, queries, first + number, half, scratch.query, 0, plan.height)
        for place in range(0, count, 2):
            one, other = places[place], places[min(place + 1, count - 1)]
            if nearest.size:
                bound = min(bounds[number], _largest(nearest, factor))
            if known[one] > bound:
                break
            both = _finish(variant, plan, scratch, references, (chosen[one], chosen[other]),
                           (known[one], known[other]), parts, bound)  # fmt: skip
            known[one], known[other] = both
            for half in range(1 if other == one else 2):
                index = chosen[one if half == 0 else other]
                _keep(nearest, who, both[half], index)
                if codes.size and both[half] <= bound:
                    code = codes[index]
                    kept = class_distances[number, code]
                    if both[half] < kept or (both[half] == kept and index < class_indices[number, code]):
                        class_distances[number, code], class_indices[number, code] = both[half], index


@njit(nogil=True, inline="always")
def _largest(nearest: NDArray[np.int64], factor: float) -> Any:
    """Return the largest sum that may still matter to the k nearest, or to a class within reach."""
    if factor == 0 or nearest[-1] == FARTHEST:
        return nearest[-1]
    return max(nearest[-1], int(min(nearest[0] * factor * (1 + 1e-9), 2.0**62)) + 1)


@njit(nogil=True, inline="always")
def _keep(distances: NDArray[np.int64], indices: NDArray[np.int64], distance: int, index: int) -> None:
    """Put a reference in its place of a sorted list, whose last one goes."""
    place = distances.size
    while place > 0 and (
        distance < distances[place - 1] or (distance == distances[place - 1] and index < indices[place - 1])
    ):
        place -= 1
        if place + 1 < distances.size:
            distances[place + 1], indices[place + 1] = distances[place], indices[place]
    if place < distances.size:
        distances[place], indices[place] = distance, index
