"""Small images for the page: encoded once, shown at whole multiples of their pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lookalike.data.labelled import LabelledImages
from lookalike.picture.inline import SMALL, Picture, picture
from lookalike.picture.text import plain

_MARKUP_BYTES = 220  # what an image costs beside its data: element, sizes, names
_SAMPLE = 32
_EDGES = (64, 48, 32)


@dataclass(frozen=True)
class Thumb:
    """An image among others, with what is known of it.

    Attributes
    ----------
    picture : Picture
        What is seen.
    name, truth, answer : str
        Harmless text.
    """

    picture: Picture
    name: str
    truth: str
    answer: str


class Gallery:
    """The thumbnails of one set of images: each is encoded when first asked for, and only once.

    Parameters
    ----------
    images : LabelledImages
        Where they are from.
    edge : int
        At most this many stored pixels along an edge.
    """

    def __init__(self, images: LabelledImages, edge: int = _EDGES[0]) -> None:
        self._images = images
        self._edge = edge
        self._pictures: dict[int, Picture] = {}

    def thumb(self, index: int, answer: str) -> Thumb:
        """Return the image at ``index`` with what it is and what it was taken for.

        Parameters
        ----------
        index : int
            Which image.
        answer : str
            What was answered; untrusted.

        Returns
        -------
        Thumb
            The image's thumbnail.
        """
        images = self._images
        if index not in self._pictures:
            self._pictures[index] = picture(images.images[index], SMALL, self._edge)
        return Thumb(
            self._pictures[index], plain(images.names[index]), plain(images.labels[index]), plain(answer)
        )

    @cached_property
    def bytes_each(self) -> float:
        """About how many bytes of the page a thumbnail takes."""
        sample = np.unique(np.linspace(0, len(self._images) - 1, _SAMPLE).astype(int)).tolist()
        sizes = [len(self.thumb(index, "").picture.uri) for index in sample]
        return float(np.mean(sizes)) + _MARKUP_BYTES


def gallery_within(images: LabelledImages, wanted: int, budget: int) -> Gallery:
    """Return a gallery of which ``wanted`` thumbnails take about ``budget`` bytes.

    Parameters
    ----------
    images : LabelledImages
        Where the thumbnails are from.
    wanted : int
        How many there must be at least.
    budget : int
        Bytes of the page.

    Returns
    -------
    Gallery
        With the largest thumbnails that fit, or the smallest where none do.
    """
    for edge in _EDGES:
        gallery = Gallery(images, edge)
        if gallery.bytes_each * wanted <= budget:
            break
    return gallery
