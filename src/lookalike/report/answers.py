"""What each idea answered: a confusion matrix whose cells open to their images, and the mistakes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.distance.definition import l1, l2
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.picture.text import plain
from lookalike.report.formats import decimals_for, percent
from lookalike.report.overview import best_row
from lookalike.report.thumbs import Gallery, Thumb, gallery_within

_BUDGET = 6_000_000  # bytes of the page for the images in the cells
_MOST_IN_CELL = 12
_MOST_MISTAKES = 48
_WIDEST_MATRIX = 30  # classes; beyond, a matrix cannot be read and its largest cells are listed
_LISTED_CELLS = 60


@dataclass(frozen=True)
class Cell:
    """The images of one class that got one answer.

    Attributes
    ----------
    key : str
        An id within the page, made of numbers.
    truth, answer : str
        The class, and the answer.
    n : int
        How many images.
    shade : float
        In 0-1: the root of its share of the class's images, so that small shares can be seen.
    right : bool
        The answer is the class.
    thumbs : tuple of Thumb
        The first of the images.
    """

    key: str
    truth: str
    answer: str
    n: int
    shade: float
    right: bool
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True)
class MatrixRow:
    """One class's answers; a cell without images is there with ``n`` 0."""

    name: str
    n: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Answers:
    """One idea's answers.

    Attributes
    ----------
    number : int
        The idea's place in the table.
    title, rate : str
        What it is, and how often it was right.
    open : bool
        It is shown without asking: the best idea that is no outside reference.
    names : tuple of str
        The classes, in the order of the matrix.
    matrix : tuple of MatrixRow
        Empty where there are too many classes for a matrix.
    listed : tuple of Cell
        The most frequent confusions then.
    n_mistakes : int
        How many mistakes there are in all.
    order : str
        In which order the mistakes are shown.
    mistakes : tuple of Thumb
        The first of them.
    """

    number: int
    title: str
    rate: str
    open: bool
    names: tuple[str, ...]
    matrix: tuple[MatrixRow, ...]
    listed: tuple[Cell, ...]
    n_mistakes: int
    order: str
    mistakes: tuple[Thumb, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell that holds images."""
        return self.listed + tuple(cell for row in self.matrix for cell in row.cells if cell.n)


@dataclass(frozen=True)
class AllAnswers:
    """Every idea's answers, and how many images a cell shows at most."""

    per_cell: int
    ideas: tuple[Answers, ...]


def answers(comparison: Comparison) -> AllAnswers:
    """Return every idea's answers, with as many images as the page has room for.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    AllAnswers
        Of the ideas that did not fail.
    """
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


def _listed(number: int, evaluation: Evaluation, gallery: Gallery, per_cell: int) -> tuple[Cell, ...]:
    """Return the most frequent confusions; ties in the order of the classes."""
    confusion = evaluation.confusion.copy()
    np.fill_diagonal(confusion, 0)
    order = np.argsort(-confusion, axis=None, kind="stable")[:_LISTED_CELLS]
    places = zip(*(axis.tolist() for axis in np.unravel_index(order, confusion.shape)), strict=True)
    return tuple(_cell(number, evaluation, i, j, gallery, per_cell) for i, j in places if confusion[i, j])


def _cell(number: int, evaluation: Evaluation, i: int, j: int, gallery: Gallery, per_cell: int) -> Cell:
    """Return the images of class ``i`` that were answered as class ``j``."""
    n = int(evaluation.confusion[i, j])
    truth, answer = evaluation.classes[i], evaluation.classes[j]
    inside = np.flatnonzero((evaluation.labels == truth) & (evaluation.predictions == answer))[:per_cell]
    return Cell(
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
