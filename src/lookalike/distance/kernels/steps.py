"""The innermost steps of the exact search, in machine code that Numba's compiled loops call and LLVM inlines.

``Sad`` emits L1 between bytes, ``Multiply`` squared L2; the intrinsics below them are what ``scan`` calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types

from lookalike.distance.kernels.compiled import L1Avx2, L1Portable, L2Avx2, L2Portable
from lookalike.distance.kernels.vectors import BYTES, I8, I16, I32, I64, SHORTS, Emitter, intrinsic, vector

INTS = vector(8, I32)
LONGS = vector(4, I64)


class Unit:
    """What L1 and squared L2 have in common.

    ``add`` adds a vector of features to a sum like ``zero``, and ``add_apart`` what two of them differ by.
    """

    number: Any  # of queries
    features: Any  # a vector of them
    word: Any  # so many numbers of a row lie side by side in the scan's order
    zero: Any
    add: Any
    add_apart: Any
    group: Any

    def from_bytes(self, emit: Emitter, lanes: Any) -> Any:
        """Return features of rows, which are bytes, as those of queries."""
        return lanes

    def total(self, emit: Emitter, sums: Any) -> Any:
        """Return a sum as i64."""
        return emit.total(sums)

    def tile(self, emit: Emitter, n_rows: int, n_queries: int) -> list[Any]:
        """Emit the sums of ``n_rows`` rows and ``n_queries`` queries over a range of features, row by row."""
        build, size = emit.builder, self.features.count

        def starts(argument: int, kind: Any, count: int) -> list[Any]:
            places = [
                build.add(emit.values[argument + 1], ir.Constant(I64, number)) for number in range(count)
            ]
            return [emit.address(argument, kind, build.mul(place, emit.values[5])) for place in places]

        rows, queries = starts(1, I8, n_rows), starts(3, self.number, n_queries)

        def body(index: Any, totals: list[Any]) -> list[Any]:
            left = [
                self.from_bytes(emit, emit.load(build.gep(row, [index]), vector(size, I8))) for row in rows
            ]
            right = [emit.load(build.gep(query, [index]), self.features) for query in queries]
            pairs = [(a, b) for a in left for b in right]
            return [self.add(emit, total, a, b) for total, (a, b) in zip(totals, pairs, strict=True)]

        totals = emit.loop(emit.values[6], emit.values[7], size, [self.zero] * (n_rows * n_queries), body)
        return [self.total(emit, total) for total in totals]

    def coarse(self, emit: Emitter, finish: Callable[[Any, list[list[Any]]], None]) -> None:
        """Emit the first bounds of 4 queries to groups of 16 rows; see :func:`coarse_masks`.

        ``finish`` gets the loop's counter and what ``group`` returns.
        """
        build = emit.builder
        base = emit.address(6, self.number, emit.times(emit.values[7], 32))
        words = [emit.load(base, self.word, n) for n in range(128 * self.number.width // self.word.width)]
        spread = [build.bitcast(emit.splat(word, 256 // self.word.width), self.features) for word in words]

        def body(index: Any) -> None:
            group = build.add(emit.values[3], build.mul(index, emit.values[5]))
            rows = emit.address(1, self.number, emit.times(group, 512))
            squares = emit.address(2, I32, emit.times(group, 16))
            finish(index, self.group(emit, rows, squares, spread))

        emit.each(emit.values[4], body)

    def fine_sum(self, emit: Emitter) -> Any:
        """Emit the second bound of one query to one row: four vectors of the numbers of each."""
        row, query = (
            emit.address(n, self.number, emit.times(emit.values[n + 1], 4 * self.features.count))
            for n in (1, 3)
        )
        total = self.zero
        for part in range(4):
            sides = (emit.load(side, self.features, part) for side in (row, query))
            total = self.add_apart(emit, total, *sides)
        return self.total(emit, total)


class Sad(Unit):
    """Sums of absolute byte differences by AVX2: 32 bytes become four sums of eight differences each."""

    number, features, word = I8, BYTES, I64
    zero = ir.Constant(LONGS, [0] * 4)

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` with the differences of 32 more bytes."""
        return emit.builder.add(total, emit.call("llvm.x86.avx2.psad.bw", LONGS, [first, second]))

    def add_apart(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        return self.add(emit, total, first, second)

    def eighths(self, emit: Emitter, total: Any) -> Any:
        """Return the sums of the four runs of eight bytes, as 4 x i64."""
        return total

    def total(self, emit: Emitter, sums: Any) -> Any:
        return emit.total(self.eighths(emit, sums))

    def group(self, emit: Emitter, rows: Any, squares: Any, queries: list[Any]) -> list[list[Any]]:
        """Emit the sums of 16 rows for each query, as one vector of 16 x i16.

        The 32 bytes of a row are in four runs of eight; a vector holds one run of four rows, so that the four
        sums which a SAD gives are those of four rows and nothing is added across.
        """
        build, sums = emit.builder, []
        for query in range(4):
            packed = ir.Constant(LONGS, [0] * 4)
            for part in range(4):
                total = self.zero
                for run in range(4):
                    row = emit.load(rows, BYTES, 4 * part + run)
                    total = self.add(emit, total, row, queries[4 * query + run])
                lanes = self.eighths(emit, total)
                packed = build.or_(packed, build.shl(lanes, emit.constant(16 * part, 4, I64)))
            sums.append([build.bitcast(packed, SHORTS)])
        return sums


class PortableSad(Sad):
    """The same in plain vectors: differences are kept as 16 sums of 16 bits, enough for 128 additions."""

    zero = ir.Constant(SHORTS, [0] * 16)

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        build = emit.builder
        is_larger = build.icmp_unsigned(">", first, second)
        larger, smaller = build.select(is_larger, first, second), build.select(is_larger, second, first)
        apart = build.bitcast(build.sub(larger, smaller), SHORTS)
        return build.add(total, emit.fold(apart))

    def eighths(self, emit: Emitter, total: Any) -> Any:
        for kind in (vector(8, I32), LONGS):
            total = emit.fold(emit.builder.bitcast(total, kind))
        return total


class Multiply(Unit):
    """Products of 16-bit numbers added in pairs, by AVX2's instruction for it."""

    number, features, word = I16, SHORTS, I32
    zero = ir.Constant(INTS, [0] * 8)

    def from_bytes(self, emit: Emitter, lanes: Any) -> Any:
        return emit.builder.zext(lanes, SHORTS)

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        """Return ``total`` (8 x i32) with the 16 products of ``first`` and ``second`` (16 x i16)."""
        return emit.builder.add(total, emit.call("llvm.x86.avx2.pmadd.wd", INTS, [first, second]))

    def group(self, emit: Emitter, rows: Any, squares: Any, queries: list[Any]) -> list[list[Any]]:
        """Emit the sums of 16 rows for each query, as two vectors of 8 x i32.

        With the row's own squares ``n`` and the query ``q`` already times -2, ``n + row . q`` is the squared
        distance less a constant of the query, which its limit takes into account. A vector holds two numbers
        of eight rows.
        """
        totals = [[emit.load(squares, INTS, half) for half in range(2)] for _ in range(4)]
        for pair in range(16):
            halves = [emit.load(rows, SHORTS, 2 * pair + half) for half in range(2)]
            for query, sums in enumerate(totals):
                other = queries[16 * query + pair]
                totals[query] = [self.add(emit, sums[half], halves[half], other) for half in range(2)]
        return totals

    def add_apart(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        apart = emit.builder.sub(first, second)
        return self.add(emit, total, apart, apart)


class PortableMultiply(Multiply):
    """The same in plain vectors, in which LLVM recognises such an instruction where there is one."""

    def add(self, emit: Emitter, total: Any, first: Any, second: Any) -> Any:
        build, wide = emit.builder, vector(16, I32)
        return build.add(total, emit.pairs(build.mul(build.sext(first, wide), build.sext(second, wide))))


_UNITS: dict[Any, Sad | Multiply] = {
    L1Avx2: Sad(),
    L1Portable: PortableSad(),
    L2Avx2: Multiply(),
    L2Portable: PortableMultiply(),
}


@intrinsic
def coarse_masks(typing: Any, variant: Any, coarse: Any, squares: Any, group: Any, count: Any, stride: Any,
                 queries: Any, query: Any, limits: Any, out: Any) -> Any:  # fmt: skip
    """Find which of 4 queries have a first bound within their limits to which rows of some groups of 16.

    ``coarse`` holds the lower bounds of the rows in the scan's order, ``squares`` their sums of squares (L2
    only), ``queries`` those of the queries as rows of 32. The groups are ``count`` ones from ``group`` on, in
    steps of ``stride``. Bit ``16 q + r`` of ``out[i]`` is set where row ``16 (group + i stride) + r`` must be
    looked at for query ``query + q``.
    """

    def write(emit: Emitter) -> None:
        builder = emit.builder
        at = emit.address(8, I32, emit.values[7])
        bounds = [emit.load(at, I32, number) for number in range(4)]

        def finish(index: Any, sums: Any) -> None:
            flags = []
            for vectors, bound in zip(sums, bounds, strict=True):
                kind = vectors[0].type
                limit = emit.splat(
                    builder.trunc(bound, kind.element) if kind.count == 16 else bound, kind.count
                )
                flags += [builder.icmp_signed("<=", lanes, limit) for lanes in vectors]
            emit.store(emit.bits(flags), emit.address(9, I64, index))

        _UNITS[variant.instance_class].coarse(emit, finish)

    number = types.int64
    return types.void(variant, coarse, squares, *[number] * 3, queries, number, limits, out), write


@intrinsic
def coarse_sums(typing: Any, variant: Any, coarse: Any, squares: Any, group: Any, count: Any, stride: Any,
                queries: Any, query: Any, out: Any) -> Any:  # fmt: skip
    """Write what ``coarse_masks`` compares with the limits, as int32, to ``out[i, q, r]``."""

    def write(emit: Emitter) -> None:
        def finish(index: Any, sums: Any) -> None:
            at = emit.address(8, I32, emit.times(index, 64))
            for query, vectors in enumerate(sums):
                for part, lanes in enumerate(vectors):
                    wide = emit.builder.zext(lanes, vector(16, I32)) if lanes.type.count == 16 else lanes
                    emit.store(wide, at, query * len(vectors) + part)

        _UNITS[variant.instance_class].coarse(emit, finish)

    number = types.int64
    return types.void(variant, coarse, squares, *[number] * 3, queries, number, out), write


@intrinsic
def fine_sum(typing: Any, variant: Any, fine: Any, row: Any, queries: Any, query: Any) -> Any:
    """Return the distance, in units, of the larger lower bounds of a row and a query."""
    write = _UNITS[variant.instance_class].fine_sum
    return types.int64(variant, fine, types.int64, queries, types.int64), write


@intrinsic
def tile_sums(typing: Any, variant: Any, rows: Any, row: Any, queries: Any, query: Any, width: Any,
              start: Any, stop: Any, out: Any) -> Any:  # fmt: skip
    """Add to ``out[2 r + q]`` the sum for row ``row + r`` (of 4) and query ``query + q`` (of 2).

    Over the features ``start`` to ``stop`` (whole steps of 32) of rows and queries that lie ``width`` apart.
    """

    def write(emit: Emitter) -> None:
        sums = _UNITS[variant.instance_class].tile(emit, 4, 2)
        target = emit.address(8, I64, ir.Constant(I64, 0))
        for number, value in enumerate(sums):
            emit.store(emit.builder.add(emit.load(target, I64, number), value), target, number)

    return types.void(variant, rows, types.int64, queries, *[types.int64] * 4, out), write


@intrinsic
def pair_sum(typing: Any, variant: Any, rows: Any, row: Any, queries: Any, query: Any, width: Any, start: Any,
             stop: Any) -> Any:  # fmt: skip
    """Return the sum for one row and one query over the features ``start`` to ``stop``."""
    unit = _UNITS[variant.instance_class]
    signature = types.int64(variant, rows, types.int64, queries, *[types.int64] * 4)
    return signature, lambda emit: unit.tile(emit, 1, 1)[0]


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Return the number of the lowest bit that is set in a mask that is not 0."""
    return types.int64(types.int64), lambda emit: emit.builder.cttz(
        emit.values[0], ir.Constant(ir.IntType(1), 1)
    )


@intrinsic
def prefetch(typing: Any, rows: Any, row: Any, width: Any) -> Any:
    """Ask for all bytes of a row, ``width`` of them, to be brought near."""

    def write(emit: Emitter) -> None:
        start = emit.address(0, I8, emit.builder.mul(*emit.values[1:]))
        flags = [ir.Constant(I32, flag) for flag in (0, 3, 1)]  # to read, keep in all caches, data

        def body(index: Any) -> None:
            emit.call("llvm.prefetch.p0", ir.VoidType(), [emit.builder.gep(start, [index]), *flags])

        emit.each(emit.values[2], body, step=64)

    return types.void(rows, types.int64, types.int64), write
