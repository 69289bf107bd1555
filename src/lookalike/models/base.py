"""The manners that all classifiers share: what goes in, in what order, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import assert_all_finite, check_is_fitted, column_or_1d, validate_data

from lookalike.errors import InputError
from lookalike.images import as_images
from lookalike.models.look import Looked
from lookalike.models.teach import Teachable
from lookalike.models.tensors import TakesTensors
from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    from lookalike.evidence import Evidence
    from lookalike.models.explained import Explanations


class Derived(dict[str, Any]):
    """What was worked out from a model's state when it was first asked for; copies begin empty."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Derived, ()


class ImageClassifier(TakesTensors, Looked, Teachable, ClassifierMixin, BaseEstimator):
    """A classifier of image batches that also takes scikit-learn's ``(n, features)``.

    An image batch ``(n, h, w)`` or ``(n, h, w, c)`` passes :func:`lookalike.images.as_images` and is on the
    0-1 scale from then on. A 2-D array is any finite numbers, taken as they are, with no scale. What
    ``predict`` is given must be of the kind and the shape that ``fit`` saw.

    It can be taught images of new classes (:class:`lookalike.models.teach.Teachable`), and taken apart into
    plain data that files hold. Each class or mixin that learns something adds it to ``_write_state`` and
    reads it back in ``_read_state``: :class:`lookalike.models.state.Stateful` shows how.

    torch tensors are answered in tensors: see :class:`lookalike.models.tensors.TakesTensors`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        The number of values of an image.
    image_shape_ : tuple of int, or None
        ``(h, w)`` or ``(h, w, c)``; None after a fit on a 2-D array.
    """

    classes_: NDArray[Any]
    n_features_in_: int
    image_shape_: tuple[int, ...] | None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit on labelled images; what was learned before is forgotten.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images.
        y : array-like of shape (n,)
            Their labels: integers or strings.

        Returns
        -------
        self

        Raises
        ------
        InputError
            A parameter is none of its values, the images are no image batch, or there is not one label for
            each.
        """
        self._begin(*self._first(X, y))
        return self

    def _first(self, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], int, NDArray[np.intp]]:
        """Return what ``fit`` begins with: rows, the value of theirs that stands for 1, and their classes."""
        self._check_parameters()
        rows, scale = self._rows(X, reset=True)
        labels = self._labels(y, len(rows))
        self.classes_, codes = np.unique(labels, return_inverse=True)
        return rows, scale, codes

    def _fit_more(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None) -> Self:
        """Learn further images of the classes of the first call, for a ``partial_fit``."""
        self._check_parameters()
        first = not hasattr(self, "classes_")
        rows, scale = self._rows(X, reset=first)
        codes = self._more_labels(y, len(rows), classes)
        if first:
            self._begin(rows, scale, codes)
            return self
        self._more(rows, scale, codes)
        self._note_change()
        return self

    def _begin(self, rows: NDArray[Any], scale: int, codes: NDArray[np.intp]) -> None:
        """Learn the first images; ``classes_`` are known."""
        raise NotImplementedError

    def explain(self, X: ArrayLike, n_neighbors: int = 3, *, progress: Progress = silent) -> Explanations:
        """Return what the answer to each image rests on.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        n_neighbors : int, default=3
            How many of the nearest training images to show, where the model keeps them; all if there are
            fewer.
        progress : Progress, optional
            Hears of compilation and of queries done.

        Returns
        -------
        Explanations
            A sequence of :class:`lookalike.evidence.Evidence`, one for each image. The answer is that of
            ``predict``. The runner-up is the other class with the smallest distance: to the class's own image
            (ties: the first class), or to the nearest of its training images (ties: the one that came first).
            Where several images vote, the runner-up can be nearer than the answer, which it was outvoted by.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``, or ``n_neighbors`` is no whole
            number of at least 1.
        """
        from lookalike.models.explained import Explanations

        check_is_fitted(self)
        check_whole("n_neighbors", n_neighbors)
        return Explanations(self._evidence(X, n_neighbors, progress))

    def _evidence(self, X: ArrayLike, n_neighbors: int, progress: Progress) -> list[Evidence]:
        """Return the evidence for each image."""
        raise NotImplementedError

    def _rows(self, X: ArrayLike, *, reset: bool) -> tuple[NDArray[Any], int]:
        """Return ``X`` as rows ``(n, features)``, and the value of theirs that stands for 1.

        The latter is 255 for images of bytes, and 1 for images of floats and for 2-D arrays.
        """
        if not reset:
            check_is_fitted(self)
        rank = _rank(X)
        if rank in (3, 4):
            images = as_images(X)
            self._note_shape(images.shape[1:], reset)
            return images.reshape(len(images), -1), 255 if images.dtype == np.uint8 else 1
        if not reset and self.image_shape_ is not None:
            raise InputError(
                f"X has shape {_shape(X)}: expected images (n, {', '.join(map(str, self.image_shape_))}), "
                "as in fit"
            )
        if rank != 2:
            raise InputError(
                f"X has shape {_shape(X)}: expected images (n, h, w) or (n, h, w, c), or rows "
                "(n, features). Reshape your data: X[None] is a batch of one"
            )
        with _refusing():
            rows: NDArray[Any] = validate_data(self, X, reset=reset)
        if reset:
            self.image_shape_ = None
            self._begin_look(None)
        return rows, 1

    def _derive(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what follows from the state, made when it is first asked for."""
        derived = self.__dict__.setdefault("_derived", Derived())
        if name not in derived:
            derived[name] = make()
        return derived[name]

    def _changed(self) -> None:
        """Forget what followed from the state before."""
        self._derived = Derived()

    def _note_shape(self, shape: tuple[int, ...], reset: bool) -> None:
        """Keep the images' shape at a fit, and compare with it later."""
        if reset:
            self.image_shape_ = shape
            self._begin_look(shape)
            self.n_features_in_ = int(np.prod(shape))
            # A fit on a table may have left the names of its columns.
            self.__dict__.pop("feature_names_in_", None)
        elif self.image_shape_ is None:
            raise InputError(
                f"X is an image batch of {_sizes(shape)}: expected (n, {self.n_features_in_}) rows, as in fit"
            )
        elif shape != self.image_shape_:
            raise InputError(
                f"images are {_sizes(shape)}: expected {_sizes(self.image_shape_)}, as in fit "
                "(resize them first)"
            )

    def _labels(self, y: ArrayLike, n: int) -> NDArray[Any]:
        """Return ``y`` as ``n`` checked labels."""
        if y is None:
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: "
                "expected one label for each image"
            )
        with _refusing():
            labels: NDArray[Any] = column_or_1d(y, warn=True)
            if labels.dtype.kind in "fO":
                assert_all_finite(labels, input_name="y")
            # Whole numbers and texts are classes whatever their values; with one example of each,
            # scikit-learn would warn that there are as many classes as images.
            if labels.dtype.kind not in "biuU":
                check_classification_targets(labels)
        if len(labels) != n:
            raise InputError(f"{len(labels)} labels for {n} images: expected one for each")
        return labels

    def _more_labels(self, y: ArrayLike, n: int, classes: ArrayLike | None) -> NDArray[np.intp]:
        """Return the places of ``n`` further labels in ``classes_``, which the first call sets.

        It is what every ``partial_fit`` begins with: scikit-learn fixes the classes at its first call.
        """
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise InputError(
                "classes must be passed on the first call to partial_fit: every label that will occur"
            )
        given = None if classes is None else np.unique(np.asarray(classes))
        if not first and given is not None and not np.array_equal(given, self.classes_):
            raise InputError(f"classes are {given}: expected those of the first call, {self.classes_}")
        known = self.classes_ if given is None else given
        codes = _places(self._labels(y, n), known)
        self.classes_ = known
        return codes


