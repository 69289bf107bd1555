"""Fit and measure one idea, whatever it does."""

from __future__ import annotations

import inspect
import time
import warnings
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from lookalike import settings
from lookalike.evaluation.evaluate import measure
from lookalike.evaluation.ideas import Candidate, one_line
from lookalike.evaluation.inputs import Inputs
from lookalike.evaluation.results import Evaluation
from lookalike.progress import Progress


@dataclass(frozen=True)
class Attempt:
    """What became of fitting and measuring one idea.

    Attributes
    ----------
    model : object or None
        The fitted model.
    evaluation : Evaluation or None
        None where the idea failed.
    error : str or None
        Why it failed, in one line.
    warnings : tuple of str
        What to know about the figures, for example that a fit did not converge.
    fit_seconds : float or None
        Wall time of the fit.
    """

    model: Any
    evaluation: Evaluation | None
    error: str | None
    warnings: tuple[str, ...]
    fit_seconds: float | None


def attempt(
    candidate: Candidate,
    inputs: tuple[Inputs, Inputs],
    labels: tuple[NDArray[Any], NDArray[Any]],
    *,
    seed: int,
    progress: Progress,
) -> Attempt:
    """Fit one idea on labelled images and measure it on others; whatever it raises becomes the reason.

    Parameters
    ----------
    candidate : Candidate
        The idea.
    inputs : pair of Inputs
        Images to fit on, and images to measure on.
    labels : pair of ndarray
        Their labels.
    seed : int
        What random choices are drawn from.
    progress : callable
        Hears of the fit, and of each 1,000 images.

    Returns
    -------
    Attempt

    Raises
    ------
    InputError
        A setting cannot be used: that is not the idea's fault.
    """
    settings.check()
    model, evaluation, error, fit_seconds = None, None, None, None

    def tell(what: str, done: int, total: int | None) -> None:
        progress(f"{candidate.title}: {what}", done, total)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = _seeded(candidate.make(), seed)
            tell("fit", 0, None)
            given = inputs[0].of(model)
            began = time.perf_counter()
            tells = "progress" in inspect.signature(model.fit).parameters
            model.fit(given, labels[0], **({"progress": tell} if tells else {}))
            fit_seconds = time.perf_counter() - began
            evaluation = measure(model, inputs[1], labels[1], progress=tell)
        # It may be anybody's code: one idea's failure must not cost the others their figures.
        except Exception as failure:
            error = one_line(failure)
    return Attempt(model, evaluation, error, _plain(caught, model), fit_seconds)


def _seeded(model: Any, seed: int) -> Any:
    """Give a scikit-learn model that draws at random, and was given no seed, the caller's."""
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
