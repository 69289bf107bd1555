"""What classifiers by the nearest prototype share: any number of images that stand for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from lookalike.distance.prototypes import prototype_sums
from lookalike.errors import InputError
from lookalike.models.base import check_whole
from lookalike.models.calibration import LeftOut
from lookalike.models.class_means import COMPILED_FROM
from lookalike.models.clusters import clusters
from lookalike.models.nearest_class import NearestClass
from lookalike.models.reservoir import spreads
from lookalike.models.tensors import takes_tensors
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.evidence import Evidence, Reference
    from lookalike.models.explain import Manner
    from lookalike.models.state import StateReader

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

_METRICS = ("l1", "l2")
_MOST_IMAGES = 2**48


class PrototypeClassifier(NearestClass):
    """A classifier by the nearest of some prototypes, of which each class has at least one.

    A subclass finds them (``_find``).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    prototypes_ : ndarray of shape (n_prototypes, h, w[, c]) or (n_prototypes, n_features), float64
        In 0-1, or in the units of a 2-D array; class by class.
    prototype_labels_ : ndarray of shape (n_prototypes,)
        Their classes.
    class_counts_ : ndarray of shape (n_classes,), int64
        How many training images each class had.
    """

    metric: Literal["l1", "l2"]
    per_class: int
    random_state: Any
    prototypes_: Floats
    class_counts_: NDArray[np.int64]
    _codes: Codes
    _held: LeftOut

    @property
    def prototype_labels_(self) -> NDArray[Any]:
        """The class of each prototype."""
        labels: NDArray[Any] = self.classes_[self._codes]
        return labels

    def fit(self, X: ArrayLike, y: ArrayLike, *, progress: Progress = silent) -> Self:
        """Find prototypes of labelled images; what was found before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images.
        y : array-like of shape (n,)
            Their labels: integers or strings.
        progress : Progress, optional
            Hears of classes or of epochs done.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is none of its values, the images are no image batch, or there is not one label for
            each.
        """
        rows, scale, codes = self._first(X, y)
        self._start_classes()
        self.class_counts_ = np.bincount(codes).astype(np.int64)
        self._find(rows, scale, codes, progress)
        self._note_look(rows)
        self._changed()
        return self

    @takes_tensors
    def prototype_distances(self, X: ArrayLike) -> Floats:
        """Return the distance of each image to each prototype.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n, n_prototypes), float64
            L1 or L2 per value, in 0-1 for images; in the order of ``prototypes_``.
        """
        rows, scale = self._rows(X, reset=False)
        return self._per_prototype(rows, scale, self.prototypes_)

    def class_distances(self, X: ArrayLike) -> Floats:
        """Return the distance of each image to the nearest prototype of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            L1 or L2 per value, in 0-1 for images; in the order of ``classes_``.
        """
        return self._per_class(self.prototype_distances(X))

    def _find(self, rows: NDArray[Any], scale: int, codes: Codes, progress: Progress) -> None:
        """Set ``prototypes_``, ``_codes`` and ``_held`` from rows, of which ``scale`` stands for 1."""
        raise NotImplementedError

    def _clustered(
        self, rows: NDArray[Any], scale: int, codes: Codes, progress: Progress
    ) -> tuple[Floats, Codes, NDArray[np.int64]]:
        """Return clusters of each class: centres as rows where 1 is full ink, their classes and sizes."""
        # The same draws for each class: classes of equal images have equal prototypes.
        seed = int(check_random_state(self.random_state).randint(2**31))
        centres, sizes = [], []
        for code, label in enumerate(self.classes_.tolist()):
            progress(f"clusters of {label}", code, len(self.classes_))
            found = clusters(
                rows[codes == code],
                self.per_class,
                self.metric,
                np.random.RandomState(seed),
                compiled=self._is_large(),
            )
            centres.append(found.centres / scale)
            sizes.append(np.bincount(found.places, minlength=len(found.centres)))
        owners = np.repeat(np.arange(len(centres)), [len(some) for some in centres])
        return np.concatenate(centres), owners, np.concatenate(sizes).astype(np.int64)

    def _is_large(self) -> bool:
        """Return whether compiled code pays: by what the model has seen, not by the batch."""
        return int(self.class_counts_.sum()) * self.n_features_in_ >= COMPILED_FROM

    def _per_prototype(self, rows: NDArray[Any], scale: int, prototypes: Floats) -> Floats:
        """Return distances to prototypes, of which 1 is full ink."""
        wanted = prototypes.reshape(len(prototypes), -1) * scale
        distances = prototype_sums(rows, wanted, self.metric, compiled=self._is_large())
        distances /= self.n_features_in_
        if self.metric == "l2":
            np.sqrt(distances, out=distances)
        distances /= scale
        return distances

    def _per_class(self, distances: Floats) -> Floats:
        """Return the least distance to each class's prototypes."""
        # Prototypes stand class by class, and each class has one.
        starts = np.searchsorted(self._codes, np.arange(len(self.classes_)))
        return np.minimum.reduceat(distances, starts, axis=1)

    def _shaped(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return rows as images, where the model was fitted on images."""
        return rows if self.image_shape_ is None else rows.reshape(-1, *self.image_shape_)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        if self.metric not in _METRICS:
            raise InputError(f"metric is {self.metric!r}: expected 'l1' or 'l2'")
        check_whole("per_class", self.per_class)

    def _check_teachable(self) -> None:
        raise InputError(
            "this model cannot be taught: prototypes follow from all training images at once, and these are "
            "not kept; fit it again, or use a model of the nearest images"
        )

    def _class_sizes(self) -> NDArray[Any]:
        return self.class_counts_

    def _class_answers(self, X: ArrayLike, progress: Progress) -> tuple[Floats, Codes, Floats]:
        rows, scale = self._rows(X, reset=False)
        distances = self._per_class(self._per_prototype(rows, scale, self.prototypes_))
        return distances, np.argmin(distances, axis=1), spreads(rows, scale)

    def _leave_out(self) -> LeftOut:
        return self._held

    def _known_left_out(self) -> LeftOut | None:
        return self._held

    def _evidence(self, X: ArrayLike, n_neighbors: int, progress: Progress) -> list[Evidence]:
        from lookalike.models.explain import of_class_means

        return of_class_means(self, X)

    def _manner(self) -> Manner:
        from lookalike.models.explain import Manner

        return Manner(f"nearest prototype, {self.metric.upper()}", self.metric == "l2")

    def _class_reference(self, code: int, seen: Floats, distance: float) -> Reference:
        """Return the prototype of a class that is nearest to an image; ties: the first."""
        from lookalike.models.explain import compared_with

        own = self.prototypes_[self._codes == code]
        near = self._per_prototype(seen.reshape(1, -1), 1, own)[0]
        return compared_with(
            seen, own[np.argmin(near)], kind="prototype", label=self.classes_[code], distance=distance
        )

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        arrays["class_counts"] = self.class_counts_
        arrays["prototypes"] = self.prototypes_.reshape(len(self.prototypes_), -1)
        arrays["prototype_codes"] = self._codes.astype(np.int64)

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        n_classes = len(self.classes_)
        counts = state.array("class_counts", np.int64, (n_classes,)).copy()
        if counts.min() < 1 or counts.max() > _MOST_IMAGES:
            raise InputError(f"class_counts are not all from 1 to {_MOST_IMAGES}")
        self.class_counts_ = counts
        rows = state.array("prototypes", np.float64, (None, self.n_features_in_))
        self._codes = state.codes("prototype_codes", len(rows), n_classes)
        ascending = bool((np.diff(self._codes) >= 0).all())
        if not ascending or len(np.unique(self._codes)) != n_classes:
            raise InputError("prototype_codes are not class by class: expected at least one for each class")
        self.prototypes_ = self._shaped(rows.copy())
        held = super()._known_left_out()
        if held is None:
            raise InputError("held_distances are missing")
        self._held = held
