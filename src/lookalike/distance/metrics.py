"""The one table of metrics: a row says all in which one differs from another.

A row needs a name, a title and a definition, and images in 0-1 are compared by the definition. What it says
beyond that makes it quicker: ``costs`` (the distance is a mean over pixels) and ``kernels`` (it is searched
among bytes, exactly).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance import definition
from lookalike.distance.lower_bounds import FINE_AXES, FINE_SUMS, BlockSums, LowerBounds, PrincipalAxes
from lookalike.distance.tensor_sums import absolute_sums, squared_sums
from lookalike.errors import InputError

#: So many differences are held at once: they stay in the processor's cache.
_CHUNK_VALUES = 2**17


class Kernels(NamedTuple):
    """How the nearest among images of bytes are found; sums are whole numbers."""

    variant: str  # which machine code: see ``kernels.compiled``
    products: bool  # the code sums products: the distance is norm + norm - 2 * sum, not the sum itself
    cap: int  # the largest limit that the comparison of coarse lower bounds can hold
    kind: Any  # dtype of queries and of lower bounds
    fine: int  # how many numbers the fine lower bound of an image has
    bounds: Callable[[NDArray[np.uint8], tuple[int, int, int]], LowerBounds]  # of rows (n, d) and their shape
    dealt: tuple[int, ...]  # how coarse lower bounds of 16 images lie in the scan's vectors, as axes ...
    rows_first: tuple[int, ...]  # ... and these axes in the order image (two axes), number (two axes)
    batch: int  # queries worked on together: as many as stay in a core's cache beside the lower bounds
    device: Callable[[Any, Any], Any]  # the sums of all pairs of two tensors of bytes


@dataclass(frozen=True)
class Metric:
    """A row of the table; ``average`` makes the image that is nearest to some rows (n, d) all together."""

    name: str
    title: str
    definition: Callable[[Any, Any], Any]  # (n, ...) and (m, ...), bytes or 0-1, to distances (n, m)
    costs: Callable[[Any], Any] | None = None  # what each difference adds; None: the distance is no sum
    root: bool = False  # the distance is the root of the mean of the costs
    average: Callable[[NDArray[Any]], NDArray[np.float64]] = lambda rows: rows.mean(axis=0, dtype=np.float64)
    kernels: Kernels | None = None

    def sums(self, rows: NDArray[Any], references: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of the costs of each of rows (n, d) and references (m, d), by broadcasting.

        A pair's sum does not depend on the pairs beside it. Where there are no costs it is the distance.
        """
        if self.costs is None:
            return np.asarray(self.definition(rows, references), dtype=np.float64)
        sums = np.empty((len(rows), len(references)))
        if rows.dtype != np.uint8 and self.kernels is not None:
            # Several times as fast as broadcasting; who has bytes alone need not import Numba for it.
            from lookalike.distance.kernels.compiled import read_only
            from lookalike.distance.kernels.sums import float_sums

            float_sums(self.root, read_only(rows, np.float64), read_only(references, np.float64), sums)
            return sums
        references = np.ascontiguousarray(references, np.float64)
        step = max(1, _CHUNK_VALUES // max(1, references.size))
        differences = np.empty((min(step, len(rows)), *references.shape))
        for start in range(0, len(rows), step):
            part = rows[start : start + step].astype(np.float64)
            some = np.subtract(part[:, None], references, out=differences[: len(part)])
            # In C order, whatever the rows were in: values are added up in an order of their number alone.
            self.costs(some).sum(axis=-1, out=sums[start : start + step])
        return sums

    def per_value(self, sums: Any, n_values: int, unit: float = 1.0) -> Any:
        """Return sums over ``n_values`` differences as distances; ``unit`` is what white is in the values."""
        if self.costs is None:
            return sums
        mean = sums / n_values
        return (mean**0.5 if self.root else mean) / unit

    def summed(self, distances: Any, n_values: int, unit: float = 1.0) -> Any:
        """Return distances as sums: what :meth:`per_value` undoes."""
        if self.costs is None:
            return distances
        mean = distances * unit
        return (mean * mean if self.root else mean) * n_values


def _median(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the median of each column: by sorting, which is three times as fast for bytes as np.median."""
    ordered = np.sort(np.ascontiguousarray(rows.T), axis=1, kind="stable")
    middle: NDArray[np.float64] = ordered[:, (len(rows) - 1) // 2].astype(np.float64)
    middle += ordered[:, len(rows) // 2]
    middle /= 2
    return middle


METRICS: dict[str, Metric] = {
    row.name: row
    for row in (
        Metric(
            "l1",
            "L1",
            definition.l1,
            costs=np.abs,
            average=_median,
            kernels=Kernels(
                variant="l1",
                products=False,
                cap=2**15 - 1,
                kind=np.uint8,
                fine=FINE_SUMS,
                bounds=BlockSums,
                dealt=(4, 4, 4, 8),  # of 4 images, 8 numbers each
                rows_first=(0, 3, 1, 2, 4),
                batch=128,
                device=absolute_sums,
            ),
        ),
        Metric(
            "l2",
            "L2",
            definition.l2,
            costs=np.square,
            root=True,
            kernels=Kernels(
                variant="l2",
                products=True,
                cap=2**31 - 1,
                kind=np.int16,
                fine=FINE_AXES,
                bounds=lambda rows, shape: PrincipalAxes(rows),
                dealt=(16, 2, 8, 2),  # of 8 images, 2 numbers each
                rows_first=(0, 2, 3, 1, 4),
                batch=1024,  # more than for L1: lower bounds take longer to work out
                device=squared_sums,
            ),
        ),
    )
}


def checked_metric(name: object) -> Metric:
    """Return the row of a metric, refusing one that is not there."""
    if not isinstance(name, str) or name not in METRICS:
        raise InputError(f"metric is {name!r}: expected {' or '.join(map(repr, METRICS))}")
    return METRICS[name]


def kernels_of(name: object) -> Kernels:
    """Return how a metric is searched among bytes, refusing one that has no kernels."""
    row = checked_metric(name)
    if row.kernels is None:
        raise InputError(f"metric is {name!r}, which has no kernels for bytes: FloatIndex searches by it")
    return row.kernels
