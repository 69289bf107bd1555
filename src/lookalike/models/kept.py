"""What classifiers that keep their training images share: ids, adding, forgetting, voting."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.progress import Progress, silent


class KeptImages(ImageClassifier):
    """A classifier that keeps its training images and lets the nearest of them vote.

    A subclass says how images are kept (``_keep``, ``_append``, ``_drop``) and which are nearest
    (``kneighbors``).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending. An image keeps its number when others are
        forgotten; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    """

    ids_: NDArray[np.int64]
    _codes: NDArray[np.intp]
    _next_id: int

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
        self.classes_, codes = np.unique(labels, return_inverse=True)
        self._begin(rows, scale, codes)
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
            self._begin(rows, scale, codes)
            return self
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
        self._drop(np.flatnonzero(gone))
        self._codes, self.ids_ = self._codes[~gone], self.ids_[~gone]
        return self

    def kneighbors(
        self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and places of the nearest training images of each image, nearest first."""
        raise NotImplementedError

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
        labels: NDArray[Any] = self.classes_[vote(self._codes[indices], self._vote_weights(distances))]
        return labels

    def _begin(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> None:
        """Keep the first images."""
        self._codes = codes
        self.ids_ = np.arange(len(rows), dtype=np.int64)
        self._next_id = len(rows)
        self._keep(rows, scale)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        raise NotImplementedError

    def _keep(self, rows: NDArray[Any], scale: int) -> None:
        """Keep these rows alone; ``_codes`` and ``ids_`` are known."""
        raise NotImplementedError

    def _append(self, rows: NDArray[Any], scale: int) -> None:
        """Keep further rows behind the others; ``_codes`` and ``ids_`` are those of the others."""
        raise NotImplementedError

    def _drop(self, places: NDArray[np.intp]) -> None:
        """Keep the rows at some places no longer."""
        raise NotImplementedError

    def _checked_count(self, n_neighbors: int) -> int:
        """Return how many neighbours are asked for, refusing more than there are."""
        if not 1 <= n_neighbors <= len(self.ids_):
            raise InputError(
                f"n_neighbors is {n_neighbors}: expected 1 to {len(self.ids_)}, the number of training images"
            )
        return n_neighbors

    def _vote_weights(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each neighbour's vote counts."""
        return np.ones_like(distances)


def check_whole(name: str, value: object) -> None:
    """Refuse a parameter that is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")


def vote(codes: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the class with the most votes of each row.

    Neighbours come nearest first, so that the first of those whose class has the most votes is the
    nearest of them.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
        The class of each neighbour.
    weights : ndarray of shape (n, k)
        What its vote counts.

    Returns
    -------
    ndarray of shape (n,)
    """
    same = codes[:, :, None] == codes[:, None, :]
    votes = (same * weights[:, None, :]).sum(axis=2)
    first = np.argmax(votes, axis=1)
    return np.take_along_axis(codes, first[:, None], axis=1)[:, 0]
