"""How values are written: figures as people read them, and columns, each declared once for every form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from lookalike.text import plain

#: ``text`` is what ``print`` shows, ``terminal`` what the command line does, ``page`` HTML; ``data`` is CSV,
#: data frames and JSON.
Form = Literal["text", "terminal", "page", "data"]
SHOWN: frozenset[Form] = frozenset(("text", "terminal", "page"))
DATA: frozenset[Form] = frozenset(("data",))
ALL: frozenset[Form] = SHOWN | DATA

#: A narrow space that does not break, as between a number and its unit.
NARROW = "\u202f"

_TWO_DECIMALS_FROM = 1000
#: Numbers with a sign are shown in such steps.
_STEP = 1e-4


def decimals_for(n: int) -> int:
    """Return how many decimals a percentage of ``n`` images deserves."""
    return 2 if n >= _TWO_DECIMALS_FROM else 1


def percent(value: float, decimals: int) -> str:
    """Return a rate in 0-1 as a percentage; a dash where it is not known."""
    return "–" if math.isnan(value) else f"{100 * value:.{decimals}f}{NARROW}%"


def span(low: float, high: float, decimals: int) -> str:
    """Return an interval of rates in 0-1 as percentages."""
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{100 * low:.{decimals}f}–{100 * high:.{decimals}f}{NARROW}%"


def seconds(value: float) -> str:
    """Return a time with the unit that suits it."""
    if value < 0.001:
        return f"<{NARROW}1{NARROW}ms"
    if value < 0.9995:
        return f"{1000 * value:.0f}{NARROW}ms"
    return f"{value:.1f}{NARROW}s" if value < 9.95 else f"{value:.0f}{NARROW}s"


def memory(size: int) -> str:
    """Return a number of bytes with a decimal unit."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    text = f"{value:.0f}" if unit == "B" or value >= 99.95 else f"{value:.1f}"
    return f"{text}{NARROW}{unit}"


def p_value(p: float) -> str:
    """Return a p-value with two digits that count; small ones as a bound."""
    if p < 0.0001:
        return f"<{NARROW}0.0001"
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1g}"


def part_name(part: str) -> str:
    """Return what people call a part of the data."""
    return {"train": "training", "valid": "validation"}.get(part, plain(part))


def listing(names: Sequence[str], last: str = "and") -> str:
    """Return names as a list in a sentence."""
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def signed_number(value: float) -> str:
    """Return a number with its sign, a real minus, and four decimals."""
    rounded = round(value, 4)
    return f"{rounded:+.4f}".replace("-", "−") if rounded else "0.0000"


def adding_up(values: Sequence[float], total: float) -> tuple[float, ...]:
    """Return numbers rounded to four decimals, each up or down, so that their sum is the one that is shown.

    Rounded each to the nearest, numbers often miss their rounded sum by one in the last place, and whoever
    adds them up finds a mistake. Here those are rounded up that lose most by being rounded down.
    """
    steps = [value / _STEP for value in values]
    whole = [math.floor(step) for step in steps]
    missing = round(total / _STEP) - sum(whole)
    order = sorted(range(len(steps)), key=lambda place: whole[place] - steps[place])
    for place in order[: max(0, missing)]:
        whole[place] += 1
    return tuple(round(step * _STEP, 4) for step in whole)


class Cell(NamedTuple):
    """What a page shows in one cell: a figure, and what stands small below it."""

    main: str
    small: str = ""
    ends: tuple[float, float, float] | None = None  # low, value and high in 0-1, of an interval to be drawn


@dataclass(frozen=True)
class Kind:
    """How values of one kind are written."""

    text: Callable[[Any], str]
    #: For a page, from the value and how many decimals percentages have; by default the text.
    page: Callable[[Any, int], Cell] | None = None
    #: For a terminal, where columns are narrow; by default the text.
    terminal: Callable[[Any], str] | None = None
    #: Ends of keys and what is put there in CSV and data frames.
    flat: tuple[tuple[str, Callable[[Any], Any]], ...] = (("", lambda value: value),)
    #: What JSON has.
    fact: Callable[[Any], Any] = lambda value: value
    left: bool = False


@dataclass(frozen=True)
class Column:
    r"""One column: how it is called, where its value comes from and how that is written."""

    key: str
    heading: str  # for people, with \n where a terminal breaks it; of untrusted text what plain returns
    value: Callable[[Any], Any]
    kind: Kind
    forms: frozenset[Form] = ALL
    under: str = ""  # of how many images its figures are, where that is the same for all rows
    goes: int = 0  # how early it is left out where a terminal is narrow: the highest first, 0 never
    folds: bool = False  # it may be folded between words where all columns that may go are gone
    missing: str = ""  # what stands for None where people read
    counts: tuple[str, str] | None = None  # what a rate's count and its n are called in CSV and data frames
    decimals: int = 1  # of an estimate's percentage: a rate's has as many as its n deserves

    def text(self, row: Any, form: Form = "text") -> str:
        """Return the value as text shows it."""
        value = self.value(row)
        written = (form == "terminal" and self.kind.terminal) or self.kind.text
        return self.missing if value is None else written(value)

    def cell(self, row: Any) -> Cell:
        """Return the value as a page shows it."""
        value = self.value(row)
        if value is None or self.kind.page is None:
            return Cell(self.text(row))
        return self.kind.page(value, self.decimals)

    @property
    def keys(self) -> tuple[str, ...]:
        """What CSV and data frames call its columns: as many as its kind needs."""
        return (*(self.counts or ()), *(self.key + end for end, _ in self.kind.flat))

    def flat(self, row: Any) -> dict[str, Any]:
        """Return the value by its keys; None for each where there is none."""
        value = self.value(row)
        parts = [part for _, part in self.kind.flat]
        if self.counts is not None:
            parts[:0] = (lambda rate: rate.hits, lambda rate: rate.n)
        written = zip(self.keys, parts, strict=True)
        return {key: None if value is None else part(value) for key, part in written}

    def fact(self, row: Any) -> Any:
        """Return the value as JSON has it."""
        value = self.value(row)
        return None if value is None else self.kind.fact(value)


