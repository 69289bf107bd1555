"""Edges of each direction around points of a grid, in integers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lookalike.distance.kernels.compiled import Kernel

#: Directions, 45 degrees apart.
DIRECTIONS = 8
#: A gradient is a straight part and a diagonal one, which is 7 / 5 (for the root of 2) as long as its legs.
STRAIGHT, DIAGONAL = 5, 7


@njit(nogil=True, inline="always")
def _directions(down: int, across: int) -> Any:
    """Return the straight and the diagonal direction that a gradient lies between, in eighths of a turn."""
    sideways, downwards = (0 if across > 0 else 4), (2 if down > 0 else 6)
    straight = sideways if abs(across) >= abs(down) else downwards
    if down > 0:
        return straight, 1 if across > 0 else 3
    return straight, 7 if across > 0 else 5


@Kernel
def add_edges(
    gradients: Any, down: NDArray[np.int32], across: NDArray[np.int32], out: NDArray[np.int32]
) -> None:
    """Add to ``out[i, b, r, c]`` the edges of direction ``b`` of image ``i``, weighted around a grid point.

    Parameters
    ----------
    gradients : ndarray of shape (n, 2, h, w), int16
        Sobel gradients, the one down first.
    down : ndarray of shape (rows, h), int32
        How much each row of pixels weighs for each row of the grid.
    across : ndarray of shape (w, columns), int32
        How much each column of pixels weighs for each column of the grid.
    out : ndarray of shape (n, 8, rows, columns), int32
    """
    rows, columns = out.shape[2], out.shape[3]
    line = np.zeros((DIRECTIONS, columns), np.int32)
    for i in range(gradients.shape[0]):
        for y in range(gradients.shape[2]):
            line[:] = 0
            for x in range(gradients.shape[3]):
                gy, gx = int(gradients[i, 0, y, x]), int(gradients[i, 1, y, x])
                if gy == 0 and gx == 0:
                    continue
                straight, diagonal = _directions(gy, gx)
                long, short = max(abs(gx), abs(gy)), min(abs(gx), abs(gy))
                for c in range(columns):
                    line[straight, c] += STRAIGHT * (long - short) * across[x, c]
                    line[diagonal, c] += DIAGONAL * short * across[x, c]
            for r in range(rows):
                if down[r, y] != 0:
                    for b in range(DIRECTIONS):
                        for c in range(columns):
                            out[i, b, r, c] += down[r, y] * line[b, c]
