"""The idea that lookalike grew from: the class whose average image is most like the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.prototypes import prototype_sums
from lookalike.errors import InputError
from lookalike.models.class_means import COMPILED_FROM, ClassMeanClassifier
from lookalike.models.medians import Median

if TYPE_CHECKING:
    from lookalike.evidence import Reference
    from lookalike.models.explain import Manner
    from lookalike.models.state import StateReader

_METRICS = ("l1", "l2")
_AVERAGES = ("mean", "median")


class MeanImage(ClassMeanClassifier):
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

    class_images_: NDArray[np.float64]
    _left_out_distances: NDArray[np.float64]

    def __init__(
        self, metric: Literal["l1", "l2"] = "l1", *, average: Literal["mean", "median"] = "mean"
    ) -> None:
        self.metric = metric
        self.average = average

    def class_distances(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the distance of each image to each class's image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            L1 or L2 per value, in 0-1 for images; infinite for a class without images yet.
        """
        return self._distances(*self._rows(X, reset=False))

    def _distances(self, rows: NDArray[Any], scale: int) -> NDArray[np.float64]:
        prototypes = self.class_images_.reshape(len(self.classes_), -1) * scale
        # By what the model has seen, not by the batch: an answer must not depend on the images beside it.
        compiled = int(self.class_counts_.sum()) * self.n_features_in_ >= COMPILED_FROM
        sums = prototype_sums(rows, prototypes, self.metric, compiled=compiled)
        distances = sums / self.n_features_in_
        if self.metric == "l2":
            np.sqrt(distances, out=distances)
        distances /= scale
        distances[:, self.class_counts_ == 0] = np.inf
        return distances

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        if self.metric not in _METRICS:
            raise InputError(f"metric is {self.metric!r}: expected 'l1' or 'l2'")
        if self.average not in _AVERAGES:
            raise InputError(f"average is {self.average!r}: expected 'mean' or 'median'")

    def _manner(self) -> Manner:
        from lookalike.models.explain import Manner

        return Manner(f"{self.average} image, {self.metric.upper()}", self.metric == "l2")

    def _class_reference(self, code: int, seen: NDArray[np.float64], distance: float) -> Reference:
        from lookalike.models.explain import compared_with

        return compared_with(
            seen,
            self.class_images_[code],
            kind="mean image" if self.average == "mean" else "median image",
            label=self.classes_[code],
            distance=distance,
        )

    def _can_accumulate(self) -> bool:
        if self.average == "median":
            raise AttributeError(
                "partial_fit needs average='mean': a median cannot be brought up to date from sums, "
                "it needs all images at once"
            )
        return True

    def _features(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows

    def _add(self, rows: NDArray[Any], codes: NDArray[np.intp], scale: int) -> None:
        if self.average == "mean":
            super()._add(rows, codes, scale)
            return
        medians = [Median.of(rows[codes == code]) for code in range(len(self.classes_))]
        self.class_counts_ = np.bincount(codes, minlength=len(self.classes_))
        self.class_images_ = self._shaped(np.stack([median.middle for median in medians]) / scale)
        self._sample(rows, codes, scale)
        held = self._reservoir
        self._left_out_distances = np.zeros(len(held.rows))
        for code, median in enumerate(medians):
            own = held.codes == code
            apart = (held.rows[own] - median.without(held.rows[own])) / scale
            l1, l2 = np.abs(apart).mean(axis=1), np.sqrt(np.square(apart).mean(axis=1))
            self._left_out_distances[own] = l1 if self.metric == "l1" else l2

    def _without_itself(
        self, distances: NDArray[np.float64], counts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        if self.average == "mean":
            return super()._without_itself(distances, counts)
        return self._left_out_distances

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        if self.average == "median":
            arrays["class_images"] = self.class_images_.reshape(len(self.classes_), -1)
            arrays["left_out_distances"] = self._left_out_distances

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        if hasattr(self, "class_sums_") == (self.average == "median"):
            raise InputError(f"class_sums do not go with average={self.average!r}")
        if self.average == "median":
            shape = len(self.classes_), self.n_features_in_
            images = state.array("class_images", (np.float32, np.float64), shape)
            self.class_images_ = self._shaped(images.copy())
            kept = len(self._reservoir.rows)
            self._left_out_distances = state.array("left_out_distances", np.float64, (kept,)).copy()
            if (self._left_out_distances < 0).any():
                raise InputError("left_out_distances are negative: expected distances")

    def _refresh(self) -> None:
        self.class_images_ = self._shaped(self._means())

    def _shaped(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows as images, where the model was fitted on images."""
        return rows if self.image_shape_ is None else rows.reshape(-1, *self.image_shape_)
