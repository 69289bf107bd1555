"""Each class's image: the "ideal" images that an idea compares with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.evaluation.results import Comparison, Row
from lookalike.picture.inline import LARGE, MIDDLE, Picture, picture
from lookalike.picture.text import plain
from lookalike.report.formats import listing

_FEW = 4  # up to so many classes there is room for large images


@dataclass(frozen=True)
class Prototypes:
    """One image a class, as a fitted model holds them.

    Attributes
    ----------
    average : str
        ``"mean"`` or ``"median"``, as far as the model says it.
    rows : tuple of Row
        The ideas that share these images.
    classes : ndarray of shape (k,)
        Labels of the classes that have an image.
    images : ndarray of shape (k, h, w) or (k, h, w, c), float64
        In 0-1.
    """

    average: str
    rows: tuple[Row, ...]
    classes: NDArray[Any]
    images: NDArray[np.float64]


@dataclass(frozen=True)
class Ideal:
    """One class's image."""

    name: str
    n: str
    picture: Picture


@dataclass(frozen=True)
class IdealSet:
    """One kind of class images, and who uses them."""

    average: str
    users: str
    images: tuple[Ideal, ...]


def prototypes(comparison: Comparison) -> tuple[Prototypes, ...]:
    """Return the class images of every fitted model that holds such, equal ones once.

    Parameters
    ----------
    comparison : Comparison
        What was measured. A model is asked for ``class_images_`` and ``classes_``.

    Returns
    -------
    tuple of Prototypes
        In the order of the rows. Classes without an image (NaN) are left out.
    """
    found: list[Prototypes] = []
    shape = comparison.valid.images.shape[1:]
    for row in comparison.rows:
        images = getattr(row.model, "class_images_", None)
        if row.evaluation is None or not isinstance(images, np.ndarray) or images.shape[1:] != shape:
            continue
        known = np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
        one = Prototypes(
            str(getattr(row.model, "average", "mean")), (row,), row.model.classes_[known], images[known]
        )
        for place, other in enumerate(found):
            if np.array_equal(other.classes, one.classes) and np.array_equal(other.images, one.images):
                found[place] = Prototypes(other.average, (*other.rows, row), other.classes, other.images)
                break
        else:
            found.append(one)
    return tuple(found)


def ideals(comparison: Comparison) -> tuple[IdealSet, ...]:
    """Return the class images to look at.

    Parameters
    ----------
    comparison : Comparison
        What was measured.

    Returns
    -------
    tuple of IdealSet
        Empty where no idea has class images.
    """
    counts = {
        str(label): n
        for label, n in zip(*np.unique(comparison.train.labels, return_counts=True), strict=True)
    }
    sets = []
    for one in prototypes(comparison):
        edge = LARGE if len(one.classes) <= _FEW else MIDDLE
        images = tuple(
            Ideal(plain(label), f"{counts.get(str(label), 0):,}", picture(np.clip(image, 0, 1), edge))
            for label, image in zip(one.classes.tolist(), one.images, strict=True)
        )
        sets.append(IdealSet(one.average, listing([f"“{plain(row.title)}”" for row in one.rows]), images))
    return tuple(sets)
