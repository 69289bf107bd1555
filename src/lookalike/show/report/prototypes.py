"""What classes are compared with: one image each, and prototypes that learn, as a film strip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.evaluation.results import Comparison, Row
from lookalike.evaluation.statistics import share
from lookalike.models.prototypes import LearnedPrototypes
from lookalike.show.columns import decimals_for, listing, percent, span
from lookalike.show.images import LARGE, MIDDLE, picture, signed_colours, thumbnail
from lookalike.show.views import measured
from lookalike.text import plain

_FEW = 4  # classes among which there is room for larger images
_STRIPS = 20  # how many prototypes are shown, if each class has one


@dataclass(frozen=True)
class Prototypes:
    """One image a class, as a fitted model holds them."""

    average: str  # "mean" or "median", as far as the model says it
    rows: tuple[Row, ...]  # the ideas that share these images
    classes: NDArray[Any]  # labels of the classes that have an image
    images: NDArray[np.float64]  # (k, h, w) or (k, h, w, c), in 0-1


def prototypes(comparison: Comparison) -> tuple[Prototypes, ...]:
    """Return the class images of every fitted model that holds such, equal ones once."""
    found: list[Prototypes] = []
    shape = comparison.valid.images.shape[1:]
    for _, row, _ in measured(comparison):
        images = getattr(row.model, "class_images_", None)
        if not isinstance(images, np.ndarray) or images.shape[1:] != shape:
            continue
        known = np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
        classes, images = row.model.classes_[known], images[known]
        for place, other in enumerate(found):
            if np.array_equal(other.classes, classes) and np.array_equal(other.images, images):
                found[place] = replace(other, rows=(*other.rows, row))
                break
        else:
            found.append(Prototypes(str(getattr(row.model, "average", "mean")), (row,), classes, images))
    return tuple(found)


def ideals(comparison: Comparison) -> list[SimpleNamespace]:
    """Return the class images to look at, and who uses them."""
    counts = comparison.train.counts()
    return [
        SimpleNamespace(
            average=one.average,
            users=listing([f"“{plain(row.title)}”" for row in one.rows]),
            images=[
                SimpleNamespace(
                    name=plain(label),
                    n=f"{counts.get(str(label), 0):,}",
                    picture=picture(np.clip(image, 0, 1), LARGE if len(one.classes) <= _FEW else MIDDLE),
                )
                for label, image in zip(one.classes.tolist(), one.images, strict=True)
            ],
        )
        for one in prototypes(comparison)
    ]


def films(comparison: Comparison) -> tuple[SimpleNamespace, ...]:
    """Return the film strip of each idea whose prototypes are images and learned."""
    return tuple(
        _film(row.title, row.model, comparison.valid)
        for _, row, _ in measured(comparison)
        # A model out of a file has no snapshots.
        if isinstance(row.model, LearnedPrototypes)
        and hasattr(row.model, "snapshots_")
        and row.model.image_shape_ is not None
    )


def _film(title: str, model: LearnedPrototypes, valid: LabelledImages) -> SimpleNamespace:
    """Return prototypes through the epochs: at the start, after 1, 2, 4 and so on, and after the one kept."""
    best = model.best_epoch_
    taken = [
        (epoch, still)
        for epoch, still in zip(model.snapshot_epochs_.tolist(), model.snapshots_, strict=True)
        if epoch <= best and (epoch & (epoch - 1) == 0 or epoch == best)
    ]
    if taken[-1][0] != best:
        # Where there are many, not every epoch has a snapshot.
        taken.append((best, model.prototypes_))
    change = taken[-1][1].astype(np.float64) - taken[0][1]
    largest = float(np.abs(change).max()) or 1.0
    kept = _most_moved(model, change)
    return SimpleNamespace(
        idea=plain(title),
        start="mean image" if model.per_class == 1 else "cluster image",
        n=f"{len(valid):,}",
        frames=[_frame(model, epoch, still, valid) for epoch, still in taken],
        epochs=len(model.history_["loss"]) - 1,
        interrupted=model.interrupted_,
        left_out=len(model.prototypes_) - len(kept),
        strips=[
            SimpleNamespace(
                name=plain(model.prototype_labels_[place]),
                pictures=[thumbnail(still[place]) for _, still in taken],
                change=thumbnail(signed_colours(change[place] / largest)),
            )
            for place in kept
        ],
    )


def _frame(
    model: LearnedPrototypes, epoch: int, still: NDArray[Any], valid: LabelledImages
) -> SimpleNamespace:
    """Return what one epoch's prototypes are worth, on the validation part and on images held out."""
    recogniser = model.recogniser_
    prototypes = model.prototypes_ if epoch == model.best_epoch_ else still.astype(np.float64)
    distances = cast(Any, recogniser.matcher).distances(recogniser.seen(valid.images), prototypes)
    right = share(model.prototype_labels_[np.argmin(distances, axis=1)] == valid.labels)
    decimals = decimals_for(len(valid))
    return SimpleNamespace(
        epoch=epoch,
        rate=percent(right.value, decimals),
        interval=span(right.low, right.high, decimals),
        held_out=percent(float(model.history_["validation_accuracy"][epoch]), decimals),
    )


def _most_moved(model: LearnedPrototypes, change: NDArray[np.float64]) -> list[int]:
    """Return which prototypes are shown: of each class those that moved most, in their order."""
    moved = np.square(change.reshape(len(change), -1)).sum(axis=1)
    each = max(1, _STRIPS // len(model.classes_))
    kept: list[int] = []
    for label in model.classes_[:_STRIPS]:
        places = np.flatnonzero(model.prototype_labels_ == label)
        kept += sorted(places[np.argsort(-moved[places], kind="stable")[:each]].tolist())
    return kept
