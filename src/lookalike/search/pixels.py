"""Every training image is kept, and compared pixel by pixel, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.device import ArraysOnDevice
from lookalike.distance.floats import FloatIndex
from lookalike.distance.kernels import FARTHEST
from lookalike.distance.mapped import MappedIndex
from lookalike.distance.metrics import METRICS, checked_metric
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError
from lookalike.images import to_unit, unit_of
from lookalike.progress import Progress, of_compiling, silent
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import NOWHERE, Matches, Places, nearest_of_classes, others
from lookalike.state import Derived, Fact, State, array, class_codes, whole
from lookalike.tensors import device_in_use

#: Up to so many images all are found by one search, sorted: more take longer than a search for each class.
FEW = 256
#: And up to so many of a typical class: more classes than that are more searches.
FEW_OF_CLASS = 4

Index = ImageIndex | FloatIndex | ArraysOnDevice | MappedIndex


#: A metric in files: one that the table has.
METRIC = Fact(lambda name, value: checked_metric(value).name)


class PixelMatcher:
    """The nearest training images by a metric of pixels.

    Bytes are compared as integers by :class:`ImageIndex`, where the metric has kernels, everything else in
    float64 by :class:`FloatIndex`, with the same tie rule; where bytes and floats meet, all go on as floats.
    """

    state: ClassVar[State] = {
        "metric": METRIC,
        "images": array(np.uint8, np.float16, np.float32, np.float64, shape=("n", ...)),
        "codes": class_codes("n"),
        "n_classes": whole(1, 2**31),
    }
    keeps_images = True
    merges = True
    kind: Kind = "training image"
    #: Bytes are searched where they are, for example in a file, and not copied.
    on_disk = False

    def __init__(self, metric: str, on_disk: bool = False) -> None:
        self.metric, self.on_disk = metric, on_disk

    @property
    def fixed(self) -> str:
        return "its images stay on disk, where nothing is added to them; fit it anew" if self.on_disk else ""

    @property
    def title(self) -> str:
        return f"nearest image, {METRICS[self.metric].title}"

    @property
    def root(self) -> bool:
        return METRICS[self.metric].root

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_classes)

    @property
    def images(self) -> NDArray[Any]:
        """All training images: bytes, or floats on the scale that is compared."""
        if isinstance(self._index, MappedIndex):
            return self._index.images
        return self.kept(np.arange(len(self.codes)))

    @images.setter
    def images(self, images: NDArray[Any]) -> None:
        self._shape, self._unit = images.shape[1:], unit_of(images)
        self._index = self._new_index(images)
        if isinstance(self._index, FloatIndex):
            self._unit = 1
        self._derived = Derived()

    def restored(self) -> None:
        """Refuse codes of classes that are not there."""
        check_codes(self.codes, self.n_classes)

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.images, self.codes, self.n_classes = images, codes, n_classes

    def __copy__(self) -> PixelMatcher:
        """Return a matcher of the same images that goes its own way."""
        other = object.__new__(type(self))
        vars(other).update(vars(self))
        other._index = copy(self._index)
        return other

    def add(self, images: NDArray[Any], codes: Codes) -> None:
        """Keep further images behind the others."""
        if isinstance(self._index, ImageIndex) and images.dtype == np.uint8:
            self._index.add(_as_batch(images))
        else:
            self._index = self._floats()
            self._index.add(rows_of(images) / unit_of(images))
            self._unit = 1
        self.codes = np.concatenate([self.codes, codes])
        self._derived = Derived()

    def joined(self, others: Sequence[PixelMatcher], order: NDArray[np.intp]) -> PixelMatcher:
        """Return a matcher of what this one and others keep, one behind the other, and then in an order."""
        every = [self, *others]
        whole, codes = copy(self), np.concatenate([one.codes for one in every])
        whole.fit(np.concatenate([one.images for one in every])[order], codes[order], self.n_classes)
        return whole

    def remove(self, places: NDArray[np.intp]) -> None:
        """Keep the images at some places no longer; those behind them move up."""
        self._index.remove(places)
        self.codes = np.delete(self.codes, places)
        self._derived = Derived()

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.codes, self.n_classes = moved[self.codes], n_classes
        self._derived = Derived()

    def kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        return self._index.take(places).reshape(len(places), *self._shape)

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        index, queries, unit = self._asked(images)
        n = len(self.codes)
        # Of a few images all are found at once, and each class's nearest among them.
        all_at_once = n <= max(FEW, FEW_OF_CLASS * self.n_classes) and reach > 1
        wanted = n if all_at_once else min(k + (exclude is not None), n)
        if 1 < reach < np.inf and exclude is None and not all_at_once and isinstance(index, ImageIndex):
            asked = self.codes, self.n_classes, reach
            found = index.search_classes(queries, wanted, *asked, progress=progress)
            distances, of_classes = self._distances(found[0], unit), self._distances(found[2], unit)
            of_classes[found[2] == FARTHEST] = np.inf
            return Matches(distances, found[1], self.codes[found[1]], of_classes, found[3], reach)
        sums, places = index.search(queries, wanted, progress=progress)
        distances = self._distances(sums, unit)
        if exclude is not None:
            left, shape = others(places, exclude), (len(places), places.shape[1] - 1)
            distances, places = distances[left].reshape(shape), places[left].reshape(shape)
        near = distances[:, :k], places[:, :k], self.codes[places[:, :k]]
        if reach == 1 and near[0].size:
            matches = nearest_alone(*near, self.n_classes)
            return matches if places.shape[1] >= k else matches.padded(k)
        if all_at_once:
            classes = nearest_of_classes(distances, places, self.codes[places], self.n_classes)
        else:
            search: ClassSearch = self._derived.get_or(
                f"classes by {type(index).__name__}, {device_in_use()}",
                lambda: ClassSearch(index, self.codes, self.n_classes),
            )
            class_sums, class_places = search.nearest(queries, exclude, progress=progress)
            classes = self._distances(class_sums, unit), class_places
        matches = Matches(*near, *classes)
        return matches if places.shape[1] >= k else matches.padded(k)

    def contributions(self, image: NDArray[Any], place: int) -> Costs | None:
        return pixel_costs(self.metric, image, as_compared(self.kept(np.array([place]))[0], self._unit))

    def _asked(self, images: NDArray[Any]) -> tuple[Index, NDArray[Any], int]:
        """Return the index that images are looked for in, the images as it takes them, and their unit."""
        if isinstance(self._index, ImageIndex) and images.dtype == np.uint8:
            index, device = self._index, device_in_use()
            if device is None:
                return index, _as_batch(images), self._unit
            copy = self._derived.get_or(f"index on {device}", lambda: ArraysOnDevice.of(index, device))
            return copy, _as_batch(images), self._unit
        if isinstance(self._index, MappedIndex):
            if images.dtype != np.uint8:
                raise InputError(f"images are {images.dtype}: expected uint8, which is compared on disk")
            return self._index, images, self._unit
        floats = self._derived.get_or("floats", self._floats)
        return floats, rows_of(images) / unit_of(images), 1

    def _distances(self, sums: NDArray[Any], unit: int) -> NDArray[np.float64]:
        """Return sums of differences as distances per value."""
        distances: NDArray[np.float64] = METRICS[self.metric].per_value(sums, int(np.prod(self._shape)), unit)
        return distances

    def _new_index(self, images: NDArray[Any]) -> ImageIndex | FloatIndex | MappedIndex:
        """Return an index of images: of bytes while there are only bytes, else of floats."""
        self.on_disk = self.on_disk or isinstance(images, np.memmap)
        if self.on_disk and images.dtype != np.uint8:
            raise InputError(f"images are {images.dtype}: expected uint8, which can be compared on disk")
        if self.on_disk:
            return MappedIndex(images, self.metric)
        if images.dtype == np.uint8 and METRICS[self.metric].kernels is not None:
            return ImageIndex(_as_batch(images), self.metric)
        # A copy of their own: what was handed in may change.
        return FloatIndex(rows_of(images) / self._unit, self.metric)

    def _floats(self) -> FloatIndex:
        """Return the index of floats, made of that of bytes where there is none."""
        if isinstance(self._index, FloatIndex):
            return self._index
        assert not isinstance(self._index, MappedIndex), "what is on disk is asked in bytes, and fixed"
        return FloatIndex(rows_of(self.images) / self._unit, self.metric)


class ClassSearch:
    """One exact index for each class, over the images of one that holds them all.

    Images on disk are read part by part: indexes of the classes are made for each part, at each search.
    """

    def __init__(self, index: Index, codes: Codes, n_classes: int) -> None:
        self._index, self._codes, self._n_classes = index, codes, n_classes
        if not isinstance(index, MappedIndex):
            self._parts = [(0, self._by_class(index, codes))]

    def nearest(
        self, queries: NDArray[Any], exclude: Places | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], Places]:
        """Return sums and places of the nearest of each class; infinite and -1 without one."""
        sums = np.full((len(queries), self._n_classes), np.inf)
        found = np.full(sums.shape, NOWHERE, np.int64)
        told, done = of_compiling(progress), 0
        for first, of_classes in self._all_parts():
            for code, (index, places) in enumerate(of_classes):
                if index is None:
                    continue
                progress("searching class by class", done, len(self._codes))
                done += len(places)
                near, there = _nearest_but(index, places + first, queries, exclude, told)
                better = near < sums[:, code]  # of equally near ones the first part's stay
                sums[better, code], found[better, code] = near[better], there[better]
        progress("searching class by class", len(self._codes), len(self._codes))
        return sums, found

    def _all_parts(self) -> Iterator[tuple[int, list[tuple[Any, Places]]]]:
        """Yield the first place of each part, and the part's images by class."""
        if not isinstance(self._index, MappedIndex):
            yield from self._parts
            return
        for first, part in self._index.parts():
            yield first, self._by_class(part, self._codes[first : first + len(part)])

    def _by_class(self, index: Any, codes: Codes) -> list[tuple[Any, Places]]:
        """Return an index of each class's images, and their places; none where a class has no image."""
        every = [np.flatnonzero(codes == code) for code in range(self._n_classes)]
        return [(type(index)(index.take(at), index.metric) if at.size else None, at) for at in every]


