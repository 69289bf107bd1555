"""Sums of absolute differences of bytes by a Triton kernel, for CUDA.

torch comes with Triton where it comes with CUDA, except on Windows; it is no dependency of ours. The kernel
also runs on CPU tensors in Triton's interpreter (``TRITON_INTERPRET=1``), which is how it is tested where
there is no card.
"""

from __future__ import annotations

import functools
import os
import shutil
from contextlib import nullcontext
from typing import Any

try:
    import triton
    import triton.language as tl
except ImportError:
    triton = None

Tensor = Any

#: Pairs of a program: so many queries and so many rows. Their sums stay in registers.
BLOCK_QUERIES, BLOCK_ROWS = 64, 64
#: 255 times so many features still is an int32.
MOST_FEATURES = 2**23


@functools.cache
def is_usable() -> bool:
    """Return whether Triton is there, and the C compiler that it needs."""
    if triton is None:
        return False
    return bool(os.environ.get("CC")) or any(shutil.which(name) for name in ("cc", "gcc", "clang"))


def absolute_sums(queries: Tensor, rows: Tensor) -> Tensor:
    """Return the exact sums of absolute differences (q, n), int64, of bytes (q, d) and (n, d)."""
    import torch

    sums = queries.new_zeros((len(queries), len(rows)), dtype=torch.int64)
    grid = -(-len(rows) // BLOCK_ROWS), -(-len(queries) // BLOCK_QUERIES)
    for left, right in zip(queries.split(MOST_FEATURES, 1), rows.split(MOST_FEATURES, 1), strict=True):
        # Feature by feature, so that what a program reads at once lies side by side.
        across, along = left.T.contiguous(), right.T.contiguous()
        # Triton launches on the current card.
        with torch.cuda.device(queries.device) if queries.is_cuda else nullcontext():
            _add_tile[grid](
                across, along, sums, len(queries), len(rows), left.shape[1], BLOCK_QUERIES, BLOCK_ROWS
            )
    return sums


if triton is not None:
    # Triton reads annotations, and knows only its own.
    @triton.jit  # type: ignore[untyped-decorator]
    def _add_tile(  # type: ignore[no-untyped-def]
        queries,
        rows,
        sums,
        n_queries,
        n_rows,
        n_features,
        BLOCK_QUERIES: tl.constexpr,
        BLOCK_ROWS: tl.constexpr,
    ):
        """Add the sums of one tile of pairs; ``queries`` and ``rows`` are given feature by feature."""
        down = tl.program_id(1) * BLOCK_QUERIES + tl.arange(0, BLOCK_QUERIES)
        right = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)
        tile = tl.zeros((BLOCK_QUERIES, BLOCK_ROWS), tl.int32)
        # Pointers move on, since a product of place and length might not fit 32 bits.
        query_at, row_at = queries + down, rows + right
        for _ in range(n_features):
            query = tl.load(query_at, mask=down < n_queries, other=0).to(tl.int32)
            row = tl.load(row_at, mask=right < n_rows, other=0).to(tl.int32)
            tile += tl.abs(query[:, None] - row[None, :])
            query_at += n_queries
            row_at += n_rows
        inside = (down < n_queries)[:, None] & (right < n_rows)[None, :]
        to = sums + down[:, None].to(tl.int64) * n_rows + right[None, :]
        tl.store(to, tl.load(to, mask=inside, other=0) + tile.to(tl.int64), mask=inside)
