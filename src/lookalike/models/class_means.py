"""What the ideas that stand on class means share: sums over images, added up in any order and any parts."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from lookalike.models.base import ImageClassifier

#: Bytes from which on loading compiled code pays; below, NumPy is done before it is loaded.
COMPILED_FROM = 1 << 23


class ClassMeanClassifier(ImageClassifier):
    """A classifier by the mean of each class, of the images themselves or of features of them.

    Its state is a sum and a count for each class. Sums of whole numbers (bytes of images, 2-D arrays of
    integers) are int64: exact, and the same for any order and any parts. Sums of floats are float64, the
    same up to rounding.

    Attributes
    ----------
    class_sums_ : ndarray of shape (n_classes, n_values), int64 or float64
        The sum of each class, in units of 1 / ``sum_scale_``.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many images of each class were seen.
    sum_scale_ : int
        255 for images of bytes, else 1.
    """

    class_sums_: NDArray[Any]
    class_counts_: NDArray[np.int64]
    sum_scale_: int

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on labelled images; what was seen before is forgotten.

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
        self._restart()
        self._add(rows, codes, scale)
        return self

    @available_if(lambda model: model._can_accumulate())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Add labelled images to what was seen before.

        For images of bytes the result is exactly that of one ``fit`` on all of them, in any order and any
        parts, since only integer sums and counts are kept.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape seen before.
        y : array-like of shape (n,)
            Their labels.
        classes : array-like of shape (n_classes,), optional
            Every label that will ever occur; needed at the first call only. A class without images yet is
            never an answer.

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
            self._restart()
        self._add(rows, codes, scale)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n,)
            Labels; ties go to the first class in ``classes_``.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``, or no image batch.
        """
        check_is_fitted(self)
        labels: NDArray[Any] = self.classes_[np.argmin(self.class_distances(X), axis=1)]
        return labels

    def class_distances(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of each image to each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of ``classes_``.
        """
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values; by default there are none."""

    def _can_accumulate(self) -> bool:
        """Return whether sums are all that is needed; where not, ``partial_fit`` is not there."""
        return True

    def _features(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return what is averaged: whole numbers for rows of whole numbers."""
        raise NotImplementedError

    def _refresh(self) -> None:
        """Bring what is derived from the sums up to date."""
        raise NotImplementedError

    def _restart(self) -> None:
        """Forget every sum."""
        self.__dict__.pop("class_sums_", None)
        self.class_counts_ = np.zeros(len(self.classes_), dtype=np.int64)

    def _add(self, rows: NDArray[Any], codes: NDArray[np.intp], scale: int) -> None:
        """Add rows to the sums of their classes."""
        sums = class_sums(self._features(rows), codes, len(self.classes_))
        if not hasattr(self, "class_sums_"):
            self.class_sums_, self.sum_scale_ = sums, scale
        elif scale == self.sum_scale_:
            self.class_sums_ = self.class_sums_ + sums
        else:
            # Images of bytes and of floats have met: both go on as floats in 0-1.
            self.class_sums_ = self.class_sums_ / self.sum_scale_ + sums / scale
            self.sum_scale_ = 1
        self.class_counts_ = self.class_counts_ + np.bincount(codes, minlength=len(self.classes_))
        self._refresh()

    def _means(self) -> NDArray[np.float64]:
        """Return the mean of each class on the scale where 1 is full ink; NaN for a class without images."""
        counts = self.class_counts_[:, None] * np.int64(self.sum_scale_)
        means = np.full(self.class_sums_.shape, np.nan)
        np.divide(self.class_sums_, counts, out=means, where=counts > 0)
        return means


def class_sums(values: NDArray[Any], codes: NDArray[np.intp], n_classes: int) -> NDArray[Any]:
    """Return the sum of the rows of each class.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Numbers.
    codes : ndarray of shape (n,)
        The class of each row, 0 to ``n_classes - 1``.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of shape (n_classes, d)
        int64 and exact for whole numbers, else float64.
    """
    if values.dtype == np.uint8:
        if values.size >= COMPILED_FROM:
            from lookalike.distance.kernels.sums import class_sums as compiled

            return compiled(values, codes, n_classes)
        # Sums of bytes stay below 2**53, where float64 counts exactly and is what NumPy adds fastest.
        return _numpy_sums(values, codes, n_classes, np.float64).astype(np.int64)
    return _numpy_sums(values, codes, n_classes, np.int64 if values.dtype.kind in "iu" else np.float64)


def _numpy_sums(values: NDArray[Any], codes: NDArray[np.intp], n_classes: int, dtype: Any) -> NDArray[Any]:
    """Return the sums of each class, added up in ``dtype``."""
    return np.stack([values[codes == code].sum(axis=0, dtype=dtype) for code in range(n_classes)])
