"""What images look like in a few numbers, and where other images look strange beside them.

A model keeps the look of its training images. Images that are answered are compared with it, and what is
inverted, blank, of another scale or of another size of ink is said in one line with how to mend it. Readers
say the same of the parts that they read. Nothing here changes an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.ink import Gray8, darkness, gray_bytes, paper
from lookalike.data.untrusted import quoted
from lookalike.images import ImageBatch

Whole = NDArray[np.int64]

# Images are looked at a few at a time, so that they stay in the processor's cache.
_CHUNK_VALUES = 2**18
# So much of the training images must agree before it can be said what they are.
_MOST = 0.95
# By how much an image may be beyond everything that was seen in training.
_FAINTER = 8
_SMALLER = 1.5
# How seldom chance may give so many strange images, where the training images' share is the true one.
_LEVEL = 0.01
# Ink of less than this part of the frame is small: classes hardly differ in so few pixels.
_SMALL = 1 / 3
# So many images say what most are like.
_SAMPLE = 2000


class Look(NamedTuple):
    """What a number of images look like: whole numbers that add up in any order and any parts.

    Attributes
    ----------
    images : int
        How many there are.
    blank : int
        How many have the same value everywhere.
    light, dark : int
        How many have light ink on dark, and dark ink on light (see :func:`lookalike.data.ink.darkness`).
    least_range, largest_range : int
        The least and the largest difference of the highest and the lowest value, of the gray bytes of images
        that are not blank; 0 where all are.
    least_ink, largest_ink : int
        The least and the largest longer side of the box around the ink, in pixels; 0 where all are blank. Ink
        is what is at least a quarter as far from the paper as the farthest pixel.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.data.diagnose import look
    >>> train, _ = lookalike.load("digits")
    >>> look(train.images)[:4]
    (1438, 0, 1438, 0)
    """

    images: int = 0
    blank: int = 0
    light: int = 0
    dark: int = 0
    least_range: int = 0
    largest_range: int = 0
    least_ink: int = 0
    largest_ink: int = 0

    def plus(self, other: Look) -> Look:
        """Return the look of both lots of images together."""
        counts = (self[place] + other[place] for place in range(4))
        pairs = (_widest(self[place : place + 2], other[place : place + 2]) for place in (4, 6))
        return Look(*counts, *(end for pair in pairs for end in pair))


class _Facts(NamedTuple):
    """What is found of each image; arrays of shape ``(n,)``."""

    range: Whole
    darkness: NDArray[np.int8]
    ink: Whole

    def look(self) -> Look:
        there = self.range > 0
        return Look(
            len(there),
            int((~there).sum()),
            int((self.darkness < 0).sum()),
            int((self.darkness > 0).sum()),
            *(_ends(self.range[there])),
            *(_ends(self.ink[there])),
        )


def look(images: ImageBatch) -> Look:
    """Return what images look like.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        What :func:`lookalike.images.as_images` returned.
    """
    return _facts(images).look()


def strange(images: ImageBatch, training: Look, mended: frozenset[str] = frozenset()) -> list[str]:
    r"""Return what is strange about images beside those of training, one sentence each.

    - *polarity*: ink is dark on light, where it is light on dark in 95 % of the training images that show
      either, or the other way round.
    - *blank*: the same value everywhere, where no training image is blank.
    - *scale*: the range of values is less than 1/8 of the least in training, or more than 8 times the
      largest.
    - *size*: the longer side of the ink is less than 2/3 of the least in training, or more than 3/2 times
      the largest.

    It is said where chance would seldom give it: ``k`` of ``n`` images are so, as are ``s`` of ``m`` training
    images, and a beta-binomial variable of ``n`` tries, with the parameters :math:`s + 1/2` and
    :math:`m - s + 1/2`, reaches ``k`` with a probability below 1 %. It is what ``s`` of ``m`` foretell of
    further images of the same kind (Jeffreys' prior). So one odd image says nothing beside ten training
    images, and much beside a thousand. A blank image is always said. Where the scale is strange, size is not
    judged. Of more than 2,000 images 2,000 are looked at, evenly spaced, so that answers cost hardly more.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        What :func:`lookalike.images.as_images` returned, of the shape of the training images.
    training : Look
        What the training images look like.
    mended : frozenset of str
        Which of the four do not matter to the model.

    Returns
    -------
    list of str
        In the order above; empty where nothing is strange.

    Examples
    --------
    >>> import lookalike
    >>> from lookalike.data.diagnose import look, strange
    >>> train, valid = lookalike.load("digits")
    >>> strange(255 - valid.images, look(train.images))
    ['359 of 359 images are dark on light; the training images are light on dark: invert them (255 - images)']
    """
    places = _places(len(images))
    facts = _facts(images if len(places) == len(images) else images[places])
    scale = _scale(facts, training)
    found = {
        "polarity": _polarity(facts, training, 255 if images.dtype == np.uint8 else 1),
        "blank": _blank(facts, training, places),
        "scale": scale,
        "size": None if scale else _size(facts, training),
    }
    seen = "" if len(places) == len(images) else f" ({len(places):,} of {len(images):,} were looked at)"
    return [text + seen for kind, text in found.items() if text and kind not in mended]


def part_notes(images: ImageBatch, names: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader should say of one part of a data set, one sentence each.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        All images of the part.
    names : sequence of str
        The name of each.

    Returns
    -------
    tuple of str
        Images that are all the same; blank images, how many and which is the first; bytes of which none is
        above 1; images that are much larger than their ink, judged by up to 2,000 evenly spaced ones.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.data.diagnose import part_notes
    >>> part_notes(np.array([[[0, 1]], [[1, 0]]], np.uint8), ["a", "b"])
    ('No value is above 1: 0-1 seems to have been read as 0-255. Multiply the images by 255.',)
    """
    if len(images) > 1 and _all_same(images):
        return (f"All {len(images):,} images are the same: nothing tells their classes apart.",)
    notes: tuple[str, ...] = ()
    blank = np.flatnonzero(np.concatenate([_even(few) for few in _few(images)]))
    if len(blank):
        notes += (f"{_are(len(blank), len(images))} blank (the first is {quoted(names[blank[0]])}).",)
    if images.dtype == np.uint8 and images.max() == 1:
        notes += ("No value is above 1: 0-1 seems to have been read as 0-255. Multiply the images by 255.",)
    inks = _facts(sample(images)).ink
    frame = max(images.shape[1:3])
    typical = float(np.median(inks[inks > 0])) if inks.any() else frame
    if typical < _SMALL * frame:
        notes += (
            f"The ink of a typical image is {typical:g} of {frame} pixels long: cut the images closer to "
            "their ink, or let a preparation do it (FitToInk).",
        )
    return notes


def parts_note(first: ImageBatch, other: ImageBatch) -> str | None:
    """Return what to say where one part is the negative of the other, by up to 2,000 images of each."""
    sides = [_side(look(sample(images))) for images in (first, other)]
    if None in sides or sides[0] == sides[1]:
        return None
    return f"One part is {sides[0]} and the other {sides[1]}: invert one of them (255 - images)."


def sample(images: ImageBatch) -> ImageBatch:
    """Return up to 2,000 evenly spaced images: as many as are needed to know what most are."""
    return images if len(images) <= _SAMPLE else images[_places(len(images))]


def _places(count: int) -> NDArray[np.intp]:
    """Return evenly spaced places of so many, at most 2,000 of them."""
    return np.linspace(0, count - 1, min(count, _SAMPLE)).astype(np.intp)


def _even(images: ImageBatch) -> NDArray[np.bool_]:
    """Return whether all pixels of each image are the same."""
    same: NDArray[np.bool_] = (images == images[:, :1, :1]).reshape(len(images), -1).all(1)
    return same


def _facts(images: ImageBatch) -> _Facts:
    parts = [_of_few(gray_bytes(few)) for few in _few(images)]
    return _Facts(*map(np.concatenate, zip(*parts, strict=True)))


def _few(images: ImageBatch) -> Iterator[ImageBatch]:
    step = max(1, _CHUNK_VALUES // int(np.prod(images.shape[1:])))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def _of_few(images: Gray8) -> _Facts:
    """Return the facts of a few gray images."""
    rows = images.reshape(len(images), -1)
    spread = rows.max(axis=1) - rows.min(axis=1)
    level = paper(images)[:, None, None]
    distance = np.maximum(images, level) - np.minimum(images, level)
    strongest = distance.reshape(rows.shape).max(axis=1)
    least = np.maximum(strongest // 4 + (strongest % 4 > 0), 1)
    inked = distance >= least[:, None, None]
    # Four pixels at a time, where rows have whole fours.
    rows_inked = (inked.view(np.uint32) if images.shape[2] % 4 == 0 else inked).any(axis=2)
    longer = np.maximum(_span(rows_inked), _span(inked.any(axis=1)))
    return _Facts(spread.astype(np.int64), darkness(images), longer)


def _span(lines: NDArray[np.bool_]) -> Whole:
    """Return how many lines there are from the first to the last that is set."""
    after = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
    return np.where(lines.any(axis=1), after - lines.argmax(axis=1), 0)


def _polarity(facts: _Facts, training: Look, top: int) -> str | None:
    side = _side(training)
    if side is None:
        return None
    opposite = facts.darkness == (1 if side == "light on dark" else -1)
    seen = min(training.light, training.dark)
    if not _unlikely(opposite, seen, training.images):
        return None
    other = "dark on light" if side == "light on dark" else "light on dark"
    return (
        f"{_are(int(opposite.sum()), len(opposite))} {other}; the training images are {side}: "
        f"invert them ({top} - images)"
    )


def _blank(facts: _Facts, training: Look, places: NDArray[np.intp]) -> str | None:
    blank = np.flatnonzero(facts.range == 0)
    if training.blank or not len(blank):
        return None
    return (
        f"{_are(len(blank), len(facts.range))} blank (the first is at place {places[blank[0]]}); none of the "
        f"{training.images:,} training images looked at is: leave them out, or add blank images as a class"
    )


def _scale(facts: _Facts, training: Look) -> str | None:
    there = facts.range > 0
    faint = there & (facts.range * _FAINTER < training.least_range)
    strong = there & (facts.range > training.largest_range * _FAINTER) & (training.largest_range > 0)
    if _unlikely(faint, 0, training.images):
        seen = int(facts.range[faint].max())
        mend = "multiply them by 255" if seen == 1 else "bring them to that scale (as_images, value_range)"
        read = ", as if 0-1 had been read as 0-255" if seen == 1 else ""
        count = int(faint.sum())
        return (
            f"{_count(count, len(faint))} span{'s' * (count == 1)} only {seen} of 255 levels{read}; the "
            f"training images span at least {training.least_range}: {mend}"
        )
    if _unlikely(strong, 0, training.images):
        count = int(strong.sum())
        return (
            f"{_count(count, len(strong))} span{'s' * (count == 1)} up to {facts.range[strong].max()} of 255 "
            f"levels; the training images span at most {training.largest_range}: bring both to one scale"
        )
    return None


def _size(facts: _Facts, training: Look) -> str | None:
    there = facts.ink > 0
    small = there & (facts.ink * _SMALLER < training.least_ink)
    large = there & (facts.ink > training.largest_ink * _SMALLER) & (training.largest_ink > 0)
    for odd, word in ((small, "smaller"), (large, "larger")):
        if _unlikely(odd, 0, training.images):
            shown = facts.ink[odd]
            seen = _to(training.least_ink, training.largest_ink)
            return (
                f"the ink of {_count(int(odd.sum()), len(odd))} is much {word} ({_to(*_ends(shown))} pixels "
                f"long) than that of the training images ({seen}): cut them alike, or prepare both with "
                "FitToInk"
            )
    return None


def _unlikely(odd: NDArray[np.bool_], seen: int, training: int) -> bool:
    """Return whether so many odd images are unlikely where ``seen`` of the training images are odd."""
    count, n = int(odd.sum()), len(odd)
    if not count:
        return False
    # A light import once scikit-learn is loaded, as it is wherever there is a model.
    from scipy.special import betaln, gammaln

    first, second = seen + 0.5, training - seen + 0.5
    more = np.arange(count, n + 1)
    ways = gammaln(n + 1) - gammaln(more + 1) - gammaln(n - more + 1)
    chance = np.exp(ways + betaln(more + first, n - more + second) - betaln(first, second)).sum()
    return bool(chance < _LEVEL)


def _side(look: Look) -> str | None:
    """Return what most images are, or None where they do not agree."""
    voices = look.light + look.dark
    if not voices or max(look.light, look.dark) < _MOST * voices:
        return None
    return "light on dark" if look.light > look.dark else "dark on light"


def _all_same(images: ImageBatch) -> bool:
    return all(bool((few == images[0]).all()) for few in _few(images))


def _ends(values: Whole) -> tuple[int, int]:
    return (int(values.min()), int(values.max())) if len(values) else (0, 0)


def _widest(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, int]:
    """Return the ends of two ranges together, where (0, 0) is none."""
    least = min(one[0] or other[0], other[0] or one[0])
    return least, max(one[1], other[1])


def _count(count: int, total: int) -> str:
    return f"{count:,} of {total:,} image{'s' * (total != 1)}"


def _are(count: int, total: int) -> str:
    return f"{_count(count, total)} {'is' if count == 1 else 'are'}"


def _to(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
