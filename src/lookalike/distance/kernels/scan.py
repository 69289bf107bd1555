"""The loops of the exact search: bounds, full distances for what remains, and the k best of each query."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import extending, njit, types
from numpy.typing import NDArray

from lookalike.distance.kernels import FARTHEST, steps
from lookalike.distance.kernels.compiled import Kernel

#: Features are summed in runs this long: the narrow sums of every variant hold them.
RUN = 4096
#: Rows in a tile, whose coarse numbers (16 or 32 KiB) stay in the first-level cache for a whole batch.
TILE = 512
#: Whole rows of a tile that are compared at full length at a time, in bytes.
TILE_BYTES = 16384
#: How many tiles a group of four queries is compared by brute force before bounds are tried again.
DENSE_TILES = 15
#: A search begins with a sample, every so manieth group of 16 rows, this many groups at a time.
SEED_STRIDE, SEED_GROUPS = 16, 64
#: What the limits of queries that only pad a batch are to begin with: no coarse sum is below 0.
PADDING = -1
NO_LIMIT = 2.0**60


class Rows(NamedTuple):
    """The indexed images as the kernels see them; every array has a multiple of 16 rows, zeros behind n."""

    full: NDArray[np.uint8]  # (n, width): width is a multiple of 32, zeros behind the features
    norms: NDArray[np.int64]  # (n,): sums of squares for L2, zeros for L1
    coarse: NDArray[Any]  # (n * 32,): lower bounds in the scan's order, uint8 for L1, int16 for L2
    squares: NDArray[np.int32]  # (n,): sums of squares of the coarse ones for L2, zeros for L1
    fine: NDArray[Any]  # (n, 128) for L1, (n, 64) for L2: more numbers


class Batch(NamedTuple):
    """Some queries, a multiple of 4 of them: the last ones may be padding."""

    full: NDArray[Any]  # (q, width): uint8 for L1, int16 for L2
    norms: NDArray[np.int64]  # (q,)
    coarse: NDArray[Any]  # (q, 32)
    origin: NDArray[np.float64]  # (q,): what the scan leaves out of the coarse distance
    fine: NDArray[Any]  # (q, 128) for L1, (q, 64) for L2
    slack: NDArray[np.float64]  # (q, 2): rounding to allow for, in units of the coarse and fine numbers


class Best(NamedTuple):
    """The k best of each query so far, as heaps with the worst on top, and what follows from it."""

    distances: NDArray[np.int64]  # (q, k)
    indices: NDArray[np.int64]  # (q, k)
    limits: NDArray[np.int32]  # (q,): the largest coarse distance that may still matter
    fine_limits: NDArray[np.int64]  # (q,)
    dense: NDArray[np.int64]  # (q / 4,): tiles still to be done by brute force
    sums: NDArray[np.int64]  # (8,): scratch
    masks: NDArray[np.int64]  # (TILE / 16,): scratch
    left: NDArray[np.int64]  # (4 * TILE, 3): scratch
    coarse_sums: NDArray[np.int32]  # (SEED_GROUPS, 4, 16): scratch
    near: NDArray[np.int64]  # (4, 2, 4 * k): scratch


# A search that is asked for classes too has one array (q, 2 + 2 classes): of each query the largest distance
# that may still matter; the smallest one; the best distance of each class; whose they are. One that is not
# has an empty tuple instead, and code without all this. (Arrays in a tuple would have their references
# counted inside the loops, which takes longer than what the loops do.)
WORST, NEAREST, FIRST = range(3)


class Rule(NamedTuple):
    """How sums and bounds relate to distances."""

    factor: int  # distance = norm + norm + factor * sum: 1 for L1, -2 for L2
    squared: bool  # whether distances are squares of what the triangle inequality holds for
    coarse_unit: float  # what one step of a lower bound stands for
    fine_unit: float
    cap: int  # the largest coarse limit that the scan's comparison can hold
    n_rows: int  # how many rows there are
    reach: float  # a class matters up to so many times the smallest distance


@njit(nogil=True)
def _limit(distance: Any, unit: float, slack: float, squared: bool) -> Any:
    """Return the largest distance of what two images ``distance`` apart are reduced to."""
    if distance == FARTHEST:
        return NO_LIMIT
    if squared:
        bound = np.sqrt(distance) / unit + slack
        return min(bound * bound * (1 + 1e-9) + 1, NO_LIMIT)
    return min(distance / unit + slack, NO_LIMIT)


def _worst(best: Best, more: Any, query: int) -> Any:
    """Return the largest distance that may still matter to a query."""


@extending.overload(_worst, inline="always", strict=False)
def _worst_of(best: Any, more: Any, query: Any) -> Any:
    if isinstance(more, types.Array):
        return lambda best, more, query: more[query, WORST]
    return lambda best, more, query: best.distances[query, 0]


@njit(nogil=True)
def _set_limits(rule: Rule, batch: Batch, best: Best, more: Any, query: int) -> None:
    """Work out both limits of a query anew from the largest distance that may still matter."""
    worst = _worst(best, more, query)
    coarse = _limit(worst, rule.coarse_unit, batch.slack[query, 0], rule.squared)
    best.limits[query] = int(min(coarse - batch.origin[query], float(rule.cap)))
    fine = _limit(worst, rule.fine_unit, batch.slack[query, 1], rule.squared)
    best.fine_limits[query] = int(fine)


def _may_matter(
    rule: Rule, batch: Batch, best: Best, more: Any, codes: Any, query: int, row: int, bound: int
) -> Any:
    """Return whether a row within a query's fine limit may be among the k best, or the best of its class."""


