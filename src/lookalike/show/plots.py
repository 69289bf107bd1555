"""Results as Matplotlib plots, without pyplot, whose state all code of a process shares."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.broadcasting import Axis, Trace, conclusion, named, result, shown, state
from lookalike.errors import InputError
from lookalike.evaluation.results import Comparison, Evaluation
from lookalike.images import to_unit
from lookalike.recognition.explanation import Evidence
from lookalike.show.evidence import Beside, Parts, parts
from lookalike.show.images import arrows
from lookalike.show.views import measured
from lookalike.text import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008), without yellow, which is too pale for lines on white. Lines
# differ in marker and dashes too, so that no one needs colour to tell them apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "h")
_GRAY = "#555555"
_DPI = 150
# Bars of several lines stand side by side: each this much further to the right, on the logarithmic axis.
_BESIDE = 1.02
# Numbers of images fit into the cells of so many classes, and the names of so many along an axis.
_MOST_NUMBERS, _MOST_NAMES = 15, 40
_RATE = "rate of right answers, 95 % intervals"

# Dashes and hatches say the same without colour.
_BOXES: dict[str, dict[str, Any]] = {
    "equal": {"facecolor": "#ffffff", "edgecolor": "#555555"},
    "absent": {"facecolor": "#ffffff", "edgecolor": "#bbbbbb", "linestyle": ":"},
    "stretched": {"facecolor": "#cce3f0", "edgecolor": "#0072B2", "linestyle": "--"},
    "clashing": {"facecolor": "#f7dfcc", "edgecolor": "#D55E00", "hatch": "//"},
}
_MOST_SHAPES = 100
# In inches: a digit, what is left and right of a column's digits, the names on the left, and a row.
_DIGIT = 0.09
_BESIDE_DIGITS = 0.3
_NAMES = 0.9
_ROW = 0.36
_LETTER = 0.075

_INCHES = 1.7
_ARROW = "#f7a13b"
_LONGEST_TITLE = 26

# Names are anybody's text: a dollar sign must not start a formula.
_TEXT: dict[str, Any] = {"parse_math": False}


def plot(shown: Any, ax: Axes | None = None) -> Any:
    """Draw a result of any kind and return the axes."""
    return _PLOTS[type(shown).__name__](shown, ax)


def file_of(drawn: Axes | Figure, kind: str) -> bytes:
    """Return a plot as a file, ``"png"`` or ``"svg"``: the same bytes for the same plot."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    figure: Any = drawn if isinstance(drawn, Figure) else drawn.figure
    out = io.BytesIO()
    # A salt: without one, the names inside an SVG differ from run to run. Its text stays text, in any script;
    # in a PNG, letters that the font lacks become boxes, and there is no need to say so.
    settings: Any = {"svg.hashsalt": "lookalike", "svg.fonttype": "none", "hatch.linewidth": 0.5}
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        # Whoever made a file may write over it.
        metadata = {"Date": None, "Creator": "lookalike"} if kind == "svg" else {"Software": "lookalike"}
        figure.savefig(out, format=kind, dpi=_DPI, metadata=metadata)
    return out.getvalue()


def _new_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """Return the axes that were given, or those of a new figure."""
    from matplotlib.figure import Figure

    if ax is not None:
        return ax
    made: Axes = Figure(figsize=(width, height), layout="constrained").subplots()
    return made


def _dressed(axes: Axes, title: str, across: str, up: str) -> Axes:
    """Write what the axes are, and draw a grid."""
    axes.set_title(title, loc="left", fontsize=11, **_TEXT)
    axes.set_xlabel(across, **_TEXT)
    axes.set_ylabel(up, **_TEXT)
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=_GRAY)
    return axes


def _legend(axes: Axes, is_alone: bool) -> None:
    """Name the lines: beside the axes where the figure is theirs alone."""
    handles, _ = axes.get_legend_handles_labels()
    if not handles:
        return
    figure: Any = axes.figure
    options: dict[str, Any] = {"frameon": False, "fontsize": 9}
    legend = figure.legend(loc="outside right upper", **options) if is_alone else axes.legend(**options)
    for text in legend.get_texts():
        text.set_parse_math(False)


