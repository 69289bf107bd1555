"""The page of one model: what it is worth, whether its probabilities can be trusted, and what it rejects."""

from __future__ import annotations

import math
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.evaluation.appraise import Appraisal, Level
from lookalike.evaluation.results import Bin, Comparison, Row
from lookalike.files import write_whole
from lookalike.show.columns import NARROW, Column, decimals_for, listing, memory, percent, span
from lookalike.show.images import thumbnail
from lookalike.show.pages import render
from lookalike.show.report.answers import answers, thumb
from lookalike.show.report.comparison import classes, origin, part_facts, titled
from lookalike.show.report.examples import mistakes
from lookalike.show.views import levels_table
from lookalike.store import ModelInfo, model_info, unsaved_info
from lookalike.text import plain

#: A drawing's size and the frame of the axes in it, in units of its own.
WIDTH, HEIGHT = 440, 400
LEFT, RIGHT, TOP, BOTTOM = 58, 424, 14, 340

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
_MOST_TICKS = 6
_SMALLEST, _LARGEST = 3.0, 11.0  # radii of dots
_MOST_IN_GALLERY = 24


def write_model_report(
    found: Appraisal,
    path: str | os.PathLike[str],
    *,
    file: str | os.PathLike[str] | None = None,
    command: str = "",
) -> None:
    """Write the page, as a whole or not at all; ``file`` is the model's, and ``command`` makes it again."""
    info = unsaved_info(found.model) if file is None else model_info(file)
    page = render_model(found, info=info, name="" if file is None else os.fspath(file), command=command)
    write_whole(Path(path), page.encode())


def render_model(found: Appraisal, *, info: ModelInfo, name: str, command: str) -> str:
    """Return the page; ``name`` is the model's file, empty where it is in none."""
    row = Row(info.idea, info.title, "ours", found.evaluation, None, (), None, None, found.model)
    alone = Comparison(found.data, found.data, (row,), (), found.seed)
    total = sum(count for _, count in info.classes)
    return render(
        "model_page.html.jinja",
        worth=SimpleNamespace(
            title=titled(info.title, found.data),
            subtitle=f"A model of {total:,} images, measured on {len(found.data):,} of "
            f"{plain(found.data.source.name)}",
            reading=_reading(found),
            notes=[plain(note) for note in found.notes],
        ),
        classes=classes(alone),
        probabilities=probabilities(found),
        rejection=rejection(found),
        answers=answers(alone),
        mistakes=mistakes(found),
        facts=SimpleNamespace(
            model=_known(info, name),
            part=part_facts("The images", "measured on", found.data),
            **origin(found.seed, command),
        ),
    )


def _reading(found: Appraisal) -> list[str]:
    """Return the result in plain sentences, made from the figures alone."""
    rate, macro, reliability = found.evaluation.accuracy, found.evaluation.macro, found.evaluation.reliability
    assert reliability is not None
    decimals = decimals_for(rate.n)
    chosen = found.chosen
    kinds = [
        f"{percent(rate.value, decimals_for(rate.n))} of {rate.n:,} ({plain(one.kind)})"
        for one, rate in zip(found.out_of_distribution, chosen.out_of_distribution, strict=True)
    ]
    wrong = f" and {chosen.wrong.hits:,} of {chosen.wrong.n:,} wrong ones." if chosen.wrong.n else "."
    return [
        f"Right are {percent(rate.value, decimals)} of {rate.n:,} answers, with a 95{NARROW}% interval of "
        f"{span(rate.low, rate.high, decimals)}; the mean of the classes’ rates is "
        f"{percent(macro.value, decimals)}.",
        f"The model takes its answers to be {percent(reliability.confidence, decimals)} likely on average; "
        f"its expected calibration error is {percent(reliability.error, decimals)}.",
        f"At the level {found.alpha:g} it rejects {percent(chosen.right.value, decimals)} of its right "
        f"answers{wrong}",
        f"Of images of no class it rejects {listing(kinds)}.",
    ]


def _known(info: ModelInfo, name: str) -> list[tuple[str, str]]:
    """Return what is known of the model: terms and texts."""
    known = [("File", f"{name}, {memory(info.size)}, written by lookalike {info.library}")] if name else []
    known += [("Idea", f"{info.title} ({info.idea})"), *(("Prepares", step) for step in info.preparation)]
    if info.data is not None:
        data = info.data
        known.append(("Fitted on", f"{data.name}, {data.n:,} images, SHA-256 {data.sha256}"))
    if info.changed:
        known.append(("Changed", "it learned or forgot images since"))
    return [(term, plain(text)) for term, text in known]


class Frame:
    """Two axes that begin at 0, as ``charts.html.jinja`` draws them; the one ends at ``x_end``, in 0-1."""

    sides = (WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM)

    def __init__(self, x_title: str, y_title: str, x_end: float = 1.0) -> None:
        self.x_title, self.y_title, self._x_end = x_title, y_title, x_end
        self.x_ticks = [(self.x(value), label) for value, label in _ticks(x_end)]
        self.y_ticks = [(self.y(value), label) for value, label in _ticks(1.0)]

    def x(self, value: float) -> float:
        """Return where a value is from left to right; what is beyond the end is at the end."""
        return round(LEFT + (RIGHT - LEFT) * min(value / self._x_end, 1), 1)

    def y(self, value: float) -> float:
        """Return where a value is from top to bottom."""
        return round(BOTTOM - (BOTTOM - TOP) * min(value, 1.0), 1)


