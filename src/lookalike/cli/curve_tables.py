"""Curves as text and as a picture: a table for people, JSON and CSV for programs, a plot to look at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from lookalike.cli.tables import data_line, facts
from lookalike.evaluation.curve import Curve, CurveRow, Point
from lookalike.evaluation.results import Estimate
from lookalike.picture.columns import Column, FittedTable
from lookalike.picture.lines import Line, lines_picture
from lookalike.picture.text import csv_cell, plain

_ALL = "all"


def as_tables(curve: Curve) -> Iterator[Any]:
    """Yield what a terminal shows: the data, the table, and how to read it."""
    yield Text(data_line(curve.train, curve.valid), style="bold")
    yield _table(curve)
    for row in curve.rows:
        for note in dict.fromkeys(text for point in row.points for text in _remarks(point)):
            yield Text(plain(f"{row.title}: {note}"), style="yellow")
    yield Text(_reading(curve), style="dim")


def as_json(curve: Curve) -> str:
    """Return curves as JSON."""
    return json.dumps(
        {
            "train": facts(curve.train),
            "valid": facts(curve.valid),
            "seed": curve.seed,
            "draws": curve.draws,
            "sizes": curve.sizes,
            "notes": curve.notes,
            "ideas": [
                {
                    "name": row.name,
                    "title": row.title,
                    "origin": row.origin,
                    "points": [_point_facts(point) for point in row.points],
                }
                for row in curve.rows
            ],
        },
        indent=2,
    )


def as_csv(curve: Curve) -> str:
    """Return curves as CSV, a line for each idea and number of examples, harmless to spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [
        *("idea", "title", "origin", "examples_of_each_class", "draws"),
        *("accuracy", "accuracy_low", "accuracy_high", "interval", "warnings", "error"),
    ]
    writer.writerow(columns)
    for row in curve.rows:
        for point in row.points:
            figures: tuple[Any, ...] = ("", "", "")
            if point.accuracy is not None:
                figures = (point.accuracy.value, point.accuracy.low, point.accuracy.high)
            cells = (row.name, row.title, row.origin, _name(point), len(point.accuracies), *figures)
            remarks = ("; ".join(point.warnings), point.error)
            writer.writerow(csv_cell(cell) for cell in (*cells, _interval(point), *remarks))
    return out.getvalue()


def as_plot(curve: Curve, kind: str) -> bytes:
    """Return curves as a picture, ``"png"`` or ``"svg"``; the best idea at the end comes first."""
    each = len(curve.train) / len(set(curve.train.labels.tolist()))
    # Far enough from the last size for both to be written below.
    end = max(each, 1.5 * max(curve.sizes, default=1))
    lines = [_line(row, end) for row in curve.rows if any(point.accuracy for point in row.points)]
    lines.sort(key=lambda line: -(line.values if line.end is None else (line.end[1],))[-1][0])
    ticks = {float(size): f"{size:,}" for size in curve.sizes}
    return lines_picture(
        lines,
        title=plain(f"{curve.train.source.name}: right on {len(curve.valid):,} images"),
        across="examples of each class",
        up="rate of right answers, 95 % intervals",
        ticks={**ticks, end: f"{_ALL}\n(~{each:,.0f})"},
        kind=kind,
    )


def _line(row: CurveRow, end: float) -> Line:
    """Return one idea's line, as far as it has figures."""
    drawn = [(float(point.n), point.accuracy) for point in row.points if point.n and point.accuracy]
    final = row.points[-1].accuracy
    return Line(
        name=plain(row.title),
        places=tuple(place for place, _ in drawn),
        values=tuple((accuracy.value, accuracy.low, accuracy.high) for _, accuracy in drawn),
        end=None if final is None else (end, (final.value, final.low, final.high)),
        quiet=row.origin == "reference",
    )


def _table(curve: Curve) -> FittedTable:
    """Return the table of ideas by numbers of examples: in a narrow terminal, the fewest and all of them."""
    titles = [Text(plain(row.title), style="dim" if row.origin == "reference" else "") for row in curve.rows]
    columns = [Column("examples of each class", titles, left=True, folds=True)]
    for place, points in enumerate(zip(*(row.points for row in curve.rows), strict=True)):
        best = max((point.accuracy.value for point in points if point.accuracy is not None), default=0.0)
        kept = place in (0, len(curve.sizes))
        header = f"{curve.sizes[place]:,}" if place < len(curve.sizes) else _ALL
        # Every second number goes first: what is left still shows how a line rises.
        columns.append(Column(header, [_cell(point, best) for point in points], 0 if kept else 1 + place % 2))
    return FittedTable(columns)


def _cell(point: Point, best: float) -> Text:
    """Return a figure, and half the width of its interval below."""
    if point.accuracy is None:
        return Text("failed", style="yellow")
    value = point.accuracy.value
    half = f"\n±{(point.accuracy.high - point.accuracy.low) / 2:.3f}".replace("0.", ".")
    return Text.assemble((f"{value:.3f}", "bold" if value == best else ""), (half, "dim"))


def _remarks(point: Point) -> Iterator[str]:
    """Yield what is to be said of a point below the table."""
    if point.error is not None:
        yield f"failed from {_name(point)}: {point.error}"
    yield from point.warnings


def _reading(curve: Curve) -> str:
    """Return how to read the table."""
    drawn = (
        f"Rates of right answers, and half of their 95 % intervals: means of {curve.draws} draws, "
        "for other draws and images; "
        if curve.sizes
        else ""
    )
    return f"{drawn}{_ALL}: one fit on all {len(curve.train):,} images, Wilson's interval."


def _point_facts(point: Point) -> dict[str, Any]:
    """Return what JSON says of one point."""
    accuracy: Estimate | None = point.accuracy
    return {
        "examples_of_each_class": _ALL if point.n is None else point.n,
        "accuracy": None if accuracy is None else vars(accuracy),
        "interval": _interval(point),
        "accuracies": point.accuracies,
        "warnings": point.warnings,
        "error": point.error,
    }


def _name(point: Point) -> str:
    return _ALL if point.n is None else str(point.n)


def _interval(point: Point) -> str:
    return "wilson" if point.n is None else "draws and images"
