"""What classifiers that keep their training images say of each class: its nearest image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from lookalike.models.calibration import LeftOut
from lookalike.models.reject import RefusingClassifier
from lookalike.models.reservoir import image_keys, smallest, spreads
from lookalike.progress import Progress, silent

#: Images are taken out of an index so many at a time.
_TAKEN = 8192


class KeptClasses(RefusingClassifier):
    """A classifier whose distance to a class is that to the nearest of its training images.

    A subclass says how images are searched for class by class (``_class_search``, ``_queries``,
    ``_kept_queries``, ``_query_rows``).

    Attributes
    ----------
    ids_ : ndarray of shape (n_images,), int64
        A number for each training image.
    """

    ids_: NDArray[np.int64]
    _codes: NDArray[np.intp]

    def class_neighbors(
        self, X: ArrayLike, *, progress: Progress = silent
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the nearest training image of each class, for each image.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        distances : ndarray of shape (n, n_classes), float64
            On the scale of :meth:`kneighbors`, in the order of ``classes_``; infinite for a class without
            images.
        places : ndarray of shape (n, n_classes), int64
            Places in ``ids_`` and ``labels_``; of equal distances the lowest place, -1 for a class without
            images.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``.
        """
        check_is_fitted(self)
        return self._class_search(self._queries(X, progress), None, progress)[:2]

    def class_distances(self, X: ArrayLike, *, progress: Progress = silent) -> NDArray[np.float64]:
        """Return the distance of each image to the nearest training image of each class.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            The distances of :meth:`class_neighbors`.
        """
        return self.class_neighbors(X, progress=progress)[0]

    def _queries(self, X: ArrayLike, progress: Progress) -> Any:
        """Return images as ``_class_search`` takes them."""
        raise NotImplementedError

    def _kept_queries(self, places: NDArray[np.intp]) -> Any:
        """Return the training images at some places, as ``_class_search`` takes them."""
        raise NotImplementedError

    def _class_search(
        self, queries: Any, without: NDArray[np.int64] | None, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
        """Return distances and places of ``class_neighbors``, and the class that is the answer to each query.

        ``without`` names, for each query, the place of a training image that it is not compared with; then
        the answers mean nothing.
        """
        raise NotImplementedError

    def _class_answers(
        self, X: ArrayLike, progress: Progress
    ) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
        queries = self._queries(X, progress)
        distances, _, answers = self._class_search(queries, None, progress)
        return distances, answers, spreads(*self._query_rows(queries))

    def _leave_out(self) -> LeftOut:
        places = smallest(np.concatenate(list(self._keys())))
        queries = self._kept_queries(places)
        distances = self._class_search(queries, places, silent)[0]
        return LeftOut(distances, self._codes[places], spreads(*self._query_rows(queries)))

    def _keys(self) -> Iterator[NDArray[np.uint64]]:
        """Yield the keys of all training images, some at a time, by which the reservoir's are chosen."""
        for start in range(0, len(self.ids_), _TAKEN):
            places = np.arange(start, min(start + _TAKEN, len(self.ids_)))
            rows = self._query_rows(self._kept_queries(places))[0]
            yield image_keys(rows, self._codes[places], self.classes_)

    def _query_rows(self, queries: Any) -> tuple[NDArray[Any], int]:
        """Return what ``_class_search`` takes as rows, and the value of theirs that stands for 1."""
        raise NotImplementedError
