"""Distances between torch tensors, where they are: on a CUDA card, or on the CPU by the same code.

Between bytes everything is an integer and exact, so that neighbours are those of the compiled search on the
CPU, ties included. :class:`DeviceIndex` finds the nearest images, :func:`deformable_distances` is the
deformable distance of pairs. Sums of pairs are those of ``tensor_sums``; the kernel for CUDA alone is
``kernels.triton_l1``.

Without a card, products of signed bytes are tested by a stand-in that asks for what cards ask for, the Triton
kernel in Triton's interpreter and by building it for three kinds of cards. This code was written without a
CUDA card at hand: on one it has not been run yet. ``python -m benchmarks.on_device`` checks and measures it.

Nothing here imports torch before it is called.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.deformation.definition import displacements
from lookalike.distance.deformation.matching import checked_context, checked_warp
from lookalike.distance.kernels.compiled import checked_k
from lookalike.distance.metrics import kernels_of
from lookalike.distance.search import ImageIndex
from lookalike.errors import InputError
from lookalike.progress import Progress, silent
from lookalike.tensors import to_tensor

Tensor = Any

#: Pairs that are compared at once, of which each takes up to 40 bytes ...
PAIRS = 2**22
#: ... queries that are worked on together, as far as their best so far are few ...
QUERIES = 2048
#: ... and values of rows that are read at once, of which each takes up to 16 bytes (CPU: 24).
VALUES = 2**23
#: Values of planes, margins counted, that are worked on at once, of which each takes up to 60 bytes.
PLANE_VALUES = 2**22
_LARGEST_INT32 = 2**31 - 1


class DeviceIndex:
    """Images on a device, of which the nearest to others are found exactly.

    What :class:`lookalike.distance.search.ImageIndex` is to NumPy: the same distances, the same positions,
    equal distances to the lowest of them. All pairs are compared, a block at a time; a block keeps its k
    nearest. Answers do not depend on the blocks or the device.

    The index holds no more than the images, a tensor (n, ...) of bytes. A search takes at most about 300 MB
    besides its result, and 16 bytes for each value of one image where an image has more than 2^23 of them.
    """

    def __init__(self, images: Tensor, metric: str = "l1") -> None:
        self._sums = kernels_of(metric).device
        self.metric = metric
        self.shape: tuple[int, ...] = tuple(images.shape[1:])
        if not images.numel():
            raise InputError(f"images have shape {tuple(images.shape)}: expected at least one, of one value")
        self._rows = self._checked(images)

    def __len__(self) -> int:
        return len(self._rows)

    def take(self, positions: Any) -> Tensor:
        """Return a copy of the images at ``positions``, a sequence of whole numbers."""
        import torch

        chosen = torch.as_tensor(positions, device=self._rows.device, dtype=torch.int64)
        return self._rows[chosen].reshape(-1, *self.shape)

    def search(self, queries: Tensor, k: int, *, progress: Progress = silent) -> tuple[Tensor, Tensor]:
        """Return the distances and positions (q, k), int64, of the k nearest indexed images of each query.

        Distances are sums of absolute (L1) or squared (L2) differences of bytes, ascending; equal ones by
        ascending position. The progress hears of queries done.
        """
        import torch

        rows = self._checked(queries)
        if rows.device != self._rows.device:
            raise InputError(f"queries are on {rows.device}: expected {self._rows.device}, as the index")
        k = checked_k(k, len(self), "images of the index")
        # What is smallest so far is held once more beside each block's own.
        step = max(1, min(QUERIES, PAIRS // k, VALUES // rows.shape[1]))
        keys = torch.empty((len(rows), k), dtype=torch.int64, device=rows.device)
        for start in range(0, len(rows), step):
            progress("searching", start, len(rows))
            keys[start : start + step] = self._nearest(rows[start : start + step], k)
        progress("searching", len(rows), len(rows))
        positions = keys.remainder(len(self))
        return keys.sub_(positions).floor_divide_(len(self)), positions

    def _nearest(self, queries: Tensor, k: int) -> Tensor:
        """Return the k smallest keys of some queries, ascending.

        The key of a pair is its distance times the number of images, plus the image's position: no two keys
        are equal, so that the smallest are the same however they are found. A distance is below 2^16 times
        the features, and so a key below 2^16 times the bytes of the index, which int64 holds.
        """
        import torch

        step = max(1, min(PAIRS // len(queries), VALUES // queries.shape[1]))
        best = queries.new_empty((len(queries), 0), dtype=torch.int64)
        for start in range(0, len(self), step):
            sums = self._sums(queries, self._rows[start : start + step])
            places = torch.arange(start, start + sums.shape[1], device=sums.device)
            keys = sums.mul_(len(self)).add_(places)
            best = torch.cat([best, _smallest(keys, k)], dim=1)
            best = _smallest(best, k)
        return best

    def _checked(self, images: Tensor) -> Tensor:
        """Return images of bytes as rows, refusing images of another shape or kind."""
        import torch

        if images.dtype != torch.uint8 or images.ndim < 2 or tuple(images.shape[1:]) != self.shape:
            raise InputError(
                f"images are {images.dtype} of shape {tuple(images.shape)}: expected torch.uint8 "
                f"(n, {', '.join(map(str, self.shape)) or '...'})"
            )
        return images.detach().reshape(len(images), -1)


class ArraysOnDevice:
    """A :class:`DeviceIndex` that is asked, and answers, in NumPy: it stands in for an ``ImageIndex``."""

    def __init__(self, images: Tensor, metric: str) -> None:
        self._index = DeviceIndex(images, metric)
        self._device = images.device
        self.metric = metric

    @classmethod
    def of(cls, index: ImageIndex, device: Any) -> ArraysOnDevice:
        """Return the same images on a device."""
        return cls(to_tensor(index.take(np.arange(len(index))), device), index.metric)

    def take(self, positions: ArrayLike) -> Tensor:
        """Return the images at ``positions``, a tensor."""
        return self._index.take(np.asarray(positions))

    def search(
        self, queries: NDArray[np.uint8], k: int, *, progress: Progress = silent
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what ``ImageIndex.search`` returns."""
        distances, positions = self._index.search(to_tensor(queries, self._device), k, progress=progress)
        return distances.cpu().numpy(), positions.cpu().numpy()


