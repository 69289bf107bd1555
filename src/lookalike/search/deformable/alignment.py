"""Distances of images that are aligned first: smooth bending as a whole, then pixel by pixel."""

from __future__ import annotations

from itertools import count, islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.alignment import aligned, places
from lookalike.distance.deformation.definition import Match
from lookalike.distance.deformation.matching import deformable_distances, displacement_field
from lookalike.progress import Progress, silent
from lookalike.search.deformable.comparison import ALIGNED_WEIGHT, Bytes, Deformation
from lookalike.search.matches import Places

#: Numbers of images that came after a fit: none is given twice, for states of a model share memories.
_LATER = count(1 << 30)
#: Aligned images that are held at once have about so many pixels.
_HELD_PIXELS = 1 << 21


def aligned_distances(
    first: Bytes,
    second: Bytes,
    pairs: NDArray[np.int64],
    comparison: Deformation,
    *,
    progress: Progress = silent,
) -> NDArray[np.int64]:
    """Return what still differs after alignment for pairs ``(p, 2)`` of places in two batches, ``(p,)``.

    The second image is aligned with the first; where both directions are added, the first is also aligned
    with the second. Aligned pixels may still move by a third of ``comparison.warp``, rounded up. Images
    are not blurred here.
    """
    out = np.empty(len(pairs), np.int64)
    step = max(1, _HELD_PIXELS // first[0].size)
    for start in range(0, len(pairs), step):
        progress("aligning", start, len(pairs))
        part = pairs[start : start + step]
        used, where = np.unique(part[:, 0], return_inverse=True)
        others, there = np.unique(part[:, 1], return_inverse=True)
        both = np.column_stack([where, there])
        out[start : start + step] = _part(first[used], second[others], both, comparison, progress)
    progress("aligning", len(pairs), len(pairs))
    return out


def _part(
    first: Bytes, second: Bytes, pairs: NDArray[np.intp], comparison: Deformation, progress: Progress
) -> NDArray[np.int64]:
    """Return what still differs for a few pairs."""

    def rest(fixed: Bytes, moving: Bytes, which: NDArray[np.intp]) -> NDArray[np.int64]:
        bent = aligned(fixed, moving, which, progress=progress)
        return deformable_distances(
            comparison.sharp_planes_of(fixed).take(which[:, 0]),
            comparison.sharp_planes_of(bent),
            np.arange(len(which))[:, None],
            warp=_rest(comparison),
            context=comparison.context,
        )[:, 0]

    sums = rest(first, second, pairs)
    return sums + rest(second, first, pairs[:, ::-1]) if comparison.symmetric else sums


def aligned_match(query: Bytes, reference: Bytes, comparison: Deformation) -> Match:
    """Return how a reference ``(1, h, w)`` is bent to look like a query, as a whole and then pixel by pixel.

    Distance and costs are this direction's, of the images as they are and twice those of aligned ones. The
    field leads from each pixel of the query to the pixel of the reference, as it is, that it was matched with
    after alignment, rounded.
    """
    context, bent = comparison.context, aligned(query, reference, [[0, 0]])
    planes = comparison.planes_of(np.concatenate([query, reference])).values()
    sharp = comparison.sharp_planes_of(np.concatenate([query, bent])).values()
    plain = displacement_field(*planes, warp=comparison.warp, context=context)
    rest = displacement_field(*sharp, warp=_rest(comparison), context=context)
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


class Serials(NamedTuple):
    """A number for each kept image that no other one ever has: by it distances of pairs are remembered."""

    numbers: Places  # ascending

    def __reduce__(self) -> tuple[Any, ...]:
        # What is remembered by them stays behind.
        return Serials.of, (len(self.numbers),)

    @classmethod
    def of(cls, n: int) -> Serials:
        """Return the numbers of the first images."""
        return cls(np.arange(n, dtype=np.int64))

    def more(self, n: int) -> Serials:
        """Return the numbers with those of further images behind the others."""
        return Serials(np.concatenate([self.numbers, np.fromiter(islice(_LATER, n), np.int64, n)]))

    def without(self, places: NDArray[np.intp]) -> Serials:
        """Return the numbers without those of the images at some places."""
        return Serials(np.delete(self.numbers, places))


class Pairs:
    """Distances of pairs that were measured before, by the serial numbers of their images."""

    def __init__(self) -> None:
        #: Keys, ascending, and sums: replaced together, for several threads may ask.
        self._known = np.empty(0, np.int64), np.empty(0, np.int64)

    def __reduce__(self) -> tuple[Any, ...]:
        return Pairs, ()

    def known(self, serials: Places) -> tuple[Places, NDArray[np.int64]]:
        """Return the pairs ``(p, 2)`` of places of kept images that are remembered, and their distances."""
        keys, sums = self._known
        numbers = np.stack(np.divmod(keys, 1 << 32), axis=1)
        at = np.minimum(np.searchsorted(serials, numbers), len(serials) - 1)
        there = (serials[at] == numbers).all(axis=1)
        return at[there], sums[there]

    def of(self, serials: Places, pairs: Places, measure: Any, symmetric: bool) -> NDArray[np.int64]:
        """Return the distances of pairs, measuring those that are new."""
        if symmetric:
            serials = np.sort(serials, axis=1)
        keys, one, named = np.unique(
            serials[:, 0] << 32 | serials[:, 1], return_index=True, return_inverse=True
        )
        every, sums = self._known
        at = np.minimum(np.searchsorted(every, keys), max(len(every) - 1, 0))
        known = every[at] == keys if len(every) else np.zeros(len(keys), np.bool_)
        if not known.all():
            new = measure(pairs[one[~known]])
            every, sums = np.concatenate([every, keys[~known]]), np.concatenate([sums, new])
            order = np.argsort(every)
            every, sums = every[order], sums[order]
            self._known = every, sums
        found: NDArray[np.int64] = sums[np.searchsorted(every, keys)][named]
        return found


def _rest(comparison: Deformation) -> tuple[int, int]:
    """Return how far the pixels of aligned images may still move."""
    down, across = comparison.warp
    return -(-down // 3), -(-across // 3)
