"""Squared L2 between bytes in machine code: products of 16-bit numbers, added in pairs to 32 bits."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from lookalike.distance.kernels.vectors import I8, I16, I32, I64, Emitter, vector

SHORTS = vector(16, I16)
INTS = vector(8, I32)


class Multiply:
    """Products of 16-bit numbers added in pairs, by AVX2's instruction for it."""

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` (8 x i32) with the 16 products of ``first`` and ``second`` (16 x i16)."""
        return emit.builder.add(total, emit.call("llvm.x86.avx2.pmadd.wd", INTS, [first, second]))


class PortableMultiply(Multiply):
    """The same in plain vectors, in which LLVM recognises such an instruction where there is one."""

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` (8 x i32) with the 16 products of ``first`` and ``second`` (16 x i16)."""
        build, wide = emit.builder, vector(16, I32)
        return build.add(total, emit.pairs(build.mul(build.sext(first, wide), build.sext(second, wide))))


def coarse(emit: Emitter, unit: Multiply, finish: Any) -> None:
    """Emit the first bounds of 4 queries to groups of 16 rows; see ``steps``.

    With the row's own squares ``n`` and the query ``q`` already times -2, ``n + row . q`` is the squared
    distance less a constant of the query, which its limit takes into account. A vector holds two numbers of
    eight rows. ``finish`` gets the loop's counter and for each query its sums as two vectors of 8 x i32.
    """
    build = emit.builder
    base = emit.address(6, I16, build.mul(emit.values[7], ir.Constant(I64, 32)))
    spread = [build.bitcast(emit.splat(emit.load(base, I32, pair), 8), SHORTS) for pair in range(64)]

    def body(index: Any, carried: list[Any]) -> list[Any]:
        group = build.add(emit.values[3], build.mul(index, emit.values[5]))
        rows = emit.address(1, I16, build.mul(group, ir.Constant(I64, 512)))
        squares = emit.address(2, I32, build.mul(group, ir.Constant(I64, 16)))
        totals = [[emit.load(squares, INTS, half) for half in range(2)] for _ in range(4)]
        for pair in range(16):
            halves = [emit.load(rows, SHORTS, 2 * pair + half) for half in range(2)]
            for query, sums in enumerate(totals):
                other = spread[16 * query + pair]
                totals[query] = [unit.add(emit, sums[half], halves[half], other) for half in range(2)]
        finish(index, totals)
        return carried

    emit.loop(ir.Constant(I64, 0), emit.values[4], 1, [], body)


def fine_sum(emit: Emitter, unit: Multiply) -> Any:
    """Emit the second bound of one query to one row: squared differences of 64 numbers of 16 bits."""
    build = emit.builder
    row = emit.address(1, I16, build.mul(emit.values[2], ir.Constant(I64, 64)))
    query = emit.address(3, I16, build.mul(emit.values[4], ir.Constant(I64, 64)))
    total = ir.Constant(INTS, [0] * 8)
    for part in range(4):
        apart = build.sub(emit.load(row, SHORTS, part), emit.load(query, SHORTS, part))
        total = unit.add(emit, total, apart, apart)
    return emit.total(total)


def tile(emit: Emitter, unit: Multiply, n_rows: int, n_queries: int) -> list[Any]:
    """Emit the products of ``n_rows`` byte rows and ``n_queries`` 16-bit queries over a range of features."""
    build = emit.builder
    rows = [
        emit.address(1, I8, build.mul(build.add(emit.values[2], ir.Constant(I64, r)), emit.values[5]))
        for r in range(n_rows)
    ]
    queries = [
        emit.address(3, I16, build.mul(build.add(emit.values[4], ir.Constant(I64, q)), emit.values[5]))
        for q in range(n_queries)
    ]

    def body(index: Any, totals: list[Any]) -> list[Any]:
        left = [build.zext(emit.load(build.gep(row, [index]), vector(16, I8)), SHORTS) for row in rows]
        right = [emit.load(build.gep(query, [index]), SHORTS) for query in queries]
        pairs = [(a, b) for a in left for b in right]
        return [unit.add(emit, total, a, b) for total, (a, b) in zip(totals, pairs, strict=True)]

    zero = ir.Constant(INTS, [0] * 8)
    totals = emit.loop(emit.values[6], emit.values[7], 16, [zero] * (n_rows * n_queries), body)
    return [emit.total(total) for total in totals]
