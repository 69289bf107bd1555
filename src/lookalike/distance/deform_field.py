"""The displacement field of one pair, by running sums.

``deform_definition.match`` adds up each patch anew. Here patches that overlap share their sums, so that the
time does not grow with the context.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deform_definition import Match, displacements


def match_by_sums(
    query: NDArray[Any], reference: NDArray[Any], *, warp: tuple[int, int], context: int
) -> Match:
    """Return what :func:`lookalike.distance.deform_definition.match` returns, number for number.

    Parameters
    ----------
    query, reference : ndarray of shape (p, h, w), integers
        The planes of two images of one size.
    warp : (int, int)
        The longest displacement down (and up) and across, each at least 0.
    context : int
        The radius of the patch, at least 0.

    Returns
    -------
    Match
        Distance, displacement field and costs.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform_field import match_by_sums
    >>> query, reference = np.array([[[0, 5, 0]]]), np.array([[[0, 0, 5]]])
    >>> match_by_sums(query, reference, warp=(0, 1), context=1).field[0, :, 1].tolist()
    [1, 1, 1]
    """
    planes, height, width = query.shape
    length = 2 * context + 1
    largest = int(np.abs(query).max(initial=0)) + int(np.abs(reference).max(initial=0))
    # Running sums may wrap around: only the cost of a patch must fit.
    kind = np.int32 if planes * (length * largest) ** 2 < 1 << 31 else np.int64
    framed = np.pad(query.astype(kind), ((0, 0), (context, context), (context, context)))
    reach = (warp[0] + context, warp[1] + context)
    wide = np.pad(reference.astype(kind), ((0, 0), (reach[0], reach[0]), (reach[1], reach[1])))
    costs = np.full((height, width), np.iinfo(kind).max, kind)
    field = np.zeros((height, width, 2), np.int8)
    for down, across in displacements(warp):
        top, left = warp[0] + down, warp[1] + across
        moved = wide[:, top : top + framed.shape[1], left : left + framed.shape[2]]
        differences = framed - moved
        cost = _window_sums(np.einsum("pyx,pyx->yx", differences, differences), length)
        better = cost < costs
        costs[better] = cost[better]
        field[better] = (down, across)
    found = costs.astype(np.int64)
    return Match(int(found.sum()), field, found)


def _window_sums(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the sum of each square window of ``length`` values along an edge."""
    running = values.cumsum(axis=0, dtype=values.dtype)
    rows = running[length - 1 :]
    rows[1:] -= running[:-length].copy()
    running = rows.cumsum(axis=1, dtype=values.dtype)
    sums = running[:, length - 1 :]
    sums[:, 1:] -= running[:, :-length].copy()
    return sums
