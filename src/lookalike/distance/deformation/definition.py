"""Deformable distance and elastic alignment in plain NumPy: what kernels compute, said as plainly as can be.

The deformable distance is the image distortion model: each pixel of the query takes the best match in the
reference within a few pixels, judged by a patch of the planes (mostly gradients) around it, and the distance
is the sum of what the pixels then still differ by.

Elastic alignment bends one image, smoothly, until it looks like another one: it is moved, turned, stretched
and sheared by a linear map, and bent by cubic B-splines between the points of a grid. Blurred images come
first, so that strokes find each other from afar.

References
----------
D. Keysers, T. Deselaers, C. Gollan, H. Ney, "Deformation models for image recognition", IEEE Transactions on
Pattern Analysis and Machine Intelligence 29(8), 2007, section 3.4.

D. Rueckert, L. Sonoda, C. Hayes, D. Hill, M. Leach, D. Hawkes, "Nonrigid registration using free-form
deformations", IEEE Transactions on Medical Imaging 18(8), 1999.

D. Kingma, J. Ba, "Adam: a method for stochastic optimization", International Conference on Learning
Representations, 2015.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Alignment: the points of the grid along each side, from the first pixel to the last.
POINTS = 8
#: The Gaussians that both images are blurred by, one after the other, and how many steps each takes.
SIGMAS, TURNS = (2.0, 1.0, 0.5), (12, 8, 8)
#: Blurred images and slopes are multiples of this. Adam's steps do not depend on how steep slopes are:
#: without rounding, it makes motion of the 1e-17 that some order of summation leaves where nothing moves.
GRAIN = 2.0**-30
#: How far a step goes: of the linear map without a unit, and of shifts and points of the grid in pixels.
LINEAR_STEP, PIXEL_STEP = 0.03, 0.3
#: What a linear map costs, and what the squared difference of the shifts of two neighbouring points costs.
STIFF, SMOOTH = 0.002, 0.0005


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


@functools.lru_cache(16)
def displacements(warp: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Return every displacement (down, across) within ``warp``: the shortest first, then upwards, then left.

    Of displacements that match equally well a pixel takes the first.
    """
    down, across = warp
    every = [(y, x) for y in range(-down, down + 1) for x in range(-across, across + 1)]
    return tuple(sorted(every, key=lambda step: (step[0] ** 2 + step[1] ** 2, step)))


