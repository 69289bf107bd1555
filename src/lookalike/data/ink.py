"""Gray bytes, and where their ink is: the rules that readers, preparations and models share.

An image's paper is the median of its outermost pixels; its ink is what is unlike the paper.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.images import ImageBatch

Gray8 = NDArray[np.uint8]
Whole = NDArray[np.intp]

_WHITE = 255


def gray_bytes(images: ImageBatch) -> Gray8:
    r"""Return checked images as gray bytes.

    Colour becomes luma, :math:`Y = 0.299 R + 0.587 G + 0.114 B`, rounded to the nearest whole number, halves
    up. Opacity (a second or fourth channel) is laid on white first. Floats are rounded to 255ths.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        What :func:`lookalike.images.as_images` returned.

    Returns
    -------
    ndarray of shape (n, h, w), uint8
        The images themselves where they are gray bytes already.

    References
    ----------
    ITU-R Recommendation BT.601-7 (2011), section 2.5.1.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.data.ink import gray_bytes
    >>> gray_bytes(np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255]]]], np.uint8))
    array([[[ 76, 150,  29]]], dtype=uint8)
    """
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)
    if images.ndim == 3:
        return images
    colours = images
    if images.shape[3] in (2, 4):
        opacity = images[..., -1:].astype(np.uint32)
        colours = (images[..., :-1] * opacity + _WHITE * (_WHITE - opacity) + 127) // 255
    if colours.shape[3] == 1:
        return colours[..., 0].astype(np.uint8)
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)


def border(images: Gray8) -> Gray8:
    """Return the outermost pixels of each image, a row an image; each pixel once."""
    _, height, width = images.shape
    sides = [images[:, 0]]
    if height > 1:
        sides.append(images[:, -1])
    sides.append(images[:, 1:-1, 0])
    if width > 1:
        sides.append(images[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def paper(images: Gray8) -> Gray8:
    """Return the level of each image's paper: the median of its border, the lower of two middle values.

    Parameters
    ----------
    images : ndarray of shape (n, h, w), uint8
        Gray images.

    Returns
    -------
    ndarray of shape (n,), uint8
    """
    around = border(images)
    middle = (around.shape[1] - 1) // 2
    return np.partition(around, middle, axis=1)[:, middle]


def darkness(images: Gray8) -> NDArray[np.int8]:
    """Return whether each image's ink is dark (1) or light (-1), or neither (0).

    Ink is dark where the image but for its border is darker on average than its paper, the median of the
    border. It is neither where both are exactly as bright, or where there is nothing but a border. An
    inverted image has the opposite.

    Parameters
    ----------
    images : ndarray of shape (n, h, w), uint8
        Gray images.

    Returns
    -------
    ndarray of shape (n,), int8

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.data.ink import darkness
    >>> darkness(np.array([[[9, 9, 9], [9, 0, 9], [9, 9, 9]]], np.uint8))
    array([1], dtype=int8)
    """
    around = border(images)
    low, high = (around.shape[1] - 1) // 2, around.shape[1] // 2
    ranked = np.partition(around, (low, high), axis=1)
    # Twice the median, and sums instead of means: whole numbers, so that inverting inverts exactly.
    level = ranked[:, low].astype(np.int64) + ranked[:, high]
    values = images.shape[1] * images.shape[2]
    # Of so many bytes the narrower sum is exact, and is made several times as fast.
    dtype = np.uint32 if values < 2**24 else np.int64
    sums = images.reshape(len(images), -1).sum(axis=1, dtype=dtype).astype(np.int64)
    rest = sums - around.sum(axis=1, dtype=np.int64)
    signs: NDArray[np.int8] = np.sign(level * (values - around.shape[1]) - 2 * rest).astype(np.int8)
    return signs


class Box(NamedTuple):
    """The smallest rectangle around the ink of each image, arrays ``(n,)``; all 0 for a blank image."""

    top: Whole
    bottom: Whole  # the row after the last
    left: Whole
    right: Whole  # the column after the last

    @property
    def longer(self) -> Whole:
        """The longer side, in pixels."""
        longer: Whole = np.maximum(self.bottom - self.top, self.right - self.left)
        return longer


def ink_box(inked: Gray8) -> Box:
    """Return the box around all pixels that hold at least a quarter of their image's strongest ink.

    ``inked (n, h, w)`` says how far each pixel is from the paper.
    """
    strongest = inked.reshape(len(inked), -1).max(axis=1)
    least = np.maximum(strongest // 4 + (strongest % 4 > 0), 1)
    mask = np.ascontiguousarray(inked >= least[:, None, None])
    # Four pixels at a time, where rows have whole fours.
    rows = (mask.view(np.uint32) if mask.shape[2] % 4 == 0 else mask).any(axis=2)
    edges = []
    for lines in (rows, mask.any(axis=1)):
        after = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
        edges += [lines.argmax(axis=1), np.where(lines.any(axis=1), after, 0)]
    return Box(*edges)
