"""Several images for each class: the ways in which people write it, found by clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.models.calibration import LeftOut
from lookalike.models.prototype_base import Codes, PrototypeClassifier
from lookalike.models.reservoir import image_keys, smallest, spreads
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.models.explain import Manner
    from lookalike.models.state import StateReader


class ClusterImages(PrototypeClassifier):
    """Classify by the nearest cluster image: each class is a few images, each the average of a cluster.

    With ``metric="l2"`` clusters are those of k-means and their images means; with ``"l1"`` they are those of
    k-medians and their images medians. One image a class is the mean or the median image.

    Parameters
    ----------
    per_class : int, default=10
        How many images for each class; fewer where a class has fewer different ones.
    metric : {"l1", "l2"}, default="l2"
        How unlike two images are: the mean absolute or the root mean squared difference.
    random_state : int, RandomState or None, default=0
        What the first images of the clusters are drawn by.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    prototypes_ : ndarray of shape (n_prototypes, h, w[, c]) or (n_prototypes, n_features), float64
        The cluster images, to look at: in 0-1, or in the units of a 2-D array; class by class, the image of
        the largest cluster first.
    prototype_labels_ : ndarray of shape (n_prototypes,)
        Their classes.
    prototype_counts_ : ndarray of shape (n_prototypes,), int64
        How many training images each stands for.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many training images each class had.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.LearnedPrototypes : Starts here, and moves the images to where fewer answers are wrong.

    Notes
    -----
    Ties go to the first class in ``classes_``. The same seed gives the same images on any number of threads:
    bytes are compared and added up in one fixed way, which scikit-learn's ``KMeans`` does not promise, and it
    has no k-medians. Clusters start as k-means++ has it.

    References
    ----------
    S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28 (1982). D. Arthur and
    S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.ClusterImages(5).fit(train.images, train.labels)
    >>> model.prototypes_.shape, model.prototype_labels_[:6].tolist()
    ((50, 8, 8), [0, 0, 0, 0, 0, 1])
    """

    prototype_counts_: NDArray[np.int64]

    def __init__(
        self, per_class: int = 10, *, metric: Literal["l1", "l2"] = "l2", random_state: Any = 0
    ) -> None:
        self.per_class = per_class
        self.metric = metric
        self.random_state = random_state

    def _find(self, rows: NDArray[Any], scale: int, codes: Codes, progress: Progress) -> None:
        centres, self._codes, self.prototype_counts_ = self._clustered(rows, scale, codes, progress)
        self.prototypes_ = self._shaped(centres)
        self._held = self._without_themselves(rows, scale, codes)

    def _without_themselves(self, rows: NDArray[Any], scale: int, codes: Codes) -> LeftOut:
        """Return class distances of some training images, each taken out of its own cluster's image.

        Without the image a, of n, the mean m is (n m - a) / (n - 1): n / (n - 1) times as far from a. For
        medians it is an approximation.
        """
        places = smallest(image_keys(rows, codes, self.classes_))
        rows, codes = rows[places], codes[places]
        distances = self._per_prototype(rows, scale, self.prototypes_)
        own = np.where(self._codes == codes[:, None], distances, np.inf)
        every, nearest = np.arange(len(rows)), np.argmin(own, axis=1)
        counts = self.prototype_counts_[nearest]
        further = distances[every, nearest] * (counts / np.maximum(counts - 1, 1))
        distances[every, nearest] = np.where(counts > 1, further, np.inf)
        return LeftOut(self._per_class(distances), codes, spreads(rows, scale))

    def _manner(self) -> Manner:
        from lookalike.models.explain import Manner

        return Manner(f"cluster images, {self.metric.upper()}", self.metric == "l2")

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        arrays["prototype_counts"] = self.prototype_counts_

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        counts = state.array("prototype_counts", np.int64, (len(self._codes),)).copy()
        sums = np.bincount(self._codes, counts)
        if counts.min() < 1 or not np.array_equal(sums, self.class_counts_):
            raise InputError("prototype_counts do not add up to class_counts")
        self.prototype_counts_ = counts
