"""Images made one size: Pillow's triangle filter, widened when it shrinks, so that no pixel is skipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.untrusted import MAX_PIXELS
from lookalike.errors import InputError
from lookalike.images import ImageBatch
from lookalike.progress import Progress, silent

Size = tuple[int, int]


def checked_size(size: int | tuple[int, int] | None) -> Size | None:
    """Return ``size`` as ``(height, width)``: one whole number means a square.

    Raises
    ------
    InputError
        It is neither, or not positive, or too large.

    Examples
    --------
    >>> from lookalike.data.resize import checked_size
    >>> checked_size(28)
    (28, 28)
    """
    if size is None:
        return None
    try:
        lengths = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        height, width = (_whole(length) for length in lengths)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"size is {size!r}: expected (height, width) or one whole number") from None
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise InputError(f"size is {size!r}: expected 1 to {MAX_PIXELS:,} pixels")
    return height, width


def _whole(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or int(value) != value:
        raise TypeError
    return int(value)


def resized(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """Return one image at another size; the ratio of its sides is not kept.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        uint8, or floats in 0-1.
    size : (int, int)
        The new height and width.

    Returns
    -------
    ndarray of the new height and width, same channels and dtype
        The image itself where it has that size already.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.data.resize import resized
    >>> resized(np.array([[0, 255], [255, 0]], np.uint8), (1, 1))
    array([[128]], dtype=uint8)
    """
    if image.shape[:2] == size:
        return image
    if image.ndim == 3 and not (image.dtype == np.uint8 and image.shape[2] == 3):
        return np.stack([resized(image[..., channel], size) for channel in range(image.shape[2])], axis=-1)
    pixels = np.ascontiguousarray(image if image.dtype == np.uint8 else image.astype(np.float32))
    picture = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    result: NDArray[Any] = np.asarray(picture)
    return result if image.dtype == np.uint8 else np.clip(result, 0, 1).astype(image.dtype)


def resized_batch(images: ImageBatch, size: Size, progress: Progress = silent) -> ImageBatch:
    """Return an image batch at another size (see :func:`resized`).

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        uint8, or floats in 0-1.
    size : (int, int)
        The new height and width.
    progress : callable, optional
        Told of every thousand images.

    Returns
    -------
    ndarray
        The batch itself where it has that size already.
    """
    if images.shape[1:3] == size:
        return images
    result = np.empty((len(images), *size, *images.shape[3:]), images.dtype)
    for index, image in enumerate(images):
        if index % 1000 == 0:
            progress("resizing images", index, len(images))
        result[index] = resized(image, size)
    progress("resizing images", len(images), len(images))
    return result


def size_note(size: Size) -> str:
    """Return the note that says that images were resized."""
    height_by_width = f"{size[0]} x {size[1]} (height x width"
    return f"Images were resized to {height_by_width}; triangle filter, the ratio of sides not kept)."
