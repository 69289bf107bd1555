"""Hubness: a training image that is near to images of other classes says less, so it counts as farther."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.kernels import FARTHEST
from lookalike.progress import Progress
from lookalike.search.deformable.comparison import PARTS
from lookalike.search.deformable.index import DeformableIndex
from lookalike.search.matcher import Codes
from lookalike.search.matches import Places, nearest

Sums = NDArray[np.int64]
#: Distances of pairs ``(p, 2)`` of kept images: as they are, and as they count in answers.
OfPairs = Callable[[Places], Sums]

# The mean distance of so many images of other classes, to this power; of so many candidates.
_OTHERS, _POWER = 5, 0.4
_SHORT_LIST, _CANDIDATES = 8, 100
# No image counts more or less than so many times a typical one: a copy may be in another class.
_MOST = 8.0


class Hubness(NamedTuple):
    r"""What distances to each kept image are multiplied by, and what that would be without one of the images.

    A plain image, such as a single stroke, is near to many others whatever they show. With :math:`d_i` the
    mean distance from image ``i`` to the five nearest images of other classes, and :math:`g` the geometric
    mean of all of them, distances to ``i`` are multiplied by

    .. math:: (g / d_i)^{0.4}, \qquad \tfrac18 \le g / d_i \le 8.

    The five are found among the 8 that are nearest before images are aligned, of the 100 (or 10 more than the
    largest class has) whose coarse descriptions are nearest. After J. Wang, P. Neskovic, L. N. Cooper,
    "Improving nearest neighbor rule with a simple adaptive distance measure", Pattern Recognition Letters 28
    (2007), which divides by the distance to the nearest of them.
    """

    factors: Sums  # (n,), in parts of 4,096; where there is one class alone, all are 4,096
    means: NDArray[np.float64]  # (n,): d, infinite where no image is of another class
    counted: int  # c: how many candidates count
    candidates: Places  # (n, c + 1): what each is compared with, one more than counts where there are more
    places: Places  # (n, 9): of these the nearest of other classes before alignment, -1 where there are fewer
    sums: NDArray[np.float64]  # (n, 9): how far they are

    @classmethod
    def of(
        cls, index: DeformableIndex, codes: Codes, plain: OfPairs, whole: OfPairs, progress: Progress
    ) -> Hubness:
        """Return the hubness of kept images; ``plain`` and ``whole`` say how far pairs of them are apart."""
        n = len(index)
        count = min(n, max(_CANDIDATES, int(np.bincount(codes).max()) + 10))
        if count == n:
            candidates = np.broadcast_to(np.arange(n), (n, n))
        else:
            candidates = index.candidates(index.images, count + 1, progress)
        other = codes[candidates] != codes[:, None]
        sums = np.full(candidates.shape, FARTHEST)
        own = np.broadcast_to(np.arange(n)[:, None], candidates.shape)
        sums[other] = plain(np.column_stack([own[other], candidates[other]]))
        found, places = nearest(sums, candidates, _SHORT_LIST + 1)
        there = found < FARTHEST
        apart = np.full(found.shape, np.inf)
        rows = np.broadcast_to(np.arange(n)[:, None], found.shape)
        apart[there] = whole(np.column_stack([rows[there], places[there]]))
        # The last candidate counts only where one of the others is left out.
        spare = candidates[:, count:] if candidates.shape[1] > count else np.full((n, 1), -1)
        means = _means(_short(apart, places == spare))
        return cls(_factors(means), means, count, candidates, np.where(there, places, -1), apart)

    def without(self, excluded: Places) -> Sums:
        """Return the factors ``(q, n)`` that there would be without one image each; its own means nothing."""
        out = np.empty((len(excluded), len(self.factors)), np.int64)
        for row, place in enumerate(excluded.tolist()):
            means = self.means.copy()
            touched = np.flatnonzero((self.candidates[:, : self.counted] == place).any(axis=1))
            means[touched] = _means(_short(self.sums[touched], self.places[touched] == place))
            means[place] = np.inf
            out[row] = _factors(means)
        return out


def _short(sums: NDArray[np.float64], left_out: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the eight sums that count: without one that is left out, or without the last."""
    if sums.shape[1] <= _SHORT_LIST:
        return np.where(left_out, np.inf, sums)
    gone = left_out.copy()
    gone[:, -1] |= ~gone.any(axis=1)
    return sums[~gone].reshape(len(sums), -1)


def _means(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of the five smallest of each row; infinite where there is none."""
    found = np.sort(sums, axis=1)[:, :_OTHERS]
    counts = np.isfinite(found).sum(axis=1)
    apart = np.where(np.isfinite(found), found, 0).sum(axis=1) / np.maximum(counts, 1)
    return np.where(counts > 0, apart, np.inf)


def _factors(means: NDArray[np.float64]) -> Sums:
    """Return the factors that mean distances to other classes give."""
    known = np.isfinite(means)
    if not known.any():
        return np.full(len(means), PARTS)
    typical = np.exp(np.log(np.maximum(means[known], 1)).mean())
    ratio = np.clip(typical / np.where(known, np.maximum(means, 1), 1), 1 / _MOST, _MOST)
    factors: Sums = np.where(known, np.rint(PARTS * ratio**_POWER), PARTS).astype(np.int64)
    return factors
