"""Several measures at once: a weighted sum of how unlike images are in shape, colour and texture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import gray_bytes
from lookalike.data.pixels import resized_batch
from lookalike.errors import InputError
from lookalike.images import as_images, evenly
from lookalike.prepare import Prepare
from lookalike.prepare.chain import FITTED, choose, paper_share
from lookalike.progress import Progress, silent
from lookalike.search.deformable.alignment import Pairs, Serials, aligned_distances
from lookalike.search.deformable.comparison import (
    ALIGNED_WEIGHT,
    Bytes,
    Deformation,
    Settings,
    choose_comparison,
)
from lookalike.search.deformable.index import DeformableIndex
from lookalike.search.matcher import Amount, Codes, Costs, Kind
from lookalike.search.matches import Matches, Places, nearest, nearest_of_classes
from lookalike.search.mixture.features import altered_edges, feature_rows
from lookalike.search.mixture.heads import Head, Rows
from lookalike.search.mixture.jitter import jittered
from lookalike.search.mixture.known import KnownSums
from lookalike.search.mixture.network import OnnxNetwork
from lookalike.search.mixture.weights import fitted_weights
from lookalike.search.pixels import check_codes
from lookalike.search.together import Keys, Together, shift_keys, without
from lookalike.state import Derived, Part, State, array, class_codes, number, texts, whole

Floats = NDArray[np.float64]

#: So many images that are nearest by everything else are aligned, and the nearest of so many classes.
SHORT_LIST, SHORT_CLASSES = 12, 8
#: Gradients are compared with so many images, and with the nearest of each class, by coarse descriptions:
#: what pixels that may move cost takes 20 microseconds of a processor for two images of 28x28.
MOST_COMPARED = 300
#: Scales, turns and weights are decided among so many images at most, drawn from all classes alike, and how
#: sure answers are by so many that are left out.
MOST_DECIDING, MOST_LEFT_OUT = MOST_COMPARED, 250
#: Weights are decided by so many images, each left out, at most.
MOST_JUDGED = 500
#: By so many it is decided whether images are compared in all quarter turns.
MOST_TURNED = 100
#: By how much their mean loss must fall for it: turning takes four times as long.
WORTH_TURNING = 0.01
#: So many altered copies of each example are made, and so many of all.
COPIES, MOST_JITTERED = 4, 100
#: The head of edges knows so many altered copies of each example too, and so many of all.
EDGE_COPIES, MOST_EDGE_COPIES = 10, 1000
#: From so many examples of a typical class on, copies tell nothing that left-out examples do not tell
#: better.
ENOUGH = 3
#: How strongly weights are drawn towards the prior by copies, and towards what these say by examples.
_PULL, _PENALTY, _ROUNDS = 0.5, 0.3, 2
#: Images with less even paper than the first share are photographs, which do not bend; with more than
#: the second they are drawings.
_PHOTOGRAPHS, _DRAWINGS = 0.35, 0.75
#: Quarter turns of a whole one.
TURNS = 4
#: Sums are rounded to multiples of this: what is added up in another order stays equal.
_ROUNDED = 2.0**-30
#: Numbers that are held at once.
_HELD_NUMBERS = 1 << 22


class Term(NamedTuple):
    """What is known of a term beforehand."""

    title: str
    prior: float  # its weight where examples cannot tell
    of_photographs: float = 1.0  # the part of it that it has where images are photographs
    unseen: float = 1.0  # and of photographs the part that it has where no example can be left out
    photographs: bool | None = None  # of gradients: prepared and compared as photographs, or as drawings
    floor: float = 0.0  # of features: how long rows are that say nothing
    evened: bool = False  # of features: numbers of different kinds
    altered: bool = False  # of features: its head knows altered copies of the examples too
    by_default: bool = True


#: The term that needs a network that the user has.
EMBEDDING = "embedding"
#: The one table of terms: gradients that may move, and features of the image as a whole.
TERMS: Mapping[str, Term] = {
    "shape": Term("shape as a drawing", 2.0, 0.5, 0.1, photographs=False),
    "turned": Term("shape without strength and polarity", 2.0, photographs=True),
    "colour": Term("colour", 0.48, unseen=0.25, floor=0.4),
    "texture": Term("texture", 0.66, unseen=0.1, floor=1.4),
    "energy": Term("texture energy", 0.3, floor=0.4, evened=True),
    "edges": Term("edges", 0.36, unseen=0.5, floor=0.4, altered=True),
    EMBEDDING: Term("features of a network", 0.6, floor=0.4, by_default=False),
}
DEFAULT_TERMS = tuple(name for name, term in TERMS.items() if term.by_default)
GRADIENTS = tuple(name for name, term in TERMS.items() if term.photographs is not None)


class GradientTerm:
    """Nearest images by gradients whose pixels may move: prepared, and compared, as one kind of image."""

    state: ClassVar[State] = {
        "prepare": FITTED,
        "comparison": Part(Deformation),
        "scale": number(1e-300, 1e300),
    }

    prepare: Prepare
    comparison: Deformation
    scale: float  # the median distance of an example to the nearest other one

    def __init__(self, images: Bytes, codes: Codes, photographs: bool) -> None:
        self.prepare = choose(images, codes, photographs=photographs)
        seen = self.prepare.transform(images)
        self.comparison, _ = choose_comparison(Settings(hubness=False), seen, codes, photographs)
        self.scale = 1.0

    def index_of(self, images: Bytes) -> DeformableIndex:
        """Return the index of raw images."""
        return DeformableIndex(self.prepare.transform(images), self.comparison)

    def distances(self, sums: NDArray[np.int64], shape: tuple[int, ...]) -> Floats:
        """Return sums as distances over the scale."""
        scaled: Floats = self.comparison.root_means(sums, shape) / self.scale
        return scaled


class _Compared(NamedTuple):
    """How queries compare with all that is kept, whatever the weights, before any is aligned."""

    costs: Mapping[str, Floats]  # (q, n) by each term: scaled distances, or the costs of images' classes
    asked: Mapping[str, tuple[Bytes, NDArray[np.int64]]]  # by gradients: queries as prepared, sums (q, n)
    exclude: Places | None
    quarter: int  # by how many quarters queries were turned


class MixtureMatcher:
    r"""The training images with the smallest weighted sum of scaled distances.

    .. math:: D(i) = \sum_g w_g \frac{d_g(i)}{m_g} + \sum_f w_f \, c_f(\text{class of } i)

    over terms :math:`g` of gradients, with the deformable distance :math:`d_g` and its median
    :math:`m_g` over examples and their nearest others, and terms :math:`f` of features, with :math:`c_f` of
    :class:`lookalike.search.mixture.heads.Head`. Weights are those at which the softmax of :math:`-D` over
    classes gives examples, each left out, their own class with the least loss, drawn towards a prior
    (:mod:`lookalike.search.mixture.weights`). They, scales and centres are those of the examples of
    ``fit``.

    Of more than 300 images gradients are compared with the 300 whose coarse descriptions
    (:func:`lookalike.distance.deformation.planes.edge_descriptors`, those of all gradients together) are
    nearest by L2, and with the nearest of each class; all others are as far as the farthest of these.
    Alignment is slower still: it is done for the images that are nearest by everything else; what is not
    aligned is as far as if alignment had changed nothing, and no nearer than what is.
    """

    state: ClassVar[State] = {
        "names": texts(),
        "weights": array(np.float64, shape=("t",), low=0, high=1e6),
        "reasons": texts(),
        "images": array(np.uint8, shape=("n", ...)),
        "codes": class_codes("n"),
        "n_classes": whole(1, 2**31),
        "turns": whole(1, 4),
        "bend": number(0, 1),
        "copies": whole(0, EDGE_COPIES),
        **{name: Part(GradientTerm if name in GRADIENTS else Head, optional=True) for name in TERMS},
        "network": Part(OnnxNetwork, optional=True),
    }
    keeps_images = True
    fixed = ""
    kind: Kind = "training image"
    title = "mixture of measures"
    root = False
    forgets_polarity = False
    holds_out = True
    most_left_out = MOST_LEFT_OUT

    names: tuple[str, ...]
    weights: Floats
    reasons: tuple[str, ...]
    images: Bytes
    codes: Codes
    n_classes: int
    turns: int  # in so many quarter turns queries are compared: 1, as they are, or 4
    bend: float  # how far images are drawings, whose altered copies bend
    copies: int  # so many of each image the head of edges knows
    network: OnnxNetwork | None  # what the term of an embedding needs

    def __init__(
        self,
        names: tuple[str, ...],
        weights: Floats | None,
        turns: int | None = None,
        network: OnnxNetwork | None = None,
    ) -> None:
        self.names, self._given, self._turns, self.network = names, weights, turns, network
        for name in TERMS:
            setattr(self, name, None)

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_classes)

    def restored(self) -> None:
        """Refuse what does not go together."""
        check_codes(self.codes, self.n_classes)
        if not self.names or not set(self.names) <= set(TERMS) or len(set(self.names)) != len(self.names):
            raise InputError(f"names are {self.names}: expected some of {', '.join(TERMS)}")
        if len(self.weights) != len(self.names):
            raise InputError(f"{len(self.weights)} weights of {len(self.names)} terms")
        for name in TERMS:
            term = getattr(self, name)
            if (term is not None) != (name in self.names):
                raise InputError(f"the term {name} does not go with names")
        if (self.network is not None) != (EMBEDDING in self.names):
            raise InputError("a network does not go with names")
        as_images(self.images[:1])
        for name in self._heads:
            head, each = getattr(self, name), self._each(name)
            found = (head.each, *head.rows.shape, *head.solution.shape)
            n, width = each * len(self.codes), self._features(name, self.images[:1]).shape[1]
            if found != (each, n, width, n, self.n_classes):
                raise InputError(f"the term {name} has rows of shape {head.rows.shape}: expected {n, width}")
        self._begin()

    def _begin(self) -> None:
        self._derived = Derived()
        self._serials = Serials.of(len(self.codes))
        self._pairs = tuple(Pairs() for _ in range(TURNS))

    def fit(
        self,
        images: Bytes,
        codes: Codes,
        n_classes: int,
        kin: Keys | None = None,
        *,
        progress: Progress = silent,
    ) -> None:
        self.images, self.codes, self.n_classes = images.copy(), codes, n_classes
        self._begin()
        self.bend = _drawn(images)
        self.copies = min(EDGE_COPIES, MOST_EDGE_COPIES // len(images))
        terms = [TERMS[name] for name in self.names]
        self.weights = np.array([t.prior * (self.bend + (1 - self.bend) * t.of_photographs) for t in terms])
        for name in self.names:
            term = TERMS[name]
            if name in GRADIENTS:
                setattr(self, name, GradientTerm(images, codes, bool(term.photographs)))
            else:
                rows, each = self._rows(name, images), self._each(name)
                setattr(self, name, Head.scaled(rows, floor=term.floor, evened=term.evened, each=each))
        self._solve()
        n = len(codes)
        if n <= MOST_DECIDING:
            self._decide(kin, progress)
            return
        few = np.sort(np.argsort(codes, kind="stable")[evenly(n, MOST_DECIDING)])
        rest = copy(self)
        for name in self._gradients:
            setattr(rest, name, copy(getattr(self, name)))
        rest.remove(np.delete(np.arange(n), few))
        rest._decide(None if kin is None else kin[few], progress)
        self.weights, self.turns = rest.weights, rest.turns
        self.reasons = (*rest.reasons, f"decided among {len(few):,} of {n:,} images, of all classes alike")
        for name in self._gradients:
            getattr(self, name).scale = getattr(rest, name).scale

    def _solve(self) -> None:
        """Solve the heads for what is kept now."""
        for name in self._heads:
            setattr(self, name, getattr(self, name).solved(self.codes, self.n_classes))

    def _decide(self, kin: Keys | None, progress: Progress) -> None:
        """Decide scales and weights, by jittered copies of examples and by examples that are left out."""
        self.turns = 1
        self._decide_scales(progress)
        together = Together.of([shift_keys(self.images)], self.codes, kin)
        rows = together.one_each(np.flatnonzero(self.class_counts[self.codes] > 1))
        turns, why = self._decided_turns(rows[evenly(len(rows), MOST_TURNED)])
        if turns > 1:
            self.turns = turns
            self._decide_scales(progress)
        if self._given is not None:
            self.weights = self._given
            self.reasons = (*why, f"weights as you set them: {self._said()}")
            return
        n, told, prior = len(self.codes), [], self.weights
        copies = min(COPIES, MOST_JITTERED // n)
        if copies and self.n_classes > 1 and float(np.median(self.class_counts)) < ENOUGH:
            altered = jittered(self.images, copies, self.bend, seed=1)  # the head of edges knows others
            costs = self._class_costs(self._asked(altered, None, progress), progress)
            prior = fitted_weights(costs, np.tile(self.codes, copies), prior, _PULL * copies / COPIES)
            self.weights = prior
            told.append(f"{copies} altered copies of each example")
        rows = rows[evenly(len(rows), MOST_JUDGED)]
        if len(rows) and self.n_classes > 1:
            parts = [*self._left_out(rows, together, progress)]
            for _ in range(_ROUNDS):
                costs = np.full((len(self.names), len(rows), self.n_classes), np.inf)
                for part, matcher, compared in parts:
                    matcher.weights = self.weights
                    costs[:, part] = matcher._class_costs(compared, progress)
                there = np.isfinite(costs[:, np.arange(len(rows)), self.codes[rows]]).all(axis=0)
                self.weights = fitted_weights(costs[:, there], self.codes[rows[there]], prior, _PENALTY)
            told.append(f"{len(rows):,} examples, each left out")
        else:
            # Copies have the light, the grain and the ground of their example, which others of its class need
            # not have.
            unseen = np.array([TERMS[name].unseen for name in self.names])
            self.weights = self.weights * (self.bend + (1 - self.bend) * unseen)
        self.weights = self.weights / self.weights.sum()
        self.reasons = (
            *why,
            f"weights by {' and '.join(told) or 'what holds on other sets'}: {self._said()}",
        )

    def _decided_turns(self, rows: Places) -> tuple[int, tuple[str, ...]]:
        """Return in how many turns queries are compared: in all, if so examples left out are told better.

        Nothing is aligned for it. Why is said if it is so.
        """
        if self._turns is not None or self.n_classes < 2 or not len(rows):
            return self._turns or 1, ()
        totals = [
            self._total(self._compared(self.images[rows], rows, quarter, silent).costs, rows)
            for quarter in range(TURNS)
        ]
        as_they_are = self._loss(totals[0], self.codes[rows])
        in_turns = self._loss(np.min(totals, axis=0), self.codes[rows])
        if in_turns > as_they_are - WORTH_TURNING:
            return 1, ()
        said = f"the loss of {len(rows):,} examples left out falls from {as_they_are:.3g} to {in_turns:.3g}"
        return TURNS, (f"images are compared in all quarter turns: {said}",)

    def _loss(self, total: Floats, codes: Codes) -> float:
        """Return the mean loss of the softmax over classes, for images of known classes."""
        places = np.broadcast_to(np.arange(total.shape[1]), total.shape)
        best = nearest_of_classes(total, places, self.codes, self.n_classes)[0]
        low = best.min(axis=1)
        shares = np.exp(low[:, None] - best).sum(axis=1)
        return float((np.log(shares) + best[np.arange(len(best)), codes] - low).mean())

    def _left_out(
        self, rows: Places, together: Together, progress: Progress
    ) -> Iterator[tuple[NDArray[np.intp], MixtureMatcher, list[_Compared]]]:
        """Yield examples, what has nothing that is alike to them, and how they compare with it."""
        for part, gone in together.leaving_out(rows):
            some = self.images[rows[part]]
            if gone is None:
                yield part, self, self._asked(some, rows[part], progress)
            elif not gone.all():
                rest: MixtureMatcher = without(self, gone, None, self.codes)[0]
                yield part, rest, rest._asked(some, None, progress)

    def _class_costs(self, asked: list[_Compared], progress: Progress) -> Floats:
        """Return what each class costs by each term: that of its nearest image by the weights."""
        costs, _ = self._measured(asked, progress)
        total = self._total(costs, asked[0].exclude)
        places = np.broadcast_to(np.arange(len(self.codes)), total.shape)
        best = nearest_of_classes(total, places, self.codes, self.n_classes)[1]
        found = [np.take_along_axis(costs[name], np.maximum(best, 0), 1) for name in self.names]
        return np.where(best < 0, np.inf, np.stack(found))

    def _decide_scales(self, progress: Progress) -> None:
        """Have each gradient's distances over the median of those of examples to the nearest other one."""
        n = len(self.codes)
        rows = evenly(n, MOST_JUDGED)
        costs, _ = self._measured(self._asked(self.images[rows], rows, progress), progress)
        for name in self._gradients:
            costs[name][np.arange(len(rows)), rows] = np.inf
            found = costs[name].min(axis=1)
            typical = float(np.median(found[np.isfinite(found)])) if np.isfinite(found).any() else 0.0
            if typical > 0:
                getattr(self, name).scale *= typical

    def _said(self) -> str:
        return ", ".join(
            f"{TERMS[name].title} {weight:.2g}" for name, weight in zip(self.names, self.weights, strict=True)
        )

    @property
    def _gradients(self) -> list[str]:
        return [name for name in self.names if name in GRADIENTS]

    @property
    def _heads(self) -> list[str]:
        return [name for name in self.names if name not in GRADIENTS]

    def _features(self, name: str, images: Bytes) -> Rows:
        """Return what a feature is of images, as exactly as it is kept."""
        if name == EMBEDDING and self.network is not None:
            return self.network.rows(images).astype(np.float32)
        return feature_rows(name, images).astype(np.float32)

    def _rows(self, name: str, images: Bytes) -> Rows:
        """Return what a head keeps of images."""
        if TERMS[name].altered:
            return altered_edges(images, self.copies, self.bend).astype(np.float32)
        return self._features(name, images)

    def _each(self, name: str) -> int:
        """Return how many rows a head keeps of each image."""
        return 1 + self.copies * TERMS[name].altered

    def _own_rows(self, name: str, quarter: int) -> Rows:
        """Return what a feature is of each kept image, turned by so many quarters."""
        if not quarter:
            head = getattr(self, name)
            return head.rows[:: head.each]  # type: ignore[no-any-return]
        key = f"{name} turned by {quarter}"
        turned: Rows = self._derived.get_or(
            key, lambda: self._features(name, quarter_turned(self.images, quarter))
        )
        return turned

    def _inverse(self, name: str) -> Floats:
        inverse: Floats = self._derived.get_or(f"inverse of {name}", getattr(self, name).inverse)
        return inverse

    def _index(self, name: str) -> DeformableIndex:
        index: DeformableIndex = self._derived.get_or(
            f"index of {name}", lambda: getattr(self, name).index_of(self.images)
        )
        return index

    def _sums(self, name: str, quarter: int) -> KnownSums:
        """Return how far kept images, turned, are from kept ones by a gradient."""

        def make() -> KnownSums:
            term, index = getattr(self, name), self._index(name)
            turned = term.prepare.transform(quarter_turned(self.images, quarter)) if quarter else index.images
            return KnownSums(index, turned, term.comparison.symmetric and not quarter)

        sums: KnownSums = self._derived.get_or(f"sums {name} {quarter}", make)
        return sums

    def _asked(self, images: Bytes, exclude: Places | None, progress: Progress) -> list[_Compared]:
        """Return how images compare with all that is kept, in each turn, before any is aligned."""
        return [self._compared(images, exclude, quarter, progress) for quarter in range(self.turns)]

    def _measured(
        self, asked: list[_Compared], progress: Progress
    ) -> tuple[dict[str, Floats], NDArray[np.intp]]:
        """Return what each term costs beside each image ``(q, n)``, the nearest aligned, and in which turn.

        It is not weighted. Each image has the turn in which it is nearest before any is aligned. Of what is
        excluded it does not matter what it is.
        """
        exclude = asked[0].exclude
        turns = np.argmin([self._total(one.costs, exclude) for one in asked], axis=0)
        costs = {name: np.choose(turns, [one.costs[name] for one in asked]) for name in self.names}
        listed = self._listed(self._total(costs, exclude), SHORT_LIST, SHORT_CLASSES)
        for name in self._gradients:
            if getattr(self, name).comparison.aligned:
                whole = self._aligned_by(name, asked, turns, listed, progress)
                costs[name] = np.maximum(costs[name], whole.max(axis=1, keepdims=True))
                np.put_along_axis(costs[name], listed, whole, 1)
        return costs, turns

    def _compared(self, images: Bytes, exclude: Places | None, quarter: int, progress: Progress) -> _Compared:
        """Return how images, turned, compare with all that is kept, before any is aligned."""
        images = quarter_turned(images, quarter)
        costs, asked = {}, {}
        for name in self._heads:
            head = getattr(self, name)
            if exclude is None:
                of_classes = head.costs(self._features(name, images))
            else:  # they are kept images, and their rows are known
                rows = self._own_rows(name, quarter)[exclude]
                of_classes = head.costs(rows, self._inverse(name), exclude)
            costs[name] = of_classes[:, self.codes]
        prepared = {name: getattr(self, name).prepare.transform(images) for name in self._gradients}
        chosen = self._candidates(prepared, exclude, progress)
        for name, seen in prepared.items():
            term, index = getattr(self, name), self._index(name)
            if exclude is None or chosen is not None:
                sums = index.distances(seen, chosen, progress=progress)
            else:
                sums = self._sums(name, quarter).of(exclude, progress)
            if chosen is not None:
                some, sums = sums, np.repeat(sums.max(axis=1, keepdims=True), len(self.codes), axis=1)
                np.put_along_axis(sums, chosen, some, 1)
            asked[name] = seen, sums
            whole = sums * (1 + ALIGNED_WEIGHT * term.comparison.aligned)
            costs[name] = term.distances(whole, index.shape)
        return _Compared(costs, asked, exclude, quarter)

    def _candidates(
        self, prepared: Mapping[str, Bytes], exclude: Places | None, progress: Progress
    ) -> Places | None:
        """Return the images ``(q, c)`` that gradients are compared with; None where it is all."""
        if not prepared or len(self.codes) <= MOST_COMPARED:
            return None
        apart = []
        for name, seen in prepared.items():
            make = partial(self._described, name, None, progress)
            known: Floats = self._derived.get_or(f"descriptions of {name}", make)
            asked = self._described(name, seen, progress)
            # Whole numbers far below 2**53: sums are exact in any order.
            squares = (known**2).sum(axis=1) + (asked**2).sum(axis=1)[:, None]
            apart.append(squares - 2 * asked @ known.T)
        coarse: Floats = np.sum(apart, axis=0)
        return self._listed(_left_out_of(coarse, exclude), MOST_COMPARED, self.n_classes)

    def _described(self, name: str, seen: Bytes | None, progress: Progress) -> Floats:
        """Return coarse descriptions as rows: of images as a gradient sees them, or of all that are kept."""
        index = self._index(name)
        rows = index.comparison.descriptors_of(index.images if seen is None else seen, progress)
        return rows.reshape(len(rows), -1).astype(np.float64)

    def _listed(self, total: Floats, most: int, classes: int) -> Places:
        """Return the places of so many nearest images, and of the nearest of each of the nearest classes."""
        places = np.broadcast_to(np.arange(len(self.codes)), total.shape)
        listed = nearest(total, places, min(most, total.shape[1]))[1]
        best, of_classes = nearest_of_classes(total, places, self.codes, self.n_classes)
        ranked = np.argsort(best, axis=1, kind="stable")[:, :classes]
        of_classes = np.take_along_axis(of_classes, ranked, 1)
        return np.hstack([listed, np.where(of_classes < 0, listed[:, :1], of_classes)])

    def _aligned_by(
        self,
        name: str,
        asked: list[_Compared],
        turns: NDArray[np.intp],
        listed: Places,
        progress: Progress,
    ) -> Floats:
        """Return scaled distances by a gradient to what is listed, aligned, each in its own turn."""
        term, index = getattr(self, name), self._index(name)
        quarters = np.take_along_axis(turns, listed, 1)
        sums = np.empty(listed.shape, np.int64)
        for compared in asked:
            here = quarters == compared.quarter
            queries, places = np.nonzero(here)[0], listed[here]
            if not places.size:
                continue
            seen, plain = compared.asked[name]
            keys, named = np.unique(queries * len(self.codes) + places, return_inverse=True)
            pairs = np.column_stack(np.divmod(keys, len(self.codes)))
            measure = partial(
                aligned_distances, seen, index.images, comparison=term.comparison, progress=progress
            )
            if compared.exclude is None:
                rests = measure(pairs)
            else:
                serials = self._serials.numbers[np.column_stack([compared.exclude[pairs[:, 0]], pairs[:, 1]])]
                alike = term.comparison.symmetric and not compared.quarter
                rests = self._pairs[compared.quarter].of(serials, pairs, measure, alike)
            sums[here] = plain[queries, places] + ALIGNED_WEIGHT * rests[named]
        whole: Floats = term.distances(sums, index.shape)
        return whole

    def _total(self, costs: Mapping[str, Floats], exclude: Places | None) -> Floats:
        """Return the weighted sum of all terms for each kept image, ``(q, n)``: infinite if excluded."""
        total = np.zeros((len(costs[self.names[0]]), len(self.codes)))
        for name, weight in zip(self.names, self.weights, strict=True):
            total += weight * costs[name]
        return _left_out_of(np.rint(total / _ROUNDED) * _ROUNDED, exclude)

    def match(
        self,
        images: Bytes,
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        step = max(1, _HELD_NUMBERS // (len(self.codes) * len(self.names)))
        parts = []
        for start in range(0, len(images), step):
            progress("comparing by several measures", start, len(images))
            part = slice(start, start + step)
            told = silent if len(images) > step else progress
            gone = None if exclude is None else exclude[part]
            costs, _ = self._measured(self._asked(images[part], gone, told), told)
            total = self._total(costs, gone)
            parts.append(Matches.of(total, self.codes, self.n_classes, k))
        progress("comparing by several measures", len(images), len(images))
        return Matches.joined(parts)

    def contributions(self, image: Bytes, place: int) -> Costs:
        """Return what each term adds to the distance of a kept image, and each pixel to that of ``turned``.

        Of ``turned`` alone pixels stay where they are in the image's frame: their costs sum to its amount.
        """
        costs_of, turns = self._measured(self._asked(image[None], None, silent), silent)
        quarter = int(turns[0, place])
        amounts = {
            name: float(weight * costs_of[name][0, place])
            for name, weight in zip(self.names, self.weights, strict=True)
        }
        terms = tuple(Amount(name, TERMS[name].title, amount) for name, amount in amounts.items())
        if "turned" not in amounts:
            return Costs(None, terms=terms)
        seen = self.turned.prepare.transform(quarter_turned(image[None], quarter))[0]  # type: ignore[attr-defined]
        pixels = self._index("turned").costs(seen, place)[0].astype(np.float64)
        if not pixels.any():
            pixels += 1  # what was not aligned may be further than its pixels say
        costs = spread(np.rot90(pixels, -quarter), image.shape[:2]) * (amounts["turned"] / pixels.sum())
        return Costs(costs, terms=terms)

    def kept(self, places: NDArray[np.intp]) -> Bytes:
        return self.images[places]

    def add(self, images: Bytes, codes: Codes) -> None:
        """Keep further images behind the others; weights, scales and centres stay."""
        rows = {
            name: np.concatenate([getattr(self, name).rows, self._rows(name, images)]) for name in self._heads
        }
        self.images = np.concatenate([self.images, images])
        self.codes = np.concatenate([self.codes, codes])
        self._serials = self._serials.more(len(images))
        self._follow(rows)

    def remove(self, places: NDArray[np.intp]) -> None:
        """Keep the images at some places no longer; those behind them move up."""
        rows = {name: getattr(self, name).without(places) for name in self._heads}
        self.images = np.delete(self.images, places, axis=0)
        self.codes = np.delete(self.codes, places)
        self._serials = self._serials.without(places)
        self._follow(rows)

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.codes, self.n_classes = moved[self.codes], n_classes
        self._follow({})

    def _follow(self, rows: Mapping[str, Rows]) -> None:
        """Have everything follow from what is kept now, of which some heads have other rows."""
        self._derived = Derived()
        for name, some in rows.items():
            setattr(self, name, getattr(self, name).holding(some))
        self._solve()

    @property
    def measured(self) -> tuple[Pairs, ...]:
        """What was measured of pairs of images, whatever else is kept."""
        return self._pairs


def _left_out_of(distances: Floats, exclude: Places | None) -> Floats:
    """Return distances ``(q, n)`` of which those of excluded images are infinite now."""
    if exclude is not None:
        distances[np.arange(len(distances)), exclude] = np.inf
    return distances


def quarter_turned(images: Bytes, quarter: int) -> Bytes:
    """Return images turned by so many quarters, against the clock, in their own frame."""
    if not quarter:
        return images
    other = np.ascontiguousarray(np.rot90(images, quarter, axes=(1, 2)))
    return other if other.shape == images.shape else resized_batch(other, images.shape[1:3])


def _drawn(images: Bytes) -> float:
    """Return how far images are drawings, 0 to 1, by how much of them is even paper."""
    share = paper_share(gray_bytes(images))
    return float(np.clip((share - _PHOTOGRAPHS) / (_DRAWINGS - _PHOTOGRAPHS), 0, 1))


def spread(costs: Floats, shape: tuple[int, ...]) -> Floats:
    """Return costs of pixels spread over a frame of another size, each over its own area: the sum is kept."""
    for axis, length in enumerate(shape):
        here = costs.shape[axis]
        edges = np.arange(here + 1) * (length / here)
        pixels = np.arange(length)
        covered = np.clip(
            np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels), 0, None
        )
        covered /= covered.sum(axis=1, keepdims=True)
        costs = np.asarray(np.moveaxis(np.tensordot(costs, covered, (axis, 0)), -1, axis))
    return costs
