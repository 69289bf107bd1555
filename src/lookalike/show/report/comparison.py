"""The page of a comparison: its head and table, which differences are real, each class, and the data."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lookalike
from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, PairTest, Row
from lookalike.evaluation.statistics import Rate
from lookalike.files import write_whole
from lookalike.show.columns import NARROW, Column, decimals_for, listing, p_value, part_name, percent, span
from lookalike.show.pages import render
from lookalike.show.report.answers import answers
from lookalike.show.report.examples import differences, matches
from lookalike.show.report.prototypes import films, ideals
from lookalike.show.views import (
    LEVEL,
    READING,
    best_row,
    ideas_table,
    is_real,
    measured,
    pairs_table,
    rates_table,
)
from lookalike.text import plain

_NAMED_CLASSES = 4


def write_report(
    comparison: Comparison, path: str | os.PathLike[str], *, command: str, image: str | None = None
) -> None:
    """Write the page, as a whole or not at all; ``image`` names one of either part to look at first."""
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


def overview(comparison: Comparison) -> SimpleNamespace:
    """Return the head of the page: the result in sentences, and the table with the axis of its intervals."""
    train, valid = comparison.train, comparison.valid
    chance = chance_level(train, valid)
    axis = _axis(comparison, chance)
    columns = ideas_table(comparison).of("page")
    best = best_row(comparison.rows)
    ideas = f"{len(comparison.rows)} idea{'s' if len(comparison.rows) != 1 else ''}"
    return SimpleNamespace(
        title=titled(train.source.name, train),
        subtitle=f"{ideas}, fitted on {len(train):,} images and measured on {len(valid):,} others",
        reading=[*_reading(comparison, best, chance), *map(plain, comparison.notes)],
        n=f"{len(valid):,}",
        chance=percent(chance, decimals_for(len(valid))),
        letters=READING,
        axis=axis,
        columns=columns,
        lines=[
            _line(number, row, row is best, axis.low, columns)
            for number, row in enumerate(comparison.rows, 1)
        ],
    )


def titled(name: str, images: LabelledImages) -> str:
    """Return a page's title: a name, and the classes where there are few."""
    names = [plain(one) for one in images.class_names]
    return (
        f"{plain(name)}: {listing(names, 'or') if len(names) <= _NAMED_CLASSES else f'{len(names)} classes'}"
    )


def chance_level(train: LabelledImages, valid: LabelledImages) -> float:
    """Return how often the training part's most frequent class, or the first of such, is right, in 0-1."""
    counts = train.counts()
    return valid.counts().get(max(counts, key=lambda name: counts[name]), 0) / len(valid)


