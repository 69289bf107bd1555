"""What each idea answered: a confusion matrix whose cells open to their images, and the mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.distance.definition import l1, l2
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.show.formats import decimals_for, percent
from lookalike.show.images import SMALL, Picture, picture
from lookalike.show.views import best_row
from lookalike.text import plain

_BUDGET = 6_000_000  # bytes of the page for the images in the cells
_MOST_IN_CELL = 12
_MOST_MISTAKES = 48
_WIDEST_MATRIX = 30  # classes; beyond, a matrix cannot be read and its largest cells are listed
_LISTED_CELLS = 60
_MARKUP_BYTES = 220  # what an image costs beside its data: element, sizes, names
_SAMPLE = 32
_EDGES = (64, 48, 32)  # of stored images


@dataclass(frozen=True)
class Thumb:
    """An image among others, with what is known of it."""

    picture: Picture
    name: str
    truth: str
    answer: str


class Gallery:
    """The thumbnails of one set of images: each is encoded when first asked for, and only once."""

    def __init__(self, images: LabelledImages, edge: int = _EDGES[0]) -> None:
        self._images = images
        self._edge = edge
        self._pictures: dict[int, Picture] = {}

    def thumb(self, index: int, answer: str) -> Thumb:
        """Return the image at ``index`` with what it is and what it was taken for."""
        images = self._images
        if index not in self._pictures:
            self._pictures[index] = picture(images.images[index], SMALL, self._edge)
        return Thumb(
            self._pictures[index], plain(images.names[index]), plain(images.labels[index]), plain(answer)
        )

    @cached_property
    def bytes_each(self) -> float:
        """About how many bytes of the page a thumbnail takes."""
        sample = np.unique(np.linspace(0, len(self._images) - 1, _SAMPLE).astype(int)).tolist()
        sizes = [len(self.thumb(index, "").picture.uri) for index in sample]
        return float(np.mean(sizes)) + _MARKUP_BYTES


def gallery_within(images: LabelledImages, wanted: int, budget: int) -> Gallery:
    """Return a gallery of which ``wanted`` thumbnails take about ``budget`` bytes."""
    for edge in _EDGES:
        gallery = Gallery(images, edge)
        if gallery.bytes_each * wanted <= budget:
            break
    return gallery


@dataclass(frozen=True)
class AnswerCell:
    """The images of one class that got one answer."""

    key: str  # an id within the page, made of numbers
    truth: str
    answer: str
    n: int
    shade: float  # in 0-1: the root of its share of the class's images, so that small shares can be seen
    right: bool
    thumbs: tuple[Thumb, ...]  # the first of the images


@dataclass(frozen=True)
class MatrixRow:
    """One class's answers; a cell without images is there with ``n`` 0."""

    name: str
    n: str
    cells: tuple[AnswerCell, ...]


@dataclass(frozen=True)
class Answers:
    """One idea's answers."""

    number: int  # the idea's place in the table
    title: str
    rate: str
    open: bool  # it is shown without asking: the best idea that is no outside reference
    names: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]  # empty where there are too many classes for a matrix
    listed: tuple[AnswerCell, ...]  # the most frequent confusions then
    n_mistakes: int
    order: str  # in which the mistakes are shown
    mistakes: tuple[Thumb, ...]  # the first of them

    @property
    def cells(self) -> tuple[AnswerCell, ...]:
        """Every cell that holds images."""
        return self.listed + tuple(cell for row in self.matrix for cell in row.cells if cell.n)


@dataclass(frozen=True)
class AllAnswers:
    """Every idea's answers, and how many images a cell shows at most."""

    per_cell: int
    ideas: tuple[Answers, ...]


