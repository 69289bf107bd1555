"""Sums straight from bytes: of classes, of groups of features, of edges, and of differences from floats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numpy.typing import NDArray

from lookalike.distance.kernels.compiled import Kernel
from lookalike.distance.kernels.vectors import I8, I64, Emitter, intrinsic, vector
from lookalike.distance.threads import run_chunks

DOUBLE = ir.DoubleType()
#: Features in a step, and prototypes that a row is compared with at a time.
LANES, TOGETHER = 8, 4
#: Rows in a chunk of work hold about so many bytes.
CHUNK_BYTES = 1 << 19
#: Directions of edges, 45 degrees apart.
DIRECTIONS = 8
#: A gradient is a straight part and a diagonal one, which is 7 / 5 (for the root of 2) as long as its legs.
STRAIGHT, DIAGONAL = 5, 7


@Kernel
def group_sums(rows: NDArray[np.uint8], group_of: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Add to ``out[i, group_of[j]]`` each ``rows[i, j]``."""
    for i in range(rows.shape[0]):
        for j in range(group_of.size):
            out[i, group_of[j]] += rows[i, j]


@Kernel
def _class_sums(rows: Any, codes: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Add each row to the row of ``out`` that its code names."""
    for i in range(rows.shape[0]):
        target = out[codes[i]]
        for j in range(rows.shape[1]):
            target[j] += rows[i, j]


def class_sums(rows: NDArray[np.uint8], codes: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return the sum of the rows (n, d) of each class, exactly: zeros for a class without rows."""
    codes = np.ascontiguousarray(codes, dtype=np.int64)
    if codes.size and not 0 <= codes.min() <= codes.max() < n_classes:
        raise ValueError(
            f"class codes run from {codes.min()} to {codes.max()}: expected 0 to {n_classes - 1}"
        )
    out = np.zeros((n_classes, rows.shape[1]), np.int64)
    for start in range(0, len(rows), 4096):
        part = np.array(rows[start : start + 4096], order="C")
        _class_sums(part, codes[start : start + 4096], out)
    return out


@njit(nogil=True, inline="always")
def _directions(down: int, across: int) -> Any:
    """Return the straight and the diagonal direction that a gradient lies between, in eighths of a turn."""
    sideways, downwards = (0 if across > 0 else 4), (2 if down > 0 else 6)
    straight = sideways if abs(across) >= abs(down) else downwards
    if down > 0:
        return straight, 1 if across > 0 else 3
    return straight, 7 if across > 0 else 5


@Kernel
def add_edges(
    gradients: Any, down: NDArray[np.int32], across: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Add to ``out[i, b, r, c]`` the edges of direction ``b`` of image ``i``, weighted around a grid point.

    ``gradients`` (n, 2, h, w), the one down first; ``down`` (rows, h) and ``across`` (w, columns) say how
    much each pixel of an axis weighs for each point of the grid.
    """
    rows, columns = out.shape[2], out.shape[3]
    line = np.zeros((DIRECTIONS, columns), np.int32)
    for i in range(gradients.shape[0]):
        for y in range(gradients.shape[2]):
            line[:] = 0
            for x in range(gradients.shape[3]):
                gy, gx = int(gradients[i, 0, y, x]), int(gradients[i, 1, y, x])
                if gy == 0 and gx == 0:
                    continue
                straight, diagonal = _directions(gy, gx)
                long, short = max(abs(gx), abs(gy)), min(abs(gx), abs(gy))
                for c in range(columns):
                    line[straight, c] += STRAIGHT * (long - short) * across[x, c]
                    line[diagonal, c] += DIAGONAL * short * across[x, c]
            for r in range(rows):
                if down[r, y] != 0:
                    for b in range(DIRECTIONS):
                        for c in range(columns):
                            out[i, b, r, c] += down[r, y] * line[b, c]


@intrinsic
def _four_sums(typing: Any, squared: Any, rows: Any, row: Any, prototypes: Any, first: Any, width: Any,
               out: Any) -> Any:  # fmt: skip
    """Write the sums for one row and four prototypes, a whole number of steps ``width`` long, to ``out``.

    ``squared`` is a tuple: its length says at compile time whether differences are squared (1) or their sign
    dropped (0). Additions are in one order that depends on ``width`` alone.
    """
    lanes = vector(LANES, DOUBLE)

    def write(emit: Emitter) -> None:
        builder, values = emit.builder, emit.values
        bytes_at = emit.address(1, I8, builder.mul(values[2], values[5]))
        places = [builder.add(values[4], ir.Constant(I64, number)) for number in range(TOGETHER)]
        images = [emit.address(3, DOUBLE, builder.mul(place, values[5])) for place in places]

        def body(index: Any, sums: list[Any]) -> list[Any]:
            pixels = builder.uitofp(emit.load(builder.gep(bytes_at, [index]), vector(LANES, I8)), lanes)
            after = []
            for total, image in zip(sums, images, strict=True):
                term = builder.fsub(emit.load(builder.gep(image, [index]), lanes), pixels)
                if squared.count:
                    term = builder.fmul(term, term)
                else:
                    term = emit.call("llvm.fabs.v8f64", lanes, [term])
                after.append(builder.fadd(total, term))
            return after

        zero = ir.Constant(lanes, [0.0] * LANES)
        sums = emit.loop(ir.Constant(I64, 0), values[5], LANES, [zero] * TOGETHER, body)
        target = emit.address(6, DOUBLE, ir.Constant(I64, 0))
        for number, total in enumerate(sums):
            emit.store(emit.halved(total, builder.fadd), target, number)

    return types.void(squared, rows, types.int64, prototypes, types.int64, types.int64, out), write


@Kernel
def _byte_sums(squared: Any, rows: Any, prototypes: Any, four: Any, out: Any) -> None:
    """Fill ``out`` (n, m) with the sums of ``rows`` (n, d) and ``prototypes`` (m, d), m a multiple of 4."""
    for row in range(rows.shape[0]):
        for first in range(0, prototypes.shape[0], TOGETHER):
            _four_sums(squared, rows, row, prototypes, first, rows.shape[1], four)
            for number in range(TOGETHER):
                out[row, first + number] = four[number]


def prototype_sums(
    rows: NDArray[np.uint8], prototypes: NDArray[np.float64], squared: bool, *, threads: int | None = None
) -> NDArray[np.float64]:
    """Return the sum of absolute or squared differences of bytes (n, d) and prototypes (m, d), 0-255.

    A pair's sum is the same to the last bit in whatever batch, at whatever place and on however many threads.
    """
    width = -(-rows.shape[1] // LANES) * LANES
    wanted = np.zeros((-(-len(prototypes) // TOGETHER) * TOGETHER, width))
    wanted[: len(prototypes), : rows.shape[1]] = prototypes
    out = np.empty((len(rows), len(prototypes)))
    step = max(1, CHUNK_BYTES // width)
    mark = (0,) if squared else ()

    def work(start: int) -> Iterator[None]:
        some = rows[start : start + step]
        padded = np.zeros((len(some), width), np.uint8)
        padded[:, : rows.shape[1]] = some
        sums = np.empty((len(some), len(wanted)))
        _byte_sums(mark, padded, wanted, np.empty(TOGETHER), sums)
        out[start : start + step] = sums[:, : len(prototypes)]
        yield

    run_chunks(work, range(0, len(rows), step), threads)
    return out


@Kernel
def float_sums(squared: bool, rows: Any, references: Any, out: Any) -> None:
    """Fill ``out`` (n, m) with sums of absolute or squared differences, each added up feature by feature.

    Four references at a time, so that a sum need not wait for its last addition.
    """
    last = len(references) - 1
    for i in range(len(rows)):
        row = rows[i]
        for j in range(0, len(references), 4):
            places = min(j + 1, last), min(j + 2, last), min(j + 3, last)
            a, b, c, d = references[j], references[places[0]], references[places[1]], references[places[2]]
            first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
            for x in range(row.size):
                e, f, g, h = row[x] - a[x], row[x] - b[x], row[x] - c[x], row[x] - d[x]
                first += e * e if squared else abs(e)
                second += f * f if squared else abs(f)
                third += g * g if squared else abs(g)
                fourth += h * h if squared else abs(h)
            out[i, places[2]], out[i, places[1]], out[i, places[0]] = fourth, third, second
            out[i, j] = first
