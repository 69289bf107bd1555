"""What "none of these" is worth: images of the classes refused, against strangers refused, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from lookalike.errors import InputError
from lookalike.evaluation.results import Rate
from lookalike.evaluation.statistics import rate
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.recognition.rejection import Basis, RefusingClassifier

#: Levels of a curve.
LEVELS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


@dataclass(frozen=True)
class RefusalPoint:
    """What one level does.

    Attributes
    ----------
    alpha : float
        The level.
    basis : Basis
        What it rests on.
    refused : Rate
        Images of the classes that were refused.
    covered : Rate
        Images of the classes whose class is in their set.
    class_covered : tuple of Rate
        The same for each class, in the order of ``classes_``.
    set_size : float
        The mean number of classes in the sets of images of the classes.
    strangers : Rate or None
        Strangers that were refused; None where there are none.
    """

    alpha: float
    basis: Basis
    refused: Rate
    covered: Rate
    class_covered: tuple[Rate, ...]
    set_size: float
    strangers: Rate | None


def refusal_curve(
    model: RefusingClassifier,
    images: ArrayLike,
    labels: ArrayLike,
    strangers: ArrayLike | None = None,
    *,
    levels: Sequence[float] = LEVELS,
    progress: Progress = silent,
) -> tuple[RefusalPoint, ...]:
    """Return what each level refuses.

    Parameters
    ----------
    model : fitted classifier of lookalike
        It is asked for its sets at each level.
    images : array-like of shape (n, h, w) or (n, h, w, c)
        Images of its classes that it was not fitted on.
    labels : array-like of shape (n,)
        What they are.
    strangers : array-like of shape (m, h, w) or (m, h, w, c), optional
        Images of none of its classes.
    levels : sequence of float
        Levels above 0 and below 1.
    progress : Progress, optional
        Hears of images compared.

    Returns
    -------
    tuple of RefusalPoint
        One for each level, in their order.

    Raises
    ------
    InputError
        A label is none of the model's classes, there is not one for each image, or a level is none.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.evaluation.refusals import refusal_curve
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> curve = refusal_curve(model, valid.images, valid.labels, 16 - valid.images // 2, levels=[0.05])
    >>> curve[0].covered.value > 0.95
    True
    """
    truth = np.asarray(labels)
    answers, sets = model.sets_at_levels(images, levels, progress=progress)
    if truth.shape != answers.shape:
        raise InputError(f"labels have shape {truth.shape} for {len(answers)} images: expected one for each")
    codes = np.searchsorted(model.classes_, truth)
    codes[codes == len(model.classes_)] = 0
    if (model.classes_[codes] != truth).any():
        strange = truth[model.classes_[codes] != truth][0]
        raise InputError(f"label {strange!r} is none of the model's classes: those images are strangers")
    others = None if strangers is None else model.sets_at_levels(strangers, levels, progress=progress)[1]
    points = []
    for number, alpha in enumerate(levels):
        is_in = sets[number, np.arange(len(codes)), codes]
        none = ~sets[number].any(axis=1)
        points.append(
            RefusalPoint(
                alpha=float(alpha),
                basis=model.rejection_basis(alpha),
                refused=rate(int(none.sum()), len(none)),
                covered=rate(int(is_in.sum()), len(is_in)),
                class_covered=tuple(
                    rate(int(is_in[codes == code].sum()), int((codes == code).sum()))
                    for code in range(len(model.classes_))
                ),
                set_size=float(sets[number].sum(axis=1).mean()),
                strangers=None
                if others is None
                else rate(int((~others[number].any(axis=1)).sum()), others.shape[1]),
            )
        )
    return tuple(points)
