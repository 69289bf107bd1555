"""Prepared images, kept so that those nearest to others by the deformable distance are found quickly."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.definition import Match
from lookalike.distance.deformation.matching import deformable_distances, displacement_field, nearest
from lookalike.distance.deformation.planes import Planes
from lookalike.distance.rows import GrowingRows
from lookalike.distance.search import ImageIndex
from lookalike.progress import Progress, silent
from lookalike.search.deformable.alignment import aligned_match
from lookalike.search.deformable.comparison import Bytes, Deformation
from lookalike.search.matches import Places

#: Queries are worked on in parts of about so many values.
_PART_VALUES = 1 << 24


class DeformableIndex:
    """Images that others are compared with, as they are."""

    def __init__(self, images: Bytes, comparison: Deformation, descriptions: Bytes | None = None) -> None:
        self.comparison = comparison
        #: What the kernels are told of the comparison.
        self._how: dict[str, Any] = {
            "warp": comparison.warp,
            "context": comparison.context,
            "symmetric": comparison.symmetric,
        }
        self._images = GrowingRows(images)
        self.shape = images.shape[1:]
        #: What is compared as images come and go, and all of it put together since they last did.
        self._growing: tuple[Planes, GrowingRows] | None = None
        self._planes: Planes | None = None
        self._descriptions = None if descriptions is None else ImageIndex(descriptions, "l2")

    def __copy__(self) -> DeformableIndex:
        """Return an index of the same images that goes its own way."""
        other = object.__new__(DeformableIndex)
        vars(other).update(vars(self))
        other._images, other._descriptions = copy(self._images), copy(self._descriptions)
        growing = other._growing
        other._growing = None if growing is None else (growing[0], copy(growing[1]))
        return other

    def __len__(self) -> int:
        return len(self._images)

    @property
    def images(self) -> Bytes:
        """The prepared images."""
        return self._images.rows

    @property
    def is_described(self) -> bool:
        """Whether the images are described coarsely."""
        return self._descriptions is not None

    @property
    def planes(self) -> Planes:
        """What is compared of all images as they are: made when first asked for, a second for 30,000."""
        found = self._planes
        if found is None:
            if self._growing is None:
                made = self.comparison.planes_of(self.images)
                self._growing = made, GrowingRows(made.packed)
            planes, packed = self._growing
            found = self._planes = replace(planes, packed=packed.rows)
        return found

    def planes_among(self, chosen: Places) -> tuple[Planes, Places, Places]:
        """Return what is compared of some images, without that of all where that would take longer."""
        if self._growing is not None or 2 * chosen.size >= len(self):
            return self.planes, chosen, np.arange(len(self))
        places = np.unique(chosen)
        return self.comparison.planes_of(self._images.take(places)), np.searchsorted(places, chosen), places

    def describe(self, progress: Progress = silent) -> None:
        """Describe the images coarsely, unless they are described: from then on they are, as more come."""
        if self._descriptions is None:
            self._descriptions = ImageIndex(self.comparison.descriptors_of(self.images, progress), "l2")

    def descriptions(self, progress: Progress = silent) -> ImageIndex:
        """Return the coarse descriptions of all images, indexed by squared L2."""
        self.describe(progress)
        assert self._descriptions is not None
        return self._descriptions

    def add(self, images: Bytes) -> None:
        """Append images."""
        if self._growing is not None:
            planes, packed = self._growing
            more = self.comparison.planes_of(images)
            packed.add(more.packed)
            known = planes.patch_energies.items()
            patches = {context: max(energy, more.patch_energy(context)) for context, energy in known}
            energy = max(planes.energy, more.energy)
            self._growing = replace(planes, energy=energy, patch_energies=patches), packed
        self._planes = None
        self._images.add(images)
        if self._descriptions is not None:
            self._descriptions.add(self.comparison.descriptors_of(images, silent))

    def remove(self, places: NDArray[np.intp]) -> None:
        """Take images out; those behind them move up."""
        self._images.remove(places)
        if self._growing is not None:
            self._growing[1].remove(places)
        self._planes = None
        if self._descriptions is not None:
            self._descriptions.remove(places)

    def nearest(
        self, queries: Bytes, k: int, candidates: int | None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ``k`` nearest, as they are, of the candidates by their descriptions (None: of all)."""
        step = max(1, _PART_VALUES // max(1, queries[0].size))
        if len(queries) <= step:
            return self._nearest(queries, k, candidates, progress)
        found = []
        for start in range(0, len(queries), step):

            def told(what: str, done: int, total: int | None, start: int = start) -> None:
                if what in ("matching", "searching"):
                    done, total = done + start, len(queries)
                progress(what, done, total)

            found.append(self._nearest(queries[start : start + step], k, candidates, told))
            progress("matching", min(start + step, len(queries)), len(queries))
        sums, places = zip(*found, strict=True)
        return np.concatenate(sums), np.concatenate(places)

    def _nearest(
        self, queries: Bytes, k: int, candidates: int | None, progress: Progress
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Answer a few queries."""
        if candidates is None:
            asked = self.comparison.planes_of(queries)
            return nearest(asked, self.planes, None, k, **self._how, progress=progress)
        planes, where, places = self.planes_among(self.candidates(queries, candidates, progress))
        asked = self.comparison.planes_of(queries)
        sums, found = nearest(asked, planes, where, k, **self._how, progress=progress)
        return sums, places[found]

    def distances(
        self, queries: Bytes, chosen: Places | None, *, progress: Progress = silent
    ) -> NDArray[np.int64]:
        """Return the distances ``(q, c)`` of queries to the images that are chosen for each, or to all."""
        return deformable_distances(
            self.comparison.planes_of(queries), self.planes, chosen, **self._how, progress=progress
        )

    def candidates(self, queries: Bytes, count: int, progress: Progress) -> NDArray[np.int64]:
        """Return the places of the images whose descriptions are nearest to those of queries."""
        described = self.comparison.descriptors_of(queries, progress)
        return self.descriptions(progress).search(described, count, progress=progress)[1]

    def fields(self, image: Bytes, place: int, *, both: bool = False) -> list[Match]:
        """Return how a kept image is bent to look like an image and, for both, the other way round."""
        comparison, pair = self.comparison, np.stack([image, self.images[place]])
        ways = [(0, 1), (1, 0)][: 1 + both]
        if comparison.aligned:
            return [aligned_match(pair[[first]], pair[[second]], comparison) for first, second in ways]
        planes, warp, context = comparison.planes_of(pair).values(), comparison.warp, comparison.context
        return [
            displacement_field(planes[first], planes[second], warp=warp, context=context)
            for first, second in ways
        ]

    def costs(self, image: Bytes, place: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Return what each pixel of an image costs beside a kept image, and where it was found there.

        Where both directions are added, each pixel of the kept image has a cost too: it counts at the pixel
        that it was matched with, or where that lies beyond the border at the border's nearest pixel.
        """
        forward, *backward = self.fields(image, place, both=self.comparison.symmetric)
        costs = forward.costs.copy()
        for back in backward:
            found = np.indices(costs.shape) + np.moveaxis(back.field, -1, 0)
            last = np.array(costs.shape)[:, None, None] - 1
            np.add.at(costs, tuple(np.clip(found, 0, last)), back.costs)
        return costs, forward.field
