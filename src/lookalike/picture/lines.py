"""Lines with their intervals, as a picture that colour-blind people can read."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Bars of several lines stand side by side: each this much further to the right, on the logarithmic axis.
_BESIDE = 1.02
# Okabe and Ito, "Color Universal Design" (2008), without yellow, which is too pale for lines on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
_GRAY = "#555555"
_DPI = 150

Value = tuple[float, float, float]


@dataclass(frozen=True)
class Line:
    """One line of a picture.

    Attributes
    ----------
    name : str
        What the legend says: plain text.
    places : tuple of float
        Above 0, ascending.
    values : tuple of (float, float, float)
        For each place the value and its interval's ends, in 0-1.
    end : (float, (float, float, float)), optional
        A last place and value whose interval is of another kind: drawn as a bar instead of a band.
    quiet : bool
        It is there to compare with: dashed.
    """

    name: str
    places: tuple[float, ...]
    values: tuple[Value, ...]
    end: tuple[float, Value] | None = None
    quiet: bool = False


def lines_picture(
    lines: Sequence[Line], *, title: str, across: str, up: str, ticks: Mapping[float, str], kind: str
) -> bytes:
    """Return lines with bands or bars for their intervals, over a logarithmic axis.

    Lines differ in colour, in marker and in dashes, so that no one needs colour to tell them apart.

    Parameters
    ----------
    lines : sequence of Line
        In the order of the legend.
    title, across, up : str
        What is written above, below and on the left: plain text.
    ticks : mapping of float to str
        What is written at which places.
    kind : {"png", "svg"}
        The file's format.

    Returns
    -------
    bytes
        The file; the same for the same lines.

    Examples
    --------
    >>> from lookalike.picture.lines import Line, lines_picture
    >>> line = Line("mean image", (1, 10), ((0.6, 0.5, 0.7), (0.8, 0.7, 0.9)))
    >>> picture = lines_picture(
    ...     [line], title="digits", across="examples", up="right", ticks={1: "1", 10: "10"}, kind="png"
    ... )
    >>> picture[1:4]
    b'PNG'
    """
    # Figures are made without pyplot, whose state all code of a process shares.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    # A salt: without one, the names inside an SVG differ from run to run. Its text stays text, in any script;
    # in a PNG, letters that the font lacks become boxes, and there is no need to say so.
    with rc_context({"svg.hashsalt": "lookalike", "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(8.5, 4.8), layout="constrained")
        axes = figure.subplots()
        for place, line in enumerate(lines):
            _draw(axes, line, place, len(lines))
        _dress(axes, ticks)
        # Names are anybody's text: a dollar sign must not start a formula.
        plain: dict[str, Any] = {"parse_math": False}
        axes.set_title(title, loc="left", fontsize=11, **plain)
        axes.set_xlabel(across, **plain)
        axes.set_ylabel(up, **plain)
        if lines:
            legend = figure.legend(loc="outside right upper", frameon=False, fontsize=9)
            for text in legend.get_texts():
                text.set_parse_math(False)
        out = io.BytesIO()
        metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def _draw(axes: Axes, line: Line, place: int, count: int) -> None:
    """Draw one line, its band, and the bar at its end."""
    colour = _COLOURS[place % len(_COLOURS)]
    places, values = list(line.places), list(line.values)
    if line.values:
        band = [value[1:] for value in line.values]
        axes.fill_between(places, *zip(*band, strict=True), color=colour, alpha=0.15, linewidth=0)
    if line.end is not None:
        places.append(line.end[0] * _BESIDE ** (place - (count - 1) / 2))
        values.append(line.end[1])
        axes.vlines(places[-1], *values[-1][1:], color=colour, linewidth=1.2)
    axes.plot(
        places,
        [value[0] for value in values],
        color=colour,
        marker=_MARKERS[place % len(_MARKERS)],
        markersize=5,
        linewidth=1.6,
        linestyle="--" if line.quiet else "-",
        # A label that is empty or starts with an underscore would be left out of the legend.
        label=line.name if line.name and line.name[0] != "_" else f"\u200b{line.name}",
    )


def _dress(axes: Axes, ticks: Mapping[float, str]) -> None:
    """Set axes, ticks and grid."""
    axes.set_xscale("log")
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_GRAY)