def _label(name: str) -> str:
    """Return a name that a legend shows: it leaves out those that are empty or start with an underscore."""
    shown = plain(name)
    return shown if shown and shown[0] != "_" else f"\u200b{shown}"


def _comparison(comparison: Comparison, ax: Axes | None) -> Axes:
    """Draw each idea's rate with its interval; references are hollow."""
    rows = [(row, found.accuracy) for _, row, found in measured(comparison)]
    axes = _new_axes(ax, 7.5, 1.2 + 0.32 * max(3, len(rows)))
    for place, (row, rate) in enumerate(rows):
        axes.hlines(place, rate.low, rate.high, color=_COLOURS[0], linewidth=2.5, alpha=0.45)
        face = "white" if row.origin == "reference" else _COLOURS[0]
        axes.plot(rate.value, place, marker="o", color=_COLOURS[0], markerfacecolor=face)
    axes.set_yticks(range(len(rows)), [plain(row.title) for row, _ in rows], **_TEXT)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    title = f"{plain(comparison.train.source.name)}: right on {len(comparison.valid):,} images"
    return _dressed(axes, title, _RATE, "")


def _best_fit(found: Any, ax: Axes | None) -> Axes:
    """Draw the ideas that were judged."""
    if found.comparison is None:
        raise InputError("no idea was judged: there are no rates to draw")
    return _comparison(found.comparison, ax)


def _evaluation(evaluation: Evaluation, ax: Axes | None) -> Axes:
    """Draw the confusion matrix: a cell is as dark as its share of the class's images."""
    counts = evaluation.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.5, min(9.0, 1.5 + 0.42 * len(counts)))
    axes = _new_axes(ax, side, side)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    places = range(len(counts)) if len(counts) <= _MOST_NAMES else ()
    names = [plain(evaluation.classes[place]) for place in places]
    axes.set_xticks(places, names, rotation=90 if max(map(len, names), default=0) > 2 else 0, **_TEXT)
    axes.set_yticks(places, names, **_TEXT)
    for (row, column), n in np.ndenumerate(counts) if len(counts) <= _MOST_NUMBERS else ():
        colour = "white" if shares[row, column] > 0.5 else "black" if n else "#aaaaaa"
        axes.text(column, row, f"{n:,}", ha="center", va="center", fontsize=8, color=colour)
    accuracy = evaluation.accuracy
    axes.set_title(f"right: {accuracy.value:.4f} of {accuracy.n:,} images", loc="left", fontsize=11)
    axes.set_xlabel("answered")
    axes.set_ylabel("is")
    return axes


def _appraisal(found: Any, ax: Axes | None) -> Axes:
    """Draw what levels of rejection catch, against what they cost."""
    lines = [("wrong answers", [level.wrong for level in found.levels])]
    for place, one in enumerate(found.out_of_distribution):
        lines.append((plain(one.kind), [level.out_of_distribution[place] for level in found.levels]))
    axes = _new_axes(ax, 8.0, 4.8)
    cost = [level.known.value for level in found.levels]
    chosen = found.levels.index(found.chosen)
    for place, (name, rates) in enumerate((name, rates) for name, rates in lines if rates[0].n):
        colour, marker = _COLOURS[place % len(_COLOURS)], _MARKERS[place % len(_MARKERS)]
        values = [rate.value for rate in rates]
        if min(values) == 1:
            # Lines that lie on one another cannot be told apart.
            axes.plot([], [], " ", label=_label(f"{name}: all, at every level"))
            continue
        axes.plot(cost, values, color=colour, marker=marker, markersize=5, label=_label(name))
        axes.plot(cost[chosen], values[chosen], "o", color=colour, markersize=11, markerfacecolor="none")
    axes.set_ylim(-0.03, 1.03)
    _legend(axes, ax is None)
    title = f"{plain(found.data.source.name)}: levels of rejection, ringed {found.alpha:g}"
    return _dressed(axes, title, "images of the classes that are rejected", "what should be rejected, and is")


