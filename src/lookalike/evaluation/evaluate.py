"""Evaluate one fitted model on labelled images."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix

from lookalike.data.labelled import natural_order
from lookalike.errors import InputError
from lookalike.evaluation.inputs import Inputs
from lookalike.evaluation.reliability import reliability
from lookalike.evaluation.results import Evaluation
from lookalike.evaluation.statistics import mean_of_rates, rate
from lookalike.images import as_images
from lookalike.progress import Progress, silent
from lookalike.tensors import takes_tensors

_CHUNK = 1000


@takes_tensors
def evaluate(
    model: Any,
    images: ArrayLike,
    labels: ArrayLike,
    *,
    probabilities: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Measure a fitted model's answers.

    Parameters
    ----------
    model : fitted classifier
        One of lookalike's, or any scikit-learn classifier: those that do not take images are handed float32
        rows in 0-1.
    images : array-like of shape (n, h, w) or (n, h, w, c)
        Images that the model was not fitted on.
    labels : array-like of shape (n,)
        What they are.
    probabilities : bool, default=False
        Measure ``predict_proba`` too: ``reliability`` says whether it can be taken at its word. It compares
        the images once more; a model of lookalike's first leaves training images out in turn, which takes as
        long as answering up to 2,000 images.
    progress : Progress, optional
        Hears of each 1,000 images.

    Returns
    -------
    Evaluation
        Every rate with its n and its 95 % interval, confusion matrix and mistakes; ``str`` is a summary.
        Where images or labels are torch tensors, its arrays of numbers are tensors on their device.

    Raises
    ------
    InputError
        The images are no image batch, there is not one label for each, or a model without ``predict_proba``
        is asked for probabilities.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l1").fit(train.images, train.labels)
    >>> lookalike.evaluate(model, valid.images, valid.labels).confusion
    array([[33,  4],
           [ 0, 36]])
    >>> print(lookalike.evaluate(model, valid.images, valid.labels, probabilities=True))
    right: 0.9452 (69 of 73, 95 % interval 0.8674-0.9785)
    mean of classes: 0.9459 (95 % interval 0.8684-0.9789)
    probabilities: expected calibration error 0.0255 (15 bins; 0.9707 on average, and 0.9452 are right)
    """
    if probabilities and not hasattr(model, "predict_proba"):
        raise InputError(
            f"{type(model).__name__} has no predict_proba: expected a model that says how sure it is"
        )
    batch = as_images(images)
    truth = np.asarray(labels)
    if truth.shape != (len(batch),):
        raise InputError(f"labels have shape {truth.shape} for {len(batch)} images: expected one for each")
    inputs = Inputs(batch)
    found = measure(model, inputs, truth, progress=progress)
    if not probabilities:
        return found
    shares = said(model, inputs, progress=progress)
    return replace(found, reliability=reliability(shares, model.classes_, truth))


def measure(model: Any, inputs: Inputs, labels: NDArray[Any], *, progress: Progress) -> Evaluation:
    """Do what :func:`evaluate` does, with images that were checked before."""
    answers, seconds = _asked(model.predict, inputs.of(model), "predict", progress)
    return judge(labels, answers, seconds=seconds)


def said(model: Any, inputs: Inputs, *, progress: Progress) -> NDArray[Any]:
    """Return the probabilities that a model gives images that were checked before."""
    return _asked(model.predict_proba, inputs.of(model), "probabilities", progress)[0]


def _asked(
    method: Callable[..., Any], given: NDArray[Any], what: str, progress: Progress
) -> tuple[NDArray[Any], float]:
    """Return a method's answers to all images, some images at a time, and the seconds they took."""
    answers = []
    seconds = 0.0
    # A model that tells of its own progress (and of compiling) is best left to cut its work itself.
    tells = "progress" in inspect.signature(method).parameters
    step = len(given) if tells else _CHUNK
    options = {"progress": progress} if tells else {}
    for start in range(0, len(given), step):
        progress(what, start, len(given))
        began = time.perf_counter()
        answers.append(np.asarray(method(given[start : start + step], **options)))
        seconds += time.perf_counter() - began
    progress(what, len(given), len(given))
    return np.concatenate(answers), seconds


def judge(labels: NDArray[Any], predictions: NDArray[Any], *, seconds: float) -> Evaluation:
    """Return what ``predictions`` are worth where ``labels`` are true."""
    if predictions.shape != labels.shape:
        raise InputError(
            f"the model answered with shape {predictions.shape} to {len(labels)} images: "
            "expected one label for each"
        )
    classes = _classes(labels, predictions)
    codes = {str(label): code for code, label in enumerate(classes.tolist())}
    true = np.array([codes[str(label)] for label in labels.tolist()])
    answered = np.array([codes[str(label)] for label in predictions.tolist()])
    confusion = confusion_matrix(true, answered, labels=np.arange(len(classes)))
    per_class = tuple(
        rate(int(confusion[code, code]), int(confusion[code].sum())) for code in range(len(classes))
    )
    return Evaluation(
        classes=classes,
        labels=labels,
        predictions=predictions,
        accuracy=rate(int(np.trace(confusion)), len(labels)),
        macro=mean_of_rates(per_class),
        per_class=per_class,
        confusion=confusion,
        mistakes=np.flatnonzero(true != answered),
        predict_seconds=seconds,
    )


def _classes(labels: NDArray[Any], predictions: NDArray[Any]) -> NDArray[Any]:
    """Return every label and every answer once, in natural order."""
    values = {str(value): value for value in [*predictions.tolist(), *labels.tolist()]}
    return np.array([values[text] for text in natural_order(values)])
