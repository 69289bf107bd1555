"""The deformable distance in machine code: innermost steps that LLVM inlines, and the loops around them.

Vectors have 16 lanes, 8 for each of two references. One holds one phase of one row (see ``Planes``): 16 bytes
of one reference, two planes interleaved, then 16 of another. Squared differences of the pairs of bytes are 16
lanes of 16 bits, and as the neighbours of a column lie in other phases, sums along a row are plain additions
of vectors; only at the ends of the phases does a vector move by one lane.

A row of the query and a row of a displaced reference are compared a phase at a time: by ``sweep`` with two
planes and a context of 3x3, by ``slide`` for any shape, number of planes and context.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numpy.typing import NDArray

from lookalike.distance.kernels import FARTHEST
from lookalike.distance.kernels.compiled import Kernel, Long, Short, ShortPortable
from lookalike.distance.kernels.vectors import BYTES, I8, I16, I32, I64, SHORTS, Emitter, intrinsic, vector

#: Bytes and lanes of a vector.
SIZE, LANES = 32, 16
_UP = [16, *range(7), 16, *range(8, 15)]  # lane i gets lane i - 1 of its own half, zero at the start
_DOWN = [*range(1, 8), 16, *range(9, 16), 16]


class Sums:
    """The few operations in which variants differ."""

    def __init__(self, emit: Emitter, variant: Any) -> None:
        self.emit, self.build = emit, emit.builder
        self.native = variant.instance_class in (Short, Long)
        self.element = I16 if variant.instance_class in (Short, ShortPortable) else I32
        self.kind = vector(LANES, self.element)
        self.zero = ir.Constant(self.kind, [0] * LANES)

    def error(self, first: Any, second: Any) -> Any:
        """Return the squared differences of 32 bytes, added in pairs: 16 numbers below 2^15."""
        build, emit = self.build, self.emit
        apart = build.sub(first, second)
        size = emit.call("llvm.abs.v32i8", BYTES, [apart, ir.Constant(ir.IntType(1), 0)])
        if self.native:
            pairs = emit.call("llvm.x86.avx2.pmadd.ub.sw", SHORTS, [size, size])
        else:
            both = build.bitcast(size, SHORTS)
            low = build.and_(both, emit.constant(255, LANES, I16))
            high = build.lshr(both, emit.constant(8, LANES, I16))
            pairs = build.add(build.mul(low, low), build.mul(high, high))
        return pairs if self.element == I16 else build.zext(pairs, self.kind)

    def least(self, first: Any, second: Any) -> Any:
        """Return the smaller of two numbers in each lane, unsigned."""
        return self.build.select(self.build.icmp_unsigned("<", first, second), first, second)

    def up(self, lanes: Any) -> Any:
        """Return the lanes moved to the next higher one within each half."""
        return self.emit.join(lanes, self.zero, _UP)

    def down(self, lanes: Any) -> Any:
        """Return the lanes moved to the next lower one within each half."""
        return self.emit.join(lanes, self.zero, _DOWN)


@intrinsic
def copy_run(typing: Any, source: Any, start: Any, target: Any, at: Any, count: Any) -> Any:
    """Copy ``count`` blocks of 16 bytes that lie side by side to every other block of 16 bytes."""

    def write(emit: Emitter) -> None:
        build, values = emit.builder, emit.values
        blocks, places = emit.address(0, I8, values[1]), emit.address(2, I8, values[3])

        def body(index: Any) -> None:
            block = emit.load(build.gep(blocks, [emit.times(index, 16)]), vector(16, I8))
            emit.store(block, build.gep(places, [emit.times(index, SIZE)]))

        emit.each(values[4], body)

    return types.void(source, types.int64, target, types.int64, types.int64), write


@intrinsic
def sweep(typing: Any, variant: Any, queries: Any, query: Any, references: Any, offsets: Any, at: Any,
          row: Any, stride: Any, best: Any, rows: Any, steps: Any) -> Any:  # fmt: skip
    """Lower ``best`` to the costs of one displacement: 4 phases, 2 planes, a context of 3x3, 16 bits.

    ``query`` is where the first row of the query (the one above the first that is wanted) begins in its first
    phase; phases lie ``stride`` bytes apart. ``offsets[at + f] + row`` is where that row of the displaced
    reference begins in phase ``f``. ``best`` has a column of ``rows`` vectors for each phase: the cost around
    the i-th row goes to vector ``i + 1``. ``steps`` pairs of rows are read.
    """

    def write(emit: Emitter) -> None:
        sums = Sums(emit, variant)
        if sums.element == I16:
            _emit_sweep(emit, sums)

    args = (variant, queries, types.int64, references, offsets, *[types.int64] * 3, best, types.int64)
    return types.void(*args, types.int64), write


def _emit_sweep(emit: Emitter, sums: Sums) -> None:
    """Emit the loop of :func:`sweep`: all sums stay in registers, two rows share the sum of the two."""
    build, values = emit.builder, emit.values
    lines = [emit.address(1, I8, build.add(values[2], emit.times(values[7], f))) for f in range(4)]
    places = [emit.load(emit.address(4, I64, values[5]), I64, f) for f in range(4)]
    moved = [emit.address(3, I8, build.add(place, values[6])) for place in places]
    columns = [emit.address(8, I16, emit.times(values[9], LANES * f)) for f in range(4)]
    best = [build.bitcast(column, I8.as_pointer()) for column in columns]

    def across(offset: Any) -> list[Any]:
        pixels = [
            sums.error(emit.load(build.gep(q, [offset]), BYTES), emit.load(build.gep(r, [offset]), BYTES))
            for q, r in zip(lines, moved, strict=True)
        ]
        left, right = build.add(pixels[0], pixels[1]), build.add(pixels[2], pixels[3])
        return [
            build.add(left, sums.up(pixels[3])),
            build.add(left, pixels[2]),
            build.add(right, pixels[1]),
            build.add(right, sums.down(pixels[0])),
        ]

    def lower(offset: Any, first: list[Any], second: list[Any]) -> None:
        for f in range(4):
            place, cost = build.gep(best[f], [offset]), build.add(first[f], second[f])
            emit.store(sums.least(cost, emit.load(place, SHORTS)), place)

    def body(index: Any, carried: list[Any]) -> list[Any]:
        both, last = carried[:4], carried[4:]
        row = emit.times(index, SIZE)
        even = across(row)
        lower(row, both, even)
        row = build.add(row, ir.Constant(I64, SIZE))
        odd = across(row)
        both = [build.add(*pair) for pair in zip(even, odd, strict=True)]
        lower(row, last, both)
        return [*both, *odd]

    emit.loop(ir.Constant(I64, 0), emit.times(values[10], 2), 2, [sums.zero] * 8, body)


@intrinsic
def fill(typing: Any, variant: Any, best: Any, rows: Any, start: Any, phases: Any, first: Any,
         count: Any) -> Any:  # fmt: skip
    """Set vectors of each phase's column, ``count`` from the vector ``first`` on, to that of ``start``."""

    def write(emit: Emitter) -> None:
        unit, builder, values = Sums(emit, variant), emit.builder, emit.values
        source, target = (emit.vectors(n, unit.kind) for n in (3, 1))

        def phase(f: Any) -> None:
            lanes = emit.load(builder.gep(source, [f]), unit.kind)
            place = builder.gep(target, [builder.add(values[5], builder.mul(f, values[2]))])
            emit.each(values[6], lambda index: emit.store(lanes, builder.gep(place, [index])))

        emit.each(values[4], phase)

    return types.void(variant, best, types.int64, start, *[types.int64] * 3), write


