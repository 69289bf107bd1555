"""Marks on a plain function that make it an idea for ``compare``; it stays an ordinary function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, Literal, TypeVar

Marked = TypeVar("Marked", bound=Callable[..., Any])
Kind = Literal["feature", "distance"]
_ATTRIBUTE = "__lookalike_idea__"


def feature(function: Marked) -> Marked:
    """Mark ``function`` as a feature: an idea that reduces each image to one or a few numbers.

    ``compare`` classifies by the nearest class mean of the feature (squared Euclidean distance, ties to the
    first class in sorted order).

    Parameters
    ----------
    function : callable
        Takes an image batch ``(n, h, w)`` or ``(n, h, w, c)`` of float64 in 0-1 and returns an array
        ``(n,)`` or ``(n, d)`` of finite numbers, a row an image.

    Returns
    -------
    callable
        The same function.

    Examples
    --------
    >>> import lookalike
    >>> @lookalike.feature
    ... def brightness(images):
    ...     return images.mean(axis=(1, 2))
    """
    setattr(function, _ATTRIBUTE, "feature")
    return function


def distance(function: Marked) -> Marked:
    """Mark ``function`` as a distance: an idea that says how unlike two images are.

    ``compare`` classifies by the class whose mean image is nearest, ties to the first class in sorted order.

    Parameters
    ----------
    function : callable
        Takes an image batch ``(n, h, w)`` or ``(n, h, w, c)`` and one image ``(h, w)`` or ``(h, w, c)``, both
        float64 in 0-1, and returns an array ``(n,)``: the distance of each image of the batch to the one.
        An expression that broadcasts, such as the book's, is enough.

    Returns
    -------
    callable
        The same function.

    Examples
    --------
    >>> import lookalike
    >>> @lookalike.distance
    ... def mean_absolute_difference(images, image):
    ...     return abs(images - image).mean(axis=(-1, -2))
    """
    setattr(function, _ATTRIBUTE, "distance")
    return function


def kind(thing: object) -> Kind | None:
    """Return ``"feature"`` or ``"distance"`` for a marked function, else None."""
    return getattr(thing, _ATTRIBUTE, None)


def make_callable(name: str, called: Callable[..., Any]) -> None:
    """Let the package of a name be called.

    Importing a subpackage always sets it as an attribute of its parent, so a package and a function that
    share a public name cannot be told apart by which one is looked up; a module whose class has ``__call__``
    can be both.
    """

    class Callee(ModuleType):
        def __call__(self, *given: Any, **more: Any) -> Any:
            return called(*given, **more)

    sys.modules[name].__class__ = Callee
