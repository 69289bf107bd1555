"""What the ideas that stand on class means share: sums over images, added up in any order and any parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metaestimators import available_if

from lookalike.errors import InputError
from lookalike.models.calibration import LeftOut
from lookalike.models.nearest_class import NearestClass
from lookalike.models.reservoir import SIZE, Reservoir, spreads
from lookalike.models.tensors import takes_tensors
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.evidence import Evidence, Reference
    from lookalike.models.explain import Manner
    from lookalike.models.state import StateReader

#: Bytes from which on loading compiled code pays; below, NumPy is done before it is loaded.
COMPILED_FROM = 1 << 23
#: Counts times 255 stay far within 64 bits.
_MOST_IMAGES = 2**48


class ClassMeanClassifier(NearestClass):
    """A classifier by the mean of each class, of the images themselves or of features of them.

    Its state is a sum and a count for each class. Sums of whole numbers (bytes of images, 2-D arrays of
    integers) are int64: exact, and the same for any order and any parts. Sums of floats are float64, the
    same up to rounding. Up to 2,000 of the images seen are kept too, chosen by a hash of their values (see
    :mod:`lookalike.models.reservoir`), to calibrate probabilities and refusals by: a model and its file hold
    them.

    Attributes
    ----------
    class_sums_ : ndarray of shape (n_classes, n_values), int64 or float64
        The sum of each class, in units of 1 / ``sum_scale_``.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many images of each class were seen.
    sum_scale_ : int
        255 for images of bytes, else 1.
    """

    class_sums_: NDArray[Any]
    class_counts_: NDArray[np.int64]
    sum_scale_: int
    _reservoir: Reservoir

    @available_if(lambda model: model._can_accumulate())  # type: ignore[untyped-decorator]
    @takes_tensors
    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Add labelled images to what was seen before.

        For images of bytes the result is exactly that of one ``fit`` on all of them, in any order and any
        parts, since only integer sums and counts are kept.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape seen before.
        y : array-like of shape (n,)
            Their labels.
        classes : array-like of shape (n_classes,), optional
            Every label that will ever occur; needed at the first call only. A class without images yet is
            never an answer.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The first call has no ``classes``, a later one has other ones, or a label is none of them.
        """
        return self._fit_more(X, y, classes)

    def _evidence(self, X: ArrayLike, n_neighbors: int, progress: Progress) -> list[Evidence]:
        """Return the evidence for each image."""
        from lookalike.models.explain import of_class_means

        return of_class_means(self, X)

    def _manner(self) -> Manner:
        """Return how images are compared."""
        raise NotImplementedError

    def _class_reference(self, code: int, seen: NDArray[np.float64], distance: float) -> Reference:
        """Return what stands for a class, beside an image on the scale that is compared."""
        raise NotImplementedError

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values; by default there are none."""

    def _can_accumulate(self) -> bool:
        """Return whether sums are all that is needed; where not, ``partial_fit`` is not there."""
        return True

    def _features(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return what is averaged: whole numbers for rows of whole numbers."""
        raise NotImplementedError

    def _refresh(self) -> None:
        """Bring what is derived from the sums up to date."""
        raise NotImplementedError

    def _begin(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> None:
        self._start_classes()
        self.__dict__.pop("class_sums_", None)
        self.__dict__.pop("_reservoir", None)
        self.class_counts_ = np.zeros(len(self.classes_), dtype=np.int64)
        self._more(rows, scale, codes)

    def _check_teachable(self) -> None:
        try:
            self._can_accumulate()
        except AttributeError as error:
            raise InputError(f"this model cannot be taught: {error}") from error

    def _more(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> NDArray[np.int64]:
        """Add further images to the sums; none is kept, so none has an id."""
        self._add(rows, codes, scale)
        self._note_look(rows)
        return np.empty(0, np.int64)

    def _class_sizes(self) -> NDArray[Any]:
        return self.class_counts_

    def _move_classes(self, moved: NDArray[np.intp], count: int) -> None:
        super()._move_classes(moved, count)
        sums = np.zeros((count, self.class_sums_.shape[1]), self.class_sums_.dtype)
        counts = np.zeros(count, np.int64)
        left = moved >= 0
        sums[moved[left]], counts[moved[left]] = self.class_sums_[left], self.class_counts_[left]
        self.class_sums_, self.class_counts_ = sums, counts
        self._reservoir = self._reservoir._replace(codes=moved[self._reservoir.codes])
        self._refresh()
        self._changed()

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        arrays["class_counts"] = self.class_counts_.astype(np.int64)
        if hasattr(self, "class_sums_"):
            facts["sum_scale"] = int(self.sum_scale_)
            arrays["class_sums"] = self.class_sums_
        facts["reservoir_scale"] = self._reservoir.scale
        arrays["reservoir"] = self._reservoir.rows
        arrays["reservoir_codes"] = self._reservoir.codes.astype(np.int64)
        arrays["reservoir_keys"] = self._reservoir.keys
        arrays["reservoir_spreads"] = self._reservoir.spreads

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        counts = state.array("class_counts", np.int64, (len(self.classes_),)).copy()
        if counts.min() < 0 or counts.max() > _MOST_IMAGES:
            raise InputError(f"class_counts are not all from 0 to {_MOST_IMAGES}")
        self.class_counts_ = counts
        if state.has("class_sums"):
            self._read_sums(state)
        self._read_reservoir(state)

    def _read_sums(self, state: StateReader) -> None:
        """Take back the sums."""
        self.sum_scale_ = state.whole("sum_scale", 1, 255)
        if self.sum_scale_ not in (1, 255):
            raise InputError(f"sum_scale is {self.sum_scale_}: expected 1 or 255")
        sums = state.array("class_sums", (np.int64, np.float64), (len(self.classes_), None))
        if sums.shape[1] != self._n_values():
            raise InputError(f"class_sums have {sums.shape[1]} values: expected {self._n_values()}")
        self.class_sums_ = sums.copy()
        self._refresh()

    def _read_reservoir(self, state: StateReader) -> None:
        """Take back the images to calibrate by."""
        rows = state.array("reservoir", (np.uint8, np.float64), (None, self._n_values()))
        keys = state.array("reservoir_keys", np.uint64, (len(rows),))
        if not 1 <= len(rows) <= SIZE or not (keys[1:] >= keys[:-1]).all():
            raise InputError(
                f"the reservoir holds {len(rows)} images: expected 1 to {SIZE}, by ascending keys"
            )
        spreads = state.array("reservoir_spreads", np.float64, (len(rows),))
        codes = state.codes("reservoir_codes", len(rows), len(self.classes_))
        scale = state.whole("reservoir_scale", 1, 255)
        if scale not in (1, 255) or (spreads < 0).any():
            raise InputError(
                f"reservoir_scale is {scale}, or spreads are negative: expected 1 or 255, and none"
            )
        if (np.bincount(codes, minlength=len(self.classes_)) > self.class_counts_).any():
            raise InputError("the reservoir holds more images of a class than were seen")
        self._reservoir = Reservoir(rows.copy(), codes, keys.copy(), spreads.copy(), scale)

    def _n_values(self) -> int:
        """Return how many values are averaged."""
        return self.n_features_in_

    def _class_answers(
        self, X: ArrayLike, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
        rows, scale = self._rows(X, reset=False)
        distances = self._distances(self._features(rows), scale)
        return distances, np.argmin(distances, axis=1), spreads(rows, scale)

    def _leave_out(self) -> LeftOut:
        held = self._reservoir
        distances = self._distances(held.rows, held.scale)
        counts = self.class_counts_[held.codes]
        own = np.arange(len(counts)), held.codes
        distances[own] = np.where(counts > 1, self._without_itself(distances[own], counts), np.inf)
        return LeftOut(distances, held.codes, held.spreads)

    def _without_itself(
        self, distances: NDArray[np.float64], counts: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the distance of each reservoir image to its class without it, from that with it.

        Without the image a, of n, the mean m is (n m - a) / (n - 1): n / (n - 1) times as far from a.
        """
        return distances * (counts / np.maximum(counts - 1, 1))

    def _distances(self, values: NDArray[Any], scale: int) -> NDArray[np.float64]:
        """Return the distance of each image's features, whose full ink is ``scale``, to each class."""
        raise NotImplementedError

    def _sample(self, rows: NDArray[Any], codes: NDArray[np.intp], scale: int) -> None:
        """Keep some of the rows to calibrate by."""
        fresh = Reservoir.of(rows, codes, self.classes_, scale, self._features)
        held = self.__dict__.get("_reservoir")
        self._reservoir = fresh if held is None else held.joined(fresh)
        self._changed()

    def _add(self, rows: NDArray[Any], codes: NDArray[np.intp], scale: int) -> None:
        """Add rows to the sums of their classes."""
        sums = class_sums(self._features(rows), codes, len(self.classes_))
        if not hasattr(self, "class_sums_"):
            self.class_sums_, self.sum_scale_ = sums, scale
        elif scale == self.sum_scale_:
            self.class_sums_ = self.class_sums_ + sums
        else:
            # Images of bytes and of floats have met: both go on as floats in 0-1.
            self.class_sums_ = self.class_sums_ / self.sum_scale_ + sums / scale
            self.sum_scale_ = 1
        self.class_counts_ = self.class_counts_ + np.bincount(codes, minlength=len(self.classes_))
        self._sample(rows, codes, scale)
        self._refresh()

    def _means(self) -> NDArray[np.float64]:
        """Return the mean of each class on the scale where 1 is full ink; NaN for a class without images."""
        counts = self.class_counts_[:, None] * np.int64(self.sum_scale_)
        means = np.full(self.class_sums_.shape, np.nan)
        np.divide(self.class_sums_, counts, out=means, where=counts > 0)
        return means


def class_sums(values: NDArray[Any], codes: NDArray[np.intp], n_classes: int) -> NDArray[Any]:
    """Return the sum of the rows of each class.

    Parameters
    ----------
    values : ndarray of shape (n, d)
        Numbers.
    codes : ndarray of shape (n,)
        The class of each row, 0 to ``n_classes - 1``.
    n_classes : int
        How many classes there are.

    Returns
    -------
    ndarray of shape (n_classes, d)
        int64 and exact for whole numbers, else float64.
    """
    if values.dtype == np.uint8:
        if values.size >= COMPILED_FROM:
            from lookalike.distance.kernels.sums import class_sums as compiled

            return compiled(values, codes, n_classes)
        # Sums of bytes stay below 2**53, where float64 counts exactly and is what NumPy adds fastest.
        return _numpy_sums(values, codes, n_classes, np.float64).astype(np.int64)
    return _numpy_sums(values, codes, n_classes, np.int64 if values.dtype.kind in "iu" else np.float64)


def _numpy_sums(values: NDArray[Any], codes: NDArray[np.intp], n_classes: int, dtype: Any) -> NDArray[Any]:
    """Return the sums of each class, added up in ``dtype``."""
    return np.stack([values[codes == code].sum(axis=0, dtype=dtype) for code in range(n_classes)])
