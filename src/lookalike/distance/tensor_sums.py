r"""Exact sums of differences of all pairs of byte rows, as tensors.

A sum of squares is worked out from products of integers, for which cards have units of their own:

.. math:: \sum_i (a_i - b_i)^2 = \sum_i a_i'^2 + \sum_i b_i'^2 - 2 \sum_i a_i' b_i', \quad a' = a - 128,

where shifted bytes are signed bytes. It is exact, as nothing is rounded: a product is at most 2^14.
"""

from __future__ import annotations

from typing import Any

Tensor = Any

#: Products of two signed bytes are at most 2^14: so many of them stay below 2^31. A multiple of 16.
MOST_PRODUCTS = 131_056
#: Differences of bytes are at most 255: float32 counts so many of them exactly, below 2^24.
MOST_DIFFERENCES = 65_536
#: What cuBLAS asks of products of signed bytes: rows above 16, rows and features in multiples of this.
_STEP, _LEAST_ROWS = 16, 32
#: The first cards with products of signed bytes (Turing).
_CAPABILITY = (7, 5)


def squared_sums(queries: Tensor, rows: Tensor) -> Tensor:
    """Return the sum of squared differences (q, n), int64, of each query (q, d) to each row (n, d) of bytes.

    Exact, for any ``d``. On CUDA products of signed bytes, summed in int32 over at most 131,056 features at a
    time, so that no sum overflows; elsewhere, and on cards before Turing, products of float64, which counts
    exactly up to 2^53.
    """
    left, right = _shifted(queries), _shifted(rows)
    products = byte_products(left, right) if _multiplies_bytes(queries) else _float_products(left, right)
    return products.mul_(-2).add_(_norms(left)[:, None]).add_(_norms(right))


def absolute_sums(queries: Tensor, rows: Tensor) -> Tensor:
    """Return the sum of absolute differences, as :func:`squared_sums` returns its own.

    On CUDA by a Triton kernel, where Triton and a C compiler (which it needs) are there; else by
    ``torch.cdist`` over at most 65,536 features at a time, which float32 adds up exactly.
    """
    import torch

    if queries.is_cuda:
        # Triton takes long to import.
        from lookalike.distance.kernels import triton_l1

        if triton_l1.is_usable():
            return triton_l1.absolute_sums(queries, rows)
    parts = [
        torch.cdist(a.float(), b.float(), p=1).long()
        for a, b in zip(queries.split(MOST_DIFFERENCES, 1), rows.split(MOST_DIFFERENCES, 1), strict=True)
    ]
    return sum(parts[1:], start=parts[0])


def byte_products(queries: Tensor, rows: Tensor) -> Tensor:
    """Return the inner products (q, n), int64, of signed bytes, summed in int32 as cards do."""
    import torch

    parts = [
        torch._int_mm(_padded(a), _padded(b).T)[: len(a), : len(b)].long()
        for a, b in zip(queries.split(MOST_PRODUCTS, 1), rows.split(MOST_PRODUCTS, 1), strict=True)
    ]
    return sum(parts[1:], start=parts[0])


def _float_products(queries: Tensor, rows: Tensor) -> Tensor:
    """Return the same by float64: float32 may be cut to fewer bits, as torch was told."""
    return (queries.double() @ rows.double().T).long()


def _multiplies_bytes(tensor: Tensor) -> bool:
    """Return whether the tensor's device multiplies signed bytes."""
    import torch

    if not tensor.is_cuda or torch.version.hip is not None:
        return False
    return bool(torch.cuda.get_device_capability(tensor.device) >= _CAPABILITY)


def _shifted(rows: Tensor) -> Tensor:
    """Return bytes less 128 as signed bytes: the same bits but for the first."""
    import torch

    return rows.bitwise_xor(128).view(torch.int8)


def _norms(rows: Tensor) -> Tensor:
    """Return the sum of squares of each row of signed bytes, int64."""
    return rows.int().square_().sum(dim=1)


def _padded(rows: Tensor) -> Tensor:
    """Return rows with rows and features of zeros, up to what products of signed bytes ask for."""
    n, d = rows.shape
    padded = rows.new_zeros(max(_LEAST_ROWS, -(-n // _STEP) * _STEP), -(-d // _STEP) * _STEP)
    padded[:n, :d] = rows
    return padded
