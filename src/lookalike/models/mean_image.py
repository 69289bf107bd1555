"""The idea that lookalike grew from: the class whose average image is most like the image."""

from __future__ import annotations

from typing import Literal

from lookalike.distance.metrics import checked_metric
from lookalike.models.base import ImageClassifier
from lookalike.models.checks import check_one_of, check_prepare, learned
from lookalike.prepare import Prepare
from lookalike.search.averages import MeanMatcher, MedianMatcher


class MeanImage(ImageClassifier):
    r"""Classify by the nearest mean image: the class whose average image is most like the image.

    With ``metric="l1"`` the distance of an image :math:`a` to a class's image :math:`m` is the mean
    absolute difference over the ``d`` values, with ``"l2"`` the root mean squared difference, both on the
    0-1 scale:

    .. math::
        L_1(a, m) = \frac{1}{d} \sum_i |a_i - m_i|, \qquad
        L_2(a, m) = \sqrt{\frac{1}{d} \sum_i (a_i - m_i)^2}

    Parameters
    ----------
    metric : {"l1", "l2"}, default="l1"
        How unlike two images are.
    average : {"mean", "median"}, default="mean"
        The class's image: its pixel-wise mean (the book's "ideal" image, and what minimises the squared L2
        distance to the class's images), or its median (which minimises L1).
    prepare : "auto", None or Prepare, default=None
        What is done to images before they are compared: chosen by :func:`lookalike.prepare.choose`, nothing,
        or steps of your own. "auto" leaves rows of a 2-D array as they are, steps refuse them.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    class_images_ : ndarray of shape (n_classes, h, w[, c]) or (n_classes, n_features), float64
        The mean or median image of each class, to look at: in 0-1, or in the units of a 2-D array. NaN for a
        class without images yet.
    class_sums_ : ndarray of shape (n_classes, n_features)
        Sums of the images, in units of 1 / ``sum_scale_``; not there for a median.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many images of each class were seen.
    sum_scale_ : int
        255 for images of bytes, else 1; not there for a median.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    sklearn.neighbors.NearestCentroid : Takes the median where the metric is L1, and has no ``partial_fit``.

    Notes
    -----
    Ties go to the first class in ``classes_``. Mean images of bytes are kept as integer sums and counts, so
    that ``partial_fit`` is exact and free of order. A median cannot be: the medians of two parts do not
    determine the median of the whole, so ``partial_fit`` is there for the mean only. What a median would be
    without one of its images follows from the two or three values in the middle: ``fit`` notes it for the
    images that probabilities are calibrated by.

    References
    ----------
    J. Howard and S. Gugger, "Deep Learning for Coders with fastai and PyTorch", chapter 4, "First Try: Pixel
    Similarity".

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    >>> model.class_images_.shape
    (2, 8, 8)
    >>> round(model.score(valid.images, valid.labels), 4)
    0.9452
    """

    def __init__(
        self,
        metric: Literal["l1", "l2"] = "l1",
        *,
        average: Literal["mean", "median"] = "mean",
        prepare: Literal["auto"] | Prepare | None = None,
    ) -> None:
        self.metric = metric
        self.average = average
        self.prepare = prepare

    class_images_ = learned("matcher.class_images", "The mean or median image of each class.")
    class_sums_ = learned("matcher.class_sums.sums", "Sums of the images; not there for a median.")
    class_counts_ = learned("matcher.class_counts", "How many images of each class were seen.")
    sum_scale_ = learned("matcher.class_sums.unit", "255 for sums of bytes, else 1; not there for a median.")

    def _matcher(self, prepare: Prepare | None) -> MeanMatcher:
        return (MedianMatcher if self.average == "median" else MeanMatcher)(self.metric)

    def _check_parameters(self) -> None:
        checked_metric(self.metric)
        check_one_of("average", self.average, ("mean", "median"))
        check_prepare(self.prepare)
