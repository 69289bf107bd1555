"""The deformable distance, fast: of all pairs, of chosen pairs, and the nearest of some candidates.

``deform_definition`` says what it is; kernels compute the same integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.deform_definition import Match
from lookalike.distance.deform_field import match_by_sums
from lookalike.distance.deform_job import Job, checked_context, checked_warp
from lookalike.distance.deform_planes import Planes, check_same_kind
from lookalike.distance.kernels.deform import FARTHEST, compare
from lookalike.errors import InputError
from lookalike.progress import Progress, silent


def deformable_distances(
    queries: Planes,
    references: Planes,
    candidates: ArrayLike | None = None,
    *,
    warp: int | tuple[int, int],
    context: int,
    symmetric: bool = False,
    bounds: ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Return how unlike queries and references are after letting the references' pixels move a little.

    See :func:`lookalike.distance.deform_definition.match` for what is computed, borders included.

    Parameters
    ----------
    queries, references : Planes
        Of images of one size, with as many planes.
    candidates : array-like of shape (q, c), int, optional
        The references that each query is compared with; default: all, in order.
    warp : int or (int, int)
        The longest displacement, the same down and across, or both; 0 to 127.
    context : int
        The radius of the patch around each pixel, 0 to 127.
    symmetric : bool, default=False
        Also bend each query to look like the reference, and add both distances.
    bounds : array-like of shape (q,), int, optional
        Work on a pair may end as soon as its distance is known to be above the bound of its query; such
        distances are returned as 2^63 - 1, all others are exact.
    threads : int, optional
        Default: :func:`lookalike.settings.threads`.
    progress : callable, optional
        Told when code is being compiled, and how many queries are done.

    Returns
    -------
    ndarray of shape (q, c), int64

    Raises
    ------
    InputError
        Planes that do not fit together, a candidate that is not there, or a parameter out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform import deformable_distances
    >>> from lookalike.distance.deform_planes import sobel_planes
    >>> images = np.zeros((2, 9, 9), np.uint8)
    >>> images[0, 2:7, 4] = images[1, 2:7, 5] = 255  # the same stroke, a pixel further right
    >>> planes = sobel_planes(images)
    >>> deformable_distances(planes, planes, warp=0, context=1)
    array([[     0, 144792],
           [144792,      0]])
    >>> deformable_distances(planes, planes, warp=1, context=1)
    array([[0, 0],
           [0, 0]])
    """
    job = Job(queries, references, candidates, warp, context, symmetric)
    limits = np.full(len(queries), FARTHEST) if bounds is None else _checked_bounds(bounds, len(queries))
    parts = job.parts(whole=bounds is None)
    out = np.empty((len(queries), job.candidates.shape[1]), np.int64)
    nobody = np.empty((len(queries), 0), np.int64)

    def work(chunk: slice) -> Iterator[None]:
        scratch = job.scratch()
        for block in job.blocks(chunk):
            sums = np.zeros((chunk.stop - chunk.start, block.stop - block.start), np.int64)
            order = np.arange(sums.shape[1])[None]
            compare(*job.arguments(scratch, chunk, block), order, parts, limits[chunk], sums, nobody, nobody)
            out[chunk, block] = np.where(sums > limits[chunk, None], FARTHEST, sums)
            yield

    job.run(work, threads, progress)
    return out


