"""Lined-up shapes as a picture: a row for each shape, a column for each axis."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from lookalike.broadcasting import Axis, Trace, conclusion, named, result, shown, state
from lookalike.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito, "Color Universal Design" (2008). Dashes and hatches say the same without colour.
_STYLES: dict[str, dict[str, Any]] = {
    "equal": {"facecolor": "#ffffff", "edgecolor": "#555555"},
    "absent": {"facecolor": "#ffffff", "edgecolor": "#bbbbbb", "linestyle": ":"},
    "stretched": {"facecolor": "#cce3f0", "edgecolor": "#0072B2", "linestyle": "--"},
    "clashing": {"facecolor": "#f7dfcc", "edgecolor": "#D55E00", "hatch": "//"},
}
_DPI = 150
_MOST_SHAPES = 100

# In inches: a digit, what is left and right of a column's digits, the names on the left, and a row.
_DIGIT = 0.09
_BESIDE = 0.3
_NAMES = 0.9
_ROW = 0.36
_LETTER = 0.075


def trace_picture(trace: Trace, kind: str) -> bytes:
    """Return how shapes line up as a picture: stretched axes are dashed blue, clashes hatched orange.

    Parameters
    ----------
    trace : Trace
        What :func:`lookalike.broadcasting.trace` returned.
    kind : {"png", "svg"}
        The file's format.

    Returns
    -------
    bytes
        The file; the same for the same shapes.

    Raises
    ------
    InputError
        There are more than 100 shapes.

    Examples
    --------
    >>> from lookalike.broadcasting import trace
    >>> from lookalike.picture.axes import trace_picture
    >>> trace_picture(trace((1010, 28, 28), (28, 28)), "png")[1:4]
    b'PNG'
    """
    if len(trace.shapes) > _MOST_SHAPES:
        raise InputError(f"{len(trace.shapes)} shapes: a picture shows at most {_MOST_SHAPES}")
    # Figures are made without pyplot, whose state all code of a process shares.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    title = conclusion(trace)[0]
    columns = [_column(axis, len(trace.shapes)) for axis in trace.axes]
    longest = max((len(text) for column in columns for text, _ in column), default=1)
    width = _DIGIT * max(4, longest) + _BESIDE
    names = ["axis", *(named([place]) for place in range(len(trace.shapes))), "result"]
    size = _NAMES + width * max(1, len(columns)), _ROW * len(names)
    # A salt: without one, the names inside an SVG differ from run to run. Its text stays text.
    with rc_context({"svg.hashsalt": "lookalike", "svg.fonttype": "none", "hatch.linewidth": 0.5}):
        figure = Figure(figsize=(max(size[0], _LETTER * len(title)) + 0.2, size[1] + 0.5))
        figure.text(
            0.1 / figure.get_figwidth(), 1 - 0.15 / figure.get_figheight(), title, va="top", fontsize=10
        )
        axes = figure.add_axes(
            (
                0.1 / figure.get_figwidth(),
                0,
                size[0] / figure.get_figwidth(),
                size[1] / figure.get_figheight(),
            )
        )
        axes.set_xlim(0, size[0])
        axes.set_ylim(size[1], 0)
        axes.set_axis_off()
        for row, name in enumerate(names):
            axes.text(0, (row + 0.5) * _ROW, name, va="center", fontsize=10, color="#555555")
        for place, column in enumerate(columns):
            _draw(axes, column, _NAMES + place * width, width)
        out = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def _column(axis: Axis, shapes: int) -> list[tuple[str, str]]:
    """Return what is written in one column, from the top, and how its boxes look."""
    cells = [(shown(axis, place), state(axis, place)) for place in range(shapes)]
    return [
        (str(axis.number), ""),
        *cells,
        (result(axis), "clashing" if axis.length is None else "equal"),
    ]


def _draw(axes: Axes, column: list[tuple[str, str]], left: float, width: float) -> None:
    """Draw the boxes of one axis and what is in them."""
    from matplotlib.patches import Rectangle

    for row, (text, look) in enumerate(column):
        if look:
            box = Rectangle((left + 0.04, (row + 0.1) * _ROW), width - 0.08, _ROW * 0.8, **_STYLES[look])
            axes.add_patch(box)
        # Digits must be read on the hatching.
        behind = {"facecolor": _STYLES[look]["facecolor"], "edgecolor": "none", "pad": 1} if look else None
        axes.text(
            left + width / 2, (row + 0.5) * _ROW, text, ha="center", va="center", fontsize=10, bbox=behind
        )
