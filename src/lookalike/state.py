"""What a part of a model is made of, declared once: plain data out, and back with every value checked.

A part names what it keeps in a class attribute::

    class Drawer:
        state = {"label": choice("near", "far"), "images": array(np.uint8, np.float64, shape=("n", ...))}

``to_plain`` takes it apart into facts (what JSON holds) and arrays, ``from_plain`` puts it together again
from data that may be anybody's. A part that has more to check, or to work out, does so in ``restored``.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError

P = TypeVar("P")


class Plain(NamedTuple):
    """A part as plain data: small facts as JSON can hold them, and arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


class Field(Protocol):
    """What a part may keep under one name."""

    def write(self, name: str, value: Any, plain: Plain) -> None:
        """Add a value to plain data."""

    def read(self, name: str, plain: Plain, sizes: dict[str, int]) -> Any:
        """Return the value, checked; lengths that several arrays share are agreed on in ``sizes``."""


#: What a part is made of: its fields by name.
State = Mapping[str, Field]


@dataclass(frozen=True)
class Fact:
    """Something that JSON holds: ``check`` refuses it, or returns it as the part keeps it."""

    check: Callable[[str, Any], Any]
    plain: Callable[[Any], Any] = lambda value: value
    optional: bool = False

    def write(self, name: str, value: Any, plain: Plain) -> None:
        plain.facts[name] = None if value is None else self.plain(value)

    def read(self, name: str, plain: Plain, sizes: dict[str, int]) -> Any:
        # Files of before a part had this say nothing of it.
        if name not in plain.facts and not self.optional:
            raise InputError(f"{name} is missing")
        value = plain.facts.pop(name, None)
        return None if value is None and self.optional else self.check(name, value)


@dataclass(frozen=True)
class Array:
    """An array of one of some dtypes; a length is a number, a shared name, None or ``...``."""

    dtypes: tuple[Any, ...]
    shape: tuple[Any, ...]
    low: float = -math.inf
    high: float = math.inf
    optional: bool = False
    kept: Any = None  # the dtype that the part keeps, where files hold another one

    def write(self, name: str, value: Any, plain: Plain) -> None:
        if value is not None:
            plain.arrays[name] = value.astype(self.dtypes[0]) if self.kept is not None else value

    def read(self, name: str, plain: Plain, sizes: dict[str, int]) -> Any:
        if name not in plain.arrays:
            if self.optional:
                return None
            raise InputError(f"the array {name} is missing")
        array = plain.arrays.pop(name)
        if array.dtype not in [np.dtype(dtype) for dtype in self.dtypes]:
            expected = " or ".join(str(np.dtype(dtype)) for dtype in self.dtypes)
            raise InputError(f"the array {name} is {array.dtype}: expected {expected}")
        self._check_shape(name, array.shape, sizes)
        if array.dtype.kind == "f" and not (np.isfinite(array) | (array == self.high)).all():
            raise InputError(f"the array {name} holds NaN or infinity: expected finite numbers")
        # Where any number will do, none is looked at: images that stay in a file are not read.
        limited = math.isfinite(self.low) or math.isfinite(self.high)
        if limited and array.size and not (array.min() >= self.low and array.max() <= self.high):
            raise InputError(
                f"the array {name} holds {array.min()} to {array.max()}: expected {self.low} to {self.high}"
            )
        if self.kept is None and isinstance(array, np.memmap):
            return array
        return array.astype(array.dtype if self.kept is None else self.kept)

    def _check_shape(self, name: str, shape: tuple[int, ...], sizes: dict[str, int]) -> None:
        expected = self.shape
        if expected[-1:] == (...,):
            expected = (*expected[:-1], *(None for _ in shape[len(expected) - 1 :]))
        fits = len(shape) == len(expected) and all(
            want is None or have == (sizes.setdefault(want, have) if isinstance(want, str) else want)
            for have, want in zip(shape, expected, strict=True)
        )
        if not fits:
            said = tuple(sizes.get(want, want) if isinstance(want, str) else want for want in self.shape)
            raise InputError(f"the array {name} has shape {shape}: expected {said}")


@dataclass(frozen=True)
class Part:
    """A part of the part: of one class, or of the class that :func:`from_plain` is told of."""

    kind: type | None = None
    optional: bool = False

    def write(self, name: str, value: Any, plain: Plain) -> None:
        if value is None:
            plain.facts[name] = None
            return
        inner = to_plain(value)
        plain.facts[name] = inner.facts
        plain.arrays.update({f"{name}.{key}": array for key, array in inner.arrays.items()})

    def read(self, name: str, plain: Plain, sizes: dict[str, int]) -> Any:
        # Files of before a part had this say nothing of it.
        if name not in plain.facts and not self.optional:
            raise InputError(f"{name} is missing")
        facts = plain.facts.pop(name, None)
        if facts is None and self.optional:
            return None
        if not isinstance(facts, dict) or self.kind is None:
            raise InputError(f"{name} is {short(facts)}: expected names and values")
        inner = [key for key in plain.arrays if key.startswith(name + ".")]
        arrays = {key[len(name) + 1 :]: plain.arrays.pop(key) for key in inner}
        return from_plain(self.kind, Plain(facts, arrays))


