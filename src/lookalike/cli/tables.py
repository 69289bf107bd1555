"""A comparison as text: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from rich.text import Text

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, Estimate, Evaluation, Rate, Row
from lookalike.evaluation.summary import READING, alike
from lookalike.picture.columns import Column, FittedTable
from lookalike.picture.text import csv_cell, plain

# Two or three classes have columns of their own; more would not fit a terminal.
_CLASS_COLUMNS = 3


def as_tables(comparison: Comparison, heading: str | None = None) -> Iterator[Any]:
    """Yield what a terminal shows: the data (or another heading), the table, how to read it."""
    yield Text(heading or data_line(comparison.train, comparison.valid), style="bold")
    yield FittedTable(_columns(comparison))
    for row in comparison.rows:
        for note in (row.error and f"failed: {row.error}", *row.warnings):
            if note:
                yield Text(plain(f"{row.title}: {note}"), style="yellow")
    if comparison.pairs:
        yield Text(READING, style="dim")


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON."""
    return json.dumps(
        {
            "train": facts(comparison.train),
            "valid": facts(comparison.valid),
            "seed": comparison.seed,
            "ideas": [row_facts(row) for row in comparison.rows],
            "pairs": [vars(pair) for pair in comparison.pairs],
        },
        indent=2,
    )


def as_csv(comparison: Comparison) -> str:
    """Return a comparison as CSV, a line an idea, harmless to spreadsheets."""
    columns = [
        *("idea", "title", "origin", "right", "n", "accuracy", "accuracy_low", "accuracy_high"),
        *("mean_of_classes", "mean_of_classes_low", "mean_of_classes_high"),
        *("fit_seconds", "predict_seconds", "size_bytes", "warnings", "error"),
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in comparison.rows:
        figures: tuple[Any, ...] = (None,) * 8
        seconds = None
        if row.evaluation is not None:
            accuracy, macro = row.evaluation.accuracy, row.evaluation.macro
            figures = (accuracy.hits, accuracy.n, *_three(accuracy), *_three(macro))
            seconds = row.evaluation.predict_seconds
        cells = (row.name, row.title, row.origin, *figures, row.fit_seconds, seconds, row.size_bytes)
        writer.writerow(csv_cell(cell) for cell in (*cells, "; ".join(row.warnings), row.error))
    return out.getvalue()


def data_line(train: LabelledImages, valid: LabelledImages) -> str:
    """Return one line about the data."""
    return (
        f"{plain(train.source.name)}: {len(train):,} training images, {len(valid):,} to measure on, "
        f"{kind_of(train)}"
    )


def kind_of(images: LabelledImages) -> str:
    """Return size and classes of images in a few words."""
    names = [plain(name) for name in images.class_names]
    classes = ", ".join(names) if len(names) <= 10 else f"{names[0]} to {names[-1]}"
    size = "x".join(str(length) for length in images.images.shape[1:])
    return f"{size}, {len(names)} classes ({classes})"


def _columns(comparison: Comparison) -> list[Column]:
    """Return every column of the table."""
    rows = comparison.rows
    marks = alike(comparison)
    best = max((row.evaluation.accuracy.value for row in rows if row.evaluation), default=0.0)

    def figures(header: str, goes: int, figure: Callable[[Row, Evaluation], str]) -> Column:
        cells = [Text("" if row.evaluation is None else figure(row, row.evaluation)) for row in rows]
        return Column(header, cells, goes)

    names = [Text(plain(row.title), style="dim" if row.origin == "reference" else "") for row in rows]
    right = figures("right", 0, lambda _, e: f"{e.accuracy.value:.4f}")
    for row, cell in zip(rows, right.cells, strict=True):
        if row.evaluation is None:
            cell.append("failed", style="yellow")
        elif row.evaluation.accuracy.value == best:
            cell.stylize("bold")
    return [
        Column("idea", names, left=True, folds=True),
        right,
        figures("95 % interval", 0, lambda _, e: f"{e.accuracy.low:.4f}-{e.accuracy.high:.4f}"),
        figures("alike", 0, lambda row, _: marks[row.name])._replace(left=True),
        figures("mean of\nclasses", 1, lambda _, e: f"{e.macro.value:.4f}"),
        *(
            figures(plain(name), 2, partial(_rate_of, name=name))
            for name in (comparison.train.class_names if _few_classes(comparison) else ())
        ),
        figures("fit", 4, lambda row, _: _seconds(row.fit_seconds)),
        figures("predict", 3, lambda _, e: _seconds(e.predict_seconds)),
        figures("size", 5, lambda row, _: bytes_text(row.size_bytes)),
    ]


def _few_classes(comparison: Comparison) -> bool:
    """Return whether the classes have columns of their own."""
    return len(comparison.train.class_names) <= _CLASS_COLUMNS


def _rate_of(row: Row, evaluation: Evaluation, *, name: str) -> str:
    """Return the rate of one class."""
    rates = dict(zip(map(str, evaluation.classes.tolist()), evaluation.per_class, strict=True))
    return f"{rates[name].value:.4f}" if name in rates else ""


def facts(part: LabelledImages) -> dict[str, Any]:
    """Return what JSON says of one part of the data."""
    return {
        "name": part.source.name,
        "part": part.source.part,
        "reader": part.source.reader,
        "notes": part.source.notes,
        "n": len(part),
        "shape": part.images.shape[1:],
        "dtype": str(part.images.dtype),
        "classes": part.counts(),
        "sha256": part.sha256(),
    }


def row_facts(row: Row) -> dict[str, Any]:
    """Return what JSON says of one idea."""
    facts: dict[str, Any] = {
        "name": row.name,
        "title": row.title,
        "origin": row.origin,
        "error": row.error,
        "warnings": row.warnings,
        "fit_seconds": row.fit_seconds,
        "size_bytes": row.size_bytes,
    }
    evaluation = row.evaluation
    if evaluation is not None:
        facts |= {
            "predict_seconds": evaluation.predict_seconds,
            "accuracy": rate_facts(evaluation.accuracy),
            "mean_of_classes": vars(evaluation.macro),
            "classes": [str(name) for name in evaluation.classes.tolist()],
            "per_class": [rate_facts(rate) for rate in evaluation.per_class],
            "confusion": evaluation.confusion.tolist(),
        }
    return facts


def rate_facts(rate: Rate) -> dict[str, Any]:
    """Return what JSON says of a rate; nothing of nothing has no value."""
    return {**vars(rate), "value": rate.value if rate.n else None}


def _three(value: Rate | Estimate) -> tuple[float, float, float]:
    """Return a figure and its interval."""
    return value.value, value.low, value.high


def _seconds(seconds: float | None) -> str:
    """Return a time as people say it."""
    if seconds is None:
        return ""
    if seconds < 0.001:
        return "<1 ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def bytes_text(size: int | None) -> str:
    """Return a size as people say it."""
    if size is None:
        return ""
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:,.1f} kB"
