"""The recogniser: a matcher, a preparation, labels and what was calibrated; it answers and explains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.look import (
    Look,
    gray_bytes,
    look,
    paper_and_darkness,
    roughness,
    row_spans,
    sample,
    spans_together,
    strange,
    strange_rows,
)
from lookalike.data.sizes import Sizes
from lookalike.errors import InputError, LabelWarning, warn
from lookalike.images import as_images, digests, one_alone, sizes
from lookalike.prepare import FitToInk, Prepare
from lookalike.prepare.chain import FITTED
from lookalike.prepare.steps import run_all
from lookalike.progress import Progress, silent
from lookalike.recognition.as_bytes import AsBytes
from lookalike.recognition.explanation import Evidence, explain
from lookalike.recognition.labels import LABELS, LabelTable
from lookalike.recognition.measured import Measured
from lookalike.recognition.probability import Calibration, LeftOut, calibrate, probabilities
from lookalike.recognition.rejection import Basis, Rejection, asked_level, checked_level
from lookalike.recognition.reservoir import Reservoir, image_keys, smallest, spreads
from lookalike.recognition.shard import Shard
from lookalike.recognition.vote import Vote
from lookalike.search.matcher import Codes, Matcher
from lookalike.search.matches import Matches
from lookalike.search.together import (
    Keys,
    Together,
    groups_in,
    joined,
    kin_of,
    shift_keys,
    value_sums,
    without,
)
from lookalike.state import (
    Derived,
    Fact,
    Part,
    State,
    array,
    checked_list,
    checked_whole,
    short,
    texts,
    whole,
)
from lookalike.text import quoted

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Kept images are looked at so many at a time.
_CHUNK = 8192


class Origin(NamedTuple):
    """Where a model in a file came from; the model keeps it, so that saving it again does too."""

    data: Mapping[str, Any] | None  # the training data's name, number of images and hash
    figures: Mapping[str, Any]  # what was measured of the model
    changed: bool  # the model learned or forgot images since


class Answers(NamedTuple):
    """The answer to each image, and whether it is none of the classes.

    Attributes
    ----------
    labels : ndarray of shape (n,)
        What ``predict`` returns.
    distances : ndarray of shape (n,), float64
        How unlike the image is to what answered: the nearest of the training images that voted for the
        answer, or its class's own image.
    rejected : ndarray of shape (n,), bool
        True where the image is none of the classes, at the level that was asked for.
    basis : Basis
        What the level rests on.
    """

    labels: NDArray[np.generic]
    distances: Floats
    rejected: Flags
    basis: Basis


def _shape(name: str, value: Any) -> tuple[int, ...]:
    """Return the shape of images from a file."""
    shape = tuple(checked_list(name, value))
    if not all(type(side) is int and 1 <= side <= 2**40 for side in shape):
        raise InputError(f"{name} is {short(value)}: expected whole numbers from 1")
    if len(shape) not in (2, 3) or shape[2:] > (4,) or shape[2:] == (1,):
        raise InputError(f"{name} is {shape}: expected (h, w) or (h, w, c), c from 2 to 4")
    return shape


def _look(name: str, value: Any) -> Look:
    """Return the look of training images from a file."""
    numbers = [checked_whole(name, one, 0, 2**53) for one in checked_list(name, value)]
    if len(numbers) != len(Look._fields):
        raise InputError(f"{name} has {len(numbers)} numbers: expected {len(Look._fields)}")
    return Look(*numbers)


def _reading(name: str, value: Any) -> tuple[int, int]:
    """Return how files of images are to be read, from a file."""
    numbers = checked_list(name, value)
    if len(numbers) != 2:
        raise InputError(f"{name} has {len(numbers)} numbers: expected 2")
    return checked_whole("bits", numbers[0], 8, 16), checked_whole("ground", numbers[1], 0, 255)


class Recogniser:
    """What answers: a matcher with a preparation, labels, and what says how sure it is.

    Arrays go in as :func:`lookalike.images.as_images` returns them (:meth:`checked` does it), or as 2-D
    rows of numbers where the model was fitted on those.
    """

    state: ClassVar[State] = {
        "labels": LABELS,
        "n_features": whole(1, 2**40),
        "image_shape": Fact(_shape, list, optional=True),
        "feature_names": texts(optional=True),
        "as_bytes": Part(AsBytes, optional=True),
        "prepare": replace(FITTED, optional=True),
        "vote": Part(Vote),
        "look": Fact(_look, list, optional=True),
        "roughest": array(np.float64, shape=(1,), low=0, optional=True),
        "row_spans": array(np.float64, shape=(3,), low=0, optional=True),
        "ids": array(np.int64, shape=("m",), low=0, high=2**62, optional=True),
        "next_id": whole(0, 2**62),
        "kin": array(np.uint64, shape=("m", 2), optional=True),
        "matcher": Part(),
        "reservoir": Part(Reservoir, optional=True),
        "known_left_out": Part(LeftOut, optional=True),
        "reading": Fact(_reading, list, optional=True),
        "sizes": Fact(Sizes.read, list, optional=True),
        "shard": Part(Shard, optional=True),
    }

    def __init__(
        self,
        matcher: Matcher,
        labels: LabelTable,
        image_shape: tuple[int, ...] | None,
        n_features: int,
        *,
        prepare: Prepare | None = None,
        as_bytes: AsBytes | None = None,
        vote: Vote | None = None,
        feature_names: tuple[str, ...] | None = None,
    ) -> None:
        self.matcher, self.labels = matcher, labels
        self.prepare, self.as_bytes, self.vote = prepare, as_bytes, vote or Vote()
        self.image_shape, self.n_features, self.feature_names = image_shape, n_features, feature_names
        self.look: Look | None = None
        #: (1,): the roughness of the roughest training image; None of rows, and in files of before.
        self.roughest: Floats | None = None
        #: (3,): the ranges of training rows, by :func:`row_spans`; None of images, and in files of before.
        self.row_spans: Floats | None = None
        self.ids: NDArray[np.int64] | None = None
        self.next_id = 0
        #: How files of the training images were read: ``Source.reading`` of labelled images.
        self.reading: tuple[int, int] | None = None
        #: How large files of the training images were, where some were resized: others like them are, too.
        self.sizes: Sizes | None = None
        #: What is known of each training image by :func:`lookalike.search.together.kin_of`.
        self.kin: Keys | None = None
        self.reservoir: Reservoir | None = None
        #: Which rows of a whole it was fitted on, while other models have the others.
        self.shard: Shard | None = None
        #: What was left out by the fit, where that follows from all images at once and cannot be done later.
        self.held: LeftOut | None = None
        self.begin()

    def begin(self, origin: Origin | None = None) -> None:
        """Know nothing yet of what follows from what was learned."""
        self.origin = origin
        #: What is left out anew after a change begins with this.
        self._measured: Measured | None = None
        #: (n,): a number for each kept image that follows from its values, once images are taught.
        self._values: Keys | None = None
        self._derived = Derived()

    def restored(self) -> None:
        """Refuse parts that do not go together."""
        matcher, n_classes = self.matcher, len(self.labels.classes)
        if self.image_shape is not None and int(np.prod(self.image_shape)) != self.n_features:
            raise InputError(f"image_shape is {self.image_shape}: expected {self.n_features} values")
        names = self.feature_names
        if names is not None and (len(names) != self.n_features or self.image_shape is not None):
            raise InputError(f"feature_names are {len(names)}: expected one for each column of a table")
        if len(matcher.class_counts) != n_classes:
            raise InputError(f"the matcher is of {len(matcher.class_counts)} classes: expected {n_classes}")
        ids = self.ids
        if matcher.keeps_images != (ids is not None) or (self.kin is not None and ids is None):
            raise InputError("ids or kin do not go with the matcher")
        if ids is not None and (
            len(ids) != len(matcher.codes)
            or not len(ids)
            or ids[-1] >= self.next_id
            or not (ids[1:] > ids[:-1]).all()
        ):
            raise InputError(
                f"ids are not ascending numbers from 0 to {self.next_id - 1}, one for each training image"
            )
        held = self.reservoir
        if held is not None and (
            held.codes.max() >= n_classes
            or (np.bincount(held.codes, minlength=n_classes) > matcher.class_counts).any()
        ):
            raise InputError("the reservoir holds more images of a class than were seen")
        known = self.known_left_out
        needed = held if not matcher.fixed else known
        if not matcher.keeps_images and needed is None:
            raise InputError("known_left_out or the reservoir is missing")
        if known is not None and known.distances.shape[1] != n_classes:
            raise InputError(f"known_left_out is of {known.distances.shape[1]} classes: expected {n_classes}")
        of_rows = self.image_shape is None
        if (self.look is not None and of_rows) or (self.row_spans is not None and not of_rows):
            raise InputError("look is of images, and row_spans are of rows: expected those of the model")
        self._check_seen_shape()

    def _check_seen_shape(self) -> None:
        """Refuse a matcher of images of another shape than those that are asked."""
        shape = self.image_shape or (self.n_features,)
        if self.as_bytes is not None and self.as_bytes.shape is not None:
            if int(np.prod(self.as_bytes.shape)) != self.n_features:
                raise InputError(f"shape is {self.as_bytes.shape}: expected {self.n_features} values")
            shape = self.as_bytes.shape
        some = self.matcher.kept(np.zeros(1, np.intp))
        held, of_these = self.reservoir, shape if some is None else some.shape[1:]
        if held is not None and held.images.shape[1:] != of_these:
            raise InputError(f"the reservoir holds images of {held.images.shape[1:]}: expected {of_these}")
        if some is not None and self.prepare is None and some.shape[1:] != shape:
            raise InputError(f"the matcher keeps images of {some.shape[1:]}: expected {shape}")
        if some is not None and self.prepare is not None and some.ndim != 3:
            raise InputError(f"the matcher keeps images of {some.shape[1:]}: expected gray ones, as prepared")

    # What is asked.

    def checked(self, X: ArrayLike) -> NDArray[Any]:
        """Return an image batch of the shape that the model was fitted on, refusing any other."""
        if isinstance(X, np.ndarray) and X.dtype == np.uint8 and X.shape[1:] == self.image_shape and len(X):
            return np.ascontiguousarray(X)
        images = as_images(X)
        if self.image_shape is None:
            raise InputError(
                f"X is an image batch of {sizes(images.shape[1:])}: expected (n, {self.n_features}) rows, "
                "as in fit"
            )
        if images.shape[1:] != self.image_shape:
            raise InputError(
                f"images are {sizes(images.shape[1:])}: expected {sizes(self.image_shape)}, as in fit"
                + (one_alone(images.shape, self.image_shape) or " (resize them first)")
            )
        return images

    def seen(self, images: NDArray[Any], progress: Progress = silent) -> NDArray[Any]:
        """Return what the matcher is given of images: prepared, and as bytes where it wants bytes."""
        if self.as_bytes is not None and (images.ndim == 2 or images.dtype != np.uint8):
            images = self.as_bytes(images)
        return images if self.prepare is None else run_all(self.prepare.steps_, images, progress)

    def match(
        self,
        images: NDArray[Any],
        k: int | None = None,
        *,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> tuple[Matches, NDArray[Any]]:
        """Return what is nearest to images, and what was seen of them; by default as many as vote.

        Every answer comes through here: strange images are warned of.
        """
        if self.look is not None:
            for kind, text in strange(images, self.look).items():
                if kind not in self._mended():
                    warn(text)
        if self.row_spans is not None and (said := strange_rows(images, self.row_spans)):
            warn(said)
        seen = self.seen(images, progress)
        k = self.vote.among(len(self.matcher.codes)) if k is None else k
        return self.matcher.match(seen, k, reach=reach, progress=progress), seen

    @property
    def voters(self) -> int:
        """How many of what is kept vote."""
        return self.vote.among(len(self.matcher.codes))

    def count(self, n_neighbors: int | None) -> int:
        """Return how many neighbours are asked for: as many as vote where that is not said."""
        return self.voters if n_neighbors is None else Vote(n_neighbors).among(len(self.matcher.codes))

    def predict(self, images: NDArray[Any], progress: Progress = silent) -> tuple[NDArray[Any], Floats]:
        """Return the label of each image, and how unlike the image is to what answered."""
        matches, _ = self.match(images, reach=1, progress=progress)
        codes, distances = self.vote.answers(matches)
        return self.labels.classes[codes], distances

    def answer(self, images: NDArray[Any], alpha: float, progress: Progress = silent) -> Answers:
        """Return the answer to each image, and whether it is rejected at a level."""
        rejection = self.rejection(progress)
        matches, seen = self.match(images, reach=rejection.reach(asked_level(alpha)), progress=progress)
        codes, distances = self.vote.answers(matches)
        rejected = np.logical_not(self.sets(matches, images, seen, alpha).any(axis=1))
        return Answers(self.labels.classes[codes], distances, rejected, rejection.basis(alpha))

    def sets(self, matches: Matches, images: NDArray[Any], seen: NDArray[Any], alpha: float) -> Flags:
        """Return which classes each image may be of, ``(n, n_classes)``."""
        unlike = self.unlike(images, seen)
        return self.rejection().sets(matches.class_distances, checked_level(alpha), unlike)

    def unlike(self, images: NDArray[Any], seen: NDArray[Any]) -> Flags:
        """Return which images are blank, or look like no training image; rows of a table never do."""
        if self.look is None:
            return np.zeros(len(seen), np.bool_)
        unlike: Flags = spreads(seen) < self.rejection().blank_below
        if not (self.look.light and self.look.dark):
            exchanged = paper_and_darkness(gray_bytes(images))[1] * np.sign(self.look.light - self.look.dark)
            if (exchanged > 0).any() and "polarity" not in self._mended():
                unlike |= exchanged > 0
        if self.roughest is not None:
            unlike |= roughness(images) > max(self.roughest[0], (1 + self.roughest[0]) / 2)
        return unlike

    def probabilities(self, matches: Matches) -> Floats:
        """Return how likely each class is, ``(n, n_classes)``; all classes must have been told."""
        codes, _ = self.vote.answers(matches)
        return probabilities(matches.class_distances, codes, self.calibration())

    def explain(self, images: NDArray[Any], n_neighbors: int, progress: Progress = silent) -> list[Evidence]:
        """Return what the answer to each image rests on."""
        n = len(self.matcher.codes)
        k = max(self.voters, min(n_neighbors, n)) if self.matcher.keeps_images else self.voters
        matches, seen = self.match(images, k, progress=progress)
        codes, _ = self.vote.answers(matches.nearest(self.voters))
        shown = min(n_neighbors, n) if self.matcher.keeps_images else 0
        return explain(self, images, seen, matches.nearest(shown), codes)

    def is_kept(self, images: NDArray[Any]) -> Flags:
        """Return which images are, to the model, the same as one of its training images."""
        kept = np.concatenate([digests(self._kept(places)) for places in self._in_chunks()])
        return np.isin(digests(self.seen(images)), kept)

    # What says how sure it is.

    def calibration(self, progress: Progress = silent) -> Calibration:
        """Return how distances become probabilities, worked out once for each state of the model."""

        def make() -> Calibration:
            return calibrate(self.left_out(progress), self.matcher.class_counts)

        calibration: Calibration = self._derived.get_or("calibration", make)
        return calibration

    def rejection(self, progress: Progress = silent) -> Rejection:
        """Return what training images say of rejection, worked out once for each state of the model."""

        def make() -> Rejection:
            return Rejection(self.left_out(progress), self.matcher.class_counts > 0)

        rejection: Rejection = self._derived.get_or("rejection", make)
        return rejection

    def left_out(self, progress: Progress = silent) -> LeftOut:
        """Return class distances of up to 2,000 training images, each left out of everything in turn.

        They are those with the smallest hash of their pixels and label, so that the order and the parts of
        training do not matter; of copies it is one, and all are left out, and so is its group
        (:mod:`lookalike.search.together`).
        """
        if self.held is not None:
            return self.held
        left_out: LeftOut = self._derived.get_or("left out", lambda: self._leave_out(progress))
        return left_out

    def lean_on(self, before: Recogniser) -> None:
        """Take what was left out of an earlier state of the model for now: leaving images out takes a while.

        Labels and distances do not depend on it; how sure they are follows once :meth:`recalibrate` is done.
        """
        known = before.known_left_out
        if self.held is None and known is not None:
            moved = before.labels.moved_to(self.labels)
            known = known.moved(moved, len(self.labels.classes))
            self._derived = Derived({"left out": known} if len(known.codes) else {})

    def recalibrate(self, progress: Progress = silent) -> None:
        """Work out anew how sure answers are; until that is done they are what they were."""
        fresh = Derived({"left out": self.held or self._leave_out(progress)})
        fresh["calibration"] = calibrate(fresh["left out"], self.matcher.class_counts)
        fresh["rejection"] = Rejection(fresh["left out"], self.matcher.class_counts > 0)
        self._derived = fresh

    def _leave_out(self, progress: Progress) -> LeftOut:
        matcher: Any = self.matcher
        if matcher.keeps_images:
            return self._left_out(None, matcher.codes, self.kin, progress)
        held = self.reservoir
        assert held is not None, "without one, the fit has left images out"
        return self._left_out(held.images, held.codes, held.kin, progress)

    def judged(self, images: NDArray[Any] | None = None, codes: Codes | None = None) -> NDArray[np.int64]:
        """Return the ids of images left out in turn; of images not kept, places among those given."""
        if self.ids is not None:
            return self.ids[self._judged(None, self.matcher.codes, self.kin)[1]]
        held = self.reservoir
        if held is None or images is None or codes is None:
            raise InputError("this model keeps no images: nothing says which were left out")
        keys = image_keys(self.seen(images), codes, self.labels.classes)
        order = np.argsort(keys, kind="stable")
        judged = held.keys[self._judged(held.images, held.codes, held.kin)[1]]
        return order[np.searchsorted(keys, judged, sorter=order)]

    def _judged(
        self, images: NDArray[Any] | None, codes: Codes, kin: Keys | None
    ) -> tuple[Together, NDArray[np.intp]]:
        """Return which images are left out together, and the places of those that are left out in turn."""
        known = [(images, codes)] if images is not None else map(self._labelled, self._in_chunks())
        keys = [(image_keys(some, own, self.labels.classes), shift_keys(some)) for some, own in known]
        together = Together.of([shifts for _, shifts in keys], codes, kin)
        hashes = np.concatenate([key for key, _ in keys])
        places = np.argsort(hashes, kind="stable")
        places = together.one_each(places)
        found = places[smallest(hashes[places])]
        return together, found[: getattr(self.matcher, "most_left_out", len(found))]

    def _left_out(
        self, images: NDArray[Any] | None, codes: Codes, kin: Keys | None, progress: Progress
    ) -> LeftOut:
        """Leave training images out; they are given where the matcher does not keep them."""
        matcher: Any = self.matcher
        together, places = self._judged(images, codes, kin)
        seen = self._kept(places) if images is None else images[places]
        distances = np.full((len(places), len(self.labels.classes)), np.inf)
        for rows, gone in together.leaving_out(places):
            some = seen[rows]
            if gone is None and images is None:
                distances[rows] = self._without_each(some, places[rows], progress)
            elif gone is None:
                own = matcher.holder(some, codes[places[rows]])
                distances[rows] = matcher.match(some, 1, exclude=own, progress=progress).class_distances
            elif not gone.all():
                rest, classes = without(matcher, gone, images, codes)
                found = rest.match(some, 1, progress=progress)
                distances[np.ix_(rows, classes)] = found.class_distances
        groups = groups_in(kin)
        return LeftOut(distances, codes[places], spreads(seen), None if groups is None else groups[places])

    def _without_each(self, images: NDArray[Any], places: NDArray[np.intp], progress: Progress) -> Floats:
        """Return class distances of kept images, each alone left out."""
        matcher: Any = self.matcher
        if self.ids is None or not getattr(matcher, "merges", False):
            found: Floats = matcher.match(images, 1, exclude=places, progress=progress).class_distances
            return found
        self._measured = Measured.of(matcher, self.ids, self.labels, images, places, self._measured, progress)
        return self._measured.distances

    def _labelled(self, places: NDArray[np.intp]) -> tuple[NDArray[Any], Codes]:
        return self._kept(places), self.matcher.codes[places]

    def _kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        kept = self.matcher.kept(places)
        assert kept is not None, "a matcher that keeps images has them"
        return kept

    def _in_chunks(self) -> Iterator[NDArray[np.intp]]:
        """Yield the places of all that is kept, some at a time."""
        n = len(self.matcher.codes)
        for start in range(0, n, _CHUNK):
            yield np.arange(start, min(start + _CHUNK, n))

    @property
    def known_left_out(self) -> LeftOut | None:
        """What was left out before: files hold it, for it may take a while."""
        return self.held or self._derived.get("left out")

    @known_left_out.setter
    def known_left_out(self, left_out: LeftOut | None) -> None:
        self.begin()
        self.held = left_out if self.matcher.fixed else None
        if left_out is not None:
            self._derived["left out"] = left_out

    def _mended(self) -> frozenset[str]:
        """Return what does not matter to the model, of what can be strange."""
        steps = () if self.prepare is None else self.prepare.steps_
        fits = FitToInk in map(type, steps)
        forgets = getattr(self.matcher, "forgets_polarity", False)
        return frozenset(({"size"} if fits else set()) | ({"polarity"} if forgets else set()))

    # What is learned: what others may be asking is copied first, and the copy learns.

    def copied(self) -> Recogniser:
        """Return a copy that may learn and forget: whoever has this one sees nothing of it."""
        other = copy(self)
        other.matcher = copy(self.matcher)
        return other

    def take_over(self, other: Recogniser) -> None:
        """Be all that another one is."""
        self.__dict__ = vars(other)

    def fit(
        self,
        images: NDArray[Any],
        seen: NDArray[Any],
        codes: Codes,
        progress: Progress = silent,
        kin: Keys | None = None,
    ) -> None:
        """Learn labelled images, of which ``seen`` is what the matcher sees, and nothing else."""
        matcher: Any = self.matcher
        more = {"kin": kin} if getattr(matcher, "holds_out", False) else {}
        matcher.fit(seen, codes, len(self.labels.classes), progress=progress, **more)
        self.begin()
        self.look_at(images)
        if matcher.keeps_images:
            self.ids, self.next_id = np.arange(len(images), dtype=np.int64), len(images)
            self.kin = kin
        elif not matcher.fixed:
            self.reservoir = Reservoir.of(seen, codes, self.labels.classes, kin)
        elif hasattr(matcher, "judged"):
            places = matcher.judged
            found, own = matcher.match(seen[places], 1, progress=progress), codes[places]
            of_groups = None if kin is None else groups_in(kin[places])
            self.held = LeftOut(found.class_distances, own, spreads(seen[places]), of_groups)
        else:
            self.held = self._left_out(seen, codes, kin, progress)

    def look_at(self, images: NDArray[Any]) -> None:
        """Note what training images look like. Of many only some are looked at: it would take longest."""
        if self.image_shape is not None:
            self.look, self.roughest = look(sample(images)), roughness(sample(images)).max(keepdims=True)
        else:
            self.row_spans = row_spans(images)

    def become(self, shard: Shard, images: NDArray[Any]) -> None:
        """Be a shard: images count as those of the whole, which has the look of ``images``, all of it."""
        self.shard = shard
        self.look_at(images)
        if self.ids is not None:
            self.ids, self.next_id = self.ids + shard.rows[0, 0], shard.total

    def kin_among(self, images: NDArray[Any], codes: Codes, groups: NDArray[Any] | None) -> Keys | None:
        """Return what is known of images before they are prepared.

        ``groups (n,)`` are anything that has a text: who wrote each image, or which camera took it.
        """
        if self.prepare is None and groups is None:
            return None
        if self.as_bytes is not None and self.as_bytes.shape is not None:
            images = images.reshape(len(images), *self.as_bytes.shape)
        return kin_of(images, codes, groups)

    def add(
        self, images: NDArray[Any], codes: Codes, groups: NDArray[Any] | None = None
    ) -> NDArray[np.int64]:
        """Learn further images of known classes, and return their ids: none where images are not kept."""
        matcher: Any = self.matcher
        kin = self.kin_among(images, codes, groups)
        seen = self.seen(images)
        some = matcher.kept(np.zeros(1, np.intp))
        if some is not None and some.dtype != seen.dtype:
            self._measured = self._values = None  # bytes become floats
        elif self.ids is not None and seen.ndim > 2:
            self._note(seen, codes)
        matcher.add(seen, codes)
        if self.look is not None:
            self.look = self.look.plus(look(sample(images)))
            if self.roughest is not None:
                self.roughest = np.maximum(self.roughest, roughness(sample(images)).max())
        if self.row_spans is not None:
            self.row_spans = spans_together(self.row_spans, row_spans(images))
        ids = np.empty(0, np.int64)
        if self.ids is not None:
            ids = np.arange(self.next_id, self.next_id + len(images), dtype=np.int64)
            self.kin = joined(self.kin, len(self.ids), kin, len(images))
            self.ids, self.next_id = np.concatenate([self.ids, ids]), self.next_id + len(images)
        if self.reservoir is not None:
            more = Reservoir.of(seen, codes, self.labels.classes, kin)
            self.reservoir = self.reservoir.joined(more)
        self._changed()
        return ids

    def _note(self, seen: NDArray[Any], codes: Codes) -> None:
        """Warn of further images that are kept already, as another class; note what is kept then."""
        new, known = value_sums(seen), self._values
        if known is None:
            known = np.concatenate([value_sums(self._kept(places)) for places in self._in_chunks()])
        clashes = []
        for row in np.flatnonzero(np.isin(new, known)).tolist():
            at = np.flatnonzero((known == new[row]) & (self.matcher.codes != codes[row]))
            same = (place for place in at.tolist() if (self._kept(np.array([place])) == seen[row]).all())
            clashes += [(row, place) for place in islice(same, 1)]
        if clashes:
            row, place = clashes[0]
            taught, other = (self.labels.classes[code] for code in (codes[row], self.matcher.codes[place]))
            warn(
                f"of {len(seen)} images taught {len(clashes)} are, to the model, the same as one that it "
                f"keeps as another class (one taught as {quoted(taught)} is kept as {quoted(other)}): forget "
                "one of both",
                LabelWarning,
            )
        self._values = np.concatenate([known, new])

    def teach(
        self, images: NDArray[Any], labels: ArrayLike, groups: NDArray[Any] | None = None
    ) -> NDArray[np.int64]:
        """Learn further images, of new classes too, and return their ids."""
        self.check_teachable()
        grown, codes = self.labels.grown(labels, len(images))
        self._relabel(grown)
        return self.add(images, codes, groups)

    def check_teachable(self) -> None:
        """Refuse to be taught, where that is not possible."""
        if self.matcher.fixed:
            raise InputError(f"this model cannot be taught: {self.matcher.fixed}")

    def forget(self, ids: ArrayLike) -> None:
        """Forget training images; a class that was taught goes with its last image."""
        matcher: Any = self.matcher
        wanted = np.atleast_1d(np.asarray(ids))
        if self.ids is not None and matcher.fixed:
            raise InputError(f"this model cannot forget: {matcher.fixed}")
        if self.ids is None:
            raise InputError("this model keeps no images that it could forget: fit it again without them")
        if wanted.dtype.kind not in "iuf":
            kind = "true or false" if wanted.dtype.kind == "b" else "no numbers"
            raise InputError(f"ids are {kind}: expected whole numbers that are in ids_")
        wanted = np.unique(wanted)
        strange = wanted[~np.isin(wanted, self.ids)]
        if strange.size:
            raise InputError(f"no training image has the id {strange[0]}: expected ids that are in ids_")
        if len(wanted) == len(self.ids):
            raise InputError(
                f"all {len(wanted)} training images would be forgotten: expected at least one left"
            )
        gone = np.isin(self.ids, wanted)
        matcher.remove(np.flatnonzero(gone))
        self.ids = self.ids[~gone]
        self.kin = None if self.kin is None else self.kin[~gone]
        self._values = None if self._values is None else self._values[~gone]
        self._relabel(self.labels.without_empty(matcher.class_counts))
        self._changed()

    def _relabel(self, labels: LabelTable) -> None:
        """Have other labels, and let everything follow."""
        moved = self.labels.moved_to(labels)
        if len(labels.classes) != len(self.labels.classes) or (moved != np.arange(len(moved))).any():
            self.matcher.move_classes(moved, len(labels.classes))
            if self.reservoir is not None:
                self.reservoir = self.reservoir.moved(moved)
            self._derived = Derived()
        self.labels = labels

    def _changed(self) -> None:
        """Forget what followed from the state before, and that it is the one that was stored."""
        self._derived = Derived()
        self.shard = None
        if self.origin is not None:
            self.origin = self.origin._replace(changed=True)
