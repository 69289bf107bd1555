"""Evidence: what the answer to each image rests on, as plain data, put together from one search.

Pictures, pages and JSON are drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import warped
from lookalike.images import to_unit, unit_of
from lookalike.recognition.labels import LabelTable
from lookalike.search.matcher import Costs, Kind, Matcher
from lookalike.search.matches import Matches

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reference:
    """Something that an image was compared with.

    Attributes
    ----------
    kind : {"training image", "mean image", "median image", "prototype", "mean coverage"}
        What it is.
    label : int or str
        Its class.
    distance : float or None
        How far the image is from it, as the model measures; None where it is only there to look at.
    id : int or None
        A training image's number in ``ids_``.
    image : ndarray or None
        Of the shape of the evidence's ``prepared``, float64 in the same units; None for a mean coverage.
    difference : ndarray or None
        The prepared image minus this one, of the same shape: above 0 where the image has more.
    field : ndarray of shape (h, w, 2), int8, or None
        Where the idea deforms: pixel ``(y, x)`` of the prepared image was matched with pixel
        ``(y + field[y, x, 0], x + field[y, x, 1])`` of this one, which may lie beyond its border.
    warped : ndarray or None
        This image bent by the field: at each pixel what the prepared image's pixel was matched with.
    coverage : float or None
        The mean ink of a class, for a mean coverage.
    """

    kind: Kind
    label: Any
    distance: float | None = None
    id: int | None = None
    image: NDArray[np.float64] | None = None
    difference: NDArray[np.float64] | None = None
    field: NDArray[np.int8] | None = None
    warped: NDArray[np.float64] | None = None
    coverage: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can hold of it: everything but the images."""
        facts = {
            "kind": self.kind,
            "label": _plain(self.label),
            "distance": self.distance,
            "id": self.id,
            "coverage": self.coverage,
            "field": None if self.field is None else self.field.tolist(),
        }
        return {name: value for name, value in facts.items() if value is not None}


class TermShare(NamedTuple):
    """What one term of a mixture of measures adds to two distances.

    Attributes
    ----------
    name, title : str
        Which, as the model's ``weights_`` name it and in words.
    for_answer, for_runner_up : float or None
        What it adds to the distances to the answer and to the runner-up; None where there is no runner-up.
    """

    name: str
    title: str
    for_answer: float
    for_runner_up: float | None


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one answer rests on.

    Attributes
    ----------
    idea : str
        How the model compares, for example ``"nearest image, L1"``.
    image : ndarray of shape (h, w), (h, w, c) or (features,)
        The image as given: uint8, floats in 0-1, or a row of a 2-D array.
    prepared : ndarray, float64
        What the model saw: after preparation, in 0-1; a row of a 2-D array in its own units.
    steps : tuple of str
        What the preparation does, one sentence a step.
    answer : int or str
        What ``predict`` answers.
    runner_up : int or str, or None
        The other class with the smallest distance; None where there is no other.
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    distances : ndarray of shape (n_classes,), float64
        The distance to each class, infinite where the class has no images: to its own image, or to the
        nearest of its training images.
    nearest : tuple of Reference
        The nearest training images, nearest first; empty where the model keeps none.
    voters : int
        How many of the nearest training images vote; 0 where none do.
    for_answer, for_runner_up : Reference
        What the distances to the answer's class and to the runner-up's are measured to; the latter is None
        where there is no runner-up.
    means : tuple of Reference
        The mean (or median) image of the answer's class, then of the runner-up's, as far as the model can
        say them.
    contributions : ndarray or None
        How much each pixel speaks for the answer (above 0) or for the runner-up: they sum to ``margin``, to
        rounding; of a mixture of measures to the part of it that is due to the term whose pixels stay in
        place ("turned"). Of the shape of ``prepared``, or (h, w) where all channels are compared together.
        None where the idea does not look at pixels, or there is no runner-up.
    coverage : float or None
        The image's mean ink, for ink coverage.
    terms : tuple of TermShare
        What each term of a mixture of measures adds: they sum to the distances to the answer and to the
        runner-up, to rounding. Empty for other ideas.
    """

    idea: str
    image: NDArray[Any]
    prepared: NDArray[np.float64]
    steps: tuple[str, ...]
    answer: Any
    runner_up: Any
    classes: NDArray[Any]
    distances: NDArray[np.float64]
    nearest: tuple[Reference, ...]
    voters: int
    for_answer: Reference
    for_runner_up: Reference | None
    means: tuple[Reference, ...]
    contributions: NDArray[np.float64] | None
    coverage: float | None = None
    terms: tuple[TermShare, ...] = ()

    @property
    def margin(self) -> float | None:
        """How much further away the runner-up is than the answer; None where there is no runner-up.

        Below 0 where several images vote and the nearest of all is of another class than most of them.
        """
        if self.for_runner_up is None or self.for_runner_up.distance is None:
            return None
        return self.for_runner_up.distance - (self.for_answer.distance or 0.0)

    @property
    def outvoted(self) -> bool:
        """Whether the runner-up is nearer than the answer, and was outvoted."""
        return self.margin is not None and self.margin < 0

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can hold of it: everything but the images.

        Returns
        -------
        dict
            Distances to classes without images are None, and so is what there is not.
        """
        distances = [float(one) if np.isfinite(one) else None for one in self.distances]
        runner_up = self.for_runner_up
        return {
            "idea": self.idea,
            "answer": _plain(self.answer),
            "runner_up": _plain(self.runner_up),
            "margin": self.margin,
            "outvoted": self.outvoted,
            "voters": self.voters,
            "prepared": list(self.steps),
            "coverage": self.coverage,
            "distances": [
                {"label": label, "distance": distance}
                for label, distance in zip(self.classes.tolist(), distances, strict=True)
            ],
            "for_answer": self.for_answer.to_plain(),
            "for_runner_up": None if runner_up is None else runner_up.to_plain(),
            "nearest": [one.to_plain() for one in self.nearest],
            "contributions": None if self.contributions is None else self.contributions.tolist(),
            "terms": [one._asdict() for one in self.terms],
        }


