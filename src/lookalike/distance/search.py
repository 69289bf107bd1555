"""Exact search for the nearest images: lower bounds first, full distances for what remains."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import settings
from lookalike.distance.kernels import FARTHEST
from lookalike.distance.kernels.compiled import checked_k, variant_of
from lookalike.distance.kernels.scan import (
    FIRST,
    PADDING,
    SEED_GROUPS,
    TILE,
    Batch,
    Best,
    Rows,
    Rule,
    brute,
    scan,
    sort_best,
)
from lookalike.distance.lower_bounds import COARSE
from lookalike.distance.metrics import Kernels, kernels_of
from lookalike.distance.rows import Held, norms, with_bounds, with_norms
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.images import as_images
from lookalike.progress import Progress, silent

#: How many numbers of queries that are worked on together (answers, bytes) are held at most.
BATCH_NUMBERS = 1 << 22
#: Seconds that a call of a kernel is to take, so that Ctrl-C is prompt and yet few calls are made.
CALL_SECONDS = 0.05
#: So many queries are answered before lower bounds are made, which take as long as a hundred without them.
FEW = 16


class ImageIndex:
    """Images of bytes, indexed so that the nearest ones of others are found exactly and quickly.

    Distances are integers: the sum of absolute differences of bytes (L1), or of their squares (L2). Equal
    distances go to the image with the lowest position. Answers do not depend on threads, chunks, memory
    layout or processor.

    The index holds its own copy of the images, padded to whole steps of 32 features, and 172 bytes (L1) or
    204 bytes (L2) more for each; while it grows or loses images, both copies. A search needs at most about
    100 MB for each thread besides its result, 1 MB for small images and a small k.
    Searching is safe on several Python threads at once, also while another adds or removes images: a search
    sees the images that were there when it began.

    >>> import numpy as np
    >>> index = ImageIndex(np.array([[[0, 0]], [[9, 9]], [[9, 9]]], np.uint8))
    >>> distances, positions = index.search(np.array([[[9, 8]]], np.uint8), k=2)
    >>> distances, positions  # both nines are 1 away: the lowest position comes first
    (array([[1, 1]]), array([[1, 2]]))
    """

    def __init__(self, images: ArrayLike, metric: str = "l1") -> None:
        kernels_of(metric)
        batch = as_images(images)
        self.metric, self.shape = metric, tuple(batch.shape[1:])
        self._begin()
        self.add(batch)

    def _begin(self) -> None:
        """Hold no image yet."""
        self._lock, self._kernels = threading.Lock(), kernels_of(self.metric)
        self._asked = 0
        self._held = Held.empty(int(np.prod(self.shape)), self._kernels)

    def __len__(self) -> int:
        return self._held.size

    def add(self, images: ArrayLike) -> None:
        """Append images of the indexed shape, which get the next positions.

        The cost is that of the new images: arrays grow by half as much again when they are full. Their lower
        bounds are made by the next search; what these look at is chosen anew when the index has doubled.
        """
        batch = self._checked(images)
        with self._lock:
            held = self._held.with_room(len(batch))
            held.full[held.size : held.size + len(batch), : held.features] = batch.reshape(len(batch), -1)
            self._held = held._replace(size=held.size + len(batch))

    def remove(self, positions: ArrayLike) -> None:
        """Take images out; those behind them move up, in the same order. One named twice is taken out once.

        The last ones cost nothing; others cost a copy of the index.
        """
        with self._lock:
            held = self._held
            gone = np.asarray(positions)
            if gone.size and (gone.dtype.kind not in "iu" or gone.min() < 0 or gone.max() >= held.size):
                raise InputError(
                    f"positions {gone.tolist()}: expected whole numbers from 0 to {held.size - 1}"
                )
            gone = np.unique(gone).astype(np.intp)
            self._held = held.without(gone, self._kernels)

    def take(self, positions: ArrayLike) -> NDArray[np.uint8]:
        """Return a copy of the images at some positions, in any order."""
        with self._lock:
            held = self._held
            rows = held.full[: held.size][np.asarray(positions, dtype=np.intp), : held.features]
        return rows.reshape(-1, *self.shape)

    def __copy__(self) -> ImageIndex:
        """Return an index of the same images that goes its own way: arrays are shared."""
        other = object.__new__(ImageIndex)
        other.metric, other.shape = self.metric, self.shape
        other._begin()
        other._held, other._asked = self._held, self._asked
        return other

    def __getstate__(self) -> dict[str, Any]:
        # A lock cannot be pickled, and lower bounds are made anew as quickly as they are read.
        return {"metric": self.metric, "images": self.take(np.arange(len(self))), "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.metric, self.shape = state["metric"], state["shape"]
        self._begin()
        if len(state["images"]):
            self.add(state["images"])

    def search(
        self, queries: ArrayLike, k: int, *, threads: int | None = None, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the distances and positions (q, k) of the k nearest indexed images of each query.

        Ascending, equal distances by ascending position; k is 1 to ``len(index)``. The progress is told when
        code is being compiled, and how many queries are done.
        """
        found = self._answer(queries, k, None, threads, progress)
        return found.distances, found.positions

    def search_classes(
        self,
        queries: ArrayLike,
        k: int,
        codes: ArrayLike,
        n_classes: int,
        reach: float,
        *,
        threads: int | None = None,
        progress: Progress = silent,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return what :meth:`search` returns, and the nearest image of each class within reach, in one scan.

        ``codes`` (n,) are the classes of the indexed images, 0 to ``n_classes - 1``. A class whose nearest
        image is at most ``reach`` (>= 1) times as far as the nearest of all has its distance and position (q,
        n_classes), equal distances by the lowest position; others are not told: 2^63 - 1, and -1. For L2
        reach is that of distances, not of their squares.
        """
        found = self._answer(queries, k, (codes, n_classes, reach), threads, progress)
        return found.distances, found.positions, *found.classes()

    def _answer(
        self,
        queries: ArrayLike,
        k: int,
        asked: tuple[ArrayLike, int, float] | None,
        threads: int | None,
        progress: Progress,
    ) -> _Search:
        """Return a search that is done."""
        batch = self._checked(queries)
        held = self._to_read(len(batch))
        k = checked_k(k, held.size, "images of the index")
        search = _Search(held, self._kernels, batch, k, asked)
        search.run(threads, progress)
        return search

    def _to_read(self, count: int) -> Held:
        """Return what is held for a search of some queries, with lower bounds where they pay."""
        with self._lock:
            self._asked += count
            if self._held.ready == 0 and self._asked <= FEW:
                if self._held.normed < self._held.size:
                    self._held = with_norms(self._held, self._kernels)
                return self._held._replace(bounds=None)
            self._held = with_bounds(self._held, self.shape, self._kernels)
            return self._held

    def _checked(self, images: ArrayLike) -> NDArray[np.uint8]:
        """Return an image batch of bytes, refusing images of another kind or shape than the index's."""
        plain = isinstance(images, np.ndarray) and images.dtype == np.uint8 and len(images)
        if plain and images.shape[1:] == self.shape:  # type: ignore[union-attr]
            return np.ascontiguousarray(images)
        batch = as_images(images)
        if batch.dtype != np.uint8:
            raise InputError(
                "images are floats that are no whole 255ths: expected uint8, which the exact search needs"
            )
        if batch.shape[1:] != self.shape:
            raise InputError(
                f"images have shape {batch.shape[1:]} each: expected {self.shape}, that of the index"
            )
        return batch


def _checked_codes(codes: ArrayLike, n_classes: int, n_images: int) -> NDArray[np.int64]:
    """Return the class of each image."""
    whole = np.asarray(codes)
    if whole.shape != (n_images,) or whole.dtype.kind not in "iu":
        raise InputError(f"codes are {whole.dtype} of shape {whole.shape}: expected integers ({n_images},)")
    if whole.size and not 0 <= whole.min() <= whole.max() < n_classes:
        raise InputError(f"codes run from {whole.min()} to {whole.max()}: expected 0 to {n_classes - 1}")
    return np.ascontiguousarray(whole, np.int64)


class _Search:
    """One search: what is held, what is asked, and the answers as they come in."""

    def __init__(
        self,
        held: Held,
        kernels: Kernels,
        queries: NDArray[np.uint8],
        k: int,
        asked: tuple[ArrayLike, int, float] | None,
    ) -> None:
        self._held, self._kernels, self._k = held, kernels, k
        self._queries = queries.reshape(len(queries), -1)
        self._variant = variant_of(kernels.variant)
        codes, n_classes, reach = asked or ((), 0, 0.0)
        self._codes = np.zeros(0, np.int64)
        if asked is not None:
            self._codes = _checked_codes(codes, n_classes, held.size)
            if not isinstance(reach, int | float | np.number) or not 1 <= reach < np.inf:
                raise InputError(f"reach is {reach!r}: expected a finite number of at least 1")
        #: How many queries may be worked on together.
        self._most = min(kernels.batch, BATCH_NUMBERS // max(k, n_classes, held.full.shape[1]))
        self._bounded = held.bounds is not None and 8 * k <= held.size
        self._kernel = scan if self._bounded else brute
        coarse_unit, fine_unit = held.bounds.units if held.bounds is not None else (1.0, 1.0)
        self._rule = Rule(
            factor=-2 if kernels.products else 1,
            squared=kernels.products,
            coarse_unit=coarse_unit,
            fine_unit=fine_unit,
            cap=kernels.cap,
            n_rows=held.size,
            reach=float(reach) ** 2 if kernels.products else float(reach),
        )
        self._rows = Rows(held.full, held.norms, held.coarse, held.squares, held.fine)
        self._batch = 4
        #: Rows in a call, a multiple of TILE; threads may change it under each other, which does no harm.
        self._step = TILE
        self.distances = np.empty((len(queries), k), np.int64)
        self.positions = np.empty((len(queries), k), np.int64)
        #: What is asked beside the k nearest; an empty tuple, and so code without it, for nothing.
        self._more: NDArray[np.int64] | tuple[()] = ()
        if asked is not None:
            self._more = np.full((-(-len(queries) // 4) * 4, FIRST + 2 * n_classes), FARTHEST)
            self._more[:, FIRST + n_classes :] = -1

    def classes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return distances and positions (q, n_classes) of the nearest of each class that is within reach."""
        told = np.asarray(self._more)[: len(self._queries), FIRST:]
        distances, positions = np.split(told, 2, axis=1)
        # A search may know those beyond or not.
        beyond = distances > self.distances[:, :1] * self._rule.reach
        return np.where(beyond, FARTHEST, distances), np.where(beyond, -1, positions)

    def run(self, threads: int | None, progress: Progress) -> None:
        """Answer all queries."""
        if not self._kernel.is_ready(self._variant, self._more):
            progress("compiling the search (first use only)", 0, 1)
            batch, best = self._start(slice(0, 1))
            self._kernel(self._variant, self._rule, self._rows, batch, best, self._more, self._codes, 0, 0)
            sort_best(best)
            progress("compiling the search (first use only)", 1, 1)
        total = len(self._queries)
        if total > 4:
            count = settings.threads() if threads is None else threads
            self._batch = max(4, min(self._most, total // (4 * count)) // 4 * 4)
        size = self._batch
        if total <= size:
            # A few queries are answered as they are: threads have nothing to share, there is nothing to tell.
            for _ in self._work(0):
                pass
            return
        run_chunks(
            self._work,
            range(0, total, size),
            threads,
            lambda done: progress("searching", min(done * size, total), total),
        )

    def _work(self, start: int) -> Iterator[None]:
        """Answer one batch of queries."""
        part = slice(start, min(start + self._batch, len(self._queries)))
        batch, best = self._start(part)
        more, low = self._more[start : start + len(batch.full)], 0
        while low < self._held.size:
            high = min(low + self._step, self._held.size)
            began = time.perf_counter()
            self._kernel(self._variant, self._rule, self._rows, batch, best, more, self._codes, low, high)
            seconds = time.perf_counter() - began
            if seconds > CALL_SECONDS:
                self._step = max(TILE, self._step // 2 // TILE * TILE)
            elif seconds < CALL_SECONDS / 4 and self._step < self._held.size:
                self._step *= 2
            low = high
            yield
        sort_best(best)
        count = part.stop - part.start
        self.distances[part], self.positions[part] = best.distances[:count], best.indices[:count]

    def _start(self, part: slice) -> tuple[Batch, Best]:
        """Return queries as the kernels take them, padded to a multiple of 4, and room for their answers."""
        queries = self._queries[part]
        count, size = len(queries), -(-len(queries) // 4) * 4
        kind, products = self._kernels.kind, self._kernels.products
        batch = Batch(
            full=np.zeros((size, self._held.full.shape[1]), kind),
            norms=np.zeros(size, np.int64),
            coarse=np.zeros((size, COARSE), kind),
            origin=np.zeros(size),
            fine=np.zeros((size, self._kernels.fine), kind),
            slack=np.zeros((size, 2)),
        )
        batch.full[:count, : queries.shape[1]] = queries
        if products:
            batch.norms[:count] = norms(queries)
        if self._bounded and self._held.bounds is not None:
            made = self._held.bounds.of_queries(queries)
            batch.fine[:count] = made.fine
            batch.slack[:count] = made.slack + self._held.slack
            batch.coarse[:count] = -2 * made.coarse if products else made.coarse
            if products:
                batch.origin[:count] = np.square(made.coarse.astype(np.int64)).sum(axis=1)
        best = Best(
            distances=np.full((size, self._k), FARTHEST),
            indices=np.full((size, self._k), FARTHEST),
            limits=np.full(size, self._kernels.cap, np.int32),
            fine_limits=np.full(size, FARTHEST),
            dense=np.zeros(size // 4, np.int64),
            sums=np.zeros(8, np.int64),
            masks=np.zeros(TILE // 16, np.int64),
            left=np.zeros((4 * TILE, 3), np.int64),
            coarse_sums=np.zeros((SEED_GROUPS, 4, 16), np.int32),
            near=np.zeros((4, 2, 4 * self._k if self._bounded else 0), np.int64),
        )
        best.limits[count:] = PADDING
        return batch, best
