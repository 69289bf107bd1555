"""The plainest idea: how much ink there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.models.class_means import ClassMeanClassifier

if TYPE_CHECKING:
    from lookalike.evidence import Reference
    from lookalike.models.explain import Manner


class InkCoverage(ClassMeanClassifier):
    r"""Classify by ink coverage alone: the class whose mean coverage is nearest.

    The coverage of an image is its mean intensity on the 0-1 scale,

    .. math:: c(a) = \frac{1}{d} \sum_{i=1}^{d} a_i,

    one number an image. It says what the ink's amount alone is worth, before any comparison by pixel.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    class_coverage_ : ndarray of shape (n_classes,), float64
        The mean coverage of each class, in 0-1; NaN for a class without images yet.
    class_sums_ : ndarray of shape (n_classes, 1)
        The sum of all values of the class's images, in units of 1 / ``sum_scale_``.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many images of each class were seen.
    sum_scale_ : int
        255 for images of bytes, else 1.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.MeanImage : Compares pixel by pixel.

    Notes
    -----
    Ties go to the first class in ``classes_``. Images of bytes are summed as integers, so that
    ``partial_fit`` is exact and free of order.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.InkCoverage().fit(train.images, train.labels)
    >>> model.class_coverage_.round(4)
    array([0.2984, 0.296 ])
    """

    class_coverage_: NDArray[np.float64]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # One number an image: enough for ink, not for scikit-learn's clouds of points.
        tags.classifier_tags.poor_score = True
        return tags

    def class_distances(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return how far each image's coverage is from each class's mean coverage.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Absolute differences, in 0-1 for images; infinite for a class without images yet.
        """
        rows, scale = self._rows(X, reset=False)
        return self._distances(self._features(rows), scale)

    def _distances(self, values: NDArray[Any], scale: int) -> NDArray[np.float64]:
        coverage = values / (scale * self.n_features_in_)
        distances: NDArray[np.float64] = np.abs(coverage - self.class_coverage_)
        return np.where(np.isnan(distances), np.inf, distances)

    def _manner(self) -> Manner:
        from lookalike.models.explain import Manner

        return Manner("ink coverage")

    def _class_reference(self, code: int, seen: NDArray[np.float64], distance: float) -> Reference:
        from lookalike.evidence import Reference

        return Reference(
            "mean coverage",
            self.classes_[code],
            distance,
            coverage=float(self.class_coverage_[code]),
        )

    def _features(self, rows: NDArray[Any]) -> NDArray[Any]:
        dtype = np.int64 if rows.dtype == np.uint8 else np.float64
        coverage: NDArray[Any] = rows.sum(axis=1, keepdims=True, dtype=dtype)
        return coverage

    def _n_values(self) -> int:
        return 1

    def _refresh(self) -> None:
        self.class_coverage_ = self._means()[:, 0] / self.n_features_in_
