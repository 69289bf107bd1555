"""Figures with two axes, as places that a template draws."""

from __future__ import annotations

from dataclasses import dataclass

#: The drawing's size and the frame of the axes in it, in units of its own.
WIDTH, HEIGHT = 440, 400
LEFT, RIGHT, TOP, BOTTOM = 58, 424, 14, 340

_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2)
_MOST_TICKS = 6


@dataclass(frozen=True)
class Frame:
    """Two axes that begin at 0.

    Attributes
    ----------
    x_title, y_title : str
        What they are.
    x_end, y_end : float
        Where they end, in 0-1.
    """

    x_title: str
    y_title: str
    x_end: float = 1.0
    y_end: float = 1.0

    @property
    def sides(self) -> tuple[int, int, int, int, int, int]:
        """Width and height of the drawing; left, right, top and bottom of the frame."""
        return WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM

    @property
    def x_ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and labels along the one axis."""
        return tuple((self.x(value), label) for value, label in _ticks(self.x_end))

    @property
    def y_ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and labels along the other axis."""
        return tuple((self.y(value), label) for value, label in _ticks(self.y_end))

    def x(self, value: float) -> float:
        """Return where a value is from left to right; what is beyond the end is at the end."""
        return round(LEFT + (RIGHT - LEFT) * min(value / self.x_end, 1), 1)

    def y(self, value: float) -> float:
        """Return where a value is from top to bottom."""
        return round(BOTTOM - (BOTTOM - TOP) * min(value / self.y_end, 1), 1)


def end_of(largest: float) -> float:
    """Return a round end for an axis that holds rates up to ``largest``.

    Examples
    --------
    >>> from lookalike.report.charts import end_of
    >>> end_of(0.0), end_of(0.26), end_of(0.5), end_of(0.97)
    (0.05, 0.3, 0.5, 1.0)
    """
    ends = (0.05, *(tenth / 10 for tenth in range(1, 11)))
    return next((end for end in ends if end >= largest), 1.0)


def _ticks(end: float) -> list[tuple[float, str]]:
    """Return values and labels at round steps from 0 to ``end``, in percent."""
    step = next((step for step in _STEPS if end / step <= _MOST_TICKS), _STEPS[-1])
    return [(number * step, f"{100 * number * step:.0f}") for number in range(round(end / step - 0.49) + 1)]
