"""How crowded training images are: one that is near to images of other classes says less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import deformable_distances
from lookalike.distance.search import ImageIndex
from lookalike.models.deformable_aligned import aligned_distances
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.deformable_index import DeformableIndex

#: What a typical image counts: factors are whole numbers of such parts, which keeps sums exact.
PARTS = 4096
# The mean distance of so many images of other classes, to this power; of so many candidates.
_OTHERS, _POWER = 5, 0.4
_SHORT_LIST, _CANDIDATES = 8, 100
# No image is more or less crowded than so many times a typical one: a copy may be in another class.
_MOST = 8.0


def crowding(
    index: DeformableIndex, codes: NDArray[np.intp], progress: Progress = silent
) -> NDArray[np.int64]:
    r"""Return what distances to each training image are multiplied by: more where others crowd it.

    A plain image, such as a single stroke, is near to many others whatever they show. With :math:`d_i` the
    mean distance from image ``i`` to the five nearest images of other classes, and :math:`g` the geometric
    mean of all of them, distances to ``i`` are multiplied by

    .. math:: (g / d_i)^{0.4}, \qquad \tfrac18 \le g / d_i \le 8.

    The five are found among the 8 that are nearest before images are aligned, of the 100 (and 10 more than
    the largest class has) whose coarse descriptions are nearest.

    Parameters
    ----------
    index : DeformableIndex
        The training images; they are aligned.
    codes : ndarray of shape (n,)
        Their classes.
    progress : Progress, optional
        Hears of images compared.

    Returns
    -------
    ndarray of shape (n,), int64
        In parts of 4,096. Where there is one class alone, all are 4,096.

    References
    ----------
    After J. Wang, P. Neskovic, L. N. Cooper, "Improving nearest neighbor rule with a simple adaptive distance
    measure", Pattern Recognition Letters 28 (2007), which divides by the distance to the nearest of them.
    """
    images, comparison = index.images, index.comparison
    candidates = _candidates(index, codes, progress)
    planes = comparison.planes_of(images)
    sums = deformable_distances(
        planes,
        planes,
        candidates,
        warp=comparison.warp,
        context=comparison.context,
        symmetric=comparison.symmetric,
    ).astype(np.float64)
    sums[codes[candidates] == codes[:, None]] = np.inf
    order = np.lexsort((candidates, sums), axis=1)[:, :_SHORT_LIST]
    near, other = np.take_along_axis(candidates, order, 1), np.isfinite(np.take_along_axis(sums, order, 1))
    if not other.any():
        return np.full(len(images), PARTS)
    found = aligned_distances(images, images, near, comparison, progress=progress).astype(np.float64)
    found[~other] = np.inf
    found = np.sort(found, axis=1)[:, :_OTHERS]
    counts = np.isfinite(found).sum(axis=1)
    apart = np.where(np.isfinite(found), found, 0).sum(axis=1) / np.maximum(counts, 1)
    known = counts > 0
    typical = np.exp(np.log(np.maximum(apart[known], 1)).mean())
    ratio = np.clip(typical / np.maximum(apart, 1), 1 / _MOST, _MOST)
    parts: NDArray[np.int64] = np.where(known, np.rint(PARTS * ratio**_POWER), PARTS).astype(np.int64)
    return parts


def _candidates(index: DeformableIndex, codes: NDArray[np.intp], progress: Progress) -> NDArray[np.int64]:
    """Return which images each is compared with: those whose coarse descriptions are nearest."""
    n = len(index)
    count = min(n, max(_CANDIDATES, int(np.bincount(codes).max()) + 10))
    if count == n:
        return np.broadcast_to(np.arange(n), (n, n))
    described = index.comparison.descriptors_of(index.images, progress)
    found: NDArray[np.int64] = ImageIndex(described, "l2").search(described, count, progress=progress)[1]
    return found
