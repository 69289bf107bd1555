"""A fitted model as plain data: what it is made of, named, and read back with every value checked."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.classes import classes_from_plain, classes_to_plain
from lookalike.prepare import Prepare

_PREPARE = "prepare"


class State(NamedTuple):
    """What a fitted model is made of.

    Attributes
    ----------
    parameters : mapping of str
        What the class is called with, as JSON can hold it.
    facts : mapping of str
        What was learned and is small, as JSON can hold it.
    arrays : mapping of str to ndarray
        What was learned and is large.
    """

    parameters: Mapping[str, Any]
    facts: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]


class Origin(NamedTuple):
    """Where a model in a file came from; the model keeps it, so that saving it again does too.

    Attributes
    ----------
    data : mapping of str, or None
        The training data's name, number of images and hash.
    figures : mapping of str
        What was measured of the model.
    changed : bool
        The model learned or forgot images since.
    """

    data: Mapping[str, Any] | None
    figures: Mapping[str, Any]
    changed: bool


class Stateful:
    """A classifier that can be taken apart into plain data and put together again.

    Each class on the way adds what it keeps and calls ``super()`` first, in both directions::

        def _write_state(self, facts, arrays):
            super()._write_state(facts, arrays)
            facts["temperature"] = self.temperature_
            arrays["reservoir"] = self._reservoir

        def _read_state(self, state):
            super()._read_state(state)
            self.temperature_ = state.number("temperature", 0, 1e6)
            self._reservoir = state.array("reservoir", np.uint8, (None, self.n_features_in_))

    What was added after files were written is optional: ask ``state.has(name)``. Whatever no class asks for
    is refused.
    """

    def to_state(self) -> State:
        """Return what the fitted model is made of: :meth:`from_state` makes the same model of it.

        Returns
        -------
        State
            Arrays may be the model's own: do not change them.

        Raises
        ------
        InputError
            A parameter or a label is of a kind that plain data cannot hold.
        """
        check_is_fitted(self)
        facts: dict[str, Any] = {}
        arrays: dict[str, NDArray[Any]] = {}
        self._write_state(facts, arrays)
        facts["counts"] = [int(count) for count in self._class_sizes()]
        given = cast(Any, self).get_params(deep=False)
        return State({name: _plain(name, value) for name, value in given.items()}, facts, arrays)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Return the model that plain data describe; they may come from an untrusted file.

        Parameters
        ----------
        state : State
            What :meth:`to_state` returned. A parameter that is not in it has its default.

        Returns
        -------
        ImageClassifier
            Fitted; it gives the same answers to the bit.

        Raises
        ------
        InputError
            Something is missing, unknown or out of its range; the message names it.
        """
        made: Any = cls
        strange = sorted(set(state.parameters) - set(made._get_param_names()))
        if strange:
            raise InputError(
                f"the parameter {strange[0][:100]!r} is unknown: did a newer lookalike write it?"
            )
        model = made(**{name: _value(name, value) for name, value in state.parameters.items()})
        try:
            model._check_parameters()
        except (TypeError, OverflowError) as error:
            raise InputError(f"a parameter is of no kind that it can have: {error}") from error
        reader = StateReader(state.facts, state.arrays)
        model._read_state(reader)
        counts = reader.wholes("counts", 0, 2**53)
        if counts != tuple(int(count) for count in model._class_sizes()):
            raise InputError("counts are not how many images the classes have")
        reader.finish()
        return cast(Self, model)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values; by default there are none."""

    def _class_sizes(self) -> NDArray[Any]:
        """Return how many images each class has."""
        raise NotImplementedError

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        """Add what this class keeps of a fitted model."""
        model = cast(Any, self)
        facts["classes"] = classes_to_plain(model.classes_, model._first_dtype(), model._taught_marks())
        facts["features"] = int(model.n_features_in_)
        facts["image_shape"] = None if model.image_shape_ is None else list(model.image_shape_)
        names = getattr(model, "feature_names_in_", None)
        if names is not None:
            facts["feature_names"] = [str(name) for name in names]

    def _read_state(self, state: StateReader) -> None:
        """Take back what this class keeps, checked."""
        model = cast(Any, self)
        model.classes_, model._fit_dtype, model._taught = classes_from_plain(state.fact("classes"))
        model.n_features_in_ = state.whole("features", 1, 2**40)
        model.image_shape_ = None
        if state.fact("image_shape") is not None:
            shape = state.wholes("image_shape", 1, 2**40)
            if len(shape) not in (2, 3) or shape[2:] > (4,) or shape[2:] == (1,):
                raise InputError(f"image_shape is {shape}: expected (h, w) or (h, w, c), c from 2 to 4")
            if math.prod(shape) != model.n_features_in_:
                raise InputError(f"image_shape is {shape}: expected {model.n_features_in_} values")
            model.image_shape_ = shape
        if state.has("feature_names"):
            names = state.texts("feature_names")
            if len(names) != model.n_features_in_ or model.image_shape_ is not None:
                raise InputError(f"feature_names are {len(names)}: expected one for each column of a table")
            model.feature_names_in_ = np.array(names, dtype=object)


class StateReader:
    """Plain data from outside, read by name; what is missing, strange or out of range is an InputError.

    Parameters
    ----------
    facts : mapping of str
        What JSON held.
    arrays : mapping of str to ndarray
        C-contiguous arrays.
    """

    def __init__(self, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self._facts, self._arrays = facts, arrays
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        """Return whether there is a fact or an array of this name."""
        return name in self._facts or name in self._arrays

    def fact(self, name: str) -> Any:
        """Return a fact as it is; whoever asks checks it."""
        self._asked.add(name)
        if name not in self._facts:
            raise InputError(f"{name} is missing")
        return self._facts[name]

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        return _whole(name, self.fact(name), low, high)

    def wholes(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Return a list of whole numbers from ``low`` to ``high``."""
        return tuple(_whole(name, value, low, high) for value in self._list(name))

    def number(self, name: str, low: float, high: float) -> float:
        """Return a number from ``low`` to ``high``."""
        return _number(name, self.fact(name), low, high)

    def numbers(self, name: str, low: float, high: float) -> tuple[float, ...]:
        """Return a list of numbers from ``low`` to ``high``."""
        return tuple(_number(name, value, low, high) for value in self._list(name))

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self.fact(name)
        if not isinstance(value, bool):
            raise InputError(f"{name} is {short(value)}: expected true or false")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        values = self._list(name)
        for value in values:
            if not isinstance(value, str):
                raise InputError(f"{name} hold {short(value)}: expected texts")
        return tuple(values)

    def array(
        self, name: str, dtypes: type | tuple[type, ...], shape: tuple[int | None, ...]
    ) -> NDArray[Any]:
        """Return an array of one of some dtypes and of a shape, in which None is any length.

        Floats are finite. The array may be read-only.
        """
        self._asked.add(name)
        if name not in self._arrays:
            raise InputError(f"the array {name} is missing")
        array = self._arrays[name]
        allowed = dtypes if isinstance(dtypes, tuple) else (dtypes,)
        if array.dtype not in [np.dtype(dtype) for dtype in allowed]:
            expected = " or ".join(str(np.dtype(dtype)) for dtype in allowed)
            raise InputError(f"the array {name} is {array.dtype}: expected {expected}")
        fits = len(array.shape) == len(shape) and all(
            want in (None, have) for have, want in zip(array.shape, shape, strict=True)
        )
        if not fits:
            raise InputError(f"the array {name} has shape {array.shape}: expected {shape}, None for any")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise InputError(f"the array {name} holds NaN or infinity: expected finite numbers")
        return array

    def codes(self, name: str, length: int, count: int) -> NDArray[np.intp]:
        """Return a copy of an array of places from 0 to ``count - 1``."""
        codes = self.array(name, np.int64, (length,))
        if len(codes) and not 0 <= codes.min() <= codes.max() < count:
            raise InputError(f"the array {name} holds places beyond 0 to {count - 1}")
        return codes.astype(np.intp)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        strange = sorted({*self._facts, *self._arrays} - self._asked)
        if strange:
            raise InputError(f"{strange[0][:100]!r} is unknown: did a newer lookalike write it?")

    def _list(self, name: str) -> list[Any]:
        """Return a list."""
        values = self.fact(name)
        if not isinstance(values, list | tuple):
            raise InputError(f"{name} is {short(values)}: expected a list")
        return list(values)


