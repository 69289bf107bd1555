"""What each idea answered: a confusion matrix whose cells open to their images, and the mistakes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.distance.definition import l1, l2
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.images import evenly
from lookalike.show.columns import decimals_for, percent
from lookalike.show.images import SMALL, Picture, picture
from lookalike.show.views import best_row, measured
from lookalike.text import plain

_BUDGET = 6_000_000  # bytes of the page for the images in the cells
_MOST_IN_CELL = 12
_MOST_MISTAKES = 48
_WIDEST_MATRIX = 30  # classes; beyond, a matrix cannot be read and its largest cells are listed
_LISTED_CELLS = 60
_MARKUP_BYTES = 220  # what an image costs beside its data: element, sizes, names
_SAMPLE = 32
_EDGES = (64, 48, 32)  # of stored images


def thumb(shown: Picture, name: str, truth: object, answer: object) -> SimpleNamespace:
    """Return an image among others, with what is known of it."""
    return SimpleNamespace(picture=shown, name=plain(name), truth=plain(truth), answer=plain(answer))


class Gallery:
    """The thumbnails of one set of images: each is encoded when first asked for, and only once."""

    def __init__(self, images: LabelledImages, edge: int) -> None:
        self.images = images
        self._picture = cache(lambda index: picture(images.images[index], SMALL, edge))

    def thumbs(self, places: Iterable[int], answers: NDArray[Any]) -> list[SimpleNamespace]:
        """Return images with what they are and what they were taken for."""
        return [
            thumb(self._picture(place), self.images.names[place], self.images.labels[place], answers[place])
            for place in places
        ]

    @cached_property
    def bytes_each(self) -> float:
        """About how many bytes of the page a thumbnail takes."""
        sample = evenly(len(self.images), _SAMPLE).tolist()
        return float(np.mean([len(self._picture(place).uri) for place in sample])) + _MARKUP_BYTES


def answers(comparison: Comparison) -> SimpleNamespace:
    """Return every idea's answers, with as many images as the page has room for."""
    found = measured(comparison)
    cells = max(1, sum(int(np.count_nonzero(evaluation.confusion)) for _, _, evaluation in found))
    for edge in _EDGES:
        gallery = Gallery(comparison.valid, edge)
        if gallery.bytes_each * cells <= _BUDGET:
            break
    per_cell = min(max(int(_BUDGET / gallery.bytes_each) // cells, 1), _MOST_IN_CELL)
    # Shown without asking: the best idea that is no outside reference.
    first = best_row(comparison.rows, references=False) or best_row(comparison.rows)
    ideas = [
        _answers(number, row, evaluation, gallery, per_cell, row is first)
        for number, row, evaluation in found
    ]
    return SimpleNamespace(per_cell=per_cell, ideas=ideas)


def _answers(
    number: int, row: Row, evaluation: Evaluation, gallery: Gallery, per_cell: int, opened: bool
) -> SimpleNamespace:
    """Return one idea's answers; ``number`` is its place in the table."""
    confusion, names = evaluation.confusion, [plain(label) for label in evaluation.classes.tolist()]
    totals = confusion.sum(axis=1).tolist()

    def cell(i: int, j: int) -> SimpleNamespace:
        """Return the first images of class ``i`` that were answered as class ``j``."""
        truth, answer = evaluation.classes[[i, j]]
        given = (evaluation.labels == truth) & (evaluation.predictions == answer)
        return SimpleNamespace(
            key=f"cell-{number}-{i}-{j}",
            truth=names[i],
            answer=names[j],
            n=int(confusion[i, j]),
            # The root of its share of the class's images, so that small shares can be seen.
            shade=round(math.sqrt(int(confusion[i, j]) / max(1, totals[i])), 2),
            right=i == j,
            thumbs=gallery.thumbs(np.flatnonzero(given)[:per_cell].tolist(), evaluation.predictions),
        )

    codes = range(len(names) if len(names) <= _WIDEST_MATRIX else 0)
    matrix = [
        SimpleNamespace(name=names[i], n=f"{totals[i]:,}", cells=[cell(i, j) for j in codes]) for i in codes
    ]
    listed = [] if matrix else [cell(i, j) for i, j in _most_frequent(confusion)]
    ordered, order = _mistakes(row, evaluation, gallery.images)
    return SimpleNamespace(
        number=number,
        title=plain(row.title),
        rate=percent(evaluation.accuracy.value, decimals_for(evaluation.accuracy.n)),
        open=opened,
        names=names,
        matrix=matrix,
        listed=listed,
        cells=listed or [one for line in matrix for one in line.cells if one.n],
        n_mistakes=len(ordered),
        order=order,
        mistakes=gallery.thumbs(ordered[:_MOST_MISTAKES].tolist(), evaluation.predictions),
    )


def _most_frequent(confusion: NDArray[Any]) -> list[tuple[int, int]]:
    """Return the places of the most frequent confusions; ties in the order of the classes."""
    wrong = confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_LISTED_CELLS].tolist()
    return [divmod(place, len(wrong)) for place in order if wrong.flat[place]]


def _mistakes(row: Row, evaluation: Evaluation, valid: LabelledImages) -> tuple[NDArray[np.intp], str]:
    """Return the indices of the mistakes and the order they are in: by margins, where the idea has such."""
    mistakes = evaluation.mistakes
    margins = _margins(row, evaluation, valid) if len(mistakes) else None
    if margins is None:
        return mistakes, "in the order of the images"
    return mistakes[np.argsort(-margins, kind="stable")], (
        "the most misleading first: those that are nearest to the wrong class by the largest margin"
    )


def _margins(row: Row, evaluation: Evaluation, valid: LabelledImages) -> NDArray[np.float64] | None:
    """Return how much nearer each mistake is to its answer's image than to its class's; None without such."""
    images = getattr(row.model, "class_images_", None)
    measure: Any = {"l1": l1, "l2": l2}.get(str(getattr(row.model, "metric", "")))
    if measure is None or not isinstance(images, np.ndarray) or images.shape[1:] != valid.images.shape[1:]:
        return None
    mistakes = evaluation.mistakes
    places = {label: code for code, label in enumerate(row.model.classes_.tolist())}
    truths = [places.get(label, -1) for label in evaluation.labels[mistakes].tolist()]
    given = [places[label] for label in evaluation.predictions[mistakes].tolist()]
    distances = measure(valid.images[mistakes], images)
    at = np.arange(len(mistakes))
    margins = distances[at, truths] - distances[at, given]
    # A class that was never fitted has no image, hence no margin: it goes last.
    return np.where((np.array(truths) < 0) | ~np.isfinite(margins), -np.inf, margins)