def nearest(
    queries: Planes,
    references: Planes,
    candidates: ArrayLike | None,
    k: int,
    *,
    warp: int | tuple[int, int],
    context: int,
    symmetric: bool = False,
    threads: int | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the k references that are nearest to each query by the deformable distance.

    The middle rows of all candidates are compared first; the rest follows in the order of these sums, and
    ends where no candidate can be among the k nearest any more. The answer is exact.

    Parameters
    ----------
    queries, references, candidates, warp, context, symmetric, threads, progress
        As for :func:`deformable_distances`. A candidate should be named once.
    k : int
        How many, 1 to the number of candidates.

    Returns
    -------
    distances : ndarray of shape (q, k), int64
        Ascending.
    indices : ndarray of shape (q, k), int64
        Which references these are; equal distances by ascending index.

    Raises
    ------
    InputError
        As for :func:`deformable_distances`, or k out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform import nearest
    >>> from lookalike.distance.deform_planes import sobel_planes
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 9, 9), dtype=np.uint8)
    >>> distances, indices = nearest(
    ...     sobel_planes(images[2:4]), sobel_planes(images), None, 1, warp=1, context=1
    ... )
    >>> distances.tolist(), indices.tolist()
    ([[0], [0]], [[2], [3]])
    """
    job = Job(queries, references, candidates, warp, context, symmetric)
    count = job.candidates.shape[1]
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= count:
        raise InputError(f"k is {k!r}: expected a whole number from 1 to the {count} candidates")
    parts = job.parts(whole=False)
    distances = np.full((len(queries), k), FARTHEST)
    indices = np.full((len(queries), k), FARTHEST)
    limits = np.full(len(queries), FARTHEST)
    nobody = np.empty((len(queries), 0), np.int64)

    def work(chunk: slice) -> Iterator[None]:
        scratch = job.scratch()
        for block in job.blocks(chunk):
            arguments = job.arguments(scratch, chunk, block)
            sums = np.zeros((chunk.stop - chunk.start, block.stop - block.start), np.int64)
            order = np.arange(sums.shape[1])[None]
            compare(*arguments, order, parts[:1], limits[chunk], sums, nobody, nobody)
            yield
            order = np.argsort(sums, axis=1)
            compare(*arguments, order, parts[1:], limits[chunk], sums, distances[chunk], indices[chunk])
            yield

    job.run(work, threads, progress)
    return distances, indices


def displacement_field(
    queries: Planes,
    query: int,
    references: Planes,
    reference: int,
    *,
    warp: int | tuple[int, int],
    context: int,
) -> Match:
    """Return how a reference is bent to look like a query: the evidence behind their distance.

    Parameters
    ----------
    queries, references : Planes
        Of images of one size, with as many planes.
    query, reference : int
        Which of them are meant.
    warp, context
        As for :func:`deformable_distances`.

    Returns
    -------
    Match
        The distance (in this direction), the displacement field (h, w, 2) as int8, and the costs (h, w). Of
        displacements that match equally well the shortest is taken, then upwards, then left.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.deform import displacement_field, warped
    >>> from lookalike.distance.deform_planes import sobel_planes
    >>> images = np.zeros((2, 9, 9), np.uint8)
    >>> images[0, 2:7, 4] = images[1, 2:7, 5] = 255
    >>> planes = sobel_planes(images)
    >>> found = displacement_field(planes, 0, planes, 1, warp=1, context=1)
    >>> found.field[4, 4].tolist()
    [0, 1]
    >>> np.array_equal(warped(images[1], found.field), images[0])
    True
    """
    check_same_kind(queries, references)
    first, second = queries.take([query]).values()[0], references.take([reference]).values()[0]
    return match_by_sums(first, second, warp=checked_warp(warp), context=checked_context(context))


def warped(image: NDArray[Any], field: NDArray[np.int8]) -> NDArray[Any]:
    """Return an image bent by a displacement field: what a query's pixels were matched with.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        The reference.
    field : ndarray of shape (h, w, 2), int8
        What :func:`displacement_field` returned.

    Returns
    -------
    ndarray
        Of the image's shape and dtype; a pixel from beyond the border is the nearest one of the image.
    """
    height, width = field.shape[:2]
    rows, columns = np.indices((height, width)) + np.moveaxis(field, -1, 0)
    bent: NDArray[Any] = image[np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)]
    return bent


def _checked_bounds(bounds: ArrayLike, n_queries: int) -> NDArray[np.int64]:
    """Return the bound of each query."""
    limits = np.asarray(bounds)
    if limits.shape != (n_queries,) or limits.dtype.kind not in "iu":
        raise InputError(
            f"bounds are {limits.dtype} of shape {limits.shape}: expected integers ({n_queries},)"
        )
    return limits.astype(np.int64)
