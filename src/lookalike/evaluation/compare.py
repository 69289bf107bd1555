"""Compare several ideas on the same images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from lookalike import settings
from lookalike.data.labelled import LabelledImages
from lookalike.data.look import contradictions
from lookalike.errors import InputError, LabelWarning
from lookalike.evaluation.evaluate import Inputs, Stopwatch, labelled, leak_notes, measure
from lookalike.evaluation.ideas import Candidate, candidates, one_line
from lookalike.evaluation.results import Comparison, Evaluation, PairTest, Row
from lookalike.evaluation.statistics import holm, mcnemar
from lookalike.images import digests
from lookalike.models.nearest import NearestImages
from lookalike.progress import Progress, silent
from lookalike.search.mixture.network import OnnxNetwork


def compare(
    train: LabelledImages | tuple[ArrayLike, ArrayLike],
    valid: LabelledImages | tuple[ArrayLike, ArrayLike],
    ideas: Iterable[Any] | Mapping[str, Any] | None = None,
    *,
    seed: int = 0,
    client: Any = None,
    progress: Progress = silent,
) -> Comparison:
    """Fit every idea on ``train``, measure it on ``valid``, and test which differences are real.

    Parameters
    ----------
    train, valid : LabelledImages, or (images, labels)
        What :func:`lookalike.load` returns, or pairs of an image batch ``(n, h, w)`` or ``(n, h, w, c)`` and
        labels ``(n,)``.
    ideas : iterable or dict, optional
        Registry names (``"mean-image-l1"``), estimators (scikit-learn's too, which are handed float32 rows in
        0-1), functions marked :func:`lookalike.feature` or :func:`lookalike.distance`, a network's features
        (:class:`lookalike.Embedding`, which is three ideas), or pairs of a name and one of these, as which a
        dict is taken. By default the registry's default ideas.
    seed : int, default=0
        What every random choice is drawn from.
    client : distributed.Client, optional
        Of a Dask cluster, on whose workers nearest images are searched (extra ``dask``): the same figures.
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
        Something given is no idea, a part is no labelled images, or the two parts' images differ in size or
        kind.

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

    Arrays, and an idea of scikit-learn's:

    >>> from sklearn.naive_bayes import GaussianNB
    >>> parts = (train.images, train.labels), (valid.images, valid.labels)
    >>> found = lookalike.compare(*parts, {"naive Bayes": GaussianNB(), "means": "mean-image-l2"})
    >>> [(row.title, row.evaluation.accuracy.hits) for row in found.rows]
    [('naive Bayes', 70), ('means', 69)]
    """
    train, valid = both(train, valid)
    parts = Inputs.at(train), Inputs.at(valid)
    measured = partial(_measured, client=client, inputs=parts[1])
    rows = tuple(attempt(one, parts[0], measured, seed=seed, progress=progress) for one in candidates(ideas))
    return Comparison(train, valid, rows, pairs(rows), seed, *copies(train, valid))


def _measured(model: Any, client: Any, inputs: Inputs, progress: Progress) -> Evaluation:
    """Return a model's figures; where there is a cluster, nearest images are searched there."""
    if client is not None and type(model) is NearestImages:
        from lookalike.cluster import spread

        model = spread(model, client=client)
    return measure(model, inputs=inputs, progress=progress)


def copies(train: LabelledImages, valid: LabelledImages) -> tuple[int, int, tuple[str, ...]]:
    """Return how many images are of two classes, and how many of ``valid`` are in ``train``, and notes."""
    parts = train, valid
    hashes = [digests(part.images) for part in parts]
    labels = np.concatenate([part.labels for part in parts])
    names = [f"{part.source.part}: {name}" for part in parts for name in part.names]
    count, notes = contradictions(np.concatenate(hashes), labels, names)
    leaks = int(np.isin(hashes[1], hashes[0]).sum())
    return count, leaks, (*notes, *leak_notes(leaks, len(valid)))


