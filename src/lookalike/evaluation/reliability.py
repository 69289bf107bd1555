"""Whether probabilities can be taken at their word: the reliability diagram, and the error it shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InputError
from lookalike.evaluation.results import Bin, Reliability
from lookalike.evaluation.statistics import rate
from lookalike.recognition.probability import BINS, bin_places, calibration_error

#: How far a row of probabilities may be from a sum of 1.
_ROUNDING = 1e-6


def reliability(
    probabilities: ArrayLike, classes: ArrayLike, labels: ArrayLike, *, bins: int = BINS
) -> Reliability:
    r"""Return the reliability of answers: the likeliest classes, the first of equally likely ones.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \left| \mathrm{right}_b - \mathrm{confidence}_b \right|

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
        What ``predict_proba`` returns; rows sum to 1.
    classes : array-like of shape (n_classes,)
        The model's ``classes_``.
    labels : array-like of shape (n,)
        What is true; a label that is none of the classes makes every answer wrong.
    bins : int, default=15
        How many bins of equal width.

    Returns
    -------
    Reliability

    Raises
    ------
    InputError
        Shapes do not go together, or rows are no probabilities.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks", ICML 2017, eq. 5.

    Examples
    --------
    >>> from lookalike.evaluation.reliability import reliability
    >>> found = reliability([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], ["a", "b"], ["a", "b", "b"])
    >>> round(found.error, 3), round(found.confidence, 3), found.right.hits
    (0.4, 0.8, 2)
    """
    shares, known, truth = np.asarray(probabilities, np.float64), np.asarray(classes), np.asarray(labels)
    if (
        shares.ndim != 2
        or not len(shares)
        or known.shape != shares.shape[1:]
        or truth.shape != shares.shape[:1]
    ):
        raise InputError(
            f"probabilities {shares.shape}, classes {known.shape} and labels {truth.shape}: "
            "expected (n, n_classes), (n_classes,) and (n,)"
        )
    if not (shares >= 0).all() or not (np.abs(shares.sum(axis=1) - 1) <= _ROUNDING).all():
        raise InputError("probabilities are negative or do not sum to 1: expected those of predict_proba")
    if bins < 1:
        raise InputError(f"bins is {bins}: expected at least 1")
    confidence = shares.max(axis=1)
    is_right = known[np.argmax(shares, axis=1)] == truth
    places = bin_places(confidence, bins)
    found = tuple(
        _bin(place, bins, confidence[places == place], is_right[places == place]) for place in range(bins)
    )
    return Reliability(
        found,
        calibration_error(confidence, is_right, bins),
        float(confidence.mean()),
        rate(int(is_right.sum()), len(shares)),
    )


def _bin(place: int, bins: int, confidence: NDArray[np.float64], is_right: NDArray[np.bool_]) -> Bin:
    """Return one bin."""
    mean = float(confidence.mean()) if len(confidence) else float("nan")
    return Bin(place / bins, (place + 1) / bins, mean, rate(int(is_right.sum()), len(confidence)))
