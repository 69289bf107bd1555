"""What is done to drawings, light ink on dark paper: ink that fills the frame, upright and equally strong."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import Gray8, ink_box, paper
from lookalike.errors import InputError
from lookalike.prepare.steps import LONGEST_SIDE, Preparation, check_number, check_whole

# Writing slants up to about 45 degrees; what leans more is a flat stroke, such as a dash.
_STEEPEST = 1.0
_CENTRES = ("mass", "box")
_MOST_STRETCH = 8
# Weights are whole numbers of this part of 1, so that their sums are exact in floats, in any order.
_WHOLE_WEIGHT = 2.0**14

Floats = NDArray[np.float64]


def ink(images: Gray8) -> Gray8:
    """Return how much brighter each pixel is than its image's paper; 0 where it is not brighter."""
    level = paper(images)[:, None, None]
    return np.maximum(images, level) - level


class Deskew(Preparation):
    r"""Make slanted writing upright: shift each row so that the ink's principal slant becomes vertical.

    With :math:`I` the ink (how much brighter a pixel is than the paper, which is the median of the image's
    border), :math:`\bar x, \bar y` its centre of mass and :math:`\mu_{pq} = \sum I (x - \bar x)^p
    (y - \bar y)^q` its central moments,

    .. math:: v'(y, x) = v\left(y, \; x + \alpha (y - \bar y)\right), \qquad
        \alpha = \mu_{11} / \mu_{02}

    with :math:`\alpha` cut to -1 to 1 (45 degrees). Between two pixels of a row values are interpolated
    linearly (bilinear interpolation: no row moves down or up); beyond the border there is paper. The result
    is rounded, halves to even. The centre of mass stays where it is. Images without ink, or with ink in
    one row alone, stay as they are.

    Expects light ink on dark paper (see :class:`Polarity`).

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 86 (1998), section III.A: the deslanted MNIST.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Deskew
    >>> slanted = np.pad(np.eye(3, dtype=np.uint8) * 255, 1)[None]
    >>> Deskew().fit_transform(slanted)[0, 1:4]
    array([[  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0],
           [  0,   0, 255,   0,   0]], dtype=uint8)
    """

    _does = "slanted ink is made upright"

    def _apply(self, images: Gray8) -> Gray8:
        n, height, width = images.shape
        slant, middle = _slants(ink(images))
        shift = slant[:, None] * (np.arange(height) - middle[:, None])
        # A shift by a whole image leaves nothing of it, as any longer one does.
        shift = np.clip(shift, -width, width)
        whole = np.floor(shift)
        part = (shift - whole)[:, :, None]
        # A column of paper on either side stands for all that is beyond.
        wide = np.empty((n * height, width + 2), np.uint8)
        wide[:, [0, -1]] = np.repeat(paper(images), height)[:, None]
        wide[:, 1:-1] = images.reshape(n * height, width)
        columns = np.arange(1, width + 1) + whole.astype(np.intp)[:, :, None]
        rows = np.arange(0, wide.size, width + 2).reshape(n, height, 1)
        left = wide.take(rows + np.clip(columns, 0, width + 1))
        right = wide.take(rows + np.clip(columns + 1, 0, width + 1))
        return np.rint(left + part * (right.astype(np.float64) - left)).astype(np.uint8)


def _slants(inked: Gray8) -> tuple[Floats, Floats]:
    """Return each image's slant in columns a row, and the row of its centre of mass; 0 where undefined."""
    _, height, width = inked.shape
    y, x = np.arange(height, dtype=np.float64), np.arange(width, dtype=np.float64)
    # Sums of whole numbers below 2^53: exact in any order, so an image's slant is the same in any batch.
    lines = inked.astype(np.float64)
    mass, along = lines.sum(axis=2), lines @ x
    total, sum_x, sum_y = mass.sum(axis=1), along.sum(axis=1), mass @ y
    # Central moments, times the total.
    both = (along @ y) * total - sum_x * sum_y
    down = (mass @ y**2) * total - sum_y**2
    slant = np.divide(both, down, out=np.zeros_like(down), where=down > 0)
    middle = np.divide(sum_y, total, out=np.zeros_like(total), where=total > 0)
    return np.clip(slant, -_STEEPEST, _STEEPEST), middle


