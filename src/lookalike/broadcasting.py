"""How shapes line up: broadcasting, explained for any shapes, without an array.

Axes are lined up from the right. Two lengths fit where they are equal or one of them is 1, and an axis that
a shape lacks counts as 1. What is 1 is stretched: the same values are used again and again, and nothing is
copied. These are the rules of NumPy ("Broadcasting" in its user guide), of torch and of the Array API.

Examples
--------
>>> import lookalike
>>> print(lookalike.broadcasting.trace((1010, 28, 28), (28, 28)))
axis       -3  -2  -1
shape 1  1010  28  28
shape 2     ·  28  28
result   1010  28  28
<BLANKLINE>
axis -3: shape 2 has no such axis, which counts as 1; it is stretched to 1010: each value is used 1010 times.
axis -2: both are 28.
axis -1: both are 28.
<BLANKLINE>
The result has rank 3 and shape (1010, 28, 28).
A naive abs(a - b) allocates, at each of its steps, 791,840 elements of float32: 3,167,360 bytes (3.2 MB).
lookalike's distances never hold that array: they work in chunks, and keep one sum for a pair of images.
"""

from __future__ import annotations

import html
import math
import operator
import reprlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from operator import itemgetter
from typing import Any, Literal, NamedTuple, SupportsIndex

from lookalike.errors import InputError, UnknownNameError, unknown

__all__ = ["Axis", "Mend", "Trace", "trace"]

Shape = tuple[int, ...]

# What NumPy allows: more axes or longer ones are no array's.
_MOST_AXES = 64
_LONGEST = 2**63 - 1

_ITEM_BYTES = {
    **dict.fromkeys(("bool", "uint8", "int8"), 1),
    **dict.fromkeys(("uint16", "int16", "float16", "bfloat16"), 2),
    **dict.fromkeys(("uint32", "int32", "float32"), 4),
    **dict.fromkeys(("uint64", "int64", "float64", "complex64"), 8),
    "complex128": 16,
}

# What an alignment costs: first its axes, then those put in, then (1 each) pairs that are stretched.
_AXIS = 2**40
_PUT_IN = 2**20

# Tints, so that they can be read on white and on black; the hues are of Okabe and Ito's palette.
_STYLES = {
    "stretched": "background: rgba(0, 114, 178, 0.2); border: 1px dashed currentColor",
    "clashing": "background: rgba(213, 94, 0, 0.4); border: 2px solid currentColor",
    "absent": "border: 1px dotted rgba(128, 128, 128, 0.6)",
    "equal": "border: 1px solid rgba(128, 128, 128, 0.6)",
}
_CELL = "padding: 0.2em 0.7em; text-align: right; font-variant-numeric: tabular-nums"
_TABLE = "border-collapse: separate; border-spacing: 3px; color: inherit"

# More bytes than any address can count.
_TOO_MANY = 2**63


class Axis(NamedTuple):
    """One axis of shapes that are lined up."""

    number: int  #: counted from the right: the last axis is -1
    lengths: tuple[int | None, ...]  #: its length in each shape; None where a shape has no such axis
    length: int | None  #: the length in the result; None where the lengths clash

    @property
    def stretched(self) -> tuple[int, ...]:
        """Which shapes are stretched here, counted from 0."""
        if self.length in (None, 1):
            return ()
        return tuple(place for place, length in enumerate(self.lengths) if length in (None, 1))


class Mend(NamedTuple):
    """A reshape that makes shapes fit."""

    place: int  #: which shape to reshape, counted from 0
    shape: Shape  #: what to reshape it to: axes of length 1 are put in
    indexing: str  #: the same as an index: ``array[:, None]``


