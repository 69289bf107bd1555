"""What lies near each image of a set, the image itself left out: what most of an audit follows from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.audit.results import MEMORY, Results, RowKind, blocks, searched
from lookalike.data.labelled import LabelledImages
from lookalike.distance.mapped import let_go
from lookalike.evaluation.evaluate import unwarned
from lookalike.evaluation.statistics import mcnemar
from lookalike.images import evenly
from lookalike.models.deformable import DeformableMatch
from lookalike.prepare.chain import colours_of_parts
from lookalike.progress import Progress, of_compiling, silent
from lookalike.search.matches import NOWHERE
from lookalike.search.pixels import PixelMatcher

#: So many of the nearest are looked at: with fewer, own classes that are far cannot be told from absent ones.
NEAREST = 50
#: Up to so many images deformable distances are measured; among more, which would take long, coarse
#: descriptions of edges are compared (benchmarks/audit.py has what is found by either).
DEFORMABLE = 5000
#: Descriptions on disk of at most so many bytes are held to be searched, which takes half as long.
_HELD_BYTES = 1 << 27
#: Colours count where without them the nearest is of another class for more images, at this level.
_LEVEL = 0.05
#: So many images say how prepared images are compared.
_SAMPLE = 2000


@dataclass(frozen=True)
class Neighbours:
    """The nearest others of each of ``n`` images, nearest first; where there are fewer, -1 and infinite."""

    places: NDArray[np.int64]  # (n, k)
    distances: NDArray[np.float64]  # (n, k): they compare within one set only
    title: str  # how images were compared
    units: tuple[NDArray[np.intp], ...] = ()  # (n,) each: images of one number are not among each other's
    results: Results = MEMORY  # where those without some of them lie

    def first(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the places and distances of the ``count`` nearest alone, or of as many as there are."""
        parts = [
            (self.places[rows, :count].copy(), self.distances[rows, :count].copy()) for rows in self.blocks()
        ]
        places, distances = zip(*parts, strict=True)
        return np.concatenate(places), np.concatenate(distances)

    def blocks(self) -> Iterator[slice]:
        """Yield the images block by block."""
        return blocks(len(self.places), self.places, self.distances)

    def apart(self, units: NDArray[Any]) -> Neighbours:
        """Return the same without images of the same unit: copies, or images of one writer."""
        numbers = np.unique(units, return_inverse=True)[1]

        def left(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
            places = self.places[rows]
            same = (places == NOWHERE) | (numbers[places] == numbers[rows, None])
            distances = np.where(same, np.inf, self.distances[rows])
            order = np.argsort(distances, axis=1, kind="stable")
            for one in (self.places, self.distances):
                let_go(one)
            return (
                np.take_along_axis(np.where(same, NOWHERE, places), order, 1),
                np.take_along_axis(distances, order, 1),
            )

        results, k = self.results.also_of(numbers), self.places.shape[1]
        like = [RowKind(np.int64, (k,)), RowKind(np.float64, (k,))]
        places, distances = results.rows(f"apart-{len(self.units)}", len(numbers), like, left)
        return Neighbours(places, distances, self.title, (*self.units, numbers), results)

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


def find_neighbours(
    images: LabelledImages, client: Any = None, progress: Progress = silent, results: Results = MEMORY
) -> Neighbours:
    """Return the nearest others of each image; with a client of a cluster, many are searched there."""
    n = len(images)
    k = min(NEAREST, n - 1)
    if k < 1:
        return Neighbours(np.full((n, 1), NOWHERE, np.int64), np.full((n, 1), np.inf), "nothing to compare")
    few = n <= DEFORMABLE
    sample = evenly(n, n if few else _SAMPLE)
    # Who is blamed is fitted too, and warns; that colours are lost is no longer so once they count.
    with unwarned():
        model = matching().fit(images.images[sample], images.labels[sample])
    own: Any = model.recogniser_
    matcher: Any = own.matcher
    asked = matcher.images if few else _described(images.images, own, results, progress)
    if not few:
        matcher = PixelMatcher("l2")
        if isinstance(asked, np.memmap) and asked.nbytes <= _HELD_BYTES:
            asked = np.array(asked)
        matcher.fit(asked, np.zeros(n, np.intp), 1)
        if client is not None:
            from lookalike.cluster.fitting import spread_matcher

            matcher = spread_matcher(matcher, client)
    how: dict[str, Any] = {"exclude": np.arange(n), "progress": progress}
    found = searched(results, "neighbours", matcher, asked, k, **how)
    title = "deformable match" if few else "coarse descriptions of edges"
    return _with_colours(Neighbours(*found, title, results=results), images)


def _with_colours(near: Neighbours, images: LabelledImages) -> Neighbours:
    """Return the same nearest in the order of shape and colours, where fewer are then of another class first.

    What is compared has no colours: red and green cards of one shape would be told apart by chance.
    """
    n = len(images)
    if images.images.ndim < 4 or images.images.shape[3] != 3:
        return near
    parts = [colours_of_parts(images.images[rows]) for rows in blocks(n, images.images)]
    colours = np.concatenate(parts).astype(np.float32)

    def unlike(rows: Any) -> NDArray[np.float64]:
        """Return how unlike shapes and colours are ``(2, rows, k)``."""
        apart = colours[near.places[rows]] - colours[rows][:, None]
        return np.stack([near.distances[rows], np.sqrt((apart**2).mean(axis=2))])

    # Each in units of its median, so that they can be added.
    some = evenly(n, _SAMPLE)
    there = near.places[some] != NOWHERE
    units = [float(np.median(part[there])) or 1.0 for part in unlike(some)]

    def ordered(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        shapes, shades = unlike(rows)
        both = shapes / units[0] + shades / units[1]
        order = np.argsort(both, axis=1, kind="stable")
        return np.take_along_axis(near.places[rows], order, 1), np.take_along_axis(both, order, 1)

    like = [RowKind(one.dtype.type, one.shape[1:]) for one in (near.places, near.distances)]
    places, distances = near.results.rows("coloured", n, like, ordered)
    told = replace(near, places=places, distances=distances, title=f"{near.title}, and colours")
    by_shape, by_both = (images.labels[one.first(1)[0][:, 0]] == images.labels for one in (near, told))
    worse, better, chance = mcnemar(by_shape, by_both)
    return told if better > worse and chance <= _LEVEL else near


def _described(images: NDArray[Any], own: Any, results: Results, progress: Progress) -> NDArray[np.uint8]:
    """Return the coarse descriptions of images, as a recogniser sees them."""
    comparison = own.matcher.comparison

    def describe(rows: slice) -> tuple[NDArray[np.uint8]]:
        progress("describing edges", rows.start, len(images))
        described = comparison.descriptors_of(own.seen(images[rows]), of_compiling(progress))
        let_go(images)
        return (described,)

    shape = comparison.description_shape(own.matcher.images.shape[1:])
    return results.rows("described", len(images), [RowKind(np.uint8, shape)], describe)[0]
