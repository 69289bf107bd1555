"""Distances from bytes to a few float64 images, fused: nothing of the size rows x prototypes x features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from lookalike import settings
from lookalike.distance.kernels.compiled import Kernel
from lookalike.distance.kernels.vectors import I8, I64, Emitter, intrinsic, vector
from lookalike.distance.threads import run_chunks

DOUBLE = ir.DoubleType()
#: Features in a step, and prototypes that a row is compared with at a time.
LANES, TOGETHER = 8, 4
#: Rows in a chunk of work hold about so many bytes.
CHUNK_BYTES = 1 << 19


@intrinsic
def _four_sums(typing: Any, squared: Any, rows: Any, row: Any, prototypes: Any, first: Any, width: Any,
               out: Any) -> Any:  # fmt: skip
    """Write the sums for one row and four prototypes, a whole number of steps ``width`` long, to ``out``.

    ``squared`` is a tuple: its length says at compile time whether differences are squared (1) or their sign
    dropped (0). Additions are in one order that depends on ``width`` alone.
    """
    lanes = vector(LANES, DOUBLE)

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        emit = Emitter(context, builder, signature, values)
        bytes_at = emit.address(1, I8, builder.mul(values[2], values[5]))
        images = [
            emit.address(3, DOUBLE, builder.mul(builder.add(values[4], ir.Constant(I64, number)), values[5]))
            for number in range(TOGETHER)
        ]

        def body(index: Any, sums: list[Any]) -> list[Any]:
            pixels = builder.uitofp(emit.load(builder.gep(bytes_at, [index]), vector(LANES, I8)), lanes)
            after = []
            for total, image in zip(sums, images, strict=True):
                apart = builder.fsub(emit.load(builder.gep(image, [index]), lanes), pixels)
                term = (
                    builder.fmul(apart, apart)
                    if squared.count
                    else emit.call("llvm.fabs.v8f64", lanes, [apart])
                )
                after.append(builder.fadd(total, term))
            return after

        zero = ir.Constant(lanes, [0.0] * LANES)
        sums = emit.loop(ir.Constant(I64, 0), values[5], LANES, [zero] * TOGETHER, body)
        target = emit.address(6, DOUBLE, ir.Constant(I64, 0))
        for number, total in enumerate(sums):
            while total.type.count > 1:
                half = total.type.count // 2
                total = builder.fadd(
                    emit.pick(total, list(range(half))), emit.pick(total, list(range(half, 2 * half)))
                )
            emit.store(builder.extract_element(total, ir.Constant(ir.IntType(32), 0)), target, number)
        return context.get_dummy_value()

    return types.void(squared, rows, types.int64, prototypes, types.int64, types.int64, out), generate


@Kernel
def _sums(squared: Any, rows: Any, prototypes: Any, four: Any, out: Any) -> None:
    """Fill ``out`` (n, m) with the sums of ``rows`` (n, d) and ``prototypes`` (m, d), m a multiple of 4."""
    for row in range(rows.shape[0]):
        for first in range(0, prototypes.shape[0], TOGETHER):
            _four_sums(squared, rows, row, prototypes, first, rows.shape[1], four)
            for number in range(TOGETHER):
                out[row, first + number] = four[number]


def prototype_sums(
    rows: NDArray[np.uint8],
    prototypes: NDArray[np.float64],
    metric: Literal["l1", "l2"],
    *,
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Return the sum of absolute or squared differences of each row and each prototype.

    A pair's sum is the same to the last bit in whatever batch, at whatever place and on however many threads
    it is worked out.

    Parameters
    ----------
    rows : ndarray of shape (n, d), uint8
        Any memory layout.
    prototypes : ndarray of shape (m, d), float64
        In the units of the bytes, 0-255.
    metric : {"l1", "l2"}
        ``"l1"``: sums of absolute differences; ``"l2"``: sums of squared differences.
    threads : int, optional
        Default: :func:`lookalike.settings.threads`.

    Returns
    -------
    ndarray of shape (n, m), float64

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.kernels.prototypes import prototype_sums
    >>> prototype_sums(np.array([[0, 10]], np.uint8), np.array([[0.5, 9.0], [0.0, 10.0]]), "l1")
    array([[1.5, 0. ]])
    """
    width = -(-rows.shape[1] // LANES) * LANES
    wanted = np.zeros((-(-len(prototypes) // TOGETHER) * TOGETHER, width))
    wanted[: len(prototypes), : rows.shape[1]] = prototypes
    out = np.empty((len(rows), len(prototypes)))
    step = max(1, CHUNK_BYTES // width)
    mark = (0,) if metric == "l2" else ()

    def work(start: int) -> Iterator[None]:
        some = rows[start : start + step]
        padded = np.zeros((len(some), width), np.uint8)
        padded[:, : rows.shape[1]] = some
        sums = np.empty((len(some), len(wanted)))
        _sums(mark, padded, wanted, np.empty(TOGETHER), sums)
        out[start : start + step] = sums[:, : len(prototypes)]
        yield

    chunks = range(0, len(rows), step)
    run_chunks(work, chunks, max(1, min(settings.threads() if threads is None else threads, len(chunks))))
    return out
