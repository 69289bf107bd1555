"""Lower bounds: images reduced to a few small numbers, whose distance is never more than the images' own.

To reduce must shorten distances. Sums over groups of pixels do so for L1 (the triangle inequality, group by
group); coordinates on orthonormal axes, with the norm of what they leave out as one more coordinate, do so
for L2. Clipping to a range shortens distances too. Rounding to whole units does not, so what is reduced comes
with how far rounding moved it, and a bound is the reduced images' distance less both of these.

Each image is reduced twice: to 32 coarse numbers, by which every pair is compared, and to 128 (L1) or 64 (L2)
fine ones, for the pairs that remain. The coarse groups are unions of fine ones; the coarse axes are the first
of the fine ones.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

COARSE, FINE_SUMS, FINE_AXES = 32, 128, 64
#: Rows that groups and axes are chosen from; at most so many numbers of them.
SAMPLE_ROWS, SAMPLE_NUMBERS = 4096, 1 << 24
#: So many numbers are reduced at a time.
BLOCK_NUMBERS = 1 << 21

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reduced:
    """Some rows, reduced, and what rounding moved them by."""

    coarse: NDArray[Any]  # (n, 32): uint8 for L1, int16 for L2
    fine: NDArray[Any]  # (n, 128) or (n, 64)
    slack: Floats  # (n, 2): rounding of the coarse and of the fine numbers, in their units


def sample(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return some rows, evenly spread: enough to choose groups or axes by."""
    count = max(256, min(SAMPLE_ROWS, SAMPLE_NUMBERS // rows.shape[1]))
    return np.ascontiguousarray(rows[:: max(1, -(-len(rows) // count))])


class BlockSums:
    """Sums over boxes of pixels, for L1.

    Boxes are cut where the images differ most: the box with the largest mean absolute deviation is halved
    (by that deviation) across its longer side, until there are enough. Of the 32 and 128 bytes one each is
    for the rounding: in a query it is 0, in a row 255 less the row's slack, which so takes part in the SAD.

    ``rows`` (n, h * w * c) are images that the boxes suit, ``shape`` is their height, width and channels.
    """

    def __init__(self, rows: NDArray[np.uint8], shape: tuple[int, int, int]) -> None:
        some = sample(rows)
        mean = some.mean(axis=0)
        spread = np.zeros(some.shape[1])
        for part in range(0, len(some), 256):
            spread += np.abs(some[part : part + 256] - mean).sum(axis=0)
        spread += max(float(spread.mean()), 1.0) / 10
        self._group_of, self._parents = _boxes(spread.reshape(shape), COARSE - 1, FINE_SUMS - 1)
        fine = self._sums(some)
        coarse = fine @ self._parents
        self.units = (max(1.0, np.ceil(coarse.max() / 255)), max(1.0, np.ceil(fine.max() / 255)))

    def of_rows(self, rows: NDArray[np.uint8]) -> Reduced:
        """Return indexed rows, reduced; their slack is within."""
        made = self._reduced(rows)
        made.coarse[:, -1] = 255 - np.ceil(made.slack[:, 0])
        made.fine[:, -1] = 255 - np.ceil(made.slack[:, 1])
        return Reduced(made.coarse, made.fine, np.zeros_like(made.slack))

    def of_queries(self, rows: NDArray[np.uint8]) -> Reduced:
        """Return queries, reduced; their slack makes up for the last byte, and one for division."""
        made = self._reduced(rows)
        return Reduced(made.coarse, made.fine, made.slack + 256)

    def _sums(self, rows: NDArray[np.uint8]) -> Floats:
        """Return the sums over the fine groups."""
        from lookalike.distance.kernels.sums import group_sums

        sums = np.zeros((len(rows), FINE_SUMS - 1), np.int64)
        group_sums(rows, self._group_of, sums)
        return sums.astype(np.float64)

    def _reduced(self, rows: NDArray[np.uint8]) -> Reduced:
        """Return sums in whole units, the last byte 0, and the distance to the clipped sums."""
        coarse, fine = np.zeros((len(rows), COARSE), np.uint8), np.zeros((len(rows), FINE_SUMS), np.uint8)
        slack = np.zeros((len(rows), 2))
        step = max(1, BLOCK_NUMBERS // FINE_SUMS)
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            sums = self._sums(rows[part])
            for level, (numbers, values) in enumerate(((coarse, sums @ self._parents), (fine, sums))):
                scaled = np.minimum(values / self.units[level], 255)
                rounded = np.rint(scaled)
                numbers[part, :-1] = rounded
                slack[part, level] = np.abs(scaled - rounded).sum(axis=1)
        return Reduced(coarse, fine, slack)


def _boxes(spread: Floats, coarse: int, fine: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the box of each pixel, and which fine box lies in which coarse one: 1 in (fine, coarse)."""
    labels = np.zeros(spread.shape, np.int64)
    parent = np.zeros(fine, np.int64)
    heap = [(-float(spread.sum()), 0, tuple(slice(0, length) for length in spread.shape))]
    count = 1
    while heap and count < fine:
        _, label, box = heapq.heappop(heap)
        halves = _halves(spread, box)
        if halves is None:
            continue
        parent[count] = count if count < coarse else parent[label]
        labels[halves[1]] = count
        heapq.heappush(heap, (-float(spread[halves[0]].sum()), label, halves[0]))
        heapq.heappush(heap, (-float(spread[halves[1]].sum()), count, halves[1]))
        count += 1
        if count <= coarse:
            parent[:count] = np.arange(count)
    parents = np.zeros((fine, coarse))
    parents[np.arange(count), parent[:count]] = 1
    return labels.ravel(), parents


def _halves(spread: Floats, box: tuple[slice, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]] | None:
    """Return a box's halves by its spread, across its longer side (channels last); None for one pixel."""
    lengths = [side.stop - side.start for side in box]
    axis = int(np.argmax(lengths[:2])) if max(lengths[:2]) > 1 else 2
    if lengths[axis] == 1:
        return None
    along = spread[box].sum(axis=tuple(other for other in range(3) if other != axis)).cumsum()
    cut = box[axis].start + int(np.argmin(np.abs(along[:-1] - along[-1] / 2))) + 1
    low, high = list(box), list(box)
    low[axis], high[axis] = slice(box[axis].start, cut), slice(cut, box[axis].stop)
    return tuple(low), tuple(high)


class PrincipalAxes:
    """Coordinates on the axes along which the images differ most, for L2.

    The axes are found by subspace iteration, which costs no more than a few products with the sample however
    many features there are; they need not be the best ones for the bounds to hold, only orthonormal, and how
    far they are from that is measured and allowed for. All numbers are float64; codes have 12 bits, so that
    squared distances of reduced images fit 32 bits.

    ``rows`` (n, d) are images that the axes suit, d at least 64.
    """

    def __init__(self, rows: NDArray[np.uint8]) -> None:
        some = sample(rows).astype(np.float32)
        self._mean = some.mean(axis=0, dtype=np.float64)
        some -= self._mean.astype(np.float32)
        axes = np.random.default_rng(0).standard_normal((some.shape[1], FINE_AXES - 1))
        for _ in range(4):
            axes = _orthonormal((some.T @ (some @ axes.astype(np.float32))).astype(np.float64))
        along = (some @ axes.astype(np.float32)).astype(np.float64)
        _, turn = np.linalg.eigh(along.T @ along)
        self._axes = axes @ turn[:, ::-1]  # the longest axis first
        norms = np.linalg.eigvalsh(self._axes.T @ self._axes)
        #: Relative error of squared norms of coordinates: axes not quite orthonormal, and float64 sums.
        self._error = (
            2 * float(np.abs(norms - np.rint(norms)).max()) + 64 * rows.shape[1] * np.finfo(np.float64).eps
        )
        levels = self._levels(some[:512].astype(np.float64))[:2]
        reach = max(float(np.abs(level).max()) for level in levels)
        self.units = (max(reach / 2047, 1e-6),) * 2

    def _levels(self, centred: Floats) -> tuple[Floats, Floats, Floats]:
        """Return coordinates with the norm of the rest, coarse and fine, and the error of each row."""
        along = centred @ self._axes
        squares = np.einsum("ij,ij->i", centred, centred)
        error = np.sqrt(2 * self._error * squares)
        levels = []
        for count in (COARSE - 1, FINE_AXES - 1):
            rest = np.sqrt(np.maximum(squares - np.square(along[:, :count]).sum(axis=1), 0))
            levels.append(np.column_stack([along[:, :count], rest]))
        return levels[0], levels[1], 2 * error

    def of_rows(self, rows: NDArray[np.uint8]) -> Reduced:
        """Return clipped and rounded coordinates, and how far that moved them: of queries the same."""
        coarse, fine = (np.zeros((len(rows), count), np.int16) for count in (COARSE, FINE_AXES))
        slack = np.zeros((len(rows), 2))
        step = max(1, BLOCK_NUMBERS // rows.shape[1])
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            *levels, error = self._levels(rows[part] - self._mean)
            for level, (numbers, values) in enumerate(zip((coarse, fine), levels, strict=True)):
                scaled = np.clip(values / self.units[level], -2047, 2047)
                rounded = np.rint(scaled)
                numbers[part] = rounded
                moved = np.sqrt(np.square(scaled - rounded).sum(axis=1))
                slack[part, level] = moved + error / self.units[level]
        return Reduced(coarse, fine, slack)

    of_queries = of_rows


LowerBounds = BlockSums | PrincipalAxes


def _orthonormal(columns: Floats) -> Floats:
    """Return orthonormal columns that span the same space; zeros for those that others make superfluous.

    By the eigenvectors of the columns' products with each other, which is quick for few long columns; twice,
    because the first pass leaves the rounding of what it divides by.
    """
    for _ in range(2):
        values, vectors = np.linalg.eigh(columns.T @ columns)
        firm = values > max(float(values[-1]), 0.0) * 1e-12
        scale = np.where(firm, 1 / np.sqrt(np.where(firm, values, 1)), 0)
        columns = columns @ (vectors * scale)
    return columns