@intrinsic
def half_sums(typing: Any, variant: Any, best: Any, rows: Any, phases: Any, first: Any, count: Any) -> Any:
    """Return the sums of the lower and of the upper lanes of ``count`` vectors of the column of each phase.

    The caller sees to it that 16-bit lanes are at most 2^15 vectors: pairs of them are summed in 32 bits.
    """
    result: Any = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call]

    def write(emit: Emitter) -> Any:
        unit, builder, values = Sums(emit, variant), emit.builder, emit.values
        wide = vector(8, I32) if unit.element == I16 else vector(8, I64)
        start = emit.vectors(1, unit.kind)

        def phase(f: Any, carried: list[Any]) -> list[Any]:
            place = builder.gep(start, [builder.add(values[4], builder.mul(f, values[2]))])

            def row(index: Any, totals: list[Any]) -> list[Any]:
                lanes = emit.load(builder.gep(place, [index]), unit.kind)
                return [builder.add(totals[0], emit.fold(builder.bitcast(lanes, wide)))]

            return emit.loop(ir.Constant(I64, 0), values[5], 1, carried, row)

        zero = ir.Constant(wide, [0] * 8)
        total = emit.loop(ir.Constant(I64, 0), values[3], 1, [zero], phase)[0]
        total = builder.zext(total, vector(8, I64))
        halves = [emit.total(emit.pick(total, list(range(n, n + 4)))) for n in (0, 4)]
        return emit.context.make_tuple(builder, result, halves)

    return result(variant, best, *[types.int64] * 4), write


