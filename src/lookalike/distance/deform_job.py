"""One call of the deformable distance: its parameters checked, its planes laid out, its work cut up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import settings
from lookalike.distance.deform_definition import displacements
from lookalike.distance.deform_planes import LANES, Planes, check_same_kind, gap_for
from lookalike.distance.kernels.deform import Plan, Scratch, compare
from lookalike.distance.kernels.deform_lanes import SIZE, variant_for
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.progress import Progress

#: Queries that are worked on together, where they have few candidates.
BATCH = 256
#: Pixels times displacements that one call of a kernel compares: less than a tenth of a second.
CALL_WORK = 1 << 28
#: Images with fewer rows are not compared in parts.
LEAST_ROWS = 12
#: Bytes of a line of the processor's cache.
LINE = 64
_LONGEST = 127


class Job:
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
        self._warp, self._context = checked_warp(warp), checked_context(context)
        largest = _largest_cost(queries, references, self._context)
        gap = max(queries.gap, references.gap, gap_for(self._warp, self._context))
        queries, references = queries.with_gap(gap), references.with_gap(gap)
        self._queries, self._references = _read_only(queries.packed), _read_only(references.packed)
        self._n_queries = len(queries)
        self.candidates = _checked_candidates(candidates, len(queries), len(references))
        _, pairs, phases, height, _ = references.packed.shape
        is_short = largest < 1 << 16 and height * phases <= 1 << 15
        margin = self._context + self._warp[0] + 1
        self._plan = Plan(
            height=height,
            phases=phases,
            pairs=pairs,
            context=self._context,
            down=self._warp[0],
            rows=height + 2 * margin + 1,
            above=margin,
            in_registers=phases == 4 and pairs == 1 and self._context == 1 and is_short,
            both=symmetric,
        )
        self._variant = variant_for(16 if is_short else 32)
        self._element = np.uint16 if is_short else np.uint32
        self._start = self._starts(references.shape[1], references.gap)

    def _starts(self, width: int, gap: int) -> NDArray[Any]:
        """Return a row of costs to begin with: the highest for a pixel, 0 for what is beside the image."""
        phases = self._plan.phases
        row = np.zeros(LANES * phases, self._element)
        row[gap // 2 : gap // 2 + width] = np.iinfo(self._element).max
        return np.tile(row.reshape(LANES, phases).T, 2).reshape(-1)

    def parts(self, *, whole: bool) -> NDArray[np.int64]:
        """Return what is compared, in order: direction, first row, last row + 1; middle rows tell most."""
        height = self._plan.height
        cuts = [(0, height)]
        if not whole and height >= LEAST_ROWS:
            first, last = height // 5, height - height // 5
            cuts = [(first, last), (0, first), (last, height)]
        return np.array([(way, *cut) for way in range(1 + self._plan.both) for cut in cuts], np.int64)

    def scratch(self) -> Scratch:
        """Return working memory for one thread."""
        plan = self._plan
        copy = plan.rows * plan.phases * plan.pairs * SIZE
        columns = plan.phases + 2 * plan.context + 3
        return Scratch(
            offsets=self._offsets(),
            query=_aligned(copy, np.int8),
            reference=_aligned(copy, np.int8),
            room=_aligned(columns * plan.rows * 2 * LANES, self._element),
            best=_aligned(plan.phases * plan.rows * 2 * LANES, self._element),
            start=self._start,
        )

    def _offsets(self) -> NDArray[np.int64]:
        """Return where each phase of each displaced image begins, in bytes from where it lies undisplaced."""
        phases, row = self._plan.phases, SIZE
        moves = np.array(displacements(self._warp))
        column = np.arange(phases) + moves[:, 1:]
        places = (column % phases) * self._plan.rows * row + (column // phases) * 2 + moves[:, :1] * row
        return np.ascontiguousarray(places, np.int64).reshape(-1)

    def blocks(self, chunk: slice) -> Iterator[slice]:
        """Return the runs of candidates that one call of a kernel takes."""
        step = max(2, self._pairs_a_call() // max(1, chunk.stop - chunk.start))
        for start in range(0, self.candidates.shape[1], step):
            yield slice(start, min(start + step, self.candidates.shape[1]))

    def _pairs_a_call(self) -> int:
        """Return how many pairs make a call of a kernel."""
        plan = self._plan
        down, across = self._warp
        pixels = plan.height * plan.phases * LANES * plan.pairs
        return max(1, CALL_WORK // (pixels * (2 * down + 1) * (2 * across + 1)))

    def arguments(self, scratch: Scratch, chunk: slice, block: slice) -> tuple[Any, ...]:
        """Return what both kernels take first."""
        rows = chunk if len(self.candidates) > 1 else slice(0, 1)
        chosen = np.ascontiguousarray(self.candidates[rows, block])
        return self._variant, self._plan, scratch, self._queries, self._references, chosen, chunk.start

    def run(self, work: Callable[[slice], Iterator[None]], threads: int | None, progress: Progress) -> None:
        """Work on all queries."""
        count = settings.threads() if threads is None else threads
        fit = self._pairs_a_call() // max(1, self.candidates.shape[1])
        step = max(1, min(BATCH, fit, -(-self._n_queries // count)))
        starts = range(0, self._n_queries, step)
        if not compare.is_ready(self._variant):
            progress("compiling the deformable distance", 0, 1)
            for _ in work(slice(0, 0)):
                break
            progress("compiling the deformable distance", 1, 1)
        run_chunks(
            work,
            (slice(start, min(start + step, self._n_queries)) for start in starts),
            max(1, min(count, len(starts))),
            lambda done: progress("matching", min(done * step, self._n_queries), self._n_queries),
        )


def _read_only(packed: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return packed planes for the kernels: always read-only, for Numba compiles anew where that differs."""
    flat = np.ascontiguousarray(packed).reshape(-1).view(np.ndarray)
    flat.flags.writeable = False
    return flat


