"""Sections with a drawing: whether probabilities can be taken at their word, and what levels reject."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookalike.evaluation.appraise import Appraisal, Level, OutOfDistribution
from lookalike.evaluation.results import Bin, Reliability
from lookalike.show.columns import Cell, Column
from lookalike.show.formats import decimals_for, listing, percent, span
from lookalike.show.images import SMALL, picture
from lookalike.show.report.answers import Thumb
from lookalike.show.views import levels_table
from lookalike.text import plain

#: The drawing's size and the frame of the axes in it, in units of its own.
WIDTH, HEIGHT = 440, 400
LEFT, RIGHT, TOP, BOTTOM = 58, 424, 14, 340

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
_MOST_TICKS = 6
_SMALLEST, _LARGEST = 3.0, 11.0  # radii of dots
_MOST_IN_GALLERY = 24


@dataclass(frozen=True)
class Frame:
    """Two axes that begin at 0."""

    x_title: str
    y_title: str
    x_end: float = 1.0  # where they end, in 0-1
    y_end: float = 1.0

    @property
    def sides(self) -> tuple[int, int, int, int, int, int]:
        """Width and height of the drawing; left, right, top and bottom of the frame."""
        return WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM

    @property
    def x_ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and labels along the one axis."""
        return tuple((self.x(value), label) for value, label in _ticks(self.x_end))

    @property
    def y_ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and labels along the other axis."""
        return tuple((self.y(value), label) for value, label in _ticks(self.y_end))

    def x(self, value: float) -> float:
        """Return where a value is from left to right; what is beyond the end is at the end."""
        return round(LEFT + (RIGHT - LEFT) * min(value / self.x_end, 1), 1)

    def y(self, value: float) -> float:
        """Return where a value is from top to bottom."""
        return round(BOTTOM - (BOTTOM - TOP) * min(value / self.y_end, 1), 1)


def end_of(largest: float) -> float:
    """Return a round end for an axis that holds rates up to ``largest``."""
    ends = (0.05, *(tenth / 10 for tenth in range(1, 11)))
    return next((end for end in ends if end >= largest), 1.0)


def _ticks(end: float) -> list[tuple[float, str]]:
    """Return values and labels at round steps from 0 to ``end``, in percent."""
    step = next((step for step in _STEPS if end / step <= _MOST_TICKS), _STEPS[-1])
    return [(number * step, f"{100 * number * step:.0f}") for number in range(round(end / step - 0.49) + 1)]


@dataclass(frozen=True)
class Dot:
    """The answers of one bin, as places in the drawing and as text."""

    x: float
    y: float
    low: float  # the ends of its interval
    high: float
    radius: float
    bounds: str  # the bin's probabilities
    n: str
    confidence: str  # their mean probability
    right: str
    interval: str


@dataclass(frozen=True)
class Probabilities:
    """The section."""

    frame: Frame
    diagonal: tuple[float, float, float, float]  # where probabilities are at their word: x, y, x, y
    dots: tuple[Dot, ...]  # of the bins that have answers
    error: str  # the expected calibration error
    confidence: str  # the mean probability
    right: str
    bins: int
    fitted: bool  # else they are a rule of thumb


def probabilities(found: Appraisal) -> Probabilities:
    """Return the section on probabilities."""
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


@dataclass(frozen=True)
class RejectionLine:
    """One line of the drawing."""

    name: str
    points: str  # its places, as SVG has them
    chosen: tuple[float, float]  # where the chosen level is on it


@dataclass(frozen=True)
class LevelRow:
    """One level of the table."""

    chosen: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class RejectionGallery:
    """Some images; ``shown`` says which."""

    title: str
    shown: str
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True)
class Rejection:
    """The section on levels of rejection."""

    level: str  # the chosen one, and what is promised of it
    sentence: str
    frame: Frame
    lines: tuple[RejectionLine, ...]  # of mistakes and of kinds of which not all are rejected at every level
    always: str  # the kinds that are rejected as a whole at every level; empty where there are none
    columns: tuple[Column, ...]
    rows: tuple[LevelRow, ...]
    galleries: tuple[RejectionGallery, ...]  # right answers that are rejected, kinds that are answered
    easy: bool  # there are no images of no class but those that were made


def rejection(found: Appraisal) -> Rejection:
    """Return the section on levels of rejection."""
    columns = levels_table(found).of("page")
    frame = Frame(
        "images of the classes that are rejected, %",
        "what should be rejected, and is, %",
        x_end=end_of(max(level.known.value for level in found.levels)),
    )
    # What is caught: not what it costs, nor the first and the last column, which are the level's own.
    drawn = [column for column in columns[1:-1] if column.key != "right_rejected"]
    always = [one for one in drawn if all(one.value(level).value == 1 for level in found.levels)]
    return Rejection(
        level=f"{found.alpha:g}",
        sentence=plain(found.chosen.basis.sentence),
        frame=frame,
        lines=tuple(_line(one, found, frame) for one in drawn if one not in always),
        always=listing([one.heading for one in always]),
        columns=columns,
        rows=tuple(
            LevelRow(level is found.chosen, tuple(column.cell(level) for column in columns))
            for level in found.levels
        ),
        galleries=_galleries(found),
        easy=all(one.made for one in found.out_of_distribution),
    )


def _line(column: Column, found: Appraisal, frame: Frame) -> RejectionLine:
    """Return one line of the drawing."""

    def place(level: Level) -> tuple[float, float]:
        return frame.x(level.known.value), frame.y(column.value(level).value)

    points = " ".join(f"{x},{y}" for x, y in map(place, found.levels))
    return RejectionLine(column.heading, points, place(found.chosen))


def _galleries(found: Appraisal) -> tuple[RejectionGallery, ...]:
    """Return the galleries that have images."""
    evaluation, data = found.evaluation, found.data
    right = np.ones(len(data), np.bool_)
    right[evaluation.mistakes] = False
    places = np.flatnonzero(right & found.rejected)
    galleries = [
        _gallery(
            "Right answers that are rejected",
            len(places),
            [
                _thumb(
                    data.images[index], data.names[index], data.labels[index], evaluation.predictions[index]
                )
                for index in places[:_MOST_IN_GALLERY].tolist()
            ],
        ),
        *(_answered(one) for one in found.out_of_distribution),
    ]
    return tuple(gallery for gallery in galleries if gallery.thumbs)


def _answered(one: OutOfDistribution) -> RejectionGallery:
    """Return the images of one kind that are answered."""
    places = np.flatnonzero(~one.rejected)
    return _gallery(
        f"Not rejected: {plain(one.kind)}",
        len(places),
        [
            _thumb(one.images[index], one.names[index], "", one.answers[index])
            for index in places[:_MOST_IN_GALLERY].tolist()
        ],
    )


def _gallery(title: str, count: int, thumbs: list[Thumb]) -> RejectionGallery:
    """Return a gallery and how many of its images are shown."""
    shown = f"{len(thumbs)} of {count:,}" if len(thumbs) < count else f"{count:,}"
    return RejectionGallery(title, shown, tuple(thumbs))


def _thumb(image: Any, name: str, truth: object, answer: object) -> Thumb:
    """Return one small image."""
    return Thumb(picture(image, SMALL, 64), plain(name), plain(truth), plain(answer))
