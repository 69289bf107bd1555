"""Evidence put together: what the answer to each image rests on, from one search."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import warped
from lookalike.images import to_unit, unit_of
from lookalike.recognition.evidence import Evidence, Reference, contributions
from lookalike.recognition.labels import LabelTable
from lookalike.search.matcher import Costs, Matcher
from lookalike.search.matches import Matches

Floats = NDArray[np.float64]


class Explained(Protocol):
    """What is explained: a recogniser's parts."""

    matcher: Matcher
    labels: LabelTable
    prepare: Any
    ids: NDArray[np.int64] | None

    @property
    def voters(self) -> int: ...


def explain(
    model: Explained, given: NDArray[Any], seen: NDArray[Any], matches: Matches, answers: NDArray[np.intp]
) -> list[Evidence]:
    """Return the evidence for each image: what was given, what was seen of it, and what is nearest to it."""
    looker = _Looker(model)
    return [
        looker.evidence(given[row], seen[row], matches.take(slice(row, row + 1)), int(answers[row]))
        for row in range(len(given))
    ]


class _Looker:
    """A model that is being explained, with the mean images of classes that were needed so far."""

    def __init__(self, model: Explained) -> None:
        self._model, self._matcher = model, model.matcher
        self._classes = model.labels.classes
        self._means: dict[int, Floats] = {}

    def evidence(self, given: NDArray[Any], seen: NDArray[Any], matches: Matches, answer: int) -> Evidence:
        """Return the evidence for one image: its nearest, and those of its class and the runner-up's."""
        matcher, keeps = self._matcher, self._matcher.keeps_images
        distances, places = matches.class_distances[0], matches.class_places[0]
        image = to_unit(seen) if unit_of(seen[None]) == 255 else seen.astype(np.float64)
        costs: dict[int, Costs | None] = {}

        def reference(place: int, distance: float) -> Reference:
            if place not in costs:
                costs[place] = matcher.contributions(seen, place)
            return self._reference(image, place, distance, costs[place])

        codes = _ranked(distances, answer, places)
        best = [reference(int(places[code]), float(distances[code])) for code in codes]
        nearest = zip(matches.places[0].tolist(), matches.distances[0].tolist(), strict=True)
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
                kept = self._matcher.kept(np.flatnonzero(self._matcher.codes == code))
                assert kept is not None, "a matcher that keeps images has them"
                self._means[code] = kept.mean(axis=0, dtype=np.float64) / unit_of(kept)
            mean = self._means[code]
            found.append(Reference("mean image", self._classes[code], image=mean, difference=image - mean))
        return found


def _ranked(distances: Floats, answer: int, places: NDArray[np.int64]) -> list[int]:
    """Return the answer's class and the runner-up: the nearest other one, of equal ones the lowest place."""
    order = np.lexsort((places, distances)).tolist()
    others = [code for code in order if code != answer and np.isfinite(distances[code])]
    return [answer, *others[:1]]


def _shares(compared: list[Costs | None], root: bool) -> Floats | None:
    """Return what each pixel contributes; None where there is no runner-up, or nothing by pixels."""
    costs = [one.costs for one in compared if one is not None]
    return contributions(costs[0], costs[1], root=root) if len(costs) == 2 else None
