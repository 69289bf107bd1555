"""The deformable distance in plain NumPy: what the kernels compute, said as plainly as can be.

It is the image distortion model: each pixel of the query takes the best match in the reference within a few
pixels, judged by a patch of the planes (mostly gradients) around it, and the distance is the sum of what the
pixels then still differ by.

References
----------
D. Keysers, T. Deselaers, C. Gollan, H. Ney, "Deformation models for image recognition", IEEE Transactions on
Pattern Analysis and Machine Intelligence 29(8), 2007, section 3.4.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Match(NamedTuple):
    """How a reference was bent to look like a query.

    Attributes
    ----------
    distance : int
        The sum of ``costs``.
    field : ndarray of shape (h, w, 2), int8
        Query pixel ``(y, x)`` was matched with reference pixel ``(y + field[y, x, 0], x + field[y, x, 1])``,
        which may lie outside of the image.
    costs : ndarray of shape (h, w), int64
        What each pixel of the query still differs by.
    """

    distance: int
    field: NDArray[np.int8]
    costs: NDArray[np.int64]


def displacements(warp: tuple[int, int]) -> list[tuple[int, int]]:
    """Return every displacement (down, across) within ``warp``: the shortest first, then upwards, then left.

    Of displacements that match equally well a pixel takes the first.

    Examples
    --------
    >>> from lookalike.distance.deform_definition import displacements
    >>> displacements((1, 0))
    [(0, 0), (-1, 0), (1, 0)]
    """
    down, across = warp
    every = [(y, x) for y in range(-down, down + 1) for x in range(-across, across + 1)]
    return sorted(every, key=lambda step: (step[0] ** 2 + step[1] ** 2, step))


def match(query: NDArray[Any], reference: NDArray[Any], *, warp: tuple[int, int], context: int) -> Match:
    """Return the deformable distance of a query to a reference, and where each pixel went.

    The cost of a pixel ``i`` is the least, over the displacements ``d`` within ``warp``, of::

        sum over planes p and offsets o of  (query[p, i + o] - reference[p, i + d + o]) ** 2

    where the offsets are those of the square of ``2 context + 1`` pixels around 0. Both planes are zero
    outside of the image, and ``i + d`` and ``i + o`` may lie outside.

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
        Distance, displacement field and costs. Equal costs go to the first of :func:`displacements`.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform_definition import match
    >>> query, reference = np.array([[[0, 5, 0]]]), np.array([[[0, 0, 5]]])
    >>> match(query, reference, warp=(0, 0), context=0).distance
    50
    >>> found = match(query, reference, warp=(0, 1), context=0)
    >>> found.distance, found.field[0, :, 1].tolist()
    (0, [0, 1, -1])
    """
    _, height, width = query.shape
    reach = (warp[0] + context, warp[1] + context)
    margins = ((0, 0), (context, context), (context, context))
    framed = np.pad(query.astype(np.int64), margins)
    wide = np.pad(reference.astype(np.int64), ((0, 0), (reach[0], reach[0]), (reach[1], reach[1])))
    costs = np.full((height, width), np.iinfo(np.int64).max)
    field = np.zeros((height, width, 2), np.int8)
    for down, across in displacements(warp):
        top, left = warp[0] + down, warp[1] + across
        moved = wide[:, top : top + framed.shape[1], left : left + framed.shape[2]]
        differences = ((framed - moved) ** 2).sum(axis=0)
        patches = np.lib.stride_tricks.sliding_window_view(differences, (2 * context + 1, 2 * context + 1))
        cost = patches.sum(axis=(-1, -2))
        better = cost < costs
        costs[better] = cost[better]
        field[better] = (down, across)
    return Match(int(costs.sum()), field, costs)


def sobel(images: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the two Sobel gradients of each image, the one down first.

    The image is continued beyond its border by its outermost pixels.

    Parameters
    ----------
    images : ndarray of shape (n, h, w), uint8

    Returns
    -------
    ndarray of shape (n, 2, h, w), int16
        -1020 to 1020: how much brighter it gets downwards, and to the right.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform_definition import sobel
    >>> edge = np.array([[[0, 0, 255, 255]] * 3], np.uint8)
    >>> sobel(edge)[0, :, 1].tolist()
    [[0, 0, 0, 0], [0, 1020, 1020, 0]]
    """
    wide = np.pad(images.astype(np.int16), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]
    along = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return np.stack([across[:, 2:] - across[:, :-2], along[:, :, 2:] - along[:, :, :-2]], axis=1)
