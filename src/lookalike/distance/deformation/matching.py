"""The deformable distance, fast: of all pairs, of chosen pairs, and the nearest of some candidates.

``definition.match`` says what it is; kernels compute the same integers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import settings
from lookalike.distance.deformation.definition import Match, displacements
from lookalike.distance.deformation.planes import LANES, Planes, check_same_kind, gap_for, window_sums
from lookalike.distance.kernels import FARTHEST
from lookalike.distance.kernels.compiled import checked_k, read_only, variant_of
from lookalike.distance.kernels.deform import SIZE, Plan, Scratch, compare
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.progress import Progress, silent

#: Queries that are worked on together, where they have few candidates.
BATCH = 256
#: Pixels times displacements that one call of a kernel compares: less than a tenth of a second.
CALL_WORK = 1 << 28
#: Images with fewer rows are not compared in parts.
LEAST_ROWS = 12
#: Bytes of a line of the processor's cache.
LINE = 64
_LONGEST = 127
#: No nearest ones to keep, in the kernel's last arguments.
_NOBODY = np.empty((BATCH, 0), np.int64), np.empty((BATCH, 0), np.int64)


def deformable_distances(
    queries: Planes,
    references: Planes,
    candidates: ArrayLike | None = None,
    *,
    warp: int | tuple[int, int],
    context: int,
    symmetric: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Return how unlike queries and references are (q, c) after letting the references' pixels move a little.

    ``candidates`` (q, c) are the references that each query is compared with, by default all. ``warp`` is the
    longest displacement, the same down and across, or both; ``context`` the radius of the patch around each
    pixel; each 0 to 127. ``symmetric`` also bends each query to look like the reference, and adds both
    distances. The progress is told when code is being compiled, and how many queries are done.

    >>> import numpy as np
    >>> from lookalike.distance.deformation.planes import sobel_planes
    >>> images = np.zeros((2, 9, 9), np.uint8)
    >>> images[0, 2:7, 4] = images[1, 2:7, 5] = 255  # the same stroke, a pixel further right
    >>> planes = sobel_planes(images)
    >>> deformable_distances(planes, planes, warp=0, context=1)
    array([[     0, 144792],
           [144792,      0]])
    >>> deformable_distances(planes, planes, warp=1, context=1)
    array([[0, 0],
           [0, 0]])
    """
    job = _Matching(queries, references, candidates, warp, context, symmetric)
    out = np.empty((len(queries), job.candidates.shape[1]), np.int64)

    def work(chunk: slice) -> Iterator[None]:
        for block, arguments, order, sums in job.blocks(chunk):
            compare(*arguments, order, job.parts, sums, *_NOBODY)
            out[chunk, block] = sums
            yield

    job.run(work, threads, progress)
    return out