class FitToInk(Preparation):
    r"""Crop to the ink, scale it into a box, and put it in the middle of a square frame, as MNIST was made.

    Ink is how much brighter a pixel is than the paper, which is the median of the image's border. The crop is
    the smallest rectangle around all pixels with at least a quarter of the image's strongest ink. Its longer
    side, :math:`a`, is scaled to ``box * size`` pixels. The shorter side, :math:`b`, is scaled by
    :math:`\min(\sqrt{a / b}, \text{stretch})` times as much, and the crop's centre is put at the frame's.
    With :math:`s` the scale along a side and :math:`c` the centre of the crop, in pixels, the pixel ``i`` of
    the frame is the mean of the source over the interval

    .. math:: \frac{i + \frac12 - \frac{\text{size}}{2}}{s} + c \; \pm \; \frac12 \max(1, \tfrac1s)

    down and across: the mean over the pixel's own area where the image shrinks, linear interpolation
    where it grows. It is rounded, halves to even. Ink beyond the frame is cut off; all around the crop the
    result is 0. Images without ink become all 0.

    Expects light ink on dark paper (see :class:`Polarity`).

    Parameters
    ----------
    size : int, default=28
        Height and width of the frame, in pixels, 1 to 1,024.
    box : float, default=0.72
        The part of the frame's side that the longer side of the ink takes, above 0 and up to 1. MNIST's is
        20/28.
    centre : {"mass", "box"}, default="mass"
        What is put in the middle: the ink's centre of mass, or the middle of the crop.
    stretch : float, default=1
        How many times as much as the longer side the shorter is scaled at most, 1 to 8. 1 keeps the ratio of
        the sides. People draw a character wider or narrower: more than 1 makes their drawings more alike, and
        still tells a bar from a block.

    Notes
    -----
    MNIST was centred to whole pixels; here the centre is exact.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition",
    Proc. IEEE 86 (1998), section III.A.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import FitToInk
    >>> corner = np.zeros((1, 6, 6), np.uint8)
    >>> corner[0, 1, 1:3] = 200
    >>> FitToInk(size=4, box=0.5).fit_transform(corner)[0]
    array([[  0,   0,   0,   0],
           [  0, 100, 100,   0],
           [  0, 100, 100,   0],
           [  0,   0,   0,   0]], dtype=uint8)
    """

    def __init__(
        self,
        size: int = 28,
        box: float = 0.72,
        centre: Literal["mass", "box"] = "mass",
        stretch: float = 1.0,
    ) -> None:
        self.size = size
        self.box = box
        self.centre = centre
        self.stretch = stretch

    def _check(self) -> None:
        check_whole("size", self.size, 1, LONGEST_SIDE)
        check_number("box", self.box, 1)
        if self.centre not in _CENTRES:
            raise InputError(f"centre is {self.centre!r}: expected 'mass' or 'box'")
        check_number("stretch", self.stretch, _MOST_STRETCH)
        if self.stretch < 1:
            raise InputError(f"stretch is {self.stretch!r}: expected a number from 1 to {_MOST_STRETCH}")

    def describe(self) -> str:
        """Return what the step does to images."""
        what = "centre of mass" if self.centre == "mass" else "middle"
        stretched = "" if self.stretch == 1 else f"its shorter side stretched by up to {self.stretch:g}, "
        return (
            f"cropped to the ink, scaled to {self.box * self.size:.3g} px, {stretched}"
            f"its {what} at the centre of {self.size} x {self.size}"
        )

    def _values(self, height: int, width: int) -> int:
        return max(height * width, self.size * (self.size + height + width))

    def _apply(self, images: Gray8) -> Gray8:
        inked = ink(images)
        found = ink_box(inked)
        scale = self.box * self.size / np.maximum(found.longer, 1)
        sides = found.bottom - found.top, found.right - found.left
        stretches = (
            np.minimum(np.sqrt(np.maximum(found.longer, 1) / np.maximum(side, 1)), self.stretch)
            for side in sides
        )
        spans = (found.top, found.bottom), (found.left, found.right)
        kept = [
            (line >= first[:, None]) & (line < after[:, None])
            for line, (first, after) in zip(map(np.arange, images.shape[1:]), spans, strict=True)
        ]
        values = inked * kept[0][:, :, None] * kept[1][:, None, :]
        down, across = (
            self._weights(values.sum(axis=other, dtype=np.int64), span, scale * stretch)
            for other, span, stretch in zip((2, 1), spans, stretches, strict=True)
        )
        fitted = down @ values.astype(np.float64) @ across.transpose(0, 2, 1)
        return np.rint(fitted / _WHOLE_WEIGHT**2).astype(np.uint8)

    def _weights(
        self, mass: NDArray[np.int64], span: tuple[NDArray[np.intp], NDArray[np.intp]], scale: Floats
    ) -> Floats:
        """Return ``(n, size, lines)``: what source lines of ink ``mass (n, lines)`` give to the frame's."""
        first, after = (edge.astype(np.float64) for edge in span)
        centre = (after - first) / 2
        if self.centre == "mass":
            # Counted from the crop's own edge: then equal drawings have equal centres wherever they are.
            line = np.arange(mass.shape[1]) - span[0][:, None] + 0.5
            total = mass.sum(axis=1)
            np.divide((mass * line).sum(axis=1), total, out=centre, where=total > 0)
        reach = np.maximum(1, 1 / scale)[:, None, None]
        place = (np.arange(self.size) + 0.5 - self.size / 2) / scale[:, None] + centre[:, None]
        start = place[:, :, None] - reach / 2
        edges = np.arange(mass.shape[1] + 1) - first[:, None]
        covered = np.clip((edges[:, None, :] - start) / reach, 0, 1)
        return np.diff(np.rint(covered * _WHOLE_WEIGHT), axis=2)


class EvenInk(Preparation):
    r"""Make the ink of all images equally strong: scale each image to one root mean square.

    .. math:: v' = v \frac{\text{level}}{\sqrt{\frac{1}{d} \sum v^2}}

    over the image's ``d`` pixels, rounded, halves to even, and cut at 255. Images that are all 0 stay so.
    A large drawing that was scaled down has thinner and, once blurred, fainter strokes than a small one; this
    makes up for it.

    Expects light ink on black paper, such as :class:`FitToInk` returns.

    Parameters
    ----------
    level : float, default=50
        The root mean square, above 0 and up to 255.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import EvenInk
    >>> EvenInk(100).fit_transform(np.array([[[0, 10], [0, 0]], [[20, 20], [20, 20]]], np.uint8))
    array([[[  0, 200],
            [  0,   0]],
    <BLANKLINE>
           [[100, 100],
            [100, 100]]], dtype=uint8)
    """

    _does = "ink is made equally strong in all images (root mean square {level:g})"

    def __init__(self, level: float = 50.0) -> None:
        self.level = level

    def _check(self) -> None:
        check_number("level", self.level, 255)

    def _apply(self, images: Gray8) -> Gray8:
        squares = np.square(images, dtype=np.uint64).mean(axis=(1, 2))
        gain = np.divide(self.level, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0)
        return np.asarray(np.rint(np.minimum(images * gain[:, None, None], 255)), np.uint8)
