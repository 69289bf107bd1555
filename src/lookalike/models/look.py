"""What the training images look like, kept by a model, and warnings where other images look strange."""

from __future__ import annotations

import sys
import warnings
from typing import Any, cast

from numpy.typing import ArrayLike, NDArray

from lookalike.data.look import Look, look, sample, strange
from lookalike.errors import InputError, LookalikeWarning
from lookalike.images import as_images
from lookalike.models.state import Stateful, StateReader
from lookalike.prepare import FitToInk

_FACT = "look"
_LARGEST = 2**53


class Looked(Stateful):
    """A classifier that knows what its training images look like.

    It warns in ``predict`` where images are strange beside them, as :func:`lookalike.data.look.strange`
    says: once for each kind and call. Warnings change no answer. A model of 2-D arrays never warns.

    Attributes
    ----------
    look_ : Look or None
        Of the training images ever seen, forgotten ones too (up to 2,000 evenly spaced ones of each call that
        brought some); None after a fit on a 2-D array.
    """

    look_: Look | None

    def _begin_look(self, shape: tuple[int, ...] | None) -> None:
        """Forget every image, at a fit on images of a shape or on a table (None)."""
        self.look_ = None if shape is None else Look()

    def _note_look(self, rows: NDArray[Any]) -> None:
        """Take note of the look of further training images, given as rows.

        Of many at once only some are looked at: means of 60,000 images are made in a tenth of the time that
        looking at each takes.
        """
        if self.look_ is not None:
            images = rows.reshape(len(rows), *cast(Any, self).image_shape_)
            self.look_ = self.look_.plus(look(sample(images)))

    def _watched(self, X: ArrayLike) -> Any:
        """Return images checked, after a warning where they are strange; anything else as it is.

        Whoever takes ``X`` next refuses what is no image batch of the right shape, and says why.
        """
        if self.look_ is None:
            return X
        try:
            images = as_images(X)
        except InputError:
            return X
        if images.shape[1:] == cast(Any, self).image_shape_:
            for text in strange(images, self.look_, self._mended()):
                warnings.warn(text, LookalikeWarning, stacklevel=_level_outside())
        return images

    def _mended(self) -> frozenset[str]:
        """Return what does not matter to the model, of what can be strange."""
        chain = getattr(self, "prepare_", None)
        fits = chain is not None and any(isinstance(step, FitToInk) for step in chain.steps_)
        return frozenset({"size"} if fits else ())

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        if self.look_ is not None:
            facts[_FACT] = list(self.look_)

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        self.look_ = None
        if state.has(_FACT):
            numbers = state.wholes(_FACT, 0, _LARGEST)
            if len(numbers) != len(Look._fields) or cast(Any, self).image_shape_ is None:
                raise InputError(f"look has {len(numbers)} numbers: expected {len(Look._fields)}, of images")
            self.look_ = Look(*numbers)


def _level_outside() -> int:
    """Return the stack level, for whoever calls this, of the nearest caller that is not lookalike's own."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "lookalike":
        level, frame = level + 1, frame.f_back
    return level