@dataclass(frozen=True, repr=False)
class Trace:
    """How shapes broadcast, or why they do not: what :func:`trace` returns.

    ``print`` shows it, and so does a notebook.
    """

    shapes: tuple[Shape, ...]
    dtype: str  #: what the elements of a naive result would be

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

        Each puts in axes of length 1. Two shapes are aligned so that the result has as few axes as can be,
        then so that as few as can be are put in; where axes stay apart, those of the first shape come first.
        Of more than two shapes each is aligned with what those before it gave.
        """
        if self.shape is not None:
            return ()
        found = _mends(self.shapes)
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
        axes = self.axes
        rows = [["axis", *(str(axis.number) for axis in axes)]]
        for place in range(len(self.shapes)):
            lengths = [axis.lengths[place] for axis in axes]
            rows.append([named([place]), *("·" if length is None else str(length) for length in lengths)])
        rows.append(["result", *map(result, axes)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
        explained = [explanation(axis) for axis in self.axes] or ["No axes: scalars."]
        return "\n".join([*(line.rstrip() for line in table), "", *explained, "", *conclusion(self)])

    def _repr_html_(self) -> str:
        """Return the same for a notebook, on white or on black."""
        rows = [_row("axis", [(str(axis.number), "") for axis in self.axes])]
        for place in range(len(self.shapes)):
            cells = [(shown(axis, place), _STYLES[state(axis, place)]) for axis in self.axes]
            rows.append(_row(named([place]), cells))
        ends = [(result(axis), _STYLES["clashing" if axis.length is None else "equal"]) for axis in self.axes]
        rows.append(_row("result", ends))
        sentences = [*map(explanation, self.axes), *conclusion(self)]
        below = "".join(f"<div>{html.escape(sentence)}</div>" for sentence in sentences)
        return f"<div style='overflow-x: auto'><table style='{_TABLE}'>{''.join(rows)}</table>{below}</div>"


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


def _mends(shapes: Sequence[Shape]) -> tuple[Mend, ...]:
    """Return the reshapes that make two or more shapes fit."""
    rows: list[list[int | None]] = [list(shapes[0])]
    merged = list(shapes[0])
    for shape in shapes[1:]:
        path = _path(merged, shape)
        rows = [[None if i is None else row[i] for i, _ in path] for row in rows]
        rows.append([None if j is None else shape[j] for _, j in path])
        # A path puts together only what fits.
        merged = [joined(lengths) or 0 for lengths in zip(*rows, strict=True)]
    found = (_mend(place, row) for place, row in enumerate(rows))
    return tuple(mend for mend in found if mend.shape != shapes[mend.place])


def joined(lengths: Iterable[int | None]) -> int | None:
    """Return the length that lengths broadcast to (None counts as 1), or None where they clash."""
    others = {length for length in lengths if length not in (None, 1)}
    return None if len(others) > 1 else next(iter(others), 1)


def _path(first: Sequence[int], other: Sequence[int]) -> list[tuple[int | None, int | None]]:
    """Return the cheapest alignment of two shapes' axes: None where the other side's is left alone."""
    ends = len(first), len(other)
    # Dynamic programming, from the end: what the rest costs from axes i and j on, and where the best step
    # leads.
    best = {ends: (0, ends)}
    for i in range(ends[0], -1, -1):
        for j in range(ends[1], -1, -1):
            steps = []
            if i < ends[0] and j < ends[1] and joined((first[i], other[j])) is not None:
                steps.append((_AXIS + (first[i] != other[j]), (i + 1, j + 1)))
            # Axes before a shape's first need not be put in: a missing one counts as 1.
            if i < ends[0]:
                steps.append((_AXIS + _PUT_IN * (j > 0), (i + 1, j)))
            if j < ends[1]:
                steps.append((_AXIS + _PUT_IN * (i > 0), (i, j + 1)))
            if steps:
                # Of equal costs the first wins.
                best[i, j] = min(((cost + best[to][0], to) for cost, to in steps), key=itemgetter(0))
    path: list[tuple[int | None, int | None]] = []
    here = 0, 0
    while here != ends:
        i, j = here
        here = best[here][1]
        path.append((i if here[0] > i else None, j if here[1] > j else None))
    return path


def _mend(place: int, row: Sequence[int | None]) -> Mend:
    """Return the reshape that one aligned row stands for."""
    kept = list(dropwhile(lambda length: length is None, row))
    parts = ["None" if length is None else ":" for length in kept]
    while parts and parts[-1] == ":":
        parts.pop()
    return Mend(place, tuple(1 if length is None else length for length in kept), f"[{', '.join(parts)}]")


def shown(axis: Axis, place: int) -> str:
    """Return what to write for one shape on one axis: nothing where it has none, and what becomes of 1."""
    length = axis.lengths[place]
    text = "" if length is None else str(length)
    return f"{text} → {axis.length}".strip() if place in axis.stretched else text


def state(axis: Axis, place: int) -> Literal["stretched", "clashing", "absent", "equal"]:
    """Return what happens to one shape on one axis."""
    if place in axis.stretched:
        return "stretched"
    if axis.lengths[place] is None:
        return "absent"
    return "clashing" if axis.length is None and axis.lengths[place] != 1 else "equal"


def result(axis: Axis) -> str:
    """Return what the result has on one axis; ``?`` where the lengths clash."""
    return "?" if axis.length is None else str(axis.length)


def explanation(axis: Axis) -> str:
    """Return what happens on one axis, as a sentence."""
    head = f"axis {axis.number}:"
    if axis.length is None:
        found = list(dict.fromkeys(str(length) for length in axis.lengths if length not in (None, 1)))
        none = "neither" if len(found) == 2 else "none"
        return f"{head} {_listed(found)} clash: they differ, and {none} is 1."
    absent = [place for place, length in enumerate(axis.lengths) if length is None]
    if not absent and not axis.stretched:
        return f"{head} {'both' if len(axis.lengths) == 2 else 'all'} are {axis.length}."
    ones = [place for place in axis.stretched if place not in absent]
    parts = []
    for places, what in ((absent, "no such axis, which counts as 1"), (ones, "1")):
        if places:
            parts.append(f"{named(places)} {'have' if len(places) > 1 else 'has'} {what}")
    if not axis.stretched:
        return f"{head} {parts[0]}: nothing is stretched."
    they = "they are" if len(axis.stretched) > 1 else "it is"
    use = f"each value is used {axis.length} times" if axis.length else "no value is left"
    return f"{head} {', and '.join(parts)}; {they} stretched to {axis.length}: {use}."


def conclusion(trace: Trace) -> list[str]:
    """Return what comes of it all, in sentences."""
    if trace.shape is None or trace.elements is None or trace.nbytes is None:
        return _mending(trace)
    elements = f"{trace.elements:,} element{'' if trace.elements == 1 else 's'} of {trace.dtype}"
    size = f"{trace.nbytes:,} bytes"
    if trace.nbytes >= _TOO_MANY:
        size += ", more than any array can hold"
    elif trace.nbytes >= 1000:
        size += f" ({_short_bytes(trace.nbytes)})"
    return [
        f"The result has rank {trace.rank} and shape {trace.shape}.",
        f"A naive abs(a - b) allocates, at each of its steps, {elements}: {size}.",
        "lookalike's distances never hold that array: they work in chunks, and keep one sum for a pair of "
        "images.",
    ]


def named(places: Sequence[int]) -> str:
    """Return shapes by their numbers, which people count from 1."""
    return f"shape{'s' if len(places) > 1 else ''} {_listed([str(place + 1) for place in places])}"


def _mending(trace: Trace) -> list[str]:
    """Return which axes clash, and what would mend it, in sentences."""
    clashes = [str(number) for number in trace.clashes]
    lines = [f"The shapes do not fit: they clash on axis {_listed(clashes)}."]
    if trace.mends:
        lines += ["Where the axes are meant to line up otherwise, put in axes of length 1:"]
        lines += [
            f"  {named([mend.place])} reshaped to {mend.shape}, for example by array{mend.indexing}"
            for mend in trace.mends
        ]
        lines += [f"The result would be {trace.mended().shape}."]
    return lines


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _short_bytes(count: int) -> str:
    """Return at least 1000 bytes as people say them."""
    power = (len(str(count)) - 1) // 3
    return f"{count / 1000**power:.1f} {'kMGTPE'[power - 1]}B"


def _row(head: str, cells: Iterable[tuple[str, str]]) -> str:
    columns = "".join(f"<td style='{_CELL}; {style}'>{html.escape(text)}</td>" for text, style in cells)
    # Notebooks stripe rows in their own colours, which would hide the tints.
    start = f"<th scope='row' style='text-align: left'>{html.escape(head)}</th>"
    return f"<tr style='background: none'>{start}{columns}</tr>"
