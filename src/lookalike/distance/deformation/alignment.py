"""Elastic alignment, fast: images bent smoothly to look like others.

``definition.align`` says what it is; a kernel computes the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.deformation import definition
from lookalike.distance.kernels import align as kernel
from lookalike.distance.kernels.compiled import read_only
from lookalike.distance.threads import run_chunks
from lookalike.errors import InputError
from lookalike.progress import Progress, silent

#: Pixels times pairs that one call of the kernel aligns: a tenth of a second or less.
_CALL_PIXELS = 1 << 16


def aligned(
    fixed: NDArray[np.uint8],
    moving: NDArray[np.uint8],
    pairs: ArrayLike,
    *,
    threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.uint8]:
    """Return images (n, h, w): some of ``moving`` (r, h, w) bent, smoothly, to look like some of ``fixed``.

    ``pairs`` (n, 2) say which of ``fixed``, and which of ``moving``. Each result is rounded and depends on
    the two images of its pair alone; where they are equal it is that image. The progress is told of
    compilation.

    >>> images = np.zeros((2, 20, 20), np.uint8)
    >>> images[0, 5:15, 9] = images[1, 6:16, 11] = 255
    >>> bent = aligned(images[:1], images[1:], [[0, 0]])[0]
    >>> abs(images[1].astype(int) - images[0]).sum(), int(abs(bent.astype(int) - images[0]).sum()) < 2000
    (np.int64(5100), True)
    """
    chosen = _checked(fixed, moving, pairs)
    out = np.empty((len(chosen), *moving.shape[1:]), np.uint8)
    job = _Alignment(fixed, moving)
    if not kernel.align.is_ready(job.course):
        progress("compiling alignment (first use only)", 0, 1)
        job.align(chosen[:0], out[:0])
        progress("compiling alignment (first use only)", 1, 1)
    step = max(1, _CALL_PIXELS // max(1, moving[0].size))

    def work(start: int) -> Iterator[None]:
        part = slice(start, start + step)
        job.align(chosen[part], out[part])
        yield

    run_chunks(work, range(0, len(chosen), step), threads)
    return out


def places(fixed: NDArray[np.uint8], moving: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return where each pixel of one image is taken from (2, h, w), so that it looks like another one.

    Places may lie outside of ``moving``.
    """
    chosen = _checked(fixed[None], moving[None], [[0, 0]])
    return _Alignment(fixed[None], moving[None]).align(chosen, np.empty((1, *moving.shape), np.uint8))


class _Alignment:
    """Images blurred, and all that the kernel is told."""

    def __init__(self, fixed: NDArray[np.uint8], moving: NDArray[np.uint8]) -> None:
        height, width = moving.shape[1:]
        self._images = read_only(moving)
        self._fixed, self._moving = self._blurred(read_only(fixed)), self._blurred(self._images)
        lengths = np.full(3 + definition.POINTS**2, definition.PIXEL_STEP)
        lengths[:2] = definition.LINEAR_STEP
        self.course = kernel.Course(
            down=definition.spline_weights(height),
            across=definition.spline_weights(width),
            turns=np.array(definition.TURNS),
            lengths=lengths,
            grain=definition.GRAIN,
            stiff=definition.STIFF,
            smooth=definition.SMOOTH,
        )

    def align(self, pairs: NDArray[np.int64], out: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Align some pairs, and return where the pixels of the last came from."""
        found = np.empty((2, *out.shape[1:]))
        kernel.align(self._fixed, self._moving, self._images, pairs, self.course, found, out)
        return found

    @staticmethod
    def _blurred(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return each image as each level of blur shows it."""
        n, height, width = images.shape
        down, across = (
            np.stack([definition.bell_weights(size, sigma) for sigma in definition.SIGMAS])
            for size in (height, width)
        )
        out = np.empty((n, len(definition.SIGMAS), height, width))
        kernel.blur(images, down, across, definition.GRAIN, out)
        return out


def _checked(fixed: NDArray[np.uint8], moving: NDArray[np.uint8], pairs: ArrayLike) -> NDArray[np.int64]:
    """Return pairs, checked, of images that are checked too."""
    for images in (fixed, moving):
        if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
            raise InputError(
                f"images are {images.dtype} of shape {images.shape}: expected uint8 (n, h, w), none of them 0"
            )
    if fixed.shape[1:] != moving.shape[1:]:
        raise InputError(f"images are of sizes {fixed.shape[1:]} and {moving.shape[1:]}: expected one size")
    chosen = np.asarray(pairs)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or chosen.dtype.kind not in "iu":
        raise InputError(f"pairs are {chosen.dtype} of shape {chosen.shape}: expected integers (n, 2)")
    if chosen.size and ((chosen < 0) | (chosen >= [len(fixed), len(moving)])).any():
        raise InputError(f"a pair is not there: expected 0 to {len(fixed) - 1}, and 0 to {len(moving) - 1}")
    return np.ascontiguousarray(chosen, np.int64)
