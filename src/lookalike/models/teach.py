"""One more example, of a class that may be new: ``partial_fit``, which fixes the classes, cannot take it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.models.classes import as_classes, taught_labels
from lookalike.models.state import Origin, Stateful


class Teachable(Stateful):
    """A classifier that can be taught further images, of new classes too.

    A subclass says how further images are taken in (``_more``), and follows a change of ``classes_``
    (``_move_classes``); so does a mixin that keeps places in ``classes_``, calling ``super()``.
    """

    _fit_dtype: np.dtype[Any] | None = None
    _taught: tuple[bool, ...] = ()
    _origin: Origin | None = None

    def teach(self, images: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
        """Learn further images; a label that is new becomes a new class.

        Like ``partial_fit``, which only takes the classes of its first call. A class that was taught stays
        until ``forget`` has taken its last image; then it is gone, and answers are what they were before.
        Classes of ``fit`` and of the first ``partial_fit`` always stay.

        Parameters
        ----------
        images : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        labels : array-like of shape (n,)
            Their labels, of the kind that ``classes_`` are: whole numbers or texts. What ``predict`` answers
            keeps its kind: for a text beside numbers fit again, with all labels as texts.

        Returns
        -------
        ndarray of shape (n,), int64
            The numbers of the images in ``ids_``, which ``forget`` takes; empty where the model keeps no
            images.

        Raises
        ------
        InputError
            The images are of another shape or kind, there is not one label for each or it is of another
            kind, or the model cannot learn further images.
        """
        check_is_fitted(self)
        self._check_parameters()
        self._check_teachable()
        model = cast(Any, self)
        rows, scale = model._rows(images, reset=False)
        values = taught_labels(labels, len(rows), model.classes_)
        before = model.classes_.tolist()
        marks = dict(zip(before, self._taught_marks(), strict=True))
        after = sorted({*before, *values})
        self._fit_dtype = self._first_dtype()
        grown = as_classes(after, self._fit_dtype)
        self._reclass(grown, [marks.get(label, True) for label in after])
        try:
            places = {label: place for place, label in enumerate(after)}
            codes = np.array([places[label] for label in values], dtype=np.intp)
            ids = self._more(rows, scale, codes)
        except BaseException:
            self._drop_empty_taught()
            raise
        self._note_change()
        return ids

    def _check_teachable(self) -> None:
        """Refuse to be taught, where that is not possible."""

    def _more(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> NDArray[np.int64]:
        """Take further rows in, and return their ids."""
        raise NotImplementedError

    def _move_classes(self, moved: NDArray[np.intp], count: int) -> None:
        """Follow a change of ``classes_``: class ``i`` is now ``moved[i]`` of ``count``, -1 if gone."""

    def _first_dtype(self) -> np.dtype[Any]:
        """Return the dtype of the classes before any was taught."""
        dtype: np.dtype[Any] = cast(Any, self).classes_.dtype
        return dtype if self._fit_dtype is None else self._fit_dtype

    def _taught_marks(self) -> tuple[bool, ...]:
        """Return for each class whether it came by teaching."""
        return self._taught or (False,) * len(cast(Any, self).classes_)

    def _start_classes(self) -> None:
        """Forget, at a fit, what was taught and where an earlier state came from."""
        self._fit_dtype, self._taught, self._origin = None, (), None

    def _note_change(self) -> None:
        """Remember that the model is no longer the one that was stored."""
        if self._origin is not None:
            self._origin = self._origin._replace(changed=True)

    def _drop_empty_taught(self) -> None:
        """Take away the classes that were taught and have no image left."""
        marks = self._taught_marks()
        gone = np.array(marks) & (self._class_sizes() == 0)
        if gone.any():
            left = cast(Any, self).classes_[~gone].tolist()
            kept = [mark for mark, is_gone in zip(marks, gone.tolist(), strict=True) if not is_gone]
            self._reclass(as_classes(left, self._first_dtype()), kept)

    def _reclass(self, classes: NDArray[Any], marks: list[bool]) -> None:
        """Have other classes, and let everything follow."""
        model = cast(Any, self)
        places = {label: place for place, label in enumerate(classes.tolist())}
        old = model.classes_.tolist()
        moved = np.array([places.get(label, -1) for label in old], dtype=np.intp)
        model.classes_, self._taught = classes, tuple(marks)
        if len(old) != len(classes):
            self._move_classes(moved, len(classes))
