"""The best that lookalike knows, under one name: it chooses between ideas by examples that are left out."""

from __future__ import annotations

from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from lookalike.evaluation.folds import FEW, told_without
from lookalike.evaluation.statistics import mcnemar
from lookalike.models.changing import draft_of, take_over
from lookalike.models.checks import in_one_form, rank_of
from lookalike.models.deformable import DeformableMatch
from lookalike.models.mean_image import MeanImage
from lookalike.models.mixture import MixtureMatch
from lookalike.models.nearest import NearestImages
from lookalike.progress import Progress, silent
from lookalike.tensors import takes_tensors

#: Another idea is taken where chance alone would seldom make it so much better.
_LEVEL = 0.05


class Classifier(ClassifierMixin, BaseEstimator):
    """Classify by the idea that is best at examples which are left out.

    Of up to 2,000 images it is :class:`lookalike.MixtureMatch`, of more :class:`lookalike.DeformableMatch`,
    unless another of these, the nearest image or the mean image (L2, prepared) is right about significantly
    more examples, each left out in turn (McNemar's exact test, 5 % level; of up to 2,000 examples, 250 of a
    mixture's). With one example of each class none can be left out, and nothing speaks against the first.
    Rows of a 2-D array are compared by the nearest row, unless the mean is significantly better.

    What the chosen model can do, this can: ``predict_proba``, ``answer``, ``explain``, ``assess``, ``teach``,
    ``match`` and all others are its own, and so are its attributes.

    Attributes
    ----------
    model_ : estimator
        What was chosen.
    reasons_ : tuple of str
        What was chosen and why, one sentence a decision.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    n_features_in_ : int
        The number of values of an image.

    See Also
    --------
    lookalike.fit_best : Chooses between any ideas, by folds, and says what each is worth.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7], limit=40)
    >>> model = lookalike.Classifier().fit(train.images, train.labels)
    >>> model.model_
    MixtureMatch()
    >>> float(model.score(valid.images, valid.labels))
    0.975
    """

    model_: Any
    reasons_: tuple[str, ...]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @takes_tensors
    def fit(
        self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None, progress: Progress = silent
    ) -> Self:
        """Fit each idea on labelled images, and keep the best.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images.
        y : array-like of shape (n,)
            Their labels: integers or strings.
        groups : array-like of shape (n,), optional
            Who wrote each image, or which camera took it.
        progress : Progress, optional
            Hears of each idea.

        Returns
        -------
        self

        Raises
        ------
        InputError
            The images are no image batch, or there is not one label for each.
        """
        fitted = []
        for model in _ideas(X):

            def tell(what: str, done: int, total: int | None, title: str = type(model).__name__) -> None:
                progress(f"{title}: {what}", done, total)

            model.fit(X, y, groups=groups, progress=tell)
            fitted.append((model, _right(model, X, y, tell)))
        # Each is told of the same examples, in the same order: what takes long is asked of fewer.
        shared = sorted(set.intersection(*(set(right) for _, right in fitted)))
        pairs = [(model, np.array([right[place] for place in shared], np.bool_)) for model, right in fitted]
        best, right = pairs[0]
        told = [f"{type(best).__name__}: {right.sum():,} of {len(right):,} examples right, each left out"]
        for model, also in pairs[1:]:
            told.append(f"{type(model).__name__}: {also.sum():,} of {len(also):,}")
            if also.sum() > right.sum() and mcnemar(right, also)[2] <= _LEVEL:
                best, right = model, also
        draft = draft_of(self)
        draft.model_ = best
        draft.reasons_ = (f"{type(best).__name__} was chosen ({'; '.join(told)})", *best.reasons_)
        draft.n_features_in_ = best.n_features_in_
        take_over(self, draft)
        return self

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, sorted."""
        classes: NDArray[Any] = self._chosen().classes_
        return classes

    def predict(self, X: ArrayLike, *, progress: Progress = silent) -> Any:
        """Return the class of each image, as the chosen model does.

        Parameters
        ----------
        X : array-like of shape (n, h, w), (n, h, w, c) or (n, features)
            Images of the shape that ``fit`` saw.
        progress : Progress, optional
            Hears of preparation, of compilation and of queries done.

        Returns
        -------
        ndarray of shape (n,)
            Labels; ties as the chosen model breaks them.

        Raises
        ------
        InputError
            The images are of another shape or kind than those of ``fit``.
        """
        check_is_fitted(self)
        return self.model_.predict(X, progress=progress)

    def _chosen(self) -> Any:
        if "model_" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} is not fitted yet")
        return self.model_

    def __getattr__(self, name: str) -> Any:
        """Return what the chosen model has, of what this has not."""
        # What begins without a fit would have nothing to choose by.
        if name.startswith("_") or name == "partial_fit":
            raise AttributeError(f"{type(self).__name__} has no {name}")
        return getattr(self._chosen(), name)


def _right(model: Any, X: ArrayLike, y: ArrayLike, progress: Progress) -> dict[int, bool]:
    """Return by their places which examples a model tells right without them, of those that it can."""
    places, answers = told_without(model, X, y, progress)
    return dict(zip(places.tolist(), (answers == np.ravel(in_one_form(y))[places]).tolist(), strict=True))


def _ideas(images: ArrayLike) -> list[Any]:
    """Return what is tried, the one that is taken where nothing else is significantly better first."""
    if rank_of(images) < 3:
        return [NearestImages(metric="l2"), MeanImage("l2")]
    mixture = [MixtureMatch()] if len(cast(Any, images)) <= FEW else []
    plain = [NearestImages(metric="l2", prepare="auto"), MeanImage("l2", prepare="auto")]
    return [*mixture, DeformableMatch(), *plain]
