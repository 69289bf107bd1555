"""The distances by broadcasting: the definition, and the oracle of every faster path.

Each function takes ``n`` images and ``m`` references and returns the ``(n, m)`` distances between them, in
the Array API: NumPy arrays in, a NumPy array out; torch tensors in, a tensor on their device out.

The naive expression is one line, ``mean(abs(images[:, None] - references), axis=pixels)``, and builds an
array of ``n * m`` images. Here the same line is evaluated over chunks, so that memory stays bounded.

Between uint8 images the sums are taken over integers and are exact. Otherwise bytes become k/255 and
everything is float64.

References
----------
J. Howard and S. Gugger, "Deep Learning for Coders with fastai and PyTorch", chapter 4: the distance to the
ideal 3 by the mean absolute difference ("L1") and the root mean squared difference ("L2").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from array_api_compat import array_namespace

from lookalike.errors import InputError

Array = Any

_CHUNK_BYTES = 2**25


def l1(images: Array, references: Array, *, chunk_bytes: int = _CHUNK_BYTES) -> Array:
    r"""Return the mean absolute difference of each image to each reference.

    .. math:: L_1(a, b) = \frac{1}{d} \sum_{i=1}^{d} |a_i - b_i|

    over the ``d`` values of an image, on the 0-1 scale.

    Parameters
    ----------
    images : array of shape (n, ...)
        uint8, or floats in 0-1.
    references : array of shape (m, ...)
        The same shape but for the first axis, of the same library and device.
    chunk_bytes : int, default=2**25
        About how large the temporary array may be. At least one pair is taken at a time.

    Returns
    -------
    array of shape (n, m), float64
        In 0-1.

    Raises
    ------
    InputError
        The images and the references differ in shape or library.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.definition import l1
    >>> black, white = np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 255, np.uint8)
    >>> l1(black, np.concatenate([black, white]))
    array([[0., 1.]])
    """
    return _broadcast(images, references, abs, chunk_bytes)


def l2(images: Array, references: Array, *, chunk_bytes: int = _CHUNK_BYTES) -> Array:
    r"""Return the root mean squared difference of each image to each reference.

    .. math:: L_2(a, b) = \sqrt{\frac{1}{d} \sum_{i=1}^{d} (a_i - b_i)^2}

    over the ``d`` values of an image, on the 0-1 scale. Parameters, result and errors are those of
    :func:`l1`.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.definition import l2
    >>> half = np.array([[[0.0, 1.0]]])
    >>> l2(half, np.array([[[0.0, 0.0]]])).round(4)
    array([[0.7071]])
    """
    squares = _broadcast(images, references, lambda difference: difference * difference, chunk_bytes, power=2)
    return array_namespace(squares).sqrt(squares)


def signed(images: Array, references: Array, *, chunk_bytes: int = _CHUNK_BYTES) -> Array:
    r"""Return the mean signed difference of each image to each reference.

    .. math:: S(a, b) = \frac{1}{d} \sum_{i=1}^{d} (a_i - b_i)

    It is no distance: differences of opposite sign cancel, so that a light image beats a like one. It is
    here to be shown failing. Parameters and errors are those of :func:`l1`; the result is in -1 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.distance.definition import signed
    >>> stripes = np.array([[[0, 255], [0, 255]]], np.uint8)
    >>> signed(stripes, 255 - stripes)  # nothing in common, and yet no difference
    array([[0.]])
    """
    return _broadcast(images, references, lambda difference: difference, chunk_bytes)


def _broadcast(
    images: Array, references: Array, each: Callable[[Array], Array], chunk_bytes: int, power: int = 1
) -> Array:
    """Return the mean over pixels of ``each(image - reference)``, chunk by chunk, on the 0-1 scale.

    ``each`` grows with the given power of the difference, so that integer sums can be scaled at the end.
    """
    xp, images, references = _checked(images, references)
    exact = images.dtype == xp.uint8 and references.dtype == xp.uint8
    rows, columns = (_rows(xp, array, exact) for array in (images, references))
    (n, d), m = rows.shape, columns.shape[0]
    pairs = max(1, chunk_bytes // (8 * d))
    width = min(m, pairs)
    height = max(1, pairs // width)
    sums = [
        xp.concat(
            [
                xp.sum(each(rows[i : i + height, None, :] - columns[None, j : j + width, :]), axis=-1)
                for j in range(0, m, width)
            ],
            axis=1,
        )
        for i in range(0, n, height)
    ]
    scale = d * 255**power if exact else d
    return xp.astype(xp.concat(sums, axis=0), xp.float64) / scale


def _checked(images: Array, references: Array) -> tuple[Any, Array, Array]:
    """Return the arrays' namespace and the arrays, refusing shapes and libraries that differ."""
    try:
        xp = array_namespace(images, references)
    except TypeError as error:
        raise InputError(
            f"images are {type(images).__name__} and references {type(references).__name__}: "
            "expected two arrays of one library"
        ) from error
    shapes = tuple(images.shape), tuple(references.shape)
    if len(shapes[0]) < 2 or shapes[0][1:] != shapes[1][1:] or not math.prod(shapes[0]) or not shapes[1][0]:
        raise InputError(
            f"images have shape {shapes[0]} and references {shapes[1]}: expected (n, ...) and (m, ...), "
            "not empty and equal but for the first axis; one image alone is image[None]"
        )
    return xp, images, references


def _rows(xp: Any, array: Array, exact: bool) -> Array:
    """Return images as rows: int64 where sums are to be exact, else float64 on the 0-1 scale."""
    rows = xp.reshape(array, (array.shape[0], -1))
    if exact:
        return xp.astype(rows, xp.int64)
    floats = xp.astype(rows, xp.float64)
    return floats / 255 if array.dtype == xp.uint8 else floats
