"""The scikit-learn face of a recogniser: what goes in, in what order, and what is refused."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.changing import changed, draft_of, take_over
from lookalike.models.checks import (
    check_whole,
    checked_groups,
    checked_input,
    checked_labels,
    fit_first,
    fit_part,
    grows,
    keeps,
    kept_ids,
    learned,
    reasons_of,
    restored,
    scored_labels,
)
from lookalike.models.explained import Explanations
from lookalike.prepare import Prepare
from lookalike.progress import Progress, silent
from lookalike.recognition.assessment import Assessment
from lookalike.recognition.labels import LabelTable
from lookalike.recognition.merging import merged
from lookalike.recognition.recogniser import Answers, Recogniser
from lookalike.recognition.rejection import Basis, asked_level
from lookalike.recognition.shard import Shard
from lookalike.recognition.vote import Vote
from lookalike.search.matcher import Matcher
from lookalike.search.matches import Matches
from lookalike.tensors import takes_tensors

Floats = NDArray[np.float64]
Preparation = Literal["auto"] | Prepare | None


class ImageClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """A classifier of image batches that also takes scikit-learn's ``(n, features)``.

    An image batch ``(n, h, w)`` or ``(n, h, w, c)`` passes :func:`lookalike.images.as_images` and is on the
    0-1 scale from then on (of bytes 255 is 1). A 2-D array is any finite numbers, as they are. What
    ``predict`` is given must be of the kind and the shape that ``fit`` saw. torch tensors are answered in
    tensors on their device: see :func:`lookalike.tensors.takes_tensors`.

    Every method that takes images raises InputError where they are of another shape or kind than those of
    ``fit``. Answers follow from one search (:meth:`match`) of the matcher that a subclass
    makes: ``__init__``, which only stores, and ``_matcher``; see CONTRIBUTING.md for the recipe.

    Attributes
    ----------
    recogniser_ : Recogniser
        What answers: the matcher with preparation, labels and calibration, without scikit-learn.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        The number of values of an image.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    prepare_ : Prepare or None
        The fitted preparation.
    reasons_ : tuple of str
        What "auto" chose and why, one sentence a decision.
    parameters_ : dict
        The parameters of the fit, which answers and files follow from: ones set later wait for the next fit.
    """

    recogniser_: Recogniser
    parameters_: dict[str, Any]
    n_features_in_: int
    prepare: Preparation = None
    image_shape: tuple[int, ...] | None = None

    #: The matcher compares bytes: floats are rounded, and rows of numbers become images of bytes.
    _bytes: ClassVar[bool] = False

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "recogniser_" in self.__dict__

    # What a subclass says.

    @abstractmethod
    def _matcher(self, prepare: Prepare | None) -> Matcher:
        """Return a new matcher, by the parameters and by the preparation that was chosen, if any was."""

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values; by default there are none."""

    def _vote(self, matcher: Any) -> Vote:
        """Return how what is nearest votes: by default it decides alone."""
        return Vote()

    # What is learned.

    @takes_tensors
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        groups: ArrayLike | None = None,
        shard: tuple[int, int] | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Fit on labelled images; what was learned before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images.
        y : array-like of shape (n,)
            Their labels: integers, or strings, which are brought to Unicode's form NFC.
        groups : array-like of shape (n,), optional
            Who wrote each image, or which camera took it. New images are then expected to be of others:
            what says how sure answers are leaves out an image's whole group, and its copies
            (:mod:`lookalike.search.together`), instead of the image alone.
        shard : tuple of int, optional
            ``(i, n)``: learn only the ``i``-th of ``n`` equal parts of the images, from 1; how images are
            prepared is decided by all. :meth:`merge` makes one model of all ``n``.
        progress : Progress, optional
            Hears of preparation, of compilation and of what is learned.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is none of its values, the images are no image batch, or there is not one label (or
            group) for each.
        """
        self._check_parameters()
        draft = draft_of(self)
        images = draft._images(X, None)
        classes, codes = np.unique(checked_labels(self, y, images), return_inverse=True)
        of_groups = checked_groups(groups, len(images))
        part = None if shard is None else Shard.of(*shard, len(images))
        fit_first(draft, images, LabelTable.of(classes), codes, of_groups, progress, part)
        take_over(self, draft)
        return self

    def merge(self, other: ImageClassifier) -> Self:
        """Learn all that another model of the same idea knows, of other images of the same classes.

        Models of shards come together in any order: the model of all is the one of a single ``fit``, exactly
        where images are bytes. Without shards the other's images come behind, as after ``partial_fit``.

        Parameters
        ----------
        other : fitted model
            Of mean or nearest images, as this one; it stays as it is.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The other knows other classes, prepares or compares otherwise, has images of another shape or of
            other numbers, or the same shard; or the idea decides by all images together.

        Examples
        --------
        >>> import lookalike
        >>> train, valid = lookalike.load("digits")
        >>> one, two = (lookalike.MeanImage().fit(train.images, train.labels, shard=(i, 2)) for i in (1, 2))
        >>> whole = lookalike.MeanImage().fit(train.images, train.labels)
        >>> bool((two.merge(one).class_sums_ == whole.class_sums_).all())
        True
        """
        if not isinstance(other, ImageClassifier):
            raise InputError(f"{type(other).__name__} is given: expected a fitted model of lookalike's")
        theirs, names = other._ready(), ("this model", "the other model")
        changed(self, lambda after: after.take_over(merged([after, theirs], names)))
        return self

    @available_if(grows)  # type: ignore[untyped-decorator]
    @takes_tensors
    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Learn further images of the classes of the first call.

        Means of bytes are exactly those of one ``fit`` on all of them, in any order and any parts; where
        training images are kept, these come behind the others.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape seen before.
        y : array-like of shape (n,)
            Their labels.
        classes : array-like of shape (n_classes,), optional
            Every label that will ever occur; needed at the first call only. A class without images yet is
            never an answer.
        groups : array-like of shape (n,), optional
            Who wrote each image, or which camera took it, as in ``fit``; else each is alone in its group.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The first call has no ``classes``, a later one has other ones, or a label is none of them.
        """
        self._check_parameters()

        if self.__sklearn_is_fitted__():
            changed(self, lambda after: fit_part(self, after, X, y, classes, groups))
        else:
            draft = draft_of(self)
            fit_part(draft, None, X, y, classes, groups)
            take_over(self, draft)
        return self

    @takes_tensors
    def teach(
        self, images: ArrayLike, labels: ArrayLike, *, groups: ArrayLike | None = None
    ) -> NDArray[np.int64]:
        """Learn further images; a label that is new becomes a new class.

        Like ``partial_fit``, which only takes the classes of its first call. A class that was taught stays
        until ``forget`` has taken its last image; then it is gone, and answers are what they were before.
        Classes of ``fit`` and of the first ``partial_fit`` always stay.

        Parameters
        ----------
        images : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        labels : array-like of shape (n,)
            Their labels, of the kind that ``classes_`` are: whole numbers or texts. Beside numbers a text may
            be taught: all labels are texts then, with a warning, until the last that is no number is gone.
        groups : array-like of shape (n,), optional
            Who wrote each image, or which camera took it, as in ``fit``; else each is alone in its group.

        Returns
        -------
        ndarray of shape (n,), int64
            The numbers of the images in ``ids_``, which ``forget`` takes; empty where the model keeps no
            images.

        Raises
        ------
        InputError
            The images are of another shape or kind, there is not one label for each or it is of another
            kind, or the model cannot learn further images.
        """

        def teach(after: Recogniser) -> NDArray[np.int64]:
            after.check_teachable()
            batch = self._images(images, after)
            return after.teach(batch, labels, checked_groups(groups, len(batch)))

        return changed(self, teach)

    @available_if(keeps)  # type: ignore[untyped-decorator]
    @takes_tensors
    def forget(self, ids: ArrayLike) -> Self:
        """Forget training images; a class that was taught goes with its last image.

        Parameters
        ----------
        ids : int or array-like of int
            Their numbers in ``ids_``.

        Returns
        -------
        self

        Raises
        ------
        InputError
            An id is no number that is in ``ids_``, or no image would be left.
        """
        changed(self, lambda after: after.forget(ids))
        return self

    # What is asked: an answer is one search.

    @takes_tensors
    def match(self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent) -> Matches:
        """Return what is nearest to each image, of all that is kept and of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, optional
            How many of the nearest; by default as many as vote. More never change the first ones.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        Matches
            Distances are the model's own, of classes without images infinite. Places are those of ``ids_``
            and ``labels_`` where training images are kept, else of class images or prototypes.

        Raises
        ------
        InputError
            ``n_neighbors`` is not 1 to how many are kept.
        """
        asked = self._ready()
        images = self._images(X, asked)
        return asked.match(images, asked.count(n_neighbors), progress=progress)[0]

    @takes_tensors
    def predict(self, X: ArrayLike, *, progress: Progress = silent) -> NDArray[Any]:
        """Return the class of each image: that which the nearest of what is kept vote for.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n,)
            Labels. Equal votes go to the class of the nearest voter, equal distances to what came first.

        Raises
        ------
        InputError
            Fewer training images are left than are to vote.
        """
        asked = self._ready()
        return asked.predict(self._images(X, asked), progress)[0]

    @takes_tensors
    def predict_proba(self, X: ArrayLike, *, progress: Progress = silent) -> Floats:
        r"""Return how likely each class is for each image.

        The probability of a class at the distance :math:`d_c` is

        .. math:: p_c = \frac{\exp(-s_c)}{\sum_k \exp(-s_k)}, \quad
            s_c = \frac{d_c}{t}, \; \frac{d_c^2}{t^2} \text{ or } \frac{d_c^2 \min_k d_k}{t^3},

        with a temperature :math:`t` that is fitted on up to 2,000 training images, each left out of the model
        in turn: :mod:`lookalike.recognition.probability` says how. The first call after a change of the model
        does so, which takes as long as answering those images.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of ``classes_``. Rows sum to 1 but for rounding, and ``argmax`` is what ``predict``
            answers.
        """
        asked = self._ready()
        return asked.probabilities(asked.match(self._images(X, asked), progress=progress)[0])

    @takes_tensors
    def predict_set(
        self, X: ArrayLike, alpha: float = 0.05, *, progress: Progress = silent
    ) -> NDArray[np.bool_]:
        """Return which classes each image may be of.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        alpha : float, default=0.05
            The level, above 0 and below 1: the share of images whose class may be missing.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), bool
            In the order of ``classes_``; a row without True is none of these. :meth:`rejection_basis` says
            what the level rests on, :mod:`lookalike.recognition.rejection` how it is decided.

        Raises
        ------
        InputError
            ``alpha`` is no level.
        """
        asked = self._ready()
        reach, images = asked.rejection(progress).reach(asked_level(alpha)), self._images(X, asked)
        matches, seen = asked.match(images, reach=reach, progress=progress)
        return asked.sets(matches, images, seen, alpha)

    @takes_tensors
    def answer(self, X: ArrayLike, alpha: float = 0.05, *, progress: Progress = silent) -> Answers:
        """Return the answer to each image, how unlike the image is to it, and whether it is rejected.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        alpha : float, default=0.05
            The level, above 0 and below 1: about the share of images that are rejected although they are of
            a class.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        Answers
            ``labels``, ``distances``, ``rejected`` (the rows of :meth:`predict_set` without a class), and the
            ``basis`` that the level rests on.
        """
        asked = self._ready()
        return asked.answer(self._images(X, asked), alpha, progress)

    @takes_tensors
    def assess(
        self,
        X: ArrayLike,
        alpha: float = 0.05,
        n_neighbors: int | None = None,
        *,
        progress: Progress = silent,
    ) -> Assessment:
        """Return all that one search knows of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        alpha : float, default=0.05
            The level of rejection, above 0 and below 1.
        n_neighbors : int, optional
            How many of the nearest; by default as many as vote.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        Assessment
            Labels, distances, probabilities, p-values, rejected, prediction sets and the nearest images;
            ``frame()`` is a table with a row an image.
        """
        asked = self._ready()
        images = self._images(X, asked)
        return Assessment.of(asked, images, alpha, asked.count(n_neighbors), progress)

    @takes_tensors
    def explain(self, X: ArrayLike, n_neighbors: int = 3, *, progress: Progress = silent) -> Explanations:
        """Return what the answer to each image rests on.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, default=3
            How many of the nearest training images to show, where the model keeps them; all if there are
            fewer.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        Explanations
            A sequence of :class:`lookalike.recognition.explanation.Evidence`, one for each image. The answer
            is that of ``predict``. The runner-up is the other class with the smallest distance: to the
            class's own image (ties: the first class), or to the nearest of its training images (ties: the one
            that came first). Where several images vote, the runner-up can be nearer than the answer, which it
            was outvoted by.

        Raises
        ------
        InputError
            ``n_neighbors`` is no whole number of at least 1.
        """
        check_whole("n_neighbors", n_neighbors)
        asked = self._ready()
        return Explanations(asked.explain(self._images(X, asked), n_neighbors, progress))

    @available_if(keeps)  # type: ignore[untyped-decorator]
    @takes_tensors
    def kneighbors(
        self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return the nearest training images of each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, optional
            How many; by default as many as vote. More never change the first ones.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        distances : ndarray of shape (n, n_neighbors), float64
            Ascending; what they are is the model's own.
        indices : ndarray of shape (n, n_neighbors), int64
            Places in ``ids_`` and ``labels_``; equal distances by ascending place, but beyond candidates.

        Raises
        ------
        InputError
            ``n_neighbors`` is not 1 to the number of training images.
        """
        asked = self._ready()
        count, images = asked.count(n_neighbors), self._images(X, asked)
        matches = asked.match(images, count, reach=1, progress=progress)[0]
        return matches.distances, matches.places

    @available_if(keeps)  # type: ignore[untyped-decorator]
    @takes_tensors
    def class_neighbors(
        self, X: ArrayLike, *, progress: Progress = silent
    ) -> tuple[Floats, NDArray[np.int64]]:
        """Return the nearest training image of each class, for each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        distances, places : ndarray of shape (n, n_classes), float64 and int64
            Those of the classes of :meth:`match`; infinite and -1 for a class without images.
        """
        matches = self.match(X, progress=progress)
        return matches.class_distances, matches.class_places

    @takes_tensors
    def class_distances(self, X: ArrayLike, *, progress: Progress = silent) -> Floats:
        """Return the distance of each image to the nearest of what stands for each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            In the order of ``classes_``; infinite for a class without images yet.
        """
        return self.match(X, progress=progress).class_distances

    @available_if(keeps)  # type: ignore[untyped-decorator]
    @takes_tensors
    def is_kept(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return which images are, to the model, the same as one of its training images.

        What is compared is what the model keeps: value by value, after its preparation. A distance of 0 would
        not do, for images that differ can be that near where pixels may move, and the nearest image need not
        be one of those whose class is the answer.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n,), bool
        """
        asked = self._ready()
        return asked.is_kept(self._images(X, asked))

    @takes_tensors
    def prepared(self, X: ArrayLike, *, progress: Progress = silent) -> NDArray[Any]:
        """Return what is compared of images: after the preparation.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of images done.

        Returns
        -------
        ndarray of shape (n, height, width) or (n, height, width, c), or the rows of a 2-D array
        """
        asked = self._ready()
        return asked.seen(self._images(X, asked), progress)

    def rejection_basis(self, alpha: float = 0.05) -> Basis:
        """Return what a level of rejection rests on, with a sentence that says what is promised.

        Parameters
        ----------
        alpha : float, default=0.05
            The level, above 0 and below 1.

        Returns
        -------
        Basis

        Raises
        ------
        InputError
            ``alpha`` is no level.
        """
        level = asked_level(alpha)
        return self._ready().rejection().basis(level)

    @takes_tensors
    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of images whose class is answered, as scikit-learn's classifiers do.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        y : array-like of shape (n,)
            What they are.
        sample_weight : array-like of shape (n,), optional
            What each image counts.

        Returns
        -------
        float
        """
        return float(super().score(X, scored_labels(self, y), sample_weight))

    # What was learned.

    classes_ = learned("labels.classes", "The labels, sorted.")
    image_shape_ = learned("image_shape", "The shape of an image; None after a fit on a 2-D array.")
    look_ = learned("look", "What the training images look like; None after a fit on a 2-D array.")
    prepare_ = learned("prepare", "The fitted preparation.")

    reasons_ = learned(reasons_of, 'What "auto" chose and why, one sentence a decision: a tuple of str.')
    temperature_ = learned(lambda own: own.calibration().temperature, "In the unit of the distances.")
    exponent_ = learned(lambda own: own.calibration().exponent, "The exponent of the temperature, 1 to 3.")
    calibrated_ = learned(lambda own: own.calibration().fitted, "Whether both were fitted.")

    @property
    def ids_(self) -> NDArray[np.int64]:
        """A number for each training image, ascending; no number is given twice."""
        return kept_ids(self)

    @property
    def labels_(self) -> NDArray[Any]:
        """The training images' labels, where they are kept."""
        kept_ids(self)  # there are none without
        asked = self._fitted()
        labels: NDArray[Any] = asked.labels.classes[asked.matcher.codes]
        return labels

    def _ready(self) -> Recogniser:
        """Return what answers; before a fit that is scikit-learn's NotFittedError."""
        if "recogniser_" not in self.__dict__:
            check_is_fitted(self)
        return self.recogniser_

    def _fitted(self) -> Recogniser:
        recogniser: Recogniser | None = self.__dict__.get("recogniser_")
        if recogniser is None:
            raise AttributeError(f"{type(self).__name__} is not fitted yet")
        return recogniser

    _of = classmethod(restored)

    # What goes in.

    def _images(self, X: ArrayLike, known: Recogniser | None) -> NDArray[Any]:
        """Return ``X`` as a checked image batch, or as checked rows of numbers; None is a first fit's."""
        return checked_input(self, X, known)
