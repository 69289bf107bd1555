"""A chain of preparations that can be said in words and stored as JSON."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from typing import Any, Self

from numpy.typing import ArrayLike

from lookalike.data.look import Gray8
from lookalike.errors import InputError, unknown
from lookalike.images import as_images
from lookalike.prepare.drawings import Deskew, EvenInk, FitToInk
from lookalike.prepare.steps import (
    Blur,
    Gray,
    NormaliseContrast,
    Polarity,
    Preparation,
    Resize,
    Transformer,
)
from lookalike.progress import Progress, silent

#: The one table of steps that JSON may name.
STEPS: Mapping[str, type[Preparation]] = {
    "blur": Blur,
    "deskew": Deskew,
    "even-ink": EvenInk,
    "fit-to-ink": FitToInk,
    "gray": Gray,
    "normalise-contrast": NormaliseContrast,
    "polarity": Polarity,
    "resize": Resize,
}
_NAMES = {kind: name for name, kind in STEPS.items()}
_VERSION = 1
_MOST_STEPS = 32
_MOST_REASONS = 100
_LONGEST_REASON = 1000
_KEYS = {"version", "fitted", "steps", "reasons"}


class Prepare(Transformer):
    """Prepare images in several steps, one after the other.

    Parameters
    ----------
    steps : sequence of preparations
        At least one of lookalike's own, in order. They stay as they are: ``fit`` learns with copies.

    Attributes
    ----------
    steps_ : tuple of preparations
        The fitted steps.
    reasons_ : tuple of str
        Why these steps: what :func:`lookalike.prepare.choose` chose and why, one sentence a decision. Empty
        where they were not chosen so.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.prepare import Blur, Polarity, Prepare
    >>> drawing = np.full((1, 3, 3), 255, np.uint8)
    >>> drawing[0, 1, 1] = 0
    >>> chain = Prepare([Polarity(), Blur(0.5)]).fit(drawing)
    >>> chain.describe()
    ('ink is dark: inverted', 'blurred by a Gaussian of 0.5 px')
    >>> bool((Prepare.from_json(chain.to_json()).transform(drawing) == chain.transform(drawing)).all())
    True
    """

    steps_: tuple[Preparation, ...]
    reasons_: tuple[str, ...]
    _learned = "steps_"

    def __init__(self, steps: Sequence[Preparation]) -> None:
        self.steps = steps

    def fit(self, X: ArrayLike, y: ArrayLike | None = None, *, progress: Progress = silent) -> Self:
        """Fit each step on what the steps before it make of the images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images.
        y : ignored
        progress : callable, optional
            Hears of every few hundred images of each step.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The steps cannot be used, or the images are no image batch.
        """
        steps = tuple(step._copy() for step in self._checked())
        images = as_images(X)
        # Where no later step learns anything, images need not be prepared for it.
        last = max((place for place, step in enumerate(steps) if step._learned), default=0)
        for step in steps[:last]:
            step._learn(images)
            images = step._run(images, progress)
        steps[last]._learn(images)
        self.steps_, self.reasons_ = steps, ()
        return self

    def transform(self, X: ArrayLike, *, progress: Progress = silent) -> Gray8:
        """Prepare images.

        Parameters
        ----------
        X : array-like of shape (n, h, w) or (n, h, w, c)
            Images: uint8, bool, or floats in 0-1.
        progress : callable, optional
            Hears of every few hundred images of each step.

        Returns
        -------
        ndarray of shape (n, height, width), uint8

        Raises
        ------
        InputError
            The images are no image batch.
        """
        self._check_fitted()
        images = as_images(X)
        # Parameters were checked when the chain was fitted or read.
        for step in self.steps_:
            images = step._run(images, progress)
        return images

    def describe(self) -> tuple[str, ...]:
        """Return what each step does to images, one sentence a step."""
        return tuple(step.describe() for step in self._current())

    def to_json(self) -> dict[str, Any]:
        """Return the chain as plain data: what ``json`` can write and :meth:`from_json` reads.

        Returns
        -------
        dict
            ``version``, ``fitted``, ``reasons``, and ``steps``: for each the ``step``'s name, its parameters,
            and where the chain is fitted what the step learned.
        """
        return {
            "version": _VERSION,
            "fitted": hasattr(self, "steps_"),
            "steps": [_step_to_json(step) for step in self._current()],
            "reasons": list(getattr(self, "reasons_", ())),
        }

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Return the chain that plain data describe. No code is run: steps come from a fixed table.

        Parameters
        ----------
        data : dict
            What :meth:`to_json` returned. It may come from an untrusted file.

        Returns
        -------
        Prepare
            Fitted where the data say so.

        Raises
        ------
        InputError
            The data are not such a dict, or a step or a parameter in it is unknown or out of range.
        """
        if not isinstance(data, dict) or set(data) != _KEYS:
            raise InputError(f"a preparation's JSON has other keys: expected {', '.join(sorted(_KEYS))}")
        if type(data["version"]) is not int or data["version"] != _VERSION:
            raise InputError(
                f"a preparation's version is {_short(data['version'])}: expected {_VERSION} "
                "(did a newer lookalike write it?)"
            )
        if not isinstance(data["fitted"], bool):
            raise InputError(f"a preparation's fitted is {_short(data['fitted'])}: expected true or false")
        steps = [
            _step_from_json(step, data["fitted"]) for step in _items(data["steps"], "steps", 1, _MOST_STEPS)
        ]
        reasons = _items(data["reasons"], "reasons", 0, _MOST_REASONS)
        for reason in reasons:
            if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
                raise InputError(
                    f"a preparation's reason is {_short(reason)}: expected a text of at most "
                    f"{_LONGEST_REASON} characters"
                )
        chain = cls(steps)
        if data["fitted"]:
            chain.steps_, chain.reasons_ = tuple(steps), tuple(reasons)
        return chain

    def fit_transform(
        self, X: ArrayLike, y: ArrayLike | None = None, *, progress: Progress = silent
    ) -> Gray8:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X, progress=progress).transform(X, progress=progress)

    def _current(self) -> Sequence[Preparation]:
        """Return the fitted steps, or those to be fitted."""
        return self.steps_ if hasattr(self, "steps_") else self._checked()

    def _checked(self) -> Sequence[Preparation]:
        """Return the steps, refusing what is none of lookalike's own."""
        steps = self.steps
        if not isinstance(steps, (list, tuple)) or not 1 <= len(steps) <= _MOST_STEPS:
            raise InputError(f"steps are {_short(steps)}: expected a list of 1 to {_MOST_STEPS} preparations")
        for place, step in enumerate(steps):
            if type(step) not in _NAMES:
                raise InputError(
                    f"step {place + 1} is {_short(step)}: expected one of "
                    f"{', '.join(kind.__name__ for kind in _NAMES)}"
                )
            step._check()
        return steps


