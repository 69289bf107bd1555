"""Evidence as a Matplotlib figure, and the display class that makes it in scikit-learn's manner."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.picture.arrows import arrows
from lookalike.picture.evidence_parts import Beside, Parts, parts
from lookalike.recognition.evidence import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INCHES = 1.7
_ARROW = "#f7a13b"
_LONGEST_TITLE = 26

Draw = Callable[["Axes"], None]


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
        self.figure_ = figure([self.evidence])
        self.axes_ = np.array(self.figure_.axes).reshape(2, -1)
        return self.figure_

    def _repr_html_(self) -> str:
        """Return the evidence as HTML that stands alone, for notebooks."""
        from lookalike.picture.evidence_html import fragment

        return fragment([self.evidence])


def figure(evidence: Sequence[Evidence]) -> Figure:
    """Return a figure with two rows of pictures for each evidence.

    Parameters
    ----------
    evidence : sequence of Evidence
        At least one.

    Returns
    -------
    matplotlib.figure.Figure
        Made without pyplot. Save it with ``savefig``.
    """
    from matplotlib.figure import Figure

    shown = [parts(one) for one in evidence]
    bent = any(one.field is not None for each in shown for one in each.beside)
    columns = 6 if bent else 4
    rows = 2 * len(shown)
    made = Figure(figsize=(columns * _INCHES, rows * (_INCHES + 0.35)), layout="constrained")
    grid = made.subplots(rows, columns, squeeze=False)
    # Letters that the font lacks become boxes, and there is no need to say so.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        for number, one in enumerate(shown):
            _fill(grid[2 * number : 2 * number + 2], one, bent)
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
        for axes, draw in zip(grid[row, 2:], _beside(beside, role, bent), strict=False):
            draw(axes)
    if not one.beside:
        told = grid[0, 1].text(0, 1, "\n".join(one.sentences), va="top", fontsize=8, parse_math=False)
        told.set_in_layout(False)  # it runs on over the empty axes beside it


def _beside(one: Beside, role: str, bent: bool) -> Iterator[Draw]:
    """Yield what draws each picture of one reference."""
    yield lambda axes: _show(axes, one.image, f"{role} {_short(one.label)}\ndistance {one.distance}")
    if bent and one.field is not None and one.warped is not None:
        field, warped = one.field, one.warped
        yield lambda axes: _show_arrows(axes, one.image, field, warped)
        yield lambda axes: _show(axes, warped, "bent to the image")
    yield lambda axes: _show(axes, one.difference, "orange: image has more,\nblue: less")


def _show(axes: Axes, image: NDArray[Any], title: str) -> None:
    """Draw one image; what is transparent shows the paper."""
    colours = image if image.ndim == 3 and image.shape[2] > 2 else image.reshape(*image.shape[:2], -1)[..., 0]
    top = 255 if image.dtype == np.uint8 else 1
    height, width = image.shape[:2]
    axes.imshow(
        colours,
        cmap="gray" if colours.ndim == 2 else None,
        vmin=0,
        vmax=top,
        interpolation="nearest",
        extent=(0, width, height, 0),
    )
    axes.set_title(title, fontsize=8, parse_math=False)


def _show_arrows(axes: Axes, image: NDArray[Any], field: NDArray[np.int8], warped: NDArray[Any]) -> None:
    """Draw one image, dimmed, with the arrows of its displacement field."""
    unit = image / 255 if image.dtype == np.uint8 else image
    _show(axes, unit * 0.55, "how its pixels move")
    x0, y0, x1, y1 = arrows(field, warped).T
    if x0.size:
        axes.quiver(
            x0, y0, x1 - x0, y1 - y0, angles="xy", scale_units="xy", scale=1, color=_ARROW, width=0.012
        )


def _short(text: str) -> str:
    """Return a text that fits above a picture."""
    return text if len(text) <= _LONGEST_TITLE else text[: _LONGEST_TITLE - 1] + "…"