def answers(comparison: Comparison) -> AllAnswers:
    """Return every idea's answers, with as many images as the page has room for."""
    rows = [(number, row, row.evaluation) for number, row in enumerate(comparison.rows, 1)]
    measured = [(number, row, evaluation) for number, row, evaluation in rows if evaluation is not None]
    cells = max(1, sum(int(np.count_nonzero(evaluation.confusion)) for _, _, evaluation in measured))
    gallery = gallery_within(comparison.valid, cells, _BUDGET)
    per_cell = min(max(int(_BUDGET / gallery.bytes_each) // cells, 1), _MOST_IN_CELL)
    first = best_row(comparison.rows, references=False) or best_row(comparison.rows)
    return AllAnswers(
        per_cell,
        tuple(
            _answers(number, row, evaluation, comparison.valid, gallery, per_cell, row is first)
            for number, row, evaluation in measured
        ),
    )


def _answers(
    number: int,
    row: Row,
    evaluation: Evaluation,
    valid: LabelledImages,
    gallery: Gallery,
    per_cell: int,
    opened: bool,
) -> Answers:
    """Return one idea's answers."""
    wide = len(evaluation.classes) > _WIDEST_MATRIX
    ordered, order = _mistakes(row, evaluation, valid)
    return Answers(
        number=number,
        title=plain(row.title),
        rate=percent(evaluation.accuracy.value, decimals_for(evaluation.accuracy.n)),
        open=opened,
        names=tuple(plain(label) for label in evaluation.classes.tolist()),
        matrix=() if wide else _matrix(number, evaluation, gallery, per_cell),
        listed=_listed(number, evaluation, gallery, per_cell) if wide else (),
        n_mistakes=len(evaluation.mistakes),
        order=order,
        mistakes=tuple(
            gallery.thumb(index, str(evaluation.predictions[index]))
            for index in ordered[:_MOST_MISTAKES].tolist()
        ),
    )


def _matrix(number: int, evaluation: Evaluation, gallery: Gallery, per_cell: int) -> tuple[MatrixRow, ...]:
    """Return the confusion matrix, a row a class."""
    codes = range(len(evaluation.classes))
    return tuple(
        MatrixRow(
            plain(evaluation.classes[i]),
            f"{int(evaluation.confusion[i].sum()):,}",
            tuple(_cell(number, evaluation, i, j, gallery, per_cell) for j in codes),
        )
        for i in codes
    )


def _listed(number: int, evaluation: Evaluation, gallery: Gallery, per_cell: int) -> tuple[AnswerCell, ...]:
    """Return the most frequent confusions; ties in the order of the classes."""
    confusion = evaluation.confusion.copy()
    np.fill_diagonal(confusion, 0)
    order = np.argsort(-confusion, axis=None, kind="stable")[:_LISTED_CELLS]
    places = zip(*(axis.tolist() for axis in np.unravel_index(order, confusion.shape)), strict=True)
    return tuple(_cell(number, evaluation, i, j, gallery, per_cell) for i, j in places if confusion[i, j])


def _cell(number: int, evaluation: Evaluation, i: int, j: int, gallery: Gallery, per_cell: int) -> AnswerCell:
    """Return the images of class ``i`` that were answered as class ``j``."""
    n = int(evaluation.confusion[i, j])
    truth, answer = evaluation.classes[i], evaluation.classes[j]
    inside = np.flatnonzero((evaluation.labels == truth) & (evaluation.predictions == answer))[:per_cell]
    return AnswerCell(
        key=f"cell-{number}-{i}-{j}",
        truth=plain(truth),
        answer=plain(answer),
        n=n,
        shade=round(math.sqrt(n / max(1, int(evaluation.confusion[i].sum()))), 2),
        right=i == j,
        thumbs=tuple(gallery.thumb(index, str(answer)) for index in inside.tolist()),
    )


def _mistakes(row: Row, evaluation: Evaluation, valid: LabelledImages) -> tuple[NDArray[np.intp], str]:
    """Return the indices of the mistakes and the order they are in.

    Where the idea compares with class images: by how much nearer the wrong image is than the right one, the
    largest first. Else as the images come.
    """
    mistakes = evaluation.mistakes
    margins = _margins(row, evaluation, valid) if len(mistakes) else None
    if margins is None:
        return mistakes, "in the order of the images"
    order = np.argsort(-margins, kind="stable")
    return mistakes[
        order
    ], "the most misleading first: those that are nearest to the wrong class by the largest margin"


def _margins(row: Row, evaluation: Evaluation, valid: LabelledImages) -> NDArray[np.float64] | None:
    """Return how much nearer each mistake is to its answer than to its class, or None where nothing says."""
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
