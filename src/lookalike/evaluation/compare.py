"""Compare several ideas on the same images."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from typing import Any

import numpy as np

from lookalike.data.labelled import LabelledImages
from lookalike.errors import InputError
from lookalike.evaluation.attempt import attempt
from lookalike.evaluation.ideas import Candidate, candidates
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
        fails has the reason in its row; the others have their figures. ``print`` shows a table.

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
    >>> print(comparison)  # doctest: +ELLIPSIS
    digits: 289 training images, 73 to measure on, 8x8, 2 classes (3, 7)
    idea             right  95 % interval  letters  mean of classes
    ink coverage    0.5205  0.4078-0.6312  b                 0.5206
    mean image, L2  0.9452  0.8674-0.9785  a                 0.9459
    Ideas that share a letter are not told apart by these images (compact letter display ...
    """
    if train.images.shape[1:] != valid.images.shape[1:]:
        raise InputError(
            f"training images have shape {train.images.shape[1:]} and validation images "
            f"{valid.images.shape[1:]}: expected one size and kind (use size=)"
        )
    parts = Inputs(train.images), Inputs(valid.images)
    rows = tuple(_row(one, parts, train, valid, seed, progress) for one in candidates(ideas))
    return Comparison(train=train, valid=valid, rows=rows, pairs=pairs(rows), seed=seed)


def _row(
    candidate: Candidate,
    parts: tuple[Inputs, Inputs],
    train: LabelledImages,
    valid: LabelledImages,
    seed: int,
    progress: Progress,
) -> Row:
    """Fit and measure one idea; whatever it raises becomes its row's reason."""
    tried = attempt(candidate, parts, (train.labels, valid.labels), seed=seed, progress=progress)
    return Row(
        name=candidate.name,
        title=candidate.title,
        origin=candidate.origin,
        evaluation=tried.evaluation,
        error=tried.error,
        warnings=tried.warnings,
        fit_seconds=tried.fit_seconds,
        size_bytes=None if tried.evaluation is None else size(tried.model),
        model=tried.model,
    )


def pairs(rows: tuple[Row, ...]) -> tuple[PairTest, ...]:
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
    """Return the bytes of the arrays that ``model`` holds, each counted once.

    What it names in ``only_to_look_at`` is left out: answers do not need it.
    """
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
        if not hasattr(thing, "__dict__") or callable(thing):
            return 0
        skipped = getattr(thing, "only_to_look_at", ())
        return sum(count(value) for name, value in vars(thing).items() if name not in skipped)

    return count(model)
