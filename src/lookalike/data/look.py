"""What images look like: gray bytes, where their ink is, and where they look strange beside others.

An image's paper is the median of its outermost pixels; its ink is what is unlike the paper.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.images import ImageBatch, evenly, unit_of
from lookalike.text import quoted

Gray8 = NDArray[np.uint8]
Whole = NDArray[np.intp]

_WHITE = 255
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


def gray_bytes(images: ImageBatch) -> Gray8:
    r"""Return checked images as gray bytes ``(n, h, w)``: themselves, where they are that already.

    Colour becomes luma, :math:`Y = 0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601-7, section 2.5.1), rounded to
    the nearest whole number, halves up. Opacity (a second or fourth channel) is laid on white first. Floats
    are rounded to 255ths.
    """
    if images.dtype != np.uint8:
        images = np.rint(images * 255).astype(np.uint8)
    if images.ndim == 3:
        return images
    colours = images
    if images.shape[3] in (2, 4):
        opacity = images[..., -1:].astype(np.uint32)
        colours = (images[..., :-1] * opacity + _WHITE * (_WHITE - opacity) + 127) // 255
    if colours.shape[3] == 1:
        return colours[..., 0].astype(np.uint8)
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    return ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)


def border(images: Gray8) -> Gray8:
    """Return the outermost pixels of each image, a row an image; each pixel once."""
    _, height, width = images.shape
    sides = [images[:, 0]]
    if height > 1:
        sides.append(images[:, -1])
    sides.append(images[:, 1:-1, 0])
    if width > 1:
        sides.append(images[:, 1:-1, -1])
    return np.concatenate(sides, axis=1)


def paper(images: Gray8) -> Gray8:
    """Return the level of each image's paper: the median of its border, the lower of two middle values."""
    around = border(images)
    middle = (around.shape[1] - 1) // 2
    return np.partition(around, middle, axis=1)[:, middle]


def paper_and_darkness(images: Gray8) -> tuple[Gray8, NDArray[np.int8]]:
    """Return each image's paper, and whether its ink is dark (1) or light (-1), or neither (0).

    Ink is dark where the image but for its border is darker on average than the median of the border. It is
    neither where both are exactly as bright, or where there is nothing but a border. An inverted image has
    the opposite.
    """
    around = border(images)
    low, high = (around.shape[1] - 1) // 2, around.shape[1] // 2
    ranked = np.partition(around, (low, high), axis=1)
    # Twice the median, and sums instead of means: whole numbers, so that inverting inverts exactly.
    level = ranked[:, low].astype(np.int64) + ranked[:, high]
    values = images.shape[1] * images.shape[2]
    # Of so many bytes the narrower sum is exact, and is made several times as fast.
    dtype = np.uint32 if values < 2**24 else np.int64
    sums = images.reshape(len(images), -1).sum(axis=1, dtype=dtype).astype(np.int64)
    rest = sums - around.sum(axis=1, dtype=np.int64)
    darkness = np.sign(level * (values - around.shape[1]) - 2 * rest).astype(np.int8)
    return ranked[:, low], darkness


class Box(NamedTuple):
    """The smallest rectangle around the ink of each image, arrays ``(n,)``; all 0 for a blank image."""

    top: Whole
    bottom: Whole  # the row after the last
    left: Whole
    right: Whole  # the column after the last

    @property
    def longer(self) -> Whole:
        """The longer side, in pixels."""
        longer: Whole = np.maximum(self.bottom - self.top, self.right - self.left)
        return longer


def ink_box(inked: Gray8) -> Box:
    """Return the box around all pixels that hold at least a quarter of their image's strongest ink.

    ``inked (n, h, w)`` says how far each pixel is from the paper.
    """
    strongest = inked.reshape(len(inked), -1).max(axis=1)
    least = np.maximum(strongest // 4 + (strongest % 4 > 0), 1)
    mask = np.ascontiguousarray(inked >= least[:, None, None])
    # Four pixels at a time, where rows have whole fours.
    pixels: NDArray[Any] = mask.view(np.uint32) if mask.shape[2] % 4 == 0 else mask
    edges: list[Whole] = []
    for axis, part in ((2, pixels), (1, mask)):
        lines: NDArray[np.bool_] = np.asarray(part.any(axis=axis))
        after = lines.shape[1] - lines[:, ::-1].argmax(axis=1)
        edges += [lines.argmax(axis=1), np.where(lines.any(axis=1), after, 0)]
    return Box(*edges)


class Look(NamedTuple):
    """What a number of images look like: whole numbers that add up in any order and any parts."""

    images: int = 0
    blank: int = 0  # how many have the same value everywhere
    light: int = 0  # how many have light ink on dark
    dark: int = 0  # how many have dark ink on light
    # The ends of the difference of the highest and the lowest gray byte, and of the longer side of the box
    # around the ink in pixels, over the images that are not blank; 0 where all are.
    least_range: int = 0
    largest_range: int = 0
    least_ink: int = 0
    largest_ink: int = 0

    @property
    def side(self) -> str | None:
        """What most images are, or None where they do not agree."""
        voices = self.light + self.dark
        if not voices or max(self.light, self.dark) < _MOST * voices:
            return None
        return "light on dark" if self.light > self.dark else "dark on light"

    def plus(self, other: Look) -> Look:
        """Return the look of both lots of images together."""
        sums = [self[place] + other[place] for place in range(4)]
        for least, most in ((4, 5), (6, 7)):
            # 0 stands for none, not for the least.
            sums.append(min(self[least] or other[least], other[least] or self[least]))
            sums.append(max(self[most], other[most]))
        return Look(*sums)


class _Facts(NamedTuple):
    """What is found of each image; arrays of shape ``(n,)``."""

    range: NDArray[np.int64]
    darkness: NDArray[np.int8]
    ink: Whole


class _Kind(NamedTuple):
    """What may be strange: a fact between two bounds, neither included, and how that is said."""

    name: str
    fact: int  # its place in _Facts
    low: float
    high: float
    seen: int | None  # how many training images are so; None where one image is worth saying
    text: str  # with the fields of _words and of Look


_POLARITY = "{are} {other}; the training images are {side}: invert them ({unit} - images)"
_BLANK = (
    "{are} blank (the first is at place {place}); none of the {images:,} training images looked at is: leave "
    "them out, or add blank images as a class"
)
_FAINT = "{span} only {largest} of 255 levels{as_if}; the training images span at least {least_range}: {mend}"
_STRONG = (
    "{span} up to {largest} of 255 levels; the training images span at most {largest_range}: bring both to "
    "one scale"
)
_RESCALE = "bring them to that scale (as_images, value_range)"
_SIZE = (
    "the ink of {of} is much WORD ({ends} pixels long) than that of the training images ({inks}): cut them "
    "alike, or prepare both with FitToInk"
)


def look(images: ImageBatch) -> Look:
    """Return what checked images look like."""
    facts = _facts(images)
    there = facts.range > 0
    return Look(
        len(there),
        int((~there).sum()),
        int((facts.darkness < 0).sum()),
        int((facts.darkness > 0).sum()),
        *_ends(facts.range[there]),
        *_ends(facts.ink[there]),
    )


def roughness(images: ImageBatch) -> NDArray[np.float64]:
    r"""Return how rough checked images are, ``(n,)``: about 1 for noise, 0 for blank images.

    It is the mean squared difference of neighbours in rows and columns over twice the variance, of gray bytes
    (J. von Neumann, "Distribution of the ratio of the mean square successive difference to the variance",
    Annals of Mathematical Statistics 12, 1941).
    """
    parts = []
    for few in _few(images):
        gray = gray_bytes(few).astype(np.float64)
        _, height, width = gray.shape
        squares = (np.diff(gray, axis=1) ** 2).sum(axis=(1, 2))
        squares += (np.diff(gray, axis=2) ** 2).sum(axis=(1, 2))
        pairs = (height - 1) * width + height * (width - 1)
        parts.append(squares / np.maximum(2 * pairs * gray.var(axis=(1, 2)), 1e-300))
    return np.concatenate(parts)


def row_spans(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return how many rows of numbers have a range, and the least and the largest; 0 where none has."""
    spans = _spans(rows)
    spans = spans[spans > 0]
    return np.array([len(spans), spans.min(), spans.max()] if len(spans) else [0, 0, 0], np.float64)


def spans_together(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what :func:`row_spans` says of all rows of two lots."""
    if not (one[0] and other[0]):
        return one + other
    return np.array([one[0] + other[0], min(one[1], other[1]), max(one[2], other[2])])


def strange_rows(rows: NDArray[Any], training: NDArray[np.float64]) -> str | None:
    """Return what is strange about rows of numbers beside those of training: their scale."""
    n, least, largest = training
    spans = _spans(sample(rows))
    odd = (spans > 0) & ((spans * _FAINTER < least) | (spans / _FAINTER > largest))
    if not n or not odd.any() or _chance(int(odd.sum()), len(spans), 0, int(n)) >= _LEVEL:
        return None
    are = "1 of {} spans {} from its" if odd.sum() == 1 else f"{odd.sum():,} of {{}} span {{}} from their"
    rows_of = f"{len(spans):,} row{'s' * (len(spans) != 1)}"
    found, known = (_to(*(f"{end:.4g}" for end in ends)) for ends in (_ends(spans[odd]), (least, largest)))
    return (
        f"{are.format(rows_of, found)} least to largest value; the training rows span {known}: bring both to "
        "one scale"
    )


def _spans(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the difference of the largest and the least value of each row."""
    # Half of each, so that no difference is too large for a float.
    halves = rows.max(axis=1) / 2.0 - rows.min(axis=1) / 2.0
    spans: NDArray[np.float64] = np.minimum(halves, np.finfo(np.float64).max / 2) * 2
    return spans


def strange(images: ImageBatch, training: Look) -> dict[str, str]:
    r"""Return what is strange about checked images beside those of training: one sentence a kind.

    There are four, said in this order:

    - *polarity*: ink is dark on light, where it is light on dark in 95 % of the training images that show
      either, or the other way round.
    - *blank*: the same value everywhere, where no training image is blank.
    - *scale*: the range of values is less than 1/8 of the least in training, or more than 8 times the
      largest.
    - *size*: the longer side of the ink is less than 2/3 of the least in training, or more than 3/2 times
      the largest.

    It is said where chance would seldom give it (see :func:`_chance`). So one odd image says nothing beside
    ten training images, and much beside a thousand. A blank image is always said. Where the scale is strange,
    size is not judged. Of more than 2,000 images 2,000 are looked at, evenly spaced, so that answers cost
    hardly more.
    """
    count = min(len(images), _SAMPLE)
    places = evenly(len(images), _SAMPLE)
    facts = _facts(images if count == len(images) else images[places])
    said: dict[str, str] = {}
    for kind in _kinds(training):
        if kind.name in said or (kind.name == "size" and "scale" in said):
            continue
        values = facts[kind.fact]
        odd = np.flatnonzero((values > kind.low) & (values < kind.high))
        if not len(odd):
            continue
        if kind.seen is None or _chance(len(odd), count, kind.seen, training.images) < _LEVEL:
            words = _words(values[odd], count, training)
            place, unit = places[odd[0]], unit_of(images)
            said[kind.name] = kind.text.format(place=place, unit=unit, **words, **training._asdict())
    if said and count < len(images):
        looked_at = f" ({count:,} of {len(images):,} were looked at)"
        return {kind: text + looked_at for kind, text in said.items()}
    return said


@cache
def _kinds(training: Look) -> tuple[_Kind, ...]:
    """Return the one table of what may be strange; of two lines of one name the first that is so is said."""
    darker = {"light on dark": (0, 2), "dark on light": (-2, 0), None: (0, 0)}[training.side]
    faint = training.least_range / _FAINTER
    strong = training.largest_range * _FAINTER or math.inf
    small = training.least_ink / _SMALLER
    large = training.largest_ink * _SMALLER or math.inf
    return (
        _Kind("polarity", 1, *darker, min(training.light, training.dark), _POLARITY),
        _Kind("blank", 0, -1, 0 if training.blank else 1, None, _BLANK),
        _Kind("scale", 0, 0, faint, 0, _FAINT),
        _Kind("scale", 0, strong, math.inf, 0, _STRONG),
        _Kind("size", 2, 0, small, 0, _SIZE.replace("WORD", "smaller")),
        _Kind("size", 2, large, math.inf, 0, _SIZE.replace("WORD", "larger")),
    )


def _words(odd: NDArray[np.signedinteger], images: int, training: Look) -> dict[str, object]:
    """Return what is said of the values of a fact that are odd, of so many images."""
    one, of = len(odd) == 1, _count(len(odd), images)
    least, largest = _ends(odd)
    return {
        "of": of,
        "are": f"{of} {'is' if one else 'are'}",
        "span": f"{of} span{'s' * one}",
        "side": training.side,
        "other": "dark on light" if training.side == "light on dark" else "light on dark",
        "largest": largest,
        "as_if": ", as if 0-1 had been read as 0-255" if largest == 1 else "",
        "mend": "multiply them by 255" if largest == 1 else _RESCALE,
        "ends": _to(least, largest),
        "inks": _to(training.least_ink, training.largest_ink),
    }


def _chance(count: int, images: int, seen: int, training: int) -> float:
    """Return how likely at least ``count`` of ``images`` are odd where ``seen`` of ``training`` were."""

    # The tail of a beta-binomial variable (s + 1/2, m - s + 1/2) for s of m: Jeffreys' prior. All its terms
    # are products of x (x + 1) ... (x + k - 1).
    def risen(start: float) -> NDArray[np.float64]:
        return np.cumsum(np.log(np.concatenate([[1.0], start + np.arange(images)])))

    odd, even, either, one = map(risen, (seen + 0.5, training - seen + 0.5, training + 1.0, 1.0))
    more = np.arange(count, images + 1)
    rest = images - more
    logs = one[images] - one[more] - one[rest] + odd[more] + even[rest] - either[images]
    return float(np.exp(logs).sum())


def _facts(images: ImageBatch) -> _Facts:
    parts = []
    for few in _few(images):
        gray = gray_bytes(few)
        rows = gray.reshape(len(gray), -1)
        spread = rows.max(axis=1).astype(np.int64) - rows.min(axis=1)
        level, darkness = paper_and_darkness(gray)
        level = level[:, None, None]
        distance = np.maximum(gray, level) - np.minimum(gray, level)
        parts.append((spread, darkness, ink_box(distance).longer))
    return _Facts(*map(np.concatenate, zip(*parts, strict=True)))


def _few(images: ImageBatch) -> Iterator[ImageBatch]:
    step = max(1, _CHUNK_VALUES // math.prod(images.shape[1:]))
    for start in range(0, len(images), step):
        yield images[start : start + step]


def part_notes(images: ImageBatch, names: Sequence[str]) -> tuple[str, ...]:
    """Return what a reader should say of one part of a data set and its images' names, one sentence each.

    Images that are all the same; blank images, how many and which is the first; bytes of which none is
    above 1; images that are much larger than their ink, judged by up to 2,000 evenly spaced ones.
    """
    if len(images) > 1 and all(bool((few == images[0]).all()) for few in _few(images)):
        return (f"All {len(images):,} images are the same: nothing tells their classes apart.",)
    notes: tuple[str, ...] = ()
    same = [(few == few[:, :1, :1]).reshape(len(few), -1).all(axis=1) for few in _few(images)]
    blank = np.flatnonzero(np.concatenate(same))
    if len(blank):
        are = f"{_count(len(blank), len(images))} {'is' if len(blank) == 1 else 'are'}"
        notes += (f"{are} blank (the first is {quoted(names[blank[0]])}).",)
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


def contradictions(
    hashes: NDArray[np.bytes_], labels: NDArray[Any], names: Sequence[object]
) -> tuple[int, tuple[str, ...]]:
    """Return how many images are the same as one with another label, and a note that shows two of them.

    ``hashes`` are those of :func:`lookalike.images.digests`: no model can tell such images apart.
    """
    different, groups = np.unique(hashes, return_inverse=True)
    if len(different) == len(hashes):
        return 0, ()
    codes = np.unique(labels, return_inverse=True)[1]
    n_classes = codes.max() + 1
    # A class counts once, however often it has the image.
    is_of_several = np.bincount(np.unique(groups * n_classes + codes) // n_classes) > 1
    found = np.flatnonzero(is_of_several[groups])
    if not len(found):
        return 0, ()
    same = found[groups[found] == groups[found[0]]]
    pair = (same[0], same[codes[same] != codes[same[0]]][0])
    both = " and ".join(f"{quoted(names[place])} of class {quoted(labels[place])}" for place in pair)
    count = _count(len(found), len(labels))
    return len(found), (
        f"{count} are the same as an image of another class ({both}): correct the labels, or leave both out.",
    )


def parts_note(first: ImageBatch, other: ImageBatch) -> str | None:
    """Return what to say where one part is the negative of the other, by up to 2,000 images of each."""
    sides = [look(sample(images)).side for images in (first, other)]
    if None in sides or sides[0] == sides[1]:
        return None
    return f"One part is {sides[0]} and the other {sides[1]}: invert one of them (255 - images)."


def sample(images: ImageBatch) -> ImageBatch:
    """Return up to 2,000 evenly spaced images: as many as are needed to know what most are."""
    if len(images) <= _SAMPLE:
        return images
    return images[evenly(len(images), _SAMPLE)]


def _ends(values: NDArray[Any]) -> tuple[Any, Any]:
    return (values.min().item(), values.max().item()) if len(values) else (0, 0)


def _count(count: int, total: int) -> str:
    return f"{count:,} of {total:,} image{'s' * (total != 1)}"


def _to(low: object, high: object) -> str:
    return str(low) if low == high else f"{low} to {high}"
