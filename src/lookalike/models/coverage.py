"""The plainest idea: how much ink there is."""

from __future__ import annotations

from typing import Any

from lookalike.models.base import ImageClassifier
from lookalike.models.checks import learned
from lookalike.prepare import Prepare
from lookalike.search.averages import CoverageMatcher


class InkCoverage(ImageClassifier):
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

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        # One number an image: enough for ink, not for scikit-learn's clouds of points.
        tags.classifier_tags.poor_score = True
        return tags

    class_coverage_ = learned("matcher.class_coverage", "The mean coverage of each class.")
    class_sums_ = learned("matcher.class_sums.sums", "The sum of all values of each class's images.")
    class_counts_ = learned("matcher.class_counts", "How many images of each class were seen.")
    sum_scale_ = learned("matcher.class_sums.unit", "255 for sums of bytes, else 1.")

    def _matcher(self, prepare: Prepare | None) -> CoverageMatcher:
        return CoverageMatcher()