def _curve(curve: Any, ax: Axes | None) -> Axes:
    """Draw each idea's curve with bands for its intervals; the best at the end comes first in the legend."""
    each = len(curve.train) / len(set(curve.train.labels.tolist()))
    # Far enough from the last size for both to be written below.
    end = max(each, 1.5 * max(curve.sizes, default=1))
    rows = [row for row in curve.rows if any(point.accuracy for point in row.points)]
    rows.sort(key=lambda row: -[point.accuracy for point in row.points if point.accuracy][-1].value)
    axes = _new_axes(ax, 8.5, 4.8)
    for place, row in enumerate(rows):
        _draw_curve(axes, row, end * _BESIDE ** (place - (len(rows) - 1) / 2), place)
    axes.set_xscale("log")
    ticks = {float(size): f"{size:,}" for size in curve.sizes} | {end: f"all\n(~{each:,.0f})"}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.set_xticks([], minor=True)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    _legend(axes, ax is None)
    title = f"{plain(curve.train.source.name)}: right on {len(curve.valid):,} images"
    return _dressed(axes, title, "examples of each class", _RATE)


def _draw_curve(axes: Axes, row: Any, end: float, place: int) -> None:
    """Draw one line, its band, and the bar at its end, whose interval is of another kind."""
    colour = _COLOURS[place % len(_COLOURS)]
    points = [point for point in row.points if point.accuracy]
    band = [(point.n, point.accuracy.low, point.accuracy.high) for point in points if point.n]
    if band:
        places, low, high = zip(*band, strict=True)
        axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
    for point in points[len(band) :]:
        axes.vlines(end, point.accuracy.low, point.accuracy.high, color=colour, linewidth=1.2)
    axes.plot(
        [point.n or end for point in points],
        [point.accuracy.value for point in points],
        color=colour,
        marker=_MARKERS[place % len(_MARKERS)],
        markersize=5,
        linewidth=1.6,
        linestyle="--" if row.origin == "reference" else "-",
        label=_label(row.title),
    )


def _explanations(evidence: Sequence[Evidence], ax: Axes | None) -> NDArray[Any]:
    """Draw two rows of pictures for each evidence, on a new figure or within given axes."""
    drawn = [parts(one) for one in evidence]
    bent = any(one.field is not None for each in drawn for one in each.beside)
    grid = _grid(ax, 2 * len(drawn), 6 if bent else 4)
    # Letters that the font lacks become boxes, and there is no need to say so.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        for number, one in enumerate(drawn):
            _fill(grid[2 * number : 2 * number + 2], one, bent)
    return grid


def _grid(ax: Axes | None, rows: int, columns: int) -> NDArray[Any]:
    """Return axes in rows and columns, on a new figure or within given axes."""
    from matplotlib.figure import Figure

    if ax is None:
        figure = Figure(figsize=(columns * _INCHES, rows * (_INCHES + 0.35)), layout="constrained")
        return np.asarray(figure.subplots(rows, columns, squeeze=False))
    ax.set_axis_off()
    height, width = 1 / rows, 1 / columns
    made = np.empty((rows, columns), object)
    for y, x in np.ndindex(rows, columns):
        made[y, x] = ax.inset_axes((x * width, 1 - (y + 1) * height, 0.92 * width, 0.75 * height))
    return made


