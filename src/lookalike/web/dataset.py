"""What a model answers to the images that it keeps, each of them left out in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.recognition.recogniser import Recogniser
from lookalike.recognition.reservoir import image_keys, smallest
from lookalike.web import wire

#: So many images of a cell of the confusion matrix are named, and so many mistakes.
_MOST_OF_CELL, _MOST_MISTAKES = 50, 100


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers to kept images, up to 2,000 of them: those with the smallest hash, so that it is chance which.

    Attributes
    ----------
    places : ndarray of shape (m,)
        Which images.
    codes, answered : ndarray of shape (m,)
        Their classes, and what is answered.
    probabilities : ndarray of shape (m,)
        How likely the answers are, as the model says.
    """

    places: NDArray[np.intp]
    codes: NDArray[np.intp]
    answered: NDArray[np.intp]
    probabilities: NDArray[np.float64]


class Wanted(NamedTuple):
    """Which kept images are asked for: so many from the offset on, of a class or of some numbers alone.

    ``judged`` says whether to tell what is answered to them too, which may take a while to work out.
    """

    offset: int
    limit: int
    label: str | None = None
    ids: tuple[int, ...] = ()
    judged: bool = True

    def among(self, model: Recogniser) -> NDArray[np.intp]:
        """Return the places of all images that are meant, whatever the offset."""
        codes = model.matcher.codes
        if not model.matcher.keeps_images:
            return np.empty(0, np.intp)
        meant = np.ones(len(codes), bool)
        if self.label is not None:
            same = [str(label) == self.label for label in model.labels.classes.tolist()]
            meant &= np.array(same)[codes]
        if self.ids and model.ids is not None:
            meant &= np.isin(model.ids, self.ids)
        return np.flatnonzero(meant)


def judged(model: Recogniser) -> Judged:
    """Return what a model that keeps its images answers to them, each left out of everything in turn."""
    matcher = model.matcher
    every = np.arange(len(matcher.codes))
    kept = matcher.kept(every)
    assert kept is not None, "asked of models that keep images"
    places = smallest_places(image_keys(kept, matcher.codes, model.labels.classes))
    if len(every) == 1:
        none = np.empty(0, np.intp)
        return Judged(none, none, none, np.empty(0))
    matches = matcher.match(kept[places], min(model.voters, len(every) - 1), exclude=places)
    answered, _ = model.vote.answers(matches)
    shares = model.probabilities(matches)
    return Judged(places, matcher.codes[places], answered, shares[np.arange(len(places)), answered])


def smallest_places(keys: NDArray[np.uint64]) -> NDArray[np.intp]:
    """Return the places of the smallest keys, in the order of the images."""
    return np.sort(smallest(keys))


def page(model: Recogniser, found: Judged | None, wanted: Wanted) -> dict[str, Any]:
    """Return some kept images as JSON has them, and what is answered to all that were judged."""
    classes = [str(label) for label in model.labels.classes.tolist()]
    places = wanted.among(model)
    shown = places[wanted.offset : wanted.offset + wanted.limit]
    return {
        "total": len(places),
        "offset": wanted.offset,
        "images": _images(model, shown, classes),
        "judged": 0 if found is None else len(found.places),
        "confusion": _confusion(model, found, classes),
        "mistakes": [] if found is None else _mistakes(model, found, classes),
    }


def _images(model: Recogniser, places: NDArray[np.intp], classes: list[str]) -> list[dict[str, Any]]:
    if not len(places):
        return []
    kept = model.matcher.kept(places)
    assert kept is not None, "asked of models that keep images"
    assert model.ids is not None, "so do their numbers"
    return [
        {"id": int(model.ids[place]), "label": classes[model.matcher.codes[place]], "image": image}
        for place, image in zip(places, wire.kept(kept), strict=True)
    ]


def _confusion(model: Recogniser, found: Judged | None, classes: list[str]) -> dict[str, Any]:
    counts = np.zeros((len(classes), len(classes)), np.int64)
    cells = []
    if found is not None and model.ids is not None:
        np.add.at(counts, (found.codes, found.answered), 1)
        for code, answered in np.argwhere(counts):
            which = found.places[(found.codes == code) & (found.answered == answered)]
            ids = model.ids[which[:_MOST_OF_CELL]].tolist()
            cells.append({"true": classes[code], "answered": classes[answered], "ids": ids})
    return {"classes": classes, "counts": counts.tolist(), "cells": cells}


def _mistakes(model: Recogniser, found: Judged, classes: list[str]) -> list[dict[str, Any]]:
    """Return the wrong answers, the most confident first."""
    wrong = np.flatnonzero(found.codes != found.answered)
    wrong = wrong[np.argsort(-found.probabilities[wrong], kind="stable")][:_MOST_MISTAKES]
    return [
        {**one, "answered": classes[found.answered[row]], "probability": float(found.probabilities[row])}
        for row, one in zip(wrong, _images(model, found.places[wrong], classes), strict=True)
    ]