def short(value: object) -> str:
    """Return what an error shows of an untrusted value."""
    return reprlib.repr(value)


def _whole(name: str, value: object, low: int, high: int) -> int:
    """Return a whole number in a range."""
    if type(value) is not int or not low <= value <= high:
        raise InputError(f"{name} is {short(value)}: expected a whole number from {low} to {high}")
    return value


def _number(name: str, value: object, low: float, high: float) -> float:
    """Return a number in a range."""
    if type(value) not in (int, float) or not low <= cast(float, value) <= high:
        raise InputError(f"{name} is {short(value)}: expected a number from {low:g} to {high:g}")
    return float(cast(float, value))


def _plain(name: str, value: Any) -> Any:
    """Return a parameter as JSON can hold it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Prepare):
        return {_PREPARE: value.to_json()}
    if isinstance(value, list | tuple):
        return [_plain(name, part) for part in value]
    if value is None or isinstance(value, bool | int | str) or _is_finite(value):
        return value
    raise InputError(
        f"{name} is {short(value)}: expected a number, a text, a list of these or a Prepare, "
        "for nothing else can be stored"
    )


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _value(name: str, plain: Any, depth: int = 0) -> Any:
    """Return a parameter that JSON held."""
    if isinstance(plain, dict):
        if set(plain) != {_PREPARE} or depth:
            raise InputError(f"the parameter {name} is {short(plain)}: expected a preparation")
        return Prepare.from_json(plain[_PREPARE])
    if isinstance(plain, list | tuple):
        if depth:
            raise InputError(f"the parameter {name} is {short(plain)}: expected numbers")
        return tuple(_value(name, part, depth + 1) for part in plain)
    return plain
