"""What an answer rests on, as plain data: pictures, pages and JSON are drawn from it.

Models make it (``model.explain``); nothing here knows how.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["training image", "mean image", "median image", "prototype", "mean coverage"]


@dataclass(frozen=True, eq=False)
class Reference:
    """Something that an image was compared with.

    Attributes
    ----------
    kind : {"training image", "mean image", "median image", "prototype", "mean coverage"}
        What it is.
    label : int or str
        Its class.
    distance : float or None
        How far the image is from it, as the model measures; None where it is only there to look at.
    id : int or None
        A training image's number in ``ids_``.
    image : ndarray or None
        Of the shape of the evidence's ``prepared``, float64 in the same units; None for a mean coverage.
    difference : ndarray or None
        The prepared image minus this one, of the same shape: above 0 where the image has more.
    field : ndarray of shape (h, w, 2), int8, or None
        Where the idea deforms: pixel ``(y, x)`` of the prepared image was matched with pixel
        ``(y + field[y, x, 0], x + field[y, x, 1])`` of this one, which may lie beyond its border.
    warped : ndarray or None
        This image bent by the field: at each pixel what the prepared image's pixel was matched with.
    coverage : float or None
        The mean ink of a class, for a mean coverage.
    """

    kind: Kind
    label: Any
    distance: float | None = None
    id: int | None = None
    image: NDArray[np.float64] | None = None
    difference: NDArray[np.float64] | None = None
    field: NDArray[np.int8] | None = None
    warped: NDArray[np.float64] | None = None
    coverage: float | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can hold of it: everything but the images."""
        facts = {
            "kind": self.kind,
            "label": _plain(self.label),
            "distance": self.distance,
            "id": self.id,
            "coverage": self.coverage,
            "field": None if self.field is None else self.field.tolist(),
        }
        return {name: value for name, value in facts.items() if value is not None}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one answer rests on.

    Attributes
    ----------
    idea : str
        How the model compares, for example ``"nearest image, L1"``.
    image : ndarray of shape (h, w), (h, w, c) or (features,)
        The image as given: uint8, floats in 0-1, or a row of a 2-D array.
    prepared : ndarray, float64
        What the model saw: after preparation, in 0-1; a row of a 2-D array in its own units.
    steps : tuple of str
        What the preparation does, one sentence a step.
    answer : int or str
        What ``predict`` answers.
    runner_up : int or str, or None
        The other class with the smallest distance; None where there is no other.
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    distances : ndarray of shape (n_classes,), float64
        The distance to each class, infinite where the class has no images: to its own image, or to the
        nearest of its training images.
    nearest : tuple of Reference
        The nearest training images, nearest first; empty where the model keeps none.
    voters : int
        How many of the nearest training images vote; 0 where none do.
    for_answer, for_runner_up : Reference
        What the distances to the answer's class and to the runner-up's are measured to; the latter is None
        where there is no runner-up.
    means : tuple of Reference
        The mean (or median) image of the answer's class, then of the runner-up's, as far as the model can
        say them.
    contributions : ndarray or None
        How much each pixel speaks for the answer (above 0) or for the runner-up: they sum to ``margin``, to
        rounding. Of the shape of ``prepared``, or (h, w) where all channels are compared together. None
        where the idea does not look at pixels, or there is no runner-up.
    coverage : float or None
        The image's mean ink, for ink coverage.
    """

    idea: str
    image: NDArray[Any]
    prepared: NDArray[np.float64]
    steps: tuple[str, ...]
    answer: Any
    runner_up: Any
    classes: NDArray[Any]
    distances: NDArray[np.float64]
    nearest: tuple[Reference, ...]
    voters: int
    for_answer: Reference
    for_runner_up: Reference | None
    means: tuple[Reference, ...]
    contributions: NDArray[np.float64] | None
    coverage: float | None = None

    @property
    def margin(self) -> float | None:
        """How much further away the runner-up is than the answer; None where there is no runner-up.

        Below 0 where several images vote and the nearest of all is of another class than most of them.
        """
        if self.for_runner_up is None or self.for_runner_up.distance is None:
            return None
        return self.for_runner_up.distance - (self.for_answer.distance or 0.0)

    @property
    def outvoted(self) -> bool:
        """Whether the runner-up is nearer than the answer, and was outvoted."""
        return self.margin is not None and self.margin < 0

    def to_plain(self) -> dict[str, Any]:
        """Return what JSON can hold of it: everything but the images.

        Returns
        -------
        dict
            Distances to classes without images are None, and so is what there is not.
        """
        distances = [float(one) if np.isfinite(one) else None for one in self.distances]
        runner_up = self.for_runner_up
        return {
            "idea": self.idea,
            "answer": _plain(self.answer),
            "runner_up": _plain(self.runner_up),
            "margin": self.margin,
            "outvoted": self.outvoted,
            "voters": self.voters,
            "prepared": list(self.steps),
            "coverage": self.coverage,
            "distances": [
                {"label": label, "distance": distance}
                for label, distance in zip(self.classes.tolist(), distances, strict=True)
            ],
            "for_answer": self.for_answer.to_plain(),
            "for_runner_up": None if runner_up is None else runner_up.to_plain(),
            "nearest": [one.to_plain() for one in self.nearest],
            "contributions": None if self.contributions is None else self.contributions.tolist(),
        }


def _plain(label: Any) -> Any:
    """Return a label as Python has it."""
    return label.item() if isinstance(label, np.generic) else label


def contributions(
    answer: NDArray[np.float64], runner_up: NDArray[np.float64], *, root: bool
) -> NDArray[np.float64]:
    r"""Return how much each pixel adds to the difference of two distances.

    Let pixel :math:`i` cost :math:`a_i` beside the answer and :math:`r_i` beside the runner-up. Where a
    distance is the sum of its costs, the pixel contributes :math:`r_i - a_i`. Where it is the root of the
    sum, :math:`d_a = \sqrt{\sum a_i}` and :math:`d_r` likewise, the pixel contributes

    .. math:: \frac{r_i - a_i}{d_r + d_a},

    for these sum to :math:`(d_r^2 - d_a^2) / (d_r + d_a) = d_r - d_a`: the difference of the roots is split
    in proportion to the differences of the squares.

    Parameters
    ----------
    answer, runner_up : ndarray of one shape
        The costs, at least 0.
    root : bool
        The distances are the roots of the sums.

    Returns
    -------
    ndarray of that shape
        Above 0 where the pixel speaks for the answer. Their sum is the runner-up's distance minus the
        answer's, to rounding.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.evidence import contributions
    >>> contributions(np.array([4.0, 0.0]), np.array([9.0, 7.0]), root=True)  # distances 2 and 4
    array([0.83333333, 1.16666667])
    """
    shares = runner_up - answer
    if not root:
        return shares
    total = np.sqrt(runner_up.sum()) + np.sqrt(answer.sum())
    return shares / total if total else shares
