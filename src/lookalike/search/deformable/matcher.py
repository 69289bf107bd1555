"""Deformable matching: pixels of what is kept may move a little before they are compared."""

from __future__ import annotations

from copy import copy
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.definition import Match
from lookalike.distance.kernels import FARTHEST
from lookalike.errors import InputError
from lookalike.images import evenly
from lookalike.progress import Progress, of_compiling, silent
from lookalike.search.deformable.alignment import Pairs, Serials, aligned_distances
from lookalike.search.deformable.comparison import (
    ALIGNED_WEIGHT,
    MANY,
    PARTS,
    Bytes,
    Deformation,
    Settings,
    choose_comparison,
)
from lookalike.search.deformable.hubness import Hubness
from lookalike.search.deformable.index import DeformableIndex
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import NOWHERE, Matches, Places, nearest, nearest_of_classes, others
from lookalike.search.pixels import ClassSearch, check_codes, nearest_alone
from lookalike.search.together import Keys, Together, shift_keys, without
from lookalike.state import Derived, Part, State, array, class_codes, texts, whole

Sums = NDArray[np.int64]
Auto = Literal["auto"]

#: Up to so many training images all are compared with, and above it so many candidates.
COMPARE_ALL, CANDIDATES = 1000, 100
#: Of the images nearest as they are, so many are aligned: a pair takes half a millisecond.
SHORT_LIST = 30
#: And the nearest image of so many classes: with more it would take too long.
SHORT_CLASSES = 50
#: Distances of queries to all that they are compared with are held at once: so many numbers.
_HELD_NUMBERS = 1 << 22
_VOTERS, _SAMPLE = 3, 1000
_MOST_PARTS = 16 * PARTS