def _step_to_json(step: Preparation) -> dict[str, Any]:
    """Return one step as plain data."""
    plain: dict[str, Any] = {"step": _NAMES[type(step)]}
    for name, value in step.get_params().items():
        # NumPy's numbers are not JSON's.
        plain[name] = value.item() if hasattr(value, "item") else value
    if hasattr(step, "inverted_"):
        plain["inverted"] = step.inverted_
    return plain


def _step_from_json(data: object, fitted: bool) -> Preparation:
    """Return the step that plain data describe."""
    if not isinstance(data, dict) or not isinstance(data.get("step"), str):
        raise InputError(f"a preparation's step is {_short(data)}: expected an object with the step's name")
    name = data["step"]
    if name not in STEPS:
        raise InputError(unknown("preparation", name[:100], STEPS))
    given = {key: value for key, value in data.items() if key != "step"}
    learned = ("inverted",) if fitted and STEPS[name] is Polarity else ()
    expected = {*STEPS[name]._defaults(), *learned}
    if set(given) != expected:
        raise InputError(
            f"the step {name!r} has other parameters: expected {', '.join(sorted(expected)) or 'none'}"
        )
    values = {key: given.pop(key) for key in learned}
    step = STEPS[name](**given)
    step._check()
    if isinstance(step, Polarity) and learned:
        if not isinstance(values["inverted"], bool):
            raise InputError(f"inverted is {_short(values['inverted'])}: expected true or false")
        step.inverted_ = values["inverted"]
    return step


def _items(value: object, name: str, least: int, most: int) -> list[Any]:
    """Return a list of a length that is allowed."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise InputError(
            f"a preparation's {name} are {_short(value)}: expected a list of {least} to {most} items"
        )
    return value


def _short(value: object) -> str:
    """Return what an error shows of an untrusted value."""
    return reprlib.repr(value)
