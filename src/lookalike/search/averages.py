"""One image, or one number, stands for each class: its mean, its median, its mean ink."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.floats import prototype_sums
from lookalike.distance.metrics import METRICS
from lookalike.errors import InputError
from lookalike.images import unit_of
from lookalike.progress import Progress, silent
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import Matches, Places
from lookalike.search.pixels import METRIC, as_compared, pixel_costs, rows_of
from lookalike.state import Part, State, array, whole, wholes

Floats = NDArray[np.float64]

#: Values from which on loading compiled code pays; below, NumPy is done before it is loaded.
COMPILED_FROM = 1 << 23
#: Counts times 255 stay far within 64 bits.
MOST_IMAGES = 2**48
_LONGEST = 2**40


class ClassSums:
    """The sum and the number of each class's rows: exact, and the same in any order and any parts, for bytes.

    Sums of whole numbers are int64, of floats float64; where bytes and floats meet, both go on as floats
    in 0-1.
    """

    state: ClassVar[State] = {
        "sums": array(np.int64, np.float64, shape=("n", None)),
        "counts": array(np.int64, shape=("n",), low=0, high=MOST_IMAGES),
        "unit": whole(1, 255),
    }

    def __init__(self, rows: NDArray[Any], codes: Codes, n_classes: int, unit: int) -> None:
        self.sums, self.unit = class_sums(rows, codes, n_classes), unit
        self.counts = np.bincount(codes, minlength=n_classes)

    def restored(self) -> None:
        """Refuse a unit that no images have."""
        if self.unit not in (1, 255):
            raise InputError(f"unit is {self.unit}: expected 1 or 255")

    def plus(self, rows: NDArray[Any], codes: Codes, unit: int) -> ClassSums:
        """Return the sums with further rows."""
        more, found = class_sums(rows, codes, len(self.counts)), copy(self)
        if unit == self.unit:
            found.sums = self.sums + more
        else:
            found.sums, found.unit = self.sums / self.unit + more / unit, 1
        found.counts = self.counts + np.bincount(codes, minlength=len(self.counts))
        return found

    def joined(self, others: Sequence[ClassSums]) -> ClassSums:
        """Return the sums of the same unit together."""
        found = copy(self)
        for other in others:
            found.sums, found.counts = found.sums + other.sums, found.counts + other.counts
        return found

    def moved(self, moved: Codes, n_classes: int) -> ClassSums:
        """Return the sums after a change of classes."""
        found, left = copy(self), moved >= 0
        found.sums = np.zeros((n_classes, self.sums.shape[1]), self.sums.dtype)
        found.counts = np.zeros(n_classes, np.int64)
        found.sums[moved[left]], found.counts[moved[left]] = self.sums[left], self.counts[left]
        return found

    def means(self) -> Floats:
        """Return the mean of each class where 1 is full ink; NaN for a class without images."""
        counts = self.counts[:, None] * np.int64(self.unit)
        means = np.full(self.sums.shape, np.nan)
        np.divide(self.sums, counts, out=means, where=counts > 0)
        return means


class MeanMatcher:
    """The mean image of each class. A query that is part of a mean can be taken out of it."""

    state: ClassVar[State] = {
        "metric": METRIC,
        "shape": wholes(1, _LONGEST),
        "class_sums": Part(ClassSums),
    }
    keeps_images = False
    fixed = ""
    kind: Kind = "mean image"

    def __init__(self, metric: str) -> None:
        self.metric = metric

    @property
    def title(self) -> str:
        return f"{self.kind}, {METRICS[self.metric].title}"

    @property
    def root(self) -> bool:
        return METRICS[self.metric].root

    @property
    def codes(self) -> Codes:
        return np.arange(len(self.class_counts))

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return self.class_sums.counts

    def restored(self) -> None:
        """Work the mean images out, of sums of the images' shape."""
        if self.class_sums.sums.shape[1] != int(np.prod(self.shape)):
            raise InputError(f"shape is {self.shape}: expected {self.class_sums.sums.shape[1]} values")
        self.class_images = self.class_sums.means().reshape(-1, *self.shape)

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.shape = images.shape[1:]
        self.class_sums = ClassSums(rows_of(images), codes, n_classes, unit_of(images))
        self.restored()

    def add(self, images: NDArray[Any], codes: Codes) -> None:
        """Add further images to the means."""
        self.class_sums = self.class_sums.plus(rows_of(images), codes, unit_of(images))
        self.restored()

    def joined(self, others: Sequence[MeanMatcher], order: NDArray[np.intp] | None) -> MeanMatcher:
        """Return a matcher of all that this one and others have seen, in any order."""
        whole = copy(self)
        whole.class_sums = self.class_sums.joined([one.class_sums for one in others])
        whole.restored()
        return whole

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.class_sums = self.class_sums.moved(moved, n_classes)
        self.restored()

    def holder(self, images: NDArray[Any], codes: Codes) -> Places:
        """Return the place of the mean that holds each of some training images."""
        return codes.astype(np.int64)

    def kept(self, places: NDArray[np.intp]) -> Floats:
        return self.class_images[places]

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        prototypes, counts, n = self.class_images, self.class_counts, int(np.prod(self.shape))
        # By what the model has seen, not by the batch: an answer must not depend on the images beside it.
        compiled = int(counts.sum()) * n >= COMPILED_FROM
        distances = prototype_distances(images, prototypes, self.metric, compiled=compiled)
        distances[:, counts == 0] = np.inf
        if exclude is not None:
            self._take_out(distances, images, exclude)
        return Matches.of(distances, self.codes, len(counts), k)

    def contributions(self, image: NDArray[Any], place: int) -> Costs | None:
        return pixel_costs(self.metric, image, self.class_images[place])

    def _take_out(self, distances: Floats, images: NDArray[Any], exclude: Places) -> None:
        """Change the distance of each image to its own mean into that to the mean without it."""
        take_out(distances, exclude, self.class_counts[exclude])


