"""Wheels of a counter that turn: how far each has turned, and from which digit.

A wheel that has turned from a digit by a part of the way shows the lower rows of that digit, and below them
the upper rows of the next one. So each row of a crop is held against each row of the crops of digits that a
model keeps: what it costs that the wheel stands at a part ``p`` after a digit ``d`` is the mean over its rows
of ``|f - f'|²``, where ``f'`` are rows of the crop of ``d`` that costs least, and further down of the one of
``d + 1``; ``f`` are strengths of gradients in eight directions. A crop may lie a pixel to a side.

How far a wheel has turned is found more surely by that than which digit it leaves. So a wheel that rests is
turned back by what it is off, and answered by the model as any other crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.images import evenly
from lookalike.photo.hidden import strokes
from lookalike.photo.layout import DIGITS
from lookalike.photo.register import opencv

if TYPE_CHECKING:
    from lookalike.recognition.recogniser import Recogniser

Floats = NDArray[np.float32]

#: Height and width at which wheels are compared.
_SIZE = (32, 20)
_DIRECTIONS, _SMOOTHED, _ASIDE = 8, 1.0, 1
#: A wheel rests that is off by less than this part of the way to the next digit.
RESTS = 0.15
#: A wheel whose right neighbour does not take it along rests, if that costs less than so many times as much;
#: one that is taken along has turned as far as its neighbour, give or take this part.
_WORTH_TURNING, _WITH = 1.4, 0.2
#: By how much more, in parts of what the likeliest digit costs, another one becomes e times less likely.
_UNLIKELY = 0.2
#: So many crops of a digit are compared at most.
_MOST = 30
#: A wheel between two digits that is less like them than this is covered, or none.
UNLIKE = 0.27


class Standing(NamedTuple):
    """Where a wheel stands."""

    digit: int  # the one that it leaves, where it turns; where it rests, the model tells it better
    part: float  # how far it has turned on, in parts of the way to the next digit: from -RESTS on
    probability: float  # that it is this digit, if it turns
    unlike: float  # what it costs, over the strength of its own gradients: 0 for the same, 1 for nothing

    @property
    def turns(self) -> bool:
        """Whether it stands between two digits."""
        return self.part >= RESTS

    @property
    def shown(self) -> str:
        """Both digits of a wheel that turns, such as ``3-4``."""
        return f"{DIGITS[self.digit]}-{DIGITS[(self.digit + 1) % 10]}"


@dataclass(frozen=True, eq=False)
class Wheels:
    """The digits that a model keeps crops of, row by row."""

    rows: Floats  # (n, h, numbers)
    digits: NDArray[np.intp]  # (n,), in order

    @classmethod
    def of(cls, model: Recogniser) -> Wheels:
        """Return those of a model.

        Raises
        ------
        InputError
            It keeps no crops of digits.
        """
        codes = getattr(model.matcher, "codes", None)
        images = None if codes is None else model.matcher.kept(np.arange(len(codes)))
        if images is None or codes is None:
            raise InputError(
                "the model keeps no images, and how far wheels have turned is seen by those: fit it with "
                "--idea mixture, or lay out the places without wheels"
            )
        labels = model.labels.classes[codes].astype(np.str_)
        own = [np.flatnonzero(labels == digit) for digit in DIGITS]
        chosen = [places[evenly(len(places), _MOST)] for places in own]
        places = np.concatenate(chosen)
        if not len(places):
            raise InputError(
                "the model knows no digits, and wheels roll from digit to digit: fit it on those"
            )
        return cls(
            _rows(_gradients(images[places]), 0), np.repeat(np.arange(10), [len(one) for one in chosen])
        )

    def standing(self, crops: NDArray[np.generic], rolls: Sequence[bool]) -> list[Standing | None]:
        """Return where each wheel stands, from left to right, crops ``(n, h, w[, 3])``; None of others."""
        wheels = np.flatnonzero(rolls)
        gradients = _gradients(crops[wheels])
        strengths = (_rows(gradients, 0) ** 2).sum(axis=2).mean(axis=1)
        known = dict(zip(wheels.tolist(), zip(self._costs(gradients), strengths, strict=True), strict=True))
        found: list[Standing | None] = []
        right: Standing | None = None
        for number in range(len(crops) - 1, -1, -1):
            right = _standing(*known[number], right) if number in known else None
            found.insert(0, right)
        return found

    def _costs(self, gradients: Floats) -> Floats:
        """Return what it costs that wheels stand at each part after each digit: ``(n, 10, h)``."""
        n, height = len(self.rows), _SIZE[0]
        row = np.arange(height)
        # The row of a digit's crop, or further down of the next one's, that each row shows at each part.
        shown = (row[None, :] + row[:, None]) % height
        kept = self.rows.reshape(n * height, -1)
        square = (kept**2).sum(axis=1)
        known, starts = np.unique(self.digits, return_index=True)
        upper, lower = (np.full((len(gradients), 10, height), np.inf, np.float32) for _ in range(2))
        for aside in range(-_ASIDE, _ASIDE + 1):
            for number, asked in enumerate(_rows(gradients, aside)):
                apart = (asked**2).sum(axis=1)[:, None] + square - 2 * asked @ kept.T
                by_row = apart.reshape(height, n, height)[row[None, :], :, shown].cumsum(axis=1)
                above = by_row[row, height - 1 - row]  # (parts, n)
                below = by_row[:, -1] - above
                for best, sums in ((upper, above), (lower, below)):
                    least = np.minimum.reduceat(sums, starts, axis=1).T
                    best[number, known] = np.minimum(best[number, known], least)
        costs: Floats = (upper + np.roll(lower, -1, axis=1)) / np.float32(height)
        return costs


def _standing(costs: Floats, strength: float, right: Standing | None) -> Standing:
    """Return where a wheel stands, given its costs ``(10, h)`` and the wheel to its right, if any."""
    parts = np.arange(costs.shape[1]) / costs.shape[1]
    turning = (parts >= RESTS) & (parts <= 1 - RESTS)
    if right is None:
        rests = costs[:, ~turning].min() <= costs[:, turning].min()
    elif right.turns and right.digit == 9:
        rests, turning = np.False_, np.abs(parts - right.part) <= _WITH
    else:
        rests = costs[:, ~turning].min() <= _WORTH_TURNING * costs[:, turning].min()
    within = np.where(~turning if rests else turning, costs, np.inf)
    digit, place = np.unravel_index(int(within.argmin()), within.shape)
    part, least = float(parts[place]), float(within[digit, place])
    shares = np.exp((least - within.min(axis=1)) / (_UNLIKELY * max(least, 1e-9)))
    unlike = least / max(strength, 1e-9)
    if not rests:
        return Standing(int(digit), max(part, RESTS), float(1 / shares.sum()), unlike)
    return Standing(int(digit), part - 1 if part > 0.5 else part, 1.0, unlike)


def turned_back(crop: NDArray[np.uint8], part: float) -> NDArray[np.uint8]:
    """Return a crop ``(h, w[, 3])`` of a wheel as it was before it turned by a part; its edge goes on."""
    rows = np.arange(len(crop)) - round(part * len(crop))
    return crop[np.clip(rows, 0, len(crop) - 1)]


def _gradients(images: NDArray[np.generic]) -> Floats:
    """Return the strengths of gradients of images, all images as strong: ``(n, h, w, directions)``."""
    cv2 = opencv()
    small = np.stack([cv2.resize(one, _SIZE[::-1], interpolation=cv2.INTER_AREA) for one in images])
    seen = strokes(small)
    down, across = np.gradient(seen, axis=1), np.gradient(seen, axis=2)
    length = np.hypot(down, across) + 1e-3
    angles = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    along = across[..., None] * np.cos(angles) + down[..., None] * np.sin(angles)
    energy = np.maximum(along, 0) ** 2 / length[..., None]
    smooth = np.stack([cv2.GaussianBlur(one, (0, 0), _SMOOTHED) for one in energy.astype(np.float32)])
    even: Floats = np.sqrt(smooth / np.sqrt((smooth**2).mean(axis=(1, 2, 3), keepdims=True) + 1e-6))
    return even


def _rows(gradients: Floats, aside: int) -> Floats:
    """Return rows of images without their edges, seen ``aside`` pixels to a side: ``(n, h, numbers)``."""
    edge = 2 + _ASIDE
    inside = gradients[:, :, edge + aside : _SIZE[1] - edge + aside]
    return np.ascontiguousarray(inside.reshape(len(gradients), _SIZE[0], -1))
