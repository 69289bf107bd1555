"""The loops of elastic alignment: one image is bent to look like another, step by step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lookalike.distance.kernels.compiled import Kernel

Floats = NDArray[np.float64]


class Course(NamedTuple):
    """How an alignment goes; ``lookalike.distance.deformation.definition`` says what it means."""

    down: Floats  # (points, h): how much each point of the grid weighs in each row
    across: Floats  # (points, w)
    turns: NDArray[np.int64]  # (levels,): how many steps each level of blur takes
    lengths: Floats  # (3 + points * points,): how far a step moves each parameter at most
    grain: float  # slopes are rounded to multiples of it
    stiff: float
    smooth: float


@Kernel
def blur(images: NDArray[np.uint8], down: Floats, across: Floats, grain: float, out: Floats) -> None:
    """Write each image, blurred as each level asks for, scaled to a root mean square of 1, and rounded.

    ``down`` (levels, h, h) and ``across`` (levels, w, w) say how much each pixel of an axis weighs for each
    blurred one; ``out`` (n, levels, h, w) are multiples of ``grain``.
    """
    n, levels, height, width = out.shape
    line = np.empty(width)
    for i in range(n):
        for level in range(levels):
            total = 0.0
            for y in range(height):
                line.fill(0)
                for other in range(height):
                    for x in range(width):
                        line[x] += down[level, y, other] * images[i, other, x]
                for x in range(width):
                    value = 0.0
                    for other in range(width):
                        value += across[level, x, other] * line[other]
                    out[i, level, y, x] = value
                    total += value * value
            scale = 1 / np.sqrt(total / (height * width)) if total > 0 else 0.0
            for y in range(height):
                for x in range(width):
                    out[i, level, y, x] = np.rint(out[i, level, y, x] * scale / grain) * grain


@njit(nogil=True)
def _write_places(motion: Floats, course: Any, lines: Floats, places: Floats) -> None:
    """Write where each pixel is taken from: ``places[0]`` down, ``places[1]`` across."""
    points, height = course.down.shape
    width = course.across.shape[1]
    for axis in range(2):
        lines.fill(0)
        for i in range(points):
            for j in range(points):
                value = motion[axis, 3 + i * points + j]
                for x in range(width):
                    lines[i, x] += value * course.across[j, x]
        for y in range(height):
            row = places[axis, y]
            start = motion[axis, 2] + motion[axis, 0] * (y - (height - 1) / 2) + (y if axis == 0 else 0)
            for x in range(width):
                row[x] = start + motion[axis, 1] * (x - (width - 1) / 2) + (x if axis == 1 else 0)
            for i in range(points):
                weight = course.down[i, y]
                if weight != 0:
                    for x in range(width):
                        row[x] += weight * lines[i, x]


@njit(nogil=True)
def _between(place: float, size: int) -> Any:
    """Return the pixels before and after a place, how far it is from the first, and whether it is inside."""
    kept = min(max(place, 0.0), size - 1.0)
    first = np.uintp(kept)  # unsigned: Numba need not ask whether to count from the end
    return first, min(first + np.uintp(1), np.uintp(size - 1)), kept - first, kept == place


@njit(nogil=True)
def _sample(image: Any, places: Floats, out: Floats, slopes: Floats) -> None:
    """Write the image's values at some places, between pixels in proportion, and how steep it is there."""
    height, width = image.shape
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            top, bottom, below, in_rows = _between(places[0, y, x], height)
            left, right, beside, in_columns = _between(places[1, y, x], width)
            corner, low_corner = float(image[top, left]), float(image[bottom, left])
            first, second = image[top, right] - corner, image[bottom, right] - low_corner
            above = corner + beside * first
            under = low_corner + beside * second
            out[y, x] = above + below * (under - above)
            slopes[0, y, x] = under - above if in_rows else 0.0
            slopes[1, y, x] = first + below * (second - first) if in_columns else 0.0


