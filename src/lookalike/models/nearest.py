"""The strongest plain use of pixel similarity: the training image that is most like the image."""

from __future__ import annotations

from typing import Any, Literal

from lookalike.distance.metrics import checked_metric
from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.models.checks import check_one_of, check_prepare, check_whole
from lookalike.prepare import Prepare
from lookalike.recognition.vote import WEIGHTS, Vote
from lookalike.search.pixels import PixelMatcher


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
    prepare : "auto", None or Prepare, default=None
        What is done to images before they are compared: chosen by :func:`lookalike.prepare.choose`, nothing,
        or steps of your own. "auto" leaves rows of a 2-D array as they are, steps refuse them.
    on_disk : bool, default=False
        Images are searched where they are, and not copied: ``X`` may be a memory map of bytes
        (``np.load(path, mmap_mode="r")``) that is larger than memory, and must not change. The model's file
        keeps them to be searched there; it is opened at once, since they are neither read nor checked.
        Nothing can be taught. Takes images of uint8 that are compared as they are.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending. An image keeps its number when others are
        forgotten; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    prepare_ : Prepare or None
        The fitted preparation.
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
    same tie rule. Neighbours do not depend on the batch, threads, chunks or memory order, nor for torch
    tensors on their device; bytes on a CUDA card are compared there.

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

    def __init__(
        self,
        n_neighbors: int = 1,
        *,
        metric: Literal["l1", "l2"] = "l1",
        weights: Literal["uniform", "distance"] = "uniform",
        prepare: Literal["auto"] | Prepare | None = None,
        on_disk: bool = False,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.weights = weights
        self.prepare = prepare
        self.on_disk = on_disk

    def _matcher(self, prepare: Prepare | None) -> PixelMatcher:
        return PixelMatcher(self.metric, self.on_disk)

    def _vote(self, matcher: Any) -> Vote:
        return Vote(int(self.n_neighbors), self.weights)

    def _check_parameters(self) -> None:
        check_whole("n_neighbors", self.n_neighbors)
        checked_metric(self.metric)
        check_one_of("weights", self.weights, WEIGHTS)
        check_prepare(self.prepare)
        if not isinstance(self.on_disk, bool):
            raise InputError(f"on_disk is {self.on_disk!r}: expected True or False")
        if self.on_disk and self.prepare is not None:
            raise InputError("on_disk is True: expected prepare=None, since images are compared as they are")
