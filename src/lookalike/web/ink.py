"""What the images that a model keeps look like, for a drawing to be made like them."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import gray_bytes, ink_box, paper_and_darkness
from lookalike.images import evenly
from lookalike.recognition.recogniser import Recogniser

#: So many images say what all are like.
_SAMPLE = 500
#: Fewer images say nothing of what all are like: two that were taught happen to be alike.
_FEW = 30
#: Slants spread by less in images that were made upright: 0.12 in the embedded digits, and 0.28 in MNIST.
_UPRIGHT = 0.2
#: The left ends of the first and the last row lie apart by less, in parts of the height, where they were laid
#: above each other: 0.03 in the embedded digits, and 0.2 in MNIST.
_FLUSH = 0.06
#: The middle half is nearer together of what was made alike: 0.12 of the embedded digits' widths for their
#: height and 0.14 of their ink, 0.39 and 0.49 of MNIST's.
_SAME = 0.25

#: More ink than this begins a line.
_INK = 0.25

Floats = NDArray[np.float64]


class Ink(NamedTuple):
    """Where the ink of a model's images is.

    Attributes
    ----------
    height_share : float
        The part of the image's longer side that the longer side of the ink's box takes.
    light_on_dark : bool
        Whether ink is light and paper dark.
    centred_by : {"mass", "box"}
        Whether the ink's centre of mass is in the middle, or the middle of its box.
    pen : float
        How thick lines are, as a part of the image's longer side.
    upright : {"mass", "left"} or None
        How slanted writing was made upright: so that no image's mass leans, or so that the left end of the
        first row is above that of the last; None where neither was done.
    aspect : float or None
        The width of the ink for its height, where it is much the same in most images.
    amount : float or None
        The part of the image that ink takes, where it is much the same in most images.
    """

    height_share: float = 20 / 28
    light_on_dark: bool = True
    centred_by: Literal["mass", "box"] = "mass"
    pen: float = 0.1
    upright: Literal["mass", "left"] | None = None
    aspect: float | None = None
    amount: float | None = None


def ink_of(model: Recogniser) -> Ink:
    """Return where the ink of a model's images is, by up to 500 of those that it keeps, or its classes' own.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.web.ink import ink_of
    >>> train, _ = lookalike.load("digits")
    >>> ink_of(lookalike.NearestImages().fit(train.images, train.labels).recogniser_).light_on_dark
    True
    """
    n = len(model.matcher.codes)
    images = model.matcher.kept(evenly(n, _SAMPLE))
    if images is None or not np.isfinite(images).all():
        return Ink()
    gray = gray_bytes(images)
    papers, darkness = paper_and_darkness(gray)
    inked = np.abs(gray.astype(np.int16) - papers[:, None, None]).astype(np.uint8)
    inked = inked[inked.any(axis=(1, 2))]
    if not len(inked):
        return Ink()
    box, (height, width) = ink_box(inked), inked.shape[1:]
    strong = inked / 255
    slants, off_mass = _moments(strong)
    off_box = np.hypot((box.top + box.bottom - height) / 2, (box.left + box.right - width) / 2)
    share = float(np.median(box.longer) / max(height, width))
    return Ink(
        height_share=round(min(share, 1.0), 4),
        light_on_dark=bool((darkness <= 0).mean() >= 0.5),
        centred_by="mass" if np.median(off_mass) < np.median(off_box) else "box",
        pen=round(float(np.median(_thickness(strong))) / max(height, width), 4),
        **(_made_alike(strong, slants) if n >= _FEW else {}),
    )


def _made_alike(strong: Floats, slants: Floats) -> dict[str, Any]:
    """Return what was done to all images alike, whatever they show."""
    flush = _left_ends_apart(strong).std() < _FLUSH
    # Half a pixel of ink counts half: among images of 8 pixels a whole one is much.
    aspects = strong.max(axis=1).sum(axis=1) / strong.max(axis=2).sum(axis=1)
    return {
        "upright": "left" if flush else "mass" if slants.std() < _UPRIGHT else None,
        "aspect": _same(aspects),
        "amount": _same(strong.mean(axis=(1, 2))),
    }


def _moments(strong: Floats) -> tuple[Floats, Floats]:
    """Return how far images lean to the right for each row down, and how far off the middle their mass is."""
    height, width = strong.shape[1:]
    down, across = np.arange(height) + 0.5 - height / 2, np.arange(width) + 0.5 - width / 2
    mass = strong.sum(axis=(1, 2))
    y, x = strong.sum(axis=2) @ down / mass, strong.sum(axis=1) @ across / mass
    along = (strong @ across) @ down / mass - x * y
    spread = strong.sum(axis=2) @ down**2 / mass - y**2
    # A single row of ink leans nowhere.
    return np.divide(along, spread, out=np.zeros_like(mass), where=spread > 0.01), np.hypot(y, x)


def _thickness(strong: Floats) -> Floats:
    """Return how thick the lines of drawings are, in pixels: twice the area for the length of its border."""
    around = np.pad(strong, ((0, 0), (1, 1), (1, 1)))
    border = np.hypot(*(np.abs(np.diff(around, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2)))
    thickness: Floats = 2 * strong.sum(axis=(1, 2)) / border
    return thickness


def _left_ends_apart(strong: Floats) -> Floats:
    """Return how far right of the first row's left end that of the last row is, in parts of the height."""
    each = np.arange(len(strong))
    inked = np.greater(strong, _INK)
    rows: NDArray[np.bool_] = np.asarray(inked.any(axis=2))
    first, last = rows.argmax(axis=1), rows.shape[1] - 1 - rows[:, ::-1].argmax(axis=1)

    def left(row: NDArray[np.intp]) -> Floats:
        column = inked[each, row].argmax(axis=1)
        # A pixel that is half ink has its ink on the right, where the line goes on.
        ends: Floats = column + 1 - strong[each, row, column]
        return ends

    apart: Floats = (left(last) - left(first)) / np.maximum(last - first, 1)
    return apart


def _same(values: Floats) -> float | None:
    """Return the number that most images have; None where they differ."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return round(float(middle), 4) if high - low < _SAME * middle else None