@njit(nogil=True)
def _add_roughness(motion: Floats, course: Any, gradient: Floats) -> None:
    """Add what being bent costs: a linear part, and neighbouring points of the grid that move apart."""
    points = course.down.shape[0]
    for axis in range(2):
        for k in range(2):
            gradient[axis, k] += 2 * course.stiff * motion[axis, k]
        for i in range(points):
            for j in range(points):
                at = 3 + i * points + j
                value, apart = motion[axis, at], 0.0
                if i > 0:
                    apart += value - motion[axis, at - points]
                if i < points - 1:
                    apart += value - motion[axis, at + points]
                if j > 0:
                    apart += value - motion[axis, at - 1]
                if j < points - 1:
                    apart += value - motion[axis, at + 1]
                gradient[axis, at] += 2 * course.smooth * apart


@njit(nogil=True)
def _write_gradient(forces: Floats, course: Any, lines: Floats, gradient: Floats) -> None:
    """Write how what differs changes with each parameter; ``forces`` is how it changes with each place."""
    points, height = course.down.shape
    width = course.across.shape[1]
    for axis in range(2):
        lines.fill(0)
        gradient[axis].fill(0)
        for y in range(height):
            row = forces[axis, y]
            whole, turned = 0.0, 0.0
            for x in range(width):
                whole += row[x]
                turned += row[x] * (x - (width - 1) / 2)
            gradient[axis, 0] += whole * (y - (height - 1) / 2)
            gradient[axis, 1] += turned
            gradient[axis, 2] += whole
            for i in range(points):
                weight = course.down[i, y]
                if weight != 0:
                    for x in range(width):
                        lines[i, x] += weight * row[x]
        for i in range(points):
            for j in range(points):
                total = 0.0
                for x in range(width):
                    total += lines[i, x] * course.across[j, x]
                gradient[axis, 3 + i * points + j] = total


@njit(nogil=True)
def _move(motion: Floats, gradient: Floats, moments: Floats, course: Any, turn: int) -> None:
    """Take a step of Adam (Kingma and Ba 2015), the ``turn``-th from 1."""
    first, second = 1 - 0.9**turn, 1 - 0.999**turn
    for axis in range(2):
        for k in range(motion.shape[1]):
            slope = np.rint(gradient[axis, k] / course.grain) * course.grain
            moments[0, axis, k] = 0.9 * moments[0, axis, k] + 0.1 * slope
            moments[1, axis, k] = 0.999 * moments[1, axis, k] + 0.001 * slope * slope
            spread = np.sqrt(moments[1, axis, k] / second)
            motion[axis, k] -= course.lengths[k] * (moments[0, axis, k] / first) / (spread + 1e-8)


@Kernel
def align(
    fixed: Floats,
    moving: Floats,
    images: NDArray[np.uint8],
    pairs: NDArray[np.int64],
    course: Any,
    places: Floats,
    out: NDArray[np.uint8],
) -> None:
    """Write the images of some pairs, bent to look like others, to ``out`` (n, h, w).

    ``fixed`` and ``moving`` (images, levels, h, w) are what ``blur`` wrote; ``images`` are those that are
    bent, as they are; ``pairs`` (n, 2) say which stays, and which is bent. ``places`` (2, h, w) becomes where
    the pixels of the last pair came from.
    """
    points, width = course.across.shape
    height = course.down.shape[1]
    seen, slopes, lines = np.empty((height, width)), np.empty((2, height, width)), np.empty((points, width))
    motion = np.empty((2, 3 + points * points))
    gradient, moments = np.empty(motion.shape), np.empty((2, *motion.shape))
    for n in range(len(pairs)):
        motion.fill(0)
        moments.fill(0)
        turn = 0
        for level in range(len(course.turns)):
            aim, source = fixed[pairs[n, 0], level], moving[pairs[n, 1], level]
            for _ in range(course.turns[level]):
                turn += 1
                _write_places(motion, course, lines, places)
                _sample(source, places, seen, slopes)
                for y in range(height):
                    for x in range(width):
                        difference = (seen[y, x] - aim[y, x]) * 2 / (height * width)
                        slopes[0, y, x] *= difference
                        slopes[1, y, x] *= difference
                _write_gradient(slopes, course, lines, gradient)
                _add_roughness(motion, course, gradient)
                _move(motion, gradient, moments, course, turn)
        _write_places(motion, course, lines, places)
        _sample(images[pairs[n, 1]], places, seen, slopes)
        for y in range(height):
            for x in range(width):
                out[n, y, x] = int(np.rint(seen[y, x]))
