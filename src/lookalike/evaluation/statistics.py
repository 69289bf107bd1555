"""Intervals and paired tests: what a difference between two figures means."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from lookalike.evaluation.results import Estimate, Rate

_DRAWS = 10_000


def rate(hits: int, n: int) -> Rate:
    """Return ``hits`` of ``n`` with its 95 % Wilson interval.

    Parameters
    ----------
    hits, n : int
        How many of how many. Nothing of nothing has the interval 0 to 1.

    Returns
    -------
    Rate

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

    Examples
    --------
    >>> from lookalike.evaluation.statistics import rate
    >>> r = rate(926, 1010)
    >>> round(r.value, 4), round(r.low, 3), round(r.high, 3)
    (0.9168, 0.898, 0.932)
    """
    if n == 0:
        return Rate(0, 0, 0.0, 1.0)
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Rate(hits, n, float(interval.low), float(interval.high))


def mean_of_rates(rates: Sequence[Rate], *, seed: int = 0) -> Estimate:
    """Return the unweighted mean of the classes' rates, with a 95 % stratified bootstrap interval.

    Each class's images are drawn again with replacement, class by class, 10,000 times; the interval is
    the middle 95 % of the means. Drawing n right-or-wrong answers again is one binomial draw, so no image is
    touched. Where every rate is 0 or 1 no draw differs and the interval has no width: then look at the
    classes' own intervals.

    Parameters
    ----------
    rates : sequence of Rate
        One for each class; classes without images are left out.
    seed : int, default=0
        What the draws are made from.

    Returns
    -------
    Estimate
        NaN where no class has images.

    References
    ----------
    B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap" (1993), section 13.3 (percentile
    interval).
    """
    seen = [rate for rate in rates if rate.n]
    if not seen:
        return Estimate(float("nan"), float("nan"), float("nan"))
    n = np.array([rate.n for rate in seen])
    p = np.array([rate.value for rate in seen])
    draws = np.random.default_rng(seed).binomial(n, p, size=(_DRAWS, len(n))) / n
    low, high = np.quantile(draws.mean(axis=1), [0.025, 0.975])
    return Estimate(float(p.mean()), float(low), float(high))


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> tuple[int, int, float]:
    """Return McNemar's exact test of two ideas' answers to the same images.

    Only images that one of them answered right and the other wrong tell them apart; were both
    equally good, each such image would be the first's or the second's with probability 1/2.

    Parameters
    ----------
    first_right, second_right : ndarray of shape (n,), bool
        Whether each image was answered right.

    Returns
    -------
    only_first, only_second : int
        Images that only the one was right about.
    p_value : float
        Two-sided, exact; 1 where they never differ.

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages", Psychometrika 12 (1947).
    """
    only_first = int(np.count_nonzero(first_right & ~second_right))
    only_second = int(np.count_nonzero(~first_right & second_right))
    differing = only_first + only_second
    p_value = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return only_first, only_second, p_value


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for having made several tests, by Holm's step-down rule.

    The k-th smallest of m is multiplied by m - k + 1, made no smaller than those before it, and cut at 1.

    Parameters
    ----------
    p_values : sequence of float
        In any order.

    Returns
    -------
    list of float
        In the same order.

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6 (1979).

    Examples
    --------
    >>> from lookalike.evaluation.statistics import holm
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        running = max(running, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, running)
    return adjusted


def letters(names: Sequence[str], different: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return letters such that two names share one exactly where they were not told apart.

    Parameters
    ----------
    names : sequence of str
        In the order in which letters are given out: the best first.
    different : iterable of (str, str)
        The pairs that were told apart.

    Returns
    -------
    dict of str to str
        For each name its letters, in alphabetical order.

    References
    ----------
    H.-P. Piepho, "An algorithm for a letter-based representation of all-pairwise comparisons", J. Comput.
    Graph. Statist. 13 (2004): insert and absorb.

    Examples
    --------
    >>> from lookalike.evaluation.statistics import letters
    >>> letters(["best", "middle", "worst"], [("best", "worst")])
    {'best': 'a', 'middle': 'ab', 'worst': 'b'}
    """
    groups = [frozenset(names)]
    for first, second in different:
        split = [
            group - {gone}
            for group in groups
            for gone in ((first, second) if {first, second} <= group else (None,))
        ]
        # A group within another one says nothing of its own.
        groups = [
            group
            for i, group in enumerate(split)
            if not any(group < other or (group == other and j < i) for j, other in enumerate(split))
        ]
    place = {name: index for index, name in enumerate(names)}
    groups.sort(key=lambda group: sorted(place[name] for name in group))
    marks = [string.ascii_lowercase[i % 26] * (1 + i // 26) for i in range(len(groups))]
    return {
        name: "".join(mark for mark, group in zip(marks, groups, strict=True) if name in group)
        for name in names
    }