def match(query: NDArray[Any], reference: NDArray[Any], *, warp: tuple[int, int], context: int) -> Match:
    """Return the deformable distance of a query to a reference, and where each pixel went.

    The cost of a pixel ``i`` is the least, over the displacements ``d`` within ``warp``, of::

        sum over planes p and offsets o of  (query[p, i + o] - reference[p, i + d + o]) ** 2

    where the offsets are those of the square of ``2 context + 1`` pixels around 0. Both planes are zero
    outside of the image, and ``i + d`` and ``i + o`` may lie outside.

    Planes are integers (p, h, w); equal costs go to the first of :func:`displacements`.

    >>> import numpy as np
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


def bell_weights(size: int, sigma: float) -> Floats:
    """Return how much each pixel of an axis weighs for each blurred one: an array (size, size)."""
    apart = np.subtract.outer(np.arange(size), np.arange(size))
    bells = np.exp(-0.5 * (apart / sigma) ** 2)
    weights: Floats = bells / bells.sum(axis=1, keepdims=True)
    return weights


def spline_weights(size: int) -> Floats:
    """Return how much each point of the grid weighs for each pixel of an axis: an array (8, size)."""
    spacing = max(size - 1, 1) / (POINTS - 1)
    away = abs(np.arange(size) / spacing - np.arange(POINTS)[:, None])
    bells = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.maximum(2 - away, 0) ** 3 / 6)
    weights: Floats = bells / bells.sum(axis=0)
    return weights


def blurred(image: NDArray[np.uint8], sigma: float) -> Floats:
    """Return an image blurred, scaled to a root mean square of 1 (zeros stay zeros), and rounded."""
    down, across = (bell_weights(size, sigma) for size in image.shape)
    made: Floats = down @ image.astype(np.float64) @ across.T
    made /= np.sqrt((made**2).mean()) or 1.0
    return rounded(made)


def rounded(values: Floats) -> Floats:
    """Return values as multiples of ``GRAIN``."""
    whole: Floats = np.rint(values / GRAIN) * GRAIN
    return whole


def places_of(motion: Floats, shape: tuple[int, int]) -> Floats:
    """Return where each pixel is taken from, down and across: an array (2, h, w).

    ``motion`` (2, 67) holds of each axis what it changes by per pixel down and across from the centre, its
    shift, and the shifts of the points of the grid.
    """
    places = np.indices(shape).astype(np.float64)
    rows, columns = places - (np.array(shape)[:, None, None] - 1) / 2
    linear = np.multiply.outer(motion[:, 0], rows) + np.multiply.outer(motion[:, 1], columns)
    grid = motion[:, 3:].reshape(2, POINTS, POINTS)
    bent = np.einsum("iy,kij,jx->kyx", spline_weights(shape[0]), grid, spline_weights(shape[1]))
    moved: Floats = places + linear + motion[:, 2, None, None] + bent
    return moved


def sample(image: NDArray[Any], places: Floats) -> tuple[Floats, Floats]:
    """Return an image's values (h, w) at some places (2, h, w), and how steep it is there, down and across.

    Between pixels values are in proportion; beyond the border they are those of the nearest pixel.
    """
    last = np.array(image.shape)[:, None, None] - 1
    kept = np.clip(places, 0, last)
    first = kept.astype(np.int64)
    (top, left), (bottom, right) = first, np.minimum(first + 1, last)
    below, beside = kept - first
    corners = image.astype(np.float64)
    above = corners[top, left] + beside * (corners[top, right] - corners[top, left])
    under = corners[bottom, left] + beside * (corners[bottom, right] - corners[bottom, left])
    upper, lower = corners[top, right] - corners[top, left], corners[bottom, right] - corners[bottom, left]
    slopes = np.stack([under - above, upper + below * (lower - upper)])
    return above + below * (under - above), np.where(kept == places, slopes, 0)


def slope_of(motion: Floats, fixed: Floats, moving: Floats) -> Floats:
    """Return how the loss changes with each parameter.

    The loss is the mean squared difference of the fixed image and the bent one, plus ``STIFF`` times the sum
    of squares of the linear map (without the identity), plus ``SMOOTH`` times the sum of the squared
    differences of neighbouring points of the grid.
    """
    values, slopes = sample(moving, places_of(motion, fixed.shape))
    forces = 2 * (values - fixed) * slopes / fixed.size
    rows, columns = np.indices(fixed.shape) - (np.array(fixed.shape)[:, None, None] - 1) / 2
    slope = np.empty_like(motion)
    slope[:, 0] = (forces * rows).sum(axis=(1, 2)) + 2 * STIFF * motion[:, 0]
    slope[:, 1] = (forces * columns).sum(axis=(1, 2)) + 2 * STIFF * motion[:, 1]
    slope[:, 2] = forces.sum(axis=(1, 2))
    down, across = spline_weights(fixed.shape[0]), spline_weights(fixed.shape[1])
    wide = np.pad(motion[:, 3:].reshape(2, POINTS, POINTS), ((0, 0), (1, 1), (1, 1)), mode="edge")
    middle = wide[:, 1:-1, 1:-1]
    neighbours = wide[:, :-2, 1:-1] + wide[:, 2:, 1:-1] + wide[:, 1:-1, :-2] + wide[:, 1:-1, 2:]
    rough = 2 * SMOOTH * (4 * middle - neighbours)
    slope[:, 3:] = (np.einsum("iy,kyx,jx->kij", down, forces, across) + rough).reshape(2, -1)
    return slope


def align(fixed: NDArray[np.uint8], moving: NDArray[np.uint8]) -> Floats:
    """Return where each pixel of an image is taken from, so that it looks like another one.

    From no motion at all, each level of blur takes its number of steps down the slope (:func:`slope_of`,
    :func:`rounded`) by Adam, with decays of 0.9 and 0.999 and an epsilon of 1e-8; its averages go on from
    level to level.
    Places (2, h, w) in ``moving`` may lie outside.

    >>> fixed, moving = np.zeros((2, 20, 20), np.uint8)
    >>> fixed[5:15, 9] = moving[6:16, 11] = 255
    >>> places = align(fixed, moving)
    >>> abs(moving.astype(int) - fixed).sum(), int(abs(sample(moving, places)[0] - fixed).sum()) < 2000
    (np.int64(5100), True)
    """
    motion = np.zeros((2, 3 + POINTS**2))
    lengths = np.full(motion.shape[1], PIXEL_STEP)
    lengths[:2] = LINEAR_STEP
    mean, square, turn = np.zeros_like(motion), np.zeros_like(motion), 0
    for sigma, turns in zip(SIGMAS, TURNS, strict=True):
        aim, source = blurred(fixed, sigma), blurred(moving, sigma)
        for _ in range(turns):
            turn += 1
            slope = rounded(slope_of(motion, aim, source))
            mean = 0.9 * mean + 0.1 * slope
            square = 0.999 * square + 0.001 * slope**2
            spread = np.sqrt(square / (1 - 0.999**turn))
            motion = motion - lengths * (mean / (1 - 0.9**turn)) / (spread + 1e-8)
    return places_of(motion, fixed.shape)
