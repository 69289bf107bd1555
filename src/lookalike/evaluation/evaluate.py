"""Evaluate one fitted model on labelled images."""

from __future__ import annotations

import inspect
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import get_tags

from lookalike.data.labelled import LabelledImages, natural_order, plain_labels
from lookalike.data.look import contradictions
from lookalike.distance.kernels.compiled import seconds_waited
from lookalike.errors import InputError, LookalikeWarning
from lookalike.evaluation.results import Bin, Evaluation, Reliability
from lookalike.evaluation.statistics import mean_of_rates, rate, share
from lookalike.images import ImageBatch, as_images, digests, to_unit
from lookalike.progress import Progress, silent
from lookalike.recognition.probability import BINS, bin_places, calibration_error
from lookalike.tensors import from_tensor, takes_tensors
from lookalike.text import one_form

_CHUNK = 1000
#: How far a row of probabilities may be from a sum of 1.
_ROUNDING = 1e-6


@contextmanager
def unwarned(category: type[LookalikeWarning] = LookalikeWarning) -> Iterator[None]:
    """Keep lookalike's own warnings quiet while the block runs: the same images were warned of before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield


class Stopwatch:
    """How long a block takes, but for code that is compiled, or read from the disk, when it is first run."""

    seconds = 0.0

    def __enter__(self) -> Self:
        self._began = time.perf_counter() - seconds_waited()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = max(0.0, time.perf_counter() - seconds_waited() - self._began)


def labelled(given: Any, part: str = "train", groups: ArrayLike | None = None) -> LabelledImages:
    """Return labelled images as they are, and a pair of images and labels as labelled images."""
    if isinstance(given, LabelledImages):
        return given
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InputError(
            f"{type(given).__name__} is given: expected LabelledImages, or a pair of images and labels"
        )
    made = LabelledImages.from_numpy(*map(from_tensor, given))
    return replace(
        made,
        groups=None if groups is None else np.asarray(from_tensor(groups)),
        source=replace(made.source, part=part),
    )


class Inputs:
    """A checked image batch in the two forms that models take, the second made when needed; its labels.

    Groups, where they are known, are told to models that ask for them.
    """

    def __init__(self, images: ImageBatch, labels: NDArray[Any], groups: NDArray[Any] | None = None) -> None:
        self._images, self.labels, self._groups = images, labels, groups
        self._rows: NDArray[np.float32] | None = None

    def of(self, model: Any) -> NDArray[Any]:
        """Return the images, or float32 rows ``(n, h * w * c)`` in 0-1 for models whose tags want such.

        A pipeline takes what its first step takes.
        """
        try:
            takes_images = get_tags(getattr(model, "steps", [("", model)])[0][1]).input_tags.three_d_array
        except (AttributeError, TypeError):
            # A model that has no tags is not scikit-learn's.
            takes_images = True
        if takes_images:
            return self._images
        if self._rows is None:
            self._rows = to_unit(self._images, np.float32).reshape(len(self._images), -1)
        return self._rows

    @classmethod
    def at(cls, images: LabelledImages, places: Any = slice(None)) -> Inputs:
        """Return the inputs that some of labelled images are."""
        groups = None if images.groups is None else images.groups[places]
        return cls(images.images[places], images.labels[places], groups)

    def fit(self, model: Any, progress: Progress) -> None:
        """Fit a model on them."""
        more: dict[str, Any] = telling(model.fit, progress)
        if self._groups is not None and "groups" in inspect.signature(model.fit).parameters:
            more["groups"] = self._groups
        model.fit(self.of(model), self.labels, **more)


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
    batch, truth = as_images(images), plain_labels(labels)
    if truth.shape != (len(batch),):
        raise InputError(f"labels have shape {truth.shape} for {len(batch)} images: expected one for each")
    inputs = Inputs(batch, truth)
    found = replace(
        measure(model, inputs, progress),
        contradictions=contradictions(digests(batch), truth, range(len(batch)))[0],
        leaks=int(model.is_kept(inputs.of(model)).sum()) if hasattr(model, "is_kept") else None,
    )
    if not probabilities:
        return found
    shares = _asked(model.predict_proba, inputs.of(model), "probabilities", progress)[0]
    return replace(found, reliability=reliability(shares, model.classes_, truth))


def leak_notes(leaks: int, n: int, how: str = "") -> tuple[str, ...]:
    """Return what to say where images measured on are the same as training images."""
    seen = f"{leaks:,} of {n:,} images are the same as a training image{how}"
    return (f"{seen}: what is measured on them is too good.",) if leaks else ()


def measure(model: Any, inputs: Inputs, progress: Progress) -> Evaluation:
    """Do what :func:`evaluate` does, with images that were checked before."""
    answers, seconds = _asked(model.predict, inputs.of(model), "predict", progress)
    return judge(inputs.labels, answers, seconds=seconds)


def _asked(
    method: Callable[..., Any], given: NDArray[Any], what: str, progress: Progress
) -> tuple[NDArray[Any], float]:
    """Return a method's answers to all images, some images at a time, and the seconds they took."""
    answers = []
    seconds = 0.0
    options = telling(method, progress)
    # A model that tells of its own progress (and of compiling) is best left to cut its work itself.
    step = len(given) if options else _CHUNK
    for start in range(0, len(given), step):
        progress(what, start, len(given))
        with Stopwatch() as watch:
            answers.append(np.asarray(method(given[start : start + step], **options)))
        seconds += watch.seconds
    progress(what, len(given), len(given))
    return np.concatenate(answers), seconds