class DeformableMatcher:
    """The nearest training images by the image distortion model, after alignment where that is chosen.

    A query is compared with its candidates: all of up to 1,000 images, else those whose coarse descriptions
    are nearest, and for each class that none of them is of the image of that class whose description is.
    Where images are aligned, these are the 30 candidates that are nearest as they are, and the nearest image
    of each of the 50 nearest classes; what is not aligned is as far as if alignment had changed nothing, and
    no nearer than what is. Beyond the candidates, images follow in the order of their descriptions, no nearer
    than those before: more neighbours never change the first ones.
    """

    state: ClassVar[State] = {
        "comparison": Part(Deformation),
        "candidates_wanted": whole(1, 2**40, optional=True),
        "voters": whole(1, 2**40),
        "reasons": texts(),
        "images": array(np.uint8, shape=("n", ...)),
        "codes": class_codes("n"),
        "n_classes": whole(1, 2**31),
        "descriptions": array(np.uint8, shape=("n", ...), optional=True),
        "hubness_factors": array(np.int64, shape=("n",), low=1, high=_MOST_PARTS, optional=True),
    }
    keeps_images = True
    fixed = ""
    kind: Kind = "training image"
    title = "deformable match"
    root = True
    holds_out = True

    index: DeformableIndex
    reasons: tuple[str, ...]
    _serials: Serials

    def __init__(
        self,
        settings: Settings,
        candidates: Auto | int = "auto",
        voters: Auto | int = "auto",
        photographs: bool | None = None,
    ) -> None:
        self._settings, self._voters, self._photographs = settings, voters, photographs
        self.candidates_wanted = None if candidates == "auto" else int(candidates)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_classes)

    @property
    def candidates(self) -> int:
        """How many images each query is compared with."""
        n = len(self.codes)
        wanted = self.candidates_wanted or (n if n <= COMPARE_ALL else CANDIDATES)
        return min(max(wanted, self.voters), n)

    @property
    def comparison(self) -> Deformation:
        return self.index.comparison

    @comparison.setter
    def comparison(self, comparison: Deformation) -> None:
        self._comparison = comparison

    @property
    def images(self) -> Bytes:
        return self.index.images

    @images.setter
    def images(self, images: Bytes) -> None:
        if images.ndim not in (3, 4) or not images.size:
            raise InputError(f"the array images has shape {images.shape}: expected images with pixels")
        self._begin(images, self._comparison)

    @property
    def descriptions(self) -> Bytes | None:
        """Coarse descriptions, where candidates are chosen by them: 60,000 take half a second to describe."""
        if not self.index.is_described:
            return None
        described = self.index.descriptions()
        return described.take(np.arange(len(described)))

    @descriptions.setter
    def descriptions(self, descriptions: Bytes | None) -> None:
        shape = self.comparison.description_shape(self.images.shape[1:])
        if descriptions is not None and descriptions.shape[1:] != shape:
            raise InputError(f"the array descriptions has shape {descriptions.shape}: expected (n, {shape})")
        self.index = DeformableIndex(self.images, self.comparison, descriptions)

    @property
    def hubness_factors(self) -> Sums | None:
        """What distances to each image are multiplied by, in parts of 4,096; None without it."""
        return self._factors(silent) if self.comparison.hubness else None

    @hubness_factors.setter
    def hubness_factors(self, factors: Sums | None) -> None:
        if factors is not None:
            self._derived["factors"] = factors

    @property
    def merges(self) -> bool:
        """Whether an image is as far whatever else is kept."""
        everything = self.candidates >= len(self.codes)
        return everything and not (self.comparison.aligned or self.comparison.hubness)

    @property
    def forgets_polarity(self) -> bool:
        """Whether dark and light ink are the same: they are to double-angle gradients."""
        return self.index.comparison.planes == "double-angle"

    def restored(self) -> None:
        """Refuse what does not go together."""
        check_codes(self.codes, self.n_classes)
        if self.comparison.aligned and self.images.ndim != 3:
            raise InputError("aligned is true: expected gray images, and these have colours")
        if self.comparison.hubness != ("factors" in self._derived):
            raise InputError("hubness_factors do not go with the comparison's hubness")
        self._describe()

    def fit(
        self,
        images: Bytes,
        codes: Codes,
        n_classes: int,
        *,
        kin: Keys | None = None,
        progress: Progress = silent,
    ) -> None:
        comparison, why = choose_comparison(self._settings, images, codes, self._photographs)
        self.codes, self.n_classes, self.reasons = codes, n_classes, (why,)
        # A copy of their own: what was handed in may change.
        self._begin(images.copy(), comparison)
        self.voters = 1 if self._voters == "auto" else int(self._voters)
        self._describe()
        if self._voters == "auto":
            self.voters, why = self._choose_voters(kin, progress)
            self.reasons = (*self.reasons, why)

    def __copy__(self) -> DeformableMatcher:
        """Return a matcher of the same images that goes its own way; both remember pairs."""
        other = object.__new__(DeformableMatcher)
        vars(other).update(vars(self))
        other.index = copy(self.index)
        return other

    def add(self, images: Bytes, codes: Codes) -> None:
        """Keep further images behind the others."""
        self.index.add(images)
        self.codes = np.concatenate([self.codes, codes])
        self._serials = self._serials.more(len(images))
        self._derived = Derived()
        self._describe()

    def remove(self, places: NDArray[np.intp]) -> None:
        """Keep the images at some places no longer; those behind them move up."""
        self.index.remove(places)
        self.codes = np.delete(self.codes, places)
        self._serials = self._serials.without(places)
        self._derived = Derived()
        self._describe()

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.codes, self.n_classes = moved[self.codes], n_classes
        self._derived = Derived({name: one for name, one in self._derived.items() if name != "classes"})

    @property
    def measured(self) -> tuple[Pairs, ...]:
        """What is remembered of pairs."""
        return self._plain, self._rest

    def remembered(self) -> list[tuple[Places, Sums]]:
        """Return the pairs of kept images that are remembered: as they are, and what differs once aligned."""
        return [pairs.known(self._serials.numbers) for pairs in self.measured]

    def kept(self, places: NDArray[np.intp]) -> Bytes:
        return self.images[places]

    def match(
        self,
        images: Bytes,
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        comparison, candidates = self.index.comparison, self.candidates
        if reach == 1 and k <= candidates and not (comparison.aligned or comparison.hubness):
            return self._nearest_alone(images, k, candidates, exclude, progress)
        step = max(1, _HELD_NUMBERS // (max(candidates, k) + self.n_classes))
        if len(images) <= step:
            near, places, best, best_places = self._part(images, k, exclude, progress)
        else:
            told, parts = of_compiling(progress), []
            for start in range(0, len(images), step):
                part = slice(start, start + step)
                progress("matching class by class", start, len(images))
                parts.append(self._part(images[part], k, None if exclude is None else exclude[part], told))
            progress("matching class by class", len(images), len(images))
            near, places, best, best_places = (np.concatenate(part) for part in zip(*parts, strict=True))
        there = np.maximum(places, 0)
        distances, class_distances = self._root_means(near), self._root_means(best)
        matches = Matches(distances, places, self.codes[there], class_distances, best_places)
        return matches if places.shape[1] >= k else matches.padded(k)

    def contributions(self, image: Bytes, place: int) -> Costs:
        """Return what each pixel costs beside a kept image, and where it was found."""
        costs, field = self.index.costs(image, place)
        if self.index.comparison.hubness:
            costs = costs * self._factors(silent)[place]
        return Costs(costs * self._root_means(np.array([1]))[0] ** 2, field)

    def field(self, image: Bytes, place: int) -> Match:
        """Return how a kept image is bent to look like one prepared image."""
        return self.index.fields(image, place)[0]

    def _begin(self, images: Bytes, comparison: Deformation) -> None:
        """Keep these images alone."""
        self.index = DeformableIndex(images, comparison)
        self._serials = Serials.of(len(images))
        self._plain, self._rest = Pairs(), Pairs()
        self._derived = Derived()

    def _describe(self) -> None:
        """Have images described, where they are not all compared."""
        if self.candidates < len(self.codes):
            self.index.describe()

    def _choose_voters(self, kin: Keys | None, progress: Progress) -> tuple[int, str]:
        """Return how many of the nearest images vote, and why in a sentence."""
        counts = self.class_counts
        median = float(np.median(counts[counts > 0]))
        if median < MANY:
            return 1, f"{median:g} images of a typical class: too few for a vote, the nearest decides"
        together = Together.of([shift_keys(self.images)], self.codes, kin)
        sample = together.one_each(np.arange(len(self.codes)))
        sample = sample[evenly(len(sample), _SAMPLE)]
        k = min(_VOTERS, len(self.codes) - 1)
        # What is not there is of no class, and no vote.
        near = np.full((len(sample), k), -1)
        for rows, gone in together.leaving_out(sample):
            some = sample[rows]
            if gone is None:
                found = self.match(self.images[some], k, exclude=some, reach=1, progress=progress)
            elif gone.all():
                continue
            else:
                rest = without(self, gone, None, self.codes)[0]
                found = rest.match(self.images[some], k, reach=1, progress=progress)
            near[rows] = np.where(found.places == NOWHERE, -1, found.codes)
        same = (near[:, :, None] == near[:, None, :]).sum(axis=2) * (near >= 0)
        voted = near[np.arange(len(sample)), np.argmax(same, axis=1)]
        wrong, single = (int((some != self.codes[sample]).sum()) for some in (voted, near[:, 0]))
        figures = (
            f"of {len(sample):,} images left out {wrong:,} are wrong by a vote of {_VOTERS}, {single:,} by 1"
        )
        return (_VOTERS, figures) if wrong <= single else (1, figures)

    def _root_means(self, sums: Sums) -> NDArray[np.float64]:
        """Return sums of squares as root mean squares; infinite where there is none."""
        found = self.index.comparison.root_means(sums, self.index.shape)
        return np.where(sums == FARTHEST, np.inf, found)

    def _nearest_alone(
        self, images: Bytes, k: int, candidates: int, exclude: Places | None, progress: Progress
    ) -> Matches:
        """Return the nearest images where only the class of the nearest is to be told: by early ending."""
        more, n = int(exclude is not None), len(self.codes)
        wanted, named = min(k + more, n), candidates + more if candidates + more < n else None
        sums, places = self.index.nearest(images, wanted, named, progress=progress)
        if exclude is not None:
            itself = places == exclude[:, None]
            sums, places = nearest(np.where(itself, FARTHEST, sums), np.where(itself, NOWHERE, places), k)
        matches = nearest_alone(self._root_means(sums), places, self.codes[places], self.n_classes)
        return matches if places.shape[1] >= k else matches.padded(k)

    def _part(
        self, queries: Bytes, k: int, exclude: Places | None, progress: Progress
    ) -> tuple[Sums, Places, Sums, Places]:
        """Return sums and places of the nearest, and of the nearest of each class, for a few queries."""
        chosen, first, beyond = self._chosen(queries, k, exclude, progress)
        sums = self.index.distances(queries, chosen, progress=progress)
        places = np.broadcast_to(np.arange(len(self.codes)) if chosen is None else chosen, sums.shape)
        if exclude is not None:
            sums[places == exclude[:, None]] = FARTHEST
        # What stands for a class may be a candidate: it counts once.
        sums[:, first:][(places[:, first:, None] == places[:, None, :first]).any(axis=2)] = FARTHEST
        comparison = self.index.comparison
        factors = self._factors_of(places, exclude, progress) if comparison.hubness else None
        if comparison.aligned:
            found = self._aligned(queries, sums, places, factors, first, exclude, k, progress)
        else:
            sums = sums if factors is None else _times(sums, factors)
            best = nearest_of_classes(sums, places, self.codes[places], self.n_classes)
            found = (*nearest(sums[:, :first], places[:, :first], k), *best)
        near, near_places, best_sums, best_places = found
        if k > first and beyond is not None:
            more = self.index.distances(queries, beyond, progress=progress)
            if comparison.hubness:
                more = _times(more, self._factors_of(beyond, exclude, progress))
            # What stands for a class is among the nearest already.
            more[(beyond[:, :, None] == near_places[:, None, :]).any(axis=2)] = FARTHEST
            sums, near_places = np.hstack([near, more]), np.hstack([near_places, beyond])
            there = sums < FARTHEST
            behind = np.where(there, np.maximum.accumulate(np.where(there, sums, 0), axis=1), FARTHEST)
            order = np.argsort(~there, axis=1, kind="stable")[:, :k]
            near, near_places = (np.take_along_axis(part, order, 1) for part in (behind, near_places))
        near_places = np.where(near == FARTHEST, NOWHERE, near_places)
        return near, near_places, best_sums, best_places

    def _chosen(
        self, queries: Bytes, k: int, exclude: Places | None, progress: Progress
    ) -> tuple[Places | None, int, Places | None]:
        """Return candidates (None: all) and what stands for other classes, how many, and what follows."""
        n, count = len(self.codes), self.candidates
        if count >= n:
            return None, n, None
        coarse: ClassSearch = self._derived.get_or(
            "classes", lambda: ClassSearch(self.index.descriptions(), self.codes, self.n_classes)
        )
        described = self.comparison.descriptors_of(queries, progress)
        more = int(exclude is not None)
        wanted = min(max(count, k) + more, n)
        found = self.index.descriptions().search(described, wanted, progress=progress)[1]
        if exclude is not None:
            found = found[others(found, exclude)].reshape(len(queries), wanted - 1)
        # The nearest description of a class that has candidates belongs to one of them: nothing is added by
        # naming it twice. An image that is not there is replaced by one that is a candidate anyway.
        of_classes = coarse.nearest(described, exclude, progress=progress)[1]
        of_classes = np.where(of_classes < 0, found[:, :1], of_classes)
        return np.hstack([found[:, :count], of_classes]), count, found[:, count:]

    def _aligned(
        self,
        queries: Bytes,
        sums: Sums,
        places: Places,
        factors: Sums | None,
        first: int,
        exclude: Places | None,
        k: int,
        progress: Progress,
    ) -> tuple[Sums, Places, Sums, Places]:
        """Return what :meth:`_part` does, by ``sums`` of images as they are, the nearest aligned."""
        near = nearest(sums[:, :first], places[:, :first], SHORT_LIST)[1]
        best, of_classes = nearest_of_classes(sums, places, self.codes[places], self.n_classes)
        ranked = np.argsort(best, axis=1, kind="stable")[:, :SHORT_CLASSES]
        of_classes = np.take_along_axis(of_classes, ranked, 1)
        listed = np.hstack([near, np.where(of_classes < 0, near[:, :1], of_classes)])
        columns = _columns_of(places, listed)
        plain = np.take_along_axis(sums, columns, 1)
        factor = None if factors is None else np.take_along_axis(factors, columns, 1)
        whole = _times(plain + ALIGNED_WEIGHT * self._rests(queries, listed, exclude, progress), factor)
        whole[plain == FARTHEST] = FARTHEST
        # What is not aligned is as far as if alignment had changed nothing, and farther than what is.
        last = np.where(whole == FARTHEST, 0, whole).max(axis=1)[:, None]
        as_it_is = _times(np.where(sums == FARTHEST, 0, sums) * (1 + ALIGNED_WEIGHT), factors)
        every = np.where(sums == FARTHEST, FARTHEST, np.maximum(as_it_is, last + 1))
        np.put_along_axis(every, columns, whole, 1)
        every_class = nearest_of_classes(every, places, self.codes[places], self.n_classes)
        return (*nearest(every, places, k), *every_class)

    def _rests(self, queries: Bytes, listed: Places, exclude: Places | None, progress: Progress) -> Sums:
        """Return what still differs after alignment, of each query and what is listed for it."""
        asked = np.broadcast_to(np.arange(len(queries))[:, None], listed.shape)
        if exclude is not None:
            # Queries that are kept images: pairs that were compared before are remembered.
            itself = np.broadcast_to(exclude[:, None], listed.shape)
            pairs = np.column_stack([itself.ravel(), listed.ravel()])
            return self._rest_of(pairs, progress).reshape(listed.shape)
        keys, named = np.unique((asked * len(self.codes) + listed).ravel(), return_inverse=True)
        pairs = np.column_stack(np.divmod(keys, len(self.codes)))
        found = aligned_distances(queries, self.images, pairs, self.comparison, progress=progress)
        return found[named].reshape(listed.shape)

    def _factors_of(self, places: Places, exclude: Places | None, progress: Progress) -> Sums:
        """Return what distances to some images count, without each query's own image where it is left out."""
        if exclude is None:
            return self._factors(progress)[places]
        return np.take_along_axis(self._hubness(progress).without(exclude), places, 1)

    def _factors(self, progress: Progress) -> Sums:
        factors: Sums = self._derived.get_or("factors", lambda: self._hubness(progress).factors)
        return factors

    def _hubness(self, progress: Progress) -> Hubness:
        """Return how near images are to those of other classes."""

        def plain(pairs: Places) -> Sums:
            return self._plain_of(pairs, progress)

        def whole(pairs: Places) -> Sums:
            if not self.comparison.aligned:
                return plain(pairs)
            return plain(pairs) + ALIGNED_WEIGHT * self._rest_of(pairs, progress)

        hubness: Hubness = self._derived.get_or(
            "hubness", lambda: Hubness.of(self.index, self.codes, plain, whole, progress)
        )
        return hubness

    def _plain_of(self, pairs: Places, progress: Progress) -> Sums:
        """Return how far pairs of kept images are apart as they are, remembering it."""

        def measure(some: Places) -> Sums:
            rows, where = np.unique(some[:, 0], return_inverse=True)
            counts = np.bincount(where)
            # Each row's others side by side; what is short of the longest is filled up with its first.
            order = np.argsort(where, kind="stable")
            column = np.arange(len(some)) - np.repeat(np.cumsum(counts) - counts, counts)
            chosen = np.repeat(some[order][np.cumsum(counts) - counts, 1][:, None], counts.max(), axis=1)
            chosen[where[order], column] = some[order, 1]
            found = self.index.distances(self.images[rows], chosen, progress=progress)
            sums = np.empty(len(some), np.int64)
            sums[order] = found[where[order], column]
            return sums

        return self._plain.of(self._serials.numbers[pairs], pairs, measure, self.comparison.symmetric)

    def _rest_of(self, pairs: Places, progress: Progress) -> Sums:
        """Return what still differs after alignment for pairs of kept images, remembering it."""

        def measure(some: Places) -> Sums:
            return aligned_distances(self.images, self.images, some, self.comparison, progress=progress)

        return self._rest.of(self._serials.numbers[pairs], pairs, measure, self.comparison.symmetric)


def _times(sums: Sums, factors: Sums | None) -> Sums:
    """Return sums multiplied by what they count; what is infinitely far stays so."""
    return sums if factors is None else np.where(sums == FARTHEST, FARTHEST, sums * factors)


def _columns_of(places: Places, wanted: Places) -> NDArray[np.intp]:
    """Return the first column of each place that is wanted, in its row."""
    order = np.argsort(places, axis=1, kind="stable")
    ranked = np.take_along_axis(places, order, 1)
    rows = np.arange(len(places))[:, None]
    step = int(max(places.max(), wanted.max())) + 1
    at = np.searchsorted((ranked + rows * step).ravel(), (wanted + rows * step).ravel())
    return np.take_along_axis(order, at.reshape(wanted.shape) - rows * places.shape[1], 1)
