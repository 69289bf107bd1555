"""The manners that all preparations share: images in, gray bytes out, a few images at a time."""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from lookalike.data.ink import Gray8 as Gray8
from lookalike.data.ink import gray_bytes as gray_bytes
from lookalike.errors import InputError
from lookalike.images import ImageBatch, as_images
from lookalike.progress import Progress, silent

#: The longest side that a preparation makes.
LONGEST_SIDE = 1024
# Images are worked on a few at a time: memory stays bounded, and a chunk stays in the processor's cache.
_CHUNK_VALUES = 2**18


class Preparation(TransformerMixin, BaseEstimator):
    """A step of preparation: a scikit-learn transformer of image batches.

    Every step takes an image batch of any kind, makes colour gray first (:func:`gray_bytes`), and returns
    rounded uint8 of shape ``(n, h, w)``. What becomes of an image does not depend on the other images of its
    batch. Steps can be used alone, in a :class:`sklearn.pipeline.Pipeline`, or in a
    :class:`lookalike.prepare.Prepare`.
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Check the parameters and the images, and learn what there is to learn.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is out of its range, or the images are no image batch.
        """
        self.check_parameters()
        self._learn(as_images(X))
        return self

    def transform(self, X: ArrayLike, *, progress: Progress = silent) -> Gray8:
        """Prepare images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images: uint8, bool, or floats in 0-1.
        progress : callable, optional
            Hears of every few hundred images.

        Returns
        -------
        ndarray of shape (n, height, width), uint8

        Raises
        ------
        InputError
            A parameter is out of its range, or the images are no image batch.
        """
        check_is_fitted(self)
        self.check_parameters()
        images = as_images(X)
        told = f"prepare: {self.describe()}"
        step = chunk_length(self._values(*images.shape[1:3]))
        parts = []
        for start in range(0, len(images), step):
            progress(told, start, len(images))
            parts.append(self._apply(gray_bytes(images[start : start + step])))
        progress(told, len(images), len(images))
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def check_parameters(self) -> None:
        """Refuse parameters that are out of their ranges.

        Raises
        ------
        InputError
            Naming the parameter, its value and what was expected.
        """

    def describe(self) -> str:
        """Return what the step does to images, in a few words for the user."""
        raise NotImplementedError

    def _values(self, height: int, width: int) -> int:
        """Return how many values the work on one image holds at a time."""
        return height * width

    def _learn(self, images: ImageBatch) -> None:
        """Learn from checked images."""

    def _apply(self, images: Gray8) -> Gray8:
        """Return gray images prepared."""
        raise NotImplementedError


def chunk_length(values: int) -> int:
    """Return how many images of so many values are worked on at a time, at least one."""
    return max(1, _CHUNK_VALUES // values)


def check_whole(name: str, value: Any, low: int, high: int) -> None:
    """Refuse a parameter that is no whole number from ``low`` to ``high``."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not low <= value <= high:
        raise InputError(f"{name} is {value!r}: expected a whole number from {low} to {high}")


def check_number(name: str, value: Any, high: float) -> None:
    """Refuse a parameter that is no finite number above 0 and up to ``high``."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 < value <= high:
        raise InputError(f"{name} is {value!r}: expected a number above 0 and up to {high:g}")
