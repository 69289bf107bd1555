"""Deformable distances of kept images to all kept images, each pair measured once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lookalike.progress import Progress
from lookalike.search.deformable.index import DeformableIndex
from lookalike.search.matcher import Codes
from lookalike.search.matches import Places

#: So many images are compared with all others at once: what two of them are apart is then measured twice.
_TOGETHER = 32


class KnownSums:
    """Sums ``(n, n)`` between images as they are asked and kept ones, row by row as they are asked for.

    ``asked`` are all kept images as queries. Where ``symmetric``, they are the kept ones themselves, and a
    pair is as far apart in either order.
    """

    def __init__(self, index: DeformableIndex, asked: NDArray[np.uint8], symmetric: bool) -> None:
        self._index, self._asked, self._symmetric = index, asked, symmetric
        self._sums = np.zeros((len(asked), len(asked)), np.int64)
        self._known = np.zeros(len(asked), np.bool_)

    def of(self, places: Places, progress: Progress) -> NDArray[np.int64]:
        """Return the rows ``(q, n)`` of some images."""
        new = np.unique(places[~self._known[places]])
        for start in range(0, len(new), _TOGETHER):
            if len(new) > _TOGETHER:
                progress("comparing examples", start, len(new))
            self._measure(new[start : start + _TOGETHER])
        return self._sums[places]

    def _measure(self, rows: Codes) -> None:
        columns = np.flatnonzero(~self._known) if self._symmetric else np.arange(len(self._known))
        chosen = np.broadcast_to(columns, (len(rows), len(columns)))
        found = self._index.distances(self._asked[rows], chosen)
        self._sums[rows[:, None], columns] = found
        if self._symmetric:
            self._sums[columns[:, None], rows] = found.T
        self._known[rows] = True
