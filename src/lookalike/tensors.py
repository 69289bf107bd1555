"""Tensors in, tensors out, and which device they came from.

Models work on NumPy arrays: what they are handed as a tensor on a card is checked as an array like all
else, and goes back to the card where there is work to do. So the card must be known there; it is known to the
thread alone that asked.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import NDArray

from lookalike.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")

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


def takes_tensors(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function of NumPy arrays that takes torch tensors too.

    Where an argument is a tensor, all tensors become arrays, and the arrays of the answer become tensors on
    the device of the first: integers int64, so that labels can index. Arrays of texts cannot be tensors and
    stay what they are. A tensor on the CPU shares its memory with the array.

    Tensors are detached: no gradient flows through the answer. Distances that keep it are those of
    :mod:`lookalike.distance.definition`.

    Parameters
    ----------
    function : callable
        It answers with arrays, tuples or records (dataclasses) of them, or anything else, which stays.

    Returns
    -------
    callable

    Examples
    --------
    >>> import pytest
    >>> torch = pytest.importorskip("torch")
    >>> from lookalike.tensors import takes_tensors
    >>> @takes_tensors
    ... def halves(values):
    ...     return values / 2, "of", [1, 2]
    >>> halves(torch.tensor([1.0, 4.0]))
    (tensor([0.5000, 2.0000]), 'of', [1, 2])
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        given = list(filter(is_torch_array, (*args, *kwargs.values()))) if "torch" in sys.modules else []
        if not given:
            return function(*args, **kwargs)
        device = given[0].device
        named = {name: from_tensor(value) for name, value in kwargs.items()}

        with working_on(device):
            answer = cast(Any, function)(*map(from_tensor, args), **named)
        return cast(R, _as_tensors(answer, device))

    return wrapper


def from_tensor(value: Any) -> Any:
    """Return a tensor as an array; anything else as it is."""
    if not is_torch_array(value):
        return value
    if str(value.dtype) == "torch.bfloat16":
        # NumPy has no such floats; all of them are float32 too.
        value = value.float()
    try:
        return value.numpy(force=True)
    except (TypeError, NotImplementedError, RuntimeError) as error:
        raise InputError(
            f"a tensor ({value.dtype}, {value.layout}, on {value.device}) holds no values that can be read: "
            "expected a dense one, of numbers"
        ) from error


def _as_tensors(value: Any, device: Any) -> Any:
    """Return an answer with its arrays of numbers as tensors."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        whole = value.dtype.kind in "iu" and np.can_cast(value.dtype, np.int64)
        return to_tensor(value.astype(np.int64, copy=False) if whole else value, device)
    if isinstance(value, tuple):
        parts = [_as_tensors(part, device) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = (field.name for field in dataclasses.fields(value))
        return dataclasses.replace(
            value, **{name: _as_tensors(getattr(value, name), device) for name in names}
        )
    return value