def telling(method: Callable[..., Any], progress: Progress) -> dict[str, Progress]:
    """Return what a method is called with to tell of its progress, where it can."""
    return {"progress": progress} if "progress" in inspect.signature(method).parameters else {}


def judge(labels: NDArray[Any], predictions: NDArray[Any], *, seconds: float) -> Evaluation:
    """Return what ``predictions`` are worth where ``labels`` are true."""
    if predictions.shape != labels.shape:
        raise InputError(
            f"the model answered with shape {predictions.shape} to {len(labels)} images: "
            "expected one label for each"
        )
    values = {_text(value): value for value in [*predictions.tolist(), *labels.tolist()]}
    codes = {text: code for code, text in enumerate(natural_order(values))}
    classes = np.array([values[text] for text in codes])
    true, answered = (np.array([codes[_text(one)] for one in of.tolist()]) for of in (labels, predictions))
    n = len(classes)
    confusion = np.bincount(true * n + answered, minlength=n * n).reshape(n, n)
    per_class = tuple(rate(int(row[code]), int(row.sum())) for code, row in enumerate(confusion))
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


def _text(label: Any) -> str:
    """Return what a label is told apart by: 1, 1.0 and "1" are the same, and so are forms of one text."""
    return one_form(str(int(label) if isinstance(label, float) and label.is_integer() else label))


def reliability(
    probabilities: ArrayLike, classes: ArrayLike, labels: ArrayLike, *, bins: int = BINS
) -> Reliability:
    r"""Return the reliability of answers: the likeliest classes, the first of equally likely ones.

    Probabilities ``(n, n_classes)`` are those of ``predict_proba``; a label that is none of the classes makes
    every answer wrong. The error is, by bins of equal width,

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \left| \mathrm{right}_b - \mathrm{confidence}_b \right|

    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks", ICML 2017, eq. 5.
    """
    shares, known, truth = np.asarray(probabilities, np.float64), np.asarray(classes), np.asarray(labels)
    expected = shares.shape[:1], shares.shape[1:]
    if shares.ndim != 2 or not len(shares) or (truth.shape, known.shape) != expected:
        raise InputError(
            f"probabilities {shares.shape}, classes {known.shape} and labels {truth.shape}: "
            "expected (n, n_classes), (n_classes,) and (n,)"
        )
    if not (shares >= 0).all() or not (np.abs(shares.sum(axis=1) - 1) <= _ROUNDING).all():
        raise InputError("probabilities are negative or do not sum to 1: expected those of predict_proba")
    if bins < 1:
        raise InputError(f"bins is {bins}: expected at least 1")
    confidence = shares.max(axis=1)
    texts, wanted = (np.array([_text(one) for one in of.tolist()]) for of in (known, truth))
    is_right = texts[np.argmax(shares, axis=1)] == wanted
    places = bin_places(confidence, bins)
    found = []
    for place in range(bins):
        held = places == place
        mean = float(confidence[held].mean()) if held.any() else float("nan")
        found.append(Bin(place / bins, (place + 1) / bins, mean, share(is_right[held])))
    error = calibration_error(confidence, is_right, bins)
    return Reliability(tuple(found), error, float(confidence.mean()), share(is_right))
