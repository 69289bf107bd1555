"""Copies among labelled images: of the same values, or shifted, blurred, brighter, saved anew.

Two images are near copies where their values correlate by at least :data:`ALIKE`, one of them shifted by
up to a pixel down and across, or blurred a little: brightness and contrast do not matter, colours do. Only
images among each other's nearest are compared. MNIST has no two images of different digits that are so alike.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from lookalike.audit.neighbours import Neighbours
from lookalike.audit.results import blocks
from lookalike.data.look import gray_bytes
from lookalike.distance.mapped import let_go
from lookalike.images import digests
from lookalike.progress import Progress, silent
from lookalike.search.matches import NOWHERE
from lookalike.search.together import Together, shift_keys

Places = NDArray[np.intp]
Floats = NDArray[np.float64]

#: Values of near copies correlate by at least so much.
ALIKE = 0.985
#: Each image is compared with so many of its nearest.
_COMPARED = 3
#: Images that correlate by less, both blurred, need no closer look.
_WORTH = 0.96
_CHUNK_VALUES = 1 << 22
_SHIFTS = tuple((down, across) for down in (-1, 0, 1) for across in (-1, 0, 1))
#: How alike the images of a group are, the closest first.
SAME, NEARLY = "the same values", "nearly the same"
KINDS = (SAME, "the same but for a shift by a pixel", NEARLY)


class Group(NamedTuple):
    """Images that are copies of each other."""

    places: Places  # ascending
    kind: str  # one of KINDS: what holds for all of them
    contradicts: bool  # their labels differ
    values: Places  # images of the same values have the same number


def find_groups(
    images: NDArray[Any], codes: NDArray[np.intp], near: Neighbours, progress: Progress = silent
) -> tuple[Group, ...]:
    """Return the groups of copies: those whose labels contradict come first, then by how alike they are.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.audit.copies import find_groups
    >>> from lookalike.audit.neighbours import Neighbours
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 8, 8), np.uint8)
    >>> images[2], images[3] = images[0], np.roll(images[1], 1, axis=0)
    >>> near = Neighbours(np.array([[2], [3], [0], [1]]), np.ones((4, 1)), "")
    >>> [(one.places.tolist(), one.contradicts) for one in find_groups(images, np.array([0, 1, 1, 1]), near)]
    [([0, 2], True), ([1, 3], False)]
    """
    facts = [
        (digests(some), shift_keys(some), _blank(some))
        for some in map(images.__getitem__, blocks(len(images), images))
    ]
    same = np.unique(np.concatenate([one[0] for one in facts]), return_inverse=True)[1]
    # Images of any class may be copies: to this, all are of one.
    shifted = Together.of([one[1] for one in facts], np.zeros(len(images), np.intp), None).copies
    flat = np.concatenate([one[2] for one in facts])
    pairs = _near_pairs(images, near, flat, progress)
    joined = _joined(shifted, pairs)
    groups = []
    order = np.argsort(joined, kind="stable")
    for places in np.split(order, np.flatnonzero(np.diff(joined[order])) + 1):
        # Blank images are no copies of each other: they are blank, which is said elsewhere.
        if len(places) > 1 and not flat[places].all():
            kind = KINDS[0 if _one(same[places]) else 1 if _one(shifted[places]) else 2]
            groups.append(Group(places, kind, not _one(codes[places]), same[places]))
    return tuple(sorted(groups, key=lambda one: (not one.contradicts, KINDS.index(one.kind), one.places[0])))


def units_of(groups: tuple[Group, ...], n: int) -> Places:
    """Return a number for each of ``n`` images that copies have in common."""
    units = np.arange(n)
    for group in groups:
        units[group.places] = group.places[0]
    return units


def _one(values: NDArray[Any]) -> bool:
    return bool((values == values[0]).all())


def _blank(images: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which images have one value everywhere."""
    blank: NDArray[np.bool_] = (images == images[:, :1, :1]).all(axis=tuple(range(1, images.ndim)))
    return blank


