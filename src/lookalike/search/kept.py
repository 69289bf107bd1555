"""The plainest way to keep every training image: whoever says what each pixel costs has a matcher."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.images import unit_of
from lookalike.progress import Progress, silent
from lookalike.search.matcher import Codes, Costs, Kind
from lookalike.search.matches import Matches, Places
from lookalike.search.pixels import as_compared, check_codes
from lookalike.state import State, array, class_codes, whole

#: Costs that are held at once: so many numbers.
_HELD_VALUES = 1 << 22


class KeptMatcher(ABC):
    """Keeps training images, and compares with all of them, by broadcasting: slow, exact and short to extend.

    A subclass says what each pixel costs (:meth:`costs`): the mean of the costs is the distance, or its
    square where ``root`` is true. Parameters that files must hold are added to ``state``.
    """

    state: ClassVar[State] = {
        "images": array(np.uint8, np.float32, np.float64, shape=("n", ...)),
        "codes": class_codes("n"),
        "n_classes": whole(1, 2**31),
    }
    keeps_images: ClassVar[bool] = True
    merges: ClassVar[bool] = True
    fixed: ClassVar[str] = ""
    kind: Kind = "training image"
    title = "kept images"
    root = False

    images: NDArray[Any]
    codes: Codes
    n_classes: int

    @abstractmethod
    def costs(self, image: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each pixel of one image costs beside each of some others: of the others' shape."""

    @property
    def class_counts(self) -> NDArray[np.int64]:
        return np.bincount(self.codes, minlength=self.n_classes)

    def restored(self) -> None:
        """Refuse codes of classes that are not there."""
        check_codes(self.codes, self.n_classes)

    def fit(self, images: NDArray[Any], codes: Codes, n_classes: int, *, progress: Progress = silent) -> None:
        self.images, self.codes, self.n_classes = images.copy(), codes, n_classes

    def add(self, images: NDArray[Any], codes: Codes) -> None:
        """Keep further images behind the others; where bytes and floats meet, all go on as floats."""
        mine, unit, other = self.images, unit_of(self.images), unit_of(images)
        if unit != other:
            mine, images = mine / unit, images / other
        self.images, self.codes = np.concatenate([mine, images]), np.concatenate([self.codes, codes])

    def remove(self, places: NDArray[np.intp]) -> None:
        """Keep the images at some places no longer; those behind them move up."""
        self.images, self.codes = np.delete(self.images, places, axis=0), np.delete(self.codes, places)

    def move_classes(self, moved: Codes, n_classes: int) -> None:
        self.codes, self.n_classes = moved[self.codes], n_classes

    def kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        return self.images[places]

    def match(
        self,
        images: NDArray[Any],
        k: int,
        *,
        exclude: Places | None = None,
        reach: float = np.inf,
        progress: Progress = silent,
    ) -> Matches:
        asked, kept = as_compared(images, unit_of(images)), as_compared(self.images, unit_of(self.images))
        distances = np.empty((len(asked), len(kept)))
        step = max(1, _HELD_VALUES // kept[0].size)
        for row, image in enumerate(asked):
            progress("comparing", row, len(asked))
            for start in range(0, len(kept), step):
                some = self.costs(image, kept[start : start + step])
                distances[row, start : start + step] = some.reshape(len(some), -1).mean(axis=1)
        progress("comparing", len(asked), len(asked))
        if self.root:
            np.sqrt(distances, out=distances)
        return Matches.of(distances, self.codes, self.n_classes, k, exclude=exclude)

    def contributions(self, image: NDArray[Any], place: int) -> Costs:
        other = self.images[[place]]
        costs = self.costs(as_compared(image, unit_of(image[None])), as_compared(other, unit_of(other)))[0]
        return Costs(costs / costs.size)