def _plain(label: Any) -> Any:
    """Return a label as Python has it."""
    return label.item() if isinstance(label, np.generic) else label


def contributions(
    answer: NDArray[np.float64], runner_up: NDArray[np.float64], *, root: bool
) -> NDArray[np.float64]:
    r"""Return how much each pixel adds to the difference of two distances.

    Let pixel :math:`i` cost :math:`a_i` beside the answer and :math:`r_i` beside the runner-up. Where a
    distance is the sum of its costs, the pixel contributes :math:`r_i - a_i`. Where it is the root of the
    sum, :math:`d_a = \sqrt{\sum a_i}` and :math:`d_r` likewise, the pixel contributes

    .. math:: \frac{r_i - a_i}{d_r + d_a},

    for these sum to :math:`(d_r^2 - d_a^2) / (d_r + d_a) = d_r - d_a`: the difference of the roots is split
    in proportion to the differences of the squares.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.explanation import contributions
    >>> contributions(np.array([4.0, 0.0]), np.array([9.0, 7.0]), root=True)  # distances 2 and 4
    array([0.83333333, 1.16666667])
    """
    shares = runner_up - answer
    if not root:
        return shares
    total = np.sqrt(runner_up.sum()) + np.sqrt(answer.sum())
    return shares / total if total else shares


def ideal_images(matcher: Matcher) -> NDArray[np.float64]:
    """Return each class's own image: its mean, or the first of what is kept of it.

    Parameters
    ----------
    matcher : Matcher
        One of images.

    Returns
    -------
    ndarray of shape (n_classes, h, w[, c]), float64
        In 0-1; NaN for a class of which nothing is kept, and everywhere where no images are.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.recognition.explanation import ideal_images
    >>> train, _ = lookalike.load("digits", classes=[3, 7])
    >>> ideal_images(lookalike.NearestImages().fit(train.images, train.labels).recogniser_.matcher).shape
    (2, 8, 8)
    """
    found = [_mean_of(matcher, code) for code in range(len(matcher.class_counts))]
    shape = next((one.shape for one in found if one is not None), (1, 1))
    return np.array([np.full(shape, np.nan) if one is None else one for one in found])


def _mean_of(matcher: Matcher, code: int) -> Floats | None:
    """Return the mean image of a class, of what stands for it the first; None where nothing does."""
    places = np.flatnonzero(matcher.codes == code)
    kept = matcher.kept(places if matcher.keeps_images else places[:1]) if len(places) else None
    if kept is None:
        return None
    mean: Floats = kept.mean(axis=0, dtype=np.float64) / unit_of(kept)
    return mean


class Explained(Protocol):
    """What is explained: a recogniser's parts."""

    matcher: Matcher
    labels: LabelTable
    prepare: Any
    ids: NDArray[np.int64] | None

    @property
    def voters(self) -> int: ...


def explain(
    model: Explained,
    given: NDArray[Any],
    seen: NDArray[Any],
    matches: Matches,
    answers: NDArray[np.intp],
    ideals: Floats | None = None,
) -> list[Evidence]:
    """Return the evidence for each image: what was given, what was seen of it, and what is nearest to it.

    What :func:`ideal_images` returned need not be made again.
    """
    looker = _Looker(model, ideals)
    return [
        looker.evidence(given[row], seen[row], matches, row, int(answers[row])) for row in range(len(given))
    ]


