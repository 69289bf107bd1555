"""Which labels are probably wrong, and what their scores mean.

An image is suspicious where its nearest images of another class are nearer than those of its own. How far a
class is, is the mean distance of its three nearest images, each counting by how far its own label is to be
trusted: labels of neighbours may be wrong too, so images are scored twice, and what the first pass suspects
hardly counts in the second.

What a score means is measured on the set itself. Labels are flipped on purpose, at random and to the class
that looks most alike, which shows how wrong labels score here. How scores of right labels fall off is seen
where nearly all are right, and is not seen where it matters: a rare form of a letter is as suspicious as a
wrong label, and of some hundred images a handful are such. So nothing is decided that the scores do not
tell: how heavy that tail is, how many labels are wrong and how many of them are of a class that looks alike.
Each way of it that can be is weighed by how well it explains the scores, and how likely a label is wrong is
the mean over all of them. Where few labels tell, that mean stays near to what was thought before, and little
is said to be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

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
#: Labels that are flipped on purpose: which share, at least how often.
_FLIPPED, _ROUNDS = 0.02, 4
#: And at least so many in all.
_PLANTED = 200
#: The tail of scores of right labels begins beyond this share of them, for a first estimate earlier; of n
#: it has so many times n^(2/3) at most: the formula of tails holds the better, the farther out they begin.
_TAIL, _EARLY, _OF_MANY = 0.85, 0.6, 1.5
#: Beyond that they fall off as a generalised Pareto distribution (J. Pickands, "Statistical inference using
#: extreme order statistics", Annals of Statistics 3 (1975)): from exponentially (0) to heavily. In real sets
#: that it was designed on (benchmarks/audit.py) shapes of 0.2 were seen; larger ones are thought unlikely.
_SHAPES = np.array([1e-9, 0.1, 0.2, 0.3, 0.4, 0.5])
_HEAVY = 0.2
#: Its scale, as factors of the median.
_SCALES = np.geomspace(0.2, 5, 30)
#: Which share of labels is wrong: from 0.15 % (MNIST) to 10 % in ten sets that people looked through
#: (C. Northcutt, A. Athalye, J. Mueller, "Pervasive label errors in test sets destabilize machine learning
#: benchmarks", NeurIPS 2021), and how often by mistake for the class that looks most alike.
_RATES = np.geomspace(1e-3, 0.4, 20)
_ALIKE = (0.0, 0.5, 1.0)
_BINS = 120
#: Such a part of flipped labels may score as none of those did that were tried.
_UNSEEN = 0.02
#: With fewer images that can be judged, nothing is said of how likely labels are wrong; nor where more than
#: this share of them lie nearer to another class. Twice as many as were wrong in any of those ten sets, they
#: are images of classes that look alike rather, and cannot be told from wrong labels by scores alone.
_LEAST, _MOST = 20, 0.2


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
    #: the expected share of wrong labels in the whole set; None where too few can be judged to tell, or too
    #: many look wrong
    rate: float | None

    @property
    def too_many(self) -> bool:
        """Whether so many labels look wrong that no share of them is told."""
        return _too_many(self.scores)

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
    if judged.sum() >= _LEAST and n_classes > 1 and not _too_many(found.scores):
        planted = _planted(near, codes, found, n_classes, seed)
        if planted is not None:
            likely = _shares(found.scores[judged], planted)
    if likely is not None:
        wrong[judged] = likely
    order = np.argsort(-found.scores, kind="stable")
    expected = np.empty(len(codes))
    expected[order] = np.cumsum(wrong[order]) / np.arange(1, len(codes) + 1)
    rate = None if likely is None else float(wrong.mean())
    return Suspects(found.scores, found.rivals, wrong, expected, rate)


def _too_many(scores: Floats) -> bool:
    """Return whether more labels look wrong than can be, where there are enough to tell."""
    judged = scores[np.isfinite(scores)]
    return len(judged) >= _LEAST and bool((judged > 0).mean() > _MOST)


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


def _planted(
    near: Neighbours, codes: Codes, found: _Scores, n_classes: int, seed: int
) -> tuple[Floats, Floats] | None:
    """Return scores of labels flipped on purpose, to the most alike class and at random; None of too few."""
    generator = np.random.default_rng(seed)
    # A label that is wrong already would often be put right.
    can = np.flatnonzero((found.rivals >= 0) & (found.scores < 0))
    count = max(2, int(_FLIPPED * len(can)))
    if len(can) < count:
        return None
    scores = []
    # Of few images few are flipped at once, or neighbours would be wrong too; so more often.
    for _ in range(max(_ROUNDS, -(-_PLANTED // count))):
        chosen = generator.permutation(can)[:count]
        flipped = codes.copy()
        flipped[chosen] = (codes[chosen] + generator.integers(1, n_classes, len(chosen))) % n_classes
        alike = chosen[::2]
        flipped[alike] = found.rivals[alike]
        scores.append(_scored(near, flipped, n_classes).scores[chosen])
    alike, others = (np.concatenate([part[start::2] for part in scores]) for start in (0, 1))
    return alike[np.isfinite(alike)], others[np.isfinite(others)]


def _shares(scores: Floats, planted: tuple[Floats, Floats]) -> Floats:
    """Return how likely each label is wrong, where ``planted`` are scores of wrong ones."""
    wrong = np.zeros(len(scores))
    # Wrong labels are no part of the tail of right ones: how many there are is estimated first.
    for tail in (_EARLY, max(_TAIL, 1 - _OF_MANY * len(scores) ** (-1 / 3))):
        start = np.quantile(scores, tail * (1 - wrong.mean()))
        beyond = scores >= start
        wrong = np.zeros(len(scores))
        wrong[beyond] = _mixed(scores[beyond] - start, [part - start for part in planted], 1 - tail)
    return wrong


def _mixed(scores: Floats, planted: list[Floats], tail: float) -> Floats:
    """Return how likely each of some scores, all at least 0, is of a wrong label.

    ``planted`` are those of wrong labels, of two kinds, and ``tail`` is the share of right labels whose
    scores are at least 0.
    """
    edges = np.linspace(0, max(scores.max(), *(part.max(initial=0) for part in planted)) + 1e-9, _BINS + 1)
    counts = np.histogram(scores, edges)[0]
    scales = _SCALES[:, None] * max(float(np.median(scores)), 1e-9)
    left = np.exp(-np.log1p(_SHAPES[:, None, None] * edges / scales) / _SHAPES[:, None, None])
    # (shapes x scales, bins): what cannot be is very unlikely, so that logarithms are finite.
    of_right = np.maximum((left[..., :-1] - left[..., 1:]) / (1 - left[..., -1:]), 1e-300).reshape(-1, _BINS)
    thought = np.repeat(-0.5 * (_SHAPES / _HEAVY) ** 2, len(_SCALES))
    densities = [_density(part, edges) for part in planted]
    evidence, likely = [], []
    for alike in _ALIKE:
        of_wrong = alike * densities[0] + (1 - alike) * densities[1]
        reached = float(of_wrong.sum())
        for rate in _RATES:
            share = rate * reached / (rate * reached + (1 - rate) * tail)
            both = share * of_wrong / reached + (1 - share) * of_right
            evidence.append(np.log(both) @ counts + thought)
            # What is more suspicious is no less likely wrong, however few wrong labels score as high.
            likely.append(np.maximum.accumulate(share * of_wrong / reached / both, axis=1))
    weights = np.exp(np.concatenate(evidence) - np.max(evidence))
    expected: Floats = weights @ np.concatenate(likely) / weights.sum()
    return expected[np.searchsorted(edges, scores, "right") - 1]


def _density(planted: Floats, edges: Floats) -> Floats:
    """Return the share of planted scores in each bin, smoothed."""
    inside = planted[planted >= 0]
    share = (len(inside) + 1) / (len(planted) + 2)
    counts = np.histogram(inside, edges)[0].astype(np.float64)
    if len(inside) > 1:
        # Scott's rule.
        width = float(inside.std()) * len(inside) ** -0.2 / edges[1]
        counts = gaussian_filter1d(counts, max(width, 0.5), mode="nearest")
    smooth = counts / counts.sum() if counts.any() else np.full(_BINS, 1 / _BINS)
    return share * ((1 - _UNSEEN) * smooth + _UNSEEN / _BINS)
