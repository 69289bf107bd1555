"""What a model is handed: images for those that take them, rows for scikit-learn's own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import get_tags

from lookalike.errors import LookalikeWarning
from lookalike.images import ImageBatch, to_unit


@contextmanager
def unwarned() -> Iterator[None]:
    """Keep lookalike's own warnings quiet while the block runs: the same images were warned of before."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LookalikeWarning)
        yield


def takes_images(model: Any) -> bool:
    """Return whether ``model`` takes ``(n, h, w)``: its scikit-learn tags say so.

    A model that has no tags is handed images: it is not scikit-learn's.
    """
    try:
        return bool(get_tags(model).input_tags.three_d_array)
    except (AttributeError, TypeError):
        return True


class Inputs:
    """An image batch in the two forms that models take, the second made once and when first needed.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        A checked image batch.
    """

    def __init__(self, images: ImageBatch) -> None:
        self._images = images
        self._rows: NDArray[np.float32] | None = None

    def of(self, model: Any) -> NDArray[Any]:
        """Return the images, or float32 rows ``(n, h * w * c)`` in 0-1 for models that do not take images."""
        if takes_images(model):
            return self._images
        if self._rows is None:
            self._rows = to_unit(self._images, np.float32).reshape(len(self._images), -1)
        return self._rows
