"""How many labelled images are needed: accuracy against the number of examples of each class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as students_t

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError
from lookalike.evaluation.compare import attempt, both, copies
from lookalike.evaluation.evaluate import Inputs, measure
from lookalike.evaluation.ideas import Candidate, candidates
from lookalike.evaluation.results import Row
from lookalike.evaluation.statistics import Estimate, mean_interval
from lookalike.progress import Progress, silent
from lookalike.registry import Shown

_MOST_DRAWS = 1000
#: Images to measure on: many more would take hours, for every idea is fitted and asked at every draw.
_MEASURED = 1000


@dataclass(frozen=True)
class Point:
    """One idea's accuracy from one number of examples of each class."""

    n: int | None  #: examples of each class; None means all training images
    accuracies: tuple[float, ...]  #: the rate of right answers, in 0-1: one a draw, or one from all images
    #: The mean over the draws with its 95 % interval for other draws and other images (see ``curve``); for
    #: all images their rate with its 95 % Wilson interval. None where the idea failed.
    accuracy: Estimate | None
    error: str | None  #: why it failed, in one line
    warnings: tuple[str, ...]  #: what to know about the figures, each once


@dataclass(frozen=True)
class CurveRow:
    """One idea's curve."""

    name: str  #: what one types; like the title it may be a user's own text: untrusted
    title: str  #: what a table shows
    origin: str  #: whose idea it is: "ours", "reference" or "yours"
    points: tuple[Point, ...]  #: by number of examples, ascending; the last is that of all images


@dataclass(frozen=True, repr=False)
class Curve(Shown):
    """Several ideas' accuracy against the number of examples of each class; ``str`` is a table.

    Its :meth:`frame` has a row for each idea and number of examples; its :meth:`plot` draws the curves.
    """

    train: LabelledImages  #: what examples were drawn from
    valid: LabelledImages  #: what ideas were measured on
    rows: tuple[CurveRow, ...]  #: in the order in which the ideas were given
    sizes: tuple[int, ...]  #: the numbers of examples that were drawn, ascending
    draws: int  #: how often each number was drawn
    seed: int  #: what every random choice was drawn from
    notes: tuple[str, ...]  #: which sizes were left out and why, one sentence each


def curve(
    train: LabelledImages | tuple[ArrayLike, ArrayLike],
    valid: LabelledImages | tuple[ArrayLike, ArrayLike],
    ideas: Iterable[Any] | Mapping[str, Any] | None = None,
    *,
    sizes: Sequence[int] = (1, 2, 5, 10, 20, 50, 100),
    draws: int = 10,
    seed: int = 0,
    progress: Progress = silent,
) -> Curve:
    r"""Fit every idea on few examples of each class, and on more, and measure each on ``valid``.

    For each draw the training images of each class are put in a random order once; the first n of each
    class are its n examples, so that a draw's larger sets hold its smaller ones. Every idea gets the same
    draws. The mean of a size's draws has a 95 % interval for other draws and other images to measure on.
    Draws overlap where they take a large part of a class, which makes its part of the interval too narrow.
    The last point is that of all training images, with the Wilson interval of its rate: it says how much
    other images to measure on would change it.

    Parameters
    ----------
    train, valid : LabelledImages, or (images, labels)
        What :func:`lookalike.load` returns, or pairs of arrays.
    ideas : iterable or dict, optional
        As for :func:`lookalike.compare`.
    sizes : sequence of int, default=(1, 2, 5, 10, 20, 50, 100)
        Numbers of examples of each class. Those beyond the smallest class are left out, and ``notes`` says
        so.
    draws : int, default=10
        How often each number of examples is drawn, 2 to 1,000.
    seed : int, default=0
        What the draws, and each idea's own random choices, are drawn from.
    progress : Progress, optional
        Hears of each fit.

    Returns
    -------
    Curve
        A row an idea. An idea that fails has the reason in its points; the others have their figures.

    Raises
    ------
    UnknownNameError
        A name is not in the registry.
    InputError
        Something given is no idea, no sizes or draws, or the two parts' images differ in size or kind.

    Notes
    -----
    Where :math:`a_1, \dots, a_m` are the accuracies of a size's draws on the same ``n`` images, and :math:`W`
    is the Wilson interval's end for :math:`\bar a` of ``n`` images, the interval of their mean ends at

    .. math:: \bar a \mp \sqrt{(\bar a - W)^2 + t_{0.975, m - 1}^2 \, s^2 / m}, \qquad
        s^2 = \tfrac{1}{m - 1} \textstyle\sum_i (a_i - \bar a)^2

    cut to 0-1: what both would change by themselves adds up as variances do. The draws alone would say
    nothing of the images, and that all is certain where each draw is as often right.

    References
    ----------
    Student, "The probable error of a mean", Biometrika 6 (1908). G. Y. Zou and A. Donner, "Construction of
    confidence limits about effect measures: a general approach", Statistics in Medicine 27 (2008): the limits
    of a sum from those of its parts.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", limit=200)
    >>> found = lookalike.curve(train, valid, ["mean-image-l2"], sizes=[1, 5, 50], draws=3)
    >>> [point.n for point in found.rows[0].points]
    [1, 5, None]
    >>> found.notes
    ('50 examples of each class were left out: the smallest class has 20.',)
    >>> found.plot().get_xlabel()
    'examples of each class'
    """
    train, valid = both(train, valid)
    _whole("draws", draws, 2, _MOST_DRAWS)
    if not isinstance(sizes, Iterable):
        raise InputError(f"sizes is {sizes!r}: expected a list of numbers of examples, such as [1, 5, 20]")
    wanted = sorted({_whole("a size", size, 1) for size in sizes})
    if not wanted:
        raise InputError("no sizes: expected at least one number of examples of each class")
    chosen = candidates(ideas)
    kept, notes = _kept(wanted, train)
    notes += copies(train, valid)[2]
    if len(valid) > _MEASURED:
        notes.append(f"Measured on {_MEASURED:,} of {len(valid):,} images, drawn at random (seed {seed}).")
        places = np.random.default_rng(seed).permutation(len(valid))[:_MEASURED]
        valid = valid.take(np.sort(places))
    samples, measured = _samples(train.labels, kept, draws, seed), Inputs.at(valid)
    rows = tuple(_row(one, train, measured, samples, seed, progress) for one in chosen)
    return Curve(train, valid, rows, tuple(kept), draws, seed, tuple(notes))