class _Looker:
    """A model that is being explained, with the mean images of classes that were needed so far."""

    def __init__(self, model: Explained, ideals: Floats | None) -> None:
        self._model, self._matcher = model, model.matcher
        self._classes = model.labels.classes.copy()
        self._means: dict[int, Floats] = {} if ideals is None else dict(enumerate(ideals))

    def evidence(
        self, given: NDArray[Any], seen: NDArray[Any], matches: Matches, row: int, answer: int
    ) -> Evidence:
        """Return the evidence for one image: its nearest, and those of its class and the runner-up's."""
        matcher, keeps = self._matcher, self._matcher.keeps_images
        distances, places = matches.class_distances[row], matches.class_places[row]
        image = to_unit(seen) if unit_of(seen[None]) == 255 else seen.astype(np.float64)
        costs: dict[int, Costs | None] = {}

        def reference(place: int, distance: float) -> Reference:
            if place not in costs:
                costs[place] = matcher.contributions(seen, place)
            return self._reference(image, place, distance, costs[place])

        codes = _ranked(distances, answer, places)
        best = [reference(int(places[code]), float(distances[code])) for code in codes]
        nearest = zip(matches.places[row].tolist(), matches.distances[row].tolist(), strict=True)
        compared = [costs[int(places[code])] for code in codes]
        return Evidence(
            idea=matcher.title,
            image=given,
            prepared=image,
            steps=() if self._model.prepare is None else self._model.prepare.describe(),
            answer=best[0].label,
            runner_up=best[1].label if len(best) > 1 else None,
            classes=self._classes,
            distances=distances,
            nearest=tuple(reference(place, distance) for place, distance in nearest if place >= 0),
            voters=self._model.voters if keeps else 0,
            for_answer=best[0],
            for_runner_up=best[1] if len(best) > 1 else None,
            means=tuple(
                self._means_of(image, codes) if keeps else (one for one in best if one.image is not None)
            ),
            contributions=_shares(compared, matcher.root),
            coverage=None if matcher.kind != "mean coverage" else float(image.mean()),
            terms=_terms(compared) if compared[0] is not None and compared[0].terms else (),
        )

    def _reference(self, image: Floats, place: int, distance: float, costs: Costs | None) -> Reference:
        """Return what is kept at a place as a reference."""
        matcher: Any = self._matcher
        known = {"kind": matcher.kind, "label": self._classes[matcher.codes[place]], "distance": distance}
        kept = matcher.kept(np.array([place]))
        if kept is None:
            return Reference(**known, coverage=float(matcher.class_coverage[place]))
        other = to_unit(kept)[0] if unit_of(kept) == 255 else kept[0].astype(np.float64)
        field = None if costs is None else costs.field
        return Reference(
            **known,
            id=None if self._model.ids is None else int(self._model.ids[place]),
            image=other,
            difference=image - other,
            field=field,
            warped=None if field is None else warped(other, field),
        )

    def _means_of(self, image: Floats, codes: list[int]) -> list[Reference]:
        """Return the mean images of classes, each worked out once."""
        found = []
        for code in codes:
            if code not in self._means:
                mean = _mean_of(self._matcher, code)
                assert mean is not None, "a matcher that keeps images has them"
                self._means[code] = mean
            mean = self._means[code]
            found.append(Reference("mean image", self._classes[code], image=mean, difference=image - mean))
        return found


def _ranked(distances: Floats, answer: int, places: NDArray[np.int64]) -> list[int]:
    """Return the answer's class and the runner-up: the nearest other one, of equal ones the lowest place."""
    order = np.lexsort((places, distances))
    others = order[(order != answer) & np.isfinite(distances[order])]
    return [answer, *others[:1].tolist()]


def _shares(compared: list[Costs | None], root: bool) -> Floats | None:
    """Return what each pixel contributes; None where there is no runner-up, or nothing by pixels."""
    if len(compared) < 2:
        return None
    one, other = compared
    if one is None or other is None or one.costs is None or other.costs is None:
        return None
    return contributions(one.costs, other.costs, root=root)


def _terms(compared: list[Costs | None]) -> tuple[TermShare, ...]:
    """Return what each term adds to the distances to the answer and, where there is one, to the runner-up."""
    amounts = [one.terms for one in compared if one is not None]
    others = [term.amount for term in amounts[1]] if len(amounts) > 1 else [None] * len(amounts[0])
    return tuple(TermShare(*term, other) for term, other in zip(amounts[0], others, strict=True))
