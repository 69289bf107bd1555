"""Which labels are probably wrong, and what their scores mean.

An image is suspicious where its nearest images of another class are nearer than those of its own. How far a
class is, is the mean distance of its three nearest images, each counting by how far its own label is to be
trusted: labels of neighbours may be wrong too, so images are scored twice, and what the first pass suspects
hardly counts in the second.

What a score means is measured on the set itself. Labels are flipped on purpose, half at random and half to
the class that looks most alike, which shows how wrong labels score here. Scores of right labels fall off
exponentially; the mixture of both that explains the scores found says how likely each label is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from lookalike.audit.neighbours import Neighbours
from lookalike.search.matches import NOWHERE

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

#: So many nearest images of a class say how far it is.
_OF_CLASS = 3
#: A class without images among the nearest is so much farther than the last of these.
_BEYOND = 1.05
#: Trust in a label falls from 0.73 to 0.27 within twice this share of the typical score.
_SOFTNESS = 0.1
#: Labels that are flipped on purpose: which share, how often.
_FLIPPED, _ROUNDS = 0.02, 4
#: Scores of right labels fall off exponentially beyond this share of them; a first estimate begins earlier.
_TAIL, _EARLY = 0.9, 0.6
_BINS, _STEPS = 60, 200
#: With fewer images beyond the tail's start, nothing is said of how likely labels are wrong.
_LEAST = 20


class _Scores(NamedTuple):
    """How suspicious labels are."""

    scores: Floats  # (n,): the log-ratio of the distances of the own and of the nearest other class
    rivals: Codes  # (n,): the nearest other class; -1 where there is none
    trust: Floats  # (n,)


@dataclass(frozen=True)
class Suspects:
    """How likely each label is wrong, and which it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.audit.neighbours import Neighbours
    >>> from lookalike.audit.suspects import find_suspects
    >>> places = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [4, 5, 0], [3, 5, 0], [4, 3, 0]])
    >>> distances = np.tile([0.1, 0.2, 0.9], (6, 1))
    >>> found = find_suspects(Neighbours(places, distances, ""), np.array([0, 0, 1, 1, 1, 1]))
    >>> int(found.scores.argmax()), int(found.rivals[2])
    (2, 0)
    """

    scores: Floats  #: (n,): how suspicious each label is; -infinite where it cannot be judged
    rivals: Codes  #: (n,): the class that an image's nearest ones are of, but for its own
    wrong: Floats  #: (n,): how likely the label is wrong, in 0-1
    #: (n,): of this image and all that are more suspicious, the expected share of wrong labels
    expected: Floats
    #: the expected share of wrong labels in the whole set; None where too few labels can be judged to tell
    rate: float | None

    @property
    def ranked(self) -> NDArray[np.intp]:
        """The places of all images, the most suspicious first."""
        return np.argsort(-self.scores, kind="stable")


def find_suspects(near: Neighbours, codes: Codes, *, seed: int = 0) -> Suspects:
    """Return how likely each label is wrong, by the nearest others of each image."""
    n_classes = int(codes.max()) + 1
    found = _scored(near, codes, n_classes)
    judged = np.isfinite(found.scores)
    wrong, likely = np.zeros(len(codes)), None
    if judged.sum() >= _LEAST and n_classes > 1:
        planted = _planted(near, codes, found, n_classes, seed)
        if len(planted):
            likely = _shares(found.scores[judged], planted)
    if likely is not None:
        wrong[judged] = likely
    order = np.argsort(-found.scores, kind="stable")
    # What is more suspicious is no less likely wrong: bins of few images would say otherwise.
    wrong[order] = isotonic_regression(wrong[order], increasing=False).x
    expected = np.empty(len(codes))
    expected[order] = np.cumsum(wrong[order]) / np.arange(1, len(codes) + 1)
    rate = None if likely is None else float(wrong.mean())
    return Suspects(found.scores, found.rivals, wrong, expected, rate)


def _scored(near: Neighbours, codes: Codes, n_classes: int) -> _Scores:
    """Return how suspicious labels are, after two passes."""
    first = _passed(near, codes, n_classes, np.ones(len(codes)))
    return _passed(near, codes, n_classes, first.trust)


def _passed(near: Neighbours, codes: Codes, n_classes: int, trust: Floats) -> _Scores:
    """Return how suspicious labels are where neighbours' labels count by how far they are trusted."""
    own, other = np.empty(len(codes)), np.empty(len(codes))
    rivals, known = np.empty(len(codes), np.intp), near.others_of(codes) > 0
    for rows in near.blocks():
        places, distances = near.places[rows], near.distances[rows]
        far = _class_distances(places, distances, codes, n_classes, trust)
        each = np.arange(len(far))
        own[rows] = far[each, codes[rows]]
        far[each, codes[rows]] = np.inf
        rivals[rows] = far.argmin(axis=1)
        other[rows] = far[each, rivals[rows]]
        known[rows] &= (places != NOWHERE).any(axis=1)
    # A class of one image, or of copies of one, has no other that could speak for its label.
    known &= np.isfinite(other)
    least = np.finfo(np.float64).tiny
    scores = np.full(len(codes), -np.inf)
    scores[known] = np.log(np.maximum(own, least)[known] / np.maximum(other, least)[known])
    width = _SOFTNESS * (np.median(np.abs(scores[known])) if known.any() else 1.0) + 1e-9
    trust = 1 / (1 + np.exp(np.clip(scores / width, -50, 50)))
    return _Scores(scores, np.where(known, rivals, -1), trust)