@dataclass(frozen=True)
class Table:
    """Columns, and the rows that their values come from."""

    columns: tuple[Column, ...]
    rows: Sequence[Any]
    #: Rich's style of a cell on the terminal, from its row and its column's key.
    style: Callable[[Any, str], str] = lambda row, key: ""

    def of(self, form: Form) -> tuple[Column, ...]:
        """Return the columns that one form has."""
        return tuple(column for column in self.columns if form in column.forms)

    def keys(self) -> list[str]:
        """Return what CSV and data frames call the columns, whether there are rows or none."""
        return [key for column in self.of("data") for key in column.keys]

    def flat(self) -> Iterator[dict[str, Any]]:
        """Yield each row as CSV and data frames have it."""
        for row in self.rows:
            yield {key: value for column in self.of("data") for key, value in column.flat(row).items()}

    def facts(self, row: Any) -> dict[str, Any]:
        """Return one row as JSON has it."""
        return {column.key: column.fact(row) for column in self.of("data")}


def spaced(text: str) -> str:
    """Return a figure made for pages as a terminal has it, whose spaces are all alike."""
    return text.replace(NARROW, " ")


def rate_facts(rate: Any) -> dict[str, Any]:
    """Return what JSON says of a rate; nothing of nothing has no value."""
    return {**vars(rate), "value": rate.value if rate.n else None}


def interval(value: Any) -> str:
    """Return the ends of an interval."""
    return f"{value.low:.4f}-{value.high:.4f}"


def _rate_cell(rate: Any, decimals: int) -> Cell:
    return Cell(percent(rate.value, decimals), span(rate.low, rate.high, decimals))


def _drawn_cell(rate: Any, decimals: int) -> Cell:
    """Return a rate and its interval, which is drawn too."""
    found = _rate_cell(rate, decimals)
    ends = rate.low, rate.value, rate.high
    return found if any(map(math.isnan, ends)) else found._replace(ends=ends)


def _interval_cell(cell: Cell) -> Cell:
    """Return the interval of a cell alone."""
    return Cell(cell.small, ends=cell.ends)


def _half_below(value: Any) -> str:
    """Return a figure, and half the width of its interval below it."""
    return f"{value.value:.3f}\n±{(value.high - value.low) / 2:.3f}".replace("±0.", "±.")


_ENDS = (("_low", lambda value: value.low), ("_high", lambda value: value.high))
_ESTIMATE_FLAT = (("", lambda value: value.value), *_ENDS)

WORDS = Kind(lambda value: plain(value), left=True)
NUMBER = Kind(lambda value: f"{value:g}")
COUNT = Kind(lambda value: f"{value:,}")
NOTES = Kind(lambda notes: plain("; ".join(notes)), flat=(("", "; ".join),), left=True)
PLACES = Kind(
    lambda places: " ".join(map(str, places)),
    flat=(("", lambda places: " ".join(map(str, places))),),
    fact=list,
)
SECONDS = Kind(lambda value: spaced(seconds(value)), lambda value, _: Cell(seconds(value)))
BYTES = Kind(lambda value: spaced(memory(value)), lambda value, _: Cell(memory(value)))
P_VALUE = Kind(lambda value: spaced(p_value(value)), lambda value, _: Cell(p_value(value)))
DISTANCE = Kind(lambda value: f"{value:.4f}")
#: Of some images, which may be none.
RATE = Kind(
    lambda rate: f"{rate.value:.4f}" if rate.n else "",
    lambda rate, _: _drawn_cell(rate, decimals_for(rate.n)),
    flat=(("", lambda rate: rate.value if rate.n else None), *_ENDS),
    fact=rate_facts,
)
#: The same where the interval has a column of its own.
COUNTED_RATE = Kind(
    RATE.text,
    lambda rate, _: Cell(percent(rate.value, decimals_for(rate.n)), f"{rate.hits:,} of {rate.n:,}"),
    flat=RATE.flat,
    fact=rate_facts,
)
INTERVAL = Kind(
    lambda rate: interval(rate) if rate.n else "",
    lambda rate, _: _interval_cell(_drawn_cell(rate, decimals_for(rate.n))),
    flat=(),
)
ESTIMATE = Kind(lambda value: f"{value.value:.4f}", _rate_cell, flat=_ESTIMATE_FLAT, fact=vars)
#: One estimate among many, beside which there is no room for its interval.
POINT = Kind(
    lambda value: f"{value.value:.3f} ({value.low:.3f}-{value.high:.3f})",
    _drawn_cell,
    terminal=_half_below,
    flat=_ESTIMATE_FLAT,
    fact=vars,
)
