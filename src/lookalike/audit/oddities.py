"""Images and classes that are odd: blank, inverted, off-centre, like no other; too few, alike, drifting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.audit.findings import Finding
from lookalike.audit.neighbours import Neighbours
from lookalike.audit.results import blocks
from lookalike.audit.suspects import Suspects
from lookalike.data.labelled import LabelledImages
from lookalike.data.look import gray_bytes, ink_box, look, paper_and_darkness, sample
from lookalike.search.matches import NOWHERE
from lookalike.text import listed, quoted

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]

#: Odd is what is beyond the quartiles by so many times their distance.
_FAR = 4.0
#: Ink is off-centre by at least this part of a side, and of another size by at least this factor.
_SHIFTED, _LARGER = 0.15, 1.5
#: An image shows hardly anything with less than this share of the usual contrast.
_FAINT = 0.2
#: A class with fewer images cannot be judged.
_FEW = 5
#: Classes look the same where this share of the images of both, and so many, lie nearer to the other.
_ALIKE, _LEAST_ALIKE = 0.1, 3
#: Parts look different where nearest images are of one's own part so much more often than by chance, in
#: standard deviations and as a factor.
_DEVIATIONS, _FACTOR = 6.0, 1.1


def find_oddities(
    images: LabelledImages,
    parts: NDArray[Any],
    codes: Codes,
    near: Neighbours,
    suspects: Suspects,
) -> Iterator[Finding]:
    """Yield what is odd, image by image, then class by class, then of parts and groups."""
    yield from _odd_images(images, near)
    yield from _few(images, near)
    yield from _alike(images, codes, near, suspects)
    for what, units in (("part", parts), ("group", images.groups)):
        if units is not None and len(np.unique(units)) > 1:
            yield from _drift(what, np.asarray(units).astype(np.str_), codes, near)


def _odd_images(images: LabelledImages, near: Neighbours) -> Iterator[Finding]:
    """Yield images that are blank, inverted, off-centre, of other sizes or like no other."""
    blank, darkness, contrast, down, across, ink = _facts(images.images)
    for place in np.flatnonzero(blank):
        yield Finding("blank", (int(place),), "the same value everywhere", "drop")
    side = look(sample(images.images)).side
    if side is not None:
        usual = -1 if side == "light on dark" else 1
        for place in np.flatnonzero((darkness == -usual) & ~blank):
            yield Finding("polarity", (int(place),), f"others are {side}, and this is the opposite")
    there = np.flatnonzero(~blank)
    if len(there) < _FEW:
        return
    far = np.hypot(down - np.median(down[there]), across - np.median(across[there]))
    for place in there[(far[there] > _beyond(far[there])) & (far[there] > _SHIFTED)]:
        yield Finding(
            "off-centre", (int(place),), f"the ink is {far[place]:.0%} of a side off the others' middle"
        )
    sizes = abs(np.log(ink[there] / np.median(ink[there])))
    for place in there[(sizes > _beyond(sizes)) & (sizes > np.log(_LARGER))]:
        yield Finding(
            "size",
            (int(place),),
            f"the ink is {ink[place]:.0f} pixels long, and that of others {np.median(ink[there]):.0f}",
        )
    nearest = near.first(3)[1][:, -1]
    # Where an image shows hardly anything, its noise is compared, which is like no other's.
    known = np.flatnonzero(np.isfinite(nearest) & (contrast > _FAINT * np.median(contrast)))
    if len(known) < _FEW:
        return
    lonely = known[nearest[known] > _beyond(nearest[known])]
    for place in lonely[np.argsort(-nearest[lonely], kind="stable")]:
        times = nearest[place] / max(float(np.median(nearest[known])), 1e-12)
        yield Finding(
            "outlier",
            (int(place), *_evidence(near, place)),
            f"the third nearest image is {times:.1f} times as far as of a typical image",
        )


def _beyond(values: Floats) -> float:
    """Return from where values are far beyond the others."""
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high + _FAR * (high - low))


def _facts(images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return of each image whether it is blank, its darkness, contrast, and where and how long its ink is."""
    found = []
    for rows in blocks(len(images), images):
        gray = gray_bytes(images[rows])
        level, darkness = paper_and_darkness(gray)
        ink = abs(gray.astype(np.int16) - level[:, None, None].astype(np.int16))
        weight = ink.sum(axis=(1, 2), dtype=np.float64)
        # An image of one pixel shows all that it can.
        blank = (gray == gray[:, :1, :1]).all(axis=(1, 2)) & (gray[0].size > 1)
        middles = []
        for axis in (1, 2):
            length = gray.shape[axis]
            along = ink.sum(axis=3 - axis, dtype=np.float64)
            middles.append((along @ np.arange(length)) / np.maximum(weight, 1) / length)
        contrast = np.ptp(gray, axis=(1, 2)).astype(np.float64)
        found.append(
            (blank, darkness, contrast, *middles, np.maximum(ink_box(ink.astype(np.uint8)).longer, 1))
        )
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def _evidence(near: Neighbours, place: int) -> tuple[int, ...]:
    return tuple(int(other) for other in near.places[place, :3] if other != NOWHERE)


