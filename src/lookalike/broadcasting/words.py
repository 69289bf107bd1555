"""Lined-up shapes in words: as text, and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from lookalike.broadcasting.lines_up import Axis, Trace

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


def as_text(trace: Trace) -> str:
    """Return the shapes lined up, and sentences that say what happens on each axis."""
    rows = [
        ["axis", *(str(axis.number) for axis in trace.axes)],
        *(
            [
                named([place]),
                *("·" if (length := axis.lengths[place]) is None else str(length) for axis in trace.axes),
            ]
            for place in range(len(trace.shapes))
        ),
        ["result", *(result(axis) for axis in trace.axes)],
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    explained = [explanation(axis) for axis in trace.axes] or ["No axes: scalars."]
    return "\n".join([*(line.rstrip() for line in table), "", *explained, "", *conclusion(trace)])


def as_html(trace: Trace) -> str:
    """Return the same for a notebook, on white or on black."""
    rows = [_row("axis", [(str(axis.number), "") for axis in trace.axes])]
    for place in range(len(trace.shapes)):
        cells = [(shown(axis, place), _STYLES[state(axis, place)]) for axis in trace.axes]
        rows.append(_row(named([place]), cells))
    ends = [(result(axis), _STYLES["clashing" if axis.length is None else "equal"]) for axis in trace.axes]
    rows.append(_row("result", ends))
    sentences = [*map(explanation, trace.axes), *conclusion(trace)]
    below = "".join(f"<div>{html.escape(sentence)}</div>" for sentence in sentences)
    return f"<div style='overflow-x: auto'><table style='{_TABLE}'>{''.join(rows)}</table>{below}</div>"


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
    if absent:
        parts.append(f"{named(absent)} {_has(absent)} no such axis, which counts as 1")
    if ones:
        parts.append(f"{named(ones)} {_has(ones)} 1")
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


def _has(places: Sequence[int]) -> str:
    return "have" if len(places) > 1 else "has"


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
