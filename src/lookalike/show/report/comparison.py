"""The page of a comparison: its head and table, which differences are real, each class, and the rest."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, PairTest, Row
from lookalike.evaluation.statistics import Rate
from lookalike.files import write_whole
from lookalike.show.columns import Cell, Column
from lookalike.show.formats import NARROW, decimals_for, listing, p_value, percent, span
from lookalike.show.pages import render
from lookalike.show.report.answers import answers
from lookalike.show.report.explained import matches
from lookalike.show.report.facts import facts
from lookalike.show.report.films import films
from lookalike.show.report.pixels import differences, ideals
from lookalike.show.views import LEVEL, READING, best_row, ideas_table, is_real, pairs_table, rates_table
from lookalike.text import plain

_NAMED_CLASSES = 4


@dataclass(frozen=True)
class Mark:
    """A rate with its interval, as places along an axis in percent of its length."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RateAxis:
    """The one axis that all intervals are drawn on, from a round rate to 1."""

    low: float
    ticks: tuple[tuple[float, str], ...]  # places in percent of its length, and their labels
    chance: float  # the place of always answering the most frequent class

    def place(self, rate: float) -> float:
        """Return where ``rate`` is, in percent of the axis' length."""
        return _place(rate, self.low)


@dataclass(frozen=True)
class IdeaLine:
    """One idea's line of the table; one that failed has no cells."""

    number: int
    title: str
    origin: str
    error: str
    warnings: tuple[str, ...]
    best: bool
    cells: Mapping[str, Cell]  # by the columns' keys
    mark: Mark | None


@dataclass(frozen=True)
class Overview:
    """The head of the page."""

    title: str
    subtitle: str
    reading: tuple[str, ...]  # the result in plain sentences
    n: str
    chance: str  # how often the most frequent class is right
    letters: str  # how to read the letters of the table
    axis: RateAxis
    columns: tuple[Column, ...]
    lines: tuple[IdeaLine, ...]


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
class Pairs:
    """All tests, as a matrix and in figures."""

    matrix: tuple[PairRow, ...]
    columns: tuple[Column, ...]
    lines: tuple[tuple[bool, Mapping[str, Cell]], ...]  # whether the difference is real, and the figures
    level: str


@dataclass(frozen=True)
class Classes:
    """Each class's rate by each idea that did not fail."""

    columns: tuple[Column, ...]
    numbers: tuple[int, ...]  # of the ideas
    rows: tuple[tuple[tuple[Cell, Mark | None], ...], ...]


def write_report(
    comparison: Comparison, path: str | os.PathLike[str], *, command: str, image: str | None = None
) -> None:
    """Write a comparison as one HTML page that needs no network and no script; ``command`` makes it again.

    ``image`` names an image to look at first, of the validation or the training part. The file is replaced as
    a whole or, on any error, not touched.
    """
    write_whole(Path(path), render_comparison(comparison, command=command, image=image).encode())


def render_comparison(comparison: Comparison, *, command: str, image: str | None = None) -> str:
    """Return the page: the same, byte by byte, for the same comparison and ``SOURCE_DATE_EPOCH``."""
    return render(
        "page.html.jinja",
        # First, since an unknown image ends it all.
        differences=differences(comparison, image),
        overview=overview(comparison),
        pairs=pairs(comparison),
        classes=classes(comparison),
        ideals=ideals(comparison),
        films=films(comparison),
        matches=matches(comparison, image),
        answers=answers(comparison),
        facts=facts(comparison, command),
    )


def overview(comparison: Comparison) -> Overview:
    """Return the head of the page as harmless text."""
    train, valid = comparison.train, comparison.valid
    chance = chance_level(train, valid)
    axis = _axis(comparison, chance)
    table = ideas_table(comparison)
    best = best_row(comparison.rows)
    names = [plain(name) for name in train.class_names]
    classes = listing(names, "or") if len(names) <= _NAMED_CLASSES else f"{len(names)} classes"
    ideas = f"{len(comparison.rows)} idea{'s' if len(comparison.rows) != 1 else ''}"
    return Overview(
        title=f"{plain(train.source.name)}: {classes}",
        subtitle=f"{ideas}, fitted on {len(train):,} images and measured on {len(valid):,} others",
        reading=_reading(comparison, best, chance),
        n=f"{len(valid):,}",
        chance=percent(chance, decimals_for(len(valid))),
        letters=READING,
        axis=axis,
        columns=table.of("page"),
        lines=tuple(
            _line(number, row, row is best, axis, table.of("page"))
            for number, row in enumerate(comparison.rows, 1)
        ),
    )


def chance_level(train: LabelledImages, valid: LabelledImages) -> float:
    """Return how often the training part's most frequent class is right on the validation part, in 0-1.

    Ties go to the first class.
    """
    counts = train.counts()
    return valid.counts().get(max(counts, key=lambda name: counts[name]), 0) / len(valid)


def _line(number: int, row: Row, best: bool, axis: RateAxis, columns: Sequence[Column]) -> IdeaLine:
    """Return one idea's line."""
    rate = None if row.evaluation is None else row.evaluation.accuracy
    return IdeaLine(
        number=number,
        title=plain(row.title),
        origin="" if row.origin == "ours" else plain(row.origin),
        error=plain(row.error or ""),
        warnings=tuple(map(plain, row.warnings)),
        best=best,
        cells={column.key: column.cell(row) for column in columns},
        mark=None if rate is None else Mark(*(axis.place(one) for one in (rate.value, rate.low, rate.high))),
    )


