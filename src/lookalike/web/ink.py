"""What the images that a model keeps look like, for a drawing to be made like them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import gray_bytes, ink_box, paper_and_darkness
from lookalike.recognition.recogniser import Recogniser

#: So many images say what all are like.
_SAMPLE = 500
#: Slants spread by less in images that were made upright: 0.12 in the embedded digits, and 0.28 in MNIST.
_UPRIGHT = 0.2
#: The middle half of the aspects is nearer together where widths were made alike: 0.12, and 0.39.
_SAME = 0.25

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
    upright : bool
        Whether hardly an image is slanted.
    aspect : float or None
        The width of the ink for its height, where it is much the same in most images.
    """

    height_share: float = 20 / 28
    light_on_dark: bool = True
    centred_by: Literal["mass", "box"] = "mass"
    pen: float = 0.1
    upright: bool = False
    aspect: float | None = None


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
    images = model.matcher.kept(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.intp))
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
        upright=bool(slants.std() < _UPRIGHT),
        aspect=_same_aspect(strong),
    )


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


def _same_aspect(strong: Floats) -> float | None:
    """Return the width for the height that most images have; None where they differ."""
    # Half a pixel of ink counts half: among images of 8 pixels a whole one is much.
    aspects = strong.max(axis=1).sum(axis=1) / strong.max(axis=2).sum(axis=1)
    low, middle, high = np.percentile(aspects, [25, 50, 75])
    return round(float(middle), 4) if high - low < _SAME * middle else None
