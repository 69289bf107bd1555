"""Images of mixed sizes: what they are brought to, and which others may be brought to it unasked."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Self

import numpy as np

from lookalike.errors import DataError, InputError
from lookalike.state import checked_list, checked_number, checked_whole

Size = tuple[int, int]

# A side may be so many times longer or shorter than any that was seen, and the ratio of sides so many times
# larger or smaller: a looser crop is taken, one that lies on its side or a whole photograph is not.
_SIDE, _RATIO = 2.0, 1.5


class Sizes(NamedTuple):
    """How large the images of a set were, of which some were resized.

    Another image is like them where its sides are at most twice as long as the longest or half as long as the
    shortest of these, and the ratio of its sides is at most 1.5 times theirs or theirs 1.5 times it.

    Examples
    --------
    >>> from lookalike.data.sizes import Sizes
    >>> seen = Sizes.of([(32, 20), (33, 20), (32, 19)])
    >>> seen.takes((35, 18)), seen.takes((20, 32)), seen.takes((480, 300))
    (True, False, False)
    """

    least_height: int
    most_height: int
    least_width: int
    most_width: int
    median_height: int
    median_width: int
    least_ratio: float  # of height to width
    most_ratio: float

    @classmethod
    def of(cls, sizes: Collection[Size]) -> Self:
        """Return what is known of some sizes, ``(height, width)``."""
        heights, widths = zip(*sizes, strict=True)
        ratios = [height / width for height, width in sizes]
        height, width = (int(side + 0.5) for side in np.median(list(sizes), axis=0))
        ends = min(heights), max(heights), min(widths), max(widths)
        return cls(*ends, height, width, least_ratio=min(ratios), most_ratio=max(ratios))

    @classmethod
    def read(cls, name: str, value: Any) -> Self:
        """Return what a model's file says."""
        numbers = checked_list(name, value)
        if len(numbers) != len(cls._fields):
            raise InputError(f"{name} has {len(numbers)} numbers: expected {len(cls._fields)}")
        whole = [checked_whole(name, side, 1, 2**40) for side in numbers[:-2]]
        return cls._make([*whole, *(checked_number(name, ratio, 0, 2**40) for ratio in numbers[-2:])])

    @property
    def median(self) -> Size:
        """The median height and width, halves rounded up."""
        return self.median_height, self.median_width

    def takes(self, size: Size) -> bool:
        """Return whether an image of this size is like those of the set."""
        height, width = size
        return (
            self.least_height <= _SIDE * height <= _SIDE**2 * self.most_height
            and self.least_width <= _SIDE * width <= _SIDE**2 * self.most_width
            and self.least_ratio <= _RATIO * height / width <= _RATIO**2 * self.most_ratio
        )

    def __str__(self) -> str:
        high, wide = _span(self.least_height, self.most_height), _span(self.least_width, self.most_width)
        return f"{high} pixels high and {wide} wide"


class Target(NamedTuple):
    """What images are brought to."""

    size: Size
    sizes: Sizes | None  # images like these may be; None: of any size
    note: str  # what is said where one was

    @classmethod
    def asked(cls, size: Size) -> Self:
        """Return what the user asked for: whatever has another size is resized."""
        return cls(size, None, f"Images were resized to {_by(size)} (height x width; {_HOW}).")

    @classmethod
    def known(cls, shape: tuple[int, ...], sizes: Sizes | None) -> Self | None:
        """Return what a model brings images to, where those that it was fitted on were brought to it."""
        return None if sizes is None else cls.of((shape[0], shape[1]), sizes)

    @classmethod
    def of(cls, size: Size, sizes: Sizes) -> Self:
        """Return the one size that images of ``sizes`` are brought to."""
        median = "the median, " if size == sizes.median else ""
        note = (
            f"Images are of mixed sizes, {sizes}: all were resized to {median}{_by(size)} (height x width; "
            f"{_HOW})."
        )
        return cls(size, sizes, note)

    def check(self, what: str, size: Size) -> None:
        """Refuse an image that is too unlike the others to be resized unasked."""
        if self.sizes is not None and not self.sizes.takes(size):
            raise DataError(
                f"{what} is {_by(size)} (height x width), far from the images that are fitted on, which are "
                f"{self.sizes}: crop it like those, or give a size for all, size={self.size}, on the "
                f"command line --size {self.size[0]}x{self.size[1]}"
            )


_HOW = "triangle filter, the ratio of sides not kept"


def _by(size: Size) -> str:
    return f"{size[0]} x {size[1]}"


def _span(least: int, most: int) -> str:
    return f"{least}" if least == most else f"{least} to {most}"