def both(train: Any, valid: Any) -> tuple[LabelledImages, LabelledImages]:
    """Return two parts as labelled images, whose images are alike."""
    train, valid = labelled(train), labelled(valid, "valid")
    if train.images.shape[1:] != valid.images.shape[1:]:
        raise InputError(
            f"training images have shape {train.images.shape[1:]} and validation images "
            f"{valid.images.shape[1:]}: expected one size and kind (resize one of them)"
        )
    return train, valid


def attempt(
    candidate: Candidate,
    train: Inputs,
    measured: Callable[..., Evaluation],
    *,
    seed: int,
    progress: Progress,
) -> Row:
    """Fit one idea, and measure the model: what either raises becomes the reason that its row has."""
    # Settings that cannot be used are not the idea's fault.
    settings.check()
    model, evaluation, error, fit_seconds = None, None, None, None

    def tell(what: str, done: int, total: int | None) -> None:
        progress(f"{candidate.title}: {what}", done, total)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        # What is wrong with the labels is said of the data, once.
        warnings.simplefilter("ignore", LabelWarning)
        try:
            model = seeded(candidate.make(), seed)
            tell("fit", 0, None)
            # What it is given is made before the time is taken.
            train.of(model)
            with Stopwatch() as watch:
                train.fit(model, tell)
            fit_seconds = watch.seconds
            evaluation = measured(model, progress=tell)
        # It may be anybody's code: one idea's failure must not cost the others their figures.
        except Exception as failure:
            error = one_line(failure)
    return Row(
        name=candidate.name,
        title=candidate.title,
        origin=candidate.origin,
        evaluation=evaluation,
        error=error,
        warnings=_notes(caught, model),
        fit_seconds=fit_seconds,
        size_bytes=None if evaluation is None else size(model),
        model=model,
    )


def seeded(model: Any, seed: int) -> Any:
    """Give a scikit-learn model that draws at random, and was given no seed, the caller's."""
    parameters = model.get_params() if hasattr(model, "get_params") else {}
    undecided = [
        name
        for name, value in parameters.items()
        if name.rpartition("__")[2] == "random_state" and value is None
    ]
    return model.set_params(**dict.fromkeys(undecided, seed)) if undecided else model


def _notes(caught: list[warnings.WarningMessage], model: Any) -> tuple[str, ...]:
    """Return warnings as a reader of the table needs them: each once, and in one line."""
    texts = []
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            cap = getattr(model, "max_iter", None)
            texts.append("not converged" + (f" in {cap} iterations" if cap else ""))
        elif not issubclass(warning.category, (DeprecationWarning, PendingDeprecationWarning, FutureWarning)):
            texts.append(str(warning.message).strip().splitlines()[0])
    return tuple(dict.fromkeys(texts))


def pairs(rows: tuple[Row, ...]) -> tuple[PairTest, ...]:
    """Return McNemar's test for every two rows that have figures."""
    right = {
        row.name: np.isin(np.arange(len(row.evaluation.labels)), row.evaluation.mistakes, invert=True)
        for row in rows
        if row.evaluation is not None
    }
    tests = [(a, b, *mcnemar(right[a], right[b])) for a, b in combinations(right, 2)]
    adjusted = holm([test[-1] for test in tests])
    return tuple(PairTest(*test, p) for test, p in zip(tests, adjusted, strict=True))


def size(model: Any) -> int:
    """Return the bytes of the arrays, and of the network, that ``model`` holds, each counted once.

    What it names in ``only_to_look_at`` is left out: answers do not need it.
    """
    seen: set[int] = set()

    def count(thing: Any) -> int:
        if id(thing) in seen:
            return 0
        seen.add(id(thing))
        if isinstance(thing, np.ndarray | OnnxNetwork):
            return int(thing.nbytes)
        if isinstance(thing, dict):
            return sum(map(count, thing.values()))
        if isinstance(thing, (list, tuple)):
            return sum(map(count, thing))
        if not hasattr(thing, "__dict__") or callable(thing):
            return 0
        skipped = getattr(thing, "only_to_look_at", ())
        return sum(count(value) for name, value in vars(thing).items() if name not in skipped)

    return count(model)
