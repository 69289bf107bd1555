"""Results as text, on the terminal, as CSV, data frames and JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from lookalike.data.labelled import LabelledImages
from lookalike.errors import MissingExtraError
from lookalike.evaluation.results import Comparison, Evaluation
from lookalike.show.columns import Form, Table, rate_facts
from lookalike.show.terminal import FittedTable
from lookalike.show.views import (
    findings_table,
    ideas_table,
    leaks_table,
    levels_table,
    pairs_table,
    points_table,
    view,
)
from lookalike.text import csv_cell

# Whoever prints it has its own idea of how wide a line is.
_WIDEST = 10_000


def text(result: Any) -> str:
    """Return what ``print`` shows of a result."""
    return _printed(terminal(result, "text"))


def looked_at(result: Any) -> str:
    """Return what a Python prompt shows of a result: its table, also where ``print`` has a summary."""
    above = (FittedTable(table, "text") for table in view(result).above)
    return _printed((*above, *terminal(result, "text")))


def _printed(parts: Iterable[Any]) -> str:
    """Return what Rich prints, without styles."""
    console = Console(
        width=_WIDEST,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
        # In a notebook Rich would show what it captured, which is nothing, as an empty block.
        force_jupyter=False,
    )
    with console.capture() as shown:
        for part in parts:
            console.print(part, crop=False)
    return shown.get().removesuffix("\n")


def terminal(result: Any, form: Form = "terminal") -> Iterator[Any]:
    """Yield what a terminal shows of a result, as Rich prints it."""
    for item in view(result).items:
        yield FittedTable(item, form) if isinstance(item, Table) else Text(item.text, style=item.style)


def to_csv(result: Any) -> str:
    """Return a result's rows as CSV, harmless to spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    table = view(result).data
    writer.writerow(table.keys())
    writer.writerows([csv_cell(cell) for cell in row.values()] for row in table.flat())
    return out.getvalue()


def frame(result: Any) -> Any:
    """Return a result's rows as a pandas data frame."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("frame() needs pandas: pip install pandas") from error
    table = view(result).data
    return pandas.DataFrame(list(table.flat()), columns=table.keys())


def to_json(result: Any) -> str:
    """Return every figure of a result of any kind as JSON."""
    return dumps(facts_of(result))


def facts_of(result: Any) -> Any:
    """Return every figure of a result of any kind by its name."""
    return _FACTS[type(result).__name__](result)


def dumps(facts: Any) -> str:
    """Return facts as JSON: arrays as lists, numbers as Python's, what is not finite as null."""
    return json.dumps(_finite(facts), indent=2, allow_nan=False)


def data_facts(part: LabelledImages) -> dict[str, Any]:
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


def compared_facts(comparison: Comparison) -> dict[str, Any]:
    """Return what JSON says of ideas and of pairs of them."""
    table, pairs = ideas_table(comparison), pairs_table(comparison)
    return {
        "ideas": [
            table.facts(row) | ({} if row.evaluation is None else _class_facts(row.evaluation))
            for row in comparison.rows
        ],
        "pairs": [pairs.facts(pair) for pair in comparison.pairs],
        "contradictions": comparison.contradictions,
        "leaks": comparison.leaks,
    }


def _finite(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "train": data_facts(comparison.train),
        "valid": data_facts(comparison.valid),
        "seed": comparison.seed,
        "notes": comparison.notes,
        **compared_facts(comparison),
    }


def _best_fit(found: Any) -> dict[str, Any]:
    judged, out_of_fold = found.comparison, None
    if judged is not None:
        told = {"seed": judged.seed, "judged": len(judged.valid), "notes": found.notes}
        out_of_fold = told | compared_facts(judged)
    return {
        "idea": found.idea,
        "title": found.title,
        "reasons": found.reasons,
        "train": data_facts(found.images),
        "out_of_fold": out_of_fold,
    }


