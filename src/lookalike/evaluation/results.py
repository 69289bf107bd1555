"""What was measured, as plain data: tables, reports and notebooks are drawn from it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.statistics import Estimate, Rate
from lookalike.registry import DISPLAYS, Shown, resolve


@dataclass(frozen=True)
class Bin:
    """The answers whose probability is above ``low`` and at most ``high`` (in the first bin also 0).

    Attributes
    ----------
    low, high : float
        The bin, in 0-1.
    confidence : float
        The mean probability of the answers; NaN without answers.
    right : Rate
        How many of them are right, of how many.
    """

    low: float
    high: float
    confidence: float
    right: Rate


@dataclass(frozen=True)
class Reliability:
    """How sure a model is of its answers, and how often they are right.

    Attributes
    ----------
    bins : tuple of Bin
        Of equal width, ascending.
    error : float
        The expected calibration error, in 0-1: the mean over all answers of how far their bin's mean
        probability is from its share of right answers.
    confidence : float
        The mean probability of all answers.
    right : Rate
        How many answers are right, of how many.
    """

    bins: tuple[Bin, ...]
    error: float
    confidence: float
    right: Rate

    def __str__(self) -> str:
        return (
            f"expected calibration error {self.error:.4f} ({len(self.bins)} bins; "
            f"{self.confidence:.4f} on average, and {self.right.value:.4f} are right)"
        )


@dataclass(frozen=True)
class Evaluation(Shown):
    """What one model's answers on one set of labelled images are worth; ``str`` is a summary.

    Its :meth:`frame` has a row for each class; its :meth:`plot` is the confusion matrix.

    Attributes
    ----------
    classes : ndarray of shape (k,)
        Every class that is a label or an answer, in natural order.
    labels, predictions : ndarray of shape (n,)
        What is true and what was answered.
    accuracy : Rate
        All images alike (micro average).
    macro : Estimate
        The unweighted mean of the classes' rates, over the classes that have images.
    per_class : tuple of Rate, length k
        Of each class's images, how many were answered right.
    confusion : ndarray of shape (k, k), int64
        ``confusion[i, j]`` images of class i were answered as class j.
    mistakes : ndarray of int
        The indices of the images that were answered wrongly, ascending.
    predict_seconds : float
        Wall time of all answers.
    reliability : Reliability or None
        Whether the model's probabilities can be taken at their word; None where that was not asked for.
    """

    classes: NDArray[Any]
    labels: NDArray[Any]
    predictions: NDArray[Any]
    accuracy: Rate
    macro: Estimate
    per_class: tuple[Rate, ...]
    confusion: NDArray[np.int64]
    mistakes: NDArray[np.intp]
    predict_seconds: float
    reliability: Reliability | None = None


@dataclass(frozen=True)
class Row:
    """One idea's line in a comparison.

    Attributes
    ----------
    name, title : str
        What one types, and what the table shows. Both may be a user's own text: untrusted.
    origin : {"ours", "reference", "yours"}
        Whose idea it is.
    evaluation : Evaluation or None
        None where the idea failed.
    error : str or None
        Why it failed, in one line.
    warnings : tuple of str
        What to know about the figures, for example that a fit did not converge.
    fit_seconds : float or None
        Wall time of the fit.
    size_bytes : int or None
        The memory of the arrays that the fitted model holds.
    model : object or None
        The fitted model.
    """

    name: str
    title: str
    origin: str
    evaluation: Evaluation | None
    error: str | None
    warnings: tuple[str, ...]
    fit_seconds: float | None
    size_bytes: int | None
    model: Any


@dataclass(frozen=True)
class PairTest:
    """Two ideas on the same images: McNemar's exact test.

    Attributes
    ----------
    first, second : str
        Names of the rows.
    only_first, only_second : int
        Images that only the one and only the other answered right.
    p_value : float
        Two-sided, exact.
    p_adjusted : float
        The same after Holm's correction for all pairs of the comparison.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    p_value: float
    p_adjusted: float


@dataclass(frozen=True)
class Comparison(Shown):
    """Several ideas, measured on the same images; ``str`` is a table of them.

    Its :meth:`frame` has a row for each idea; its :meth:`plot` shows their rates and intervals.

    Attributes
    ----------
    train, valid : LabelledImages
        What the ideas were fitted on and measured on.
    rows : tuple of Row
        In the order in which the ideas were given.
    pairs : tuple of PairTest
        Every two rows that did not fail.
    seed : int
        What every random choice was drawn from.
    """

    train: LabelledImages
    valid: LabelledImages
    rows: tuple[Row, ...]
    pairs: tuple[PairTest, ...]
    seed: int

    def report(self, path: str | os.PathLike[str], *, image: str | None = None, command: str = "") -> Path:
        """Write the comparison as one HTML page that needs no network and no script.

        Parameters
        ----------
        path : path-like
            Where. The file is replaced as a whole or, on any error, not touched.
        image : str, optional
            The name of the image that the page looks at first.
        command : str, default=""
            What makes the page again, to be shown on it.

        Returns
        -------
        Path
            Where the page is.

        Raises
        ------
        InputError
            No image is called so.

        Examples
        --------
        >>> import tempfile, lookalike
        >>> train, valid = lookalike.load("digits", classes=[3, 7])
        >>> found = lookalike.compare(train, valid, ["mean-image-l2"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     page = found.report(f"{folder}/digits.html").read_text(encoding="utf-8")
        >>> page.startswith("<!doctype html>")
        True
        """
        resolve(DISPLAYS["comparison page"])(self, path, command=command, image=image)
        return Path(path)
