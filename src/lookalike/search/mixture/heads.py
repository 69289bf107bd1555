"""Kernel ridge regression from what is measured of whole images to their classes, each left out exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.search.matcher import Codes
from lookalike.search.matches import Places
from lookalike.state import State, array, whole

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]

#: Of the kernel: how fast likeness falls with the squared distance. Of the regression: its ridge.
_FALL, _RIDGE = 0.5, 0.03


@dataclass(frozen=True, eq=False)
class Head:
    r"""Scores of classes by training images with rows that are alike, and how far they are from each code.

    With rows :math:`x`, made to have the mean 0 and about the length 1, the kernel
    :math:`k(x, x') = \exp(-|x - x'|^2 / 2)`, and codes :math:`y` that are 1 for the image's class and 0 for
    the others, it is kernel ridge regression of :math:`y - 1/c` with the ridge 0.03. What class :math:`k`
    costs is :math:`\sum_j (s_j - [j = k])^2` for the scores :math:`s` (C. Saunders, A. Gammerman and
    V. Vovk, "Ridge regression learning algorithm in dual variables", ICML 1998).

    Rows of an image and of its altered copies follow each other, ``each`` image having as many.
    """

    each: int
    centre: Floats  # (d,)
    unit: Floats  # (d,): what each number is divided by
    rows: Rows  # (n, d): as they were measured
    solution: Floats  # (n, c): what each row adds to the score of each class, where it is alike

    state: ClassVar[State] = {
        "each": whole(1, 1000),
        "centre": array(np.float64, shape=("d",), low=-1e9, high=1e9),
        "unit": array(np.float64, shape=("d",), low=1e-12, high=1e9),
        "rows": array(np.float32, shape=("n", "d"), low=-1e9, high=1e9),
        "solution": array(np.float64, shape=("n", "c"), low=-1e9, high=1e9),
    }

    @classmethod
    def scaled(cls, rows: Rows, *, floor: float, evened: bool, each: int = 1) -> Head:
        """Return a head that is not solved yet, with the centre and unit of the rows of images themselves.

        ``floor`` is how long rows are that say nothing: differences that are small beside it stay small.
        ``evened``: numbers are of different kinds, and each is divided by its spread. ``each`` image has so
        many rows, of which the first is its own.
        """
        own = rows[::each].astype(np.float64)
        unit = np.ones(own.shape[1])
        if evened:
            unit = (own.std(axis=0) + 0.05) * np.sqrt(own.shape[1])
        centre = own.mean(axis=0)
        length = np.sqrt((((own - centre) / unit) ** 2).sum(axis=1).mean() + floor**2)
        return cls(each, centre, unit * length, rows, np.zeros((len(rows), 0)))

    def without(self, places: Places) -> Rows:
        """Return the rows of all images but those at some places."""
        gone = places[:, None] * self.each + np.arange(self.each)
        return np.delete(self.rows, gone.ravel(), axis=0)

    def holding(self, rows: Rows) -> Head:
        """Return the head with other rows, which is not solved for them yet."""
        return replace(self, rows=rows, solution=np.zeros((len(rows), 0)))

    def solved(self, codes: Codes, n_classes: int) -> Head:
        """Return the head solved for the classes of its images."""
        codes_of_rows = np.eye(n_classes)[np.repeat(codes, self.each)]
        solution = np.linalg.solve(self._ridged(), codes_of_rows - 1 / n_classes)
        return replace(self, solution=np.asarray(solution, np.float64))

    def inverse(self) -> Floats:
        """Return the inverse of the kernel between all rows plus the ridge, ``(n, n)``."""
        return np.asarray(np.linalg.inv(self._ridged()), np.float64)

    def _ridged(self) -> Floats:
        """Return the kernel between all rows plus the ridge."""
        alike = self._alike(self.rows)
        alike[np.diag_indices(len(alike))] += _RIDGE
        return alike

    def _alike(self, rows: Rows) -> Floats:
        """Return the kernel between rows and those of the head."""
        one, other = ((some - self.centre) / self.unit for some in (rows, self.rows))
        apart = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
        alike: Floats = np.exp(-_FALL * np.maximum(apart, 0))
        return alike

    def costs(self, rows: Rows, inverse: Floats | None = None, exclude: Places | None = None) -> Floats:
        """Return what each class costs, ``(n, c)``: as if each row's excluded image were not known."""
        n_classes = self.solution.shape[1]
        alike = self._alike(rows)
        scores = alike @ self.solution + 1 / n_classes
        if exclude is not None:
            assert inverse is not None, "what is left out is known"
            gone = exclude[:, None] * self.each + np.arange(self.each)
            own = inverse[gone[:, :, None], gone[:, None, :]]
            weights = np.take_along_axis(alike @ inverse, gone, 1)
            scores -= np.einsum("ib,ibc->ic", weights, np.linalg.solve(own, self.solution[gone]))
        costs: Floats = (scores**2).sum(axis=1, keepdims=True) + 1 - 2 * scores
        return costs
