"""What classifiers that keep their training images share: ids, adding, forgetting, voting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.errors import InputError
from lookalike.models.kept_classes import KeptClasses
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from lookalike.evidence import Evidence
    from lookalike.models.explain import Costs, Manner
    from lookalike.models.state import StateReader


#: Kept images are looked at so many at a time.
_CHUNK = 8192


class KeptImages(KeptClasses):
    """A classifier that keeps its training images and lets the nearest of them vote.

    A subclass says how images are kept (``_keep``, ``_append``, ``_drop``) and which are nearest
    (``kneighbors``).

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image, in their order, ascending. An image keeps its number when others are
        forgotten; no number is given twice.
    labels_ : ndarray of shape (n_images,)
        The training images' labels.
    """

    _next_id: int

    @property
    def labels_(self) -> NDArray[Any]:
        """The training images' labels."""
        labels: NDArray[Any] = self.classes_[self._codes]
        return labels

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Append labelled images to those that are kept.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape seen before.
        y : array-like of shape (n,)
            Their labels.
        classes : array-like of shape (n_classes,), optional
            Every label that will ever occur; needed at the first call only.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The first call has no ``classes``, a later one has other ones, or a label is none of them.
        """
        return self._fit_more(X, y, classes)

    def forget(self, ids: ArrayLike) -> Self:
        """Forget training images; a class that was taught goes with its last image.

        Parameters
        ----------
        ids : int or array-like of int
            Their numbers in ``ids_``.

        Returns
        -------
        self

        Raises
        ------
        InputError
            An id is no number that is in ``ids_``, or no image would be left.
        """
        check_is_fitted(self)
        wanted = np.unique(np.atleast_1d(np.asarray(ids)))
        if wanted.dtype.kind == "b":
            raise InputError("ids are true or false: expected whole numbers that are in ids_")
        strange = wanted[~np.isin(wanted, self.ids_)]
        if strange.size:
            raise InputError(f"no training image has the id {strange[0]}: expected ids that are in ids_")
        if len(wanted) == len(self.ids_):
            raise InputError(
                f"all {len(wanted)} training images would be forgotten: expected at least one left"
            )
        gone = np.isin(self.ids_, wanted)
        self._drop(np.flatnonzero(gone))
        self._codes, self.ids_ = self._codes[~gone], self.ids_[~gone]
        self._drop_empty_taught()
        self._changed()
        self._note_change()
        return self

    def kneighbors(
        self, X: ArrayLike, n_neighbors: int | None = None, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return distances and places of the nearest training images of each image, nearest first."""
        raise NotImplementedError

    def predict(self, X: ArrayLike, *, progress: Progress = silent) -> NDArray[Any]:
        """Return the class that the nearest training images vote for.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n,)
            Labels; equal votes go to the class of the nearest voter.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``, or fewer training images are left
            than are to vote.
        """
        return self.answered(X, progress=progress)[0]

    def answered(
        self, X: ArrayLike, *, progress: Progress = silent
    ) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """Return the class of each image, and how unlike the image is to it.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        labels : ndarray of shape (n,)
            What :meth:`predict` returns.
        distances : ndarray of shape (n,), float64
            The distance to the nearest of the training images that voted for that class.

        Raises
        ------
        InputError
            As :meth:`predict`.
        """
        check_is_fitted(self)
        X = self._watched(X)
        distances, indices = self.kneighbors(X, progress=progress)
        codes = self._codes[indices]
        chosen = vote(codes, self._vote_weights(distances))
        nearest = np.argmax(codes == chosen[:, None], axis=1)
        return self.classes_[chosen], np.take_along_axis(distances, nearest[:, None], axis=1)[:, 0]

    def is_kept(self, X: ArrayLike) -> NDArray[np.bool_]:
        """Return which images are, to the model, the same as one of its training images.

        What is compared is what the model keeps: value by value, after its preparation. A distance of 0 would
        not do, for images that differ can be that near where pixels may move, and the nearest image need not
        be one of those whose class is the answer.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.

        Returns
        -------
        ndarray of shape (n,), bool

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``.
        """
        check_is_fitted(self)
        kept: set[bytes] = set()
        for start in range(0, len(self.ids_), _CHUNK):
            places = np.arange(start, min(start + _CHUNK, len(self.ids_)))
            kept.update(_digests(self._kept(places)))
        return np.array([digest in kept for digest in _digests(self._seen(X))], dtype=np.bool_)

    def _begin(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> None:
        """Keep the first images."""
        self._start_classes()
        self._codes = codes
        self.ids_ = np.arange(len(rows), dtype=np.int64)
        self._next_id = len(rows)
        self._keep(rows, scale)
        self._note_look(rows)
        self._changed()

    def _more(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> NDArray[np.int64]:
        """Keep further images, and return their ids."""
        self._append(rows, scale)
        ids = np.arange(self._next_id, self._next_id + len(rows), dtype=np.int64)
        self._codes, self.ids_ = np.concatenate([self._codes, codes]), np.concatenate([self.ids_, ids])
        self._next_id += len(rows)
        self._note_look(rows)
        self._changed()
        return ids

    def _class_sizes(self) -> NDArray[Any]:
        return np.bincount(self._codes, minlength=len(self.classes_))

    def _move_classes(self, moved: NDArray[np.intp], count: int) -> None:
        super()._move_classes(moved, count)
        self._codes = moved[self._codes]

    def _write_state(self, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._write_state(facts, arrays)
        facts["next_id"] = self._next_id
        arrays["ids"], arrays["codes"] = self.ids_, self._codes.astype(np.int64)

    def _read_state(self, state: StateReader) -> None:
        super()._read_state(state)
        self._next_id = state.whole("next_id", 1, 2**62)
        ids = state.array("ids", np.int64, (None,))
        if not len(ids) or ids[0] < 0 or ids[-1] >= self._next_id or not (ids[1:] > ids[:-1]).all():
            raise InputError(f"ids are not ascending numbers from 0 to {self._next_id - 1}, one at least")
        self.ids_ = ids.copy()
        self._codes = state.codes("codes", len(ids), len(self.classes_))

    def _evidence(self, X: ArrayLike, n_neighbors: int, progress: Progress) -> list[Evidence]:
        """Return the evidence for each image."""
        from lookalike.models.explain_kept import of_kept_images

        return of_kept_images(self, X, n_neighbors, progress)

    def _check_parameters(self) -> None:
        """Refuse parameters that are none of their values."""
        raise NotImplementedError

    def _keep(self, rows: NDArray[Any], scale: int) -> None:
        """Keep these rows alone; ``_codes`` and ``ids_`` are known."""
        raise NotImplementedError

    def _append(self, rows: NDArray[Any], scale: int) -> None:
        """Keep further rows behind the others; ``_codes`` and ``ids_`` are those of the others."""
        raise NotImplementedError

    def _drop(self, places: NDArray[np.intp]) -> None:
        """Keep the rows at some places no longer."""
        raise NotImplementedError

    def _manner(self) -> Manner:
        """Return how images are compared."""
        raise NotImplementedError

    def _seen(self, X: ArrayLike) -> NDArray[Any]:
        """Return what is compared of images: bytes of images, or float64 on the scale that is compared."""
        raise NotImplementedError

    def _kept(self, places: NDArray[np.intp]) -> NDArray[Any]:
        """Return the training images at some places, as ``_seen`` returns images."""
        raise NotImplementedError

    def _costs(self, seen: NDArray[Any], place: int) -> Costs:
        """Return what each pixel of one image, as ``_seen`` returns it, costs beside a training image."""
        raise NotImplementedError

    def _checked_count(self, n_neighbors: int) -> int:
        """Return how many neighbours are asked for, refusing more than there are."""
        if not 1 <= n_neighbors <= len(self.ids_):
            raise InputError(
                f"n_neighbors is {n_neighbors}: expected 1 to {len(self.ids_)}, the number of training images"
            )
        return n_neighbors

    def _vote_weights(self, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each neighbour's vote counts."""
        return np.ones_like(distances)


def _digests(images: NDArray[Any]) -> Iterator[bytes]:
    """Yield a hash of each image's values, the same for bytes and for floats that stand for them."""
    for image in images:
        if image.dtype == np.uint8:
            values = image / 255
        else:
            values = image.astype(np.float64)
            # Floats of 32 bits that stand for bytes are so much beside them.
            whole = np.rint(values * 255) / 255
            values = np.where(whole.astype(np.float32) == values, whole, values)
        # Adding 0 makes of -0 what it equals.
        yield hashlib.sha256((values + 0.0).tobytes()).digest()


def vote(codes: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the class with the most votes of each row.

    Neighbours come nearest first, so that the first of those whose class has the most votes is the
    nearest of them.

    Parameters
    ----------
    codes : ndarray of shape (n, k)
        The class of each neighbour.
    weights : ndarray of shape (n, k)
        What its vote counts.

    Returns
    -------
    ndarray of shape (n,)
    """
    same = codes[:, :, None] == codes[:, None, :]
    votes = (same * weights[:, None, :]).sum(axis=2)
    first = np.argmax(votes, axis=1)
    return np.take_along_axis(codes, first[:, None], axis=1)[:, 0]
