"""What lies near each image of a set, the image itself left out: what most of an audit follows from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.evaluate import unwarned
from lookalike.evaluation.statistics import mcnemar
from lookalike.models.deformable import DeformableMatch
from lookalike.prepare.chain import colours_of_parts
from lookalike.progress import Progress, silent
from lookalike.search.matches import NOWHERE
from lookalike.search.pixels import PixelMatcher

#: So many of the nearest are looked at: with fewer, own classes that are far cannot be told from absent ones.
NEAREST = 50
#: Up to so many images deformable distances are measured; among more, which would take long, coarse
#: descriptions of edges are compared (benchmarks/audit.py has what is found by either).
DEFORMABLE = 5000
#: Colours count where without them the nearest is of another class for more images, at this level.
_LEVEL = 0.05
_CHUNK = 4096
#: So many images say how prepared images are compared.
_SAMPLE = 2000


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each of ``n`` images, nearest first; where there are fewer, -1 and infinite."""

    places: NDArray[np.int64]  # (n, k)
    distances: NDArray[np.float64]  # (n, k): they compare within one set only
    title: str  # how images were compared
    units: tuple[NDArray[np.intp], ...] = ()  # (n,) each: images of one number are not among each other's

    def apart(self, units: NDArray[Any]) -> Neighbours:
        """Return the same without images of the same unit: copies, or images of one writer."""
        numbers = np.unique(units, return_inverse=True)[1]
        same = (self.places == NOWHERE) | (numbers[self.places] == numbers[:, None])
        distances = np.where(same, np.inf, self.distances)
        order = np.argsort(distances, axis=1, kind="stable")
        places = np.where(same, NOWHERE, self.places)
        return Neighbours(
            np.take_along_axis(places, order, 1),
            np.take_along_axis(distances, order, 1),
            self.title,
            (*self.units, numbers),
        )

    def others_of(self, codes: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return how many others of its class each image has that may be among its nearest.

        Examples
        --------
        >>> import numpy as np
        >>> from lookalike.audit.neighbours import Neighbours
        >>> near = Neighbours(np.array([[1, 2], [0, 2], [0, 1]]), np.ones((3, 2)), "")
        >>> near.others_of(np.array([0, 0, 0])).tolist()
        [2, 2, 2]
        >>> near.apart(np.array([7, 7, 8])).others_of(np.array([0, 0, 0])).tolist()
        [1, 1, 2]
        """
        units = self.units or (np.arange(len(codes)),)
        count = np.zeros(len(codes), np.intp)
        # Of all of the class those that share a unit are taken away, and those that share two were so twice.
        for size in range(len(units) + 1):
            for some in combinations(units, size):
                key = codes
                for numbers in some:
                    key = np.unique(key * len(codes) + numbers, return_inverse=True)[1]
                count += (-1) ** size * np.bincount(key)[key]
        return count


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
    # Who is blamed is fitted too, and warns; that colours are lost is no longer so once they count.
    with unwarned():
        model = matching().fit(images.images[sample], images.labels[sample])
    own: Any = model.recogniser_
    if few:
        found = own.matcher.match(own.matcher.images, k, exclude=np.arange(n), reach=1.0, progress=progress)
        return _with_colours(Neighbours(found.places, found.distances, "deformable match"), images)
    described = own.matcher.comparison.descriptors_of(own.seen(images.images, progress), progress)
    matcher: Any = PixelMatcher("l2")
    matcher.fit(described, np.zeros(n, np.intp), 1)
    if client is not None:
        from lookalike.cluster.fitting import spread_matcher

        matcher = spread_matcher(matcher, client)
    found = matcher.match(described, k, exclude=np.arange(n), progress=progress)
    near = Neighbours(found.places, found.distances, "coarse descriptions of edges")
    return _with_colours(near, images)


def _with_colours(near: Neighbours, images: LabelledImages) -> Neighbours:
    """Return the same nearest in the order of shape and colours, where fewer are then of another class first.

    What is compared has no colours: red and green cards of one shape would be told apart by chance.
    """
    if images.images.ndim < 4 or images.images.shape[3] != 3:
        return near
    there = near.places != NOWHERE
    colours, far = colours_of_parts(images.images), np.empty(near.places.shape)
    for start in range(0, len(far), _CHUNK):
        some = slice(start, start + _CHUNK)
        apart = colours[near.places[some]] - colours[some, None]
        far[some] = np.sqrt((apart**2).mean(axis=2))
    # Each in units of its median, so that they can be added.
    both = np.full(far.shape, np.inf)
    both[there] = sum(part[there] / (float(np.median(part[there])) or 1) for part in (near.distances, far))
    order = np.argsort(both, axis=1, kind="stable")
    places = np.take_along_axis(near.places, order, 1)
    by_shape, by_both = (images.labels[one[:, 0]] == images.labels for one in (near.places, places))
    worse, better, chance = mcnemar(by_shape, by_both)
    if better <= worse or chance > _LEVEL:
        return near
    return Neighbours(places, np.take_along_axis(both, order, 1), f"{near.title}, and colours")
