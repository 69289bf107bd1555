"""Where a function of one number is zero, by Brent's method: a cold answer cannot wait for SciPy to load."""

from __future__ import annotations

from collections.abc import Callable

#: Beside its own tolerance a root is as exact as doubles are; so many steps are never needed.
_EXACT, _MOST_STEPS = 4 * 2.0**-52, 100


def root_between(function: Callable[[float], float], low: float, high: float, tolerance: float) -> float:
    """Return where a function is zero, by the steps of ``scipy.optimize.brentq``, to the last bit.

    Brent, "Algorithms for minimization without derivatives" (1973), chapter 4: a secant or an inverse
    quadratic step where it shortens the bracket fast enough, else its middle.

    Parameters
    ----------
    function : callable
        Continuous, and of opposite signs at both ends.
    low, high : float
        The ends.
    tolerance : float
        How far off the root may be.

    Raises
    ------
    ValueError
        The signs at both ends are the same.

    Examples
    --------
    >>> from lookalike.recognition.roots import root_between
    >>> round(root_between(lambda x: x * x - 2, 0.0, 2.0, 1e-9), 6)
    1.414214
    """
    before, now = float(low), float(high)
    at_before, at_now = function(before), function(now)
    if at_before == 0:
        return before
    if at_now != 0 and (at_before < 0) == (at_now < 0):
        raise ValueError("the function has the same sign at both ends: expected a root between them")
    other = at_other = step_before = step = 0.0
    for _ in range(_MOST_STEPS):
        if at_before != 0 and at_now != 0 and (at_before < 0) != (at_now < 0):
            other, at_other = before, at_before
            step_before = step = now - before
        if abs(at_other) < abs(at_now):
            before, now, other = now, other, now
            at_before, at_now, at_other = at_now, at_other, at_now
        near, half = (tolerance + _EXACT * abs(now)) / 2, (other - now) / 2
        if at_now == 0 or abs(half) < near:
            break
        tried = None
        if abs(step_before) > near and abs(at_now) < abs(at_before):
            if before == other:
                tried = -at_now * (now - before) / (at_now - at_before)
            else:
                first = (at_before - at_now) / (before - now)
                second = (at_other - at_now) / (other - now)
                tried = (
                    -at_now
                    * (at_other * second - at_before * first)
                    / (second * first * (at_other - at_before))
                )
        if tried is not None and 2 * abs(tried) < min(abs(step_before), 3 * abs(half) - near):
            step_before, step = step, tried
        else:
            step_before = step = half
        before, at_before = now, at_now
        now += step if abs(step) > near else (near if half > 0 else -near)
        at_now = function(now)
    return now
