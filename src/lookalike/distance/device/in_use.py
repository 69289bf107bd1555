"""Which device the images came from that are being worked on.

Models work on NumPy arrays. What they are handed as a tensor on a card is checked as an array like all else,
and goes back to the card where there is work to do; so the card must be known there. It is known to the
thread alone that asked.
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
    """Let a device do the work that it can; None, and a device that is not of ``KINDS``, leave it to the CPU.

    Parameters
    ----------
    device : torch.device or None
        Where images came from.

    Examples
    --------
    >>> from lookalike.distance.device.in_use import device_in_use, working_on
    >>> with working_on(None):
    ...     device_in_use() is None
    True
    """
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

    Parameters
    ----------
    array : ndarray
        Booleans, integers or floats. One that cannot be written to is copied: tensors can.
    device : torch.device
        Where to. One without float64 (Apple's) is given float32.

    Returns
    -------
    tensor
        Of the array's shape.
    """
    import torch

    if device.type == "mps" and array.dtype == np.float64:
        array = array.astype(np.float32)
    return torch.from_numpy(np.require(array, requirements=["C", "W"])).to(device)
