"""The one contract for image batches: check, convert, or refuse with a clear error.

An image batch is an array ``(n, h, w)`` or ``(n, h, w, c)``: ``n`` images of one size. uint8 is its normal
form; floats in 0-1 that are no whole number of 255ths stay floats and take slower exact paths.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.errors import InputError

ImageBatch = NDArray[Any]

_CHANNELS = (1, 2, 3, 4)
#: So many bytes in the middle of an image tell most images apart, and are summed as words times odd numbers.
_MIDDLE, _ODD = 32, np.array([1, 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], np.uint64)
#: What is said of other ranges: only this function, and what makes labelled images, can be told of one.
_RANGED = "lookalike.images.as_images(images, value_range=({}))"
#: By so much values are beyond 0-1 where sums were rounded, and nothing else was meant.
_ROUNDING = 1e-3
_EXPECTED = "expected an image batch (n, h, w) or (n, h, w, c)"


def as_images(images: ArrayLike, *, value_range: tuple[float, float] | None = None) -> ImageBatch:
    """Return ``images`` as a checked image batch.

    Parameters
    ----------
    images : array-like of shape (n, h, w) or (n, h, w, c)
        uint8 (0-255), bool, or floats in 0-1. ``c`` is 1 to 4; a single channel is dropped, so that
        ``(n, h, w, 1)`` is ``(n, h, w)``.
    value_range : (float, float), optional
        The values that stand for no ink and for full ink, where they are not the usual ones of the dtype:
        ``(0, 16)`` for scikit-learn's digits, ``(0, 255)`` for integers that are bytes. Values are mapped to
        0-1 linearly.

    Returns
    -------
    ndarray of shape (n, h, w) or (n, h, w, c)
        C-contiguous uint8 where every value is exactly k/255 for a whole number k, else float32 or float64
        in 0-1. An array that already is so is returned as it is, not copied.

    Raises
    ------
    InputError
        Another shape or dtype, an empty batch, NaN or infinity, or a value outside the range. The message
        says the value, shape or dtype that was wrong and what was expected.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.images import as_images
    >>> as_images(np.full((2, 8, 8), 0.2)).dtype  # 0.2 is 51/255
    dtype('uint8')
    >>> as_images(np.full((2, 8, 8), 16), value_range=(0, 16)).max()
    np.uint8(255)
    """
    array = _as_array(images)
    _check_shape(array)
    if array.ndim == 4 and array.shape[3] == 1:
        array = array.reshape(array.shape[:3])
    if array.dtype == np.bool_ and value_range is None:
        return np.ascontiguousarray(array).view(np.uint8) * np.uint8(255)
    if value_range is not None:
        return _from_range(array, value_range)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind in "iu":
        raise InputError(
            f"images are {array.dtype}: expected uint8 (0-255) or floats in 0-1; say what the integers mean, "
            f"for example by {_RANGED.format('0, 255')}"
        )
    return _bytes_if_exact(_checked_floats(array))


def to_unit(images: ImageBatch, dtype: Any = np.float64) -> NDArray[Any]:
    """Return a checked image batch as floats in 0-1."""
    if images.dtype == np.uint8:
        unit: NDArray[Any] = np.divide(images, dtype(255), dtype=dtype)
        return unit
    return images.astype(dtype, copy=False)


def unit_of(images: NDArray[Any]) -> int:
    """Return the value that stands for full ink: 255 in uint8 images, else 1."""
    return 255 if images.dtype == np.uint8 and images.ndim in (3, 4) else 1


def describe(array: NDArray[Any]) -> str:
    """Return rank, shape, dtype and range of ``array`` as people say them."""
    shape = "(" + ", ".join(str(length) for length in array.shape) + ("," if array.ndim == 1 else "") + ")"
    values = f"values {array.min():.6g} to {array.max():.6g}" if array.size else "no values"
    return f"rank {array.ndim}, shape {shape}, {array.dtype}, {values}"


def _as_array(images: ArrayLike) -> NDArray[Any]:
    """Return the array that ``images`` is, refusing ragged nests and objects."""
    try:
        array = np.asarray(images)
    except ValueError as error:
        raise InputError(
            f"images are of mixed sizes: {_EXPECTED}, all of one size (resize them first)"
        ) from error
    if array.dtype.kind not in "biuf" or array.dtype == np.longdouble:
        raise InputError(f"images have dtype {array.dtype}: expected uint8 (0-255), bool or floats in 0-1")
    return array


def _check_shape(array: NDArray[Any]) -> None:
    """Refuse anything that is not a batch of images with at least one pixel."""
    if array.ndim == 2:
        hint = "one image alone is images[None]"
    elif array.ndim == 4 and array.shape[3] not in _CHANNELS:
        first = array.shape[1] in _CHANNELS
        hint = "channels come last: use images.transpose(0, 2, 3, 1)" if first else "with 1 to 4 channels"
    elif array.ndim in (3, 4):
        hint = "" if array.size else "with at least one image of at least one pixel"
    else:
        hint = f"not {array.ndim} axes"
    if hint:
        raise InputError(f"images have shape {array.shape}: {_EXPECTED}, {hint}")


def one_alone(shape: object, of_one: tuple[int, ...]) -> str:
    """Return what to say where a shape is that of one image, gray or colour, instead of a batch."""
    if not isinstance(shape, tuple) or shape[:2] != of_one[:2] or len(shape) > 3:
        return ""
    return "; one image alone is image[None]" if len(shape) == 2 or shape[2] in _CHANNELS else ""


def _check_finite(array: NDArray[Any]) -> None:
    """Refuse NaN and infinity, naming the first."""
    finite = np.isfinite(array)
    if not finite.all():
        where = tuple(int(index) for index in np.argwhere(~finite)[0])
        raise InputError(f"images hold {array[where]} at {where}: expected finite values")


def _checked_floats(array: NDArray[Any]) -> NDArray[Any]:
    """Return floats of at least single precision that are finite and in 0-1."""
    floats = np.ascontiguousarray(array, dtype=np.promote_types(array.dtype, np.float32))
    _check_finite(floats)
    low, high = floats.min(), floats.max()
    if low < 0 or high > 1:
        worst, mend = high, f"state their range, for example by {_RANGED.format('0, 255')}"
        if low < 0:
            worst = low
            mend = f"undo the normalisation, or state their range, for example by {_RANGED.format('-1, 1')}"
        if low > -_ROUNDING and high < 1 + _ROUNDING:
            mend = "cut off what rounding left: images.clip(0, 1)"
        raise InputError(f"images hold {_beyond(worst, 0, 1)}: expected uint8, or floats in 0-1; {mend}")
    return floats


def _beyond(value: Any, low: float, high: float) -> str:
    """Return a number that lies outside a range, in as few digits as say so."""
    short = f"{value:.6g}"
    return str(value) if low <= float(short) <= high else short


def _bytes_if_exact(floats: NDArray[Any]) -> ImageBatch:
    """Return floats in 0-1 as uint8 where every one is exactly k/255 in its own precision."""
    # float16 was widened: its k/255 is not float32's, so such images stay floats unless all is 0 or 1.
    levels = (np.arange(256) / 255).astype(floats.dtype)
    result = np.empty(floats.shape, np.uint8)
    # Image by image, so that memory stays bounded and the first other value ends the search.
    for image, nearest in zip(floats, result, strict=True):
        np.rint(image * 255, out=nearest, casting="unsafe")
        if not np.array_equal(levels[nearest], image):
            return floats
    return result


def _from_range(array: NDArray[Any], value_range: tuple[float, float]) -> ImageBatch:
    """Return ``array`` mapped from a stated range to 0-1."""
    low, high = (float(value) for value in value_range)
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(f"value_range is {value_range}: expected (low, high), finite, low below high")
    if array.dtype == np.uint8 and (low, high) == (0, 255):
        return np.ascontiguousarray(array)
    floats = np.ascontiguousarray(array, dtype=np.promote_types(array.dtype, np.float64))
    _check_finite(floats)
    if floats.min() < low or floats.max() > high:
        worst = floats.min() if floats.min() < low else floats.max()
        raise InputError(
            f"images hold {_beyond(worst, low, high)}: outside the stated value_range ({low:g}, {high:g})"
        )
    return _bytes_if_exact((floats - low) / (high - low))


def digests(images: NDArray[Any]) -> NDArray[np.bytes_]:
    """Return a hash of each image's values, ``(n,)``: the same for bytes and for floats that are so much."""
    whole = images.dtype == np.uint8 and images.ndim > 2
    plain = (image if whole else _plainest(image) for image in images)
    return np.array([blake2b(image.tobytes(), digest_size=16).digest() for image in plain])


