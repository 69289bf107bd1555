"""What is worked out once of each image: planes to compare, and a coarse description to find candidates by.

A plane is an image of small signed numbers; a gradient needs two. They are laid out for the kernels: see
:class:`Planes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.kernels.sums import DIRECTIONS, add_edges
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.images import ImageBatch
from lookalike.progress import Progress, silent

#: The largest value of a plane, so that a difference of two fits a signed byte and its square 16 bits.
LARGEST = 63
#: How many lanes of a vector belong to one image.
LANES = 8
#: Sobel gradients, -1020 to 1020, are divided by this: -30 to 30, of which a 3x3 context fits 16 bits.
SOBEL_UNIT = np.float32(34)
#: Gradients of a double angle are cut at this many times their local root mean square ...
_STEEPEST = 3.0
#: ... which becomes this value.
_STEEPEST_VALUE = 39
#: A root mean square below this (in Sobel units: 4 gray levels of a full edge) is noise: it is not blown up.
_NOISE = 16.0
_CHUNK_BYTES = 2**22
#: So many pixels are averaged at a time: they stay in the processor's cache.
_CACHED = 2**14
#: Pixels between two points of the grid, and the Gaussian around each.
SPACING, SIGMA = 4, 2.0
#: The weights of the Gaussian along one axis are rounded to this many parts.
_PARTS = 256
#: The sum that becomes 255: a straight, sharp edge from black to white through the middle of the Gaussian.
_STRONGEST = 1 << 27
#: So many pixels are described at a time.
_CHUNK_PIXELS = 1 << 18


@dataclass(frozen=True, eq=False)
class Planes:
    """The planes of a set of images, laid out so that kernels move nothing across the lanes of a vector.

    The columns of an image, with ``gap`` columns of zeros around them, are dealt out to 8 lanes in runs of
    ``f``: column ``c`` is number ``c % f`` (its phase) of lane ``c // f``. So the neighbour of a column lies
    in the same lane of the next phase, and all columns of a phase lie in one vector. Two planes are
    interleaved.
    """

    packed: NDArray[np.int8]  # (n, pairs, f, h, 16), C order; where planes are odd in number, one is zeros
    shape: tuple[int, int]  # height and width of the images
    gap: int  # how many columns of zeros lie between two rows of pixels
    n_planes: int
    energy: int  # no pixel of any image has a larger sum of the squares of its planes
    #: The same for patches of ``2 context + 1`` pixels square, by context, as far as it was asked for.
    patch_energies: dict[int, int] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.packed)

    def values(self, chosen: Any = slice(None)) -> NDArray[np.int8]:
        """Return the planes of some images as plain images: an array ``(n, n_planes, h, w)``, a copy."""
        packed = self.packed[chosen]
        n, pairs, phases, height, _ = packed.shape
        dealt = packed.reshape(n, pairs, phases, height, LANES, 2)
        rows = dealt.transpose(0, 1, 5, 3, 4, 2).reshape(n, 2 * pairs, height, LANES * phases)
        left = self.gap // 2
        return np.ascontiguousarray(rows[:, : self.n_planes, :, left : left + self.shape[1]])

    def take(self, chosen: Any) -> Planes:
        """Return the planes of some images: ``chosen`` is an array of indices, a mask or a slice."""
        packed = np.ascontiguousarray(self.packed[chosen])
        return replace(self, packed=packed, patch_energies=dict(self.patch_energies))

    def patch_energy(self, context: int) -> int:
        """Return a number that no patch's sum of squares of all planes exceeds; worked out once."""
        if context not in self.patch_energies:
            height, width = (side + 2 * context for side in self.shape)
            step = max(1, _CHUNK_BYTES // (8 * height * width))
            largest = 0
            for start in range(0, len(self), step):
                values = self.values(slice(start, start + step)).astype(np.int64)
                squares = np.pad((values**2).sum(axis=1), ((0, 0), (context, context), (context, context)))
                largest = max(largest, int(window_sums(squares, 2 * context + 1).max()))
            self.patch_energies[context] = largest
        return self.patch_energies[context]

    def with_gap(self, gap: int) -> Planes:
        """Return planes with at least ``gap`` columns between rows: these where they have so many."""
        if self.gap >= gap:
            return self
        return _filled(len(self), self.shape, self.n_planes, gap, self.values)


def gap_for(warp: tuple[int, int], context: int) -> int:
    """Return how many columns of zeros a comparison needs between two rows.

    All that a displaced patch can reach beyond the frame must be zero, and sums of the context are also taken
    around pixels outside of the frame.
    """
    return max(warp[1] + context, 2 * context)


def as_planes(values: ArrayLike, *, gap: int = 4) -> Planes:
    """Return planes of any kind, integers (n, p, h, w) in -63 to 63, laid out for the kernels.

    At least ``gap`` columns of zeros are left between rows. A comparison needs the larger of ``context +
    warp`` (across) and ``2 * context``, and lays planes with fewer out anew each time.
    """
    array = np.asarray(values)
    if array.ndim != 4 or not array.size or array.dtype.kind not in "iu":
        raise InputError(
            f"planes are {array.dtype} of shape {array.shape}: expected integers (n, p, h, w), none of them 0"
        )
    if array.min() < -LARGEST or array.max() > LARGEST:
        worst = array.max() if array.max() > LARGEST else array.min()
        raise InputError(f"planes hold {worst}: expected values in -{LARGEST} to {LARGEST}; scale them down")
    n, planes, height, width = array.shape
    return _filled(n, (height, width), planes, gap, lambda part: array[part].astype(np.int8))


def sobel_planes(images: ImageBatch, *, gap: int = 4) -> Planes:
    """Return the Sobel gradients of images, divided by 34 and rounded (halves to even): -30 to 30.

    Beyond its border an image is continued by its outermost pixels, so that light paper has no edge there.
    There are two planes (down, across), or two for each channel.

    >>> sobel_planes(np.array([[[0, 0, 255, 255]]], np.uint8)).values().tolist()
    [[[[0, 0, 0, 0]], [[0, 30, 30, 0]]]]
    """
    return _gradient_planes(images, gap, lambda part: np.rint(sobel(part) / SOBEL_UNIT).astype(np.int8))


def window_weights(size: int, share: float) -> NDArray[np.float64]:
    r"""Return how much each pixel of an axis counts: less towards the border.

    .. math:: \sin^2 \left( \frac{\pi}{2} \min \left(1, \frac{d}{s} \right) \right)

    where ``d`` is how far the pixel's centre is from the nearer end, and ``s`` is ``share * size``, up to a
    half; 0: all weights are 1. It is the Tukey window (F. Harris, "On the use of windows for harmonic
    analysis with the discrete Fourier transform", Proc. IEEE 66, 1978).

    >>> window_weights(8, 0.5).round(2).tolist()
    [0.04, 0.31, 0.69, 0.96, 0.96, 0.69, 0.31, 0.04]
    """
    if share == 0:
        return np.ones(size)
    place = np.arange(size)
    away = np.minimum(place, place[::-1]) + 0.5
    weights: NDArray[np.float64] = np.sin(np.pi / 2 * np.minimum(1, away / (share * size))) ** 2
    return weights


def double_angle_planes(images: ImageBatch, *, gap: int = 4, window: float = 0.0) -> Planes:
    """Return gradients that forget how strong the light is and whether ink is dark or light: -39 to 39.

    The Sobel gradient ``(gy, gx)`` is divided by its root mean square around the pixel (a Gaussian of sigma
    4, and at least 16 of its 1020 steps, so that noise on a plain ground stays small), its length is cut at
    3, and its angle is doubled: ``(gx^2 - gy^2, 2 gx gy) / length``. The double angle is the same for a
    gradient and its opposite. Both values are averaged over the surroundings (a Gaussian of sigma 1; the
    planes are continued by their reflections), multiplied by 13 and by the window's weights of row and
    column, and rounded. There are two planes, or two for each channel.

    With a ``window``, what is near the border counts less (:func:`window_weights`): what a crop shows there
    is often what stands beside the thing that it is a crop of.

    >>> images = np.random.default_rng(0).integers(0, 256, (2, 9, 9), dtype=np.uint8)
    >>> planes = double_angle_planes(images)
    >>> np.array_equal(planes.values(), double_angle_planes(255 - images).values())
    True
    """
    return _gradient_planes(images, gap, partial(_double_angle, window=window))


def _gradient_planes(images: ImageBatch, gap: int, gradients: Callable[[Any], NDArray[np.int8]]) -> Planes:
    """Return two planes a channel by a function of ``(n, h, w)``."""
    channels = _channels(images)
    n, height, width, count = channels.shape

    def planes(part: slice) -> NDArray[np.int8]:
        if count == 1:
            return gradients(channels[part, ..., 0])
        return np.concatenate([gradients(channels[part, ..., channel]) for channel in range(count)], axis=1)

    return _filled(n, (height, width), 2 * count, gap, planes)


def _channels(images: ImageBatch) -> NDArray[np.uint8]:
    """Return images (n, h, w, c), refusing what is no batch of bytes."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}: expected uint8 (n, h, w) or (n, h, w, c)"
        )
    return images[..., None] if images.ndim == 3 else images


def sobel(images: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return the Sobel gradients (n, 2, h, w) of images: how much brighter downwards, and to the right.

    They are -1020 to 1020. Beyond its border an image is continued by its outermost pixels.
    """
    wide = np.pad(images.astype(np.int16), ((0, 0), (1, 1), (1, 1)), mode="edge")
    across = wide[:, :, :-2] + 2 * wide[:, :, 1:-1] + wide[:, :, 2:]
    along = wide[:, :-2] + 2 * wide[:, 1:-1] + wide[:, 2:]
    return np.stack([across[:, 2:] - across[:, :-2], along[:, :, 2:] - along[:, :, :-2]], axis=1)


def _double_angle(images: NDArray[np.uint8], window: float) -> NDArray[np.int8]:
    """Return gradients over their local root mean square, with their angle doubled."""
    gradients = sobel(images).astype(np.float64)
    squares = (gradients**2).sum(axis=1)
    local = _gaussian(squares, 4, "edge")
    length = np.sqrt(squares)
    strength = np.minimum(length / np.maximum(np.sqrt(local), _NOISE), _STEEPEST)
    scale = strength * (_STEEPEST_VALUE / _STEEPEST) / np.maximum(squares, 1)
    down, across = gradients[:, 0], gradients[:, 1]
    doubled = np.stack([(across**2 - down**2) * scale, 2 * across * down * scale], axis=1)
    averaged = _gaussian(doubled, 1, "symmetric")
    averaged *= np.multiply.outer(*(window_weights(size, window) for size in images.shape[1:]))
    rounded: NDArray[np.int8] = np.rint(averaged).astype(np.int8)
    return rounded


def _gaussian(images: NDArray[np.float64], sigma: float, beyond: Any) -> NDArray[np.float64]:
    """Return images (..., h, w) averaged by a Gaussian cut at 4 sigma, as ``scipy.ndimage`` averages them."""
    radius = int(4 * sigma + 0.5)
    bell = np.exp(-0.5 / sigma**2 * np.arange(-radius, radius + 1) ** 2)
    bell /= bell.sum()
    flat = images.reshape(-1, *images.shape[-2:])
    out = np.empty(flat.shape)
    step = max(1, _CACHED // flat[0].size)
    for start in range(0, len(flat), step):
        part = flat[start : start + step].transpose(1, 2, 0)
        for _ in range(2):  # down, then across, always along the first axis
            length = len(part)
            wide = np.pad(part, ((radius, radius), (0, 0), (0, 0)), beyond)
            total = wide[radius : radius + length] * bell[radius]
            both = np.empty_like(total)
            for away in range(radius, 0, -1):  # in SciPy's order: not a bit differs
                before, after = wide[radius - away :], wide[radius + away :]
                np.add(before[:length], after[:length], out=both)
                total += np.multiply(both, bell[radius + away], out=both)
            part = np.ascontiguousarray(total.transpose(1, 0, 2))
        out[start : start + step] = part.transpose(2, 0, 1)
    return out.reshape(images.shape)


def _filled(
    n: int, shape: tuple[int, int], n_planes: int, gap: int, values: Callable[[slice], NDArray[np.int8]]
) -> Planes:
    """Return planes whose values come in parts, so that little more memory is needed than the result's."""
    height, width = shape
    phases, pairs = -(-(width + gap) // LANES), -(-n_planes // 2)
    packed = np.empty((n, pairs, phases, height, 2 * LANES), np.int8)
    step = max(1, _CHUNK_BYTES // packed[0].nbytes) if n else 1
    left = (phases * LANES - width) // 2
    energy = 0
    for start in range(0, n, step):
        part = values(slice(start, min(start + step, n)))
        energy = max(energy, int((part.astype(np.int32) ** 2).sum(axis=1).max()))
        rows = np.zeros((len(part), 2 * pairs, height, LANES * phases), np.int8)
        rows[:, :n_planes, :, left : left + width] = part
        dealt = rows.reshape(len(part), pairs, 2, height, LANES, phases).transpose(0, 1, 5, 3, 4, 2)
        packed[start : start + len(part)] = dealt.reshape(len(part), *packed.shape[1:])
    return Planes(packed, shape, phases * LANES - width, n_planes, energy)


def window_sums(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Return the sum of each square window, ``length`` values long, of images (..., h, w)."""
    running = values.cumsum(axis=-2, dtype=values.dtype)
    rows = running[..., length - 1 :, :]
    rows[..., 1:, :] -= running[..., :-length, :].copy()
    running = rows.cumsum(axis=-1, dtype=values.dtype)
    sums = running[..., length - 1 :]
    sums[..., 1:] -= running[..., :-length].copy()
    return sums


def check_same_kind(first: Planes, second: Planes) -> None:
    """Refuse planes of images of two sizes, or of two numbers of planes."""
    for what, left, right in (
        ("sizes", first.shape, second.shape),
        ("numbers of planes", first.n_planes, second.n_planes),
    ):
        if left != right:
            raise InputError(f"planes have different {what}, {left} and {right}: expected the same for both")


def edge_descriptors(
    images: ImageBatch, *, threads: int | None = None, progress: Progress = silent
) -> NDArray[np.uint8]:
    """Return how much edge of each of eight directions there is around the points of a coarse grid.

    The Sobel gradient of each pixel is written as the sum of its parts along the two nearest of eight
    directions. Each direction's lengths are weighted by a Gaussian of sigma 2 around the points of a grid
    with 4 pixels between points, centred in the image. The result is the square root of the sums (so that a
    few strong edges do not outweigh the rest), scaled so that a long, straight edge from black to white is
    about 255, and rounded. All sums are integers: a description never depends on what else is described.

    The result is ``(n, 8 * ceil(h / 4), ceil(w / 4))`` bytes: direction by direction (to the right first,
    then turning downwards) the grid, as one image. Squared L2 between these finds candidates: a batch goes
    into :class:`lookalike.distance.search.ImageIndex` as it is. The edges of channels are averaged.

    >>> edge = np.zeros((1, 8, 8), np.uint8)
    >>> edge[:, :, 4:] = 255
    >>> edge_descriptors(edge)[0, :2].tolist()  # brighter to the right
    [[181, 181], [181, 181]]
    >>> edge_descriptors(edge)[0, 2:].any()  # nothing else
    np.False_
    """
    channels = _channels(images)
    n, height, width, count = channels.shape
    down, across = _weights(height), np.ascontiguousarray(_weights(width).T)
    out = np.empty((n, DIRECTIONS, len(down), across.shape[1]), np.uint8)
    step = max(1, _CHUNK_PIXELS // (height * width))

    def work(start: int) -> Iterator[None]:
        part = channels[start : start + step]
        sums = np.zeros((len(part), *out.shape[1:]), np.int32)
        for channel in range(count):
            add_edges(sobel(part[..., channel]), down, across, sums)
            yield
        roots = np.sqrt(sums * (255.0**2 / _STRONGEST / count))
        out[start : start + step] = np.rint(np.minimum(roots, 255))

    run_chunks(
        work, range(0, n, step), threads, lambda done: progress("describing edges", min(done * step, n), n)
    )
    return out.reshape(n, DIRECTIONS * len(down), across.shape[1])


def _weights(length: int) -> NDArray[np.int32]:
    """Return how much each pixel of an axis weighs for each point of the grid: an array (points, length)."""
    points = -(-length // SPACING)
    places = (length - 1 - SPACING * (points - 1)) / 2 + SPACING * np.arange(points)
    apart = places[:, None] - np.arange(length)
    bell = np.exp(-0.5 * (apart / SIGMA) ** 2) / (SIGMA * np.sqrt(2 * np.pi))
    parts: NDArray[np.int32] = np.rint(_PARTS * bell).astype(np.int32)
    return parts
