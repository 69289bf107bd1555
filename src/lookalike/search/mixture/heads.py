"""Ridge regression from what is measured of whole images to their classes, each image left out exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.search.matcher import Codes
from lookalike.search.matches import Places
from lookalike.state import State, array

Floats = NDArray[np.float64]


class Solved(NamedTuple):
    """What a head was solved on: it takes the training images' rows, and tells what is without one."""

    rows: Floats  # (n, d), as the head sees them
    inverse: Floats  # (n, n), of their kernel and the ridge
    shares: Floats  # (n, c), what each image adds to each class's score


@dataclass(frozen=True, eq=False)
class Head:
    r"""Scores of classes that are linear in rows of numbers, and how far they are from each class's code.

    With rows :math:`x`, made to have the mean 0 and about the length 1, and codes :math:`y` that are 1
    for the image's class and 0 for the others, it is ridge regression of :math:`y - 1/c` with the ridge
    1. What class :math:`k` costs is :math:`\sum_j (s_j - [j = k])^2` for the scores :math:`s` (A. Hoerl
    and R. Kennard, "Ridge regression", Technometrics 12, 1970).
    """

    centre: Floats  # (d,)
    unit: Floats  # (d,): what each number is divided by
    solution: Floats  # (d, c)

    state: ClassVar[State] = {
        "centre": array(np.float64, shape=("d",), low=-1e9, high=1e9),
        "unit": array(np.float64, shape=("d",), low=1e-12, high=1e9),
        "solution": array(np.float64, shape=("d", "c"), low=-1e9, high=1e9),
    }

    @classmethod
    def scaled(cls, rows: Floats, *, floor: float, evened: bool) -> Head:
        """Return a head that is not solved yet, with the rows' centre and unit.

        ``floor`` is how long rows are that say nothing: differences that are small beside it stay small.
        ``evened``: numbers are of different kinds, and each is divided by its spread.
        """
        unit = np.ones(rows.shape[1])
        if evened:
            unit = (rows.std(axis=0) + 0.05) * np.sqrt(rows.shape[1])
        centre = rows.mean(axis=0)
        length = np.sqrt((((rows - centre) / unit) ** 2).sum(axis=1).mean() + floor**2)
        return cls(centre, unit * length, np.zeros((rows.shape[1], 0)))

    def solved(self, rows: Floats, codes: Codes, n_classes: int) -> tuple[Head, Solved]:
        """Return the head for some training images."""
        seen = (rows - self.centre) / self.unit
        inverse = np.asarray(np.linalg.inv(seen @ seen.T + np.eye(len(seen))), np.float64)
        shares = inverse @ (np.eye(n_classes)[codes] - 1 / n_classes)
        return Head(self.centre, self.unit, seen.T @ shares), Solved(seen, inverse, shares)

    def costs(self, rows: Floats, solved: Solved | None = None, exclude: Places | None = None) -> Floats:
        """Return what each class costs, ``(n, c)``: as if each row's excluded image were not known."""
        seen = (rows - self.centre) / self.unit
        n_classes = self.solution.shape[1]
        scores = seen @ self.solution + 1 / n_classes
        if exclude is not None:
            assert solved is not None, "what is left out is known"
            weight = np.einsum("id,id->i", seen @ solved.rows.T, solved.inverse[exclude])
            scores -= (weight / solved.inverse[exclude, exclude])[:, None] * solved.shares[exclude]
        costs: Floats = (scores**2).sum(axis=1, keepdims=True) + 1 - 2 * scores
        return costs
