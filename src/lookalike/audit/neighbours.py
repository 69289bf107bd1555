"""What lies near each image of a set, the image itself left out: what most of an audit follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.errors import LabelWarning
from lookalike.evaluation.evaluate import unwarned
from lookalike.models.deformable import DeformableMatch
from lookalike.progress import Progress, silent
from lookalike.search.matches import NOWHERE
from lookalike.search.pixels import PixelMatcher

#: So many of the nearest are looked at: with fewer, own classes that are far cannot be told from absent ones.
NEAREST = 50
#: Up to so many images deformable distances are measured; among more, which would take long, coarse
#: descriptions of edges are compared (benchmarks/audit.py has what is found by either).
DEFORMABLE = 5000
#: So many images say how prepared images are compared.
_SAMPLE = 2000


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each of ``n`` images, nearest first; where there are fewer, -1 and infinite."""

    places: NDArray[np.int64]  # (n, k)
    distances: NDArray[np.float64]  # (n, k): they compare within one set only
    title: str  # how images were compared

    def apart(self, units: NDArray[Any]) -> Neighbours:
        """Return the same without images of the same unit: copies, or images of one writer."""
        same = (self.places == NOWHERE) | (units[self.places] == units[:, None])
        distances = np.where(same, np.inf, self.distances)
        order = np.argsort(distances, axis=1, kind="stable")
        places = np.where(same, NOWHERE, self.places)
        return Neighbours(
            np.take_along_axis(places, order, 1), np.take_along_axis(distances, order, 1), self.title
        )


def matching() -> DeformableMatch:
    """Return how an audit compares images where nobody says it: aligned, or all with all, takes minutes."""
    return DeformableMatch(n_neighbors=1, candidates=2 * NEAREST, aligned=False)


def find_neighbours(images: LabelledImages, client: Any = None, progress: Progress = silent) -> Neighbours:
    """Return the nearest others of each image; with a client of a cluster, many are searched there."""
    n = len(images)
    k = min(NEAREST, n - 1)
    if k < 1:
        return Neighbours(np.full((n, 1), NOWHERE, np.int64), np.full((n, 1), np.inf), "nothing to compare")
    few = n <= DEFORMABLE
    sample = slice(None) if few else np.linspace(0, n - 1, _SAMPLE).astype(np.intp)
    with unwarned(LabelWarning):
        model = matching().fit(images.images[sample], images.labels[sample])
    own: Any = model.recogniser_
    if few:
        found = own.matcher.match(own.matcher.images, k, exclude=np.arange(n), reach=1.0, progress=progress)
        return Neighbours(found.places, found.distances, "deformable match")
    described = own.matcher.comparison.descriptors_of(own.seen(images.images, progress), progress)
    matcher: Any = PixelMatcher("l2")
    matcher.fit(described, np.zeros(n, np.intp), 1)
    if client is not None:
        from lookalike.cluster.fitting import spread_matcher

        matcher = spread_matcher(matcher, client)
    found = matcher.match(described, k, exclude=np.arange(n), progress=progress)
    return Neighbours(found.places, found.distances, "coarse descriptions of edges")
