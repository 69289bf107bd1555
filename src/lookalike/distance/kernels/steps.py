"""The intrinsics: innermost steps that Numba's compiled loops call and LLVM inlines."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from lookalike.distance.kernels import l1, l2
from lookalike.distance.kernels.variants import L1Avx2, L1Portable, L2Avx2, L2Portable
from lookalike.distance.kernels.vectors import I8, I32, I64, Emitter, intrinsic, vector


def _emitters(variant: Any) -> tuple[Any, Any]:
    """Return the module that emits a variant's metric, and what emits its innermost instruction."""
    return {
        L1Avx2: (l1, l1.Sad()),
        L1Portable: (l1, l1.PortableSad()),
        L2Avx2: (l2, l2.Multiply()),
        L2Portable: (l2, l2.PortableMultiply()),
    }[variant.instance_class]


@intrinsic
def coarse_masks(typing: Any, variant: Any, coarse: Any, squares: Any, group: Any, count: Any, stride: Any,
                 queries: Any, query: Any, limits: Any, out: Any) -> Any:  # fmt: skip
    """Find which of 4 queries have a first bound within their limits to which rows of some groups of 16.

    ``coarse`` holds the thumbnails of the rows in the scan's order, ``squares`` their sums of squares (L2
    only), ``queries`` those of the queries as rows of 32. The groups are ``count`` ones from ``group`` on, in
    steps of ``stride``. Bit ``16 q + r`` of ``out[i]`` is set where row ``16 (group + i stride) + r`` must be
    looked at for query ``query + q``.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit, (metric, unit) = Emitter(context, builder, signature, values), _emitters(variant)
        at = emit.address(8, I32, values[7])
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

        metric.coarse(emit, unit, finish)
        return context.get_dummy_value()

    number = types.int64
    return types.void(variant, coarse, squares, *[number] * 3, queries, number, limits, out), generate


@intrinsic
def coarse_sums(typing: Any, variant: Any, coarse: Any, squares: Any, group: Any, count: Any, stride: Any,
                queries: Any, query: Any, out: Any) -> Any:  # fmt: skip
    """Write what ``coarse_masks`` compares with the limits, as int32, to ``out[i, q, r]``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit, (metric, unit) = Emitter(context, builder, signature, values), _emitters(variant)

        def finish(index: Any, sums: Any) -> None:
            at = emit.address(8, I32, builder.mul(index, ir.Constant(I64, 64)))
            for query, vectors in enumerate(sums):
                for part, lanes in enumerate(vectors):
                    wide = builder.zext(lanes, vector(16, I32)) if lanes.type.count == 16 else lanes
                    emit.store(wide, at, query * len(vectors) + part)

        metric.coarse(emit, unit, finish)
        return context.get_dummy_value()

    number = types.int64
    return types.void(variant, coarse, squares, *[number] * 3, queries, number, out), generate


@intrinsic
def fine_sum(typing: Any, variant: Any, fine: Any, row: Any, queries: Any, query: Any) -> Any:
    """Return the distance, in units, of the larger thumbnails of a row and a query."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        metric, unit = _emitters(variant)
        return metric.fine_sum(Emitter(context, builder, signature, values), unit)

    return types.int64(variant, fine, types.int64, queries, types.int64), generate


@intrinsic
def tile_sums(typing: Any, variant: Any, rows: Any, row: Any, queries: Any, query: Any, width: Any,
              start: Any, stop: Any, out: Any) -> Any:  # fmt: skip
    """Add to ``out[2 r + q]`` the sum for row ``row + r`` (of 4) and query ``query + q`` (of 2).

    Over the features ``start`` to ``stop`` (whole steps of 32) of rows and queries that lie ``width`` apart.
    """

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit, (metric, unit) = Emitter(context, builder, signature, values), _emitters(variant)
        sums = metric.tile(emit, unit, 4, 2)
        target = emit.address(8, I64, ir.Constant(I64, 0))
        for number, value in enumerate(sums):
            emit.store(builder.add(emit.load(target, I64, number), value), target, number)
        return context.get_dummy_value()

    return types.void(variant, rows, types.int64, queries, *[types.int64] * 4, out), generate


@intrinsic
def pair_sum(typing: Any, variant: Any, rows: Any, row: Any, queries: Any, query: Any, width: Any, start: Any,
             stop: Any) -> Any:  # fmt: skip
    """Return the sum for one row and one query over the features ``start`` to ``stop``."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        metric, unit = _emitters(variant)
        return metric.tile(Emitter(context, builder, signature, values), unit, 1, 1)[0]

    return types.int64(variant, rows, types.int64, queries, *[types.int64] * 4), generate


@intrinsic
def lowest_bit(typing: Any, mask: Any) -> Any:
    """Return the number of the lowest bit that is set in a mask that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


@intrinsic
def prefetch(typing: Any, rows: Any, row: Any, width: Any) -> Any:
    """Ask for all bytes of a row, ``width`` of them, to be brought near."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        start = emit.address(0, I8, builder.mul(values[1], values[2]))
        flags = [ir.Constant(I32, flag) for flag in (0, 3, 1)]  # to read, keep in all caches, data

        def body(index: Any, carried: list[Any]) -> list[Any]:
            emit.call("llvm.prefetch.p0", ir.VoidType(), [builder.gep(start, [index]), *flags])
            return carried

        emit.loop(ir.Constant(I64, 0), values[2], 64, [], body)
        return context.get_dummy_value()

    return types.void(rows, types.int64, types.int64), generate