def nearest(
    queries: Planes,
    references: Planes,
    candidates: ArrayLike | None,
    k: int,
    *,
    warp: int | tuple[int, int],
    context: int,
    symmetric: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distances and indices (q, k) of the k nearest references by the deformable distance.

    Arguments are those of :func:`deformable_distances`; a candidate should be named once, and k is 1 to their
    number. Distances ascend, equal ones by ascending index. The middle rows of all candidates are compared
    first; the rest follows in the order of these sums, and ends where no candidate can be among the k nearest
    any more. The answer is exact.

    >>> import numpy as np
    >>> from lookalike.distance.deformation.planes import sobel_planes
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 9, 9), dtype=np.uint8)
    >>> distances, indices = nearest(
    ...     sobel_planes(images[2:4]), sobel_planes(images), None, 1, warp=1, context=1
    ... )
    >>> distances.tolist(), indices.tolist()
    ([[0], [0]], [[2], [3]])
    """
    job = _Matching(queries, references, candidates, warp, context, symmetric)
    total, count = job.n_queries, job.candidates.shape[1]
    k = checked_k(k, count, "candidates")
    distances, indices = np.full((total, k), FARTHEST), np.full((total, k), FARTHEST)

    def work(chunk: slice) -> Iterator[None]:
        best = distances[chunk], indices[chunk]
        for _, arguments, order, sums in job.blocks(chunk):
            compare(*arguments, order, job.cut_parts[:1], sums, *_NOBODY)
            yield
            order = np.argsort(sums, axis=1)
            compare(*arguments, order, job.cut_parts[1:], sums, *best)
            yield

    job.run(work, threads, progress)
    return distances, indices


class _Layout(NamedTuple):
    """What comparisons of planes of one shape have in common."""

    plan: Plan
    element: Any  # dtype of sums
    offsets: NDArray[np.int64]  # as in ``Scratch``, and so is start
    start: NDArray[Any]
    parts: NDArray[np.int64]  # what is compared, in order: direction, first row, last row + 1
    cut_parts: NDArray[np.int64]  # the same, cut so that the middle rows, which tell most, come first
    pair_work: int  # pixels times displacements of a pair


@functools.lru_cache(16)
def _layout(
    shape: tuple[int, int],
    phases: int,
    pairs: int,
    warp: tuple[int, int],
    context: int,
    both: bool,
    short: bool,
) -> _Layout:
    """Return how planes of a shape are compared; ``short`` says that costs fit 16 bits."""
    height, width = shape
    margin = context + warp[0] + 1
    plan = Plan(
        height=height,
        phases=phases,
        pairs=pairs,
        context=context,
        down=warp[0],
        rows=height + 2 * margin + 1,
        above=margin,
        in_registers=phases == 4 and pairs == 1 and context == 1 and short,
        both=both,
    )
    # Where each phase of each displaced image begins, in bytes from where it lies undisplaced.
    moves = np.array(displacements(warp))
    column = np.arange(phases) + moves[:, 1:]
    places = (column % phases) * plan.rows * SIZE + (column // phases) * 2 + moves[:, :1] * SIZE
    # A row of costs to begin with: the highest for a pixel, 0 for what is beside the image.
    element = np.uint16 if short else np.uint32
    row, left = np.zeros(LANES * phases, element), (phases * LANES - width) // 2
    row[left : left + width] = np.iinfo(element).max
    cuts = [(0, height)]
    if height >= LEAST_ROWS:
        first, last = height // 5, height - height // 5
        cuts = [(first, last), (0, first), (last, height)]
    return _Layout(
        plan,
        element,
        offsets=np.ascontiguousarray(places, np.int64).reshape(-1),
        start=np.tile(row.reshape(LANES, phases).T, 2).reshape(-1),
        parts=np.array([(way, 0, height) for way in range(1 + both)], np.int64),
        cut_parts=np.array([(way, *cut) for way in range(1 + both) for cut in cuts], np.int64),
        pair_work=height * phases * LANES * pairs * len(moves),
    )


class _Matching:
    """What is compared with what, checked and laid out for the kernels."""

    def __init__(
        self,
        queries: Planes,
        references: Planes,
        candidates: ArrayLike | None,
        warp: int | tuple[int, int],
        context: int,
        symmetric: bool,
    ) -> None:
        check_same_kind(queries, references)
        reach, context = checked_warp(warp), checked_context(context)
        self.n_queries, n = len(queries.packed), len(references.packed)
        self.candidates = np.arange(n)[None]
        if candidates is not None:
            self.candidates = _checked_candidates(candidates, self.n_queries, n)
        largest = _largest_cost(queries, references, context)
        gap = max(queries.gap, references.gap, gap_for(reach, context))
        if gap > min(queries.gap, references.gap):
            queries, references = queries.with_gap(gap), references.with_gap(gap)
        self._queries = read_only(queries.packed.reshape(-1))
        self._references = read_only(references.packed.reshape(-1))
        _, pairs, phases, height, _ = references.packed.shape
        short = largest < 1 << 16 and height * phases <= 1 << 15
        self._variant = variant_of("deform16" if short else "deform32")
        self._layout = _layout(references.shape, phases, pairs, reach, context, bool(symmetric), short)
        self.parts, self.cut_parts = self._layout.parts, self._layout.cut_parts
        #: How many pairs make a call of a kernel.
        self._pairs_a_call = max(1, CALL_WORK // self._layout.pair_work)

    def blocks(
        self, chunk: slice
    ) -> Iterator[tuple[slice, tuple[Any, ...], NDArray[np.intp], NDArray[np.int64]]]:
        """Yield runs of candidates for one call of the kernel, what it takes first, their order and sums."""
        plan, element, offsets, start, *_ = self._layout
        copy = plan.rows * plan.phases * plan.pairs * SIZE
        columns = plan.phases + 2 * plan.context + 3
        scratch = Scratch(
            offsets=offsets,
            query=_aligned(copy, np.int8),
            reference=_aligned(copy, np.int8),
            room=_aligned(columns * plan.rows * 2 * LANES, element),
            best=_aligned(plan.phases * plan.rows * 2 * LANES, element),
            start=start,
        )
        rows = chunk if len(self.candidates) > 1 else slice(0, 1)
        count = chunk.stop - chunk.start
        step = max(2, self._pairs_a_call // max(1, count))
        for first in range(0, self.candidates.shape[1], step):
            block = slice(first, min(first + step, self.candidates.shape[1]))
            chosen = np.ascontiguousarray(self.candidates[rows, block])
            sums = np.zeros((count, chosen.shape[1]), np.int64)
            arguments = self._variant, plan, scratch, self._queries, self._references, chosen, chunk.start
            yield block, arguments, np.arange(chosen.shape[1])[None], sums

    def run(self, work: Callable[[slice], Iterator[None]], threads: int | None, progress: Progress) -> None:
        """Work on all queries."""
        total = self.n_queries
        count = threads or (settings.threads() if total > 1 else 1)
        step = max(1, min(BATCH, self._pairs_a_call // max(1, self.candidates.shape[1]), -(-total // count)))
        if not compare.is_ready(self._variant):
            progress("compiling the deformable distance (first use only)", 0, 1)
            for _ in work(slice(0, 0)):
                break
            progress("compiling the deformable distance (first use only)", 1, 1)
        if total <= step:
            # One image is worked on as it is: threads have nothing to share, and there is nothing to tell.
            for _ in work(slice(0, total)):
                pass
            return
        run_chunks(
            work,
            [slice(start, min(start + step, total)) for start in range(0, total, step)],
            threads,
            lambda done: progress("matching", min(done * step, total), total),
        )


def _aligned(size: int, kind: Any) -> NDArray[Any]:
    """Return zeros that begin where a cache line does: vectors that cross lines are slow."""
    room = np.zeros(size * np.dtype(kind).itemsize + LINE, np.int8)
    start = -room.ctypes.data % LINE
    return room[start : start + size * np.dtype(kind).itemsize].view(kind)


def _largest_cost(queries: Planes, references: Planes, context: int) -> int:
    """Return a number that no cost of a pixel exceeds."""
    area = (2 * context + 1) ** 2
    largest = _squared_sum(area * queries.energy, area * references.energy)
    if largest >= 1 << 16:  # it takes a while to know better, but sums of 16 bits are twice as fast
        largest = min(largest, _squared_sum(queries.patch_energy(context), references.patch_energy(context)))
    if largest >= 1 << 32:
        raise InputError(f"context is {context}: expected less, its sums of these planes do not fit 32 bits")
    return largest


def _squared_sum(first: int, second: int) -> int:
    """Return what no squared distance of two vectors exceeds, by their squared lengths: a little more."""
    return int((first**0.5 + second**0.5) ** 2 * (1 + 1e-9)) + 1


def checked_warp(warp: int | tuple[int, int]) -> tuple[int, int]:
    """Return the longest displacements down and across."""
    both = (warp, warp) if isinstance(warp, int | np.integer) else tuple(warp)
    if len(both) != 2 or not (_is_reach(both[0]) and _is_reach(both[1])):
        raise InputError(f"warp is {warp!r}: expected a whole number, 0 to {_LONGEST}, or two (down, across)")
    return int(both[0]), int(both[1])


def checked_context(context: int) -> int:
    """Return the radius of the patch."""
    if not _is_reach(context):
        raise InputError(f"context is {context!r}: expected a whole number from 0 to {_LONGEST}")
    return int(context)


def _is_reach(value: object) -> bool:
    """Return whether a parameter is an integer in range, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and 0 <= int(value) <= _LONGEST


