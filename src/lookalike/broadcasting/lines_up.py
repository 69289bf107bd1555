"""Shapes, axis by axis: what each length becomes."""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, SupportsIndex

from lookalike.broadcasting import words
from lookalike.broadcasting.mend import Mend, Shape, joined, mends
from lookalike.errors import InputError, UnknownNameError, unknown

# What NumPy allows: more axes or longer ones are no array's.
_MOST_AXES = 64
_LONGEST = 2**63 - 1

_ITEM_BYTES = {
    "bool": 1,
    **dict.fromkeys(("uint8", "int8"), 1),
    **dict.fromkeys(("uint16", "int16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("uint32", "int32", "float32"), 4),
    **dict.fromkeys(("uint64", "int64", "float64", "complex64"), 8),
    "complex128": 16,
}


class Axis(NamedTuple):
    """One axis of shapes that are lined up.

    Attributes
    ----------
    number : int
        Counted from the right: the last axis is -1.
    lengths : tuple of (int or None)
        Its length in each shape; None where a shape has no such axis.
    length : int or None
        The length in the result; None where the lengths clash.
    """

    number: int
    lengths: tuple[int | None, ...]
    length: int | None

    @property
    def stretched(self) -> tuple[int, ...]:
        """Which shapes are stretched here, counted from 0."""
        if self.length in (None, 1):
            return ()
        return tuple(place for place, length in enumerate(self.lengths) if length in (None, 1))


@dataclass(frozen=True, repr=False)
class Trace:
    """How shapes broadcast, or why they do not: what :func:`trace` returns.

    ``print`` shows it, and so does a notebook.

    Attributes
    ----------
    shapes : tuple of tuple of int
        The shapes.
    dtype : str
        What the elements of a naive result would be.
    """

    shapes: tuple[Shape, ...]
    dtype: str

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes that are lined up, the first axis first."""
        rank = max(map(len, self.shapes))
        rows = [(None,) * (rank - len(shape)) + shape for shape in self.shapes]
        columns = zip(*rows, strict=True)
        return tuple(Axis(place - rank, lengths, joined(lengths)) for place, lengths in enumerate(columns))

    @property
    def shape(self) -> Shape | None:
        """The shape of the result, or None where the shapes do not fit."""
        lengths = [axis.length for axis in self.axes]
        found = tuple(length for length in lengths if length is not None)
        return found if len(found) == len(lengths) else None

    @property
    def clashes(self) -> tuple[int, ...]:
        """The numbers of the axes that do not fit, such as -1 for the last."""
        return tuple(axis.number for axis in self.axes if axis.length is None)

    @property
    def rank(self) -> int | None:
        """The number of axes of the result, or None."""
        return None if self.shape is None else len(self.shape)

    @property
    def elements(self) -> int | None:
        """The number of elements of the result, or None; a whole number of any size."""
        return None if self.shape is None else math.prod(self.shape)

    @property
    def nbytes(self) -> int | None:
        """The bytes that each step of a naive evaluation allocates, or None."""
        return None if self.elements is None else self.elements * _ITEM_BYTES[self.dtype]

    @property
    def mends(self) -> tuple[Mend, ...]:
        """Reshapes that make the shapes fit: none where they do, or where the result had too many axes.

        See :func:`lookalike.broadcasting.mend.mends` for which are chosen.
        """
        if self.shape is not None:
            return ()
        found = mends(self.shapes)
        rank = max(len(mend.shape) for mend in found)
        return found if rank <= _MOST_AXES else ()

    def mended(self) -> Trace:
        """Return the same with :attr:`mends` made; the trace itself where there is nothing to mend."""
        shapes = dict(enumerate(self.shapes)) | {mend.place: mend.shape for mend in self.mends}
        return Trace(tuple(shapes.values()), self.dtype)

    def __repr__(self) -> str:
        """Return the shapes and what they give, in one line."""
        end = "they clash" if self.shape is None else self.shape
        return f"<Trace {' with '.join(map(str, self.shapes))}: {end}>"

    def __str__(self) -> str:
        """Return the shapes lined up, and sentences that say what happens on each axis."""
        return words.as_text(self)

    def _repr_html_(self) -> str:
        """Return the same for a notebook, on white or on black."""
        return words.as_html(self)


def trace(*shapes: Iterable[SupportsIndex] | SupportsIndex, dtype: Any = "float32") -> Trace:
    """Return how shapes broadcast, or why they do not.

    Parameters
    ----------
    *shapes : sequence of int, or int
        Two shapes or more: lengths from 0 to 2**63 - 1, at most 64 of them, as NumPy allows. ``()`` is a
        scalar's shape, and a number alone is the shape with that one length.
    dtype : str or dtype, default="float32"
        What the elements of the result would be: a name, or a dtype of NumPy or torch.

    Returns
    -------
    Trace
        ``.shape`` is the result's shape, or None where the shapes clash; ``.axes``, ``.clashes`` and
        ``.mends`` say the rest, and ``print`` explains it.

    Raises
    ------
    InputError
        Fewer than two shapes, or one that is no shape.
    UnknownNameError
        No dtype is called so.

    Examples
    --------
    >>> from lookalike.broadcasting import trace
    >>> trace((1010, 28, 28), (28, 28)).shape
    (1010, 28, 28)
    >>> clash = trace((2038, 28, 28), (2, 28, 28))
    >>> clash.shape, clash.clashes
    (None, (-3,))
    >>> clash.mends
    (Mend(place=0, shape=(2038, 1, 28, 28), indexing='[:, None]'),)
    """
    if len(shapes) < 2:
        raise InputError(
            f"the shapes given are {len(shapes)}: expected two or more, such as (1010, 28, 28) and (28, 28)"
        )
    name = getattr(dtype, "__name__", str(dtype)).removeprefix("torch.")
    if name not in _ITEM_BYTES:
        raise UnknownNameError(unknown("dtype", name, _ITEM_BYTES))
    return Trace(tuple(_checked(shape, number) for number, shape in enumerate(shapes, 1)), name)


def _checked(given: Any, number: int) -> Shape:
    """Return what was given as a shape."""
    try:
        if isinstance(given, (str, bytes, bool)):
            raise TypeError
        lengths = list(given) if isinstance(given, Iterable) else [given]
        if any(isinstance(length, bool) for length in lengths):
            raise TypeError
        shape = tuple(operator.index(length) for length in lengths)
    except TypeError:
        shown = reprlib.repr(given)
        raise InputError(
            f"shape {number} is {shown}: expected whole numbers, such as (1010, 28, 28), or an array's .shape"
        ) from None
    for length in shape:
        if not 0 <= length <= _LONGEST:
            # Not said in digits: a hostile number has more than Python will write.
            wrong = "below 0" if length < 0 else "above 2**63 - 1"
            raise InputError(f"shape {number} has an axis of a length {wrong}: expected 0 to 2**63 - 1")
    if len(shape) > _MOST_AXES:
        raise InputError(f"shape {number} has {len(shape)} axes: expected at most {_MOST_AXES}")
    return shape
