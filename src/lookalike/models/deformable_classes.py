"""Deformable matching, class by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.models.class_nearest import DeformableClassSearch
from lookalike.models.deformable_index import Bytes
from lookalike.models.deformable_state import DeformableState
from lookalike.models.kept import vote
from lookalike.progress import Progress, silent


class DeformableClasses(DeformableState):
    """What deformable matching compares each class by; a subclass prepares images."""

    def prepared(self, X: ArrayLike, *, progress: Progress = silent) -> Bytes:
        """Return what the model sees of images."""
        raise NotImplementedError

    def _queries(self, X: ArrayLike, progress: Progress) -> Bytes:
        return self.prepared(X, progress=progress)

    def _kept_queries(self, places: NDArray[np.intp]) -> Bytes:
        return self._index.images[places]

    def _query_rows(self, queries: Bytes) -> tuple[NDArray[Any], int]:
        return queries.reshape(len(queries), -1), 255

    def _nearest(
        self, queries: Bytes, k: int, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the distances and places of the nearest images.

        Where images are aligned, those are that class distances rest on, so that no class is found to be
        nearer than the answer.
        """
        if self._index.comparison.aligned:
            found = self._search(progress).nearest(queries, k, progress=progress)
            return self._index.root_means(found.near_sums), found.near_places
        sums, places = self._index.nearest(queries, k, self.candidates_, progress=progress)
        return self._index.root_means(sums), places

    def _search(self, progress: Progress) -> DeformableClassSearch:
        """Return what finds the nearest images of each class, and of all."""
        index = self._ready_index(progress)
        search: DeformableClassSearch = self._derive(
            "classes",
            lambda: DeformableClassSearch(index, self._codes, len(self.classes_), self.candidates_),
        )
        return search

    def _class_search(
        self, queries: Bytes, without: NDArray[np.int64] | None, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
        k = 1 if without is not None else self._checked_count(self.n_neighbors_)
        found = self._search(progress).nearest(queries, k, without, progress=progress)
        answers = vote(self._codes[found.near_places], np.ones(found.near_places.shape))
        distances = np.where(found.places < 0, np.inf, self._index.root_means(found.sums))
        return distances, found.places, answers