@contextmanager
def _refusing() -> Iterator[None]:
    """Raise as ours, in one line, what scikit-learn's checks raise while the block runs.

    Its first lines say what was wrong; advice on other estimators follows. Only where names of columns differ
    are they in the lines below, which its own tests of estimators want as they are.
    """
    try:
        yield
    except ValueError as error:
        text = str(error)
        named = text.startswith("The feature names")
        raise InputError(text if named else text.splitlines()[0]) from error


def check_whole(name: str, value: object) -> None:
    """Refuse a parameter that is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InputError(f"{name} is {value!r}: expected a whole number of at least 1")


def _rank(X: Any) -> int:
    """Return how many axes ``X`` has; 2 where only scikit-learn's own checks can tell."""
    rank = getattr(X, "ndim", None)
    if rank is None:
        try:
            rank = np.asarray(X).ndim
        except ValueError:
            # A ragged nest: three levels deep it is images of mixed sizes, and as_images says so.
            rank = 3 if _is_nest(X[0]) and any(map(_is_nest, X[0])) else 2
    return int(rank)


def _is_nest(value: Any) -> bool:
    """Return whether a value holds others."""
    return isinstance(value, list | tuple) or np.ndim(value) > 0


def _shape(X: Any) -> object:
    """Return a shape to show: a ragged nest has none."""
    try:
        return np.shape(X)
    except ValueError:
        return "none, for its parts differ in length"


def _sizes(shape: tuple[int, ...]) -> str:
    """Return a shape as people say sizes: 28x28."""
    return "x".join(str(length) for length in shape)


def _places(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the place of each label in ``classes``, refusing labels that are none of them."""
    places = {label: code for code, label in enumerate(classes.tolist())}
    values, inverse = np.unique(labels, return_inverse=True)
    for value in values.tolist():
        if value not in places:
            raise InputError(f"label {value!r} is none of the classes {classes}: name it in classes at first")
    return np.array([places[value] for value in values.tolist()], dtype=np.intp)[inverse]