def _fill(grid: NDArray[Any], one: Parts, bent: bool) -> None:
    """Draw one evidence into two rows of axes."""
    for axes in grid.flat:
        axes.set_axis_off()
    _show(grid[0, 0], one.image, "image")
    if one.seen is not None:
        _show(grid[1, 0], one.seen, "what the model saw")
    if one.speaking is not None:
        _show(grid[0, 1], one.speaking, f"green: for {one.answer},\npink: for {one.runner_up}")
    for row, (beside, role) in enumerate(zip(one.beside, ("answer", "runner-up"), strict=False)):
        _show_beside(grid[row, 2:], beside, role, bent)
    if not one.beside:
        told = grid[0, 1].text(0, 1, "\n".join(one.sentences), va="top", fontsize=8, parse_math=False)
        told.set_in_layout(False)  # it runs on over the empty axes beside it


def _show_beside(row: NDArray[Any], one: Beside, role: str, bent: bool) -> None:
    """Draw one reference into as many axes as it needs."""
    axes = iter(row)
    label = one.label if len(one.label) <= _LONGEST_TITLE else one.label[: _LONGEST_TITLE - 1] + "…"
    _show(next(axes), one.image, f"{role} {label}\ndistance {one.distance}")
    if bent and one.field is not None and one.warped is not None:
        moved = next(axes)
        _show(moved, to_unit(one.image) * 0.55, "how its pixels move")
        x0, y0, x1, y1 = arrows(one.field, one.warped).T
        if x0.size:
            line: dict[str, Any] = {"scale": 1, "color": _ARROW, "width": 0.012}
            moved.quiver(x0, y0, x1 - x0, y1 - y0, angles="xy", scale_units="xy", **line)
        _show(next(axes), one.warped, "bent to the image")
    _show(next(axes), one.difference, "orange: image has more,\nblue: less")


def _show(axes: Axes, image: NDArray[Any], title: str) -> None:
    """Draw one image; what is transparent shows the paper."""
    colours = image if image.ndim == 3 and image.shape[2] > 2 else image.reshape(*image.shape[:2], -1)[..., 0]
    top = 255 if image.dtype == np.uint8 else 1
    height, width = image.shape[:2]
    # Colours need no map, and then there is none.
    axes.imshow(colours, cmap="gray", vmin=0, vmax=top, interpolation="nearest", extent=(0, width, height, 0))
    axes.set_title(title, fontsize=8, parse_math=False)


class EvidenceDisplay:
    """The evidence for one answer, drawn: what the model saw, what it compared with, which pixels decided.

    Parameters
    ----------
    evidence : Evidence
        What an answer rests on, as ``model.explain`` returns it.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure, once it is drawn.
    axes_ : ndarray of shape (2, columns), of matplotlib.axes.Axes
        Above the image and what stands for the answer, below what the model saw and what stands for the
        runner-up.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.MeanImage("l2").fit(train.images, train.labels)
    >>> display = lookalike.EvidenceDisplay.from_estimator(model, valid.images[0])
    >>> display.axes_.shape
    (2, 4)
    """

    figure_: Figure
    axes_: NDArray[Any]

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @classmethod
    def from_estimator(cls, estimator: Any, image: ArrayLike, *, n_neighbors: int = 3) -> Self:
        """Explain a model's answer to one image, and draw it.

        Parameters
        ----------
        estimator : estimator
            A fitted model with ``explain``.
        image : array-like of shape (h, w), (h, w, c) or (features,)
            One image of the shape that ``fit`` saw.
        n_neighbors : int, default=3
            How many of the nearest training images the evidence holds.

        Returns
        -------
        EvidenceDisplay
            Drawn.

        Raises
        ------
        InputError
            The image is of another shape or kind than those of ``fit``.
        """
        display = cls(estimator.explain(np.asarray(image)[None], n_neighbors)[0])
        display.plot()
        return display

    def plot(self) -> Figure:
        """Draw the evidence, without pyplot and its state.

        Returns
        -------
        matplotlib.figure.Figure
            A new one; :attr:`figure_` and :attr:`axes_` hold it and its axes.
        """
        self.axes_ = _explanations([self.evidence], None)
        self.figure_ = self.axes_[0, 0].figure
        return self.figure_

    def _repr_html_(self) -> str:
        """Return the evidence as HTML that stands alone, for notebooks."""
        from lookalike.show.pages import evidence_fragment

        return evidence_fragment([self.evidence])