def _joined(first: Places, pairs: Places) -> Places:
    """Return groups, by the first place of each, with those joined of which two images are a pair."""
    found = first.copy()
    while True:
        before = found.copy()
        least = np.minimum(found[pairs[:, 0]], found[pairs[:, 1]])
        for side in (0, 1):
            # The group's first place carries on what one of its images learned.
            np.minimum.at(found, found[pairs[:, side]], least)
            np.minimum.at(found, pairs[:, side], least)
        found = found[found]
        if (found == before).all():
            return found


def _near_pairs(
    images: NDArray[Any], near: Neighbours, flat: NDArray[np.bool_], progress: Progress
) -> Places:
    """Return pairs of near copies ``(p, 2)``."""
    others, n = near.first(_COMPARED)[0], len(images)
    rows = np.repeat(np.arange(n), others.shape[1])
    pairs = np.column_stack([rows, others.ravel()])
    there = (pairs[:, 1] != NOWHERE) & ~flat[pairs[:, 0]] & ~flat[pairs[:, 1]]
    low, high = np.sort(pairs[there], axis=1).T
    pairs = np.column_stack(np.divmod(np.unique(low * n + high), n))
    # Images of a single row or column cannot be shifted both ways; as the same values they are found.
    if min(images.shape[1:3]) < 4 or not len(pairs):
        return pairs[:0]
    found = []
    step = max(1, _CHUNK_VALUES // int(np.prod(images.shape[1:])))
    for start in range(0, len(pairs), step):
        progress("comparing copies", start, len(pairs))
        part = pairs[start : start + step]
        found.append(part[_alike(*(_values(images[part[:, side]]) for side in (0, 1)))])
        let_go(images)
    progress("comparing copies", len(pairs), len(pairs))
    return np.concatenate(found)


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which images of two batches are near copies."""
    soft, softer = _blurred(one), _blurred(other)
    # Every second row and column of blurred images says how one is best shifted.
    fixed = _cut(soft)[:, ::2, ::2]
    tried = np.array([_correlations(fixed, _cut(softer, shift)[:, ::2, ::2]) for shift in _SHIFTS])
    best = np.where(tried.max(axis=0) >= _WORTH, tried.argmax(axis=0), -1)
    found = np.zeros(len(one), np.bool_)
    for number, shift in enumerate(_SHIFTS):
        rows = np.flatnonzero(best == number)
        for left, right in ((one, other), (one, softer), (soft, other)):
            found[rows] |= _correlations(_cut(left[rows]), _cut(right[rows], shift)) >= ALIKE
    return found


def _values(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return images as floats ``(n, h, w, c)``: their colours, where they have such and nothing else."""
    coloured = images.ndim == 4 and images.shape[3] == 3
    plain = images if coloured else gray_bytes(images)[..., None]
    # Floats of 0-1 and bytes correlate alike.
    return np.asarray(plain, np.float32)


def _cut(images: NDArray[np.float32], shift: tuple[int, int] = (0, 0)) -> NDArray[np.float32]:
    """Return images without their border, or what lies there of shifted ones."""
    height, width = images.shape[1:3]
    down, across = shift
    return images[:, 1 + down : height - 1 + down, 1 + across : width - 1 + across]


def _blurred(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return images blurred by 1, 2, 1 both ways."""
    weights = (0.25, 0.5, 0.25)
    down = correlate1d(images, weights, 1, mode="nearest")
    return np.asarray(correlate1d(down, weights, 2, mode="nearest"))


def _correlations(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how each image of two batches correlates with the other's, in -1 to 1."""
    first, second = (part.reshape(len(part), int(np.prod(part.shape[1:]))) for part in (one, other))
    first, second = (part - part.mean(axis=1, keepdims=True) for part in (first, second))
    sizes = np.einsum("ij,ij->i", first, first) * np.einsum("ij,ij->i", second, second)
    found = np.einsum("ij,ij->i", first, second) / np.sqrt(np.maximum(sizes, 1e-6))
    return np.asarray(found, np.float32)