@intrinsic
def slide(typing: Any, variant: Any, queries: Any, query: Any, references: Any, offsets: Any, at: Any,
          row: Any, shape: Any, room: Any, best: Any, rows: Any, count: Any) -> Any:  # fmt: skip
    """Lower ``best`` to the costs of one displacement, for any shape, by differences of running sums.

    The sum of a patch is taken along the row first, then down: each is the difference of two running sums, so
    that the cost hardly grows with the context. The first arguments are those of :func:`sweep`; the first row
    is ``context`` rows above the first that is wanted. ``shape`` is ``(phases, stride, pairs, context)``:
    phases lie ``stride`` bytes apart, pairs of planes ``phases * stride``. ``room`` holds ``phases + 2 *
    context + 3`` columns of ``rows`` vectors, zeros at first. The cost around the i-th row goes to vector ``i
    + context`` of its column of ``best``; what lies before the first that is wanted is overwritten. ``count``
    rows are read, ``2 * context`` more than are wanted.
    """
    integers = [types.int64] * 2
    args = (variant, queries, types.int64, references, offsets, *integers, shape, room, best, *integers)
    return types.void(*args), lambda emit: _Slide(emit, Sums(emit, variant)).all()


class _Slide:
    """The loops of :func:`slide`: the innermost run down a column of vectors, one for each row."""

    def __init__(self, emit: Emitter, unit: Sums) -> None:
        build, values = emit.builder, emit.values
        self.emit, self.unit, self.build = emit, unit, build
        shape = (build.extract_value(values[7], n) for n in range(4))
        self.phases, self.stride, self.pairs, self.radius = shape
        self.twice = build.add(self.radius, self.radius)
        self.rows, self.count = values[10], values[11]
        self.room, self.best = (emit.vectors(n, unit.kind) for n in (8, 9))

    def column(self, first: Any, number: Any) -> Any:
        """Return where a column of vectors begins."""
        return self.build.gep(first, [self.build.mul(number, self.rows)])

    def along(self, phase: Any) -> Any:
        """Return the column of the errors of all phases before ``phase``, summed: ``-context`` and up."""
        return self.column(self.room, self.build.add(phase, self.radius))

    def load(self, column: Any, row: Any) -> Any:
        """Return one vector of a column."""
        return self.emit.load(self.build.gep(column, [row]), self.unit.kind)

    def store(self, lanes: Any, column: Any, row: Any) -> None:
        """Set one vector of a column."""
        self.emit.store(lanes, self.build.gep(column, [row]))

    def all(self) -> None:
        """Emit the whole: running sums along the rows, how they go on in other lanes, and the costs."""
        self.emit.each(self.phases, self.add_errors)
        self.emit.each(self.radius, self.go_on)
        self.emit.each(self.phases, self.lower)

    def add_errors(self, phase: Any) -> None:
        """Emit the errors of one phase, of all pairs of planes, added to those of the phases before."""
        build, emit, unit = self.build, self.emit, self.unit
        place = emit.load(emit.address(4, I64, build.add(emit.values[5], phase)), I64)
        sides = [
            emit.address(1, I8, build.add(emit.values[2], build.mul(phase, self.stride))),
            emit.address(3, I8, build.add(emit.values[6], place)),
        ]
        before, after = self.along(phase), self.along(build.add(phase, ir.Constant(I64, 1)))

        def add(column: Any, jump: Any) -> None:
            def add_row(row: Any) -> None:
                offset = build.add(jump, emit.times(row, SIZE))
                error = unit.error(*(emit.load(build.gep(side, [offset]), BYTES) for side in sides))
                self.store(build.add(self.load(column, row), error), after, row)

            self.emit.each(self.count, add_row)

        apart = build.mul(self.phases, self.stride)
        add(before, ir.Constant(I64, 0))
        self.emit.each(self.pairs, lambda pair: add(after, build.mul(pair, apart)), first=1)

    def go_on(self, number: Any) -> None:
        """Emit the sums beyond the first and the last phase, where the same phases of other lanes follow."""
        build, unit = self.build, self.unit
        after = build.add(number, ir.Constant(I64, 1))
        before = build.neg(after)
        whole, low, high = (
            self.along(self.phases),
            self.along(before),
            self.along(build.add(self.phases, after)),
        )
        last, first = self.along(build.add(self.phases, before)), self.along(after)

        def row(index: Any) -> None:
            total = self.load(whole, index)
            self.store(unit.up(build.sub(self.load(last, index), total)), low, index)
            self.store(build.add(unit.down(self.load(first, index)), total), high, index)

        self.emit.each(self.count, row)

    def lower(self, phase: Any) -> None:
        """Emit the costs of one phase; the first rows of the running sums down stay zeros."""
        build, unit, one = self.build, self.unit, ir.Constant(I64, 1)
        best = self.column(self.best, phase)
        low, high = (
            self.along(build.sub(phase, self.radius)),
            self.along(build.add(build.add(phase, self.radius), one)),
        )
        running = self.column(self.room, build.add(self.phases, build.add(self.twice, one)))
        later = build.gep(running, [build.add(self.twice, one)])

        def row(index: Any, carried: list[Any]) -> list[Any]:
            window = build.sub(self.load(high, index), self.load(low, index))
            total = build.add(carried[0], window)
            cost = build.sub(total, self.load(running, index))
            self.store(total, later, index)
            self.store(unit.least(cost, self.load(best, index)), best, index)
            return [total]

        self.emit.loop(ir.Constant(I64, 0), self.count, 1, [unit.zero], row)


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
    """Return what rows of two matches add to their distances, of copies of which the second are bent."""
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
            first: int, order: Any, parts: Any, sums: Any, distances: Any, indices: Any) -> None:  # fmt: skip
    """Add parts of the distances of queries and their candidates to ``sums`` (q, c), and keep the nearest.

    ``queries`` and ``references`` are packed planes, flat; ``candidates`` (q, c), or (1, c) for all of them,
    name references; ``first`` is the query that ``sums`` begins with. Candidates are taken in the ``order``
    (q, c) or (1, c), ascending by ``sums``. Each of ``parts`` (p, 3) is a direction (1: the query is bent to
    look like the reference), first row, last row + 1. ``distances`` and ``indices`` (q, k) are the nearest so
    far, ascending by distance, then by index; where k is not 0, sums above their worst distance may stay
    incomplete, but above it.
    """
    count = candidates.shape[1]
    for number in range(sums.shape[0]):
        chosen, places = candidates[min(number, len(candidates) - 1)], order[min(number, len(order) - 1)]
        nearest, who, known = distances[number], indices[number], sums[number]
        bound = FARTHEST
        for half in range(2):
            _load(plan, queries, first + number, half, scratch.query, 0, plan.height)
        for place in range(0, count, 2):
            one, other = places[place], places[min(place + 1, count - 1)]
            if nearest.size:
                bound = nearest[-1]
            if known[one] > bound:
                break
            both = _finish(variant, plan, scratch, references, (chosen[one], chosen[other]),
                           (known[one], known[other]), parts, bound)  # fmt: skip
            known[one], known[other] = both
            for half in range(1 if other == one else 2):
                _keep(nearest, who, both[half], chosen[one if half == 0 else other])


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
