"""What is measured of an image as a whole, as a row of numbers: colour, texture, edges.

Each function takes bytes ``(n, h, w)`` or ``(n, h, w, c)`` and returns ``(n, d)`` float64. What it
returns for an image does not depend on the other images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lookalike.data.look import gray_bytes
from lookalike.data.pixels import resized_batch
from lookalike.distance.deformation.planes import edge_descriptors
from lookalike.search.mixture.jitter import jittered

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float64]

#: The longer sides at which colour, texture, its energy and edges are measured.
_COLOUR_SIDE, _TEXTURE_SIDE, _ENERGY_SIDE, _EDGE_SIDE = 32, 48, 128, 32
#: Points of the histogram along lightness (0 to 100), and along a* and b* (-60 to 60; beyond is at the
#: end).
_LIGHTNESS, _CHROMA, _WIDEST = 4, 7, 60.0
#: Radii of local binary patterns, cells along a side, and kinds of patterns: 58 uniform ones and all
#: others.
_RADII, _CELLS, _PATTERNS = (1, 2, 4), 2, 59
#: Grays that differ by less are equal to a pattern.
_EQUAL = 1e-3
#: Scales of texture energy: each has half the pixels a side of the one before. What is added before
#: logarithms.
_SCALES, _NOISE = 4, 4.0
_PERCENTILES = (2, 10, 25, 50, 75, 90, 98)

#: So many images are measured at once: what is worked out of them on the way is large.
_FEW = 64

#: sRGB, made linear, to XYZ (IEC 61966-2-1), then over that of white: grays have no chroma.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_TO_XYZ /= _TO_XYZ.sum(axis=1, keepdims=True)


def colour(images: Bytes) -> Floats:
    r"""Return the square roots of a soft histogram of colours, 4 x 7 x 7 points of CIE L*a*b*: length 1.

    Each pixel is shared between the eight points around it, linearly. Gray images have their lightness
    alone.

    >>> round(float(colour(np.full((1, 2, 2), 255, np.uint8)).max()), 6)
    1.0
    """
    channels = rgb(_within(images, _COLOUR_SIDE)).reshape(len(images), -1, 3)
    values = _lab(channels)
    sides = np.array([_LIGHTNESS, _CHROMA, _CHROMA])
    low, high = np.array([0.0, -_WIDEST, -_WIDEST]), np.array([100.0, _WIDEST, _WIDEST])
    place = np.clip((values - low) / (high - low) * (sides - 1), 0, sides - 1)
    first = np.minimum(place.astype(np.intp), sides - 2)
    part = place - first
    bins = int(np.prod(sides))
    start = np.arange(len(images))[:, None] * bins
    total = np.zeros(len(images) * bins)
    for corner in np.ndindex(2, 2, 2):
        at = first + corner
        cell = (at[..., 0] * _CHROMA + at[..., 1]) * _CHROMA + at[..., 2]
        weight = np.where(corner, part, 1 - part).prod(axis=2)
        total += np.bincount((start + cell).ravel(), weight.ravel(), minlength=len(total))
    roots: Floats = np.sqrt(total.reshape(len(images), bins) / channels.shape[1])
    return roots


def texture(images: Bytes) -> Floats:
    r"""Return the square roots of histograms of uniform local binary patterns, in 2 x 2 soft cells.

    Around each pixel of the gray image, its longer side brought to 48 pixels, eight points of circles of
    radius 1, 2 and 4 are each as bright as it, or not; patterns that change at most twice around the circle
    are told apart, all others are one (T. Ojala, M. Pietikainen and T. Maenpaa, "Multiresolution gray-scale
    and rotation invariant texture classification with local binary patterns", IEEE PAMI 24, 2002).
    """
    gray = _sized(gray_bytes(images), _TEXTURE_SIDE).astype(np.float32)
    n, height, width = gray.shape
    cells = np.einsum("iy,jx->ijyx", _soft_cells(height), _soft_cells(width)).reshape(_CELLS**2, -1)
    start = np.arange(n)[:, None] * _PATTERNS
    found = []
    for radius in _RADII:
        patterns = _uniform()[_codes(gray, radius)].reshape(n, -1) + start
        for cell in cells:
            weights = np.broadcast_to(cell, patterns.shape)
            counts = np.bincount(patterns.ravel(), weights.ravel(), minlength=n * _PATTERNS)
            found.append(counts.reshape(n, _PATTERNS) / cell.sum())
    roots: Floats = np.sqrt(np.concatenate(found, axis=1))
    return roots


def energy(images: Bytes) -> Floats:
    """Return logarithms of how strong edges and spots are at four scales, and percentiles of gray.

    At each scale: mean squares of the differences of neighbours down, across and along both diagonals,
    and of the Laplacian; its mean and 50th, 75th, 90th and 97th percentiles. Percentiles of gray are in
    127.5ths.
    """
    gray = gray_bytes(_within(images, _ENERGY_SIDE)).astype(np.float64)
    found: list[Floats] = []
    scaled = gray
    for _ in range(_SCALES):
        found += _energies(scaled)
        height, width = (side // 2 * 2 for side in scaled.shape[1:])
        if min(height, width) > 1:
            blocks = scaled[:, :height, :width].reshape(len(gray), height // 2, 2, width // 2, 2)
            scaled = blocks.mean(axis=(2, 4))
    levels = np.percentile(gray, _PERCENTILES, axis=(1, 2)) / 127.5
    return np.stack([*found, *levels], axis=1)


def edges(images: Bytes) -> Floats:
    """Return the square roots of how much edge of each of eight directions there is on a grid: length 1.

    It is :func:`lookalike.distance.deformation.planes.edge_descriptors` of the gray image, its longer
    side at most 32 pixels: histograms of gradients (N. Dalal and B. Triggs, CVPR 2005).
    """
    gray = _edge_gray(images)
    described = np.sqrt(edge_descriptors(gray).reshape(len(gray), -1).astype(np.float64))
    length = np.sqrt((described**2).sum(axis=1, keepdims=True))
    scaled: Floats = described / np.maximum(length, 1e-9)
    return scaled


def altered_edges(images: Bytes, copies: int, bend: float) -> Floats:
    """Return edges ``(n * (1 + copies), d)``: of each image, followed by those of altered copies of it."""
    altered = jittered(_edge_gray(images), copies, bend)
    looks = [images, *np.split(altered, copies)] if copies else [images]
    rows = np.stack([feature_rows("edges", look) for look in looks], axis=1)
    return rows.reshape(-1, rows.shape[2])


def _edge_gray(images: Bytes) -> Bytes:
    """Return the gray images of which edges are taken."""
    return gray_bytes(_within(images, _EDGE_SIDE))


def _energies(gray: Floats) -> list[Floats]:
    """Return what :func:`energy` measures at one scale; zeros where an image is too small for it."""
    n, height, width = gray.shape
    if min(height, width) < 3:
        return [np.zeros(n)] * 10
    steps = (
        gray[:, 1:] - gray[:, :-1],
        gray[:, :, 1:] - gray[:, :, :-1],
        gray[:, 1:, 1:] - gray[:, :-1, :-1],
        gray[:, 1:, :-1] - gray[:, :-1, 1:],
    )
    around = gray[:, 2:, 1:-1] + gray[:, :-2, 1:-1] + gray[:, 1:-1, 2:] + gray[:, 1:-1, :-2]
    spots = around - 4 * gray[:, 1:-1, 1:-1]
    mean_squares = [np.log((values**2).mean(axis=(1, 2)) + _NOISE) for values in (*steps, spots)]
    size = np.abs(spots)
    sizes = [size.mean(axis=(1, 2)), *np.percentile(size, (50, 75, 90, 97), axis=(1, 2))]
    return mean_squares + [np.log(values + _NOISE / 2) for values in sizes]


def _codes(gray: NDArray[np.float32], radius: int) -> NDArray[np.uint8]:
    """Return for each pixel which of eight points around it are as bright: a bit each."""
    _, height, width = gray.shape
    wide = np.pad(gray, ((0, 0), (radius, radius), (radius, radius)), mode="edge")
    codes = np.zeros(gray.shape, np.uint8)

    def at(row: int, column: int) -> NDArray[np.float32]:
        row, column = (radius + max(-radius, min(radius, place)) for place in (row, column))
        return wide[:, row : row + height, column : column + width]

    for bit in range(8):
        down, across = radius * np.sin(bit * np.pi / 4), radius * np.cos(bit * np.pi / 4)
        top, left = int(np.floor(down + 1e-9)), int(np.floor(across + 1e-9))
        low, right = np.float32(max(down - top, 0)), np.float32(max(across - left, 0))
        upper = at(top, left) + right * (at(top, left + 1) - at(top, left))
        lower = at(top + 1, left) + right * (at(top + 1, left + 1) - at(top + 1, left))
        codes |= (upper + low * (lower - upper) >= gray + np.float32(_EQUAL)).astype(np.uint8) << bit
    return codes


@cache
def _uniform() -> NDArray[np.intp]:
    """Return the number of each of 256 patterns: 0 to 57 where it changes at most twice around, else 58."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(uniform, np.cumsum(uniform) - 1, _PATTERNS - 1)


def _soft_cells(length: int) -> Floats:
    """Return how much each pixel of an axis belongs to each cell, ``(cells, length)``: columns sum to 1."""
    place = np.clip((np.arange(length) + 0.5) / length * _CELLS - 0.5, 0, _CELLS - 1)
    weights: Floats = np.maximum(0, 1 - np.abs(place - np.arange(_CELLS)[:, None]))
    return weights


def _lab(rgb: Floats) -> Floats:
    """Return sRGB values in 0-1 as CIE L*a*b*."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.einsum("...i,ji->...j", linear, _TO_XYZ)
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), xyz * (24389 / 27 / 116) + 16 / 116)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb(images: Bytes) -> Floats:
    """Return images as three channels in 0-1, ``(n, h, w, 3)``; opacity is laid on white."""
    values = images.astype(np.float64) / 255
    if images.ndim == 3:
        values = values[..., None]
    if values.shape[3] in (2, 4):
        opacity = values[..., -1:]
        values = values[..., :-1] * opacity + (1 - opacity)
    return np.broadcast_to(values, (*values.shape[:3], 3))


def _within(images: Bytes, longest: int) -> Bytes:
    """Return images whose longer side is at most so many pixels."""
    return images if max(images.shape[1:3]) <= longest else _sized(images, longest)


def _sized(images: Bytes, longer: int) -> Bytes:
    """Return images whose longer side is so many pixels."""
    scale = longer / max(images.shape[1:3])
    height, width = (max(1, round(side * scale)) for side in images.shape[1:3])
    return resized_batch(images, (height, width))


FEATURES: Mapping[str, Callable[[Bytes], Floats]] = {
    "colour": colour,
    "texture": texture,
    "energy": energy,
    "edges": edges,
}


def feature_rows(name: str, images: Bytes) -> Floats:
    """Return one of the features of images, a few at a time."""
    parts = (images[start : start + _FEW] for start in range(0, len(images), _FEW))
    return np.concatenate([FEATURES[name](np.ascontiguousarray(part)) for part in parts])
