"""Exact search for the nearest images: bounds first, full distances for what remains."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike import settings
from lookalike.distance.bounds import COARSE
from lookalike.distance.held import Held, Metric, norms, updated, with_norms
from lookalike.distance.kernels.scan import (
    FARTHEST,
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
from lookalike.distance.kernels.variants import variant_of
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.images import as_images
from lookalike.progress import Progress, silent

#: Queries that are worked on together: for L1 as many as stay in a core's cache beside the thumbnails, for
#: L2, whose bounds take longer to work out, more; and how many numbers of them (answers, bytes) at most.
BATCH = {"l1": 128, "l2": 1024}
BATCH_NUMBERS = 1 << 22
#: Seconds that a call of a kernel is to take, so that Ctrl-C is prompt and yet few calls are made.
CALL_SECONDS = 0.05
#: So many queries are answered before thumbnails are made, which take as long as a hundred without them.
FEW = 16
_LIMIT_CAP = {"l1": 32767, "l2": 2**31 - 1}


class ImageIndex:
    """Images, indexed so that the nearest ones of others are found exactly and quickly.

    Distances are integers: the sum of absolute differences of bytes (L1), or of their squares (L2). Equal
    distances go to the image with the lowest position. Answers do not depend on threads, chunks, memory
    layout or processor.

    The index holds its own copy of the images, padded to whole steps of 32 features, and 172 bytes (L1) or
    204 bytes (L2) more for each; while it grows or loses images, both copies. A search needs at most about
    100 MB for each thread besides its result, 1 MB for small images and a small k.
    Searching is safe on several Python threads at once, also while another adds or removes images: a search
    sees the images that were there when it began.

    Parameters
    ----------
    images : array-like of shape (n, h, w) or (n, h, w, c)
        Image batch of bytes; n may be 0 only by removing later.
    metric : {"l1", "l2"}, default="l1"
        The distance.

    Raises
    ------
    InputError
        Not an image batch, or one that is not bytes; an unknown metric.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.search import ImageIndex
    >>> index = ImageIndex(np.array([[[0, 0]], [[9, 9]], [[9, 9]]], np.uint8))
    >>> distances, positions = index.search(np.array([[[9, 8]]], np.uint8), k=2)
    >>> distances, positions  # both nines are 1 away: the lowest position comes first
    (array([[1, 1]]), array([[1, 2]]))
    """

    def __init__(self, images: ArrayLike, metric: Metric = "l1") -> None:
        if metric not in _LIMIT_CAP:
            raise InputError(f"metric is {metric!r}: expected 'l1' or 'l2'")
        self.metric: Metric = metric
        batch = _bytes_only(images)
        self.shape: tuple[int, ...] = batch.shape[1:]
        self._begin()
        self.add(batch)

    def _begin(self) -> None:
        """Hold no image yet."""
        self._lock = threading.Lock()
        self._readers, self._asked = 0, 0
        self._held = Held.empty(int(np.prod(self.shape)), self.metric)

    def __len__(self) -> int:
        return self._held.size

    def add(self, images: ArrayLike) -> None:
        """Append images, which get the next positions.

        The cost is that of the new images: arrays grow by half as much again when they are full. Their
        thumbnails are made by the next search; what these look at is chosen anew when the index has doubled.

        Parameters
        ----------
        images : array-like of shape (n, h, w) or (n, h, w, c)
            Bytes of the same image shape as those indexed.

        Raises
        ------
        InputError
            Not an image batch of bytes, or images of another shape.
        """
        batch = self._checked(images)
        with self._lock:
            held = self._held.with_room(len(batch))
            held.full[held.size : held.size + len(batch), : held.features] = batch.reshape(len(batch), -1)
            self._held = held._replace(size=held.size + len(batch))

    def remove(self, positions: ArrayLike) -> None:
        """Take images out; those behind them move up, in the same order.

        The last ones cost nothing; others cost a copy of the index.

        Parameters
        ----------
        positions : array-like of int
            Positions from 0 to ``len(index) - 1``; one named twice is taken out once.

        Raises
        ------
        InputError
            A position that is not there.
        """
        with self._lock:
            held = self._held
            gone = np.asarray(positions)
            if gone.size and (gone.dtype.kind not in "iu" or gone.min() < 0 or gone.max() >= held.size):
                raise InputError(
                    f"positions {gone.tolist()}: expected whole numbers from 0 to {held.size - 1}"
                )
            gone = np.unique(gone).astype(np.intp)
            self._held = held.without(gone, self.metric, is_read=self._readers > 0)

    def take(self, positions: ArrayLike) -> NDArray[np.uint8]:
        """Return a copy of the images at ``positions``.

        Parameters
        ----------
        positions : array-like of int, shape (n,)
            Positions from 0 to ``len(index) - 1``, in any order.

        Returns
        -------
        ndarray of shape (n, h, w) or (n, h, w, c), uint8
        """
        with self._lock:
            held = self._held
            rows = held.full[: held.size][np.asarray(positions, dtype=np.intp), : held.features]
        return rows.reshape(-1, *self.shape)

    def __getstate__(self) -> dict[str, Any]:
        # A lock cannot be pickled, and the thumbnails are made anew as quickly as they are read.
        return {"metric": self.metric, "images": self.take(np.arange(len(self))), "shape": self.shape}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.metric, self.shape = state["metric"], state["shape"]
        self._begin()
        if len(state["images"]):
            self.add(state["images"])

    def search(
        self, queries: ArrayLike, k: int, *, threads: int | None = None, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the k nearest indexed images of each query.

        Parameters
        ----------
        queries : array-like of shape (q, h, w) or (q, h, w, c)
            Bytes of the same image shape as those indexed.
        k : int
            How many, 1 to ``len(index)``.
        threads : int, optional
            Default: :func:`lookalike.settings.threads`.
        progress : callable, optional
            Told when code is being compiled, and how many queries are done.

        Returns
        -------
        distances : ndarray of shape (q, k), int64
            Sums of absolute (L1) or squared (L2) differences of bytes, ascending.
        positions : ndarray of shape (q, k), int64
            Where these images are in the index; equal distances by ascending position.

        Raises
        ------
        InputError
            Not an image batch of bytes of the indexed shape, or k out of range.
        """
        batch = self._checked(queries)
        with self._reading(len(batch)) as held:
            return self._search(held, batch, k, threads, progress)

    def _search(
        self, held: Held, batch: NDArray[np.uint8], k: int, threads: int | None, progress: Progress
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Answer a checked batch."""
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= held.size:
            raise InputError(
                f"k is {k!r}: expected a whole number from 1 to the {held.size} images of the index"
            )
        threads = settings.threads() if threads is None else threads
        search = _Search(held, self.metric, batch.reshape(len(batch), -1), int(k), threads)
        if not search.kernel.is_ready(search.variant):
            progress("compiling the search", 0, 1)
            search.warm()
            progress("compiling the search", 1, 1)
        run_chunks(
            search.work,
            range(0, len(batch), search.batch),
            max(1, min(threads, -(-len(batch) // search.batch))),
            lambda done: progress("searching", min(done * search.batch, len(batch)), len(batch)),
        )
        return search.distances, search.positions

    @contextmanager
    def _reading(self, count: int) -> Iterator[Held]:
        """Hand out what is held, with thumbnails and norms of all rows, to a search of some queries.

        They take longer than some queries by brute force: the first queries are answered so, for they may
        well be the only ones.
        """
        with self._lock:
            self._asked += count
            if self._held.ready == 0 and self._asked <= FEW:
                self._held = with_norms(self._held, self.metric)
                held = self._held._replace(bounds=None)
            else:
                self._held = held = updated(self._held, self.shape, self.metric)
            self._readers += 1
        try:
            yield held
        finally:
            with self._lock:
                self._readers -= 1

    def _checked(self, images: ArrayLike) -> NDArray[np.uint8]:
        """Return an image batch of bytes, refusing images of another shape than the index's."""
        batch = _bytes_only(images)
        if batch.shape[1:] != self.shape:
            raise InputError(
                f"images have shape {batch.shape[1:]} each: expected {self.shape}, that of the index"
            )
        return batch


def _bytes_only(images: ArrayLike) -> NDArray[np.uint8]:
    """Return a checked image batch of bytes."""
    batch = as_images(images)
    if batch.dtype != np.uint8:
        raise InputError(
            "images are floats that are no whole 255ths: expected uint8, which the exact search needs"
        )
    return batch


class _Search:
    """One search: what is held, what is asked, and the answers as they come in."""

    def __init__(self, held: Held, metric: Metric, queries: NDArray[np.uint8], k: int, threads: int) -> None:
        self._held, self._metric, self._queries, self._k = held, metric, queries, k
        self.variant = variant_of(metric)
        room = min(BATCH_NUMBERS // k, BATCH_NUMBERS // held.full.shape[1], len(queries) // (4 * threads))
        self.batch = min(BATCH[metric], max(4, room // 4 * 4))
        self.bounded = held.bounds is not None and 8 * k <= held.size
        self.kernel = scan if self.bounded else brute
        units = held.bounds.units if held.bounds is not None else (1.0, 1.0)
        self._rule = Rule(
            1 if metric == "l1" else -2, metric == "l2", units[0], units[1], _LIMIT_CAP[metric], held.size
        )
        self._rows = Rows(held.full, held.norms, held.coarse, held.squares, held.fine)
        #: Rows in a call, a multiple of TILE; threads may change it under each other, which does no harm.
        self._step = TILE
        self.distances = np.empty((len(queries), k), np.int64)
        self.positions = np.empty((len(queries), k), np.int64)

    def warm(self) -> None:
        """Have the code compiled, by a search that compares nothing."""
        batch, best = self._start(self._queries[:1])
        self.kernel(self.variant, self._rule, self._rows, batch, best, 0, 0)
        sort_best(best)

    def work(self, start: int) -> Iterator[None]:
        """Answer one batch of queries."""
        queries = self._queries[start : start + self.batch]
        batch, best = self._start(queries)
        low = 0
        while low < self._held.size:
            high = min(low + self._step, self._held.size)
            began = time.perf_counter()
            self.kernel(self.variant, self._rule, self._rows, batch, best, low, high)
            seconds = time.perf_counter() - began
            if seconds > CALL_SECONDS:
                self._step = max(TILE, self._step // 2 // TILE * TILE)
            elif seconds < CALL_SECONDS / 4 and self._step < self._held.size:
                self._step *= 2
            low = high
            yield
        sort_best(best)
        self.distances[start : start + self.batch] = best.distances[: len(queries)]
        self.positions[start : start + self.batch] = best.indices[: len(queries)]

    def _start(self, queries: NDArray[np.uint8]) -> tuple[Batch, Best]:
        """Return queries as the kernels take them, padded to a multiple of 4, and room for their answers."""
        count, size = len(queries), -(-len(queries) // 4) * 4
        is_l1 = self._metric == "l1"
        kind = np.uint8 if is_l1 else np.int16
        batch = Batch(
            full=np.zeros((size, self._held.full.shape[1]), kind),
            norms=np.zeros(size, np.int64),
            coarse=np.zeros((size, COARSE), kind),
            origin=np.zeros(size),
            fine=np.zeros((size, self._held.fine.shape[1]), kind),
            slack=np.zeros((size, 2)),
        )
        batch.full[:count, : queries.shape[1]] = queries
        if not is_l1:
            batch.norms[:count] = norms(queries)
        if self.bounded and self._held.bounds is not None:
            made = self._held.bounds.of_queries(queries)
            batch.fine[:count] = made.fine
            batch.slack[:count] = made.slack + self._held.slack
            batch.coarse[:count] = made.coarse if is_l1 else -2 * made.coarse
            if not is_l1:
                batch.origin[:count] = np.square(made.coarse.astype(np.int64)).sum(axis=1)
        best = Best(
            distances=np.full((size, self._k), FARTHEST),
            indices=np.full((size, self._k), FARTHEST),
            limits=np.full(size, _LIMIT_CAP[self._metric], np.int32),
            fine_limits=np.full(size, FARTHEST),
            dense=np.zeros(size // 4, np.int64),
            sums=np.zeros(8, np.int64),
            masks=np.zeros(TILE // 16, np.int64),
            left=np.zeros((4 * TILE, 3), np.int64),
            coarse_sums=np.zeros((SEED_GROUPS, 4, 16), np.int32),
            near=np.zeros((4, 2, 4 * self._k if self.bounded else 0), np.int64),
        )
        best.limits[count:] = PADDING
        return batch, best
