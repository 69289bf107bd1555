"""Preparations by neighbouring pixels: blur and resize."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from lookalike.data.resize import resized_batch
from lookalike.prepare.base import LONGEST_SIDE, Gray8, Preparation, check_number, check_whole

_WIDEST = 32


class Blur(Preparation):
    r"""Blur by a Gaussian.

    .. math:: v'(y, x) = \sum_{i, j} g(i) \, g(j) \, v(y + i, x + j), \qquad
        g(i) \propto e^{-i^2 / 2 \sigma^2}, \quad |i| \le 4 \sigma + \tfrac{1}{2}

    rounded, halves to even. Beyond the border the nearest pixel is repeated, so an even image stays as it is.

    Parameters
    ----------
    sigma : float, default=1
        The Gaussian's standard deviation in pixels, above 0 and up to 32.

    Notes
    -----
    Computed by :func:`scipy.ndimage.gaussian_filter`.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Blur
    >>> dot = np.zeros((1, 3, 3), np.uint8)
    >>> dot[0, 1, 1] = 255
    >>> Blur(0.5).fit_transform(dot)[0, 1]
    array([ 21, 158,  21], dtype=uint8)
    """

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = sigma

    def check_parameters(self) -> None:
        """Refuse parameters that are out of their ranges."""
        check_number("sigma", self.sigma, _WIDEST)

    def describe(self) -> str:
        """Return what the step does to images."""
        return f"blurred by a Gaussian of {self.sigma:g} px"

    def _apply(self, images: Gray8) -> Gray8:
        blurred = gaussian_filter(images.astype(np.float64), self.sigma, mode="nearest", axes=(1, 2))
        return np.rint(np.clip(blurred, 0, 255)).astype(np.uint8)


class Resize(Preparation):
    """Make images another size; the ratio of the sides is not kept.

    A triangle filter, widened where the image shrinks so that no pixel is skipped.

    Parameters
    ----------
    height, width : int
        The new sides in pixels, 1 to 1,024.

    Notes
    -----
    Computed by Pillow's ``Image.resize`` with ``BILINEAR``.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Resize
    >>> Resize(1, 2).fit_transform(np.array([[[0, 255], [255, 255]]], np.uint8))
    array([[[128, 255]]], dtype=uint8)
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width

    def check_parameters(self) -> None:
        """Refuse parameters that are out of their ranges."""
        check_whole("height", self.height, 1, LONGEST_SIDE)
        check_whole("width", self.width, 1, LONGEST_SIDE)

    def describe(self) -> str:
        """Return what the step does to images."""
        return f"resized to {self.height} x {self.width} (height x width)"

    def _values(self, height: int, width: int) -> int:
        return max(height * width, self.height * self.width)

    def _apply(self, images: Gray8) -> Gray8:
        resized: Gray8 = resized_batch(images, (int(self.height), int(self.width)))
        return resized