def _place(rate: float, low: float) -> float:
    """Return where ``rate`` is on an axis from ``low`` to 1, in percent of its length."""
    return round(100 * (min(max(rate, low), 1) - low) / (1 - low), 2)


def _axis(comparison: Comparison, chance: float) -> RateAxis:
    """Return an axis from a round number below every interval to 1."""
    lows = [row.evaluation.accuracy.low for row in comparison.rows if row.evaluation is not None]
    lowest = min([chance, *lows])
    step = next(step for step, least in ((2, 90), (5, 75), (10, 40), (20, 0)) if 100 * lowest >= least)
    start = min(int(100 * lowest) // step * step, 100 - step)
    low = start / 100
    ticks = tuple((_place(at / 100, low), f"{at}") for at in range(start, 101, step))
    return RateAxis(low, ticks, _place(chance, low))


def _reading(comparison: Comparison, best: Row | None, chance: float) -> tuple[str, ...]:
    """Return the result in plain sentences, made from the figures alone."""
    failed = [plain(row.title) for row in comparison.rows if row.evaluation is None]
    if best is None or best.evaluation is None:
        return (f"No idea gave an answer: {listing(failed)} failed.",)
    decimals = decimals_for(len(comparison.valid))
    rate = best.evaluation.accuracy
    several = len(comparison.rows) - len(failed) > 1
    sentences = [
        f"{'Most often right was' if several else 'Measured was'} “{plain(best.title)}”: "
        f"{percent(rate.value, decimals)} of {rate.n:,} images, with a 95{NARROW}% interval of "
        f"{span(rate.low, rate.high, decimals)}."
    ]
    sentences += _ours(comparison, best, decimals)
    sentences.append(
        f"Always answering the most frequent class is right {percent(chance, decimals)} of the time: "
        "that is the level to beat."
    )
    sentences += _differences(comparison, best)
    if failed:
        sentences.append(f"{listing(failed)} failed; the table says why.")
    return tuple(sentences)


def _ours(comparison: Comparison, best: Row, decimals: int) -> list[str]:
    """Return a sentence on the best idea that is no outside reference, where a reference is the best."""
    row = best_row(comparison.rows, references=False)
    if best.origin != "reference" or row is None or row.evaluation is None:
        return []
    rate = row.evaluation.accuracy
    return [
        "It is an outside reference, there to compare with. "
        f"The best of the others was “{plain(row.title)}”: {percent(rate.value, decimals)} "
        f"({span(rate.low, rate.high, decimals)})."
    ]


def _differences(comparison: Comparison, best: Row) -> list[str]:
    """Return sentences on which differences are real."""
    pairs = comparison.pairs
    if not pairs:
        return []
    titles = {row.name: plain(row.title) for row in comparison.rows}
    unclear = [pair for pair in pairs if not is_real(pair)]
    test = f"McNemar’s exact test on the same images, p{NARROW}<{NARROW}{LEVEL}"
    if len(pairs) == 1:
        counted = [] if unclear else [f"The difference is larger than chance explains ({test})."]
    else:
        real = f"{len(pairs) - len(unclear)} of {len(pairs)}" if unclear else f"All {len(pairs)}"
        counted = [
            f"{real} differences between two ideas are larger than chance explains "
            f"({test} after Holm’s correction)."
        ]
    rivals = [
        f"“{titles[pair.second if pair.first == best.name else pair.first]}” "
        f"(p{NARROW}={NARROW}{p_value(pair.p_adjusted)})"
        for pair in unclear
        if best.name in (pair.first, pair.second)
    ]
    told = [f"These images cannot tell the best idea from {listing(rivals)}."] if rivals else []
    return counted + told


def pairs(comparison: Comparison) -> Pairs | None:
    """Return the tests of every two ideas that did not fail."""
    if not comparison.pairs:
        return None
    columns = pairs_table(comparison).of("page")
    tests = {(pair.first, pair.second): pair for pair in comparison.pairs}
    rows = [(number, row) for number, row in enumerate(comparison.rows, 1) if row.evaluation is not None]
    titles = {row.name: plain(row.title) for _, row in rows}
    return Pairs(
        matrix=tuple(
            PairRow(number, titles[row.name], tuple(_cell(tests, row.name, other.name) for _, other in rows))
            for number, row in rows
        ),
        columns=columns,
        lines=tuple(
            (is_real(pair), {column.key: column.cell(pair) for column in columns})
            for pair in comparison.pairs
        ),
        level=f"{LEVEL:g}",
    )


def _cell(tests: dict[tuple[str, str], PairTest], row: str, column: str) -> PairCell:
    """Return the verdict on two ideas, seen from the row's."""
    if row == column:
        return PairCell("same")
    pair = tests.get((row, column)) or tests[column, row]
    if not is_real(pair):
        return PairCell("unclear", p_value(pair.p_adjusted))
    winner = pair.first if pair.only_first > pair.only_second else pair.second
    return PairCell("better" if winner == row else "worse", p_value(pair.p_adjusted))


def classes(comparison: Comparison) -> Classes:
    """Return each class's rate by each idea; every class that has images to measure on."""
    table = rates_table(comparison)
    numbers = [number for number, row in enumerate(comparison.rows, 1) if row.evaluation is not None]
    rows = tuple(
        tuple((column.cell(name), _mark(column.value(name))) for column in table.columns)
        for name in table.rows
    )
    return Classes(table.columns, tuple(numbers), rows)


def _mark(value: Any) -> Mark | None:
    """Return a rate on an axis from 0 to 1; nothing where the value is none."""
    if not isinstance(value, Rate):
        return None
    return Mark(*(round(100 * place, 1) for place in (value.value, value.low, value.high)))
