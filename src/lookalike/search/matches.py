"""What one search finds: the nearest of all that is kept, and the nearest of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.kernels import FARTHEST

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
S = TypeVar("S", np.int64, np.float64)

#: The place of what is not there.
NOWHERE = -1


@dataclass(frozen=True, eq=False)
class Matches:
    """What is nearest to each of ``n`` queries; everything that is said of an image follows from it.

    The order is defined (the tie rule): by distance, equal distances by place. Where there are fewer than
    ``k`` images, or a class has none, the place is -1 and the distance infinite.

    Attributes
    ----------
    distances, places : ndarray of shape (n, k), float64 and int64
        The ``k`` nearest of all that is kept, nearest first.
    codes : ndarray of shape (n, k), intp
        Their classes.
    class_distances, class_places : ndarray of shape (n, n_classes), float64 and int64
        The nearest of each class.
    reach : float
        Classes are told whose nearest is within ``reach`` times the smallest distance; of others the distance
        is infinite and the place -1. Infinite where all are told.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.search.matches import Matches
    >>> one = Matches.of(np.array([[0.3, 0.1, 0.2]]), np.array([0, 1, 0]), 2, k=2)
    >>> one.distances, one.places, one.class_distances, one.class_places
    (array([[0.1, 0.2]]), array([[1, 2]]), array([[0.2, 0.1]]), array([[2, 1]]))
    >>> both = one.merge(Matches.of(np.array([[0.1]]), np.array([0]), 2, k=2, first=3))
    >>> both.places, both.class_places
    (array([[1, 3]]), array([[3, 1]]))
    """

    distances: Floats
    places: Places
    codes: NDArray[np.intp]
    class_distances: Floats
    class_places: Places
    reach: float = np.inf

    def __len__(self) -> int:
        return len(self.distances)

    def take(self, rows: slice | NDArray[np.intp]) -> Matches:
        """Return what was found for some of the queries."""
        distances, places, codes, class_distances, class_places = (part[rows] for part in self._arrays())
        return Matches(distances, places, codes, class_distances, class_places, self.reach)

    @classmethod
    def none(cls, n: int, k: int, n_classes: int) -> Self:
        """Return what is found among no images: merged with anything, it changes nothing."""
        return cls(
            np.full((n, k), np.inf),
            np.full((n, k), NOWHERE, np.int64),
            np.zeros((n, k), np.intp),
            np.full((n, n_classes), np.inf),
            np.full((n, n_classes), NOWHERE, np.int64),
        )

    @classmethod
    def of(
        cls,
        distances: Floats,
        codes: NDArray[np.intp],
        n_classes: int,
        k: int,
        *,
        exclude: Places | None = None,
        first: int = 0,
    ) -> Matches:
        """Return the nearest by the distances of each query to everything that is kept.

        Parameters
        ----------
        distances : ndarray of shape (n, m), float64
            Infinite for what cannot be an answer.
        codes : ndarray of shape (m,), intp
            The classes of what is kept.
        n_classes : int
            How many classes there are.
        k : int
            How many of the nearest are wanted.
        exclude : ndarray of shape (n,), int64, optional
            The place of what each query is not compared with: itself, where it is one of them.
        first : int, default=0
            The place of the first of what is kept, where this is a part of more.

        Returns
        -------
        Matches
        """
        places = np.broadcast_to(np.arange(first, first + len(codes), dtype=np.int64), distances.shape)
        if exclude is not None:
            distances = np.where(places == exclude[:, None], np.inf, distances)
        places = np.where(np.isinf(distances), NOWHERE, places)
        found = nearest(distances, places, min(k, len(codes)))
        class_distances, class_places = nearest_of_classes(distances, places, codes, n_classes)
        there = np.maximum(found[1] - first, 0)
        matches = cls(*found, codes[there], class_distances, class_places)
        return matches if len(codes) >= k else matches.padded(k)

    @classmethod
    def joined(cls, parts: Sequence[Matches]) -> Matches:
        """Return what was found for several batches of queries, one after the other."""
        arrays = [np.concatenate(part) for part in zip(*(one._arrays() for one in parts), strict=True)]
        distances, places, codes, class_distances, class_places = arrays
        return cls(distances, places, codes, class_distances, class_places, parts[0].reach)

    def merge(self, other: Matches) -> Matches:
        """Return the nearest of both: of two parts of what is kept, with places of their own.

        It is exact, for any number of parts in any order, for the same ``k`` and the same classes.
        """
        k = max(self.places.shape[1], other.places.shape[1])
        one, two = self.padded(k), other.padded(k)
        both = [np.hstack(pair) for pair in zip(one._arrays()[:3], two._arrays()[:3], strict=True)]
        order = np.lexsort((_behind(both[1]), both[0]), axis=1)[:, :k]
        distances, places, codes = (np.take_along_axis(part, order, 1) for part in both)
        theirs = (two.class_distances < one.class_distances) | (
            (two.class_distances == one.class_distances)
            & (_behind(two.class_places) < _behind(one.class_places))
        )
        return Matches(
            distances,
            places,
            codes,
            np.where(theirs, two.class_distances, one.class_distances),
            np.where(theirs, two.class_places, one.class_places),
            min(self.reach, other.reach),
        )

    def nearest(self, k: int) -> Matches:
        """Return the same with the ``k`` nearest alone."""
        near = self.distances[:, :k], self.places[:, :k], self.codes[:, :k]
        return Matches(*near, self.class_distances, self.class_places, self.reach)

    def padded(self, k: int) -> Matches:
        """Return the same with room for ``k`` of the nearest."""
        more = k - self.places.shape[1]
        if more <= 0:
            return self
        rest = Matches.none(len(self), more, self.class_places.shape[1])
        pairs = zip(self._arrays()[:3], rest._arrays()[:3], strict=True)
        distances, places, codes = (np.hstack(pair) for pair in pairs)
        return Matches(distances, places, codes, self.class_distances, self.class_places, self.reach)

    def _arrays(self) -> tuple[Any, Any, Any, Any, Any]:
        return self.distances, self.places, self.codes, self.class_distances, self.class_places


def nearest(sums: NDArray[S], places: Places, k: int) -> tuple[NDArray[S], Places]:
    """Return the ``k`` smallest of each row, ascending, and their places: equal ones by the lowest place."""
    order = np.lexsort((_behind(places), sums), axis=1)[:, :k]
    return np.take_along_axis(sums, order, 1), np.take_along_axis(places, order, 1)


def nearest_of_classes(
    sums: NDArray[S], places: Places, codes: NDArray[np.intp], n_classes: int
) -> tuple[NDArray[S], Places]:
    """Return the smallest of each class and its lowest place.

    ``sums`` and ``places`` are ``(n, m)``; ``codes`` are ``(m,)``, or ``(n, m)``. Of a class that is not
    there, the largest number of the sums' kind and -1.
    """
    far = np.inf if sums.dtype.kind == "f" else FARTHEST
    if codes.ndim == 1 and len(codes) == n_classes and (codes == np.arange(n_classes)).all():
        return np.array(sums), np.array(places)
    shape = len(sums), n_classes
    key = (np.arange(len(sums))[:, None] * n_classes + codes).ravel()
    best = np.full(shape[0] * shape[1], far, sums.dtype)
    np.minimum.at(best, key, sums.ravel())
    is_best = (sums.ravel() == best[key]) & (sums.ravel() < far)
    lowest = np.full(best.shape, FARTHEST)
    np.minimum.at(lowest, key[is_best], places.ravel()[is_best])
    lowest[lowest == FARTHEST] = NOWHERE
    return best.reshape(shape), lowest.reshape(shape)


def others(places: Places, exclude: Places) -> NDArray[np.bool_]:
    """Return which places ``(n, m)`` are left without the excluded one of each row, else without the last."""
    itself: NDArray[np.bool_] = places == exclude[:, None]
    itself[:, -1] |= ~itself.any(axis=1)
    return ~itself


def _behind(places: Places) -> Places:
    """Return places to sort by: what is not there comes last."""
    return np.where(places == NOWHERE, FARTHEST, places)
