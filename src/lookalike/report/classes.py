"""Each class's rate by each idea."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.evaluation.results import Comparison
from lookalike.picture.text import plain
from lookalike.report.formats import decimals_for, percent, span
from lookalike.report.overview import Mark


@dataclass(frozen=True)
class ClassCell:
    """One class's rate by one idea, as text and as places on an axis from 0 to 1."""

    rate: str
    interval: str
    mark: Mark


@dataclass(frozen=True)
class ClassRow:
    """One class, by every idea that did not fail."""

    name: str
    n: str
    cells: tuple[ClassCell, ...]


@dataclass(frozen=True)
class Classes:
    """The table: ``ideas`` are the numbers and titles of its columns."""

    ideas: tuple[tuple[int, str], ...]
    rows: tuple[ClassRow, ...]


def classes(comparison: Comparison) -> Classes:
    """Return each class's rate by each idea.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    Classes
        Every class that has images to measure on.
    """
    decimals = decimals_for(len(comparison.valid))
    counts = comparison.valid.counts()
    ideas, columns = [], []
    for number, row in enumerate(comparison.rows, 1):
        if row.evaluation is not None:
            ideas.append((number, plain(row.title)))
            names = map(str, row.evaluation.classes.tolist())
            columns.append(dict(zip(names, row.evaluation.per_class, strict=True)))
    rows = []
    for name in counts:
        if not counts[name]:
            continue
        rates = [column[name] for column in columns]
        cells = tuple(
            ClassCell(
                percent(rate.value, decimals),
                span(rate.low, rate.high, decimals),
                Mark(*(round(100 * place, 1) for place in (rate.value, rate.low, rate.high))),
            )
            for rate in rates
        )
        rows.append(ClassRow(plain(name), f"{counts[name]:,}", cells))
    return Classes(tuple(ideas), tuple(rows))
