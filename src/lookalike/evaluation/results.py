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
    """The answers whose probability is above ``low`` and at most ``high`` (in the first bin also 0)."""

    low: float  #: in 0-1, as is ``high``
    high: float
    confidence: float  #: the mean probability of the answers; NaN without answers
    right: Rate  #: how many of them are right, of how many


@dataclass(frozen=True)
class Reliability:
    """How sure a model is of its answers, and how often they are right."""

    bins: tuple[Bin, ...]  #: of equal width, ascending
    #: The expected calibration error, in 0-1: the mean over all answers of how far their bin's mean
    #: probability is from its share of right answers.
    error: float
    confidence: float  #: the mean probability of all answers
    right: Rate  #: how many answers are right, of how many

    def __str__(self) -> str:
        return (
            f"expected calibration error {self.error:.4f} ({len(self.bins)} bins; "
            f"{self.confidence:.4f} on average, and {self.right.value:.4f} are right)"
        )


@dataclass(frozen=True, repr=False)
class Evaluation(Shown):
    """What one model's answers on one set of labelled images are worth; ``str`` is a summary.

    Its :meth:`frame` has a row for each class; its :meth:`plot` is the confusion matrix.
    """

    classes: NDArray[Any]  #: every class that is a label or an answer, in natural order, (k,)
    labels: NDArray[Any]  #: what is true, (n,)
    predictions: NDArray[Any]  #: what was answered, (n,)
    accuracy: Rate  #: all images alike (micro average)
    macro: Estimate  #: the unweighted mean of the classes' rates, over the classes that have images
    per_class: tuple[Rate, ...]  #: of each class's images, how many were answered right
    confusion: NDArray[np.int64]  #: ``confusion[i, j]`` images of class i were answered as class j, (k, k)
    mistakes: NDArray[np.intp]  #: the indices of the images that were answered wrongly, ascending
    predict_seconds: float  #: wall time of all answers
    #: Whether the model's probabilities can be taken at their word; None where that was not asked for.
    reliability: Reliability | None = None
    #: How many images are the same as one of another class, and how many as a training image of the model;
    #: None where that was not looked for, or the model does not keep training images.
    contradictions: int | None = None
    leaks: int | None = None


@dataclass(frozen=True)
class Row:
    """One idea's line in a comparison."""

    name: str  #: what one types; like the title it may be a user's own text: untrusted
    title: str  #: what the table shows
    origin: str  #: whose idea it is: "ours", "reference" or "yours"
    evaluation: Evaluation | None  #: None where the idea failed
    error: str | None  #: why it failed, in one line
    warnings: tuple[str, ...]  #: what to know about the figures, for example that a fit did not converge
    fit_seconds: float | None  #: wall time of the fit
    size_bytes: int | None  #: the memory of the arrays that the fitted model holds
    model: Any  #: the fitted model, or None


@dataclass(frozen=True)
class PairTest:
    """Two ideas on the same images: McNemar's exact test."""

    first: str  #: the names of two rows
    second: str
    only_first: int  #: images that only the one answered right
    only_second: int  #: images that only the other answered right
    p_value: float  #: two-sided, exact
    p_adjusted: float  #: the same after Holm's correction for all pairs of the comparison


@dataclass(frozen=True, repr=False)
class Comparison(Shown):
    """Several ideas, measured on the same images; ``str`` is a table of them.

    Its :meth:`frame` has a row for each idea; its :meth:`plot` shows their rates and intervals.
    """

    train: LabelledImages  #: what the ideas were fitted on
    valid: LabelledImages  #: what they were measured on
    rows: tuple[Row, ...]  #: in the order in which the ideas were given
    pairs: tuple[PairTest, ...]  #: every two rows that did not fail
    seed: int  #: what every random choice was drawn from
    contradictions: int = 0  #: how many images, of both parts, are the same as one of another class
    leaks: int = 0  #: how many images measured on are the same as one that ideas were fitted on
    notes: tuple[str, ...] = ()  #: what that means, one sentence each; names in them are untrusted

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
