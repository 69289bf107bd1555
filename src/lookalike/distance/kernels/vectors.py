"""Small words of LLVM's vector language that the emitters of L1 and L2 share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils as _cgutils

cgutils: Any = _cgutils

I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


def intrinsic(function: Callable[..., Any]) -> Any:
    """Make an intrinsic of what returns its signature, and a function that writes its code with an Emitter.

    Calls of it do not pass the typing context, which the types of Numba's own decorator miss.
    """

    @functools.wraps(function)
    def made(typing: Any, *arguments: Any) -> Any:
        signature, write = function(typing, *arguments)

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            result = write(Emitter(context, builder, signature, values))
            return context.get_dummy_value() if result is None else result

        return signature, generate

    return extending.intrinsic(made)


def vector(count: int, element: ir.IntType) -> Any:
    """Return the type of ``count`` lanes of ``element``."""
    return ir.VectorType(element, count)


#: What a vector of AVX2 holds.
BYTES, SHORTS = vector(32, I8), vector(16, I16)


class Emitter:
    """Writes instructions for one intrinsic: Numba's builder with the few words that it lacks."""

    def __init__(self, context: Any, builder: Any, signature: Any, values: Any) -> None:
        self.context, self.builder = context, builder
        self.types, self.values = signature.args, values

    def address(self, argument: int, element: Any, offset: Any) -> Any:
        """Return the address of item ``offset`` (in items) of the array that is argument ``argument``."""
        kind = self.types[argument]
        data = self.context.make_array(kind)(self.context, self.builder, self.values[argument]).data
        return self.builder.gep(self.builder.bitcast(data, element.as_pointer()), [offset])

    def vectors(self, argument: int, kind: Any) -> Any:
        """Return the address of an array's first vector of type ``kind``."""
        return self.builder.bitcast(self.address(argument, I8, ir.Constant(I64, 0)), kind.as_pointer())

    def load(self, address: Any, kind: Any, step: int = 0) -> Any:
        """Return the value of type ``kind``, ``step`` such values behind ``address``; any alignment."""
        typed = self.builder.bitcast(address, kind.as_pointer())
        if step:
            typed = self.builder.gep(typed, [ir.Constant(I64, step)])
        return self.builder.load(typed, align=1)

    def store(self, value: Any, address: Any, step: int = 0) -> None:
        """Write ``value`` at ``step`` such values behind ``address``."""
        typed = self.builder.bitcast(address, value.type.as_pointer())
        self.builder.store(value, self.builder.gep(typed, [ir.Constant(I64, step)]), align=1)

    def times(self, value: Any, factor: int) -> Any:
        """Return an i64 times a constant."""
        return self.builder.mul(value, ir.Constant(I64, factor))

    def splat(self, scalar: Any, count: int) -> Any:
        """Return ``count`` lanes that all hold ``scalar``."""
        kind = vector(count, scalar.type)
        one = self.builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(I32, 0))
        return self.pick(one, [0] * count)

    def constant(self, value: int, count: int, element: ir.IntType) -> Any:
        """Return ``count`` lanes of the constant ``value``."""
        return ir.Constant(vector(count, element), [value] * count)

    def pick(self, lanes: Any, order: list[int]) -> Any:
        """Return the lanes of ``lanes`` that ``order`` names."""
        return self.join(lanes, ir.Constant(lanes.type, ir.Undefined), order)

    def join(self, first: Any, second: Any, order: list[int] | None = None) -> Any:
        """Return lanes of two vectors counted through (default: the first's, then the second's)."""
        numbers = range(2 * first.type.count) if order is None else order
        return self.builder.shuffle_vector(
            first, second, ir.Constant(vector(len(numbers), I32), list(numbers))
        )

    def pairs(self, lanes: Any) -> Any:
        """Return half as many lanes: each the sum of two neighbours."""
        count = lanes.type.count
        even = self.pick(lanes, list(range(0, count, 2)))
        return self.builder.add(even, self.pick(lanes, list(range(1, count, 2))))

    def fold(self, lanes: Any) -> Any:
        """Return each lane's upper half added to its lower half, both taken as unsigned."""
        count, bits = lanes.type.count, lanes.type.element.width // 2
        low = self.builder.and_(lanes, self.constant((1 << bits) - 1, count, lanes.type.element))
        return self.builder.add(low, self.builder.lshr(lanes, self.constant(bits, count, lanes.type.element)))

    def total(self, lanes: Any) -> Any:
        """Return the sum of all lanes, as i64 (lanes are not negative or signed and wide enough)."""
        wide = lanes if lanes.type.element == I64 else self.builder.sext(lanes, vector(lanes.type.count, I64))
        return self.halved(wide, self.builder.add)

    def halved(self, lanes: Any, add: Callable[..., Any]) -> Any:
        """Return the sum of all lanes by adding the upper half to the lower half, until one is left."""
        while lanes.type.count > 1:
            half = lanes.type.count // 2
            lanes = add(self.pick(lanes, list(range(half))), self.pick(lanes, list(range(half, 2 * half))))
        return self.builder.extract_element(lanes, ir.Constant(I32, 0))

    def call(self, name: str, result: Any, arguments: list[Any]) -> Any:
        """Return the result of LLVM's own function ``name``."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def bits(self, flags: list[Any]) -> Any:
        """Return vectors of i1, lowest first, as one i64."""
        while len(flags) > 1:
            flags = [self.join(flags[i], flags[i + 1]) for i in range(0, len(flags), 2)]
        return self.builder.bitcast(flags[0], I64)

    def loop(
        self, start: Any, stop: Any, step: int, first: list[Any], body: Callable[..., list[Any]]
    ) -> list[Any]:
        """Emit ``for i in range(start, stop, step)`` that carries values along; return their last values."""
        cells = [cgutils.alloca_once(self.builder, value.type) for value in first]
        for cell, value in zip(cells, first, strict=True):
            self.builder.store(value, cell)
        with cgutils.for_range_slice(self.builder, start, stop, ir.Constant(I64, step), I64) as (index, _):
            after = body(index, [self.builder.load(cell) for cell in cells])
            for cell, value in zip(cells, after, strict=True):
                self.builder.store(value, cell)
        return [self.builder.load(cell) for cell in cells]

    def each(self, stop: Any, body: Callable[[Any], None], first: int = 0, step: int = 1) -> None:
        """Emit a loop from ``first`` that carries nothing along."""

        def run(index: Any, _: list[Any]) -> list[Any]:
            body(index)
            return []

        self.loop(ir.Constant(I64, first), stop, step, [], run)
