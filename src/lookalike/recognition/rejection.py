"""Answering "none of these": which classes an image may be of, by how near training images are to theirs.

An image is compared with each class by two scores: its distance d_c to the class, and the ratio of d_c to the
distance of the nearest other class. A training image, left out of the model, has the same scores for its own
class. The p-value of a score is the share of the class's training images, the image itself counted with them,
whose score is at least as large; that of the class is the smaller of both, doubled (Bonferroni). Classes
whose p-value is above a level alpha may be the image's. If new images of a class are like its training
images, the class is missing from the sets of at most a share alpha of them, whatever the distances look like
(split conformal prediction: V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World",
Springer 2005, chapter 4; its examples are left out in turn here, on which the promise rests only nearly).

The smallest p-value of n examples is 2 / (n + 1): a level of 0.05 takes 39. Where a class that has images has
fewer among the (at most 2,000) that are left out in turn, or fewer than 39, all classes are pooled, and the
promise holds for all classes together. Where all together are too few, a rule of thumb answers, which
promises no rate: both scores are at most the largest of any training image left out in turn; where none could
be left out, the distance is at most the median distance between training images, and no other class is
nearer.

Where groups of images are known (writers, cameras), an image's group is left out with it, and what is said
is of images of new groups; where fewer than five can tell, it is the rule of thumb that answers.

An image is blank where the standard deviation of its values is less than half the least of those training
images; blanks are of no class. Images in rows of a table are never blank.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.recognition.probability import LeftOut

Floats = NDArray[np.float64]

#: A p-value is the smaller one of so many scores, times their number.
SCORES = 2
#: A class is judged by itself where it has so many examples, which a level of 0.05 takes; fewer are so coarse
#: that a level barely above what they support would reject less than a lower one that rests on all classes.
LEAST_OF_CLASS = 39
#: Images of fewer groups (writers, cameras) say too little of those of others.
LEAST_GROUPS = 5
#: An image is blank where its values spread less than this share of the least spread of a training image.
BLANK_SHARE = 0.5


class Basis(NamedTuple):
    """What a level of rejection rests on.

    Attributes
    ----------
    kind : {"each class", "all classes", "rule of thumb"}
        What rejection is calibrated on.
    examples : int
        How many training images there are to calibrate on: of the class that has the fewest of them, or of
        all classes.
    sentence : str
        What is promised, to be shown beside the answers.
    """

    kind: Literal["each class", "all classes", "rule of thumb"]
    examples: int
    sentence: str


class Rejection:
    """Which classes distances allow, by the scores of images whose classes are known.

    ``present (n_classes,)`` says which classes have images.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.probability import LeftOut
    >>> from lookalike.recognition.rejection import Rejection
    >>> distances = np.column_stack([np.linspace(0.1, 0.2, 50), np.full(50, 0.8)])
    >>> codes = np.zeros(50, int)
    >>> rejection = Rejection(LeftOut(distances, codes, np.ones(50)), np.array([True, False]))
    >>> rejection.sets(np.array([[0.15, 0.8], [0.3, 0.8]]), 0.05)
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
        self._groups = left_out.n_groups
        #: The least standard deviation of the values of one of the images.
        self.least_spread = float(left_out.spreads.min())
        #: What was worked out for each level that was asked for.
        self._bases: dict[float, Basis] = {}
        self._reaches: dict[float, float] = {}

    def basis(self, level: float) -> Basis:
        """Return what a level rests on."""
        if level not in self._bases:
            self._bases[level] = self._basis(level)
        return self._bases[level]

    def _basis(self, level: float) -> Basis:
        share = f"{level:.4g}"
        if self._groups is not None and self._groups < LEAST_GROUPS:
            return Basis(
                "rule of thumb",
                len(self._of_all[0]),
                f"a rule of thumb, without a promised rate: images of other groups (writers, cameras) may "
                f"differ more than those of the {self._groups} that can tell, and it takes {LEAST_GROUPS}",
            )
        if self._few >= max(_needed(level), LEAST_OF_CLASS):
            return Basis(
                "each class",
                self._few,
                f"of each class at most a share of {share} is rejected, if new images are like the training "
                f"images (at least {self._few} of each class tell)",
            )
        count = len(self._of_all[0])
        if count >= _needed(level):
            return Basis(
                "all classes",
                count,
                f"of all classes together at most a share of {share} is rejected, if new images are like the "
                f"training images ({count} of them tell; for each class alone it takes "
                f"{max(_needed(level), LEAST_OF_CLASS)})",
            )
        return Basis(
            "rule of thumb",
            count,
            f"a rule of thumb, without a promised rate: a level of {share} takes {_needed(level)} training "
            f"images, and {count} can tell",
        )

    def sets(
        self, distances: Floats, level: float, blank: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Return which classes have a p-value above a level, for class distances ``(n, n_classes)``.

        Images that are ``blank (n,)`` (:meth:`is_blank`) are of no class.
        """
        if self.basis(level).kind == "rule of thumb":
            distance, ratio = _scores(distances)
            allowed = (distance <= self._largest[0]) & (ratio <= self._largest[1])
        else:
            allowed = self._p_values(distances, self.basis(level).kind) > level
        result: NDArray[np.bool_] = allowed & np.isfinite(distances) & self._present
        if blank is not None:
            result[blank] = False
        return result

    def p_values(self, distances: Floats, level: float) -> Floats:
        """Return the p-value of each class, on what ``level`` rests on; NaN by rule of thumb."""
        kind = self.basis(level).kind
        if kind == "rule of thumb":
            return np.full(distances.shape, np.nan)
        return np.where(np.isfinite(distances) & self._present, self._p_values(distances, kind), 0.0)

    def reach(self, level: float) -> float:
        """Return how many times as far as the nearest a class may be and still matter to :meth:`sets`."""
        if level not in self._reaches:
            self._reaches[level] = self._reach(level)
        return self._reaches[level]

    def _reach(self, level: float) -> float:
        kind = self.basis(level).kind
        if kind == "rule of thumb":
            return max(1.0, self._largest[1]) * (1 + 1e-9)
        known = (
            [self._of_all]
            if kind == "all classes"
            else [self._of_class[c] for c in np.flatnonzero(self._present)]
        )
        # A class that is not the nearest is allowed up to the largest ratio that is; the nearest one is if no
        # other is within one over the least of them.
        most = max(_allowed(scores[1], level, -1e-9) for scores in known)
        least = min(_allowed(scores[1], level, 1e-9) for scores in known)
        # A little farther than that, for ratios and sums of squares may round otherwise.
        return max(1.0, most, 1 / least if least > 0 else np.inf) * (1 + 1e-9)

    def is_blank(self, spreads: Floats) -> NDArray[np.bool_]:
        """Return which images have the same value nearly everywhere, by the spreads of their values."""
        return spreads < self.least_spread * BLANK_SHARE

    def _p_values(self, distances: Floats, kind: str) -> Floats:
        values = np.zeros(distances.shape)
        distance, ratio = _scores(distances)
        for code in np.flatnonzero(self._present):
            known = self._of_class[code] if kind == "each class" else self._of_all
            by_distance = _p_values(distance[:, code], known[0])
            values[:, code] = SCORES * np.minimum(by_distance, _p_values(ratio[:, code], known[1]))
        return values

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


def _allowed(known: Floats, level: float, slack: float) -> float:
    """Return the largest of the known scores (ascending) that a level allows; infinite without end."""
    count = int(np.floor(level / SCORES * (len(known) + 1) + slack))
    return float(known[-count]) if count > 0 else np.inf


def checked_level(alpha: float) -> float:
    """Return a level, refusing what is none."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}: expected a level above 0 and below 1, for example 0.05")
    return float(alpha)
