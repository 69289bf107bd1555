"""What is found without each of some kept images, brought up to date where images come and go."""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.progress import Progress
from lookalike.recognition.labels import LabelTable

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]


class Measured(NamedTuple):
    """Class distances of kept images, each alone left out, and among which images they were found.

    It is for matchers to which an image is as far whatever else is kept: then images that came or went since
    are all that has to be looked at.
    """

    among: Ids  # (n,): all that was kept
    labels: LabelTable
    ids: Ids  # (m,): those that were left out
    distances: Floats  # (m, n_classes): infinite where a class has no other
    nearest: Ids  # (m, n_classes): what was nearest, -1 where nothing was

    @classmethod
    def of(
        cls,
        matcher: Any,
        ids: Ids,
        labels: LabelTable,
        images: NDArray[Any],
        places: NDArray[np.intp],
        before: Measured | None,
        progress: Progress,
    ) -> Measured:
        """Return it for the images at some places, of all whose numbers are ``ids``, by what was before."""
        shape = len(places), len(labels.classes)
        found = cls(ids, labels, ids[places], np.full(shape, np.inf), np.full(shape, -1, np.int64))
        known = np.zeros(len(places), np.bool_) if before is None else found._taken(before)
        if before is not None and known.any():
            new = np.flatnonzero(~np.isin(ids, before.among))
            if new.size:
                some = copy(matcher)
                some.remove(np.setdiff1d(np.arange(len(ids)), new))
                found._put(known, some.match(images[known], 1, progress=progress), ids[new])
        if not known.all():
            rest = ~known
            found._put(rest, matcher.match(images[rest], 1, exclude=places[rest], progress=progress), ids)
        return found

    def _taken(self, before: Measured) -> NDArray[np.bool_]:
        """Take over what stays true, and return of which images it does."""
        order = np.argsort(before.ids)
        at = order[np.minimum(np.searchsorted(before.ids, self.ids, sorter=order), len(order) - 1)]
        # Where what was nearest is gone, another image is, which nobody noted.
        gone: NDArray[np.bool_] = np.isin(before.nearest, np.setdiff1d(before.among, self.among))
        lost = np.asarray(gone.any(axis=1))
        known: NDArray[np.bool_] = (before.ids[at] == self.ids) & ~lost[at]
        moved = before.labels.moved_to(self.labels)
        for mine, theirs in ((self.distances, before.distances), (self.nearest, before.nearest)):
            mine[np.ix_(known, moved[moved >= 0])] = theirs[np.ix_(at[known], moved >= 0)]
        return known

    def _put(self, rows: NDArray[np.bool_], matches: Any, ids: Ids) -> None:
        """Take over, for some of the images, what is nearer than what was known."""
        nearer = matches.class_distances < self.distances[rows]
        there = ids[np.maximum(matches.class_places, 0)]
        self.distances[rows] = np.where(nearer, matches.class_distances, self.distances[rows])
        self.nearest[rows] = np.where(nearer, there, self.nearest[rows])
