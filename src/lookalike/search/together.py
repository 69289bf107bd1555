"""What is left out together with a training image, to see how a model does without it.

Those are its copies, which an image that is new would not have, and the images of its group (its writer, its
camera), where groups are known. Copies are images that are the same, value by value, and images of one class
that are the same where they overlap when one is shifted by a pixel down, across or both: as a matcher sees
them, or before they were prepared for it. Copies of copies are copies too. Images are not shifted along sides
of fewer than 4 pixels, rows of a table not at all.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]

#: What has copies, or is of a group, is left out in so many parts at most: models without it take a while.
FOLDS = 10
#: Images are shifted along sides of at least so many pixels: less says too little of what is the same.
LEAST_SIDE = 4
_SHIFTS = ((1, 0), (0, 1), (1, 1), (1, -1))
#: Of what is known of each image, the number where it is like no other.
OWN = 0
_GOLDEN = 0x9E3779B97F4A7C15
# Rows are hashed a few at a time, so that what has to be copied stays small.
_CHUNK_VALUES = 1 << 22


class Together(NamedTuple):
    """Which of some images are left out together.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.search.together import Together
    >>> images = np.random.default_rng(0).integers(0, 256, (5, 6, 6), np.uint8)
    >>> images[3], images[4] = images[1], np.roll(images[1], 1, axis=0)
    >>> together = Together.of([shift_keys(images)], np.zeros(5, int), None)
    >>> together.copies
    array([0, 1, 2, 1, 1])
    >>> for rows, gone in together.leaving_out(np.array([0, 1, 2])):
    ...     print(rows, gone)
    [0 2] None
    [1] [False  True False  True  True]
    """

    copies: NDArray[np.intp]  # (n,): the first place of the same image
    codes: Codes  # (n,): their classes
    units: NDArray[np.intp]  # (n,): a number for each group, of what is alone in one too; else the copies

    @classmethod
    def of(cls, keys: list[Keys], codes: Codes, kin: Keys | None) -> Together:
        """Return it by the :func:`shift_keys` of images, classes and :func:`kin_of`; one group is as none."""
        marks, groups = (None, None) if kin is None else (kin[:, 0], groups_in(kin))
        copies = _copies(np.concatenate(keys), codes, marks)
        if groups is None or (groups == groups[0]).all():
            return cls(copies, codes, copies)
        units = np.unique(groups, return_inverse=True)[1]
        own = groups == OWN
        units[own] = len(groups) + np.flatnonzero(own)
        return cls(copies, codes, units)

    def one_each(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return places without those of which a copy of the same class comes before."""
        which = self.copies[places] * (self.codes.max() + 1) + self.codes[places]
        return places[np.sort(np.unique(which, return_index=True)[1])]

    def leaving_out(self, places: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.intp], Flags | None]]:
        """Yield rows of ``places``, and which images (n,) are left out for them; None: themselves alone.

        Groups, or without groups images with their copies, are dealt into up to 10 parts, class by class,
        the largest first.
        """
        alone = (_counts(self.copies) == 1) & (_counts(self.units) == 1)
        if alone[places].any():
            yield np.flatnonzero(alone[places]), None
        rest = np.flatnonzero(~alone[places])
        if not rest.size:
            return
        units, first, of, sizes = np.unique(
            self.units[places[rest]], return_index=True, return_inverse=True, return_counts=True
        )
        codes = self.codes[places[rest[first]]]
        # A few among many go at once, but not all that a class has.
        share = np.isin(self.units, units).mean()
        parts = max(math.ceil(FOLDS * share), min(FOLDS, int(np.bincount(codes).max())))
        part = np.empty(len(units), np.intp)
        part[np.lexsort((-sizes, codes))] = np.arange(len(units)) % parts
        for number in range(min(parts, len(units))):
            rows = rest[part[of] == number]
            gone = np.isin(self.units, units[part == number])
            yield rows, gone | np.isin(self.copies, self.copies[places[rows]])


def without(matcher: Any, gone: Flags, images: NDArray[Any] | None, codes: Codes) -> tuple[Any, Codes]:
    """Return a matcher without some images, and which classes its own are.

    One that keeps images is not asked for them again; of others ``images`` are those that it is fitted on.
    """
    if images is None:
        rest = copy.copy(matcher)
        rest.remove(np.flatnonzero(gone))
        return rest, np.arange(len(matcher.class_counts))
    rest = copy.copy(matcher)
    classes, own = np.unique(codes[~gone], return_inverse=True)
    rest.fit(images[~gone], own, len(classes))
    return rest, classes


