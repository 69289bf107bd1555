"""A coarse description of an image by its edges, to find candidates for the deformable distance."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lookalike import settings
from lookalike.distance.deformation.definition import sobel
from lookalike.distance.kernels.sums import DIRECTIONS, add_edges
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.images import ImageBatch
from lookalike.progress import Progress, silent

#: Pixels between two points of the grid, and the Gaussian around each.
SPACING, SIGMA = 4, 2.0
#: The weights of the Gaussian along one axis are rounded to this many parts.
_PARTS = 256
#: The sum that becomes 255: a straight, sharp edge from black to white through the middle of the Gaussian.
_STRONGEST = 1 << 27
_CHUNK_PIXELS = 1 << 18


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
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"images are {images.dtype} of shape {images.shape}: expected uint8 (n, h, w) or (n, h, w, c)"
        )
    channels = images[..., None] if images.ndim == 3 else images
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

    starts = range(0, n, step)
    run_chunks(
        work,
        starts,
        max(1, min(settings.threads() if threads is None else threads, len(starts))),
        lambda done: progress("describing edges", min(done * step, n), n),
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
