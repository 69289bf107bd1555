"""What each level refuses: images of the classes, mistakes among them, and strangers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookalike.evaluation.assess import Assessment, Level, Stranger
from lookalike.evaluation.results import Rate
from lookalike.picture.inline import SMALL, picture
from lookalike.picture.text import plain
from lookalike.report.charts import Frame, end_of
from lookalike.report.formats import decimals_for, listing, percent, span
from lookalike.report.thumbs import Thumb

_MOST = 24  # images of one gallery


@dataclass(frozen=True)
class Line:
    """One line of the drawing.

    Attributes
    ----------
    name : str
        Of what it is.
    points : str
        Its places, as SVG has them.
    chosen : tuple of float
        Where the chosen level is on it.
    """

    name: str
    points: str
    chosen: tuple[float, float]


@dataclass(frozen=True)
class Cell:
    """A rate and its interval, as text."""

    rate: str
    interval: str


@dataclass(frozen=True)
class LevelRow:
    """One level of the table."""

    level: str
    chosen: bool
    basis: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Gallery:
    """Some images; ``shown`` says which."""

    title: str
    shown: str
    thumbs: tuple[Thumb, ...]


@dataclass(frozen=True)
class Refused:
    """The section.

    Attributes
    ----------
    level, sentence : str
        The chosen level, and what is promised of it.
    frame : Frame
        The axes of the drawing.
    lines : tuple of Line
        Of the mistakes and of strangers of which not all are refused at every level.
    always : str
        The kinds of strangers that are refused as a whole at every level; empty where there are none.
    headers : tuple of (str, str)
        The table's columns, and of how many images they are.
    rows : tuple of LevelRow
        The levels.
    galleries : tuple of Gallery
        Right answers that are refused at the chosen level, and strangers that are answered.
    easy : bool
        There are no strangers but those that were made.
    """

    level: str
    sentence: str
    frame: Frame
    lines: tuple[Line, ...]
    always: str
    headers: tuple[tuple[str, str], ...]
    rows: tuple[LevelRow, ...]
    galleries: tuple[Gallery, ...]
    easy: bool


def refused(found: Assessment) -> Refused:
    """Return the section on refusals.

    Parameters
    ----------
    found : Assessment
        What was measured.

    Returns
    -------
    Refused
    """
    kinds = [plain(one.given.kind) for one in found.strangers]
    chosen = found.chosen
    columns: list[tuple[str, Callable[[Level], Rate]]] = [
        ("right answers", lambda level: level.right),
        ("wrong answers", lambda level: level.wrong),
        *((kind, _stranger_rate(number)) for number, kind in enumerate(kinds)),
    ]
    columns = [(name, rate) for name, rate in columns if rate(chosen).n]
    frame = Frame(
        "images of the classes that are refused, %",
        "what should be refused, and is, %",
        x_end=end_of(max(level.known.value for level in found.levels)),
    )
    drawn = [column for column in columns if column[0] != "right answers"]
    always = [name for name, rate in drawn if all(rate(level).value == 1 for level in found.levels)]
    return Refused(
        level=f"{found.alpha:g}",
        sentence=plain(chosen.basis.sentence),
        frame=frame,
        lines=tuple(_line(name, rate, found, frame) for name, rate in drawn if name not in always),
        always=listing(always),
        headers=tuple((name, f"{rate(chosen).n:,}") for name, rate in columns),
        rows=tuple(
            LevelRow(
                level=f"{level.alpha:g}",
                chosen=level is chosen,
                basis=level.basis.kind,
                cells=tuple(_cell(rate(level)) for _, rate in columns),
            )
            for level in found.levels
        ),
        galleries=_galleries(found),
        easy=all(one.given.made for one in found.strangers),
    )


def _stranger_rate(number: int) -> Callable[[Level], Rate]:
    """Return what takes the refused strangers of one kind out of a level."""
    return lambda level: level.strangers[number]


def _cell(rate: Rate) -> Cell:
    """Return a rate as text."""
    decimals = decimals_for(rate.n)
    return Cell(percent(rate.value, decimals), span(rate.low, rate.high, decimals))


def _line(name: str, rate: Callable[[Level], Rate], found: Assessment, frame: Frame) -> Line:
    """Return one line of the drawing."""

    def place(level: Level) -> tuple[float, float]:
        return frame.x(level.known.value), frame.y(rate(level).value)

    return Line(name, " ".join(f"{x},{y}" for x, y in map(place, found.levels)), place(found.chosen))


def _galleries(found: Assessment) -> tuple[Gallery, ...]:
    """Return the galleries that have images."""
    evaluation, data = found.evaluation, found.data
    right = np.ones(len(data), np.bool_)
    right[evaluation.mistakes] = False
    places = np.flatnonzero(right & found.refused)
    galleries = [
        _gallery(
            "Right answers that are refused",
            len(places),
            [
                _thumb(
                    data.images[index], data.names[index], data.labels[index], evaluation.predictions[index]
                )
                for index in places[:_MOST].tolist()
            ],
        ),
        *(_answered(one) for one in found.strangers),
    ]
    return tuple(gallery for gallery in galleries if gallery.thumbs)


def _answered(one: Stranger) -> Gallery:
    """Return the strangers of one kind that are answered."""
    places = np.flatnonzero(~one.refused)
    given = one.given
    return _gallery(
        f"Not refused: {plain(given.kind)}",
        len(places),
        [
            _thumb(given.images[index], given.names[index], "", one.answers[index])
            for index in places[:_MOST].tolist()
        ],
    )


def _gallery(title: str, count: int, thumbs: list[Thumb]) -> Gallery:
    """Return a gallery and how many of its images are shown."""
    shown = f"{len(thumbs)} of {count:,}" if len(thumbs) < count else f"{count:,}"
    return Gallery(title, shown, tuple(thumbs))


def _thumb(image: Any, name: str, truth: object, answer: object) -> Thumb:
    """Return one small image."""
    return Thumb(picture(image, SMALL, 64), plain(name), plain(truth), plain(answer))
