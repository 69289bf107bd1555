"""Images that are none of the digits, to see whether they are rejected."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.few_shot import zipped_images
from benchmarks.omniglot_one_shot import ZIPS
from lookalike.data.pixels import resized

Images = NDArray[np.uint8]

#: Characters that can be read as a digit, by eye: left out, since nobody should reject them.
DIGIT_LIKE = {
    "Balinese": (5, 14),
    "Early_Aramaic": (2, 3, 4, 6, 7, 12, 13, 14, 16, 17, 20),
    "Greek": (2, 3, 4, 8, 9, 15, 18),
    "Japanese_(katakana)": (2, 8, 12, 24, 27, 38, 42, 43, 46),
    "Korean": (19, 21, 22, 27, 28, 33, 37),
    "Latin": (1, 2, 7, 9, 10, 12, 15, 17, 19, 25, 26),
    "Sanskrit": (5, 12, 13, 37),
    "Tagalog": (3, 4, 16),
}
#: What may be tuned on; what is reported are the other alphabets.
TUNED_ON = ("Balinese", "Greek", "Korean", "Sanskrit")
SIDE, BOX = 28, 20
_FINER = 8


def characters(alphabets: tuple[str, ...], stroke: float) -> Images:
    """Return drawings of characters as MNIST's digits are: ``(n, 28, 28)``, light ink on dark paper."""
    found = []
    for name in ZIPS:
        for path, image in zipped_images(name, ".png"):
            alphabet, number = path[-3], int(path[-2].removeprefix("character"))
            if alphabet in alphabets and number not in DIGIT_LIKE[alphabet]:
                found.append(as_digit(image < 128, stroke))
    return np.stack(found)


def alphabets() -> tuple[str, ...]:
    """Return the alphabets that are not tuned on."""
    return tuple(name for name in DIGIT_LIKE if name not in TUNED_ON)


def as_digit(ink: NDArray[np.bool_], stroke: float) -> Images:
    """Return a drawing with strokes of a width, in a box of 20x20, its centre of mass in the middle of 28x28.

    Strokes only grow: where they are too wide already, they stay.
    """
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longer = max(ink.shape)
    grow = max(0.0, (stroke * longer / BOX - stroke_width(ink)) / (1 - stroke / BOX) / 2)
    ink = np.pad(ink, int(np.ceil(grow)))
    ink = ndimage.distance_transform_edt(~ink) <= grow
    height, width = (max(1, round(length * BOX / max(ink.shape))) for length in ink.shape)
    small = resized(np.where(ink, 255, 0).astype(np.uint8), (height, width))
    centre = ndimage.center_of_mass(small)
    top, left = (
        int(np.clip(round((SIDE - 1) / 2 - middle), 0, SIDE - length))
        for middle, length in zip(centre, small.shape, strict=True)
    )
    digit = np.zeros((SIDE, SIDE), np.uint8)
    digit[top : top + height, left : left + width] = small
    return digit


def stroke_width(ink: NDArray[np.bool_]) -> float:
    """Return the mean width of strokes, in pixels: four times the mean distance of ink to their edge."""
    inside = ndimage.distance_transform_edt(np.pad(ink, 1))
    return float(4 * (inside[inside > 0].mean() - 0.5))


def typical_stroke(images: Images) -> float:
    """Return the mean width of the strokes of some drawings, measured on finer copies of them."""
    finer = (np.kron(image, np.ones((_FINER, _FINER))) >= 128 for image in images)
    return float(np.mean([stroke_width(ink) for ink in finer])) / _FINER


def simple(digits: Images, count: int, seed: int) -> dict[str, Images]:
    """Return uniform noise, inverted digits and blanks: paper of one gray, empty or full."""
    noise = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)
    grays = np.linspace(0, 255, 256).astype(np.uint8)
    blanks = np.broadcast_to(grays[:, None, None], (256, SIDE, SIDE)).copy()
    return {"uniform noise": noise, "inverted digits": 255 - digits[:count], "blanks": blanks}


def crops_of_nothing(size: tuple[int, int]) -> Images:
    """Return the crops of meters that show no whole digit, in colour."""
    found = defaultdict(list)
    for path, image in zipped_images("meter-digits.zip", ".jpg"):
        colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        found[path[-2]].append(resized(colour, size))
    return np.stack(found["none"])
