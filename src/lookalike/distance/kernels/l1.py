"""L1 between bytes in machine code: with the byte-SAD instruction, and in portable vectors."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from lookalike.distance.kernels.vectors import I8, I16, I32, I64, Emitter, vector

BYTES = vector(32, I8)
SHORTS = vector(16, I16)
LONGS = vector(4, I64)


class Sad:
    """Sums of absolute byte differences by AVX2: 32 bytes become four sums of eight differences each."""

    def zero(self) -> Any:
        """Return an empty sum."""
        return ir.Constant(LONGS, [0] * 4)

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` with the differences of 32 more bytes."""
        return emit.builder.add(total, emit.call("llvm.x86.avx2.psad.bw", LONGS, [first, second]))

    def eighths(self, emit: Emitter, total: Any) -> Any:
        """Return the sums of the four runs of eight bytes, as 4 x i64."""
        return total


class PortableSad(Sad):
    """The same in plain vectors: differences are kept as 16 sums of 16 bits, enough for 128 additions."""

    def zero(self) -> Any:
        """Return an empty sum."""
        return ir.Constant(SHORTS, [0] * 16)

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` with the differences of 32 more bytes."""
        build = emit.builder
        is_larger = build.icmp_unsigned(">", first, second)
        larger, smaller = build.select(is_larger, first, second), build.select(is_larger, second, first)
        apart = build.bitcast(build.sub(larger, smaller), SHORTS)
        return build.add(total, emit.fold(apart))

    def eighths(self, emit: Emitter, total: Any) -> Any:
        """Return the sums of the four runs of eight bytes, as 4 x i64."""
        for kind in (vector(8, I32), LONGS):
            total = emit.fold(emit.builder.bitcast(total, kind))
        return total


def coarse(emit: Emitter, sad: Sad, finish: Any) -> None:
    """Emit the first bounds of 4 queries to groups of 16 rows; see ``steps``.

    The 32 bytes of a row are in four runs of eight; a vector holds one run of four rows, so that the four
    sums which a SAD gives are those of four rows and nothing is added across. ``finish`` gets the loop's
    counter and for each query its sums as one vector of 16 x i16.
    """
    build = emit.builder
    base = emit.address(6, I8, build.mul(emit.values[7], ir.Constant(I64, 32)))
    spread = [build.bitcast(emit.splat(emit.load(base, I64, run), 4), BYTES) for run in range(16)]

    def body(index: Any, carried: list[Any]) -> list[Any]:
        group = build.add(emit.values[3], build.mul(index, emit.values[5]))
        rows = emit.address(1, I8, build.mul(group, ir.Constant(I64, 512)))
        sums = []
        for query in range(4):
            packed = ir.Constant(LONGS, [0] * 4)
            for part in range(4):
                total = sad.zero()
                for run in range(4):
                    total = sad.add(
                        emit, total, emit.load(rows, BYTES, 4 * part + run), spread[4 * query + run]
                    )
                lanes = sad.eighths(emit, total)
                packed = build.or_(packed, build.shl(lanes, emit.constant(16 * part, 4, I64)))
            sums.append([build.bitcast(packed, SHORTS)])
        finish(index, sums)
        return carried

    emit.loop(ir.Constant(I64, 0), emit.values[4], 1, [], body)


def fine_sum(emit: Emitter, sad: Sad) -> Any:
    """Emit the second bound of one query to one row: the SAD of two runs of 64 bytes."""
    build = emit.builder
    row = emit.address(1, I8, build.mul(emit.values[2], ir.Constant(I64, 128)))
    query = emit.address(3, I8, build.mul(emit.values[4], ir.Constant(I64, 128)))
    total = sad.zero()
    for half in range(4):
        total = sad.add(emit, total, emit.load(row, BYTES, half), emit.load(query, BYTES, half))
    return emit.total(sad.eighths(emit, total))


def tile(emit: Emitter, sad: Sad, n_rows: int, n_queries: int) -> list[Any]:
    """Emit the sums of ``n_rows`` rows and ``n_queries`` queries over a range of bytes, row by row."""
    build = emit.builder
    rows = [
        emit.address(1, I8, build.mul(build.add(emit.values[2], ir.Constant(I64, r)), emit.values[5]))
        for r in range(n_rows)
    ]
    queries = [
        emit.address(3, I8, build.mul(build.add(emit.values[4], ir.Constant(I64, q)), emit.values[5]))
        for q in range(n_queries)
    ]

    def body(index: Any, totals: list[Any]) -> list[Any]:
        left = [emit.load(build.gep(row, [index]), BYTES) for row in rows]
        right = [emit.load(build.gep(query, [index]), BYTES) for query in queries]
        pairs = [(a, b) for a in left for b in right]
        return [sad.add(emit, total, a, b) for total, (a, b) in zip(totals, pairs, strict=True)]

    totals = emit.loop(emit.values[6], emit.values[7], 32, [sad.zero()] * (n_rows * n_queries), body)
    return [emit.total(sad.eighths(emit, total)) for total in totals]
