"""Prepared images, kept so that those nearest to others by the deformable distance are found quickly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.definition import Match
from lookalike.distance.deformation.descriptors import SPACING, edge_descriptors
from lookalike.distance.deformation.matching import deformable_distances, displacement_field, nearest
from lookalike.distance.deformation.planes import (
    LARGEST,
    Planes,
    as_planes,
    double_angle_planes,
    gap_for,
    sobel_planes,
    window_weights,
)
from lookalike.distance.kernels.sums import DIRECTIONS
from lookalike.distance.rows import GrowingRows
from lookalike.distance.search import ImageIndex
from lookalike.models.deformable_aligned import ALIGNED_WEIGHT, aligned_distances, aligned_match
from lookalike.models.deformable_crowding import PARTS
from lookalike.prepare import Blur, NormaliseContrast
from lookalike.progress import Progress, silent

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
PlanesName = Literal["sobel", "double-angle", "values"]

#: How large one plane value is where a full step from black to white is 1.
UNITS: dict[str, float] = {"sobel": 30.0, "double-angle": 39.0, "values": 2.0 * LARGEST}
#: Queries are worked on in parts of about so many values.
_PART_VALUES = 1 << 24


class Comparison(NamedTuple):
    """How two images are compared.

    Attributes
    ----------
    planes : {"sobel", "double-angle", "values"}
        What is compared: gradients, gradients that forget how strong the light is and whether ink is dark
        or light, or the pixels' values.
    warp : (int, int)
        How far pixels may move down and across.
    context : int
        The radius of the patch around each pixel.
    symmetric : bool
        Both directions are added.
    aligned : bool
        The distance after alignment is added twice (see
        :func:`lookalike.models.deformable_aligned.aligned_distances`), and images that those of other classes
        are near to count as farther (see :func:`lookalike.models.deformable_crowding.crowding`).
    blur : float
        By how many pixels images are blurred before they are compared as they are; 0: not at all.
    window : float
        What is near the border counts less, if double-angle gradients are compared (see
        :func:`lookalike.distance.deformation.planes.window_weights`).
    """

    planes: PlanesName
    warp: tuple[int, int]
    context: int
    symmetric: bool
    aligned: bool = False
    blur: float = 0.0
    window: float = 0.0

    def planes_of(self, images: Bytes) -> Planes:
        """Return what is compared of some images as they are."""
        return self.sharp_planes_of(Blur(self.blur).fit_transform(images) if self.blur else images)

    def sharp_planes_of(self, images: Bytes) -> Planes:
        """Return what is compared of aligned images."""
        gap = gap_for(self.warp, self.context)
        if self.planes == "values":
            channels = images[:, None] if images.ndim == 3 else np.moveaxis(images, -1, 1)
            # Mid-gray is 0: what lies beyond the border is neither black nor white.
            return as_planes(np.rint(channels * (2 * LARGEST / 255) - LARGEST).astype(np.int8), gap=gap)
        if self.planes == "double-angle":
            return double_angle_planes(images, gap=gap, window=self.window)
        return sobel_planes(images, gap=gap)

    def descriptors_of(self, images: Bytes, progress: Progress) -> Bytes:
        """Return coarse descriptions of images, by which candidates are found."""
        if self.planes == "values":
            return images
        if self.planes == "sobel":
            return edge_descriptors(images, progress=progress)
        evened = edge_descriptors(NormaliseContrast().fit_transform(images), progress=progress)
        opposite = evened.reshape(len(evened), 2, DIRECTIONS // 2, -1).astype(np.uint16).sum(axis=1)
        weights = np.multiply.outer(
            *(window_weights(-(-side // SPACING), self.window) for side in images.shape[1:3])
        )
        described: Bytes = np.rint(np.minimum(opposite, 255) * weights.ravel()).astype(np.uint8)
        return described

    def description_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the description of an image of some shape."""
        if self.planes == "values":
            return shape
        down, across = (-(-side // SPACING) for side in shape[:2])
        if self.planes == "sobel":
            return DIRECTIONS * down, across
        return DIRECTIONS // 2, down * across

    def per_value(
        self, sums: NDArray[np.int64], n_planes: int, shape: tuple[int, int]
    ) -> NDArray[np.float64]:
        """Return sums of squares as root mean squares, where a full step from black to white is 1."""
        height, width = shape
        count = height * width * (2 * self.context + 1) ** 2 * n_planes * (1 + self.symmetric)
        count *= PARTS if self.aligned else 1
        roots: NDArray[np.float64] = np.sqrt(sums / count) / UNITS[self.planes]
        return roots


class DeformableIndex:
    """Images that others are compared with.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c), uint8
        Prepared images.
    comparison : Comparison
        How they are compared.
    descriptions : ndarray, optional
        Their coarse descriptions, where they were made before.
    """

    def __init__(self, images: Bytes, comparison: Comparison, descriptions: Bytes | None = None) -> None:
        self.comparison = comparison
        self._images = GrowingRows(images)
        self._planes: tuple[Planes, GrowingRows] | None = None
        #: How crowded each image is, where images are aligned: to be set before distances are asked for.
        self.crowding: Places | None = None
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
        """Return what is compared of some images, without that of all where that would take longer.

        Parameters
        ----------
        chosen : ndarray of int64
            Which images, in any shape.

        Returns
        -------
        planes : Planes
            Of these images at least.
        where : ndarray, shaped as ``chosen``
            Where each is among the planes.
        places : ndarray of shape (len(planes),)
            Which image each of the planes is of, ascending: ``places[where]`` is ``chosen``.
        """
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
        self.crowding = None
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
        self.crowding = None
        self._images.remove(places)
        if self._planes is not None:
            self._planes[1].remove(places)
        if self._descriptions is not None:
            self._descriptions.remove(places)

    def nearest(
        self, queries: Bytes, k: int, candidates: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ``k`` nearest, as they are, of the ``candidates`` whose descriptions are nearest.

        Returns
        -------
        sums : ndarray of shape (n, k), int64
            The distances of images as they are, ascending.
        places : ndarray of shape (n, k), int64
            Of equal distances the lowest place comes first.
        """
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
            planes, where, places = self.planes_among(self._candidates(queries, candidates, progress))
        else:
            planes = self.planes
        sums, found = nearest(
            self.comparison.planes_of(queries),
            planes,
            where,
            k,
            warp=self.comparison.warp,
            context=self.comparison.context,
            symmetric=self.comparison.symmetric,
            progress=progress,
        )
        return sums, found if places is None else places[found]

    def distances(
        self, queries: Bytes, chosen: Places | None, *, progress: Progress = silent
    ) -> NDArray[np.int64]:
        """Return the distances of queries to the images that are chosen for each, or to all.

        Parameters
        ----------
        queries : ndarray of shape (q, h, w) or (q, h, w, c), uint8
            Prepared images.
        chosen : ndarray of shape (q, c), int64, or None
            Places; None means all, in order.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (q, c), int64
        """
        if not self.comparison.aligned:
            return self.unaligned_distances(queries, chosen, progress=progress)
        if chosen is None:
            chosen = np.broadcast_to(np.arange(len(self)), (len(queries), len(self)))
        sums = aligned_distances(queries, self.images, chosen, self.comparison, progress=progress)
        return sums * self._crowding_of(chosen)

    def _crowding_of(self, chosen: Places) -> Places:
        """Return what distances to some images are multiplied by."""
        if self.crowding is None:
            raise RuntimeError("how crowded images are is not known yet")
        return self.crowding[chosen]

    def counted(self, costs: NDArray[np.int64], place: int) -> NDArray[np.int64]:
        """Return costs of pixels beside a kept image as they count in its distance."""
        return costs * self._crowding_of(np.array([place])) if self.comparison.aligned else costs

    def unaligned_distances(
        self, queries: Bytes, chosen: Places | None, *, progress: Progress = silent
    ) -> NDArray[np.int64]:
        """Return what :meth:`distances` does, of images as they are."""
        return deformable_distances(
            self.comparison.planes_of(queries),
            self.planes,
            chosen,
            warp=self.comparison.warp,
            context=self.comparison.context,
            symmetric=self.comparison.symmetric,
            progress=progress,
        )

    def field(self, query: Bytes, place: int) -> Match:
        """Return how a kept image is bent to look like a query, one prepared image ``(1, h, w)``."""
        return self._field(query, self._images.take(np.array([place])))

    def field_back(self, query: Bytes, place: int) -> Match:
        """Return how a query, one prepared image ``(1, h, w)``, is bent to look like a kept image."""
        return self._field(self._images.take(np.array([place])), query)

    def _field(self, first: Bytes, second: Bytes) -> Match:
        """Return how the second image is bent to look like the first."""
        if self.comparison.aligned:
            return aligned_match(first, second, self.comparison)
        return displacement_field(
            self.comparison.planes_of(first),
            0,
            self.comparison.planes_of(second),
            0,
            warp=self.comparison.warp,
            context=self.comparison.context,
        )

    def root_means(self, sums: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return sums of squares as root mean squares of a value."""
        height, width, channels = (*self._images.shape[1:], 1)[:3]
        n_planes = channels if self.comparison.planes == "values" else 2 * channels
        times = 1 + ALIGNED_WEIGHT if self.comparison.aligned else 1
        return self.comparison.per_value(sums, n_planes * times, (height, width))

    def _candidates(self, queries: Bytes, count: int, progress: Progress) -> NDArray[np.int64]:
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
