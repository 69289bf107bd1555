"""Preparations of brightness: gray, polarity, contrast."""

from __future__ import annotations

from typing import Any

import numpy as np

from lookalike.data.ink import darkness
from lookalike.images import ImageBatch
from lookalike.prepare.base import Gray8, Preparation, chunk_length, gray_bytes

# The darkest and the brightest fiftieth of an image are reflections, dirt and frames.
_OUTSIDE = 50
# A range below this is noise, and is not stretched further.
_LEAST_RANGE = 32


class Gray(Preparation):
    r"""Make colour gray.

    .. math:: Y = 0.299 R + 0.587 G + 0.114 B

    rounded to the nearest whole number, halves up. Gray images stay as they are; opacity is laid on white.

    References
    ----------
    ITU-R Recommendation BT.601-7 (2011), section 2.5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Gray
    >>> Gray().fit_transform(np.full((1, 1, 2, 3), [255, 128, 0], np.uint8))
    array([[[151, 151]]], dtype=uint8)
    """

    def describe(self) -> str:
        """Return what the step does to images."""
        return "colour is made gray"

    def _apply(self, images: Gray8) -> Gray8:
        return images


class Polarity(Preparation):
    """Turn ink to light on dark, where it is dark on light.

    ``fit`` looks at each training image: its paper is the median of its outermost pixels, and its ink is dark
    where the rest is darker on average than its paper. The images vote, each with one voice; one whose
    rest is exactly as bright as its paper, or that has nothing but a border, has none. Ink is dark where more
    than half of the votes say so; else it is light. ``transform`` then inverts all images, or none:
    :math:`255 - v`.

    Attributes
    ----------
    inverted_ : bool
        Ink was dark, so images are inverted.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Polarity
    >>> drawing = np.full((1, 3, 3), 255, np.uint8)
    >>> drawing[0, 1, 1] = 0
    >>> step = Polarity().fit(drawing)
    >>> step.describe()
    'ink is dark: inverted'
    >>> int(step.transform(drawing)[0, 1, 1])
    255
    """

    inverted_: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        return tags

    def describe(self) -> str:
        """Return what the step does to images."""
        if not hasattr(self, "inverted_"):
            return "ink is made light on dark"
        return "ink is dark: inverted" if self.inverted_ else "ink is light: kept"

    def _learn(self, images: ImageBatch) -> None:
        step = chunk_length(images.shape[1] * images.shape[2])
        dark = sum(
            int(darkness(gray_bytes(images[start : start + step])).sum())
            for start in range(0, len(images), step)
        )
        self.inverted_ = bool(dark > 0)

    def _apply(self, images: Gray8) -> Gray8:
        return 255 - images if self.inverted_ else images


class NormaliseContrast(Preparation):
    r"""Stretch each photograph's range of brightness to the whole scale.

    With :math:`l` and :math:`h` the values that a fiftieth of the image's pixels lie below and above,

    .. math:: v' = \frac{255}{2} + \frac{255}{\max(h - l, 32)} \left(v - \frac{l + h}{2}\right)

    rounded, halves to even, and cut to 0-255. A range below 32 is taken for noise and is not stretched more
    than that, so that an even image becomes mid-gray. A negative becomes the result's negative.

    Notes
    -----
    Of ``d`` sorted values the ``k``-th lowest and the ``k``-th highest are taken, with ``k`` the whole part
    of ``(d - 1) / 50``, counted from 0.

    References
    ----------
    R. C. Gonzalez and R. E. Woods, "Digital Image Processing", 4th edition (2018), section 3.2: contrast
    stretching.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import NormaliseContrast
    >>> NormaliseContrast().fit_transform(np.array([[[100, 110, 150]]], np.uint8))
    array([[[  0,  51, 255]]], dtype=uint8)
    """

    def describe(self) -> str:
        """Return what the step does to images."""
        return "contrast is stretched, each image by its own range"

    def _apply(self, images: Gray8) -> Gray8:
        rows = images.reshape(len(images), -1)
        low = (rows.shape[1] - 1) // _OUTSIDE
        high = rows.shape[1] - 1 - low
        ranked = np.partition(rows, (low, high), axis=1)
        bottom, top = (ranked[:, rank].astype(np.float64)[:, None, None] for rank in (low, high))
        gain = 255 / np.maximum(top - bottom, _LEAST_RANGE)
        stretched = 127.5 + (images - (bottom + top) / 2) * gain
        return np.rint(np.clip(stretched, 0, 255)).astype(np.uint8)
