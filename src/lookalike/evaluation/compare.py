"""Compare several ideas on the same images."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError
from lookalike.evaluation.evaluate import measure
from lookalike.evaluation.ideas import Candidate, candidates, one_line
from lookalike.evaluation.inputs import Inputs
from lookalike.evaluation.results import Comparison, Evaluation, PairTest, Row
from lookalike.evaluation.statistics import holm, mcnemar
from lookalike.progress import Progress, silent


def compare(
    train: LabelledImages,
    valid: LabelledImages,
    ideas: Iterable[Any] | None = None,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> Comparison:
    """Fit every idea on ``train``, measure it on ``valid``, and test which differences are real.

    Parameters
    ----------
    train, valid : LabelledImages
        What :func:`lookalike.load` returns.
    ideas : iterable, optional
        Registry names (``"mean-image-l1"``), estimators, functions marked :func:`lookalike.feature` or
        :func:`lookalike.distance`, or pairs of a name and one of these. By default the registry's default
        ideas.
    seed : int, default=0
        What every random choice is drawn from.
    progress : Progress, optional
        Hears of each idea, and of each 1,000 images.

    Returns
    -------
    Comparison
        A row an idea, and McNemar's exact test for every two ideas, with Holm's correction. An idea that
        fails has the reason in its row; the others have their figures.

    Raises
    ------
    UnknownNameError
        A name is not in the registry.
    InputError
        Something given is no idea, or the two parts' images differ in size or kind.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> comparison = lookalike.compare(train, valid, ["ink-coverage", "mean-image-l2"])
    >>> [round(row.evaluation.accuracy.value, 3) for row in comparison.rows]
    [0.521, 0.945]
    """
    if train.images.shape[1:] != valid.images.shape[1:]:
        raise InputError(
            f"training images have shape {train.images.shape[1:]} and validation images "
            f"{valid.images.shape[1:]}: expected one size and kind (use size=)"
        )
    parts = Inputs(train.images), Inputs(valid.images)
    rows = tuple(_row(one, parts, train, valid, seed, progress) for one in candidates(ideas))
    return Comparison(train=train, valid=valid, rows=rows, pairs=_pairs(rows), seed=seed)


def _row(
    candidate: Candidate,
    parts: tuple[Inputs, Inputs],
    train: LabelledImages,
    valid: LabelledImages,
    seed: int,
    progress: Progress,
) -> Row:
    """Fit and measure one idea; whatever it raises becomes its row's reason."""
    model, evaluation, error, fit_seconds = None, None, None, None

    def tell(what: str, done: int, total: int | None) -> None:
        progress(f"{candidate.title}: {what}", done, total)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = _seeded(candidate.make(), seed)
            tell("fit", 0, None)
            given = parts[0].of(model)
            began = time.perf_counter()
            model.fit(given, train.labels)
            fit_seconds = time.perf_counter() - began
            evaluation = measure(model, parts[1], valid.labels, seed=seed, progress=tell)
        # It may be anybody's code: one idea's failure must not cost the others their figures.
        except Exception as failure:
            error = one_line(failure)
    return Row(
        name=candidate.name,
        title=candidate.title,
        origin=candidate.origin,
        evaluation=evaluation,
        error=error,
        warnings=_plain(caught, model),
        fit_seconds=fit_seconds,
        size_bytes=None if evaluation is None else size(model),
        model=model,
    )


def _seeded(model: Any, seed: int) -> Any:
    """Give a scikit-learn model that draws at random, and was given no seed, the comparison's."""
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    undecided = [
        name
        for name, value in parameters.items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return model.set_params(**dict.fromkeys(undecided, seed)) if undecided else model


def _plain(caught: list[warnings.WarningMessage], model: Any) -> tuple[str, ...]:
    """Return warnings as a reader of the table needs them: each once, and in one line."""
    texts = []
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            cap = getattr(model, "max_iter", None)
            texts.append("not converged" + (f" in {cap} iterations" if cap else ""))
        elif not issubclass(warning.category, (DeprecationWarning, PendingDeprecationWarning, FutureWarning)):
            texts.append(str(warning.message).strip().splitlines()[0])
    return tuple(dict.fromkeys(texts))


def _pairs(rows: tuple[Row, ...]) -> tuple[PairTest, ...]:
    """Return McNemar's test for every two rows that have figures."""
    right = {row.name: _right(row.evaluation) for row in rows if row.evaluation is not None}
    tests = [(a, b, *mcnemar(right[a], right[b])) for a, b in combinations(right, 2)]
    adjusted = holm([test[-1] for test in tests])
    return tuple(PairTest(*test, p) for test, p in zip(tests, adjusted, strict=True))


def _right(evaluation: Evaluation) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return whether each image was answered right."""
    right = np.ones(len(evaluation.labels), dtype=np.bool_)
    right[evaluation.mistakes] = False
    return right


def size(model: Any) -> int:
    """Return the bytes of the arrays that ``model`` holds, each counted once."""
    seen: set[int] = set()

    def count(thing: Any) -> int:
        if id(thing) in seen:
            return 0
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            return int(thing.nbytes)
        if isinstance(thing, dict):
            return sum(count(value) for value in thing.values())
        if isinstance(thing, (list, tuple)):
            return sum(count(value) for value in thing)
        return count(vars(thing)) if hasattr(thing, "__dict__") and not callable(thing) else 0

    return count(model)
