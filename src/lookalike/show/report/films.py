"""Prototypes that learn, as a film strip: where they start, where they go, and what each epoch brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from lookalike.evaluation.results import Comparison, Row
from lookalike.evaluation.statistics import share
from lookalike.models.prototypes import LearnedPrototypes
from lookalike.show.formats import decimals_for, percent, span
from lookalike.show.images import SMALL, Picture, picture, signed_colours
from lookalike.text import plain

_STRIPS = 20  # how many prototypes are shown, if each class has one


@dataclass(frozen=True)
class Epoch:
    """One epoch: what its prototypes are worth on the validation part, and on the images held out."""

    epoch: int
    rate: str
    interval: str
    held_out: str


@dataclass(frozen=True)
class Strip:
    """One prototype through the epochs, and how it changed from the first to the last."""

    name: str
    pictures: tuple[Picture, ...]
    change: Picture


@dataclass(frozen=True)
class Film:
    """One idea's prototypes."""

    idea: str
    start: str  # what the prototypes start as
    n: str  # how many images of the validation part the rates are of
    frames: tuple[Epoch, ...]  # the start, epochs 1, 2, 4, 8 and so on, and the one that was kept
    epochs: int  # how many were learned in all
    interrupted: bool  # learning was cut off
    left_out: int  # how many prototypes are not shown: the ones that moved least
    strips: tuple[Strip, ...]  # class by class


def films(comparison: Comparison) -> tuple[Film, ...]:
    """Return the film strip of each idea whose prototypes learned."""
    return tuple(_film(comparison, row) for row in comparison.rows if _learned(row))


def _learned(row: Row) -> bool:
    """Return whether an idea learned prototypes that are images."""
    model = row.model
    # A model out of a file has no snapshots.
    looked_at = isinstance(model, LearnedPrototypes) and hasattr(model, "snapshots_")
    return row.evaluation is not None and looked_at and model.image_shape_ is not None


def _film(comparison: Comparison, row: Row) -> Film:
    """Return one idea's film strip."""
    model: LearnedPrototypes = row.model
    places = [place for place, epoch in enumerate(model.snapshot_epochs_.tolist()) if _shown(epoch, model)]
    stills = [model.snapshots_[place] for place in places]
    epochs = [int(model.snapshot_epochs_[place]) for place in places]
    if epochs[-1] != model.best_epoch_:
        # Where there are many, not every epoch has a snapshot.
        stills, epochs = [*stills, model.prototypes_], [*epochs, model.best_epoch_]
    valid = comparison.valid
    frames = [
        _epoch(model, still, epoch, valid.images, valid.labels)
        for still, epoch in zip(stills, epochs, strict=True)
    ]
    change = stills[-1].astype(np.float64) - stills[0]
    kept = _most_moved(model, change)
    largest = float(np.abs(change).max()) or 1.0
    strips = [
        Strip(
            plain(model.prototype_labels_[place]),
            tuple(picture(still[place], SMALL, 64) for still in stills),
            picture(signed_colours(change[place] / largest), SMALL, 64),
        )
        for place in kept
    ]
    return Film(
        idea=plain(row.title),
        start="mean image" if model.per_class == 1 else "cluster image",
        n=f"{len(valid):,}",
        frames=tuple(frames),
        epochs=len(model.history_["loss"]) - 1,
        interrupted=model.interrupted_,
        left_out=len(model.prototypes_) - len(kept),
        strips=tuple(strips),
    )


def _shown(epoch: int, model: LearnedPrototypes) -> bool:
    """Return whether an epoch is in the film: powers of two, the start, and the one that was kept."""
    return epoch <= model.best_epoch_ and (epoch & (epoch - 1) == 0 or epoch == model.best_epoch_)


def _epoch(
    model: LearnedPrototypes, still: NDArray[Any], epoch: int, images: NDArray[Any], labels: NDArray[Any]
) -> Epoch:
    """Return what the prototypes of one epoch are worth."""
    recogniser = model.recogniser_
    prototypes = model.prototypes_ if epoch == model.best_epoch_ else still.astype(np.float64)
    distances = cast(Any, recogniser.matcher).distances(recogniser.seen(images), prototypes)
    answers = model.prototype_labels_[np.argmin(distances, axis=1)]
    right = share(answers == labels)
    decimals = decimals_for(len(labels))
    held = float(model.history_["validation_accuracy"][epoch])
    return Epoch(
        epoch, percent(right.value, decimals), span(right.low, right.high, decimals), percent(held, decimals)
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
