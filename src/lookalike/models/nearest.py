"""The strongest plain use of pixel similarity: the training image that is most like the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.device import device_in_use
from lookalike.distance.device.search import ArraysOnDevice
from lookalike.distance.float_search import FloatIndex
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError
from lookalike.models.base import check_whole
from lookalike.models.class_nearest import ClassSearch
from lookalike.models.kept import KeptImages, vote
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.explain import Costs, Manner
    from lookalike.models.state import StateReader

_METRICS = ("l1", "l2")
_WEIGHTS = ("uniform", "distance")
_STORED = (np.uint8, np.float16, np.float32, np.float64)


class NearestImages(KeptImages):
    r"""Classify by the nearest training images, found exactly.

    The distance of two images is the mean absolute difference (``"l1"``) or the root mean squared difference
    (``"l2"``) over their values, on the 0-1 scale for images and in the values' own units for 2-D arrays.

    Parameters
    ----------
    n_neighbors : int, default=1
        How many of the nearest images vote.
    metric : {"l1", "l2"}, default="l1"
        How unlike two images are.
    weights : {"uniform", "distance"}, default="uniform"
        Each vote counts the same, or by the inverse of its distance; then images at distance 0, if there are
        any, are the only ones to vote.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending. An image keeps its number when others are
        forgotten; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.MeanImage : One image for each class instead of all.
    sklearn.neighbors.KNeighborsClassifier : Takes 2-D arrays and many more metrics.

    Notes
    -----
    Equal distances go to the training image that came first. Equal votes go to the class of the nearest of
    the voters, and of equally near ones to that which came first.

    uint8 images, and 2-D arrays of uint8, are compared as integers, exactly, by
    :class:`lookalike.distance.search.ImageIndex`. Everything else takes a slower path in float64, with the
    same tie rule. Neighbours do not depend on the batch, threads, chunks or memory order, nor for torch
    tensors on their device; bytes on a CUDA card are compared there.

    References
    ----------
    T. Cover and P. Hart, "Nearest neighbor pattern classification", IEEE Trans. Information Theory 13 (1967).

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages(metric="l2").fit(train.images, train.labels)
    >>> distances, indices = model.kneighbors(valid.images[:1], n_neighbors=2)
    >>> model.labels_[indices].tolist(), valid.labels[:1].tolist()
    ([[1, 1]], [1])
    """

    _index: ImageIndex | FloatIndex

    def __init__(
        self,
        n_neighbors: int = 1,
        *,
        metric: Literal["l1", "l2"] = "l1",
        weights: Literal["uniform", "distance"] = "uniform",
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights

    def kneighbors(
        self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the nearest training images of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, optional
            How many; by default the model's own.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        distances : ndarray of shape (n, n_neighbors), float64
            L1 or L2 per value, ascending; in 0-1 for images.
        indices : ndarray of shape (n, n_neighbors), int64
            Places in ``ids_`` and ``labels_``; equal distances by ascending place.

        Raises
        ------
        InputError
            ``n_neighbors`` is not 1 to the number of training images, or the images are of another shape or
            kind than those of ``fit``.
        """
        rows, scale = self._rows(X, reset=False)
        k = self._checked_count(self.n_neighbors if n_neighbors is None else n_neighbors)
        return self._neighbors(rows, scale, k, progress)

    def _neighbors(
        self, rows: NDArray[Any], scale: int, k: int, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and places of the k nearest training images of rows."""
        if isinstance(self._index, ImageIndex) and rows.dtype == np.uint8:
            whole, indices = self._byte_index().search(self._shaped(rows), k, progress=progress)
            return self._per_value(whole.astype(np.float64), scale), indices
        sums, indices = self._float_index().search(rows / scale, k, progress=progress)
        return self._per_value(sums, 1), indices

    def _per_value(self, sums: NDArray[np.float64], scale: int) -> NDArray[np.float64]:
        """Return sums of differences as distances."""
        distances = sums / self.n_features_in_
        if self.metric == "l2":
            distances = np.sqrt(distances)
        return distances / scale

    def _vote_weights(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each neighbour's vote counts."""
        if self.weights == "uniform":
            return np.ones_like(distances)
        same = distances == 0
        weights = np.divide(1.0, distances, out=np.zeros_like(distances), where=~same)
        return np.where(same.any(axis=1, keepdims=True), same, weights)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        check_whole("n_neighbors", self.n_neighbors)
        if self.metric not in _METRICS:
            raise InputError(f"metric is {self.metric!r}: expected 'l1' or 'l2'")
        if self.weights not in _WEIGHTS:
            raise InputError(f"weights is {self.weights!r}: expected 'uniform' or 'distance'")

    def _keep(self, rows: NDArray[Any], scale: int) -> None:
        """Index rows: as bytes while there are only bytes, else as floats."""
        if rows.dtype == np.uint8:
            self._index, self._scale = ImageIndex(self._shaped(rows), self.metric), scale
        else:
            self._index = FloatIndex(rows / scale, self.metric)

    def _append(self, rows: NDArray[Any], scale: int) -> None:
        """Add rows to the index; where bytes and floats meet, both go on as floats."""
        if isinstance(self._index, ImageIndex) and rows.dtype == np.uint8:
            self._index.add(self._shaped(rows))
        else:
            self._index = self._float_index()
            self._index.add(rows / scale)

    def _drop(self, places: NDArray[np.intp]) -> None:
        """Take rows out of the index."""
        self._index.remove(places)

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        rows = self._index.take(np.arange(len(self._index))).reshape(len(self._index), -1)
        arrays["images"] = rows
        facts["scale"] = int(self._scale) if rows.dtype == np.uint8 else 1

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        rows = state.array("images", _STORED, (len(self.ids_), self.n_features_in_))
        scale = 1 if self.image_shape_ is None or rows.dtype != np.uint8 else 255
        if state.whole("scale", 1, 255) != scale:
            raise InputError(f"scale is not {scale}, which these images have")
        self._keep(rows, scale)

    def _manner(self) -> Manner:
        """Return how images are compared."""
        from lookalike.models.explain import Manner

        return Manner(f"nearest image, {self.metric.upper()}", self.metric == "l2", self.n_neighbors)

    def _seen(self, X: ArrayLike) -> NDArray[Any]:
        """Return images as bytes, or as floats of the scale that is compared."""
        return self._to_look_at(*self._rows(X, reset=False))

    def _kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return training images likewise."""
        return self._to_look_at(
            self._index.take(places), self._scale if isinstance(self._index, ImageIndex) else 1
        )

    def _to_look_at(self, rows: NDArray[Any], scale: int) -> NDArray[Any]:
        """Return rows in the shape of images; what is no byte of an image becomes float64."""
        values = rows if scale == 255 else rows.astype(np.float64)
        return values.reshape(len(rows), *(self.image_shape_ or (self.n_features_in_,)))

    def _costs(self, seen: NDArray[Any], place: int) -> Costs:
        """Return each value's share of the distance, or of its square."""
        from lookalike.models.explain import pixel_costs

        return pixel_costs(seen, self._kept(np.array([place]))[0], self.metric)

    def _queries(self, X: ArrayLike, progress: Progress) -> tuple[NDArray[Any], int]:
        return self._rows(X, reset=False)

    def _kept_queries(self, places: NDArray[np.intp]) -> tuple[NDArray[Any], int]:
        rows = self._index.take(places).reshape(len(places), -1)
        return rows, self._scale if isinstance(self._index, ImageIndex) else 1

    def _query_rows(self, queries: tuple[NDArray[Any], int]) -> tuple[NDArray[Any], int]:
        return queries

    def _class_search(
        self, queries: tuple[NDArray[Any], int], without: NDArray[np.int64] | None, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
        rows, scale = queries
        n_classes = len(self.classes_)
        if isinstance(self._index, ImageIndex) and rows.dtype == np.uint8:
            index = self._byte_index()
            name = f"classes on {device_in_use()}"
            search = self._derive(name, lambda: ClassSearch(index, self._codes, n_classes))
            sums, places = search.nearest(self._shaped(rows), without, progress=progress)
        else:
            search = self._derive(
                "float classes", lambda: ClassSearch(self._float_index(), self._codes, n_classes)
            )
            rows, scale = rows / scale, 1
            sums, places = search.nearest(rows, without, progress=progress)
        if without is None and self.n_neighbors > 1:
            near, indices = self._neighbors(rows, scale, self._checked_count(self.n_neighbors), progress)
            answers = vote(self._codes[indices], self._vote_weights(near))
        else:
            # Of equal sums the image that came first.
            answers = np.lexsort((places, sums), axis=1)[:, 0]
        return self._per_value(sums, scale), places, answers

    def _byte_index(self) -> ImageIndex | ArraysOnDevice:
        """Return the index of bytes, or where a device is to do the work a copy of it there."""
        index, device = cast(ImageIndex, self._index), device_in_use()
        if device is None:
            return index
        copy: ArraysOnDevice = self._derive(f"index on {device}", lambda: ArraysOnDevice.of(index, device))
        return copy

    def _float_index(self) -> FloatIndex:
        """Return the index of floats, made of that of bytes where there is none."""
        if isinstance(self._index, FloatIndex):
            return self._index
        rows = self._index.take(np.arange(len(self._index))).reshape(len(self._index), -1)
        return FloatIndex(rows / self._scale, self.metric)

    def _shaped(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return rows as images; rows of a 2-D array are images one value high."""
        return rows.reshape(len(rows), *(self.image_shape_ or (1, self.n_features_in_)))
