"""What a model's training images look like, and warnings where other images look strange beside them."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from numpy.typing import NDArray

from lookalike.data.look import Look, look, sample, strange
from lookalike.errors import InputError, LookalikeWarning
from lookalike.state import Fact, checked_list, checked_whole

_LARGEST = 2**53


def look_of(images: NDArray[Any], before: Look | None = None) -> Look:
    """Return the look of further training images, beside that of earlier ones.

    Of many at once only some are looked at: means of 60,000 images are made in a tenth of the time that
    looking at each takes.
    """
    return (before or Look()).plus(look(sample(images)))


def warn_of_strange(images: NDArray[Any], training: Look, mended: frozenset[str]) -> None:
    """Warn where images are strange beside those of training, once for each kind; it changes no answer."""
    for text in strange(images, training, mended):
        warnings.warn(text, LookalikeWarning, stacklevel=_level_outside())


def _level_outside() -> int:
    """Return the stack level, for whoever calls this, of the nearest caller that is not lookalike's own."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "lookalike":
        level, frame = level + 1, frame.f_back
    return level


def _checked(name: str, value: Any) -> Look:
    numbers = [checked_whole(name, one, 0, _LARGEST) for one in checked_list(name, value)]
    if len(numbers) != len(Look._fields):
        raise InputError(f"{name} has {len(numbers)} numbers: expected {len(Look._fields)}")
    return Look(*numbers)


#: A look in files.
LOOK = Fact(_checked, list, optional=True)
