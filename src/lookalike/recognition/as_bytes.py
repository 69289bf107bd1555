"""How images become bytes, where a matcher compares bytes alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.state import State, number, wholes

_WIDEST = 1e308


@dataclass(frozen=True)
class AsBytes:
    """How images become bytes, where a matcher compares bytes alone.

    Floats of images are rounded. Rows of numbers become images of ``shape`` by the straight line that maps
    ``low`` to 0 and ``high`` to 255; what lies beyond is cut off.
    """

    low: float
    high: float
    shape: tuple[int, ...] | None

    state: ClassVar[State] = {
        "low": number(-_WIDEST, _WIDEST),
        "high": number(-_WIDEST, _WIDEST),
        "shape": wholes(1, 2**40, optional=True),
    }

    def restored(self) -> None:
        """Refuse a range that is none."""
        if self.low > self.high or (self.shape is not None and len(self.shape) not in (2, 3)):
            raise InputError(
                f"low, high are {self.low}, {self.high}: expected the least and the largest value"
            )

    def __call__(self, images: NDArray[Any]) -> NDArray[np.uint8]:
        """Return images as bytes."""
        if self.shape is None:
            rounded: NDArray[np.uint8] = np.rint(images * 255).astype(np.uint8)
            return rounded
        span = (self.high - self.low) or 1.0
        levels = np.clip((images.astype(np.float64) - self.low) / span, 0, 1)
        return np.rint(levels * 255).astype(np.uint8).reshape(len(images), *self.shape)
