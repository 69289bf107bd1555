"""What all steps of preparation share, and the steps for any image; scikit-learn is not imported for them."""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.look import Gray8, gray_bytes, paper_and_darkness
from lookalike.errors import InputError, unknown
from lookalike.images import ImageBatch, as_images
from lookalike.progress import Progress, silent
from lookalike.state import checked_whole, short

#: The longest side that a step makes.
LONGEST_SIDE = 1024
_WIDEST_BLUR = 32
_CHUNK_VALUES = 2**18
# The darkest and the brightest fiftieth of an image are reflections, dirt and frames.
_OUTSIDE = 50
# A range below this is noise, and is not stretched further.
_LEAST_RANGE = 32


class Transformer(ABC):
    """What scikit-learn asks of a transformer of image batches: kinds say how they check, learn and run."""

    _learned: str | None = None  # the attribute that fit sets, where transform needs a fit

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, *, progress: Progress = silent) -> Self:
        """Check the parameters and the images, and learn what there is to learn.

        A chain fits each step on what the steps before it make of the images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images.
        y : ignored
        progress : callable, optional
            Hears of every few hundred images of each step.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is out of its range, or the images are no image batch.
        """
        self._check()
        self._learn(as_images(X), progress)
        return self

    def transform(self, X: ArrayLike, *, progress: Progress = silent) -> Gray8:
        """Prepare images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images: uint8, bool, or floats in 0-1.
        progress : callable, optional
            Hears of every few hundred images of each step.

        Returns
        -------
        ndarray of shape (n, height, width), uint8

        Raises
        ------
        InputError
            A parameter is out of its range, or the images are no image batch.
        """
        if not self.__sklearn_is_fitted__():
            from sklearn.exceptions import NotFittedError

            raise NotFittedError(
                f"This {type(self).__name__} instance is not fitted yet. "
                "Call 'fit' with appropriate arguments before using this estimator."
            )
        self._check()
        return self._run(as_images(X), progress)

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike | None = None, *, progress: Progress = silent
    ) -> Gray8:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X, progress=progress).transform(X, progress=progress)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by their names, in alphabetical order."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by their names; ``InputError`` where there is none of a name."""
        for name, value in params.items():
            if name not in self._defaults():
                raise InputError(unknown(f"parameter of {type(self).__name__}", name, self._defaults()))
            setattr(self, name, value)
        return self

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """Return what the parameters are where they are not given, in alphabetical order."""
        given = inspect.signature(cls).parameters
        return {name: given[name].default for name in sorted(given)}

    def __repr__(self) -> str:
        """Return the call that makes it, without what is the default."""
        defaults, given = self._defaults(), self.get_params()
        changed = (name for name in given if repr(given[name]) != repr(defaults[name]))
        return f"{type(self).__name__}({', '.join(f'{name}={given[name]!r}' for name in changed)})"

    def _repr_html_(self) -> str:
        from sklearn.utils import estimator_html_repr

        return str(estimator_html_repr(self))

    def __sklearn_is_fitted__(self) -> bool:
        return self._learned is None or hasattr(self, self._learned)

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
            requires_fit=self._learned is not None,
        )

    def _check(self) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuse parameters that are out of their ranges."""

    def _learn(self, images: ImageBatch, progress: Progress = silent) -> None:  # noqa: B027 - nor to learn
        """Learn from checked images."""

    @abstractmethod
    def _run(self, images: ImageBatch, progress: Progress = silent) -> Gray8:
        """Return checked images prepared, by parameters that were checked."""


class Preparation(Transformer):
    """A step of preparation: a transformer of image batches, as scikit-learn's.

    Every step takes an image batch of any kind, makes colour gray first (:class:`Gray`), and returns
    rounded uint8 of shape ``(n, h, w)``. What becomes of an image does not depend on the other images of its
    batch. Steps can be used alone, in a :class:`sklearn.pipeline.Pipeline`, or in a
    :class:`lookalike.prepare.Prepare`.
    """

    _does = ""  # in a few words for the user; parameters in braces

    def describe(self) -> str:
        """Return what the step does to images, in a few words for the user."""
        return self._does.format_map(vars(self))

    def _run(self, images: ImageBatch, progress: Progress = silent) -> Gray8:
        # A few images at a time: memory stays bounded, and a chunk stays in the processor's cache.
        count, height, width = images.shape[:3]
        step = max(1, _CHUNK_VALUES // self._values(height, width))
        if count <= step:
            return self._apply(gray_bytes(images))
        told = "" if progress is silent else f"prepare: {self.describe()}"
        parts = []
        for start in range(0, count, step):
            progress(told, start, count)
            parts.append(self._apply(gray_bytes(images[start : start + step])))
        progress(told, count, count)
        return np.concatenate(parts)

    def _values(self, height: int, width: int) -> int:
        """Return how many values the work on one image holds at a time."""
        return height * width

    @staticmethod
    def checked_learned(value: object) -> Any:
        """Return what the step learned, from a chain from outside; by default nothing is."""
        raise InputError(f"a step learned {short(value)}: expected nothing")

    @abstractmethod
    def _apply(self, images: Gray8) -> Gray8:
        """Return gray images prepared."""


def run_all(steps: Iterable[Preparation], images: ImageBatch, progress: Progress = silent) -> Gray8:
    """Return checked images prepared by fitted steps, one after the other."""
    for step in steps:
        images = step._run(images, progress)
    return images


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

    _does = "colour is made gray"

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
    _learned = "inverted_"

    def describe(self) -> str:
        """Return what the step does to images."""
        if not hasattr(self, "inverted_"):
            return "ink is made light on dark"
        return "ink is dark: inverted" if self.inverted_ else "ink is light: kept"

    @staticmethod
    def checked_learned(value: object) -> bool:
        """Return whether a chain from outside inverts, refusing what says neither."""
        if not isinstance(value, bool):
            raise InputError(f"inverted is {short(value)}: expected true or false")
        return value

    def _learn(self, images: ImageBatch, progress: Progress = silent) -> None:
        step = max(1, _CHUNK_VALUES // self._values(*images.shape[1:3]))
        votes = (
            paper_and_darkness(gray_bytes(images[start : start + step]))[1].sum()
            for start in range(0, len(images), step)
        )
        self.inverted_ = bool(sum(map(int, votes)) > 0)

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

    _does = "contrast is stretched, each image by its own range"

    def _apply(self, images: Gray8) -> Gray8:
        rows = images.reshape(len(images), -1)
        low = (rows.shape[1] - 1) // _OUTSIDE
        high = rows.shape[1] - 1 - low
        ranked = np.partition(rows, (low, high), axis=1)
        bottom, top = (ranked[:, rank].astype(np.float64)[:, None, None] for rank in (low, high))
        gain = 255 / np.maximum(top - bottom, _LEAST_RANGE)
        stretched = 127.5 + (images - (bottom + top) / 2) * gain
        return np.rint(np.clip(stretched, 0, 255)).astype(np.uint8)


class RaiseContrast(Preparation):
    r"""Raise the contrast of images that are all faint, all by the same factor.

    ``fit`` learns how far the values of a training image reach: :math:`r`, the 95th percentile of the
    differences between an image's largest and least value (of the images that are not blank, the value that
    is not exceeded by at least 95 %). With :math:`m` the image's least value

    .. math:: v' = \frac{255}{r} (v - m)

    rounded, halves to even, and cut at 255. So a shift of all values changes nothing. Where no training image
    has any contrast, images stay as they are.

    Attributes
    ----------
    range_ : int
        The range that becomes the whole scale, 1 to 255.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import RaiseContrast
    >>> RaiseContrast().fit_transform(np.array([[[100, 101, 105]], [[7, 9, 9]]], np.uint8)).tolist()
    [[[0, 51, 255]], [[0, 102, 102]]]
    """

    range_: int
    _learned = "range_"

    def describe(self) -> str:
        """Return what the step does to images."""
        if not hasattr(self, "range_"):
            return "contrast is raised, in all images alike"
        return f"faint: {self.range_} levels become 255, in all images alike"

    @staticmethod
    def checked_learned(value: object) -> int:
        """Return the range of a chain from outside, refusing what is none."""
        return checked_whole("range", value, 1, 255)

    def _learn(self, images: ImageBatch, progress: Progress = silent) -> None:
        self.range_ = typical_range(gray_bytes(images)) or 255

    def _apply(self, images: Gray8) -> Gray8:
        above = (images - images.min(axis=(1, 2), keepdims=True)) * (255 / self.range_)
        return np.asarray(np.rint(np.minimum(above, 255)), np.uint8)


def typical_range(images: Gray8) -> int:
    """Return the range of values that 95 % of the images that are not blank do not exceed; 0 without any."""
    ranges = np.ptp(images.reshape(len(images), -1), axis=1)
    ranges = np.sort(ranges[ranges > 0])
    return int(ranges[-1 - len(ranges) // 20]) if len(ranges) else 0


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
    As :func:`scipy.ndimage.gaussian_filter` computes it, to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Blur
    >>> dot = np.zeros((1, 3, 3), np.uint8)
    >>> dot[0, 1, 1] = 255
    >>> Blur(0.5).fit_transform(dot)[0, 1]
    array([ 21, 158,  21], dtype=uint8)
    """

    _does = "blurred by a Gaussian of {sigma:g} px"

    def __init__(self, sigma: float = 1.0) -> None:
        self.sigma = sigma

    def _check(self) -> None:
        check_number("sigma", self.sigma, _WIDEST_BLUR)

    def _apply(self, images: Gray8) -> Gray8:
        reach = int(4 * float(self.sigma) + 0.5)
        if reach == 0:
            return images
        weights = np.exp(-0.5 / (float(self.sigma) * float(self.sigma)) * np.arange(-reach, reach + 1) ** 2)
        weights /= weights.sum()
        blurred = _blurred(_blurred(images.astype(np.float64), weights, 1), weights, 2)
        return np.rint(np.clip(blurred, 0, 255)).astype(np.uint8)


def _blurred(values: NDArray[np.float64], weights: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return values blurred along an axis, summed in the order of ``scipy.ndimage``: from outside inwards."""
    reach, length = len(weights) // 2, values.shape[axis]
    lines = np.moveaxis(values, axis, 0)[np.arange(-reach, length + reach).clip(0, length - 1)]
    total = weights[reach] * lines[reach : reach + length]
    for first in range(reach):
        last = 2 * reach - first
        pair = lines[first : first + length] + lines[last : last + length]
        pair *= weights[first]
        total += pair
    return np.moveaxis(total, 0, axis)


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

    _does = "resized to {height} x {width} (height x width)"

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width

    def _check(self) -> None:
        check_whole("height", self.height, 1, LONGEST_SIDE)
        check_whole("width", self.width, 1, LONGEST_SIDE)

    def _values(self, height: int, width: int) -> int:
        return max(height * width, self.height * self.width)

    def _apply(self, images: Gray8) -> Gray8:
        # Pillow is needed here alone.
        from lookalike.data.pixels import resized_batch

        return resized_batch(images, (int(self.height), int(self.width)))


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