def _class_distances(
    places: NDArray[np.int64], distances: Floats, codes: Codes, n_classes: int, trust: Floats
) -> Floats:
    """Return how far each class is, ``(rows, n_classes)``, from some images by what is nearest to them."""
    there = places != NOWHERE
    distances = np.where(there, distances, 0.0)
    of, counts = codes[places], np.where(there, trust[places], 0.0)
    # What lies beyond the last neighbour that is there.
    beyond = _BEYOND * distances.max(axis=1)
    far = np.empty((len(places), n_classes))
    for code in range(n_classes):
        own = counts * (of == code)
        taken = np.clip(_OF_CLASS - (np.cumsum(own, axis=1) - own), 0, own)
        missing = _OF_CLASS - taken.sum(axis=1)
        far[:, code] = ((taken * distances).sum(axis=1) + missing * beyond) / _OF_CLASS
    return far


def _planted(near: Neighbours, codes: Codes, found: _Scores, n_classes: int, seed: int) -> Floats:
    """Return the scores of labels that were flipped on purpose."""
    generator = np.random.default_rng(seed)
    # A label that is wrong already would often be put right.
    can = np.flatnonzero((found.rivals >= 0) & (found.scores < 0))
    if not can.size:
        return np.empty(0)
    count = max(2, int(_FLIPPED * len(can)))
    scores = []
    # Of few images few are flipped at once, or neighbours would be wrong too; so more often.
    for _ in range(max(_ROUNDS, -(-100 // count))):
        chosen = generator.permutation(can)[:count]
        flipped = codes.copy()
        flipped[chosen] = (codes[chosen] + generator.integers(1, n_classes, len(chosen))) % n_classes
        alike = chosen[::2]
        flipped[alike] = found.rivals[alike]
        scores.append(_scored(near, flipped, n_classes).scores[chosen])
    every = np.concatenate(scores)
    finite: Floats = every[np.isfinite(every)]
    return finite


def _shares(scores: Floats, planted: Floats) -> Floats | None:
    """Return how likely each label is wrong, where ``planted`` are scores of wrong ones; None of too few.

    It is the mixture of an exponential tail and of the planted scores that explains the scores best,
    found by expectation and maximisation.
    """
    wrong: Floats | None = None
    # Wrong labels are no part of the tail of right ones: how many there are is estimated first.
    for tail in (_EARLY, _TAIL):
        start = np.quantile(scores, tail if wrong is None else tail * (1 - wrong.mean()))
        beyond = scores >= start
        if beyond.sum() < _LEAST:
            return wrong
        wrong = np.zeros(len(scores))
        wrong[beyond] = _mixed(scores[beyond] - start, planted - start)
    return wrong


def _mixed(scores: Floats, planted: Floats) -> Floats:
    """Return how likely each of some scores, all at least 0, comes from what the planted ones do."""
    edges = np.linspace(0, max(scores.max(), planted.max()) + 1e-9, _BINS + 1)
    # Half a score in each bin: what was not planted may still occur.
    counts = np.histogram(planted, edges)[0] + 0.5
    density = counts / (len(planted) + _BINS / 2) / (edges[1] - edges[0])
    of_wrong = density[np.clip(np.searchsorted(edges, scores, "right") - 1, 0, _BINS - 1)]
    share, mean = 0.1, float(np.median(scores)) / np.log(2) + 1e-12
    likely = np.zeros(len(scores))
    for _ in range(_STEPS):
        of_right = np.exp(-scores / mean) / mean
        likely = share * of_wrong / (share * of_wrong + (1 - share) * of_right)
        share = float(likely.mean())
        mean = float(((1 - likely) * scores).sum() / max((1 - likely).sum(), 1e-12)) + 1e-12
    return likely
