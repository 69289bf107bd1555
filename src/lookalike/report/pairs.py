"""Which differences are real: every two ideas on the same images."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.evaluation.results import Comparison, PairTest
from lookalike.picture.text import plain
from lookalike.report.formats import p_value
from lookalike.report.overview import LEVEL


@dataclass(frozen=True)
class PairCell:
    """How the row's idea does against the column's: better, worse, unclear, or the same idea."""

    verdict: str
    p: str = ""


@dataclass(frozen=True)
class PairRow:
    """One idea against all."""

    number: int
    title: str
    cells: tuple[PairCell, ...]


@dataclass(frozen=True)
class PairLine:
    """One test in figures."""

    first: str
    second: str
    only_first: str
    only_second: str
    p: str
    p_adjusted: str
    real: bool


@dataclass(frozen=True)
class Pairs:
    """All tests, as a matrix and in figures."""

    matrix: tuple[PairRow, ...]
    lines: tuple[PairLine, ...]
    level: str


def pairs(comparison: Comparison) -> Pairs | None:
    """Return the tests of every two ideas that did not fail.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    Pairs or None
        None where there are not two ideas to test.
    """
    if not comparison.pairs:
        return None
    tests = {(pair.first, pair.second): pair for pair in comparison.pairs}
    rows = [(number, row) for number, row in enumerate(comparison.rows, 1) if row.evaluation is not None]
    titles = {row.name: plain(row.title) for _, row in rows}
    return Pairs(
        matrix=tuple(
            PairRow(number, titles[row.name], tuple(_cell(tests, row.name, other.name) for _, other in rows))
            for number, row in rows
        ),
        lines=tuple(_line(pair, titles) for pair in comparison.pairs),
        level=f"{LEVEL:g}",
    )


def _cell(tests: dict[tuple[str, str], PairTest], row: str, column: str) -> PairCell:
    """Return the verdict on two ideas, seen from the row's."""
    if row == column:
        return PairCell("same")
    pair = tests.get((row, column)) or tests[column, row]
    if not pair.p_adjusted < LEVEL:
        return PairCell("unclear", p_value(pair.p_adjusted))
    winner = pair.first if pair.only_first > pair.only_second else pair.second
    return PairCell("better" if winner == row else "worse", p_value(pair.p_adjusted))


def _line(pair: PairTest, titles: dict[str, str]) -> PairLine:
    """Return one test in figures."""
    return PairLine(
        first=titles[pair.first],
        second=titles[pair.second],
        only_first=f"{pair.only_first:,}",
        only_second=f"{pair.only_second:,}",
        p=p_value(pair.p_value),
        p_adjusted=p_value(pair.p_adjusted),
        real=pair.p_adjusted < LEVEL,
    )
