"""What classifiers by the smallest class distance share: the answer, and how unlike the image is to it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.models.reject import RefusingClassifier


class NearestClass(RefusingClassifier):
    """A classifier that answers the class with the smallest distance.

    A subclass says how far images are from each class (``class_distances``).
    """

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
        return self.answered(X)[0]

    def answered(self, X: ArrayLike) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the class of each image, and how unlike the image is to it.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        labels : ndarray of shape (n,)
            What :meth:`predict` returns.
        distances : ndarray of shape (n,), float64
            The distance to that class, as :meth:`class_distances` has it.

        Raises
        ------
        InputError
            As :meth:`predict`.
        """
        check_is_fitted(self)
        X = self._watched(X)
        distances = self.class_distances(X)
        return self.classes_[np.argmin(distances, axis=1)], distances.min(axis=1)

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
