"""Answering "none of these": which classes an image may be of, by how near training images are to theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.calibration import CalibratedClassifier, LeftOut
from lookalike.progress import Progress, silent

Floats = NDArray[np.float64]

#: A p-value is the smaller one of so many scores, times their number.
SCORES = 2
#: A class is judged by itself where it has so many examples, which a level of 0.05 takes; fewer are so coarse
#: that a level barely above what they support would refuse less than a lower one that rests on all classes.
LEAST_OF_CLASS = 39
#: An image is blank where its values spread less than this share of the least spread of a training image.
BLANK_SHARE = 0.5


class Basis(NamedTuple):
    """What a level of refusal rests on.

    Attributes
    ----------
    kind : {"each class", "all classes", "rule of thumb"}
        What refusals are calibrated on.
    examples : int
        How many training images there are to calibrate on: of the class that has the fewest of them, or of
        all classes.
    sentence : str
        What is promised, to be shown beside the answers.
    """

    kind: Literal["each class", "all classes", "rule of thumb"]
    examples: int
    sentence: str


class Answers(NamedTuple):
    """Answers, some of them refused.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        What ``predict`` returns.
    refused : ndarray of shape (n,), bool
        True where the image is none of the classes.
    basis : Basis
        What the level rests on.
    """

    labels: NDArray[np.generic]
    refused: NDArray[np.bool_]
    basis: Basis


class RefusingClassifier(CalibratedClassifier):
    r"""A classifier by class distances that can say "none of these".

    An image is compared with each class by two scores: its distance :math:`d_c` to the class, and the ratio
    of :math:`d_c` to the distance of the nearest other class. A training image, left out of the model, has
    the same scores for its own class. The p-value of a score is the share of the class's training images,
    the image itself counted with them, whose score is at least as large; that of the class is the smaller of
    both, doubled (Bonferroni). Classes whose p-value is above a level ``alpha`` may be the image's. If new
    images of a class are like its training images, the class is missing from the sets of at most a share
    ``alpha`` of them, whatever the distances look like (split conformal prediction; its examples are left
    out in turn here, on which the promise rests only nearly).

    The smallest p-value of ``n`` examples is ``2 / (n + 1)``: a level of 0.05 takes 39. Where a class that
    has images has fewer among the (at most 2,000) that are left out in turn, or fewer than 39, all classes
    are pooled, and the promise holds for all classes together. Where all together are too few, a rule of
    thumb answers, which promises no rate: both scores are at most the largest of any training image left out
    in turn; where none could be left out, the distance is at most the median distance between training
    images, and no other class is nearer.

    An image is blank where the standard deviation of its values is less than half the least of those
    training images; blanks are of no class. Images in rows of a table are never blank.

    References
    ----------
    V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World", Springer 2005, chapter 4.
    """

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
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), bool
            In the order of ``classes_``; a row without True is none of these. :meth:`refusal_basis` says what
            the level rests on.

        Raises
        ------
        InputError
            ``alpha`` is no level, or the images are of another shape or kind than those of ``fit``.
        """
        sets: NDArray[np.bool_] = self.sets_at_levels(X, [alpha], progress=progress)[1][0]
        return sets

    def answer(self, X: ArrayLike, alpha: float = 0.05, *, progress: Progress = silent) -> Answers:
        """Return the answer to each image, and whether it is none of the classes.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        alpha : float, default=0.05
            The level, above 0 and below 1: about the share of images that are refused although they are of a
            class.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        Answers
            Labels, refusals (the rows of :meth:`predict_set` without a class), and what the level rests on.

        Raises
        ------
        InputError
            As :meth:`predict_set`.
        """
        labels, sets = self.sets_at_levels(X, [alpha], progress=progress)
        return Answers(labels, ~sets[0].any(axis=1), self.refusal_basis(alpha))

    def sets_at_levels(
        self, X: ArrayLike, alphas: Sequence[float], *, progress: Progress = silent
    ) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
        """Return answers, and :meth:`predict_set` for several levels, comparing the images once.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        alphas : sequence of float
            Levels above 0 and below 1.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        labels : ndarray of shape (n,)
            What ``predict`` returns.
        sets : ndarray of shape (n_levels, n, n_classes), bool

        Raises
        ------
        InputError
            As :meth:`predict_set`.
        """
        check_is_fitted(self)
        levels = [_checked_level(alpha) for alpha in alphas]
        refusals = self._refusals()
        distances, answers, spreads = self._class_answers(self._watched(X), progress)
        sets = np.array([refusals.sets(distances, level) for level in levels], np.bool_)
        if self.image_shape_ is not None:
            sets[:, spreads < refusals.least_spread * BLANK_SHARE] = False
        return self.classes_[answers], sets.reshape(len(levels), *distances.shape)

    def refusal_basis(self, alpha: float = 0.05) -> Basis:
        """Return what a level of refusal rests on, with a sentence that says what is promised.

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
        level = _checked_level(alpha)
        check_is_fitted(self)
        return self._refusals().basis(level)

    def _refusals(self) -> Refusals:
        """Return what training images say of refusals, worked out once for each state of the model."""

        def make() -> Refusals:
            return Refusals(self._left_out(), np.asarray(self._class_sizes()) > 0)

        refusals: Refusals = self._derive("refusals", make)
        return refusals


class Refusals:
    """Which classes distances allow, by the scores of images whose classes are known.

    Parameters
    ----------
    left_out : LeftOut
        Class distances of these images, each left out of the model in turn.
    present : ndarray of shape (n_classes,), bool
        Which classes have images.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.models.calibration import LeftOut
    >>> from lookalike.models.reject import Refusals
    >>> distances = np.column_stack([np.linspace(0.1, 0.2, 50), np.full(50, 0.8)])
    >>> codes = np.zeros(50, int)
    >>> refusals = Refusals(LeftOut(distances, codes, np.ones(50)), np.array([True, False]))
    >>> refusals.sets(np.array([[0.15, 0.8], [0.3, 0.8]]), 0.05)
    array([[ True, False],
           [False, False]])
    """

    def __init__(self, left_out: LeftOut, present: NDArray[np.bool_]) -> None:
        rows = np.arange(len(left_out.codes))
        scores = [score[rows, left_out.codes] for score in _scores(left_out.distances)]
        self._of_class = [
            [np.sort(score[left_out.codes == code]) for score in scores] for code in range(len(present))
        ]
        self._of_all = [np.sort(score) for score in scores]
        self._present = present
        self._few = min(len(self._of_class[code][0]) for code in np.flatnonzero(present))
        self._largest = self._thumb(left_out.distances)
        #: The least standard deviation of the values of one of the images.
        self.least_spread = float(left_out.spreads.min())

    def basis(self, level: float) -> Basis:
        """Return what a level rests on."""
        share = f"{level:.4g}"
        if self._few >= max(_needed(level), LEAST_OF_CLASS):
            return Basis(
                "each class",
                self._few,
                f"of each class at most a share of {share} is refused, if new images are like the training "
                f"images (at least {self._few} of each class tell)",
            )
        count = len(self._of_all[0])
        if count >= _needed(level):
            return Basis(
                "all classes",
                count,
                f"of all classes together at most a share of {share} is refused, if new images are like the "
                f"training images ({count} of them tell; for each class alone it takes "
                f"{max(_needed(level), LEAST_OF_CLASS)})",
            )
        return Basis(
            "rule of thumb",
            count,
            f"a rule of thumb, without a promised rate: a level of {share} takes {_needed(level)} training "
            f"images, and {count} can tell",
        )

    def sets(self, distances: Floats, level: float) -> NDArray[np.bool_]:
        """Return which classes have a p-value above a level, for class distances ``(n, n_classes)``."""
        scores = _scores(distances)
        kind = self.basis(level).kind
        allowed = np.isfinite(distances) & self._present
        for code in np.flatnonzero(self._present):
            found = [score[:, code] for score in scores]
            if kind == "rule of thumb":
                is_in = (found[0] <= self._largest[0]) & (found[1] <= self._largest[1])
            else:
                known = self._of_class[code] if kind == "each class" else self._of_all
                values = [_p_values(one, other) for one, other in zip(found, known, strict=True)]
                is_in = SCORES * np.minimum(*values) > level
            allowed[:, code] &= is_in
        return allowed

    def _thumb(self, distances: Floats) -> tuple[float, float]:
        """Return the largest distance and ratio that the rule of thumb allows."""
        finite = [score[np.isfinite(score)] for score in self._of_all]
        if finite[0].size:
            return float(finite[0].max()), float(finite[1].max(initial=1.0))
        between = distances[np.isfinite(distances)]
        return (float(np.median(between)) if between.size else np.inf), 1.0


def _scores(distances: Floats) -> tuple[Floats, Floats]:
    """Return the distance to each class, and its ratio to that of the nearest other class.

    The ratio of nothing to nothing is 1, and anything beside a class without images is 0.
    """
    if distances.shape[1] == 1:
        return distances, np.zeros_like(distances)
    nearest = np.argmin(distances, axis=1)
    two = np.partition(distances, 1, axis=1)[:, :2]
    is_nearest = np.arange(distances.shape[1]) == nearest[:, None]
    other = np.where(is_nearest, two[:, 1:], two[:, :1])
    ratio = np.ones_like(distances)
    known = np.isfinite(distances)
    np.divide(distances, other, out=ratio, where=known & (other > 0))
    ratio[known & (other == 0) & (distances > 0)] = np.inf
    ratio[~known] = np.inf
    return distances, ratio


def _p_values(scores: Floats, known: Floats) -> Floats:
    """Return the share of the known scores (ascending), and the score itself, that are at least as large."""
    least = np.searchsorted(known, scores, side="left")
    values: Floats = (1 + len(known) - least) / (len(known) + 1)
    return values


def _needed(level: float) -> int:
    """Return how many examples it takes for a p-value of at most ``level``: 2 / (n + 1) <= level."""
    # The rounding of 2 / 0.05 must not ask for one more.
    return int(np.ceil(SCORES / level - 1 - 1e-9))


def _checked_level(alpha: float) -> float:
    """Return a level, refusing what is none."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}: expected a level above 0 and below 1, for example 0.05")
    return float(alpha)