def kin_of(images: NDArray[Any], codes: Codes, groups: NDArray[Any] | None) -> Keys | None:
    """Return numbers ``(n, 2)``: of which copies images are before they are prepared, and of which group.

    They follow from the images and from the groups' texts alone. Without either there is nothing to know.
    """
    keys = shift_keys(images)
    copies = _copies(keys, codes)
    if groups is None and (_counts(copies) == 1).all():
        return None
    first = np.full(len(copies), np.iinfo(np.uint64).max)
    np.minimum.at(first, copies, mixed(keys[:, 0]))
    kin = np.full((len(copies), 2), OWN, np.uint64)
    kin[:, 0] = np.where(_counts(copies) > 1, first[copies], OWN)
    if groups is not None:
        texts, which = np.unique(groups.astype(np.str_), return_inverse=True)
        kin[:, 1] = np.array([text_key(text) for text in texts.tolist()], np.uint64)[which]
    return kin


def groups_in(kin: Keys | None) -> Keys | None:
    """Return the groups of images, where any is known."""
    return None if kin is None or (kin[:, 1] == OWN).all() else kin[:, 1]


def joined(one: Keys | None, n: int, other: Keys | None, m: int) -> Keys | None:
    """Return what is known of ``n`` images and of ``m`` more."""
    if one is None and other is None:
        return None
    own = [np.full((count, 2), OWN, np.uint64) for count in (n, m)]
    return np.concatenate([own[0] if one is None else one, own[1] if other is None else other])


def shift_keys(images: NDArray[Any]) -> Keys:
    """Return numbers ``(n, 1 + 2 s)`` of images: of all their values, and of two overlaps for each shift.

    Where the first overlap's number of one image is the second one's of another, they are shifted copies.
    """
    keys = [value_sums(images)]
    if images.ndim > 2:
        height, width = (side if side >= LEAST_SIDE else 0 for side in images.shape[1:3])
        for down, across in _SHIFTS:
            if (height or not down) and (width or not across):
                one, other = images[:, down:], images[:, : images.shape[1] - down]
                if across < 0:
                    one, other = one[:, :, :across], other[:, :, -across:]
                elif across > 0:
                    one, other = one[:, :, across:], other[:, :, :-across]
                keys += [value_sums(one), value_sums(other)]
    return np.column_stack(keys)


def value_sums(images: NDArray[Any]) -> Keys:
    """Return a number for each image that follows from its values: words times odd numbers, summed up."""
    rows = images.reshape(len(images), -1)
    sums = np.empty(len(rows), np.uint64)
    step = max(1, _CHUNK_VALUES // rows.shape[1])
    for start in range(0, len(rows), step):
        words = _words(rows[start : start + step])
        odd = mixed(np.arange(words.shape[1], dtype=np.uint64)) | np.uint64(1)
        np.einsum("ij,j->i", words, odd, out=sums[start : start + step])
    return sums


def text_key(text: object) -> int:
    """Return a number for a text."""
    data = str(text).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def mixed(values: Keys) -> Keys:
    """Return numbers in which every bit depends on all bits of those given (the finaliser of SplitMix64)."""
    found = values + np.uint64(_GOLDEN)
    found = (found ^ (found >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    found = (found ^ (found >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return found ^ (found >> np.uint64(31))


def _words(rows: NDArray[Any]) -> Keys:
    """Return rows as words of 64 bits, padded with zeros."""
    if rows.dtype != np.uint8:
        # Adding 0 turns -0.0, which equals 0.0, into it.
        return np.ascontiguousarray(rows.astype("<f8") + 0.0).view("<u8")
    width = rows.shape[1]
    if width % 8 == 0 and rows.flags.c_contiguous:
        return rows.view("<u8")
    padded = np.zeros((len(rows), -(-width // 8) * 8), np.uint8)
    padded[:, :width] = rows
    return padded.view("<u8")


def _copies(keys: Keys, codes: Codes, marks: Keys | None = None) -> NDArray[np.intp]:
    """Return the first place of the same image, by keys of values and of shifts, and by marks."""
    n = len(keys)
    links = [(np.arange(n), np.unique(keys[:, 0], return_inverse=True)[1])]
    if marks is not None:
        known = np.flatnonzero(marks != OWN)
        links.append((known, np.unique(marks[known], return_inverse=True)[1]))
    own = mixed(codes.astype(np.uint64))
    for column in range(1, keys.shape[1], 2):
        one, other = keys[:, column] ^ own, keys[:, column + 1] ^ own
        shared = np.intersect1d(one, other)
        found = [np.flatnonzero(np.isin(some, shared)) for some in (one, other)]
        values = np.concatenate([some[places] for some, places in zip((one, other), found, strict=True)])
        links.append((np.concatenate(found), np.searchsorted(shared, values)))
    copies = np.arange(n)
    while True:
        before = copies.copy()
        for places, which in links:
            first = np.full(n, n)
            np.minimum.at(first, which, copies[places])
            np.minimum.at(copies, places, first[which])
        if (copies == before).all():
            return copies


def _counts(numbers: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how often each number occurs."""
    _, which, counts = np.unique(numbers, return_inverse=True, return_counts=True)
    return counts[which]
