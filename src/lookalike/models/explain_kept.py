"""The evidence of classifiers that keep their training images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.distance.deformation.matching import warped
from lookalike.evidence import Evidence, Reference
from lookalike.images import to_unit
from lookalike.models.explain import Costs, compared_with, ranked, shares
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.models.deformable_index import Bytes, DeformableIndex
    from lookalike.models.kept import KeptImages


def of_kept_images(model: KeptImages, X: ArrayLike, n_neighbors: int, progress: Progress) -> list[Evidence]:
    """Return the evidence for each image, of a model that keeps its training images."""
    answers = np.searchsorted(model.classes_, model.predict(X, progress=progress))
    near = model.kneighbors(X, min(n_neighbors, len(model.ids_)), progress=progress)
    of_classes = model.class_neighbors(X, progress=progress)
    rows, _ = model._rows(X, reset=False)
    given = rows.reshape(len(rows), *(model.image_shape_ or (model.n_features_in_,)))
    seen = model._seen(X)
    means: dict[int, NDArray[np.float64]] = {}
    return [
        _Explained(model, means, seen[i]).evidence(
            given[i], int(answers[i]), *(part[i] for part in (*near, *of_classes))
        )
        for i in range(len(given))
    ]


class _Explained:
    """One image that is being explained.

    Parameters
    ----------
    model : KeptImages
        Whose answer it is.
    means : dict of int to ndarray
        The mean image of each class that was needed so far.
    seen : ndarray
        What the model sees of the image.
    """

    def __init__(self, model: KeptImages, means: dict[int, NDArray[np.float64]], seen: NDArray[Any]) -> None:
        self._model, self._means, self._seen = model, means, seen
        self._image = to_unit(seen)
        self._costs: dict[int, Costs] = {}

    def evidence(
        self,
        given: NDArray[Any],
        answer: int,
        near: NDArray[np.float64],
        near_places: NDArray[np.int64],
        distances: NDArray[np.float64],
        places: NDArray[np.int64],
    ) -> Evidence:
        """Return the evidence: for the nearest images, and for the nearest one of each of two classes."""
        model, manner = self._model, self._model._manner()
        codes = ranked(distances, answer, places)
        best = [self._training_image(int(places[code]), float(distances[code])) for code in codes]
        return Evidence(
            idea=manner.idea,
            image=given,
            prepared=self._image,
            steps=manner.steps,
            answer=best[0].label,
            runner_up=best[1].label if len(best) > 1 else None,
            classes=model.classes_,
            distances=distances,
            nearest=tuple(map(self._training_image, near_places.tolist(), near.tolist())),
            voters=manner.voters,
            for_answer=best[0],
            for_runner_up=best[1] if len(best) > 1 else None,
            means=tuple(self._mean_image(code) for code in codes),
            contributions=shares([self._cost(int(places[code])) for code in codes], manner.root),
        )

    def _training_image(self, place: int, distance: float) -> Reference:
        """Return a training image as a reference."""
        model, field = self._model, self._cost(place).field
        kept = to_unit(model._kept(np.array([place]))[0])
        return compared_with(
            self._image,
            kept,
            kind="training image",
            label=model.classes_[model._codes[place]],
            distance=distance,
            id=int(model.ids_[place]),
            field=field,
            warped=None if field is None else warped(kept, field),
        )

    def _mean_image(self, code: int) -> Reference:
        """Return the mean image of a class, worked out once."""
        if code not in self._means:
            kept = self._model._kept(np.flatnonzero(self._model._codes == code))
            self._means[code] = kept.mean(axis=0, dtype=np.float64) / (255 if kept.dtype == np.uint8 else 1)
        return compared_with(
            self._image, self._means[code], kind="mean image", label=self._model.classes_[code]
        )

    def _cost(self, place: int) -> Costs:
        """Return what each pixel costs beside a training image, worked out once."""
        if place not in self._costs:
            self._costs[place] = self._model._costs(self._seen, place)
        return self._costs[place]


def deformable_costs(index: DeformableIndex, query: Bytes, place: int) -> Costs:
    """Return what each pixel of a query costs beside a kept image, and where it was found.

    Where both directions are added, each pixel of the kept image has a cost too: it counts at the pixel of
    the query that it was matched with, or where that lies beyond the border at the border's nearest pixel.

    Parameters
    ----------
    index : DeformableIndex
        What is kept.
    query : ndarray of shape (1, h, w) or (1, h, w, c), uint8
        One prepared image.
    place : int
        Which kept image.

    Returns
    -------
    Costs
        They sum to the square of the distance.
    """
    forward = index.field(query, place)
    costs = forward.costs.copy()
    if index.comparison.symmetric:
        back = index.field_back(query, place)
        found = np.indices(costs.shape) + np.moveaxis(back.field, -1, 0)
        rows, columns = (np.clip(axis, 0, size - 1) for axis, size in zip(found, costs.shape, strict=True))
        np.add.at(costs, (rows, columns), back.costs)
    return Costs(index.counted(costs, place) * index.root_means(np.array([1]))[0] ** 2, forward.field)
