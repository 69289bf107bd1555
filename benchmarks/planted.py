"""Faults that are planted in labelled images, so that what an audit finds can be counted."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from lookalike.data.labelled import LabelledImages

Codes = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Pairs = NDArray[np.int64]

CONFUSED = {4: 9, 9: 4, 3: 5, 5: 3, 1: 7, 7: 1}
_SHIFTS = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]


def flipped(codes: Codes, share: float, confused: bool, seed: int) -> tuple[Codes, NDArray[np.bool_]]:
    """Return labels of which a share are flipped, at random or within confused pairs, and which those are."""
    generator = np.random.default_rng(seed)
    can = np.flatnonzero(np.isin(codes, [*CONFUSED])) if confused else np.arange(len(codes))
    chosen = generator.permutation(can)[: int(share * len(codes))]
    labels = codes.copy()
    if confused:
        labels[chosen] = [CONFUSED[code] for code in codes[chosen].tolist()]
    else:
        labels[chosen] = (codes[chosen] + generator.integers(1, 10, len(chosen))) % 10
    return labels, np.isin(np.arange(len(codes)), chosen)


def _saved(image: Pixels) -> Pixels:
    """Return an image as a JPEG file gives it back."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "exact": lambda image: image.copy(),
    "shifted": lambda image: np.roll(image, (1, -1), (0, 1)),
    "blurred": lambda image: np.rint(gaussian_filter(image.astype(float), 0.6)).astype(np.uint8),
    "saved": _saved,
    "brighter": lambda image: np.clip(image * 1.25, 0, 255).astype(np.uint8),
}


class Copies(NamedTuple):
    """Images behind which copies of some of them lie, kind by kind in turn, each with another label."""

    images: LabelledImages
    pairs: Pairs  # (m, 2): an image and its copy

    def of_kind(self, name: str) -> Pairs:
        """Return the pairs of one kind."""
        return self.pairs[[*CHANGES].index(name) :: len(CHANGES)]


def copied(images: LabelledImages, each: int) -> Copies:
    """Return images with so many copies of each kind, no image copied twice."""
    chosen = np.random.default_rng(0).permutation(len(images))[: each * len(CHANGES)]
    changes = [*CHANGES.values()]
    made = [changes[number % len(changes)](images.images[place]) for number, place in enumerate(chosen)]
    labels = np.concatenate([images.labels, (images.labels[chosen] + 1) % 10])
    whole = LabelledImages.from_numpy(np.concatenate([images.images, np.array(made)]), labels)
    return Copies(whole, np.column_stack([chosen, len(images) + np.arange(len(chosen))]))


def unlike(images: Pixels, pairs: Pairs) -> NDArray[np.float64]:
    """Return how unlike the images of each pair are, 0 to 2, whatever their brightness.

    It is the sum of absolute differences once either's values sum to 1, with the best shift by up to a pixel:
    another measure than the one by which copies are found.
    """
    found = []
    for start in range(0, len(pairs), 1000):
        one, other = (images[pairs[start : start + 1000, side]].astype(np.float64) for side in (0, 1))
        one, other = (part / np.maximum(part.sum(axis=(1, 2), keepdims=True), 1) for part in (one, other))
        tried = [abs(one - np.roll(other, shift, (1, 2))).sum(axis=(1, 2)) for shift in _SHIFTS]
        found.append(np.min(tried, axis=0))
    return np.concatenate(found) if found else np.empty(0)
