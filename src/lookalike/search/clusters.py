"""The images of one class in clusters: k-means and k-medians by one loop, on any number of threads alike."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.floats import prototype_sums
from lookalike.distance.metrics import METRICS

#: Rounds after which clusters are taken as they are; the digits of MNIST come to rest in 20 to 90.
MOST_ROUNDS = 100


class Clusters(NamedTuple):
    """Rows in clusters.

    Attributes
    ----------
    centres : ndarray of shape (k, d), float64
        In the units of the rows; the largest cluster first.
    places : ndarray of shape (n,), intp
        The cluster of each row.
    """

    centres: NDArray[np.float64]
    places: NDArray[np.intp]


def clusters(
    rows: NDArray[Any],
    count: int,
    metric: str,
    random: np.random.RandomState,
    *,
    compiled: bool = False,
) -> Clusters:
    """Return rows in up to ``count`` clusters, by k-means (L2) or k-medians (L1).

    Centres start at rows that are drawn one after the other, each with a probability proportional to its sum
    of squared (L2) or absolute (L1) differences to the nearest one before: k-means++ (Arthur and
    Vassilvitskii 2007) and its counterpart. Then each row goes to the nearest centre (ties: the first), and
    each centre to the mean or the median of its rows, until nothing changes, or for 100 rounds.

    ``rows`` are ``(n, d)``, bytes or floats. There are fewer clusters where fewer rows differ, or where one
    is left without rows; ``compiled`` code is for bytes.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.search.clusters import clusters
    >>> rows = np.array([[0], [1], [9], [11], [10]], np.uint8)
    >>> found = clusters(rows, 2, "l2", np.random.RandomState(0))
    >>> found.centres.tolist(), found.places.tolist()
    ([[10.0], [0.5]], [1, 1, 0, 0, 0])
    """
    centres = _seeds(rows, count, metric, random, compiled)
    places = np.full(len(rows), -1, dtype=np.intp)
    for _ in range(MOST_ROUNDS):
        before, places = places, _nearest(rows, centres, metric, compiled)
        if np.array_equal(before, places):
            break
        left, places = np.unique(places, return_inverse=True)
        centres = _averages(rows, places, len(left), metric)
    sizes = np.bincount(places, minlength=len(centres))
    order = np.argsort(-sizes, kind="stable")
    return Clusters(centres[order], np.argsort(order)[places])


def _nearest(
    rows: NDArray[Any], centres: NDArray[np.float64], metric: str, compiled: bool
) -> NDArray[np.intp]:
    """Return the nearest centre of each row."""
    places: NDArray[np.intp] = np.argmin(prototype_sums(rows, centres, metric, compiled=compiled), axis=1)
    return places


def _seeds(
    rows: NDArray[Any], count: int, metric: str, random: np.random.RandomState, compiled: bool
) -> NDArray[np.float64]:
    """Return the rows that centres start at: different ones."""
    chosen = [int(random.randint(len(rows)))]
    nearest = np.full(len(rows), np.inf)
    while len(chosen) < count:
        last = rows[chosen[-1:]].astype(np.float64)
        np.minimum(nearest, prototype_sums(rows, last, metric, compiled=compiled)[:, 0], out=nearest)
        reached = np.cumsum(nearest)
        if not reached[-1] > 0:
            break
        # Beyond the last step nothing is drawn, so what is drawn differs from every row before.
        drawn = np.searchsorted(reached, random.uniform() * reached[-1], side="right")
        chosen.append(int(min(drawn, np.flatnonzero(nearest)[-1])))
    return rows[chosen].astype(np.float64)


def _averages(rows: NDArray[Any], places: NDArray[np.intp], count: int, metric: str) -> NDArray[np.float64]:
    """Return the image that is nearest to all rows of each cluster."""
    return np.stack([METRICS[metric].average(rows[places == place]) for place in range(count)])
