"""Numbers whose sign matters."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Numbers are shown in such steps.
_STEP = 1e-4


def signed_number(value: float) -> str:
    """Return a number with its sign, a real minus, and four decimals.

    Examples
    --------
    >>> from lookalike.picture.signed import signed_number
    >>> signed_number(0.0129), signed_number(-0.5), signed_number(-0.00001)
    ('+0.0129', '−0.5000', '0.0000')
    """
    rounded = round(value, 4)
    if rounded == 0:
        return "0.0000"
    return f"{rounded:+.4f}".replace("-", "−")


def adding_up(values: Sequence[float], total: float) -> tuple[float, ...]:
    """Return numbers rounded to four decimals, each up or down, so that their sum is the one that is shown.

    Rounded each to the nearest, numbers often miss their rounded sum by one in the last place, and whoever
    adds them up finds a mistake. Here those are rounded up that lose most by being rounded down.

    Parameters
    ----------
    values : sequence of float
        The numbers.
    total : float
        Their sum as it is shown: to four decimals, less than one in the last place from what it is.

    Examples
    --------
    >>> from lookalike.picture.signed import adding_up
    >>> adding_up([0.02366, -0.02152], 0.0021)
    (0.0236, -0.0215)
    """
    steps = [value / _STEP for value in values]
    whole = [math.floor(step) for step in steps]
    missing = round(total / _STEP) - sum(whole)
    order = sorted(range(len(steps)), key=lambda place: whole[place] - steps[place])
    for place in order[: max(0, missing)]:
        whole[place] += 1
    return tuple(round(step * _STEP, 4) for step in whole)
