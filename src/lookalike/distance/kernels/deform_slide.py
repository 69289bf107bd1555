"""One displacement of the deformable distance for any shape, number of planes and context."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lookalike.distance.kernels.deform_lanes import BYTES, SIZE, Sums, times
from lookalike.distance.kernels.vectors import I8, I64, Emitter, intrinsic


@intrinsic
def slide(typing: Any, variant: Any, queries: Any, query: Any, references: Any, offsets: Any, at: Any,
          row: Any, shape: Any, room: Any, best: Any, rows: Any, count: Any) -> Any:  # fmt: skip
    """Lower ``best`` to the costs of one displacement, for any shape, by differences of running sums.

    The sum of a patch is taken along the row first, then down: each is the difference of two running sums, so
    that the cost hardly grows with the context.

    Parameters
    ----------
    queries, query, references, offsets, at, row
        As for :func:`sweep`; the first row is ``context`` rows above the first that is wanted.
    shape
        ``(phases, stride, pairs, context)``: phases lie ``stride`` bytes apart, pairs of planes
        ``phases * stride``.
    room
        Working memory for ``phases + 2 * context + 3`` columns of ``rows`` vectors, zeros at first.
    best, rows
        A column of ``rows`` vectors for each phase: the cost around the i-th row goes to vector
        ``i + context``. What lies before the first that is wanted is overwritten.
    count
        How many rows are read: ``2 * context`` more than are wanted.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        _Slide(emit, Sums(emit, variant)).all()
        return context.get_dummy_value()

    integers = [types.int64] * 2
    args = (variant, queries, types.int64, references, offsets, *integers, shape, room, best, *integers)
    return types.void(*args), generate


class _Slide:
    """The loops of :func:`slide`: the innermost run down a column of vectors, one for each row."""

    def __init__(self, emit: Emitter, unit: Sums) -> None:
        build, values = emit.builder, emit.values
        self.emit, self.unit, self.build = emit, unit, build
        shape = (build.extract_value(values[7], n) for n in range(4))
        self.phases, self.stride, self.pairs, self.radius = shape
        self.twice = build.add(self.radius, self.radius)
        self.rows, self.count = values[10], values[11]
        self.room, self.best = (
            build.bitcast(emit.address(n, unit.element, ir.Constant(I64, 0)), unit.kind.as_pointer())
            for n in (8, 9)
        )

    def column(self, first: Any, number: Any) -> Any:
        """Return where a column of vectors begins."""
        return self.build.gep(first, [self.build.mul(number, self.rows)])

    def along(self, phase: Any) -> Any:
        """Return the column of the errors of all phases before ``phase``, summed: ``-context`` and up."""
        return self.column(self.room, self.build.add(phase, self.radius))

    def each(self, stop: Any, body: Any, first: int = 0) -> None:
        """Emit a loop that carries nothing along."""

        def step(index: Any, _: list[Any]) -> list[Any]:
            body(index)
            return []

        self.emit.loop(ir.Constant(I64, first), stop, 1, [], step)

    def load(self, column: Any, row: Any) -> Any:
        """Return one vector of a column."""
        return self.emit.load(self.build.gep(column, [row]), self.unit.kind)

    def store(self, lanes: Any, column: Any, row: Any) -> None:
        """Set one vector of a column."""
        self.emit.store(lanes, self.build.gep(column, [row]))

    def all(self) -> None:
        """Emit the whole: running sums along the rows, how they go on in other lanes, and the costs."""
        self.each(self.phases, self.add_errors)
        self.each(self.radius, self.go_on)
        self.each(self.phases, self.lower)

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
                offset = build.add(jump, times(emit, row, SIZE))
                error = unit.error(*(emit.load(build.gep(side, [offset]), BYTES) for side in sides))
                self.store(build.add(self.load(column, row), error), after, row)

            self.each(self.count, add_row)

        apart = build.mul(self.phases, self.stride)
        add(before, ir.Constant(I64, 0))
        self.each(self.pairs, lambda pair: add(after, build.mul(pair, apart)), first=1)

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

        self.each(self.count, row)

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
