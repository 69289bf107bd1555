"""Images within a page: encoded, and shown at whole multiples of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from lookalike.picture.png import data_uri, shown_size, shrunk

SMALL, MIDDLE, LARGE = 56, 84, 168
"""About how long the longer edge is on the page, in its pixels: among many, in a row, alone."""


@dataclass(frozen=True)
class Picture:
    """What an ``img`` element needs.

    Attributes
    ----------
    uri : str
        The image's data.
    width, height : int
        Its size on the page, in the page's pixels.
    crisp : bool
        Its pixels are to stay squares: it is not scaled down.
    """

    uri: str
    width: int
    height: int
    crisp: bool


def picture(image: NDArray[Any], edge: int, stored_edge: int = 256) -> Picture:
    """Return one image to be shown about ``edge`` page pixels long.

    Parameters
    ----------
    image : ndarray of shape (h, w) or (h, w, c)
        uint8, or floats in 0-1.
    edge : int
        How long its longer edge shall be on the page.
    stored_edge : int, default=256
        A longer image is averaged down to at most this, to keep the page small.

    Returns
    -------
    Picture
        Ready for the page.
    """
    height, width = shown_size(image.shape[0], image.shape[1], edge)
    return Picture(data_uri(shrunk(image, stored_edge)), width, height, max(image.shape[:2]) <= edge)
