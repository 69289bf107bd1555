"""What deformable matching keeps, as plain data and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.deformation.matching import checked_context, checked_warp
from lookalike.errors import InputError
from lookalike.models.deformable_crowding import PARTS, crowding
from lookalike.models.deformable_index import Comparison, DeformableIndex, PlanesName
from lookalike.models.kept import KeptImages
from lookalike.models.state import short
from lookalike.prepare import Prepare
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.models.state import StateReader

_WIDEST = 1e308
_WIDEST_BLUR = 32.0
_MOST_PARTS = 16 * PARTS


class DeformableState(KeptImages):
    """The part of :class:`lookalike.DeformableMatch` that writes its state and reads it back.

    Stored are the prepared images, and their coarse descriptions where candidates are chosen by them: 60,000
    take half a second to describe. Gradients are not: what is compared of a hundred candidates is worked out
    in two milliseconds.
    """

    image_shape: tuple[int, ...] | None
    prepare_: Prepare | None
    n_neighbors_: int
    reasons_: tuple[str, ...]
    _index: DeformableIndex
    _range: tuple[float, float]

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        comparison = self._index.comparison
        facts["prepare"] = None if self.prepare_ is None else self.prepare_.to_json()
        facts["planes"], facts["warp"] = comparison.planes, list(comparison.warp)
        facts["context"], facts["symmetric"] = comparison.context, comparison.symmetric
        crowded = self._ready_index().crowding
        if crowded is not None:
            facts["aligned"], arrays["crowding"] = True, crowded
        if comparison.blur:
            facts["blur"] = comparison.blur
        if comparison.window:
            facts["window"] = comparison.window
        facts["n_neighbors"], facts["reasons"] = self.n_neighbors_, list(self.reasons_)
        if self.image_shape_ is None:
            facts["range"] = list(self._range)
        arrays["images"] = self._index.images
        if self._index.is_described:
            descriptions = self._index.descriptions()
            arrays["descriptions"] = descriptions.take(np.arange(len(descriptions)))

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        prepare = state.fact("prepare")
        self.prepare_ = None if prepare is None else Prepare.from_json(prepare)
        if self.prepare_ is not None and not hasattr(self.prepare_, "steps_"):
            raise InputError("prepare is not fitted")
        self.n_neighbors_ = state.whole("n_neighbors", 1, 2**40)
        self.reasons_ = state.texts("reasons")
        if self.image_shape_ is None:
            low, high = self._bounds(state.numbers("range", -_WIDEST, _WIDEST))
            self._range = low, high
            self._check_row_shape()
        images = self._images(state)
        comparison = self._compared(state)
        if comparison.aligned and images.ndim != 3:
            raise InputError("aligned is true: expected gray images, and these have colours")
        descriptions = None
        if state.has("descriptions"):
            shape = comparison.description_shape(images.shape[1:])
            descriptions = state.array("descriptions", np.uint8, (len(images), *shape))
        self._index = DeformableIndex(images, comparison, descriptions)
        if comparison.aligned:
            self._read_crowding(state)
        self._count_candidates()

    def _ready_index(self, progress: Progress = silent) -> DeformableIndex:
        """Return the index, knowing how crowded images are, where they are aligned."""
        index = self._index
        if index.comparison.aligned:
            index.crowding = self._derive("crowding", lambda: crowding(index, self._codes, progress))
        return index

    def _read_crowding(self, state: StateReader) -> None:
        """Take over how crowded images are."""
        parts = state.array("crowding", np.int64, (len(self.ids_),))
        if parts.min() < 1 or parts.max() > _MOST_PARTS:
            raise InputError(f"crowding holds {parts.min()} to {parts.max()}: expected 1 to {_MOST_PARTS}")
        self._derive("crowding", lambda: parts)

    def _check_row_shape(self) -> None:
        """Refuse a parameter from outside that is no shape of the rows."""
        shape = self.image_shape
        if shape is not None and not (
            isinstance(shape, tuple) and all(type(side) is int and 1 <= side <= 2**40 for side in shape)
        ):
            raise InputError(f"image_shape is {short(shape)}: expected (h, w) or (h, w, c)")
        self._row_shape()

    def _images(self, state: StateReader) -> NDArray[np.uint8]:
        """Return the prepared images."""
        colour = len(self.image_shape_ or self._row_shape()) == 3 and self.prepare_ is None
        n = len(self.ids_)
        images = state.array("images", np.uint8, (n, None, None, None) if colour else (n, None, None))
        if not images.size:
            raise InputError("the array images holds images without pixels")
        if self.prepare_ is None and images.shape[1:] != (self.image_shape_ or self._row_shape()):
            raise InputError(f"the array images has shape {images.shape}: expected images as they came")
        return images

    def _compared(self, state: StateReader) -> Comparison:
        """Return how images are compared."""
        planes = state.fact("planes")
        if planes not in get_args(PlanesName):
            raise InputError(f"planes is {planes!r:.100}: expected one of {', '.join(get_args(PlanesName))}")
        warp = state.wholes("warp", 0, 127)
        if len(warp) != 2:
            raise InputError(f"warp is {warp}: expected two numbers")
        context = checked_context(state.whole("context", 0, 127))
        warp = checked_warp((warp[0], warp[1]))
        # These are said only where they are true, and not 0.
        aligned = state.has("aligned") and state.flag("aligned")
        blur = state.number("blur", 0, _WIDEST_BLUR) if state.has("blur") else 0.0
        window = state.number("window", 0, 0.5) if state.has("window") else 0.0
        return Comparison(planes, warp, context, state.flag("symmetric"), aligned, blur, window)

    def _bounds(self, numbers: tuple[float, ...]) -> tuple[float, float]:
        """Return the least and the largest value of the first fit."""
        if len(numbers) != 2 or numbers[0] > numbers[1]:
            raise InputError(f"range is {numbers}: expected the least and the largest value")
        return numbers[0], numbers[1]

    def _count_candidates(self) -> None:
        """Say how many images each is compared with."""
        raise NotImplementedError

    def _row_shape(self) -> tuple[int, ...]:
        """Return the shape of the image that a row of a 2-D array is."""
        raise NotImplementedError
