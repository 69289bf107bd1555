"""Several measures at once: shape, colour and texture, weighted by the examples."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from lookalike.errors import InputError
from lookalike.models.base import ImageClassifier
from lookalike.models.checks import check_network_path, check_prepare, check_whole, learned
from lookalike.prepare import Prepare
from lookalike.recognition.vote import Vote
from lookalike.search.mixture.matcher import DEFAULT_TERMS, EMBEDDING, TURNS, MixtureMatcher
from lookalike.search.mixture.network import OnnxNetwork


class MixtureMatch(ImageClassifier):
    r"""Classify by the training image with the smallest weighted sum of several measures.

    Two measures compare gradients whose pixels may move (as :class:`lookalike.DeformableMatch` does,
    prepared as drawings and as photographs); four compare images as a whole: colour, texture, texture
    energy and edges. How much each counts is decided by the examples, each left out in turn, and drawn
    towards what holds on other sets where examples are few; with one example of each class altered copies of
    it decide in their place.

    Parameters
    ----------
    terms : sequence of str, optional
        Which measures: "shape", "turned", "colour", "texture", "energy", "edges"; by default all.
    weights : "auto" or dict of str to float, default="auto"
        What each measure counts, 0 or more; "auto" is decided by the examples.
    quarter_turns : "auto" or bool, default="auto"
        Whether images are compared in all four quarter turns, for parts and cards that lie as they fell;
        "auto" is decided by the examples, each left out. It takes four times as long.
    embedding : path-like, optional
        A network as an ONNX file, with a JSON file beside it (see :class:`lookalike.Embedding`), whose
        features are one more measure, "embedding". A model file names it with its hash and cannot be opened
        without it.
    n_neighbors : int, default=1
        How many of the nearest images vote.
    prepare : "auto", None or Prepare, default=None
        What is done to images before anything is measured. Each measure prepares them besides, in its
        own way.
    image_shape : (int, int) or (int, int, int), optional
        The shape of the images that the rows of a 2-D array are. Without it each row is an image of one
        row.

    Attributes
    ----------
    weights_ : dict of str to float
        What each measure counts.
    reasons_ : tuple of str
        What was chosen and why, one sentence a decision.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.Classifier : Chooses between this and other ideas.
    lookalike.DeformableMatch : Shape alone, for many images.

    Notes
    -----
    :class:`lookalike.search.mixture.matcher.MixtureMatcher` says what is computed. Every query is
    compared with every training image, so this is for up to some thousands of them. Weights are those of
    ``fit``: what is learned later is compared by them. Equal distances go to the training image that
    came first.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7], limit=40)
    >>> model = lookalike.MixtureMatch().fit(train.images, train.labels)
    >>> float((model.predict(valid.images) == valid.labels).mean())
    0.975
    """

    _bytes: ClassVar[bool] = True

    def __init__(
        self,
        *,
        terms: Sequence[str] | None = None,
        weights: Literal["auto"] | Mapping[str, float] = "auto",
        quarter_turns: Literal["auto"] | bool = "auto",
        embedding: str | os.PathLike[str] | None = None,
        n_neighbors: int = 1,
        prepare: Literal["auto"] | Prepare | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.terms = terms
        self.weights = weights
        self.quarter_turns = quarter_turns
        self.embedding = embedding
        self.n_neighbors = n_neighbors
        self.prepare = prepare
        self.image_shape = image_shape

    _names = learned("matcher.names", "The measures.")
    _amounts = learned("matcher.weights", "What they count.")

    @property
    def weights_(self) -> dict[str, float]:
        """What each measure counts."""
        return dict(zip(self._names, self._amounts.tolist(), strict=True))

    def _matcher(self, prepare: Prepare | None) -> MixtureMatcher:
        names, given = self._measures(), None
        if not isinstance(self.weights, str):
            given = np.array([float(self.weights[name]) for name in names])
        turns = None if self.quarter_turns == "auto" else TURNS if self.quarter_turns else 1
        network = None if self.embedding is None else OnnxNetwork.opened(os.fspath(self.embedding))
        return MixtureMatcher(names, given, turns, network)

    def _measures(self) -> tuple[str, ...]:
        """Return the names of the measures."""
        names = tuple(DEFAULT_TERMS if self.terms is None else self.terms)
        return names if self.embedding is None else (*names, EMBEDDING)

    def _vote(self, matcher: Any) -> Vote:
        return Vote(int(self.n_neighbors))

    def _check_parameters(self) -> None:
        check_prepare(self.prepare)
        check_whole("n_neighbors", self.n_neighbors)
        if self.embedding is not None:
            check_network_path("embedding", self.embedding)
        names = DEFAULT_TERMS if self.terms is None else self.terms
        listed = isinstance(names, list | tuple) and len(names) > 0
        if not listed or any(name not in DEFAULT_TERMS or names.count(name) > 1 for name in names):
            expected = ", ".join(map(repr, DEFAULT_TERMS))
            raise InputError(f"terms are {self.terms!r}: expected some of {expected}")
        if self.quarter_turns not in ("auto", True, False):
            raise InputError(f"quarter_turns is {self.quarter_turns!r}: expected 'auto', True or False")
        if isinstance(self.weights, str) and self.weights == "auto":
            return
        names = self._measures()
        numbers = isinstance(self.weights, Mapping) and set(self.weights) == set(names)
        if not numbers or not all(
            isinstance(one, int | float | np.number) and 0 <= one <= 1e6 for one in self.weights.values()
        ):
            raise InputError(
                f"weights are {self.weights!r}: expected 'auto', or a number from 0 for each of {names}"
            )
