"""The nearest image of each class, where it is within reach: what searches are asked beside the k nearest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InputError

#: What stands for the distance of a class that is not told.
FARTHEST = np.iinfo(np.int64).max


class Classes(NamedTuple):
    """Whose nearest image is asked for: that of each class up to ``factor`` times the smallest sum."""

    codes: NDArray[np.int64]  # (n,): the class of each image
    n_classes: int
    factor: float

    @classmethod
    def checked(
        cls, codes: ArrayLike, n_classes: int, n_images: int, reach: float, *, squared: bool
    ) -> Classes:
        """Return classes by a reach in distances, which are the roots of the sums where these are squared."""
        whole = np.asarray(codes)
        if whole.shape != (n_images,) or whole.dtype.kind not in "iu":
            raise InputError(
                f"codes are {whole.dtype} of shape {whole.shape}: expected integers ({n_images},)"
            )
        if whole.size and not 0 <= whole.min() <= whole.max() < n_classes:
            raise InputError(f"codes run from {whole.min()} to {whole.max()}: expected 0 to {n_classes - 1}")
        if not isinstance(reach, int | float | np.number) or not 1 <= reach < np.inf:
            raise InputError(f"reach is {reach!r}: expected a finite number of at least 1")
        factor = float(reach) ** 2 if squared else float(reach)
        return cls(np.ascontiguousarray(whole, np.int64), n_classes, factor)

    def keep_within(
        self, nearest: NDArray[np.int64], sums: NDArray[np.int64], places: NDArray[np.int64]
    ) -> None:
        """Take out classes (q, n_classes) beyond reach of the nearest (q,): a search may know them or not."""
        beyond = sums > nearest[:, None] * self.factor
        sums[beyond], places[beyond] = FARTHEST, -1