def _nearest_but(
    index: Any, places: Places, queries: NDArray[Any], exclude: Places | None, progress: Progress
) -> tuple[NDArray[np.float64], Places]:
    """Return the sum and the place of the image nearest to each query, but for one that is excluded."""
    k = 1 if exclude is None else min(2, len(places))
    near, where = index.search(queries, k, progress=progress)
    there = places[where]
    column = np.zeros(len(queries), np.intp)
    if exclude is not None:
        column = (there[:, 0] == exclude).astype(np.intp)
    chosen = np.minimum(column, k - 1)[:, None]
    sums = np.where(column < k, np.take_along_axis(near, chosen, 1)[:, 0], np.inf)
    return sums, np.take_along_axis(there, chosen, 1)[:, 0]


def nearest_alone(distances: NDArray[np.float64], places: Places, codes: Codes, n_classes: int) -> Matches:
    """Return what is nearest, and of classes that of the first alone: all that a plain answer takes."""
    each, first = np.arange(len(places)), codes[:, 0]
    class_distances = np.full((len(places), n_classes), np.inf)
    class_places = np.full(class_distances.shape, NOWHERE, np.int64)
    class_distances[each, first], class_places[each, first] = distances[:, 0], places[:, 0]
    return Matches(distances, places, codes, class_distances, class_places, 1.0)


def check_codes(codes: Codes, n_classes: int) -> None:
    """Refuse, of a part from outside, classes that are not there."""
    if len(codes) and codes.max() >= n_classes:
        raise InputError(f"codes hold places beyond 0 to {n_classes - 1}")


def pixel_costs(metric: str, image: NDArray[Any], other: NDArray[np.float64]) -> Costs | None:
    """Return what each pixel of an image costs beside another; None where distances are no sums."""
    costs_of = METRICS[metric].costs
    if costs_of is None:
        return None
    costs = costs_of(as_compared(image, unit_of(image[None])) - other)
    return Costs(costs / costs.size)


def as_compared(image: NDArray[Any], unit: int) -> NDArray[np.float64]:
    """Return an image as float64 on the scale that is compared."""
    return to_unit(image) if unit == 255 else image.astype(np.float64)


def _as_batch(images: NDArray[Any]) -> NDArray[Any]:
    """Return images as an index takes them; rows of a 2-D array are images one value high."""
    return images[:, None, :] if images.ndim == 2 else images


def rows_of(images: NDArray[Any]) -> NDArray[Any]:
    """Return each image as a row of its values."""
    return images.reshape(len(images), -1)
