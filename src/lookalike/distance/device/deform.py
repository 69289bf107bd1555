"""The deformable distance of pairs of images that are tensors, on their device."""

from __future__ import annotations

from typing import Any

from lookalike.distance.deformation.definition import displacements
from lookalike.distance.deformation.matching import checked_context, checked_warp
from lookalike.errors import InputError

Tensor = Any

#: Values of planes, margins counted, that are worked on at once, of which each takes up to 60 bytes.
VALUES = 2**22
_LARGEST_INT32 = 2**31 - 1


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
    step = max(1, VALUES // (planes * wide))
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
