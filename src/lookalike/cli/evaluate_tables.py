"""What one model is worth as text: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from lookalike.cli.tables import facts, kind_of, rate_facts
from lookalike.evaluation.assess import Assessment, Level
from lookalike.evaluation.results import Evaluation, Rate
from lookalike.picture.columns import Column, FittedTable
from lookalike.picture.text import csv_cell, plain
from lookalike.store import ModelInfo

_MOST_CLASSES = 40
# A terminal shows some of the levels; JSON and the report have all.
_SHOWN_LEVELS = (0.01, 0.02, 0.05, 0.1, 0.2)


def as_tables(found: Assessment, info: ModelInfo, model: Path) -> Iterator[Any]:
    """Yield what a terminal shows: the model and the data, each class, probabilities, refusals."""
    evaluation = found.evaluation
    yield Text(f"{plain(model)}: {plain(info.title)}", style="bold")
    source = found.data.source
    # Images without parts are read as training images; a note says which parts there are.
    part = "" if source.part == "train" else f" ({source.part})"
    yield Text(f"{plain(source.name)}{part}: {len(found.data):,} images, {kind_of(found.data)}", style="bold")
    yield _classes(evaluation)
    if len(evaluation.classes) > _MOST_CLASSES:
        yield Text(f"The {_MOST_CLASSES} classes that are least often right, of {len(evaluation.classes)}.")
    yield Text("")
    yield Text(str(evaluation))
    if not found.model.calibrated_:
        yield Text("A class has a single training image: the probabilities are a rule of thumb.")
    yield Text("")
    yield _refusals(found)
    yield Text(f"Level {found.alpha:g}: {plain(found.chosen.basis.sentence)}.", style="dim")


def _classes(evaluation: Evaluation) -> FittedTable:
    """Return the table of classes."""
    codes = list(range(len(evaluation.classes)))
    if len(codes) > _MOST_CLASSES:
        order = sorted(codes, key=lambda code: (evaluation.per_class[code].value, code))
        codes = sorted(order[:_MOST_CLASSES])
    rates = [evaluation.per_class[code] for code in codes]
    intervals = [f"{rate.low:.4f}-{rate.high:.4f}" if rate.n else "" for rate in rates]
    taken_for = [_confused(evaluation, code) for code in codes]
    return FittedTable(
        [
            _column("class", [plain(evaluation.classes[code]) for code in codes], left=True),
            _column("images", [f"{rate.n:,}" for rate in rates], goes=2),
            _column("right", map(_value, rates)),
            _column("95 % interval", intervals),
            _column("most often\ntaken for", taken_for, goes=1, left=True),
        ]
    )


def _confused(evaluation: Evaluation, code: int) -> str:
    """Return what a class is most often taken for; of equally frequent ones the first."""
    others = evaluation.confusion[code].copy()
    others[code] = 0
    most = int(np.argmax(others))
    return f"{plain(evaluation.classes[most])} ({others[most]:,})" if others[most] else ""


def _refusals(found: Assessment) -> FittedTable:
    """Return the table of what levels refuse; the strangers that were given come first and go last."""
    shown = {*_SHOWN_LEVELS, found.alpha}
    levels = [level for level in found.levels if level.alpha in shown]
    styles = ["bold" if level.alpha == found.alpha else "" for level in levels]
    right = [_value(level.right) for level in levels]
    wrong = [_value(level.wrong) for level in levels]
    strangers = [
        _column(
            f"{plain(one.given.kind)}\n({len(one.given.images):,})",
            [_value(level.strangers[place]) for level in levels],
            styles,
            goes=place + 1,
        )
        for place, one in enumerate(found.strangers)
    ]
    return FittedTable(
        [
            _column("refused\nat level", [f"{level.alpha:g}" for level in levels], styles),
            _column(f"right answers\n({found.chosen.right.n:,})", right, styles),
            _column(f"wrong answers\n({found.chosen.wrong.n:,})", wrong, styles),
            *strangers,
        ]
    )


def _column(
    header: str, cells: Iterable[str], styles: Iterable[str] = (), *, goes: int = 0, left: bool = False
) -> Column:
    """Return a column of texts, each in its style."""
    texts = [Text(cell, style=style) for cell, style in zip_longest(cells, styles, fillvalue="")]
    return Column(header, texts, goes, left)


def _value(rate: Rate) -> str:
    """Return a rate, or nothing where there is none."""
    return f"{rate.value:.4f}" if rate.n else ""


def as_json(found: Assessment, info: ModelInfo, model: Path) -> str:
    """Return all figures as JSON."""
    evaluation = found.evaluation
    return json.dumps(
        {
            "model": str(model),
            "idea": info.idea,
            "title": info.title,
            "data": facts(found.data),
            "seed": found.seed,
            "notes": found.notes,
            "accuracy": rate_facts(evaluation.accuracy),
            "mean_of_classes": vars(evaluation.macro),
            "classes": [str(name) for name in evaluation.classes.tolist()],
            "per_class": [rate_facts(rate) for rate in evaluation.per_class],
            "confusion": evaluation.confusion.tolist(),
            "probabilities": _probability_facts(found),
            "refusals": {
                "level": found.alpha,
                "strangers": [
                    {"kind": one.given.kind, "n": len(one.given.images)} for one in found.strangers
                ],
                "levels": [_level_facts(level) for level in found.levels],
            },
            "mistakes": [_mistake_facts(found, index) for index in evaluation.mistakes.tolist()],
        },
        indent=2,
    )


def _probability_facts(found: Assessment) -> dict[str, Any]:
    """Return what JSON says of probabilities."""
    reliability = found.evaluation.reliability
    assert reliability is not None
    return {
        "calibrated": found.model.calibrated_,
        "expected_calibration_error": reliability.error,
        "confidence": reliability.confidence,
        "bins": [
            {
                "low": one.low,
                "high": one.high,
                "confidence": None if math.isnan(one.confidence) else one.confidence,
                "right": rate_facts(one.right),
            }
            for one in reliability.bins
        ],
    }


def _level_facts(level: Level) -> dict[str, Any]:
    """Return what JSON says of a level."""
    return {
        "level": level.alpha,
        "basis": level.basis._asdict(),
        "refused": rate_facts(level.known),
        "right_refused": rate_facts(level.right),
        "wrong_refused": rate_facts(level.wrong),
        "strangers_refused": [rate_facts(rate) for rate in level.strangers],
    }


def _mistake_facts(found: Assessment, index: int) -> dict[str, Any]:
    """Return what JSON says of a mistake."""
    return {
        "image": found.data.names[index],
        "label": found.data.labels[index].item(),
        "answer": found.evaluation.predictions[index].item(),
        "probability": float(found.confidence[index]),
        "refused": bool(found.refused[index]),
    }


def as_csv(found: Assessment) -> str:
    """Return a line a class as CSV, harmless to spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["class", "right", "n", "accuracy", "accuracy_low", "accuracy_high"])
    for name, rate in zip(found.evaluation.classes.tolist(), found.evaluation.per_class, strict=True):
        cells = (name, rate.hits, rate.n, rate.value if rate.n else "", rate.low, rate.high)
        writer.writerow(csv_cell(cell) for cell in cells)
    return out.getvalue()