def _smallest(keys: Tensor, k: int) -> Tensor:
    """Return the k smallest of each row, ascending; all of them where there are no more."""
    return keys.topk(min(k, keys.shape[1]), dim=1, largest=False, sorted=True).values


def deformable_distances(
    queries: Tensor, references: Tensor, *, warp: int | tuple[int, int], context: int
) -> Tensor:
    """Return how unlike the images of pairs are after letting the reference's pixels move a little.

    These are the integers of :func:`lookalike.distance.deformation.definition.match`, for the planes ``(n, p,
    h, w)`` of ``n`` pairs: gradients, or the images themselves as one plane; values of at most 16 bits and a
    sign. For the distance in both directions add that of the pairs the other way round. Memory besides
    arguments and result stays at about 250 MB, or at what one pair takes where that is more.
    """
    import torch

    reach, radius = checked_warp(warp), checked_context(context)
    _check_pairs(queries, references)
    n, planes, height, width = queries.shape
    distances = torch.empty(n, dtype=torch.int64, device=queries.device)
    wide = (height + 2 * (reach[0] + radius)) * (width + 2 * (reach[1] + radius))
    step = max(1, PLANE_VALUES // (planes * wide))
    kind = _kind(queries, references, planes * (2 * radius + 1) ** 2)
    for start in range(0, n, step):
        part = slice(start, start + step)
        costs = _costs(queries[part].to(kind), references[part].to(kind), reach, radius)
        distances[part] = costs.sum(dim=(1, 2))
    return distances


def _costs(queries: Tensor, references: Tensor, warp: tuple[int, int], context: int) -> Tensor:
    """Return the least cost of each pixel, ``(n, h, w)``, over all displacements."""
    from torch.nn.functional import pad

    # From the last axis on: left, right, above, below.
    framed = pad(queries, (context,) * 4)
    wide = pad(references, (warp[1] + context,) * 2 + (warp[0] + context,) * 2)
    height, width = framed.shape[2:]
    least = None
    for down, across in displacements(warp):
        top, left = warp[0] + down, warp[1] + across
        moved = wide[:, :, top : top + height, left : left + width]
        costs = _patch_sums(_squares(framed, moved), context)
        least = costs if least is None else least.minimum(costs)
    return least


def _squares(queries: Tensor, references: Tensor) -> Tensor:
    """Return the sum over the planes of squared differences: one by one, since integers sum slowly."""
    sums = (queries[:, 0] - references[:, 0]).square_()
    for plane in range(1, queries.shape[1]):
        sums += (queries[:, plane] - references[:, plane]).square_()
    return sums


def _patch_sums(values: Tensor, context: int) -> Tensor:
    """Return the sum over the square around each value that has one: first downwards, then across."""
    height, width = (length - 2 * context for length in values.shape[1:])
    rows = values[:, :height].clone()
    for offset in range(1, 2 * context + 1):
        rows += values[:, offset : offset + height]
    sums = rows[:, :, :width].clone()
    for offset in range(1, 2 * context + 1):
        sums += rows[:, :, offset : offset + width]
    return sums


def _kind(queries: Tensor, references: Tensor, terms: int) -> Any:
    """Return int32 where no sum of so many squares can leave it, which is quicker; else int64."""
    import torch

    ends = [int(end) for part in (queries, references) if part.numel() for end in part.aminmax()]
    # Beyond the border is 0.
    span = max([*ends, 0]) - min([*ends, 0])
    return torch.int32 if span**2 * terms <= _LARGEST_INT32 else torch.int64


def _check_pairs(queries: Tensor, references: Tensor) -> None:
    """Refuse planes that are no pairs of images of integers on one device."""
    shapes = tuple(queries.shape), tuple(references.shape)
    if shapes[0] != shapes[1] or len(shapes[0]) != 4 or 0 in shapes[0][1:]:
        raise InputError(
            f"planes have shapes {shapes[0]} and {shapes[1]}: expected twice the same (n, p, h, w)"
        )
    for planes in (queries, references):
        if planes.is_floating_point() or planes.is_complex():
            raise InputError(f"planes are {planes.dtype}: expected whole numbers")
    if queries.device != references.device:
        raise InputError(f"planes are on {queries.device} and {references.device}: expected one device")
