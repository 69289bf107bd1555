"""Prepared images, kept so that those nearest to others by the deformable distance are found quickly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import deformable_distances, nearest, nearest_classes
from lookalike.distance.deformation.planes import Planes
from lookalike.distance.rows import GrowingRows
from lookalike.distance.search import ImageIndex
from lookalike.progress import Progress, silent
from lookalike.search.deformable.comparison import Bytes, Deformation
from lookalike.search.matches import Places

#: Queries are worked on in parts of about so many values.
_PART_VALUES = 1 << 24


class DeformableIndex:
    """Images that others are compared with, as they are."""

    def __init__(self, images: Bytes, comparison: Deformation, descriptions: Bytes | None = None) -> None:
        self.comparison = comparison
        self._images = GrowingRows(images)
        self._planes: tuple[Planes, GrowingRows] | None = None
        self._descriptions = None if descriptions is None else ImageIndex(descriptions, "l2")

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
        if self._planes is None:
            made = self.comparison.planes_of(self.images)
            self._planes = made, GrowingRows(made.packed)
        planes, packed = self._planes
        return replace(planes, packed=packed.rows)

    def planes_among(self, chosen: Places) -> tuple[Planes, Places, Places]:
        """Return what is compared of some images, without that of all where that would take longer."""
        if self._planes is not None or 2 * chosen.size >= len(self):
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
        if self._planes is not None:
            planes, packed = self._planes
            more = self.comparison.planes_of(images)
            packed.add(more.packed)
            known = planes.patch_energies.items()
            patches = {context: max(energy, more.patch_energy(context)) for context, energy in known}
            energy = max(planes.energy, more.energy)
            self._planes = replace(planes, energy=energy, patch_energies=patches), packed
        self._images.add(images)
        if self._descriptions is not None:
            self._descriptions.add(self.comparison.descriptors_of(images, silent))

    def remove(self, places: NDArray[np.intp]) -> None:
        """Take images out; those behind them move up."""
        self._images.remove(places)
        if self._planes is not None:
            self._planes[1].remove(places)
        if self._descriptions is not None:
            self._descriptions.remove(places)

    def nearest(
        self, queries: Bytes, k: int, candidates: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ``k`` nearest, as they are, of the ``candidates`` whose descriptions are nearest."""
        candidates = min(max(candidates, k), len(self))
        found = [self._nearest(part, k, candidates, told) for part, told in self._parts(queries, progress)]
        sums, places = zip(*found, strict=True)
        return np.concatenate(sums), np.concatenate(places)

    def _nearest(
        self, queries: Bytes, k: int, candidates: int, progress: Progress
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Answer a few queries."""
        where = places = None
        if candidates < len(self):
            planes, where, places = self.planes_among(self.candidates(queries, candidates, progress))
        else:
            planes = self.planes
        sums, found = nearest(
            self.comparison.planes_of(queries),
            planes,
            where,
            k,
            **self._how(),
            progress=progress,
        )
        return sums, found if places is None else places[found]

    def nearest_classes(
        self,
        queries: Bytes,
        k: int,
        codes: NDArray[np.intp],
        n_classes: int,
        reach: float,
        progress: Progress,
    ) -> tuple[NDArray[np.int64], Places, NDArray[np.int64], Places]:
        """Return the ``k`` nearest of all, and the nearest of each class within reach, by early ending."""
        found = [
            nearest_classes(
                self.comparison.planes_of(part),
                self.planes,
                None,
                k,
                codes,
                n_classes,
                reach,
                **self._how(),
                progress=told,
            )
            for part, told in self._parts(queries, progress)
        ]
        sums, places, class_sums, class_places = (np.concatenate(part) for part in zip(*found, strict=True))
        return sums, places, class_sums, class_places

    def distances(
        self, queries: Bytes, chosen: Places | None, *, progress: Progress = silent
    ) -> NDArray[np.int64]:
        """Return the distances ``(q, c)`` of queries to the images that are chosen for each, or to all."""
        return deformable_distances(
            self.comparison.planes_of(queries), self.planes, chosen, **self._how(), progress=progress
        )

    def _how(self) -> dict[str, Any]:
        """Return what the kernels are told of a comparison."""
        compared = self.comparison
        return {"warp": compared.warp, "context": compared.context, "symmetric": compared.symmetric}

    def candidates(self, queries: Bytes, count: int, progress: Progress) -> NDArray[np.int64]:
        """Return the places of the images whose descriptions are nearest to those of queries."""
        described = self.comparison.descriptors_of(queries, progress)
        return self.descriptions(progress).search(described, count, progress=progress)[1]

    def _parts(self, queries: Bytes, progress: Progress) -> Iterator[tuple[Bytes, Progress]]:
        """Yield queries in parts, so that memory is bounded, and what each part's progress is told to."""
        step = max(1, _PART_VALUES // max(1, queries[0].size))
        for start in range(0, len(queries), step):

            def told(what: str, done: int, total: int | None, start: int = start) -> None:
                if what in ("matching", "searching"):
                    done, total = done + start, len(queries)
                progress(what, done, total)

            yield queries[start : start + step], told
