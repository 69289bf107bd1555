"""What one model is worth as text: tables for people, JSON and CSV for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from lookalike.cli.tables import facts, kind_of, rate_facts
from lookalike.evaluation.assess import Assessment, Level
from lookalike.evaluation.results import Evaluation, Rate
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


def _classes(evaluation: Evaluation) -> Table:
    """Return the table of classes."""
    table = _table("class", "images", "right", "95 % interval", "most often taken for", left=(0, 4))
    codes = list(range(len(evaluation.classes)))
    if len(codes) > _MOST_CLASSES:
        order = sorted(codes, key=lambda code: (evaluation.per_class[code].value, code))
        codes = sorted(order[:_MOST_CLASSES])
    for code in codes:
        rate = evaluation.per_class[code]
        table.add_row(
            plain(evaluation.classes[code]),
            f"{rate.n:,}",
            _value(rate),
            f"{rate.low:.4f}-{rate.high:.4f}" if rate.n else "",
            _confused(evaluation, code),
        )
    return table


def _confused(evaluation: Evaluation, code: int) -> str:
    """Return what a class is most often taken for; of equally frequent ones the first."""
    others = evaluation.confusion[code].copy()
    others[code] = 0
    most = int(np.argmax(others))
    return f"{plain(evaluation.classes[most])} ({others[most]:,})" if others[most] else ""


def _refusals(found: Assessment) -> Table:
    """Return the table of what levels refuse."""
    kinds = [f"{plain(one.given.kind)}\n({len(one.given.images):,})" for one in found.strangers]
    right, wrong = found.chosen.right.n, found.chosen.wrong.n
    table = _table(
        "refused\nat level", f"right answers\n({right:,})", f"wrong answers\n({wrong:,})", *kinds, left=()
    )
    shown = {*_SHOWN_LEVELS, found.alpha}
    for level in (level for level in found.levels if level.alpha in shown):
        rates = (level.right, level.wrong, *level.strangers)
        style = "bold" if level.alpha == found.alpha else ""
        table.add_row(f"{level.alpha:g}", *map(_value, rates), style=style)
    return table


def _table(*headers: str, left: tuple[int, ...]) -> Table:
    """Return a table without rows; columns of figures are to the right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, header in enumerate(headers):
        table.add_column(header, justify="left" if place in left else "right", vertical="bottom")
    return table


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
