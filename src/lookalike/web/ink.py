"""What the images that a model keeps look like, for a drawing to be made like them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from lookalike.data.look import gray_bytes, ink_box, paper_and_darkness
from lookalike.recognition.recogniser import Recogniser

#: So many images say what all are like.
_SAMPLE = 500


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
    """

    height_share: float = 20 / 28
    light_on_dark: bool = True
    centred_by: Literal["mass", "box"] = "mass"


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
    box, (height, width) = ink_box(inked), gray.shape[1:]
    masses = inked.sum(axis=(1, 2), dtype=np.int64)
    down = (inked.sum(axis=2, dtype=np.int64) @ np.arange(height)) / masses + 0.5 - height / 2
    across = (inked.sum(axis=1, dtype=np.int64) @ np.arange(width)) / masses + 0.5 - width / 2
    boxed = np.hypot((box.top + box.bottom - height) / 2, (box.left + box.right - width) / 2)
    by_mass = np.median(np.hypot(down, across)) < np.median(boxed)
    share = float(np.median(box.longer) / max(height, width))
    return Ink(round(min(share, 1.0), 4), bool((darkness <= 0).mean() >= 0.5), "mass" if by_mass else "box")