def trace_picture(trace: Trace, kind: str) -> bytes:
    """Return how shapes line up as a picture: stretched axes are dashed blue, clashes hatched orange."""
    if len(trace.shapes) > _MOST_SHAPES:
        raise InputError(f"{len(trace.shapes)} shapes: a picture shows at most {_MOST_SHAPES}")
    from matplotlib.figure import Figure

    title = conclusion(trace)[0]
    columns = [_boxes(axis, len(trace.shapes)) for axis in trace.axes]
    longest = max((len(text) for column in columns for text, _ in column), default=1)
    width = _DIGIT * max(4, longest) + _BESIDE_DIGITS
    names = ["axis", *(named([place]) for place in range(len(trace.shapes))), "result"]
    size = _NAMES + width * max(1, len(columns)), _ROW * len(names)
    whole = max(size[0], _LETTER * len(title)) + 0.2, size[1] + 0.5
    figure = Figure(figsize=whole)
    figure.text(0.1 / whole[0], 1 - 0.15 / whole[1], title, va="top", fontsize=10)
    axes = figure.add_axes((0.1 / whole[0], 0, size[0] / whole[0], size[1] / whole[1]))
    axes.set_xlim(0, size[0])
    axes.set_ylim(size[1], 0)
    axes.set_axis_off()
    for row, name in enumerate(names):
        axes.text(0, (row + 0.5) * _ROW, name, va="center", fontsize=10, color=_GRAY)
    for place, column in enumerate(columns):
        _draw_boxes(axes, column, _NAMES + place * width, width)
    return file_of(figure, kind)


def _boxes(axis: Axis, shapes: int) -> list[tuple[str, str]]:
    """Return what is written in one column, from the top, and how its boxes look."""
    cells = [(shown(axis, place), state(axis, place)) for place in range(shapes)]
    return [(str(axis.number), ""), *cells, (result(axis), "clashing" if axis.length is None else "equal")]


def _draw_boxes(axes: Axes, column: list[tuple[str, str]], left: float, width: float) -> None:
    """Draw the boxes of one axis and what is in them."""
    from matplotlib.patches import Rectangle

    for row, (text, look) in enumerate(column):
        if look:
            box = Rectangle((left + 0.04, (row + 0.1) * _ROW), width - 0.08, _ROW * 0.8, **_BOXES[look])
            axes.add_patch(box)
        # Digits must be read on the hatching.
        behind = {"facecolor": _BOXES[look]["facecolor"], "edgecolor": "none", "pad": 1} if look else None
        axes.text(
            left + width / 2, (row + 0.5) * _ROW, text, ha="center", va="center", fontsize=10, bbox=behind
        )


def _audit(found: Any, ax: Axes | None) -> Axes:
    """Draw how many labels are how suspicious, and from where they are rather wrong."""
    axes = _new_axes(ax, 7.5, 3.6)
    scores, wrong = found.suspects.scores, found.suspects.wrong
    judged = np.isfinite(scores)
    for place, (name, some) in enumerate((("rather right", wrong < 0.5), ("rather wrong", wrong >= 0.5))):
        if (judged & some).any():
            axes.hist(scores[judged & some], bins=40, color=_COLOURS[place], label=name, alpha=0.8)
    axes.set_yscale("symlog")
    _legend(axes, ax is None)
    title = f"{plain(found.images.source.name)}: labels of {int(judged.sum()):,} images"
    return _dressed(axes, title, "log of the distance of the own class to another's", "images")


_PLOTS: dict[str, Callable[[Any, Any], Any]] = {
    "Audit": _audit,
    "Appraisal": _appraisal,
    "BestFit": _best_fit,
    "Comparison": _comparison,
    "Curve": _curve,
    "Evaluation": _evaluation,
    "Explanations": _explanations,
}