def _checked_candidates(candidates: ArrayLike, n_queries: int, n_references: int) -> NDArray[np.int64]:
    """Return the candidates of each query."""
    chosen = np.asarray(candidates)
    if chosen.ndim != 2 or len(chosen) != n_queries or chosen.dtype.kind not in "iu":
        raise InputError(
            f"candidates are {chosen.dtype} of shape {chosen.shape}: expected integers ({n_queries}, c)"
        )
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < n_references:
        worst = chosen.max() if chosen.max() >= n_references else chosen.min()
        raise InputError(f"candidate {worst} is not there: expected 0 to {n_references - 1}")
    return chosen.astype(np.int64, copy=False)


def displacement_field(
    query: NDArray[Any], reference: NDArray[Any], *, warp: tuple[int, int], context: int
) -> Match:
    """Return how a reference is bent to look like a query: the evidence behind their distance, one way.

    It is what ``definition.match`` returns, of planes (p, h, w), in a time that does not grow with the
    context: patches that overlap share their sums.
    """
    planes = len(query)
    length = 2 * context + 1
    largest = int(np.abs(query).max(initial=0)) + int(np.abs(reference).max(initial=0))
    # Running sums may wrap around: only the cost of a patch must fit.
    kind = np.int32 if planes * (length * largest) ** 2 < 1 << 31 else np.int64
    framed = np.pad(query.astype(kind), ((0, 0), (context, context), (context, context)))
    reach = (warp[0] + context, warp[1] + context)
    wide = np.pad(reference.astype(kind), ((0, 0), (reach[0], reach[0]), (reach[1], reach[1])))
    steps = displacements(warp)
    gaps = np.empty((len(steps), *framed.shape[1:]), kind)
    for gap, (down, across) in zip(gaps, steps, strict=True):
        top, left = warp[0] + down, warp[1] + across
        differences = framed - wide[:, top : top + framed.shape[1], left : left + framed.shape[2]]
        np.einsum("pyx,pyx->yx", differences, differences, out=gap)
    costs = window_sums(gaps, length)
    best = costs.argmin(axis=0)  # the first of equals: the shortest displacement
    field = np.array(steps, np.int8)[best]
    found = np.take_along_axis(costs, best[None], axis=0)[0].astype(np.int64)
    return Match(int(found.sum()), field, found)


def warped(image: NDArray[Any], field: NDArray[np.int8]) -> NDArray[Any]:
    """Return an image bent by a displacement field (h, w, 2): what a query's pixels were matched with.

    A pixel from beyond the border is the nearest one of the image.
    """
    height, width = field.shape[:2]
    rows, columns = np.indices((height, width)) + np.moveaxis(field, -1, 0)
    bent: NDArray[Any] = image[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return bent
