"""Results as JSON: every figure, as plain numbers and texts."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, Evaluation
from lookalike.show.columns import rate_facts
from lookalike.show.views import ideas_table, levels_table, pairs_table, point_columns


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
        **compared_facts(comparison),
    }


def _best_fit(found: Any) -> dict[str, Any]:
    judged = found.comparison
    return {
        "idea": found.idea,
        "title": found.title,
        "reasons": found.reasons,
        "train": data_facts(found.images),
        "out_of_fold": None
        if judged is None
        else {
            "seed": judged.seed,
            "judged": len(judged.valid),
            "notes": found.notes,
            **compared_facts(judged),
        },
    }


def _class_facts(evaluation: Evaluation) -> dict[str, Any]:
    return {
        "classes": [str(name) for name in evaluation.classes.tolist()],
        "per_class": [rate_facts(rate) for rate in evaluation.per_class],
        "confusion": evaluation.confusion,
    }


def _evaluation(evaluation: Evaluation) -> dict[str, Any]:
    found = evaluation.reliability
    return {
        "accuracy": rate_facts(evaluation.accuracy),
        "mean_of_classes": vars(evaluation.macro),
        "predict_seconds": evaluation.predict_seconds,
        **_class_facts(evaluation),
        "mistakes": evaluation.mistakes,
        "probabilities": None
        if found is None
        else {
            "expected_calibration_error": found.error,
            "confidence": found.confidence,
            "bins": [{**vars(one), "right": rate_facts(one.right)} for one in found.bins],
        },
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
        "mistakes": [_mistake(found, index) for index in found.evaluation.mistakes.tolist()],
    }


def _mistake(found: Any, index: int) -> dict[str, Any]:
    return {
        "image": found.data.names[index],
        "label": found.data.labels[index],
        "answer": found.evaluation.predictions[index],
        "probability": found.confidence[index],
        "rejected": found.rejected[index],
    }


def _curve(curve: Any) -> dict[str, Any]:
    columns = point_columns(lambda point: point)
    return {
        "train": data_facts(curve.train),
        "valid": data_facts(curve.valid),
        "seed": curve.seed,
        "draws": curve.draws,
        "sizes": curve.sizes,
        "notes": curve.notes,
        "ideas": [
            {
                "idea": row.name,
                "title": row.title,
                "origin": row.origin,
                "points": [
                    {column.key: column.fact(point) for column in columns} | {"accuracies": point.accuracies}
                    for point in row.points
                ],
            }
            for row in curve.rows
        ],
    }


def _explanations(explained: Any) -> list[dict[str, Any]]:
    return [one.to_plain() for one in explained]


_FACTS: dict[str, Callable[[Any], Any]] = {
    "Appraisal": _appraisal,
    "BestFit": _best_fit,
    "Comparison": _comparison,
    "Curve": _curve,
    "Evaluation": _evaluation,
    "Explanations": _explanations,
}
