"""Deformable distances of images that are aligned first: smooth bending as a whole, then pixel by pixel."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.alignment import aligned, places
from lookalike.distance.deformation.definition import Match
from lookalike.distance.deformation.matching import deformable_distances, displacement_field
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.deformable_index import Bytes, Comparison

#: How often the distance of aligned images counts, beside that of the images as they are.
ALIGNED_WEIGHT = 2
#: Of the images nearest as they are, so many are aligned: a pair takes half a millisecond.
SHORT_LIST = 30
#: And the nearest image of so many classes: with more it would take too long.
SHORT_CLASSES = 50
#: Aligned images that are held at once have about so many pixels.
_HELD_PIXELS = 1 << 21


def aligned_distances(
    queries: Bytes,
    kept: Bytes,
    chosen: NDArray[np.int64],
    comparison: Comparison,
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Return the distances of images as they are, plus twice those after one is aligned with the other.

    The kept image is aligned with the query; where both directions are added, the query is also aligned with
    the kept image. Aligned pixels may still move by a third of ``comparison.warp``, rounded up. Images are
    blurred by ``comparison.blur`` where they are compared as they are, and not before they are aligned.

    Parameters
    ----------
    queries : ndarray of shape (q, h, w), uint8
        Prepared images.
    kept : ndarray of shape (n, h, w), uint8
        Prepared images that they are compared with.
    chosen : ndarray of shape (q, c), int64
        Which of them each query is compared with. One that is named twice is aligned once.
    comparison : Comparison
        How they are compared.
    threads : int, optional
        Default: :func:`lookalike.settings.threads`.
    progress : Progress, optional
        Hears of compilation and of queries done.

    Returns
    -------
    ndarray of shape (q, c), int64
    """
    out = np.empty(chosen.shape, np.int64)
    step = max(1, _HELD_PIXELS // (kept[0].size * max(1, chosen.shape[1])))
    for start in range(0, len(queries), step):
        progress("aligning", start, len(queries))
        part = slice(start, start + step)
        out[part] = _part(queries[part], kept, chosen[part], comparison, threads, progress)
    progress("aligning", len(queries), len(queries))
    return out


def _part(
    queries: Bytes,
    kept: Bytes,
    chosen: NDArray[np.int64],
    comparison: Comparison,
    threads: int | None,
    progress: Progress,
) -> NDArray[np.int64]:
    """Return the distances of a few queries."""
    needed, where = np.unique(chosen.ravel(), return_inverse=True)
    kept, chosen = kept[needed], where.reshape(chosen.shape)
    sums = deformable_distances(
        comparison.planes_of(queries),
        comparison.planes_of(kept),
        chosen,
        warp=comparison.warp,
        context=comparison.context,
        symmetric=comparison.symmetric,
        threads=threads,
    )
    compared = partial(
        deformable_distances, warp=_rest(comparison), context=comparison.context, threads=threads
    )
    align = partial(aligned, threads=threads, progress=progress)
    keys, named = np.unique(
        (np.arange(len(queries))[:, None] * len(kept) + chosen).ravel(), return_inverse=True
    )
    asked, other = np.divmod(keys, len(kept))
    pairs, own = np.column_stack([asked, other]), np.arange(len(keys))[:, None]
    planes, kept_planes = comparison.sharp_planes_of(queries), comparison.sharp_planes_of(kept)
    rest = compared(planes.take(asked), comparison.sharp_planes_of(align(queries, kept, pairs)), own)
    if comparison.symmetric:
        bent = comparison.sharp_planes_of(align(kept, queries, pairs[:, ::-1]))
        rest += compared(kept_planes.take(other), bent, own)
    every: NDArray[np.int64] = sums + ALIGNED_WEIGHT * rest[named, 0].reshape(chosen.shape)
    return every


def aligned_match(query: Bytes, reference: Bytes, comparison: Comparison) -> Match:
    """Return how a reference is bent to look like a query, by both: as a whole, then pixel by pixel.

    Parameters
    ----------
    query, reference : ndarray of shape (1, h, w), uint8
        Prepared images.
    comparison : Comparison
        How they are compared.

    Returns
    -------
    Match
        Distance and costs are this direction's, of the images as they are and twice those of aligned ones.
        The field leads from each pixel of the query to the pixel of the reference, as it is, that it was
        matched with after alignment, rounded.
    """
    planes, context = comparison.planes_of(query), comparison.context
    others = comparison.planes_of(reference)
    plain = displacement_field(planes, 0, others, 0, warp=comparison.warp, context=context)
    bent = comparison.sharp_planes_of(aligned(query, reference, [[0, 0]]))
    rest = displacement_field(
        comparison.sharp_planes_of(query), 0, bent, 0, warp=_rest(comparison), context=context
    )
    costs = plain.costs + ALIGNED_WEIGHT * rest.costs
    height, width = costs.shape
    here = np.indices((height, width))
    rows, columns = here + np.moveaxis(rest.field, -1, 0)
    # A match beyond the border is continued from the border's nearest pixel.
    inside = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    beyond = np.stack([rows - inside[0], columns - inside[1]])
    source = places(query[0], reference[0])[:, *inside] + beyond
    field = np.clip(np.rint(source) - here, -127, 127).astype(np.int8)
    return Match(int(costs.sum()), np.moveaxis(field, 0, -1), costs)


def _rest(comparison: Comparison) -> tuple[int, int]:
    """Return how far the pixels of aligned images may still move."""
    down, across = comparison.warp
    return -(-down // 3), -(-across // 3)
