"""What ``prepare="auto"`` means: steps chosen by what the training images look like."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.data.look import Gray8, gray_bytes, ink_box, paper
from lookalike.errors import InputError
from lookalike.images import as_images
from lookalike.prepare.chain import Prepare
from lookalike.prepare.drawings import Deskew, EvenInk, FitToInk, ink
from lookalike.prepare.steps import Blur, Gray, Polarity, Preparation, Resize

_SAMPLE = 2000
# How far a pixel of even paper may be from the paper's level, and how much of a drawing is such paper.
_EVEN = 8
_PAPER_SHARE = 0.4
# How much the ink's size may vary, and how far from the middle it may be, in parts of the frame.
_SIZE_SPREAD = 1 / 8
_OFF_CENTRE = 1 / 12
_LONGEST = 32
_LEVEL = 0.05
# With fewer images of the median class than this, width is evened out, by at most so much, and blur is less.
_MANY = 50
_STRETCH = 1.5
_FEW_BLUR = 0.5


def choose(images: ArrayLike, labels: ArrayLike | None = None) -> Prepare:
    r"""Choose preparations by what the training images look like, and say why.

    The rule looks at up to 2,000 images, evenly spaced, in gray:

    1. **Drawing or photograph.** An image's paper is the median of its border. Where at least 40 % of a
       typical (median) image's pixels lie within 8 levels of its paper, the images are drawings.
    2. **Photographs** are made gray (:class:`Gray`). Where their longer side has more than 32 pixels they are
       resized so that it has 32, the ratio of the sides kept (:class:`Resize`). Whether their ink is dark or
       light is not decided.
    3. **Drawings** are turned to light ink on dark (:class:`Polarity`).
    4. They are *framed* already where no side has more than 32 pixels, the longer side of their ink varies by
       at most 1/8 of the frame (5th to 95th percentile), and in 95 % of them the ink's centre of mass, or
       else the middle of its box, is within 1/12 of the frame of its centre. Framed drawings stay where they
       are. All others are fitted to 28x28 pixels (:class:`FitToInk`), blurred by 1 pixel (:class:`Blur`), and
       their ink is made equally strong (:class:`EvenInk`). With fewer than 50 images of a typical (median)
       class the shorter side of the ink is stretched, by up to 1.5, for there is not one image for each
       width that people draw; and they are blurred by half a pixel only, since
       :class:`lookalike.DeformableMatch` blurs further what it does not align.
    5. Drawings are deskewed (:class:`Deskew`), before any other step but polarity, where that helps: with
       each of the images in turn left out and answered by the nearest of the others (squared L2, ties to the
       first), significantly fewer answers are wrong (exact sign test of the images on which the two differ,
       5 % level). Without labels, or with few images, slant is left alone: it may be what tells classes
       apart.

    Parameters
    ----------
    images : array-like of shape (n, h, w) or (n, h, w, c)
        The training images.
    labels : array-like of shape (n,), optional
        Their labels.

    Returns
    -------
    Prepare
        Fitted; ``reasons_`` holds what was found and decided, one sentence a decision. The first step is
        :class:`Polarity` for drawings, and :class:`Gray` for photographs.

    Raises
    ------
    InputError
        The images are no image batch, or there is not one label for each.

    Notes
    -----
    Percentiles are NumPy's, linearly interpolated.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.prepare import choose
    >>> train, _ = lookalike.load("digits")
    >>> for reason in choose(train.images).reasons_:
    ...     print(reason)
    48 % of a typical image is even paper: drawings
    ink is light: kept
    the ink is framed already (its longer side is 8 px, within 0 px): not fitted
    slant is left alone: there are no labels to see whether deskewing helps
    """
    batch = as_images(images)
    values = None if labels is None else np.asarray(labels)
    if values is not None and values.shape != (len(batch),):
        raise InputError(f"labels have shape {values.shape} for {len(batch)} images: expected one for each")
    places = np.unique(np.linspace(0, len(batch) - 1, min(len(batch), _SAMPLE)).astype(np.intp))
    sample = gray_bytes(batch[places])
    share = _paper_share(sample)
    if share < _PAPER_SHARE:
        steps, reasons = _for_photographs(sample)
        found = f"only {share:.0%} of a typical image is even paper: photographs"
    else:
        # All images vote on polarity, as they do when the chain is fitted.
        polarity = Polarity().fit(batch)
        few = values is not None and np.median(np.unique(values, return_counts=True)[1]) < _MANY
        steps, reasons = _for_drawings(
            polarity, sample, None if values is None else values[places], bool(few)
        )
        found = f"{share:.0%} of a typical image is even paper: drawings"
    chain = Prepare(steps).fit(batch)
    chain.reasons_ = tuple(reason.replace("%", " %") for reason in (found, *reasons))
    return chain


def _paper_share(sample: Gray8) -> float:
    """Return how much of the median image is even paper."""
    distance = np.abs(sample.astype(np.int16) - paper(sample)[:, None, None])
    return float(np.median((distance <= _EVEN).mean(axis=(1, 2))))


def _for_photographs(sample: Gray8) -> tuple[list[Preparation], list[str]]:
    """Return the steps for photographs, and why."""
    height, width = sample.shape[1:]
    longer = max(height, width)
    reasons = ["dark and light ink may both occur: polarity is not decided"]
    if longer <= _LONGEST:
        return [Gray()], [*reasons, f"no side has more than {_LONGEST} px: not resized"]
    resize = Resize(*(max(1, round(side * _LONGEST / longer)) for side in (height, width)))
    reasons.append(
        f"the longer side has {longer} px, more than {_LONGEST}: resized to {resize.height} x {resize.width} "
        "(height x width)"
    )
    return [Gray(), resize], reasons


def _for_drawings(
    polarity: Polarity, sample: Gray8, labels: NDArray[np.generic] | None, few: bool
) -> tuple[list[Preparation], list[str]]:
    """Return the steps for drawings, and why."""
    light = polarity.transform(sample)
    framed, why = _framed(light)
    fit, blur = (FitToInk(stretch=_STRETCH), Blur(_FEW_BLUR)) if few else (FitToInk(), Blur())
    steps: list[Preparation] = [] if framed else [fit, blur, EvenInk()]
    helps, evidence = _deskew_helps(light, steps, labels)
    deskew: list[Preparation] = [Deskew()] if helps else []
    return [Polarity(), *deskew, *steps], [polarity.describe(), why, evidence]


def _framed(light: Gray8) -> tuple[bool, str]:
    """Return whether ink of one size is in the middle of small images, and a sentence that says so."""
    height, width = light.shape[1:]
    frame = max(height, width)
    fitted = "fitted to ink, blurred, and made equally strong"
    if frame > _LONGEST:
        return False, f"the longer side has {frame} px, more than {_LONGEST}: {fitted}"
    inked = ink(light)
    inked = inked[inked.any(axis=(1, 2))]
    if not len(inked):
        return True, "there is no ink: not fitted"
    low, middle, high = np.percentile(ink_box(inked).longer, [5, 50, 95])
    if high - low > _SIZE_SPREAD * frame:
        return False, f"the longer side of the ink is {low:.3g} to {high:.3g} px: {fitted}"
    off = _off_centre(inked)
    if off > _OFF_CENTRE:
        return False, f"the ink is up to {off:.0%} of the frame off its centre: {fitted}"
    return True, (
        f"the ink is framed already (its longer side is {middle:.3g} px, within {high - low:.3g} px): "
        "not fitted"
    )


def _off_centre(inked: Gray8) -> float:
    """Return how far off the centre ink is in 95 % of the images, by its mass or else by its box."""
    height, width = inked.shape[1:]
    box = ink_box(inked)
    mass = inked.sum(axis=(1, 2), dtype=np.int64)
    by_mass = (
        inked.sum(axis=2, dtype=np.int64) @ (np.arange(height) + 0.5) / mass / height,
        inked.sum(axis=1, dtype=np.int64) @ (np.arange(width) + 0.5) / mass / width,
    )
    by_box = (box.top + box.bottom) / 2 / height, (box.left + box.right) / 2 / width
    return min(float(np.percentile(np.hypot(y - 0.5, x - 0.5), 95)) for y, x in (by_mass, by_box))


def _deskew_helps(
    light: Gray8, steps: list[Preparation], labels: NDArray[np.generic] | None
) -> tuple[bool, str]:
    """Return whether deskewing makes significantly fewer errors, and a sentence that says so."""
    if labels is None:
        return False, "slant is left alone: there are no labels to see whether deskewing helps"
    wrong = [
        _wrong_left_out(Prepare([*first, *steps]).fit_transform(light), labels)
        for first in ([Gray()], [Deskew()])
    ]
    better, worse = int((wrong[0] & ~wrong[1]).sum()), int((wrong[1] & ~wrong[0]).sum())
    helps = better > worse and _sign_test(worse, better) <= _LEVEL
    figures = (
        f"of {len(light):,} images the nearest other is of another class for {int(wrong[1].sum()):,} with "
        f"deskewing, for {int(wrong[0].sum()):,} without"
    )
    if helps:
        return True, f"{figures}: deskewed"
    return False, f"{figures}: no clear gain, slant is left alone"


def _sign_test(fewer: int, more: int) -> float:
    """Return how likely chance makes one of two counts as much smaller than the other, at even odds."""
    tries = fewer + more
    return 2 * sum(math.comb(tries, count) for count in range(fewer + 1)) / (1 << tries)


def _wrong_left_out(images: Gray8, labels: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Return whether the nearest other image of each image has another label."""
    rows = images.reshape(len(images), -1).astype(np.float64)
    # Whole numbers below 2^53: exact in floats, in any order.
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * (rows @ rows.T)
    np.fill_diagonal(distances, np.inf)
    if len(images) == 1:
        return np.ones(1, np.bool_)
    wrong: NDArray[np.bool_] = labels[distances.argmin(axis=1)] != labels
    return wrong
