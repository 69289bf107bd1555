"""A fixed number of training images, the same ones whatever order and parts they came in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.images import unit_of
from lookalike.search.together import Keys, joined, mixed, text_key, value_sums
from lookalike.state import State, array, class_codes

#: How many images are kept to calibrate by.
SIZE = 2000
#: Rows are hashed a few at a time, so that what has to be copied stays small.
_CHUNK_VALUES = 1 << 22


@dataclass(frozen=True, eq=False)
class Reservoir:
    """The training images with the smallest keys, at most :data:`SIZE`, in the order of these."""

    images: NDArray[Any]
    codes: NDArray[np.intp]
    keys: Keys  # ascending
    kin: Keys | None = None  # what is known of them by :func:`lookalike.search.together.kin_of`

    state: ClassVar[State] = {
        "images": array(np.uint8, np.float64, np.float32, shape=("m", ...)),
        "codes": class_codes("m"),
        "keys": array(np.uint64, shape=("m",)),
        "kin": array(np.uint64, shape=("m", 2), optional=True),
    }

    def restored(self) -> None:
        """Refuse what is no reservoir."""
        if not 1 <= len(self.keys) <= SIZE or not (self.keys[1:] >= self.keys[:-1]).all():
            raise InputError(
                f"the reservoir holds {len(self.keys)} images: expected 1 to {SIZE}, by ascending keys"
            )

    @classmethod
    def of(
        cls,
        images: NDArray[Any],
        codes: NDArray[np.intp],
        classes: NDArray[Any],
        kin: Keys | None = None,
    ) -> Reservoir:
        """Return the reservoir of some images, whose codes stand for ``classes``."""
        keys = image_keys(images, codes, classes)
        places = smallest(keys, _ties(kin))
        kept = images[places]
        return cls(
            kept if kept.dtype.kind in "f" or kept.dtype == np.uint8 else kept / 1,
            codes[places],
            keys[places],
            None if kin is None else kin[places],
        )

    def joined(self, other: Reservoir) -> Reservoir:
        """Return the reservoir of both; where bytes and floats meet, both go on as floats."""
        one, two = self.images, other.images
        if unit_of(one) != unit_of(two):
            one, two = one / unit_of(one), two / unit_of(two)
        kin = joined(self.kin, len(self.keys), other.kin, len(other.keys))
        places = smallest(np.concatenate([self.keys, other.keys]), _ties(kin))
        return Reservoir(
            np.concatenate([one, two])[places],
            np.concatenate([self.codes, other.codes])[places],
            np.concatenate([self.keys, other.keys])[places],
            None if kin is None else kin[places],
        )

    def moved(self, moved: NDArray[np.intp]) -> Reservoir:
        """Return the same after a change of classes."""
        return replace(self, codes=moved[self.codes])


def spreads(images: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviation of the values of each image, where 1 is full ink.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.reservoir import spreads
    >>> spreads(np.array([[[7, 7]], [[0, 255]]], np.uint8))
    array([0. , 0.5])
    """
    rows = images.reshape(len(images), -1)
    step = max(1, _CHUNK_VALUES // rows.shape[1])
    found = np.empty(len(rows))
    for start in range(0, len(rows), step):
        found[start : start + step] = _deviations(rows[start : start + step])
    return found / (255 if images.dtype == np.uint8 and images.ndim > 2 else 1)


def _deviations(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviation of each row."""
    deviations: NDArray[np.float64]
    if rows.dtype != np.uint8:
        deviations = rows.std(axis=1, dtype=np.float64)
        return deviations
    # Sums of bytes and of their squares are exact, and quicker than a second pass around the mean.
    values, count = rows.astype(np.float64), rows.shape[1]
    squares = count * np.einsum("ij,ij->i", values, values) - values.sum(axis=1) ** 2
    deviations = np.sqrt(squares) / count
    return deviations


def smallest(keys: Keys, ties: Keys | None = None) -> NDArray[np.intp]:
    """Return the places of the smallest keys, :data:`SIZE` at most; equal ones by ties, then by place."""
    near = np.arange(len(keys))
    if len(keys) > SIZE:
        near = np.flatnonzero(keys <= np.partition(keys, SIZE - 1)[SIZE - 1])
    order = keys[near].argsort(kind="stable") if ties is None else np.lexsort((ties[near], keys[near]))
    found: NDArray[np.intp] = near[order[:SIZE]]
    return found


def _ties(kin: Keys | None) -> Keys | None:
    """Return what copies are ordered by, whatever order they came in: their groups, those of none last."""
    return None if kin is None else kin[:, 1] - np.uint64(1)


def image_keys(images: NDArray[Any], codes: NDArray[np.intp], classes: NDArray[Any]) -> Keys:
    """Return a number for each labelled image that follows from its values and its label alone.

    The values' bytes, as little-endian words of 64 bits, are multiplied by odd numbers and added up, with
    the hash of the label; the sum's bits are then mixed. It is the same on every processor and for any
    memory order, and serves to choose at random, not to withstand anyone. ``images`` are ``(n, ...)``: bytes,
    other numbers as float64; ``codes`` ``(n,)`` stand for ``classes``.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.recognition.reservoir import image_keys
    >>> rows = np.array([[0, 1], [0, 1], [1, 0]], np.uint8)
    >>> image_keys(rows, np.array([0, 1, 1]), np.array(["a", "b"])).tolist()
    [8041580402762617116, 3884779475930430651, 35586486336360408]
    """
    labels = np.array([text_key(label) for label in classes.tolist()], np.uint64)
    return mixed(value_sums(images) ^ labels[codes])
