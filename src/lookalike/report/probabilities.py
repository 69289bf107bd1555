"""Whether a model's probabilities can be taken at their word: the reliability diagram."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lookalike.evaluation.assess import Assessment
from lookalike.evaluation.reliability import Bin, Reliability
from lookalike.report.charts import Frame
from lookalike.report.formats import decimals_for, percent, span

_SMALLEST, _LARGEST = 3.0, 11.0


@dataclass(frozen=True)
class Dot:
    """The answers of one bin, as places in the drawing and as text.

    Attributes
    ----------
    x, y, low, high, radius : float
        Where the dot and the ends of its interval are, and how large it is.
    bounds, n, confidence, right, interval : str
        The bin's probabilities, its answers, their mean probability, how many of them are right.
    """

    x: float
    y: float
    low: float
    high: float
    radius: float
    bounds: str
    n: str
    confidence: str
    right: str
    interval: str


@dataclass(frozen=True)
class Probabilities:
    """The section.

    Attributes
    ----------
    frame : Frame
        The axes.
    diagonal : tuple of float
        The ends of the line on which probabilities are at their word: x, y, x, y.
    dots : tuple of Dot
        Of the bins that have answers.
    error, confidence, right : str
        The expected calibration error; the mean probability; how many answers are right.
    bins : int
        How many bins there are.
    fitted : bool
        The probabilities were fitted; else they are a rule of thumb.
    """

    frame: Frame
    diagonal: tuple[float, float, float, float]
    dots: tuple[Dot, ...]
    error: str
    confidence: str
    right: str
    bins: int
    fitted: bool


def probabilities(found: Assessment) -> Probabilities:
    """Return the section on probabilities.

    Parameters
    ----------
    found : Assessment
        What was measured.

    Returns
    -------
    Probabilities
    """
    reliability = found.evaluation.reliability
    assert reliability is not None
    frame = Frame("probability of the answer, %", "right answers, %")
    decimals = decimals_for(reliability.right.n)
    return Probabilities(
        frame=frame,
        diagonal=(frame.x(0), frame.y(0), frame.x(1), frame.y(1)),
        dots=tuple(_dot(one, reliability, frame, decimals) for one in reliability.bins if one.right.n),
        error=percent(reliability.error, decimals),
        confidence=percent(reliability.confidence, decimals),
        right=percent(reliability.right.value, decimals),
        bins=len(reliability.bins),
        fitted=found.model.calibrated_,
    )


def _dot(one: Bin, reliability: Reliability, frame: Frame, decimals: int) -> Dot:
    """Return one bin's answers; the area of a dot grows with their number."""
    share = math.sqrt(one.right.n / reliability.right.n)
    return Dot(
        x=frame.x(one.confidence),
        y=frame.y(one.right.value),
        low=frame.y(one.right.low),
        high=frame.y(one.right.high),
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * share, 1),
        bounds=span(one.low, one.high, 0),
        n=f"{one.right.n:,}",
        confidence=percent(one.confidence, decimals),
        right=percent(one.right.value, decimals),
        interval=span(one.right.low, one.right.high, decimals),
    )
