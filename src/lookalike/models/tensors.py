"""Tensors in, tensors out: what models are handed as torch tensors they answer in torch tensors."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from array_api_compat import is_torch_array

from lookalike.distance.device.in_use import to_tensor, working_on
from lookalike.errors import InputError

P = ParamSpec("P")
R = TypeVar("R")


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
    >>> from lookalike.models.tensors import takes_tensors
    >>> @takes_tensors
    ... def halves(values):
    ...     return values / 2, "of", [1, 2]
    >>> halves(torch.tensor([1.0, 4.0]))
    (tensor([0.5000, 2.0000]), 'of', [1, 2])
    """

    @functools.wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        given = [value for value in (*args, *kwargs.values()) if is_torch_array(value)]
        if not given:
            return function(*args, **kwargs)
        device = given[0].device
        named = {name: as_array(value) for name, value in kwargs.items()}
        with working_on(device):
            answer = cast(Any, function)(*map(as_array, args), **named)
        return cast(R, _as_tensors(answer, device))

    return wrapper


def as_array(value: Any) -> Any:
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
        return dataclasses.replace(
            value,
            **{
                field.name: _as_tensors(getattr(value, field.name), device)
                for field in dataclasses.fields(value)
            },
        )
    return value