def _whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return a whole number of a range."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):
        expected = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise InputError(f"{name} is {value!r}: expected a whole number {expected}")
    return int(value)


def _kept(sizes: list[int], train: LabelledImages) -> tuple[list[int], list[str]]:
    """Return the sizes that every class can give, and what to say of the others."""
    counts = np.unique(train.labels, return_counts=True)[1]
    smallest = int(counts.min())
    notes = []
    beyond = [f"{size:,}" for size in sizes if size > smallest]
    if beyond:
        listed = " and ".join(filter(None, [", ".join(beyond[:-1]), beyond[-1]]))
        notes.append(f"{listed} examples of each class were left out: the smallest class has {smallest}.")
    kept = [size for size in sizes if size <= smallest]
    if kept and kept[-1] == smallest == counts.max():
        kept.pop()
        notes.append(f"{smallest} examples of each class are all images: see there.")
    return kept, notes


def _samples(
    labels: NDArray[Any], sizes: list[int], draws: int, seed: int
) -> list[tuple[int | None, list[Any]]]:
    """Return the places of each size's draws, which are the same for every idea, and those of all images."""
    _, codes = np.unique(labels, return_inverse=True)
    orders = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        orders.append([rng.permutation(np.flatnonzero(codes == code)) for code in range(codes.max() + 1)])
    return [
        *((n, [np.sort(np.concatenate([one[:n] for one in order])) for order in orders]) for n in sizes),
        (None, [slice(None)]),
    ]


def _row(
    candidate: Candidate,
    train: LabelledImages,
    measured: Inputs,
    samples: list[tuple[int | None, list[Any]]],
    seed: int,
    progress: Progress,
) -> CurveRow:
    """Measure one idea."""
    total, done = sum(len(draws) for _, draws in samples), 0
    points = []
    for n, draws in samples:
        tries = []
        for draw, places in enumerate(draws):
            progress(f"curve: {candidate.title}", done, total)
            done += 1
            tries.append(
                attempt(
                    candidate,
                    Inputs.at(train, places),
                    partial(measure, inputs=measured),
                    seed=seed + draw,
                    progress=silent,
                )
            )
        points.append(_point(n, tries))
    progress(f"curve: {candidate.title}", total, total)
    return CurveRow(candidate.name, candidate.title, candidate.origin, tuple(points))


def _point(n: int | None, attempts: list[Row]) -> Point:
    """Return what the attempts of one size amount to."""
    rates = [one.evaluation.accuracy for one in attempts if one.evaluation is not None]
    error = next((one.error for one in attempts if one.error is not None), None)
    values = tuple(rate.value for rate in rates)
    accuracy = None
    if error is None and n is None:
        accuracy = Estimate(rates[0].value, rates[0].low, rates[0].high)
    elif error is None:
        accuracy = mean_of_draws(values, rates[0].n)
    warnings = dict.fromkeys(text for one in attempts for text in one.warnings)
    return Point(n, values, accuracy, error, tuple(warnings))


def mean_of_draws(values: Sequence[float], n: int) -> Estimate:
    """Return the mean of at least two draws, on the same ``n`` images, with its interval (see ``curve``)."""
    mean = float(np.mean(values))
    reach = float(students_t.ppf(0.975, len(values) - 1)) * float(np.std(values, ddof=1))
    reach /= math.sqrt(len(values))
    low, high = mean_interval(np.array([mean]), np.array([n]))
    low, high = mean - math.hypot(mean - low, reach), mean + math.hypot(high - mean, reach)
    return Estimate(mean, max(0.0, low), min(1.0, high))