def _axis(comparison: Comparison, chance: float) -> SimpleNamespace:
    """Return the one axis that all intervals are drawn on, from a round rate below every one of them to 1."""
    lowest = min([chance, *(evaluation.accuracy.low for _, _, evaluation in measured(comparison))])
    step = next(step for step, least in ((2, 90), (5, 75), (10, 40), (20, 0)) if 100 * lowest >= least)
    start = min(int(100 * lowest) // step * step, 100 - step)
    low = start / 100
    ticks = [(_place(at / 100, low), f"{at}") for at in range(start, 101, step)]
    return SimpleNamespace(low=low, ticks=ticks, chance=_place(chance, low))


def _place(rate: float, low: float, decimals: int = 2) -> float:
    """Return where ``rate`` is on an axis from ``low`` to 1, in percent of its length."""
    return round(100 * (min(max(rate, low), 1) - low) / (1 - low), decimals)


def _mark(rate: Any, low: float = 0.0, decimals: int = 1) -> SimpleNamespace | None:
    """Return a rate and the ends of its interval as places on an axis; None of anything else."""
    if not isinstance(rate, Rate):
        return None
    ends = {"value": rate.value, "low": rate.low, "high": rate.high}
    return SimpleNamespace(**{end: _place(value, low, decimals) for end, value in ends.items()})


def _line(number: int, row: Row, best: bool, low: float, columns: Sequence[Column]) -> SimpleNamespace:
    """Return one idea's line of the table; one that failed has no mark."""
    return SimpleNamespace(
        number=number,
        title=plain(row.title),
        origin="" if row.origin == "ours" else plain(row.origin),
        error=plain(row.error or ""),
        warnings=[plain(warning) for warning in row.warnings],
        best=best,
        cells={column.key: column.cell(row) for column in columns},
        mark=_mark(row.evaluation and row.evaluation.accuracy, low, 2),
    )


def _reading(comparison: Comparison, best: Row | None, chance: float) -> list[str]:
    """Return the result in plain sentences, made from the figures alone."""
    failed = [plain(row.title) for row in comparison.rows if row.evaluation is None]
    if best is None or best.evaluation is None:
        return [f"No idea gave an answer: {listing(failed)} failed."]
    decimals = decimals_for(len(comparison.valid))
    rate = best.evaluation.accuracy
    several = len(comparison.rows) - len(failed) > 1
    sentences = [
        f"{'Most often right was' if several else 'Measured was'} “{plain(best.title)}”: "
        f"{percent(rate.value, decimals)} of {rate.n:,} images, with a 95{NARROW}% interval of "
        f"{span(rate.low, rate.high, decimals)}."
    ]
    ours = best_row(comparison.rows, references=False)
    if best.origin == "reference" and ours is not None and ours.evaluation is not None:
        rate = ours.evaluation.accuracy
        sentences.append(
            "It is an outside reference, there to compare with. "
            f"The best of the others was “{plain(ours.title)}”: {percent(rate.value, decimals)} "
            f"({span(rate.low, rate.high, decimals)})."
        )
    sentences.append(
        f"Always answering the most frequent class is right {percent(chance, decimals)} of the time: "
        "that is the level to beat."
    )
    sentences += _told_apart(comparison, best)
    if failed:
        sentences.append(f"{listing(failed)} failed; the table says why.")
    return sentences


def _told_apart(comparison: Comparison, best: Row) -> list[str]:
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


def pairs(comparison: Comparison) -> SimpleNamespace | None:
    """Return the tests of every two ideas that did not fail, as a matrix and in figures."""
    if not comparison.pairs:
        return None
    columns = pairs_table(comparison).of("page")
    tests = {(pair.first, pair.second): pair for pair in comparison.pairs}
    rows = [(number, row) for number, row, _ in measured(comparison)]
    return SimpleNamespace(
        matrix=[
            SimpleNamespace(
                number=number,
                title=plain(row.title),
                cells=[_verdict(tests, row.name, other.name) for _, other in rows],
            )
            for number, row in rows
        ],
        columns=columns,
        lines=[
            (is_real(pair), {column.key: column.cell(pair) for column in columns})
            for pair in comparison.pairs
        ],
        level=f"{LEVEL:g}",
    )


def _verdict(tests: dict[tuple[str, str], PairTest], row: str, column: str) -> SimpleNamespace:
    """Return how the row's idea does against the column's, and the p-value."""
    if row == column:
        return SimpleNamespace(verdict="same", p="")
    pair = tests.get((row, column)) or tests[column, row]
    winner = pair.first if pair.only_first > pair.only_second else pair.second
    verdict = "unclear" if not is_real(pair) else "better" if winner == row else "worse"
    return SimpleNamespace(verdict=verdict, p=p_value(pair.p_adjusted))


def classes(comparison: Comparison) -> SimpleNamespace:
    """Return each class's rate by each idea that did not fail, as figures and as marks from 0 to 1."""
    table = rates_table(comparison)
    return SimpleNamespace(
        columns=table.columns,
        numbers=tuple(number for number, _, _ in measured(comparison)),
        rows=[
            [(column.cell(name), _mark(column.value(name))) for column in table.columns]
            for name in table.rows
        ],
    )


def facts(comparison: Comparison, command: str) -> SimpleNamespace:
    """Return what the figures rest on: both parts of the data, their classes, and what made the page."""
    train, valid = comparison.train, comparison.valid
    fitted, tried = train.counts(), valid.counts()
    both = [note for note in dict.fromkeys(train.source.notes) if note in valid.source.notes]
    return SimpleNamespace(
        parts=[
            part_facts(f"{part_name(part.source.part).capitalize()} part", use, part, both)
            for use, part in (("fitted on", train), ("measured on", valid))
        ],
        notes=tuple(map(plain, both)),
        counts=[
            (plain(name), f"{fitted.get(name, 0):,}", f"{tried.get(name, 0):,}")
            for name in dict.fromkeys((*fitted, *tried))
        ],
        **origin(comparison.seed, command),
    )


def part_facts(title: str, use: str, images: LabelledImages, told: Sequence[str] = ()) -> SimpleNamespace:
    """Return one part of the data as harmless text, but for the notes that are told elsewhere."""
    height, width, *channels = images.images.shape[1:]
    return SimpleNamespace(
        use=use,
        name=plain(images.source.name),
        title=title,
        reader=plain(images.source.reader),
        n=f"{len(images):,}",
        shape=f"{height} × {width} pixels" + (f", {channels[0]} channels" if channels else ""),
        kind="bytes (uint8)" if images.images.dtype.kind == "u" else f"floats ({images.images.dtype})",
        sha256=images.sha256(),
        notes=tuple(plain(note) for note in images.source.notes if note not in told),
    )


def origin(seed: int, command: str) -> dict[str, Any]:
    """Return what makes a page again, on which day it was made, and by which versions."""
    # Whoever wants the same bytes again sets the day.
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    made = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)
    return {
        "seed": str(seed),
        "command": plain(command),
        "date": made.strftime("%Y-%m-%d"),
        "versions": [
            ("lookalike", lookalike.__version__),
            ("NumPy", version("numpy")),
            ("scikit-learn", version("scikit-learn")),
            ("Python", f"{platform.python_version()} on {platform.system()} ({platform.machine()})"),
        ],
    }
