"""Exact search among images that stay where they are: in a file that is larger than memory, for one."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.metrics import kernels_of
from lookalike.distance.search import ImageIndex
from lookalike.progress import Progress, of_compiling, silent

#: So many bytes of images are in memory at once, besides as much again for what is derived from them.
PART_BYTES = 1 << 26


def let_go(images: NDArray[Any]) -> None:
    """Let a file's pages go that are in memory since they were read; others may have changed, and stay."""
    base: Any = images
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and not images.flags.writeable and hasattr(base, "madvise"):
        base.madvise(mmap.MADV_DONTNEED)


class MappedIndex:
    """Images of bytes that are read part by part for each search, and never held as a whole.

    It answers as :class:`lookalike.distance.search.ImageIndex` does: the same integers, equal distances to
    the lowest position. A search reads all images once, so many queries at once cost little more than one.

    >>> import numpy as np
    >>> index = MappedIndex(np.array([[[0, 0]], [[9, 9]], [[9, 9]]], np.uint8), "l1")
    >>> distances, positions = index.search(np.array([[[9, 8]]], np.uint8), k=2)
    >>> distances, positions
    (array([[1, 1]]), array([[1, 2]]))
    """

    def __init__(self, images: NDArray[np.uint8], metric: str) -> None:
        kernels_of(metric)
        self.images, self.metric, self.shape = images, metric, images.shape[1:]
        self._left: NDArray[np.intp] | None = None  # the rows of images that are not taken out

    def __len__(self) -> int:
        return len(self.images) if self._left is None else len(self._left)

    def take(self, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return a copy of the images at some positions, in any order."""
        rows = positions if self._left is None else self._left[positions]
        return np.array(self.images[rows])

    def remove(self, positions: NDArray[np.intp]) -> None:
        """Leave images out from now on; those behind them move up. In the file they stay."""
        left = np.arange(len(self.images)) if self._left is None else self._left
        self._left = np.delete(left, positions)

    def parts(self) -> Iterator[tuple[int, ImageIndex]]:
        """Yield the first position of each part, and an index of the part."""
        step = max(1, PART_BYTES // max(1, int(np.prod(self.shape))))
        for first in range(0, len(self), step):
            rows = slice(first, first + step) if self._left is None else self._left[first : first + step]
            part = np.array(self.images[rows])
            let_go(self.images)
            yield first, ImageIndex(part, self.metric)

    def search(
        self, queries: NDArray[np.uint8], k: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the distances and positions (q, k) of the k nearest images; k is 1 to ``len(index)``."""
        distances = np.empty((len(queries), 0), np.int64)
        positions, told = distances, of_compiling(progress)
        for first, part in self.parts():
            progress("searching images on disk", first, len(self))
            found, where = part.search(queries, min(k, len(part)), progress=told)
            # Those of earlier parts come first, so that a stable order keeps the tie rule.
            distances, positions = np.hstack([distances, found]), np.hstack([positions, where + first])
            order = np.argsort(distances, axis=1, kind="stable")[:, :k]
            distances = np.take_along_axis(distances, order, 1)
            positions = np.take_along_axis(positions, order, 1)
        progress("searching images on disk", len(self), len(self))
        return distances, positions

    def __copy__(self) -> MappedIndex:
        """Return an index of the same images that goes its own way."""
        other = object.__new__(MappedIndex)
        vars(other).update(vars(self))
        return other