def _aligned(size: int, kind: Any) -> NDArray[Any]:
    """Return zeros that begin where a cache line does: vectors that cross lines are slow."""
    room = np.zeros(size * np.dtype(kind).itemsize + LINE, np.int8)
    start = -room.ctypes.data % LINE
    return room[start : start + size * np.dtype(kind).itemsize].view(kind)


def _largest_cost(queries: Planes, references: Planes, context: int) -> int:
    """Return a number that no cost of a pixel exceeds, by the triangle inequality."""
    area = (2 * context + 1) ** 2
    largest = _upper(area * queries.energy, area * references.energy)
    if largest >= 1 << 16:  # it takes a while to know better, but sums of 16 bits are twice as fast
        largest = min(largest, _upper(queries.patch_energy(context), references.patch_energy(context)))
    if largest >= 1 << 32:
        raise InputError(f"context is {context}: expected less, its sums of these planes do not fit 32 bits")
    return largest


def _upper(first: int, second: int) -> int:
    """Return a whole number above the squared distance of vectors of such squared lengths."""
    return int((first**0.5 + second**0.5) ** 2 * (1 + 1e-9)) + 1


def checked_warp(warp: int | tuple[int, int]) -> tuple[int, int]:
    """Return the longest displacements down and across."""
    both = (warp, warp) if isinstance(warp, int | np.integer) else tuple(warp)
    if len(both) != 2 or not all(_is_whole(value) and 0 <= value <= _LONGEST for value in both):
        raise InputError(f"warp is {warp!r}: expected a whole number, 0 to {_LONGEST}, or two (down, across)")
    return int(both[0]), int(both[1])


def checked_context(context: int) -> int:
    """Return the radius of the patch."""
    if not _is_whole(context) or not 0 <= context <= _LONGEST:
        raise InputError(f"context is {context!r}: expected a whole number from 0 to {_LONGEST}")
    return int(context)


def _is_whole(value: object) -> bool:
    """Return whether a parameter is an integer, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _checked_candidates(candidates: ArrayLike | None, n_queries: int, n_references: int) -> NDArray[np.int64]:
    """Return the candidates of each query, or one row of all references."""
    if candidates is None:
        return np.arange(n_references)[None]
    chosen = np.asarray(candidates)
    if chosen.ndim != 2 or len(chosen) != n_queries or chosen.dtype.kind not in "iu":
        raise InputError(
            f"candidates are {chosen.dtype} of shape {chosen.shape}: expected integers ({n_queries}, c)"
        )
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < n_references:
        worst = chosen.max() if chosen.max() >= n_references else chosen.min()
        raise InputError(f"candidate {worst} is not there: expected 0 to {n_references - 1}")
    return chosen.astype(np.int64, copy=False)
