"""Images as PNG bytes and data URIs, for pages that must stand alone."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.images import as_images

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return one image as bytes to look at.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        uint8, bool, or floats in 0-1, which are rounded to 255ths.

    Returns
    -------
    ndarray of the same shape, uint8
        A single channel is dropped.

    Raises
    ------
    InputError
        What :func:`lookalike.images.as_images` refuses.
    """
    checked = as_images(image[None])[0]
    if checked.dtype == np.uint8:
        return np.asarray(checked, dtype=np.uint8)
    rounded: NDArray[np.uint8] = np.rint(checked * 255).astype(np.uint8)
    return rounded


def png_bytes(image: NDArray[Any]) -> bytes:
    """Return one image as a PNG file.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        What :func:`as_bytes` takes. Two channels are gray and opacity, four red, green, blue and opacity.

    Returns
    -------
    bytes
        The file: no metadata, the same bytes for the same image.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.picture.png import png_bytes
    >>> png_bytes(np.zeros((2, 3), np.uint8))[1:4]
    b'PNG'
    """
    from PIL import Image

    pixels = as_bytes(image)
    mode = _MODES[pixels.shape[2] if pixels.ndim == 3 else 1]
    height, width = pixels.shape[:2]
    file = io.BytesIO()
    Image.frombytes(mode, (width, height), pixels.tobytes()).save(file, format="PNG", optimize=True)
    return file.getvalue()


def data_uri(image: NDArray[Any]) -> str:
    """Return one image as a ``data:`` URI for an ``img`` element.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        What :func:`as_bytes` takes.

    Returns
    -------
    str
        ``data:image/png;base64,...``: ASCII without quotes or spaces.
    """
    return "data:image/png;base64," + base64.b64encode(png_bytes(image)).decode("ascii")


def shrunk(image: NDArray[Any], edge: int) -> NDArray[np.uint8]:
    """Return one image made small enough by averaging squares of pixels.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        What :func:`as_bytes` takes.
    edge : int
        The longest edge that is wanted, at least 1.

    Returns
    -------
    ndarray of uint8
        The image itself where it is small enough. Else each of its pixels is the mean of ``f x f`` pixels,
        ``f`` the smallest whole number that makes it fit; rests at the right and lower edge that fill no
        square are averaged as they are.
    """
    pixels = as_bytes(image)
    factor = -(-max(pixels.shape[:2]) // edge)
    if factor <= 1:
        return pixels
    rows, columns = (np.arange(0, length, factor) for length in pixels.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.float64), rows, axis=0), columns, axis=1)
    heights = np.diff(rows, append=pixels.shape[0])
    widths = np.diff(columns, append=pixels.shape[1])
    areas = np.outer(heights, widths)
    means = sums / (areas[..., None] if pixels.ndim == 3 else areas)
    averaged: NDArray[np.uint8] = np.rint(means).astype(np.uint8)
    return averaged


def shown_size(height: int, width: int, edge: int) -> tuple[int, int]:
    """Return the size at which a page shows an image: a whole multiple, so that pixels stay square.

    Parameters
    ----------
    height, width : int
        The image's size in its own pixels.
    edge : int
        About how long the longer edge shall be, in the page's pixels.

    Returns
    -------
    (int, int)
        Height and width. An image that is longer than ``edge`` is scaled down to it.

    Examples
    --------
    >>> from lookalike.picture.png import shown_size
    >>> shown_size(28, 28, 60), shown_size(8, 8, 60), shown_size(200, 100, 60)
    ((56, 56), (64, 64), (60, 30))
    """
    longest = max(height, width)
    if longest > edge:
        return max(1, round(height * edge / longest)), max(1, round(width * edge / longest))
    factor = max(1, round(edge / longest))
    return height * factor, width * factor
