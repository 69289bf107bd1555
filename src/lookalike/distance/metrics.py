"""The table of metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError


@dataclass(frozen=True)
class Metric:
    name: str
    title: str
    root: bool

    def per_value(self, sums: NDArray[Any], n_values: int, unit: float) -> NDArray[np.float64]:
        distances = sums.astype(np.float64) / n_values
        if self.root:
            distances = np.sqrt(distances)
        return distances / unit

    def costs(self, difference: NDArray[np.float64]) -> NDArray[np.float64]:
        return difference**2 if self.root else np.abs(difference)


METRICS = {"l1": Metric("l1", "L1", False), "l2": Metric("l2", "L2", True)}


def checked_metric(name: Any) -> str:
    if name not in METRICS:
        raise InputError(f"metric is {name!r}: expected 'l1' or 'l2'")
    return str(name)