class MedianMatcher(MeanMatcher):
    """The median image of each class, and what it would be without one of the images.

    ``without`` holds for each class three images: the median without a value that is less than the middle one
    (the lower of both where there are two), equal to it, or more; ``pivot`` that middle value.
    """

    state: ClassVar[State] = {
        "metric": METRIC,
        "shape": wholes(1, _LONGEST),
        "class_images": array(np.float64, shape=("n", ...)),
        "pivot": array(np.float64, shape=("n", ...)),
        "without": array(np.float64, shape=("n", 3, ...)),
        "counts": array(np.int64, shape=("n",), low=0, high=MOST_IMAGES),
    }
    kind: Kind = "median image"
    fixed = "a median cannot be brought up to date from sums, it needs all images at once; average='mean' can"

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return self.counts

    def restored(self) -> None:
        """Refuse images of another shape."""
        n = len(self.counts)
        shapes = self.class_images.shape, self.pivot.shape, self.without.shape
        if shapes != ((n, *self.shape), (n, *self.shape), (n, 3, *self.shape)):
            raise InputError(f"shape is {self.shape}: expected that of the median images")

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.shape, unit = images.shape[1:], unit_of(images)
        self.counts = np.bincount(codes, minlength=n_classes)
        found = [_median(rows_of(images[codes == code])) for code in range(n_classes)]
        middle, pivot, *without = (
            (np.stack(part) / unit).reshape(-1, *self.shape) for part in zip(*found, strict=True)
        )
        self.class_images, self.pivot, self.without = middle, pivot, np.stack(without, axis=1)

    def _take_out(self, distances: Floats, images: NDArray[Any], exclude: Places) -> None:
        values = as_compared(images, unit_of(images))
        pivot, less, same, more = self.pivot[exclude], *np.moveaxis(self.without[exclude], 1, 0)
        medians = np.where(values > pivot, more, np.where(values < pivot, less, same))
        own = _apart(self.metric, values, medians)
        there = self.counts[exclude] > 1
        distances[np.arange(len(images)), exclude] = np.where(there, own, np.inf)


class CoverageMatcher:
    """The mean ink of each class: one number an image."""

    state: ClassVar[State] = {"n_values": whole(1, _LONGEST), "class_sums": Part(ClassSums)}
    keeps_images = False
    fixed = ""
    kind: Kind = "mean coverage"
    title = "ink coverage"
    root = False

    @property
    def codes(self) -> Codes:
        return np.arange(len(self.class_counts))

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return self.class_sums.counts

    @property
    def class_coverage(self) -> Floats:
        """The mean coverage of each class; NaN for a class without images yet."""
        coverage: Floats = self.class_sums.means()[:, 0] / self.n_values
        return coverage

    def restored(self) -> None:
        """Refuse sums of more than one number."""
        if self.class_sums.sums.shape[1] != 1:
            raise InputError("class_sums.sums hold more than one number a class: expected its ink alone")

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.n_values = int(np.prod(images.shape[1:]))
        self.class_sums = ClassSums(_ink(images), codes, n_classes, unit_of(images))

    def add(self, images: NDArray[Any], codes: Codes) -> None:
        """Add the ink of further images."""
        self.class_sums = self.class_sums.plus(_ink(images), codes, unit_of(images))

    def joined(self, others: Sequence[CoverageMatcher], order: NDArray[np.intp] | None) -> CoverageMatcher:
        """Return a matcher of all that this one and others have seen, in any order."""
        whole = copy(self)
        whole.class_sums = self.class_sums.joined([one.class_sums for one in others])
        return whole

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.class_sums = self.class_sums.moved(moved, n_classes)

    def holder(self, images: NDArray[Any], codes: Codes) -> Places:
        """Return the place of the mean that holds each of some training images."""
        return codes.astype(np.int64)

    def kept(self, places: NDArray[np.intp]) -> None:
        return None

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        coverage = _ink(images) / (unit_of(images) * self.n_values)
        distances: Floats = np.abs(coverage - self.class_coverage)
        distances[np.isnan(distances)] = np.inf
        if exclude is not None:
            take_out(distances, exclude, self.class_counts[exclude])
        return Matches.of(distances, self.codes, len(self.class_counts), k)

    def contributions(self, image: NDArray[Any], place: int) -> None:
        return None


