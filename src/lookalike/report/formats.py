"""Figures as people read them."""

from __future__ import annotations

import math

from lookalike.picture.text import plain

NARROW = "\u202f"
"""A narrow space that does not break, as between a number and its unit."""

_TWO_DECIMALS_FROM = 1000


def decimals_for(n: int) -> int:
    """Return how many decimals a percentage of ``n`` images deserves: one, or two from a thousand on."""
    return 2 if n >= _TWO_DECIMALS_FROM else 1


def percent(value: float, decimals: int) -> str:
    """Return a rate in 0-1 as a percentage; a dash where it is not known.

    Examples
    --------
    >>> from lookalike.report.formats import percent
    >>> percent(0.95106, 2).replace(chr(0x202F), " ")
    '95.11 %'
    """
    return "–" if math.isnan(value) else f"{100 * value:.{decimals}f}{NARROW}%"


def span(low: float, high: float, decimals: int) -> str:
    """Return an interval of rates in 0-1 as percentages.

    Examples
    --------
    >>> from lookalike.report.formats import span
    >>> span(0.941, 0.96, 1).replace(chr(0x202F), " ")
    '94.1–96.0 %'
    """
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{100 * low:.{decimals}f}–{100 * high:.{decimals}f}{NARROW}%"


def seconds(value: float | None) -> str:
    """Return a time with the unit that suits it.

    Examples
    --------
    >>> from lookalike.report.formats import seconds
    >>> [seconds(value).replace(chr(0x202F), " ") for value in (0.0004, 0.0123, 3.21, 75)]
    ['< 1 ms', '12 ms', '3.2 s', '75 s']
    """
    if value is None:
        return "–"
    if value < 0.001:
        return f"<{NARROW}1{NARROW}ms"
    if value < 0.9995:
        return f"{1000 * value:.0f}{NARROW}ms"
    return f"{value:.1f}{NARROW}s" if value < 9.95 else f"{value:.0f}{NARROW}s"


def memory(size: int | None) -> str:
    """Return a number of bytes with a decimal unit.

    Examples
    --------
    >>> from lookalike.report.formats import memory
    >>> [memory(size).replace(chr(0x202F), " ") for size in (0, 640, 62720, 376320000)]
    ['0 B', '640 B', '62.7 kB', '376 MB']
    """
    if size is None:
        return "–"
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
    >>> from lookalike.report.formats import p_value
    >>> [p_value(p).replace(chr(0x202F), " ") for p in (1e-9, 0.0312, 0.31, 1.0)]
    ['< 0.0001', '0.031', '0.31', '1']
    """
    if p < 0.0001:
        return f"<{NARROW}0.0001"
    return f"{p:.2g}" if p >= 0.001 else f"{p:.1g}"


def part_name(part: str) -> str:
    """Return what people call a part of the data.

    Examples
    --------
    >>> from lookalike.report.formats import part_name
    >>> part_name("valid")
    'validation'
    """
    return {"train": "training", "valid": "validation"}.get(part, plain(part))


def listing(names: list[str], last: str = "and") -> str:
    """Return names as a list in a sentence.

    Examples
    --------
    >>> from lookalike.report.formats import listing
    >>> listing(["a", "b", "c"]), listing(["a", "b"]), listing(["a"])
    ('a, b and c', 'a and b', 'a')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"
