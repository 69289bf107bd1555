"""16 lanes, 8 of each of two references: how the deformable distance lies in vectors.

A vector holds one phase of one row (see ``Planes``): 16 bytes of one reference, two planes interleaved, then
16 of another. Squared differences of the pairs of bytes are 16 lanes of 16 bits, and as the neighbours of a
column lie in other phases, sums along a row are plain additions of vectors; only at the ends of the phases
does a vector move by one lane.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir

from lookalike import settings
from lookalike.distance.kernels.variants import processor_features
from lookalike.distance.kernels.vectors import I1, I8, I16, I32, I64, Emitter, vector

BYTES = vector(32, I8)
SHORTS = vector(16, I16)
#: Bytes and lanes of a vector.
SIZE, LANES = 32, 16
_UP = [16, *range(7), 16, *range(8, 15)]  # lane i gets lane i - 1 of its own half, zero at the start
_DOWN = [*range(1, 8), 16, *range(9, 16), 16]


class Short(NamedTuple):
    """Sums in 16 bits, by AVX2's multiply-and-add of bytes."""

    mark: int = 0


class ShortPortable(NamedTuple):
    """Sums in 16 bits, in vectors that any processor's compiler can lower."""

    mark: int = 0


class Long(NamedTuple):
    """Sums in 32 bits, by AVX2's multiply-and-add of bytes."""

    mark: int = 0


class LongPortable(NamedTuple):
    """Sums in 32 bits, in vectors that any processor's compiler can lower."""

    mark: int = 0


Variant = Short | ShortPortable | Long | LongPortable


def variant_for(bits: int) -> Variant:
    """Return the marker for sums of 16 or 32 bits on this processor, by the settings of now."""
    native = settings.simd() and "avx2" in processor_features()
    if bits == 16:
        return Short() if native else ShortPortable()
    return Long() if native else LongPortable()


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
        size = emit.call("llvm.abs.v32i8", BYTES, [apart, ir.Constant(I1, 0)])
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


def times(emit: Emitter, value: Any, factor: int) -> Any:
    """Return an i64 times a constant."""
    return emit.builder.mul(value, ir.Constant(I64, factor))