def take_out(distances: Floats, places: Places, counts: NDArray[np.int64]) -> None:
    """Change distances to means into those to the means without the image itself.

    Without the image a, of n, the mean m is (n m - a) / (n - 1): n / (n - 1) times as far from a. Nothing is
    left of a mean of one image.
    """
    own = np.arange(len(places)), places
    distances[own] = np.where(counts > 1, distances[own] * (counts / np.maximum(counts - 1, 1)), np.inf)


def prototype_distances(images: NDArray[Any], prototypes: Floats, metric: str, *, compiled: bool) -> Floats:
    """Return the distance per value of each image to each prototype, of which 1 is full ink."""
    rows, unit, row = rows_of(images), unit_of(images), METRICS[metric]
    if unit != 1 and row.kernels is None:
        # What a definition says of differences need not grow with them: it sees all images in 0-1.
        rows, unit = rows / unit, 1
    sums = prototype_sums(rows, rows_of(prototypes) * unit, metric, compiled=compiled)
    distances: Floats = row.per_value(sums, rows.shape[1], unit)
    return distances


def class_sums(values: NDArray[Any], codes: Codes, n_classes: int) -> NDArray[Any]:
    """Return the sum of the rows of each class, ``(n_classes, d)``: int64 and exact for whole numbers."""
    if values.dtype == np.uint8:
        if values.size >= COMPILED_FROM:
            from lookalike.distance.kernels.sums import class_sums as compiled

            return compiled(values, codes, n_classes)
        # Sums of bytes stay below 2**53, where float64 counts exactly and is what NumPy adds fastest.
        return _numpy_sums(values, codes, n_classes, np.float64).astype(np.int64)
    return _numpy_sums(values, codes, n_classes, np.int64 if values.dtype.kind in "iu" else np.float64)


def _numpy_sums(values: NDArray[Any], codes: Codes, n_classes: int, dtype: Any) -> NDArray[Any]:
    return np.stack([values[codes == code].sum(axis=0, dtype=dtype) for code in range(n_classes)])


def _median(rows: NDArray[Any]) -> tuple[Floats, ...]:
    """Return the median of some rows, its pivot, and the median without a value less, equal or more."""
    half = len(rows) // 2
    if len(rows) == 1:
        only = rows[0].astype(np.float64)
        return only, only, only, only, only
    if len(rows) % 2 == 0:
        below, above = _values(rows, [half - 1, half])
        return (below + above) / 2, below, above, above, below
    below, middle, above = _values(rows, [half - 1, half, half + 1])
    return middle, middle, (middle + above) / 2, (below + above) / 2, (below + middle) / 2


def _values(rows: NDArray[Any], places: list[int]) -> Floats:
    """Return the values at some places of each sorted column."""
    values: Floats = np.partition(rows, places, axis=0)[places].astype(np.float64)
    return values


def _apart(metric: str, images: Floats, others: Floats) -> Floats:
    """Return the distance of each image to the other one of the same place."""
    row = METRICS[metric]
    if row.costs is None:
        pairs = zip(images, others, strict=True)
        return np.array([row.definition(one[None], other[None])[0, 0] for one, other in pairs])
    costs = row.costs(images - others).reshape(len(images), -1).sum(axis=1)
    apart: Floats = row.per_value(costs, images[0].size)
    return apart


def _ink(images: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of each image's values, one column; whole numbers of bytes."""
    dtype = np.int64 if images.dtype == np.uint8 else np.float64
    ink: NDArray[Any] = rows_of(images).sum(axis=1, keepdims=True, dtype=dtype)
    return ink
