"""How evidence is put together: what all ideas share, and those that hold something for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lookalike.evidence import Evidence, Reference, contributions
from lookalike.images import to_unit

if TYPE_CHECKING:
    from lookalike.models.class_means import ClassMeanClassifier


class Costs(NamedTuple):
    """What each pixel of an image costs beside another one.

    Attributes
    ----------
    costs : ndarray of shape (h, w), (h, w, c) or (features,), float64
        Their sum is the distance, or its square where the distance is a root.
    field : ndarray of shape (h, w, 2), int8, or None
        Where each pixel was found in the other image, where pixels may move.
    """

    costs: NDArray[np.float64]
    field: NDArray[np.int8] | None = None


class Manner(NamedTuple):
    """How a model compares, as its evidence says it.

    Attributes
    ----------
    idea : str
        Its title.
    root : bool
        Distances are roots of sums of costs.
    voters : int
        How many training images vote.
    steps : tuple of str
        What the preparation does, one sentence a step.
    """

    idea: str
    root: bool = False
    voters: int = 0
    steps: tuple[str, ...] = ()


def pixel_costs(seen: NDArray[Any], other: NDArray[Any], metric: str) -> Costs:
    """Return each value's share of the mean of absolute (L1) or squared (L2) differences."""
    difference = to_unit(seen) - to_unit(other)
    costs = np.abs(difference) if metric == "l1" else difference**2
    return Costs(costs / costs.size)


def shares(compared: list[Costs], root: bool) -> NDArray[np.float64] | None:
    """Return what each pixel contributes; None where there is no runner-up."""
    if len(compared) < 2:
        return None
    return contributions(compared[0].costs, compared[1].costs, root=root)


def ranked(distances: NDArray[np.float64], answer: int, ties: NDArray[Any]) -> list[int]:
    """Return the answer's class and the runner-up: the nearest other one, of equal ones the least tie."""
    order = np.lexsort((ties, distances)).tolist()
    others = [code for code in order if code != answer and np.isfinite(distances[code])]
    return [answer, *others[:1]]


def of_class_means(model: ClassMeanClassifier, X: ArrayLike) -> list[Evidence]:
    """Return the evidence for each image, of a model that holds something for each class."""
    rows, scale = model._rows(X, reset=False)
    shape = model.image_shape_ or (model.n_features_in_,)
    given = rows.reshape(len(rows), *shape)
    manner, found = model._manner(), []
    for image, distances in zip(given, model.class_distances(X), strict=True):
        codes = ranked(distances, int(np.argmin(distances)), np.arange(len(distances)))
        seen = image.astype(np.float64) / scale
        references = [model._class_reference(code, seen, float(distances[code])) for code in codes]
        images = [one.image for one in references if one.image is not None]
        metric = "l2" if manner.root else "l1"
        found.append(
            Evidence(
                idea=manner.idea,
                image=image,
                prepared=seen,
                steps=(),
                answer=references[0].label,
                runner_up=references[1].label if len(codes) > 1 else None,
                classes=model.classes_,
                distances=distances,
                nearest=(),
                voters=0,
                for_answer=references[0],
                for_runner_up=references[1] if len(codes) > 1 else None,
                means=tuple(one for one in references if one.image is not None),
                contributions=shares([pixel_costs(seen, one, metric) for one in images], manner.root),
                coverage=None if images else float(seen.mean()),
            )
        )
    return found


def compared_with(image: NDArray[np.float64], other: NDArray[np.float64], **known: Any) -> Reference:
    """Return an image as a reference, with the difference to it."""
    return Reference(image=other, difference=image - other, **known)
