"""The head of the page: what was compared, what it means, and the table with its intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.picture.text import plain
from lookalike.report.formats import NARROW, decimals_for, listing, memory, p_value, percent, seconds, span

LEVEL = 0.05
"""A difference is called real where its adjusted p-value is below this."""

_NAMED_CLASSES = 4
_ORIGINS = {"ours": "", "reference": "reference", "yours": "yours"}


@dataclass(frozen=True)
class Mark:
    """A rate with its interval, as places along an axis in percent of its length."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Axis:
    """The one axis that all intervals are drawn on.

    Attributes
    ----------
    low : float
        The rate at its left end; its right end is 1.
    ticks : tuple of (float, str)
        Places in percent of its length, and their labels.
    chance : float
        The place of always answering the most frequent class.
    """

    low: float
    ticks: tuple[tuple[float, str], ...]
    chance: float

    def place(self, rate: float) -> float:
        """Return where ``rate`` is, in percent of the axis' length."""
        return _place(rate, self.low)


@dataclass(frozen=True)
class Line:
    """One idea's line of the table, as text."""

    number: int
    name: str
    title: str
    origin: str
    error: str
    warnings: tuple[str, ...]
    best: bool = False
    rate: str = ""
    interval: str = ""
    hits: str = ""
    mark: Mark | None = None
    macro: str = ""
    macro_interval: str = ""
    fit: str = ""
    predict: str = ""
    size: str = ""


@dataclass(frozen=True)
class Overview:
    """The head of the page.

    Attributes
    ----------
    title, subtitle : str
        What was compared.
    reading : tuple of str
        The result in plain sentences.
    n : str
        How many images the ideas were measured on.
    chance : str
        How often the most frequent class is right.
    axis : Axis
        What the intervals are drawn on.
    lines : tuple of Line
        The table, in the order in which the ideas were given.
    """

    title: str
    subtitle: str
    reading: tuple[str, ...]
    n: str
    chance: str
    axis: Axis
    lines: tuple[Line, ...]


def overview(comparison: Comparison) -> Overview:
    """Return the head of the page.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    Overview
        As harmless text.
    """
    train, valid = comparison.train, comparison.valid
    chance = chance_level(train, valid)
    axis = _axis(comparison, chance)
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
        axis=axis,
        lines=tuple(_line(number, row, row is best, axis) for number, row in enumerate(comparison.rows, 1)),
    )


def chance_level(train: LabelledImages, valid: LabelledImages) -> float:
    """Return how often the training part's most frequent class is right on the validation part, in 0-1.

    Ties go to the first class.
    """
    counts = train.counts()
    return valid.counts().get(max(counts, key=lambda name: counts[name]), 0) / len(valid)


def best_row(rows: Iterable[Row], *, references: bool = True) -> Row | None:
    """Return the row that was right most often.

    Parameters
    ----------
    rows : iterable of Row
        Some of which may have failed.
    references : bool, default=True
        Whether an outside reference can be it.

    Returns
    -------
    Row or None
        The first of equals; None where there is none.
    """
    asked = [row for row in rows if row.evaluation is not None and (references or row.origin != "reference")]
    return max(asked, key=_accuracy, default=None)


def _accuracy(row: Row) -> float:
    """Return a row's accuracy; below all others where it failed."""
    return row.evaluation.accuracy.value if row.evaluation else -1.0


def _line(number: int, row: Row, best: bool, axis: Axis) -> Line:
    """Return one idea's line."""
    head = {
        "number": number,
        "name": plain(row.name),
        "title": plain(row.title),
        "origin": _ORIGINS.get(row.origin, plain(row.origin)),
        "error": plain(row.error or ""),
        "warnings": tuple(plain(warning) for warning in row.warnings),
    }
    if row.evaluation is None:
        return Line(**head)  # type: ignore[arg-type] # a dict of several types
    return Line(**head, best=best, **_figures(row, row.evaluation, axis))  # type: ignore[arg-type]


def _figures(row: Row, evaluation: Evaluation, axis: Axis) -> dict[str, object]:
    """Return the figures of one idea's line, by their names."""
    rate, macro = evaluation.accuracy, evaluation.macro
    decimals = decimals_for(rate.n)
    return {
        "rate": percent(rate.value, decimals),
        "interval": span(rate.low, rate.high, decimals),
        "hits": f"{rate.hits:,} of {rate.n:,}",
        "mark": Mark(axis.place(rate.value), axis.place(rate.low), axis.place(rate.high)),
        "macro": percent(macro.value, decimals),
        "macro_interval": span(macro.low, macro.high, decimals),
        "fit": seconds(row.fit_seconds),
        "predict": seconds(evaluation.predict_seconds),
        "size": memory(row.size_bytes),
    }


def _place(rate: float, low: float) -> float:
    """Return where ``rate`` is on an axis from ``low`` to 1, in percent of its length."""
    return round(100 * (min(max(rate, low), 1) - low) / (1 - low), 2)


def _axis(comparison: Comparison, chance: float) -> Axis:
    """Return an axis from a round number below every interval to 1."""
    lows = [row.evaluation.accuracy.low for row in comparison.rows if row.evaluation is not None]
    lowest = min([chance, *lows])
    step = next(step for step, least in ((2, 90), (5, 75), (10, 40), (20, 0)) if 100 * lowest >= least)
    start = min(int(100 * lowest) // step * step, 100 - step)
    low = start / 100
    ticks = tuple((_place(at / 100, low), f"{at}") for at in range(start, 101, step))
    return Axis(low, ticks, _place(chance, low))


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
    unclear = [pair for pair in pairs if not pair.p_adjusted < LEVEL]
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
