"""Figures as people read them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lookalike.text import plain

#: A narrow space that does not break, as between a number and its unit.
NARROW = "\u202f"

_TWO_DECIMALS_FROM = 1000
#: Numbers with a sign are shown in such steps.
_STEP = 1e-4


def decimals_for(n: int) -> int:
    """Return how many decimals a percentage of ``n`` images deserves."""
    return 2 if n >= _TWO_DECIMALS_FROM else 1


def percent(value: float, decimals: int) -> str:
    """Return a rate in 0-1 as a percentage; a dash where it is not known.

    Examples
    --------
    >>> from lookalike.show.formats import percent
    >>> percent(0.95106, 2).replace(chr(0x202F), " ")
    '95.11 %'
    """
    return "–" if math.isnan(value) else f"{100 * value:.{decimals}f}{NARROW}%"


def span(low: float, high: float, decimals: int) -> str:
    """Return an interval of rates in 0-1 as percentages.

    Examples
    --------
    >>> from lookalike.show.formats import span
    >>> span(0.941, 0.96, 1).replace(chr(0x202F), " ")
    '94.1–96.0 %'
    """
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{100 * low:.{decimals}f}–{100 * high:.{decimals}f}{NARROW}%"


def seconds(value: float | None) -> str:
    """Return a time with the unit that suits it; nothing for None.

    Examples
    --------
    >>> from lookalike.show.formats import seconds
    >>> [seconds(value).replace(chr(0x202F), " ") for value in (0.0004, 0.0123, 3.21, 75)]
    ['< 1 ms', '12 ms', '3.2 s', '75 s']
    """
    if value is None:
        return ""
    if value < 0.001:
        return f"<{NARROW}1{NARROW}ms"
    if value < 0.9995:
        return f"{1000 * value:.0f}{NARROW}ms"
    return f"{value:.1f}{NARROW}s" if value < 9.95 else f"{value:.0f}{NARROW}s"


def memory(size: int | None) -> str:
    """Return a number of bytes with a decimal unit; nothing for None.

    Examples
    --------
    >>> from lookalike.show.formats import memory
    >>> [memory(size).replace(chr(0x202F), " ") for size in (0, 640, 62720, 376320000)]
    ['0 B', '640 B', '62.7 kB', '376 MB']
    """
    if size is None:
        return ""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5 or unit == "GB":
            break
        value /= 1000
    text = f"{value:.0f}" if unit == "B" or value >= 99.95 else f"{value:.1f}"
    return f"{text}{NARROW}{unit}"


def p_value(p: float) -> str:
    """Return a p-value with two digits that count; small ones as a bound.

    Examples
    --------
    >>> from lookalike.show.formats import p_value
    >>> [p_value(p).replace(chr(0x202F), " ") for p in (1e-9, 0.0312, 0.31, 1.0)]
    ['< 0.0001', '0.031', '0.31', '1']
    """
    if p < 0.0001:
        return f"<{NARROW}0.0001"
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1g}"


def part_name(part: str) -> str:
    """Return what people call a part of the data."""
    return {"train": "training", "valid": "validation"}.get(part, plain(part))


def listing(names: Sequence[str], last: str = "and") -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> from lookalike.show.formats import listing
    >>> listing(["a", "b", "c"]), listing(["a", "b"]), listing(["a"])
    ('a, b and c', 'a and b', 'a')
    """
    return "".join(names) if len(names) < 2 else f"{', '.join(names[:-1])} {last} {names[-1]}"


def signed_number(value: float) -> str:
    """Return a number with its sign, a real minus, and four decimals.

    Examples
    --------
    >>> from lookalike.show.formats import signed_number
    >>> signed_number(0.0129), signed_number(-0.5), signed_number(-0.00001)
    ('+0.0129', '−0.5000', '0.0000')
    """
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
