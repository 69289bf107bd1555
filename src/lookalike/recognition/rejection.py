"""Answering "none of these": which classes an image may be of, by how near training images are to theirs.

An image is compared with each class by two scores: its distance d_c to the class, and the ratio of d_c to the
distance of the nearest other class. A training image, left out of the model, has the same scores for its own
class. The p-value of a score is the share of the class's training images, the image itself counted with them,
whose score is at least as large; that of the class is the smaller of both, doubled (Bonferroni). Classes
whose p-value is above a level alpha may be the image's. If new images of a class are like its training
images, the class is missing from the sets of at most a share alpha of them, whatever the distances look like
(split conformal prediction: V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World",
Springer 2005, chapter 4; its examples are left out in turn here, on which the promise rests only nearly).

A training image without which its class has none cannot tell how near images of the class are, and is not
counted.
The smallest p-value of n examples is 2 / (n + 1): a level of 0.05 takes 39. Where each class has 39 that can
tell among the (at most 2,000) that are left out in turn, it is judged by them alone; else all classes are
pooled, and the promise holds for all of them together, but for classes of a single image. A level that only
all classes together support allows besides what a class alone does above its smallest p-value.

A level below the smallest p-value promises no rate: a rule of thumb answers, as near to the level as the
examples go. Both scores are at most the largest of any training image left out in turn, or the class is the
nearest. Where fewer than 9 can tell, and of a class of a single image, it answers at every level; there the
class may be the image's if no other is nearer, and its distance is at most that largest one or the median
distance of training images to other classes, whichever is larger. So whatever a level allows any lower one
allows too.

Where groups of images are known (writers, cameras), an image's group is left out with it, and what is said
is of images of new groups: the share is the mean of each group's share, the image itself counted as one of
them, and groups are counted wherever images are above (R. Dunn, L. Wasserman and A. Ramdas,
"Distribution-free prediction sets for two-layer hierarchical models", Journal of the American Statistical
Association 118, 2023).

An image is blank where the standard deviation of its values is less than half the least of those training
images. It is of no class, and neither is one that looks like no training image at all, whatever its
distances: that is rougher than half-way from the roughest of them to noise, or dark on light where they are
all light on dark, or the other way round. Images in rows of a table are never either.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError, warn
from lookalike.recognition.probability import LeftOut

Floats = NDArray[np.float64]

#: A p-value is the smaller one of so many scores, times their number.
SCORES = 2
#: A class is judged by itself where it has so many examples, which a level of 0.05 takes; fewer are so coarse
#: that a level barely above what they support would reject less than a lower one that rests on all classes.
LEAST_OF_CLASS = 39
#: So many images that can tell give p-values at all: the largest score of fewer says little.
LEAST_OF_ALL = 9
#: A level above it is seldom meant: other libraries ask for the confidence, 1 less the level.
_HIGH = 0.5
#: An image is blank where its values spread less than this share of the least spread of a training image.
BLANK_SHARE = 0.5


class Basis(NamedTuple):
    """What a level of rejection rests on.

    Attributes
    ----------
    kind : {"each class", "all classes", "rule of thumb"}
        What rejection is calibrated on.
    examples : int
        How many training images, or groups of them, there are to calibrate on: of the class that has the
        fewest of them, or of all classes.
    sentence : str
        What is promised, to be shown beside the answers.
    """

    kind: Literal["each class", "all classes", "rule of thumb"]
    examples: int
    sentence: str


class _Known(NamedTuple):
    """The scores, ascending, of images whose classes are known."""

    scores: tuple[Floats, ...]
    p_values: tuple[Floats, ...]  # of what is as large as each, and of what is larger than all
    n: int  # images, or groups of them


def _known(scores: tuple[Floats, ...], units: NDArray[np.intp], which: NDArray[np.intp]) -> _Known:
    """Return what is known of the images at some places by their scores and groups."""
    _, of, sizes = np.unique(units[which], return_inverse=True, return_counts=True)
    orders = [np.argsort(score[which]) for score in scores]
    larger = [np.append(np.cumsum(1 / sizes[of[order]][::-1])[::-1], 0.0) for order in orders]
    return _Known(
        tuple(score[which][order] for score, order in zip(scores, orders, strict=True)),
        tuple(SCORES * ((1 + weight) / (len(sizes) + 1)) for weight in larger),
        len(sizes),
    )


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
        distances, codes = left_out.distances, left_out.codes
        rows, classes = np.arange(len(codes)), np.arange(len(present))
        scores = tuple(score[rows, codes] for score in _scores(distances))
        told = np.isfinite(scores[0])
        units = left_out.units
        places = np.flatnonzero(told)
        by_class = places[np.argsort(codes[places], kind="stable")]
        ends = np.searchsorted(codes[by_class], classes, side="right")
        self._of_class = [_known(scores, units, some) for some in np.split(by_class, ends)[:-1]]
        self._of_all = _known(scores, units, places)
        self._present, self._count = present, self._of_all.n
        self._few = min(self._of_class[code].n for code in np.flatnonzero(present))
        self._of_groups = left_out.groups is not None
        #: Classes of which no image can tell.
        self._untold = np.isin(classes, codes) & ~np.isin(classes, codes[told])
        largest, ratio = (float(score.max(initial=0)) for score in self._of_all.scores)
        wide = self._untold | (self._count < LEAST_OF_ALL)
        #: The largest distance to each class, and ratio, that the rule of thumb allows.
        self._limits = (
            np.where(wide, max(largest, _between(distances, rows, codes)), largest),
            np.where(wide, 1.0, max(ratio, 1.0)),
        )
        #: An image is blank where the standard deviation of its values is less.
        self.blank_below = float(left_out.spreads.min()) * BLANK_SHARE
        #: What was worked out for each level that was asked for.
        self._bases: dict[float, Basis] = {}
        self._reaches: dict[float, float] = {}

    def basis(self, level: float) -> Basis:
        """Return what a level rests on."""
        if level not in self._bases:
            self._bases[level] = self._basis(level)
        return self._bases[level]

    def _basis(self, level: float) -> Basis:
        share, needed, count = f"{level:.4g}", _needed(level), self._count
        alone = int(self._untold.sum())
        of_groups = self._of_groups
        but = f"; nothing is promised of {alone} class{'es' * (alone > 1)} of a single " if alone else ""
        but += ("group" if of_groups else "image") * bool(alone)
        new = "images of new groups (writers, cameras)" if of_groups else "new images"
        each = " groups" * of_groups
        if self._few >= max(needed, LEAST_OF_CLASS):
            return Basis(
                "each class",
                self._few,
                f"of each class at most a share of {share} is rejected, if {new} are like the training "
                f"images (at least {self._few}{each} of each class tell)",
            )
        if count >= max(needed, LEAST_OF_ALL):
            return Basis(
                "all classes",
                count,
                f"of all classes together at most a share of {share} is rejected, if {new} are like the "
                f"training images ({count}{each or ' of them'} tell; for each class alone it takes "
                f"{max(needed, LEAST_OF_CLASS)}){but}",
            )
        # Rounded up, so that it is one.
        least = np.ceil(1e4 * SCORES / (count + 1)) / 1e4
        support = f" (they support levels from {least:.4g} on)" if count >= LEAST_OF_ALL else ""
        return Basis(
            "rule of thumb",
            count,
            f"a rule of thumb, without a promised rate: a level of {share} takes "
            f"{max(needed, LEAST_OF_ALL)} {'groups (writers, cameras)' if of_groups else 'training images'}, "
            f"and {count} can tell{support}{but}",
        )

    def sets(
        self, distances: Floats, level: float, unlike: NDArray[np.bool_] | None = None
    ) -> NDArray[np.bool_]:
        """Return which classes a level allows, for class distances ``(n, n_classes)``.

        Images that are ``unlike (n,)`` all training images, blank ones among them, are of no class.
        """
        kind, (distance, ratio) = self.basis(level).kind, _scores(distances)
        allowed = (distance <= self._limits[0]) & (ratio <= self._limits[1])
        if kind != "rule of thumb":
            allowed = np.where(self._untold, allowed, self._p_values(distance, ratio, kind) > level)
        result: NDArray[np.bool_] = allowed & np.isfinite(distances) & self._present
        if unlike is not None:
            result[unlike] = False
        return result

    def p_values(self, distances: Floats, level: float) -> Floats:
        """Return the p-value of each class, on what ``level`` rests on; NaN by rule of thumb."""
        kind = self.basis(level).kind
        if kind == "rule of thumb":
            return np.full(distances.shape, np.nan)
        values = self._p_values(*_scores(distances), kind)
        return np.where(self._untold, np.nan, np.where(np.isfinite(distances), values, 0.0))

    def reach(self, level: float) -> float:
        """Return how many times as far as the nearest a class may be and still matter to :meth:`sets`."""
        if level not in self._reaches:
            self._reaches[level] = self._reach(level)
        return self._reaches[level]

    def _reach(self, level: float) -> float:
        kind = self.basis(level).kind
        if kind == "rule of thumb":
            return float(self._limits[1].max()) * (1 + 1e-9)
        known = (
            [self._of_all]
            if kind == "all classes"
            else [self._of_class[c] for c in np.flatnonzero(self._present)]
        )
        # A class that is not the nearest is allowed up to the largest ratio that is; the nearest one is if no
        # other is within one over the least of them.
        most = max(_allowed(some, level - 1e-9) for some in known)
        least = min(_allowed(some, level + 1e-9) for some in known)
        if kind == "all classes" and self._few >= LEAST_OF_CLASS:
            most = float(self._of_all.scores[1][-1])
        # A little farther than that, for ratios and sums of squares may round otherwise.
        return max(1.0, most, 1 / least if least > 0 else np.inf) * (1 + 1e-9)

    def _p_values(self, distance: Floats, ratio: Floats, kind: str) -> Floats:
        values = np.zeros(distance.shape)
        for code in np.flatnonzero(self._present):
            scores, own = (distance[:, code], ratio[:, code]), self._of_class[code]
            if kind == "all classes":
                values[:, code] = _p_value(scores, self._of_all)
            if self._few >= LEAST_OF_CLASS:
                alone = _p_value(scores, own)
                # What the class alone allows at its smallest p-value, a lower level allows too.
                more = kind == "each class" or alone > SCORES / (own.n + 1)
                values[:, code] = np.where(more, np.maximum(values[:, code], alone), values[:, code])
        return values


def _between(distances: Floats, rows: NDArray[np.intp], codes: NDArray[np.intp]) -> float:
    """Return the median distance of images to other classes than their own; infinite where there is none."""
    others = distances.copy()
    others[rows, codes] = np.inf
    known = others[np.isfinite(others)]
    return float(np.median(known)) if known.size else np.inf


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


def _p_value(scores: tuple[Floats, Floats], known: _Known) -> Floats:
    """Return the smaller share of known scores, and itself, that are as large, doubled."""
    one, other = known.p_values
    places = np.searchsorted(known.scores[0], scores[0]), np.searchsorted(known.scores[1], scores[1])
    values: Floats = np.minimum(one[places[0]], other[places[1]])
    return values


def _needed(level: float) -> int:
    """Return how many examples it takes for a p-value of at most ``level``: 2 / (n + 1) <= level."""
    count = int(SCORES / level) - 1
    # That is one too few, but where the level is just such a share.
    return count + (SCORES / (count + 1) > level)


def _allowed(known: _Known, level: float) -> float:
    """Return the largest of the known ratios that a level allows; infinite without end."""
    ratios = known.scores[1]
    place = np.count_nonzero(known.p_values[1] > level) - 1
    return float(ratios[place]) if place < len(ratios) else np.inf


def checked_level(alpha: float) -> float:
    """Return a level, refusing what is none."""
    if isinstance(alpha, bool) or not isinstance(alpha, int | float | np.number) or not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}: expected a level above 0 and below 1, for example 0.05")
    return float(alpha)


def asked_level(alpha: float) -> float:
    """Return a level that a user asks for, refusing what is none and warning of what may be a confidence."""
    level = checked_level(alpha)
    if level > _HIGH:
        warn(
            f"the level {level:.4g} leaves out the class of up to {level:.4g} of images: for a confidence of "
            f"{level:.4g} the level is {1 - level:.4g}"
        )
    return level
