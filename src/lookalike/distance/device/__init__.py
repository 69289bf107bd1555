"""Distances between torch tensors, where they are: on a CUDA card, or on the CPU by the same code.

Between bytes everything is an integer and exact, so that neighbours are those of the compiled search on the
CPU, ties included. ``sums`` are the distances of all pairs, ``search`` the nearest images, ``deform`` the
deformable distance of pairs; ``l1_kernel`` is for CUDA alone.

Two steps are different on CUDA: products of signed bytes (``torch._int_mm``) instead of products of float64,
and a Triton kernel instead of ``torch.cdist``. Without a card, the products are tested by a stand-in that
asks for what cards ask for, the kernel in Triton's interpreter and by building it for three kinds of cards.
This code was written without a CUDA card at hand: on one it has not been run yet, and no time was taken.
``python -m benchmarks.on_device`` checks and measures it there.

Nothing here imports torch before it is called. Models work on NumPy arrays: what they are handed as a tensor
on a card is checked as an array like all else, and goes back to the card where there is work to do. So the
card must be known there; it is known to the thread alone that asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Devices that work themselves. The compiled search serves tensors on all others, the CPU's above all.
KINDS = {"cuda"}
_device: ContextVar[Any] = ContextVar("device", default=None)


@contextmanager
def working_on(device: Any) -> Iterator[None]:
    """Let a device do the work that it can; None and devices not of ``KINDS`` leave it to the CPU."""
    token = _device.set(device if device is not None and device.type in KINDS else None)
    try:
        yield
    finally:
        _device.reset(token)


def device_in_use() -> Any:
    """Return the device that is to do the work, or None for the CPU."""
    return _device.get()


def to_tensor(array: NDArray[Any], device: Any) -> Any:
    """Return an array of numbers as a tensor on a device; on the CPU it shares the array's memory.

    One that cannot be written to is copied: tensors can. A device without float64 (Apple's) is given float32.
    """
    import torch

    if device.type == "mps" and array.dtype == np.float64:
        array = array.astype(np.float32)
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device)
