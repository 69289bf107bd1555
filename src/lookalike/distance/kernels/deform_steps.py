"""The innermost steps of the deformable distance with two planes and a context of 3x3, and what all share.

A row of the query and a row of a displaced reference are compared a phase at a time (see ``deform_lanes``).
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lookalike.distance.kernels.deform_lanes import BYTES, LANES, SHORTS, SIZE, Sums, times
from lookalike.distance.kernels.vectors import I8, I16, I32, I64, Emitter, intrinsic, vector


@intrinsic
def copy_run(typing: Any, source: Any, start: Any, target: Any, at: Any, count: Any) -> Any:
    """Copy ``count`` blocks of 16 bytes that lie side by side to every other block of 16 bytes."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        half = vector(16, I8)
        blocks, places = emit.address(0, I8, values[1]), emit.address(2, I8, values[3])

        def body(index: Any, _: list[Any]) -> list[Any]:
            block = emit.load(builder.gep(blocks, [times(emit, index, 16)]), half)
            emit.store(block, builder.gep(places, [times(emit, index, SIZE)]))
            return []

        emit.loop(ir.Constant(I64, 0), values[4], 1, [], body)
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64, types.int64), generate


@intrinsic
def sweep(typing: Any, variant: Any, queries: Any, query: Any, references: Any, offsets: Any, at: Any,
          row: Any, stride: Any, best: Any, rows: Any, steps: Any) -> Any:  # fmt: skip
    """Lower ``best`` to the costs of one displacement: 4 phases, 2 planes, a context of 3x3, 16 bits.

    Parameters
    ----------
    queries, query, stride
        Where the first row of the query (the one above the first that is wanted) begins in its first phase;
        phases lie ``stride`` bytes apart.
    references, offsets, at, row
        ``offsets[at + f] + row`` is where that row of the displaced reference begins in phase ``f``.
    best, rows
        A column of ``rows`` vectors for each phase: the cost around the i-th row goes to vector ``i + 1``.
    steps
        How many pairs of rows are read.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        sums = Sums(emit, variant)
        if sums.element == I16:
            _emit_sweep(emit, sums)
        return context.get_dummy_value()

    args = (variant, queries, types.int64, references, offsets, *[types.int64] * 3, best, types.int64)
    return types.void(*args, types.int64), generate


def _emit_sweep(emit: Emitter, sums: Sums) -> None:
    """Emit the loop of :func:`sweep`: all sums stay in registers, two rows share the sum of the two."""
    build, values = emit.builder, emit.values
    lines = [emit.address(1, I8, build.add(values[2], times(emit, values[7], f))) for f in range(4)]
    places = [emit.load(emit.address(4, I64, values[5]), I64, f) for f in range(4)]
    moved = [emit.address(3, I8, build.add(place, values[6])) for place in places]
    columns = [emit.address(8, I16, times(emit, values[9], LANES * f)) for f in range(4)]
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
        row = times(emit, index, SIZE)
        even = across(row)
        lower(row, both, even)
        row = build.add(row, ir.Constant(I64, SIZE))
        odd = across(row)
        both = [build.add(*pair) for pair in zip(even, odd, strict=True)]
        lower(row, last, both)
        return [*both, *odd]

    emit.loop(ir.Constant(I64, 0), times(emit, values[10], 2), 2, [sums.zero] * 8, body)


@intrinsic
def fill(typing: Any, variant: Any, best: Any, rows: Any, start: Any, phases: Any, first: Any,
         count: Any) -> Any:  # fmt: skip
    """Set vectors of each phase's column, ``count`` from the vector ``first`` on, to that of ``start``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        unit = Sums(emit, variant)
        pointer, zero = unit.kind.as_pointer(), ir.Constant(I64, 0)
        source, target = (builder.bitcast(emit.address(n, I8, zero), pointer) for n in (3, 1))

        def phase(f: Any, _: list[Any]) -> list[Any]:
            lanes = emit.load(builder.gep(source, [f]), unit.kind)
            place = builder.gep(target, [builder.add(values[5], builder.mul(f, values[2]))])

            def row(index: Any, _: list[Any]) -> list[Any]:
                emit.store(lanes, builder.gep(place, [index]))
                return []

            emit.loop(zero, values[6], 1, [], row)
            return []

        emit.loop(zero, values[4], 1, [], phase)
        return context.get_dummy_value()

    return types.void(variant, best, types.int64, start, *[types.int64] * 3), generate


@intrinsic
def half_sums(typing: Any, variant: Any, best: Any, rows: Any, phases: Any, first: Any, count: Any) -> Any:
    """Return the sums of the lower and of the upper lanes of ``count`` vectors of the column of each phase.

    The caller sees to it that 16-bit lanes are at most 2^15 vectors: pairs of them are summed in 32 bits.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        unit = Sums(emit, variant)
        wide = vector(8, I32) if unit.element == I16 else vector(8, I64)
        start = builder.bitcast(emit.address(1, I8, ir.Constant(I64, 0)), unit.kind.as_pointer())

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
        return context.make_tuple(builder, signature.return_type, halves)

    result: Any = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call]
    return result(variant, best, *[types.int64] * 4), generate