def _class_facts(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "classes": [str(name) for name in evaluation.classes.tolist()],
        "per_class": [rate_facts(rate) for rate in evaluation.per_class],
        "confusion": evaluation.confusion,
    }


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    found, probabilities = evaluation.reliability, None
    if found is not None:
        bins = [{**vars(one), "right": rate_facts(one.right)} for one in found.bins]
        probabilities = {
            "expected_calibration_error": found.error,
            "confidence": found.confidence,
            "bins": bins,
        }
    return {
        "accuracy": rate_facts(evaluation.accuracy),
        "mean_of_classes": vars(evaluation.macro),
        "predict_seconds": evaluation.predict_seconds,
        "contradictions": evaluation.contradictions,
        "leaks": evaluation.leaks,
        **_class_facts(evaluation),
        "mistakes": evaluation.mistakes,
        "probabilities": probabilities,
    }


def _appraisal(found: Any) -> dict[str, Any]:
    table = levels_table(found)
    facts = _evaluation(found.evaluation)
    facts["probabilities"]["calibrated"] = found.model.calibrated_
    return {
        "data": data_facts(found.data),
        "seed": found.seed,
        "notes": found.notes,
        **facts,
        "rejection": {
            "level": found.alpha,
            "out_of_distribution": [
                {"kind": one.kind, "n": len(one.images)} for one in found.out_of_distribution
            ],
            "levels": [table.facts(level) | {"basis": level.basis._asdict()} for level in found.levels],
        },
        "mistakes": [
            {
                "image": found.data.names[index],
                "label": found.data.labels[index],
                "answer": found.evaluation.predictions[index],
                "probability": found.confidence[index],
                "rejected": found.rejected[index],
            }
            for index in found.evaluation.mistakes.tolist()
        ],
    }


def _curve(curve: Any) -> dict[str, Any]:
    ideas = [
        {"idea": row.name, "title": row.title, "origin": row.origin, "points": _point_facts(row)}
        for row in curve.rows
    ]
    return {
        "train": data_facts(curve.train),
        "valid": data_facts(curve.valid),
        "seed": curve.seed,
        "draws": curve.draws,
        "sizes": curve.sizes,
        "notes": curve.notes,
        "ideas": ideas,
    }


def _point_facts(row: Any) -> list[dict[str, Any]]:
    table = points_table([row])
    # The first three columns are the row's own.
    told = [{column.key: column.fact(one) for column in table.columns[3:]} for one in table.rows]
    return [{**facts, "accuracies": one[1].accuracies} for facts, one in zip(told, table.rows, strict=True)]


def _audit(found: Any) -> dict[str, Any]:
    table, leaks, enough = findings_table(found, found.issues), leaks_table(found), found.enough
    blame = found.blame
    return {
        "data": data_facts(found.images),
        "parts": {part: int((found.parts == part).sum()) for part in dict.fromkeys(found.parts.tolist())},
        "notes": found.notes,
        "counts": found.counts,
        "expected_share_of_wrong_labels": found.suspects.rate,
        "findings": [table.facts(one) for one in found.issues],
        "leaks": [leaks.facts(row) for row in found.leaks],
        "removed": None
        if blame is None
        else {
            "places": blame.removed,
            "before": rate_facts(blame.before),
            "after": rate_facts(blame.after),
        },
        "enough": None
        if enough is None
        else {
            "per_class": enough.per_class,
            "wrong": vars(enough.wrong),
            "with_10_more": vars(enough.predicted[0]),
            "with_100_more": vars(enough.predicted[1]),
            "needs": found.class_named(enough.needs),
            "needs_rate": enough.needs_rate,
        },
        "picked": found.picked,
        "label_quality": found.label_quality,
    }


_FACTS: dict[str, Callable[[Any], Any]] = {
    "Audit": _audit,
    "Appraisal": _appraisal,
    "BestFit": _best_fit,
    "Comparison": _comparison,
    "Curve": _curve,
    "Evaluation": _evaluation,
    "Explanations": lambda explained: [one.to_plain() for one in explained],
}
