"""Several images for each class: the ways in which people write it, or what gradients make of them."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from lookalike.distance.metrics import checked_metric
from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.models.checks import check_one_of, check_whole, learned
from lookalike.prepare import Prepare
from lookalike.search.prototypes import ClusterMatcher, LearnedMatcher, Learning
from lookalike.tensors import takes_tensors

_PROTOTYPES = "The prototypes, to look at; class by class."
_COUNTS = "How many training images each class had."
_PROTOTYPE_LABELS = property(
    lambda model: model.classes_[model.recogniser_.matcher.codes], doc="The class of each prototype."
)


@takes_tensors
def _prototype_distances(self: ImageClassifier, X: ArrayLike) -> NDArray[np.float64]:
    """Return the distance of each image to each prototype.

    Parameters
    ----------
    X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
        Images of the shape that ``fit`` saw.

    Returns
    -------
    ndarray of shape (n, n_prototypes), float64
        L1 or L2 per value, in 0-1 for images; in the order of ``prototypes_``.
    """
    asked: Any = self._ready()
    distances: NDArray[np.float64] = asked.matcher.distances(asked.seen(self._images(X, asked)))
    return distances


class ClusterImages(ImageClassifier):
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

    def __init__(
        self, per_class: int = 10, *, metric: Literal["l1", "l2"] = "l2", random_state: Any = 0
    ) -> None:
        self.per_class = per_class
        self.metric = metric
        self.random_state = random_state

    prototypes_ = learned("matcher.prototypes", _PROTOTYPES)
    prototype_counts_ = learned("matcher.counts", "How many training images each cluster image stands for.")
    class_counts_ = learned("matcher.class_counts", _COUNTS)

    prototype_labels_ = _PROTOTYPE_LABELS
    prototype_distances = _prototype_distances

    def _matcher(self, prepare: Prepare | None) -> ClusterMatcher:
        return ClusterMatcher(
            self.metric, self.per_class, int(check_random_state(self.random_state).randint(2**31))
        )

    def _check_parameters(self) -> None:
        checked_metric(self.metric)
        check_whole("per_class", self.per_class)


class LearnedPrototypes(ImageClassifier):
    r"""Classify by the nearest of prototypes that start as mean images and are moved by gradients.

    A mean image is the middle of its class, whatever the other classes look like. Learning moves it, step by
    step against the gradient of a loss, to where more images are nearer to a prototype of their own class
    than to any other. Needs torch to learn (``pip install "lookalike[torch]"``); a fitted model answers
    without.

    Parameters
    ----------
    metric : {"l1", "l2"}, default="l2"
        How unlike two images are: the mean absolute or the root mean squared difference. Losses take the
        squared L2.
    per_class : int, default=1
        How many prototypes for each class. One starts at the mean image; several start at the cluster images
        of :class:`lookalike.ClusterImages`.
    loss : {"glvq", "cross-entropy"}, default="glvq"
        What is to become small. ``"glvq"``, generalised learning vector quantisation: with :math:`d_1` the
        distance to the nearest prototype of the image's class and :math:`d_2` that to the nearest other one,
        the sigmoid of 60 times :math:`(d_1 - d_2) / (d_1 + d_2)`. ``"cross-entropy"``: that of the softmax
        over the negative distances to each class's nearest prototype, times a sharpness that is learned too.
    epochs : int, default=20
        How often, at most, all images are gone through.
    learning_rate : float, default=0.01
        About how far a first step goes, where 1 is full ink.
    batch_size : int, default=256
        Images in a step.
    patience : int, default=10
        Epochs without a better result on the images that are held out, after which learning ends.
    validation_fraction : float, default=0.1
        The share of each class's training images that is held out: nothing is learned from them, and the
        prototypes are kept that answer most of them right (ties: the least loss on them).
    random_state : int, RandomState or None, default=0
        What is held out, the order of images and the start of clusters are drawn by.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    prototypes_ : ndarray of shape (n_prototypes, h, w[, c]) or (n_prototypes, n_features), float64
        The best prototypes: in 0-1, or within the range of a 2-D array's values; class by class.
    prototype_labels_ : ndarray of shape (n_prototypes,)
        Their classes.
    history_ : dict of ndarray, each of shape (n_epochs + 1,)
        ``"loss"``: of the images learned from, at the start and in each epoch, as it went by.
        ``"validation_loss"`` and ``"validation_accuracy"``: on the images held out, at the start and after
        each epoch. Place 0 is the start: mean images or cluster images.
    best_epoch_ : int
        Which epoch's prototypes were kept; 0 is the start.
    snapshots_ : ndarray of shape (n_snapshots, n_prototypes, h, w[, c]) or (..., n_features), float32
        The prototypes at the start and after each epoch, or after every so many where there are many; not in
        model files.
    snapshot_epochs_ : ndarray of shape (n_snapshots,), int64
        The epoch of each.
    interrupted_ : bool
        Whether Ctrl-C ended learning; the best prototypes so far were kept.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many training images each class had.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.MeanImage : Where one prototype a class starts.
    lookalike.ClusterImages : Where several start.

    Notes
    -----
    Ties go to the first class in ``classes_``. The start is made of all training images, those held out too:
    where learning brings nothing, the model is :class:`lookalike.MeanImage` (or, of several a class,
    :class:`lookalike.ClusterImages`). Where no class has enough images
    to hold any out, results are judged on the images learned from.

    Prototypes stay images: after each step, what went beyond 0 or 1 (for a 2-D array, beyond the least and
    the largest value that ``fit`` saw) is cut off. Rates do not suffer from it.

    The same seed gives the same prototypes to the bit on the CPU with the same versions of NumPy and torch
    and the same kind of processor: torch uses one of its threads meanwhile, and none of its random numbers.

    References
    ----------
    A. Sato and K. Yamada, "Generalized learning vector quantization", NIPS 8 (1995). D. Kingma and J. Ba,
    "Adam: a method for stochastic optimization", ICLR 2015.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.LearnedPrototypes().fit(train.images, train.labels)  # doctest: +SKIP
    >>> model.prototypes_.shape, model.best_epoch_ > 0  # doctest: +SKIP
    ((2, 8, 8), True)
    """

    def __init__(
        self,
        metric: Literal["l1", "l2"] = "l2",
        *,
        per_class: int = 1,
        loss: Literal["glvq", "cross-entropy"] = "glvq",
        epochs: int = 20,
        learning_rate: float = 0.01,
        batch_size: int = 256,
        patience: int = 10,
        validation_fraction: float = 0.1,
        random_state: Any = 0,
    ) -> None:
        self.metric = metric
        self.per_class = per_class
        self.loss = loss
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    prototypes_ = learned("matcher.prototypes", _PROTOTYPES)
    best_epoch_ = learned("matcher.best_epoch", "Which epoch's prototypes were kept; 0 is the start.")
    snapshots_ = learned("matcher.snapshots", "The prototypes as they learned; not in model files.")
    snapshot_epochs_ = learned("matcher.snapshot_epochs", "The epoch of each snapshot.")
    interrupted_ = learned("matcher.interrupted", "Whether Ctrl-C ended learning.")
    class_counts_ = learned("matcher.class_counts", _COUNTS)

    prototype_labels_ = _PROTOTYPE_LABELS
    prototype_distances = _prototype_distances

    @property
    def history_(self) -> dict[str, NDArray[np.float64]]:
        """Losses and accuracies, from the start on."""
        matcher: Any = self._fitted().matcher
        return {name: getattr(matcher.history, name) for name in matcher.history.state}

    def _matcher(self, prepare: Prepare | None) -> LearnedMatcher:
        how = {name: value for name, value in self.get_params(deep=False).items() if name != "metric"}
        return LearnedMatcher(self.metric, Learning(**how))

    def _check_parameters(self) -> None:
        check_one_of("metric", self.metric, ("l1", "l2"))
        check_one_of("loss", self.loss, ("glvq", "cross-entropy"))
        for name in ("per_class", "epochs", "batch_size", "patience"):
            check_whole(name, getattr(self, name))
        if not 0 < self.learning_rate <= 1:
            raise InputError(f"learning_rate is {self.learning_rate!r}: expected a number above 0, up to 1")
        if not 0 <= self.validation_fraction < 1:
            raise InputError(
                f"validation_fraction is {self.validation_fraction!r}: expected a number from 0 to below 1"
            )
