"""The nearest training image of each class: what probabilities, refusals and evidence rest on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.classes import FARTHEST
from lookalike.distance.device.search import ArraysOnDevice
from lookalike.distance.float_search import FloatIndex
from lookalike.distance.search import ImageIndex
from lookalike.models.deformable_aligned import SHORT_CLASSES, SHORT_LIST
from lookalike.models.deformable_index import Bytes, DeformableIndex
from lookalike.progress import Progress, silent

Whole = NDArray[np.int64]
#: Distances of queries to all that they are compared with are held at once: so many numbers.
_HELD_NUMBERS = 1 << 22
_WHAT = "searching class by class"


class ClassSearch:
    """One exact index for each class, over the images of one that holds them all.

    Parameters
    ----------
    index : ImageIndex, FloatIndex or ArraysOnDevice
        All images.
    codes : ndarray of shape (n,)
        The class of each, 0 to ``n_classes - 1``.
    n_classes : int
        How many classes there are; some may have no image.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.search import ImageIndex
    >>> from lookalike.models.class_nearest import ClassSearch
    >>> index = ImageIndex(np.array([[[0]], [[9]], [[7]], [[7]]], np.uint8))
    >>> search = ClassSearch(index, np.array([0, 0, 1, 1]), 3)
    >>> search.nearest(np.array([[[6]]], np.uint8))
    (array([[ 3.,  1., inf]]), array([[ 1,  2, -1]]))
    """

    def __init__(
        self, index: ImageIndex | FloatIndex | ArraysOnDevice, codes: NDArray[np.intp], n_classes: int
    ) -> None:
        self._places = [np.flatnonzero(codes == code) for code in range(n_classes)]
        # An index of bytes refuses to begin empty, and a class may have no image.
        self._indexes = [_part_of(index, places) if places.size else None for places in self._places]

    def nearest(
        self, queries: NDArray[Any], without: Whole | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], Whole]:
        """Return the nearest image of each class of each query.

        Parameters
        ----------
        queries : ndarray
            What the index takes.
        without : ndarray of shape (q,), int64, optional
            The place of an image that each query is not compared with: itself, where it is one of them.
        progress : Progress, optional
            Hears of compilation and of queries done, all classes together.

        Returns
        -------
        sums : ndarray of shape (q, n_classes), float64
            Sums of absolute or of squared differences; infinite where a class has no image (left).
        places : ndarray of shape (q, n_classes), int64
            Equal sums by the lowest place; -1 where a class has no image (left).
        """
        sums = np.full((len(queries), len(self._places)), np.inf)
        found = np.full(sums.shape, -1, np.int64)
        for code, (index, places) in enumerate(zip(self._indexes, self._places, strict=True)):
            if index is None:
                continue
            k = 1 if without is None else min(2, len(places))
            progress(_WHAT, code, len(self._places))
            near, where = index.search(queries, k, progress=_of_compiling(progress))
            there = places[where]
            column = np.zeros(len(queries), np.intp)
            if without is not None:
                column = (there[:, 0] == without).astype(np.intp)
            has = column < k
            chosen = np.minimum(column, k - 1)[:, None]
            sums[has, code] = np.take_along_axis(near, chosen, 1)[has, 0]
            found[has, code] = np.take_along_axis(there, chosen, 1)[has, 0]
        progress(_WHAT, len(self._places), len(self._places))
        return sums, found


def _part_of(
    index: ImageIndex | FloatIndex | ArraysOnDevice, places: NDArray[np.intp]
) -> ImageIndex | FloatIndex | ArraysOnDevice:
    """Return an index of the images at some places."""
    if isinstance(index, ImageIndex):
        return ImageIndex(index.take(places), index.metric)
    if isinstance(index, ArraysOnDevice):
        return ArraysOnDevice(index.take(places), index.metric)
    return FloatIndex(index.take(places), index.metric)


class Matches(NamedTuple):
    """What deformable matching found for some queries.

    Attributes
    ----------
    sums : ndarray of shape (q, n_classes), int64
        The smallest deformable distance of each class; 2^63 - 1 where a class has no image (left).
    places : ndarray of shape (q, n_classes), int64
        Whose it is, equal ones by the lowest place; -1 where a class has no image (left).
    near_sums, near_places : ndarray of shape (q, k), int64
        The k nearest of all candidates (where images are aligned, of all that are), ascending; equal ones by
        ascending place.
    """

    sums: Whole
    places: Whole
    near_sums: Whole
    near_places: Whole


class DeformableClassSearch:
    """The nearest image of each class by the deformable distance, among candidates.

    A query is compared with its candidates, and for each class that none of them is of, with the image of
    that class whose coarse description is nearest. Where all images are candidates the answer is exact.
    Where images are aligned, these are the 30 candidates (or ``k``) that are nearest as they are, and the
    nearest of each of the 50 classes that are nearest; other classes are infinitely far.

    Parameters
    ----------
    index : DeformableIndex
        All images.
    codes : ndarray of shape (n,)
        The class of each, 0 to ``n_classes - 1``.
    n_classes : int
        How many classes there are; some may have no image.
    candidates : int
        How many images each query is compared with.
    """

    def __init__(
        self, index: DeformableIndex, codes: NDArray[np.intp], n_classes: int, candidates: int
    ) -> None:
        self._index, self._codes, self._n_classes = index, codes, n_classes
        self._candidates = min(candidates, len(index))
        self._coarse = None
        if self._candidates < len(index):
            self._coarse = ClassSearch(index.descriptions(), codes, n_classes)

    def nearest(
        self, queries: Bytes, k: int, without: Whole | None = None, *, progress: Progress = silent
    ) -> Matches:
        """Return the nearest image of each class of each query, and the k nearest of all.

        Parameters
        ----------
        queries : ndarray of shape (q, h, w) or (q, h, w, c), uint8
            Prepared images.
        k : int
            How many of the nearest candidates are wanted, whatever their class.
        without : ndarray of shape (q,), int64, optional
            The place of an image that each query is not compared with.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        Matches
        """
        step = max(1, _HELD_NUMBERS // (max(self._candidates, k) + self._n_classes))
        parts = []
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            left_out = None if without is None else without[part]
            progress("matching class by class", start, len(queries))
            parts.append(self._part(queries[part], k, left_out, _of_compiling(progress)))
        progress("matching class by class", len(queries), len(queries))
        return Matches(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))

    def _part(self, queries: Bytes, k: int, without: Whole | None, progress: Progress) -> Matches:
        """Answer a few queries."""
        chosen, first = self._chosen(queries, k, without, progress)
        sums = self._index.unaligned_distances(queries, chosen, progress=progress)
        places = np.broadcast_to(np.arange(len(self._index)) if chosen is None else chosen, sums.shape)
        if without is not None:
            sums[places == without[:, None]] = FARTHEST
        if self._index.comparison.aligned:
            places, again = self._short_list(sums, places, first, k)
            first = places.shape[1]
            sums = self._index.distances(queries, places, progress=progress)
            sums[again] = FARTHEST
            if without is not None:
                sums[places == without[:, None]] = FARTHEST
        order = np.lexsort((places[:, :first], sums[:, :first]), axis=1)[:, :k]
        return Matches(
            *self._best(sums, places),
            np.take_along_axis(sums, order, 1),
            np.take_along_axis(places, order, 1),
        )

    def _chosen(
        self, queries: Bytes, k: int, without: Whole | None, progress: Progress
    ) -> tuple[Whole | None, int]:
        """Return what each query is compared with (None: all), candidates first, and how many these are."""
        count = max(self._candidates, k)
        if self._coarse is None or count >= len(self._index):
            return None, len(self._index)
        described = self._index.comparison.descriptors_of(queries, progress)
        more = without is not None
        found = self._index.descriptions().search(described, count + more, progress=progress)[1]
        if without is not None:
            itself = found == without[:, None]
            itself[:, -1] |= ~itself.any(axis=1)
            found = found[~itself].reshape(len(queries), count)
        # The nearest description of a class that has candidates belongs to one of them: nothing is added by
        # naming it twice. An image that is not there is replaced by one that is a candidate anyway.
        coarse = self._coarse.nearest(described, without, progress=progress)[1]
        return np.hstack([found, np.where(coarse < 0, found[:, :1], coarse)]), count

    def _short_list(self, sums: Whole, places: Whole, first: int, k: int) -> tuple[Whole, NDArray[np.bool_]]:
        """Return which images are worth aligning, and which of them are named before.

        They are the nearest candidates, and the nearest image of each class that is near.
        """
        count = min(max(k, SHORT_LIST), first)
        order = np.lexsort((places[:, :first], sums[:, :first]), axis=1)[:, :count]
        near = np.take_along_axis(places, order, 1)
        best, of_classes = self._best(sums, places)
        nearest = np.argsort(best, axis=1, kind="stable")[:, :SHORT_CLASSES]
        of_classes = np.take_along_axis(of_classes, nearest, 1)
        of_classes = np.where(of_classes < 0, near[:, :1], of_classes)
        again = (of_classes[:, :, None] == near[:, None, :]).any(axis=2)
        return np.hstack([near, of_classes]), np.hstack([np.zeros(near.shape, np.bool_), again])

    def _best(self, sums: Whole, places: Whole) -> tuple[Whole, Whole]:
        """Return the smallest sum of each class, and the lowest place of those that have it."""
        shape = len(sums), self._n_classes
        key = (np.arange(len(sums))[:, None] * self._n_classes + self._codes[places]).ravel()
        best = np.full(shape[0] * shape[1], FARTHEST)
        np.minimum.at(best, key, sums.ravel())
        is_best = (sums.ravel() == best[key]) & (sums.ravel() < FARTHEST)
        lowest = np.full(best.shape, FARTHEST)
        np.minimum.at(lowest, key[is_best], places.ravel()[is_best])
        lowest[lowest == FARTHEST] = -1
        return best.reshape(shape), lowest.reshape(shape)


def _of_compiling(progress: Progress) -> Progress:
    """Return a progress that passes on what is told of compilation: other counts are parts of ours."""

    def told(what: str, done: int, total: int | None) -> None:
        if what.startswith("compiling"):
            progress(what, done, total)

    return told
