"""All that one search knows of some images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import gray_bytes
from lookalike.errors import MissingExtraError
from lookalike.progress import Progress, silent
from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.rejection import Basis, Rejection, asked_level, checked_level
from lookalike.recognition.reservoir import spreads
from lookalike.search.matches import NOWHERE, Matches
from lookalike.tensors import takes_tensors

Floats = NDArray[np.float64]
#: Where the standard deviation of an image's values is less, of full ink, there is hardly anything to see.
_EVEN = 1 / 16


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a model makes of ``n`` images, from one search.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted: the columns of what is said of each class.
    labels : ndarray of shape (n,)
        What ``predict`` returns.
    distances : ndarray of shape (n,), float64
        How unlike each image is to what answered.
    class_distances : ndarray of shape (n, n_classes), float64
        How unlike it is to each class; infinite for a class without images.
    probabilities : ndarray of shape (n, n_classes), float64
        How likely each class is; rows sum to 1.
    p_values : ndarray of shape (n, n_classes), float64
        The share of the training images that are at least as unlike their class as this one is (see
        :mod:`lookalike.recognition.rejection`); NaN where a rule of thumb answers.
    sets : ndarray of shape (n, n_classes), bool
        Which classes the image may be of, at the level ``alpha``.
    rejected : ndarray of shape (n,), bool
        True where that is none.
    nearest : ndarray of shape (n, k), int64
        The ids of the nearest training images, nearest first; of class images or prototypes their places.
    nearest_distances : ndarray of shape (n, k), float64
        How far they are.
    alpha : float
        The level of rejection.
    basis : Basis
        What it rests on.
    """

    classes: NDArray[Any]
    labels: NDArray[Any]
    distances: Floats
    class_distances: Floats
    probabilities: Floats
    p_values: Floats
    sets: NDArray[np.bool_]
    rejected: NDArray[np.bool_]
    nearest: NDArray[np.int64]
    nearest_distances: Floats
    alpha: float
    basis: Basis
    #: Which images have the same value nearly everywhere: they are of no class.
    blank: NDArray[np.bool_]
    #: Which images are blank, or look like no training image: they are of no class either.
    unlike: NDArray[np.bool_]
    #: What training images say of rejection.
    rejection: Rejection

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(
        cls,
        model: Recogniser,
        images: NDArray[Any],
        alpha: float,
        k: int,
        progress: Progress = silent,
    ) -> Assessment:
        """Return what a model makes of images, with the ``k`` nearest."""
        level = asked_level(alpha)
        model.rejection(progress)
        matches, seen = model.match(images, max(k, model.voters), progress=progress)
        return cls.of_matches(model, images, seen, matches, level, k)

    @classmethod
    def of_matches(
        cls,
        model: Recogniser,
        images: NDArray[Any],
        seen: NDArray[Any],
        matches: Matches,
        level: float,
        k: int,
    ) -> Assessment:
        """Return the same by what one search found: at least as many as vote, and ``k``."""
        rejection = model.rejection()
        voting = matches.nearest(model.voters)
        codes, distances = model.vote.answers(voting)
        unlike = model.unlike(images, seen)
        sets = rejection.sets(matches.class_distances, level, unlike)
        near = matches.nearest(k)
        ids = near.places if model.ids is None else model.ids[np.maximum(near.places, 0)]
        return cls(
            classes=model.labels.classes.copy(),
            labels=model.labels.classes[codes],
            distances=distances,
            class_distances=matches.class_distances,
            probabilities=model.probabilities(voting),
            p_values=rejection.p_values(matches.class_distances, level),
            sets=sets,
            rejected=np.logical_not(sets.any(axis=1)),
            nearest=np.where(near.places == NOWHERE, NOWHERE, ids),
            nearest_distances=near.distances,
            alpha=level,
            basis=rejection.basis(level),
            blank=unlike & (spreads(seen) < rejection.blank_below) & _is_even(images),
            unlike=unlike,
            rejection=rejection,
        )

    def sets_at(self, alpha: float) -> NDArray[np.bool_]:
        """Return the prediction sets at another level, ``(n, n_classes)``, without another search.

        Parameters
        ----------
        alpha : float
            A level above 0 and below 1.
        """
        return takes_tensors(self.rejection.sets)(self.class_distances, checked_level(alpha), self.unlike)

    def answers(self) -> list[dict[str, Any]]:
        """Return what is answered to each image, as plain data that JSON can hold.

        Returns
        -------
        list of dict
            An answer an image: ``label`` (None where it is rejected), ``best`` (the best guess, also where it
            is rejected), ``rejected``, the ``probability``, ``p_value`` and ``distance`` of the best guess,
            and its ``runner_up``, the next most likely class (``label``, ``probability``, ``distance``). What
            is not finite is None, and so is the runner-up of a single class.
        """
        classes, codes = self.classes.tolist(), np.searchsorted(self.classes, self.labels).tolist()
        return [self._answer(row, code, classes) for row, code in enumerate(codes)]

    def _answer(self, row: int, code: int, classes: list[Any]) -> dict[str, Any]:
        """Return the answer to one image, by the place of the best guess."""
        shares, rejected = self.probabilities[row], bool(self.rejected[row])
        # Of equally likely ones the first.
        order = np.argsort(-shares, kind="stable").tolist()
        order.remove(code)
        next_best = order[0] if order else None
        return {
            "label": None if rejected else classes[code],
            "best": classes[code],
            "rejected": rejected,
            "probability": float(shares[code]),
            "runner_up": None
            if next_best is None
            else {
                "label": classes[next_best],
                "probability": float(shares[next_best]),
                "distance": _finite(self.class_distances[row, next_best]),
            },
            "p_value": _finite(min(self.p_values[row, code], 1.0)),
            "distance": _finite(self.distances[row]),
        }

    def frame(self) -> Any:
        """Return a data frame with a row an image.

        Returns
        -------
        pandas.DataFrame
            ``label``, ``distance``, ``probability`` and ``p_value`` of that label, ``rejected``, the
            prediction ``set`` (a tuple of labels), and ``nearest`` (the nearest image).

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingExtraError("frame() needs pandas: pip install pandas") from error
        each, codes = np.arange(len(self)), np.searchsorted(self.classes, self.labels)
        return pandas.DataFrame(
            {
                "label": self.labels,
                "distance": self.distances,
                "probability": self.probabilities[each, codes],
                "p_value": self.p_values[each, codes],
                "rejected": self.rejected,
                "set": [tuple(self.classes[row].tolist()) for row in self.sets],
                "nearest": self.nearest[:, 0],
            }
        )


def _is_even(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which images have nearly one value before they are prepared: another polarity is not blank."""
    return spreads(gray_bytes(images) if images.ndim > 2 else images) < _EVEN


def _finite(value: Any) -> float | None:
    """Return a number that JSON can hold, or nothing."""
    return float(value) if math.isfinite(value) else None