def _few(images: LabelledImages, near: Neighbours) -> Iterator[Finding]:
    """Yield classes with too few images; copies are one, and stay out of each other's nearest."""
    texts = images.labels.astype(np.str_)
    copies = near.units[0] if near.units else np.arange(len(images))
    for name in images.class_names:
        own = np.flatnonzero(texts == name)
        count = len(np.unique(copies[own]))
        if 0 < count < _FEW:
            told = f", of {len(own)} with copies" if len(own) > count else ""
            yield Finding(
                "few",
                tuple(own.tolist()),
                f"class {quoted(name)} has {count} of at least {_FEW} images that are needed to judge it"
                f"{told}",
            )


def _alike(images: LabelledImages, codes: Codes, near: Neighbours, suspects: Suspects) -> Iterator[Finding]:
    """Yield pairs of classes of which many images lie nearer to the other, with those that do."""
    n_classes = int(codes.max()) + 1
    crossed = np.flatnonzero(suspects.scores > 0)
    counts = np.bincount(codes, minlength=n_classes)
    pairs = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(pairs, (codes[crossed], suspects.rivals[crossed]), 1)
    for one in range(n_classes):
        for other in range(one + 1, n_classes):
            both = pairs[one, other], pairs[other, one]
            shares = both[0] / max(counts[one], 1), both[1] / max(counts[other], 1)
            if min(shares) < _ALIKE or min(both) < _LEAST_ALIKE:
                continue
            named = [
                place for place in crossed.tolist() if {codes[place], suspects.rivals[place]} == {one, other}
            ]
            names = [str(images.labels[np.flatnonzero(codes == code)[0]]) for code in (one, other)]
            yield Finding(
                "alike",
                tuple(sorted(named, key=lambda place: -suspects.scores[place])[:6]),
                f"{both[0]:,} of {counts[one]:,} and {both[1]:,} of {counts[other]:,} images of the classes "
                f"{listed(names)} lie nearer to the other",
            )


def _drift(what: str, units: NDArray[np.str_], codes: Codes, near: Neighbours) -> Iterator[Finding]:
    """Yield a finding where nearest images of the own class are of the own part or group too often.

    M. F. Schilling, "Multivariate two-sample tests based on nearest neighbors", JASA 81 (1986).
    """
    first = near.first(1)[0][:, 0]
    asked = np.flatnonzero((first != NOWHERE) & (codes[first] == codes))
    if not asked.size:
        return
    names, numbers = np.unique(units, return_inverse=True)
    table = np.zeros((int(codes.max()) + 1, len(names)))
    np.add.at(table, (codes, numbers), 1)
    # By chance the nearest is any other image of the class.
    chances = (table[codes, numbers] - 1) / np.maximum(table.sum(axis=1)[codes] - 1, 1)
    same = numbers[first] == numbers
    hits, expected = float(same[asked].sum()), float(chances[asked].sum())
    deviation = np.sqrt(float((chances * (1 - chances))[asked].sum())) + 1e-9
    if hits - expected > _DEVIATIONS * deviation and hits > _FACTOR * expected:
        other = asked[same[asked]]
        yield Finding(
            "drift",
            tuple(other[:6].tolist()),
            f"the nearest image is of the same {what} for {hits / len(asked):.0%} of {len(asked):,} images, "
            f"and by chance it would be for {expected / len(asked):.0%}: {what}s look different",
        )
