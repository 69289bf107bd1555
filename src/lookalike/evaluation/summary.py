"""Comparisons and curves as text: what ``print`` shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lookalike.evaluation.statistics import letters
from lookalike.picture.columns import Column, FittedTable
from lookalike.picture.text import plain

if TYPE_CHECKING:
    from lookalike.data.labelled import LabelledImages
    from lookalike.evaluation.curve import Curve, Point
    from lookalike.evaluation.results import Comparison, Row

#: Differences are real at this level.
LEVEL = 0.05
# Whoever prints it has its own idea of how wide a line is.
_WIDEST = 10_000
#: How to read the letters of :func:`alike`.
READING = (
    "Ideas that share a letter are not told apart by these images (McNemar's exact test, Holm's correction, "
    f"{LEVEL:.0%} level)."
)


def alike(comparison: Comparison) -> dict[str, str]:
    """Return the letters of the ideas that have figures: those that share one were not told apart.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    dict of str to str
        By the name of a row; the best has the first letter.
    """
    measured = [row for row in comparison.rows if row.evaluation is not None]
    measured.sort(key=lambda row: -row.evaluation.accuracy.hits if row.evaluation else 0)
    different = [(pair.first, pair.second) for pair in comparison.pairs if pair.p_adjusted <= LEVEL]
    return letters([row.name for row in measured], different)


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as text: the data, a line for each idea, why some failed, how to read it."""
    marks = alike(comparison)
    lines = [_data(comparison.train, comparison.valid)]
    lines += _table(
        ("idea", "right", "95 % interval", "alike", "mean of classes"),
        [_idea(row, marks) for row in comparison.rows],
        left=("idea", "alike"),
    )
    for row in comparison.rows:
        notes = (*([f"failed: {row.error}"] if row.error else []), *row.warnings)
        lines += [plain(f"{row.title}: {note}") for note in notes]
    return "\n".join([*lines, READING] if comparison.pairs else lines)


def curve_text(curve: Curve) -> str:
    """Return curves as text: the data, a line for each idea, and how to read it."""
    lines = [_data(curve.train, curve.valid)]
    lines += _table(
        ("examples of each class", *(f"{size:,}" for size in curve.sizes), "all"),
        [(plain(row.title), *map(_point, row.points)) for row in curve.rows],
        left=("examples of each class",),
    )
    for row in curve.rows:
        errors = [f"failed: {point.error}" for point in row.points if point.error is not None]
        warnings = [text for point in row.points for text in point.warnings]
        lines += [plain(f"{row.title}: {note}") for note in dict.fromkeys(errors + warnings)]
    return "\n".join([*lines, f"Rates of right answers (means of {curve.draws} draws), 95 % intervals."])


def _data(train: LabelledImages, valid: LabelledImages) -> str:
    """Return one line about the data."""
    size = "x".join(map(str, train.images.shape[1:]))
    return (
        f"{plain(train.source.name)}: {len(train):,} training images, {len(valid):,} to measure on, {size}, "
        f"{len(train.class_names)} classes"
    )


def _idea(row: Row, marks: dict[str, str]) -> tuple[str, ...]:
    """Return the cells of one idea."""
    if row.evaluation is None:
        return plain(row.title), "failed", "", "", ""
    right, macro = row.evaluation.accuracy, row.evaluation.macro
    interval = f"{right.low:.4f}-{right.high:.4f}"
    return plain(row.title), f"{right.value:.4f}", interval, marks[row.name], f"{macro.value:.4f}"


def _point(point: Point) -> str:
    """Return the cell of one point."""
    found = point.accuracy
    return "failed" if found is None else f"{found.value:.3f} ({found.low:.3f}-{found.high:.3f})"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[str]) -> list[str]:
    """Return the lines of a table; columns of figures are to the right."""
    columns = [
        Column(header, [Text(cell) for cell in cells], left=header in left)
        for header, *cells in zip(headers, *rows, strict=True)
    ]
    console = Console(width=_WIDEST, color_system=None)
    with console.capture() as shown:
        console.print(FittedTable(columns), crop=False)
    return shown.get().splitlines()