@extending.overload(_may_matter, inline="always", strict=False)
def _may_matter_of(
    rule: Any, batch: Any, best: Any, more: Any, codes: Any, query: Any, row: Any, bound: Any
) -> Any:
    if not isinstance(more, types.Array):
        return lambda rule, batch, best, more, codes, query, row, bound: True

    def matters(
        rule: Any, batch: Any, best: Any, more: Any, codes: Any, query: Any, row: Any, bound: Any
    ) -> Any:
        # Most rows near a query are of the class of its nearest, which need not be found again.
        worst = max(best.distances[query, 0], more[query, FIRST + codes[row]])
        return bound <= int(_limit(worst, rule.fine_unit, batch.slack[query, 1], rule.squared))

    return matters


@njit(nogil=True)
def _sift(
    distances: NDArray[np.int64], indices: NDArray[np.int64], distance: int, index: int, size: int
) -> None:
    """Put a pair on top of a heap of ``size`` in place of what is there, and let it sink."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        right = child + 1
        if right < size and (
            distances[right] > distances[child]
            or (distances[right] == distances[child] and indices[right] > indices[child])
        ):
            child = right
        if distance > distances[child] or (distance == distances[child] and index > indices[child]):
            break
        distances[place], indices[place] = distances[child], indices[child]
        place = child
    distances[place], indices[place] = distance, index


def _offer(rule: Rule, best: Best, more: Any, codes: Any, query: int, distance: int, index: int) -> Any:
    """Keep a pair if it is among the k best; the lower index wins a tie. Return whether limits change."""


# A call hands over every array of the tuples, which costs more than the comparison that mostly ends it: this
# and `_pair` become part of the loops that use them.
@extending.overload(_offer, inline="always", strict=False)
def _offer_of(rule: Any, best: Any, more: Any, codes: Any, query: Any, distance: Any, index: Any) -> Any:
    return _offer_more if isinstance(more, types.Array) else _offer_to_best


def _offer_to_best(rule: Any, best: Any, more: Any, codes: Any, query: Any, distance: Any, index: Any) -> Any:
    worst = best.distances[query, 0]
    if distance > worst or (distance == worst and index > best.indices[query, 0]):
        return False
    _sift(best.distances[query], best.indices[query], distance, index, best.distances.shape[1])
    return True


def _offer_more(rule: Any, best: Any, more: Any, codes: Any, query: Any, distance: Any, index: Any) -> Any:
    if distance > more[query, WORST]:
        return False
    worst = best.distances[query, 0]
    changes = distance < worst or (distance == worst and index < best.indices[query, 0])
    if changes:
        _sift(best.distances[query], best.indices[query], distance, index, best.distances.shape[1])
    if _is_best_of_class(more, codes, query, distance, index):
        changes = True
    if changes:
        more[query, WORST] = max(best.distances[query, 0], _within_reach(more[query, NEAREST], rule.reach))
    return changes


@njit(nogil=True)
def _is_best_of_class(more: Any, codes: Any, query: int, distance: int, index: int) -> bool:
    """Keep a pair if it is the best of its class; return whether it is the nearest of all."""
    at, whose = FIRST + codes[index], FIRST + (more.shape[1] - FIRST) // 2 + codes[index]
    if distance < more[query, at] or (distance == more[query, at] and index < more[query, whose]):
        more[query, at], more[query, whose] = distance, index
        if distance < more[query, NEAREST]:
            more[query, NEAREST] = distance
            return True
    return False


@njit(nogil=True)
def _within_reach(nearest: int, reach: float) -> Any:
    """Return the largest distance within reach of the smallest one, or a little more."""
    if nearest == FARTHEST:
        return nearest
    return int(min(nearest * reach * (1 + 1e-9), NO_LIMIT)) + 1


@njit(nogil=True, inline="always")
def _pair(variant: Any, rule: Rule, rows: Rows, batch: Batch, row: int, query: int) -> Any:
    """Return the full distance of one row and one query."""
    width = rows.full.shape[1]
    total = 0
    for start in range(0, width, RUN):
        total += steps.pair_sum(
            variant, rows.full, row, batch.full, query, width, start, min(start + RUN, width)
        )
    return rows.norms[row] + batch.norms[query] + rule.factor * total


@njit(nogil=True)
def _dense(variant: Any, rule: Rule, rows: Rows, batch: Batch, best: Best, more: Any, codes: Any,
           queries: Any, span: Any) -> None:  # fmt: skip
    """Compare some queries with a span of rows at full length."""
    width = rows.full.shape[1]
    for row in range(span[0], span[1], 4):
        for query in range(queries[0], queries[1], 2):
            best.sums[:] = 0
            for start in range(0, width, RUN):
                stop = min(start + RUN, width)
                steps.tile_sums(variant, rows.full, row, batch.full, query, width, start, stop, best.sums)
            for number in range(8):
                r, q = row + number // 2, query + number % 2
                distance = rows.norms[r] + batch.norms[q] + rule.factor * best.sums[number]
                # Asked first: even to name the rows of the heap takes as long as the sum.
                if distance <= _worst(best, more, q) and r < span[1]:
                    _offer(rule, best, more, codes, q, distance, r)


@njit(nogil=True)
def _sparse(variant: Any, rule: Rule, rows: Rows, batch: Batch, best: Best, more: Any, codes: Any,
            first: int, span: Any) -> int:  # fmt: skip
    """Compare four queries with a span of rows, bounds first; return how many needed a full distance.

    The span's pairs are thinned out by one bound after the other, all pairs at each before the next: the
    loops stay tight, and rows that must be read in full are asked for early.
    """
    start, stop = span[0] // 16, (span[1] + 15) // 16
    steps.coarse_masks(variant, rows.coarse, rows.squares, start, stop - start, 1, batch.coarse, first,
                       best.limits, best.masks)  # fmt: skip
    left = 0
    for group in range(start, stop):
        mask = best.masks[group - start]
        while mask != 0:
            bit = steps.lowest_bit(mask)
            mask &= mask - 1
            query, row = first + (bit >> 4), 16 * group + (bit & 15)
            bound = steps.fine_sum(variant, rows.fine, row, batch.fine, query)
            if bound <= best.fine_limits[query] and row < span[1]:
                steps.prefetch(rows.full, row, rows.full.shape[1])
                best.left[left, 0], best.left[left, 1], best.left[left, 2] = query, row, bound
                left += 1
    full = 0
    for number in range(left):
        query, row, bound = best.left[number]
        if bound <= best.fine_limits[query] and _may_matter(
            rule, batch, best, more, codes, query, row, bound
        ):
            full += 1
            if _offer(rule, best, more, codes, query, _pair(variant, rule, rows, batch, row, query), row):
                _set_limits(rule, batch, best, more, query)
    return full


@njit(nogil=True)
def _seed(variant: Any, rule: Rule, rows: Rows, batch: Batch, best: Best, more: Any, codes: Any,
          first: int, n_groups: int) -> None:  # fmt: skip
    """Give four queries their first limits: a distance that at least k rows are known to be within.

    Of a sample of the rows, the 4 k with the smallest first bounds are compared at full length. The k-th best
    distance goes into the heap with an index beyond all, k times, so that every row up to it displaces one.
    """
    best.near[:] = FARTHEST
    size = best.near.shape[2]
    for start in range(0, n_groups, SEED_GROUPS):
        count, group = min(SEED_GROUPS, n_groups - start), start * SEED_STRIDE
        steps.coarse_sums(variant, rows.coarse, rows.squares, group, count, SEED_STRIDE, batch.coarse, first,
                          best.coarse_sums)  # fmt: skip
        for query in range(4):
            sums, places = best.near[query]
            for number in range(count):
                row = 16 * (group + number * SEED_STRIDE)
                for lane in range(16):
                    if best.coarse_sums[number, query, lane] < sums[0]:
                        _sift(sums, places, best.coarse_sums[number, query, lane], row + lane, size)
    for query in range(4):
        if best.limits[first + query] == PADDING:
            continue
        for row in best.near[query, 1]:
            distance = _pair(variant, rule, rows, batch, row, first + query)
            _offer(rule, best, more, codes, first + query, distance, row)
        best.distances[first + query] = best.distances[first + query, 0]
        best.indices[first + query] = FARTHEST
        _set_limits(rule, batch, best, more, first + query)


@Kernel
def scan(variant: Any, rule: Rule, rows: Rows, batch: Batch, best: Best, more: Any, codes: Any,
         start: int, stop: int) -> None:  # fmt: skip
    """Compare a batch of queries with the rows ``start`` (a multiple of TILE) to ``stop``, bounds first.

    Where more than a quarter of the pairs of a tile need the full distance all the same, the bounds only cost
    time: the next tiles are compared by brute force, then bounds get another chance.
    """
    n_groups = rule.n_rows // (16 * SEED_STRIDE)
    if start == 0 and 16 * n_groups >= best.near.shape[2]:
        for first in range(0, batch.full.shape[0], 4):
            _seed(variant, rule, rows, batch, best, more, codes, first, n_groups)
    low = start
    while low < stop:
        high = min(low + min(TILE, max(64, low)), stop)
        for first in range(0, batch.full.shape[0], 4):
            if best.dense[first // 4] > 0:
                best.dense[first // 4] -= 1
                _dense(variant, rule, rows, batch, best, more, codes, (first, first + 4), (low, high))
                for query in range(first, first + 4):
                    _set_limits(rule, batch, best, more, query)
            else:
                full = _sparse(variant, rule, rows, batch, best, more, codes, first, (low, high))
                if full > high - low and low > 0:
                    best.dense[first // 4] = DENSE_TILES
        low = high


@Kernel
def brute(variant: Any, rule: Rule, rows: Rows, batch: Batch, best: Best, more: Any, codes: Any,
          start: int, stop: int) -> None:  # fmt: skip
    """Compare a batch of queries with the rows ``start`` (a multiple of 4) to ``stop`` at full length."""
    step = max(4, TILE_BYTES // rows.full.shape[1] // 4 * 4)
    count = batch.full.shape[0]
    while count > 2 and best.limits[count - 2] == PADDING:
        count -= 2
    for low in range(start, stop, step):
        _dense(variant, rule, rows, batch, best, more, codes, (0, count), (low, min(low + step, stop)))


@Kernel
def sort_best(best: Best) -> None:
    """Turn the heaps into lists, nearest first."""
    for query in range(best.distances.shape[0]):
        distances, indices = best.distances[query], best.indices[query]
        for size in range(distances.size - 1, 0, -1):
            distance, index = distances[size], indices[size]
            distances[size], indices[size] = distances[0], indices[0]
            _sift(distances, indices, distance, index, size)