def to_plain(part: Any) -> Plain:
    """Return what a part is made of; arrays may be the part's own."""
    plain = Plain({}, {})
    for name, kept in part.state.items():
        kept.write(name, getattr(part, name), plain)
    return plain


def from_plain(kind: type[P], plain: Plain, parts: Mapping[str, type] | None = None) -> P:
    """Return the part of a class that plain data describe, refusing what is missing, unknown or out of range.

    ``parts`` names the classes of inner parts that the declaration leaves open.
    """
    plain = Plain(dict(plain.facts), dict(plain.arrays))
    made: Any = kind.__new__(kind)
    sizes: dict[str, int] = {}
    for name, kept in kind.state.items():  # type: ignore[attr-defined]
        if parts and name in parts:
            kept = Part(parts[name])
        # Parts may be frozen; once they are made, they are.
        object.__setattr__(made, name, kept.read(name, plain, sizes))
    strange = sorted({*plain.facts, *plain.arrays})
    if strange:
        raise InputError(f"{strange[0][:100]!r} is unknown: did a newer lookalike write it?")
    restored = getattr(made, "restored", None)
    if restored is not None:
        restored()
    result: P = made
    return result


# What facts may be.


def whole(low: int, high: int, *, optional: bool = False) -> Fact:
    """Hold a whole number from ``low`` to ``high``."""
    return Fact(lambda name, value: checked_whole(name, value, low, high), int, optional)


def wholes(low: int, high: int, *, length: int | None = None, optional: bool = False) -> Fact:
    """Hold a tuple of whole numbers."""

    def check(name: str, value: Any) -> tuple[int, ...]:
        numbers = tuple(checked_whole(name, one, low, high) for one in checked_list(name, value))
        if length not in (None, len(numbers)):
            raise InputError(f"{name} has {len(numbers)} numbers: expected {length}")
        return numbers

    return Fact(check, lambda value: [int(one) for one in value], optional)


def number(low: float, high: float, *, optional: bool = False) -> Fact:
    """Hold a number from ``low`` to ``high``."""
    return Fact(lambda name, value: checked_number(name, value, low, high), float, optional)


def numbers(low: float, high: float) -> Fact:
    """Hold a tuple of numbers."""

    def check(name: str, value: Any) -> tuple[float, ...]:
        return tuple(checked_number(name, one, low, high) for one in checked_list(name, value))

    return Fact(check, lambda value: [float(one) for one in value])


def flag() -> Fact:
    """Hold true or false."""

    def check(name: str, value: Any) -> bool:
        if not isinstance(value, bool):
            raise InputError(f"{name} is {short(value)}: expected true or false")
        return value

    return Fact(check, bool)


def choice(*values: str) -> Fact:
    """Hold one of some texts."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise InputError(f"{name} is {value!r:.100}: expected one of {', '.join(values)}")
        return value

    return Fact(check)


def texts(*, optional: bool = False) -> Fact:
    """Hold a tuple of texts."""

    def check(name: str, value: Any) -> tuple[str, ...]:
        for one in checked_list(name, value):
            if not isinstance(one, str):
                raise InputError(f"{name} hold {short(one)}: expected texts")
        return tuple(value)

    return Fact(check, list, optional)


def array(
    *dtypes: Any,
    shape: tuple[Any, ...],
    low: float = -math.inf,
    high: float = math.inf,
    optional: bool = False,
) -> Array:
    """Hold an array; see :class:`Array`."""
    return Array(dtypes, shape, low, high, optional)


def class_codes(length: str) -> Array:
    """Places of classes, int64 in files and ``intp`` in parts."""
    return Array((np.int64,), (length,), 0, 2**40, kept=np.intp)


def short(value: object) -> str:
    """Return what an error shows of an untrusted value."""
    return reprlib.repr(value)


def checked_whole(name: str, value: object, low: int, high: int) -> int:
    """Return a whole number in a range."""
    if type(value) is not int or not low <= value <= high:
        raise InputError(f"{name} is {short(value)}: expected a whole number from {low} to {high}")
    return value


def checked_number(name: str, value: object, low: float, high: float) -> float:
    """Return a number in a range."""
    if type(value) not in (int, float) or not low <= value <= high:  # type: ignore[operator]
        raise InputError(f"{name} is {short(value)}: expected a number from {low:g} to {high:g}")
    return float(value)  # type: ignore[arg-type]


def checked_list(name: str, value: object) -> list[Any]:
    """Return a list."""
    if not isinstance(value, list | tuple):
        raise InputError(f"{name} is {short(value)}: expected a list")
    return list(value)


class Derived(dict[str, Any]):
    """What was worked out from a part's state when it was first asked for; copies begin empty."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Derived, ()

    def get_or(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what follows from the state, made when it is first asked for."""
        if name not in self:
            self[name] = make()
        return self[name]