def any_twice(images: NDArray[Any]) -> bool:
    """Return whether any image of a batch is there twice: hashing those alone that share their middle."""
    rows = images.reshape(len(images), -1)
    start = (rows.shape[1] - _MIDDLE) // 2
    if images.dtype == np.uint8 and start >= 0:
        words = np.ascontiguousarray(rows[:, start : start + _MIDDLE]).view(np.uint64)
        keys = (words * _ODD).sum(axis=1)
        order = np.argsort(keys)
        same = keys[order][1:] == keys[order][:-1]
        images = images[order[np.append(same, False) | np.insert(same, 0, False)]]
    found = digests(images)
    return len(np.unique(found)) < len(found)


def _plainest(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as bytes where all stand for bytes, else as floats of 64 bits."""
    # Adding 0 makes of -0 what it equals.
    exact = values.astype(np.float64) + 0.0
    whole = np.rint(exact * 255)
    unit = whole / 255
    # Floats of 32 bits that stand for bytes are so much beside others.
    stands = (unit == exact) | (unit.astype(np.float32) == exact)
    if stands.all() and whole.min() >= 0 and whole.max() <= 255:
        return whole.astype(np.uint8)
    return np.where(stands, unit, exact)


def evenly(count: int, most: int) -> NDArray[np.intp]:
    """Return the places of at most so many of some images, from the first to the last, evenly spaced.

    >>> evenly(10, 4).tolist(), evenly(3, 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.intp))


def sizes(shape: tuple[int, ...]) -> str:
    """Return a shape as people say sizes: 28x28."""
    return "x".join(str(length) for length in shape)
