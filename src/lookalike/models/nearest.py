"""The strongest plain use of pixel similarity: the training image that is most like the image."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.distance.float_search import FloatIndex
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.progress import Progress, silent

_METRICS = ("l1", "l2")
_WEIGHTS = ("uniform", "distance")


class NearestImages(ImageClassifier):
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
    same tie rule. Neighbours do not depend on the batch, threads, chunks or memory order.

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

    ids_: NDArray[np.int64]
    _index: ImageIndex | FloatIndex
    _codes: NDArray[np.intp]

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

    @property
    def labels_(self) -> NDArray[Any]:
        """The training images' labels."""
        labels: NDArray[Any] = self.classes_[self._codes]
        return labels

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Keep labelled images; what was kept before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images.
        y : array-like of shape (n,)
            Their labels: integers or strings.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is none of its values, the images are no image batch, or there is not one label for
            each.
        """
        self._check_parameters()
        rows, scale = self._rows(X, reset=True)
        labels = self._labels(y, len(rows))
        self.classes_, self._codes = np.unique(labels, return_inverse=True)
        self.ids_ = np.arange(len(rows), dtype=np.int64)
        self._next_id = len(rows)
        self._keep(rows, scale)
        return self

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Append labelled images to those that are kept.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape seen before.
        y : array-like of shape (n,)
            Their labels.
        classes : array-like of shape (n_classes,), optional
            Every label that will ever occur; needed at the first call only.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The first call has no ``classes``, a later one has other ones, or a label is none of them.
        """
        self._check_parameters()
        first = not hasattr(self, "classes_")
        rows, scale = self._rows(X, reset=first)
        codes = self._more_labels(y, len(rows), classes)
        if first:
            self._codes, self.ids_, self._next_id = codes[:0], np.arange(0), 0
            self._keep(rows, scale)
        else:
            self._append(rows, scale)
        self._codes = np.concatenate([self._codes, codes])
        self.ids_ = np.concatenate([self.ids_, np.arange(self._next_id, self._next_id + len(rows))])
        self._next_id += len(rows)
        return self

    def forget(self, ids: ArrayLike) -> Self:
        """Forget training images.

        Parameters
        ----------
        ids : int or array-like of int
            Their numbers in ``ids_``.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A number is not in ``ids_``, or no image would be left.
        """
        check_is_fitted(self)
        wanted = np.unique(np.atleast_1d(np.asarray(ids)))
        strange = wanted[~np.isin(wanted, self.ids_)]
        if strange.size:
            raise InputError(f"no training image has the id {strange[0]}: expected ids that are in ids_")
        if len(wanted) == len(self.ids_):
            raise InputError(
                f"all {len(wanted)} training images would be forgotten: expected at least one left"
            )
        gone = np.isin(self.ids_, wanted)
        self._index.remove(np.flatnonzero(gone))
        self._codes, self.ids_ = self._codes[~gone], self.ids_[~gone]
        return self

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
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if not 1 <= k <= len(self.ids_):
            raise InputError(
                f"n_neighbors is {k}: expected 1 to {len(self.ids_)}, the number of training images"
            )
        if isinstance(self._index, ImageIndex) and rows.dtype == np.uint8:
            whole, indices = self._index.search(self._shaped(rows), k, progress=progress)
            sums, unit = whole.astype(np.float64), scale
        else:
            sums, indices = self._float_index().search(rows / scale, k, progress=progress)
            unit = 1
        distances = sums / self.n_features_in_
        if self.metric == "l2":
            distances = np.sqrt(distances)
        return distances / unit, indices

    def predict(self, X: ArrayLike, *, progress: Progress = silent) -> NDArray[Any]:
        """Return the class that the nearest training images vote for.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n,)
            Labels; equal votes go to the class of the nearest voter.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``, or fewer training images are left
            than are to vote.
        """
        check_is_fitted(self)
        distances, indices = self.kneighbors(X, progress=progress)
        codes = self._codes[indices]
        if codes.shape[1] > 1:
            codes = _vote(codes, self._vote_weights(distances))
        labels: NDArray[Any] = self.classes_[codes[:, 0]]
        return labels

    def _vote_weights(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each neighbour's vote counts."""
        if self.weights == "uniform":
            return np.ones_like(distances)
        same = distances == 0
        weights = np.divide(1.0, distances, out=np.zeros_like(distances), where=~same)
        return np.where(same.any(axis=1, keepdims=True), same, weights)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        k = self.n_neighbors
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(f"n_neighbors is {k!r}: expected a whole number of at least 1")
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

    def _float_index(self) -> FloatIndex:
        """Return the index of floats, made of that of bytes where there is none."""
        if isinstance(self._index, FloatIndex):
            return self._index
        rows = self._index.take(np.arange(len(self._index))).reshape(len(self._index), -1)
        return FloatIndex(rows / self._scale, self.metric)

    def _shaped(self, rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return rows as images; rows of a 2-D array are images one value high."""
        return rows.reshape(len(rows), *(self.image_shape_ or (1, self.n_features_in_)))


def _vote(codes: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the class with the most votes of each row, as one column.

    Neighbours come nearest first, so that the first of those whose class has the most votes is the
    nearest of them.
    """
    same = codes[:, :, None] == codes[:, None, :]
    votes = (same * weights[:, None, :]).sum(axis=2)
    first = np.argmax(votes, axis=1)
    return np.take_along_axis(codes, first[:, None], axis=1)
