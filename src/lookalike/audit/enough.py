"""Whether there are enough images: what more of them would buy, and which to label next.

The nearest images of each, found once, say how often an image would be told right if fewer were there: of a
random part of the images, the nearest that is in the part answers. The rate of mistakes falls about as a
power of the number of images (J. Hestness et al., "Deep learning scaling is predictable, empirically",
2017), by which it is carried on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.audit.neighbours import Neighbours
from lookalike.evaluation.statistics import Estimate
from lookalike.images import digests
from lookalike.progress import Progress, silent
from lookalike.recognition.recogniser import Recogniser
from lookalike.search.matches import NOWHERE

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

#: Parts of the images, and how often each is drawn.
_SHARES, _DRAWS = (0.125, 0.25, 0.5, 1.0), 8
#: How many images of each class are to come.
MORE = (10, 100)
_RESAMPLED = 200


@dataclass(frozen=True)
class Enough:
    """What more images of each class would buy."""

    per_class: float  #: how many images of a class there are, on average
    wrong: Estimate  #: the rate of mistakes of the nearest image, each image left out; 95 % interval
    #: The rates with 10 and with 100 more of each class, as far as the curve goes on.
    predicted: tuple[Estimate, ...]
    needs: int  #: the code of the class of which most images are told wrong
    needs_rate: float  #: which share of its images


def find_enough(near: Neighbours, codes: Codes, *, seed: int = 0) -> Enough | None:
    """Return what more images would buy; None where images are too few for a curve."""
    n, n_classes = len(codes), int(codes.max()) + 1
    if n < 8 * max(2, n_classes) or n_classes < 2:
        return None
    generator = np.random.default_rng(seed)
    wrong = np.array([_wrong(near, codes, share, generator) for share in _SHARES])
    sizes = np.array(_SHARES) * n
    futures = n + np.array(MORE) * n_classes
    drawn = np.empty((_RESAMPLED, 1 + len(MORE)))
    for row in range(_RESAMPLED):
        rates = wrong[:, generator.integers(0, n, n)].mean(axis=1)
        drawn[row] = rates[-1], *_carried_on(sizes, rates, futures)
    rates = wrong.mean(axis=1)
    values = [rates[-1], *_carried_on(sizes, rates, futures)]
    ends = np.quantile(drawn, [0.025, 0.975], axis=0)
    estimates = [
        Estimate(float(value), float(low), float(high))
        for value, low, high in zip(values, *ends, strict=True)
    ]
    own = np.bincount(codes, wrong[-1], n_classes) / np.maximum(np.bincount(codes, minlength=n_classes), 1)
    return Enough(n / n_classes, estimates[0], tuple(estimates[1:]), int(own.argmax()), float(own.max()))


def _wrong(near: Neighbours, codes: Codes, share: float, generator: np.random.Generator) -> Floats:
    """Return how often each image is told wrong where a share of the others are there."""
    n = len(codes)
    total = np.zeros(n)
    draws = 1 if share == 1 else _DRAWS
    for _ in range(draws):
        drawn = generator.random(n) < share
        for rows in near.blocks():
            places = near.places[rows]
            there = (places != NOWHERE) & drawn[places]
            first = places[np.arange(len(places)), there.argmax(axis=1)]
            # Whose nearest are all absent is told by none: that is a mistake.
            total[rows] += ~there.any(axis=1) | (codes[first] != codes[rows])
    return total / draws


def _carried_on(sizes: Floats, rates: Floats, futures: Floats) -> Floats:
    """Return the rates at greater sizes, by a power of the size that starts from the last rate."""
    logs = np.log(np.maximum(rates, 1e-6))
    power = min(0.0, float(np.polyfit(np.log(sizes), logs, 1)[0]))
    return np.asarray(rates[-1] * (futures / sizes[-1]) ** power)


def pick(own: Recogniser, images: NDArray[Any], count: int, progress: Progress = silent) -> NDArray[np.intp]:
    """Return the places of images without labels that would help most, the first first.

    They are those of which it is least clear which class is nearest; of copies one. Images that are far from
    every class come before equally unclear ones that are near.
    """
    found, _ = own.match(images, 1, progress=progress)
    ranked = np.sort(found.class_distances, axis=1)
    if ranked.shape[1] > 1:
        second = np.where(np.isfinite(ranked[:, 1]), ranked[:, 1], ranked[:, 0])
        clear = ranked[:, 0] / np.maximum(second, 1e-12)
    else:
        clear = np.zeros(len(images))
    order = np.lexsort((-ranked[:, 0], -clear))
    first = np.sort(np.unique(digests(images[order]), return_index=True)[1])
    return order[first][:count]