def end_of(largest: float) -> float:
    """Return a round end for an axis that holds rates up to ``largest``."""
    ends = (0.05, *(tenth / 10 for tenth in range(1, 11)))
    return next((end for end in ends if end >= largest), 1.0)


def _ticks(end: float) -> list[tuple[float, str]]:
    """Return values and labels at round steps from 0 to ``end``, in percent."""
    step = next((step for step in _STEPS if end / step <= _MOST_TICKS), _STEPS[-1])
    return [(number * step, f"{100 * number * step:.0f}") for number in range(round(end / step - 0.49) + 1)]


def probabilities(found: Appraisal) -> SimpleNamespace:
    """Return whether probabilities can be taken at their word: a dot for each bin that has answers."""
    reliability = found.evaluation.reliability
    assert reliability is not None
    frame = Frame("probability of the answer, %", "right answers, %")
    n = reliability.right.n
    decimals = decimals_for(n)
    return SimpleNamespace(
        frame=frame,
        diagonal=(frame.x(0.0), frame.y(0.0), frame.x(1.0), frame.y(1.0)),
        dots=[_dot(one, n, frame) for one in reliability.bins if one.right.n],
        error=percent(reliability.error, decimals),
        confidence=percent(reliability.confidence, decimals),
        right=percent(reliability.right.value, decimals),
        bins=len(reliability.bins),
        fitted=found.model.calibrated_,
    )


def _dot(one: Bin, n: int, frame: Frame) -> SimpleNamespace:
    """Return one bin of ``n`` answers, as places in the drawing and as text."""
    decimals = decimals_for(n)
    return SimpleNamespace(
        x=frame.x(one.confidence),
        y=frame.y(one.right.value),
        low=frame.y(one.right.low),
        high=frame.y(one.right.high),
        radius=round(_SMALLEST + (_LARGEST - _SMALLEST) * math.sqrt(one.right.n / n), 1),
        bounds=span(one.low, one.high, 0),
        n=f"{one.right.n:,}",
        confidence=percent(one.confidence, decimals),
        right=percent(one.right.value, decimals),
        interval=span(one.right.low, one.right.high, decimals),
    )


def rejection(found: Appraisal) -> SimpleNamespace:
    """Return what levels reject, as a table and as lines: of kinds that are not rejected at every level."""
    columns = levels_table(found).of("page")
    frame = Frame(
        "images of the classes that are rejected, %",
        "what should be rejected, and is, %",
        x_end=end_of(max(level.known.value for level in found.levels)),
    )
    # What is caught: not what it costs, nor the first and the last column, which are the level's own.
    drawn = [column for column in columns[1:-1] if column.key != "right_rejected"]
    always = [one for one in drawn if all(one.value(level).value == 1 for level in found.levels)]
    return SimpleNamespace(
        level=f"{found.alpha:g}",
        sentence=plain(found.chosen.basis.sentence),
        frame=frame,
        lines=[_line(one, found, frame) for one in drawn if one not in always],
        always=listing([one.heading for one in always]),
        columns=columns,
        rows=[
            SimpleNamespace(chosen=level is found.chosen, cells=[column.cell(level) for column in columns])
            for level in found.levels
        ],
        galleries=_galleries(found),
        # There are no images of no class but those that were made.
        easy=all(one.made for one in found.out_of_distribution),
    )


def _line(column: Column, found: Appraisal, frame: Frame) -> SimpleNamespace:
    """Return one line of the drawing, and where the chosen level is on it."""

    def place(level: Level) -> tuple[float, float]:
        return frame.x(level.known.value), frame.y(column.value(level).value)

    points = " ".join(f"{x},{y}" for x, y in map(place, found.levels))
    return SimpleNamespace(name=column.heading, points=points, chosen=place(found.chosen))


def _galleries(found: Appraisal) -> list[SimpleNamespace]:
    """Return what should not be as it is: right answers that are rejected, and kinds that are answered."""
    data, evaluation = found.data, found.evaluation
    lost = np.setdiff1d(np.flatnonzero(found.rejected), evaluation.mistakes)
    told = (data.names, data.labels, evaluation.predictions)
    galleries = [_gallery("Right answers that are rejected", lost, data.images, *told)]
    for one in found.out_of_distribution:
        title, places = f"Not rejected: {plain(one.kind)}", np.flatnonzero(~one.rejected)
        galleries.append(_gallery(title, places, one.images, one.names, [""] * len(one.names), one.answers))
    return [gallery for gallery in galleries if gallery.thumbs]


def _gallery(
    title: str, places: NDArray[Any], images: NDArray[Any], names: Any, truths: Any, given: Any
) -> SimpleNamespace:
    """Return the first of some images, each with its name, what it is and what it was taken for."""
    first = places[:_MOST_IN_GALLERY].tolist()
    return SimpleNamespace(
        title=title,
        shown=f"{len(first)} of {len(places):,}" if len(first) < len(places) else f"{len(places):,}",
        thumbs=[thumb(thumbnail(images[one]), names[one], truths[one], given[one]) for one in first],
    )
