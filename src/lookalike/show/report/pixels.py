"""Each class's "ideal" image, and single images against them: where they differ, what metrics make of it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.distance.definition import l1, l2, signed
from lookalike.errors import InputError
from lookalike.evaluation.results import Comparison, Evaluation, Row
from lookalike.images import to_unit
from lookalike.show.formats import adding_up, listing, part_name, signed_number
from lookalike.show.images import LARGE, MIDDLE, SMALL, Picture, absolute_colours, picture, signed_colours
from lookalike.text import plain

_RIGHT, _WRONG = 10, 6  # how many right and wrong answers one can choose among
_LEAST_RIGHT = 4  # where there are few classes
_FEW = 4  # classes among which there is room for larger maps
_CLASSES = 12  # against how many classes one image is shown


@dataclass(frozen=True)
class Prototypes:
    """One image a class, as a fitted model holds them."""

    average: str  # "mean" or "median", as far as the model says it
    rows: tuple[Row, ...]  # the ideas that share these images
    classes: NDArray[Any]  # labels of the classes that have an image
    images: NDArray[np.float64]  # (k, h, w) or (k, h, w, c), in 0-1


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


@dataclass(frozen=True)
class Against:
    """One image against one class's image."""

    name: str
    truth: bool  # it is the true class
    nearest_l1: bool  # no other is nearer
    nearest_l2: bool
    smallest: bool  # no other's signed sum is smaller
    ideal: Picture
    signed: Picture  # the maps of the difference
    absolute: Picture
    l1: str
    l2: str
    more: str  # the mean of what the image has more
    less: str
    total: str  # their sum


@dataclass(frozen=True)
class IdeaAnswer:
    """What one idea answered."""

    idea: str
    answer: str
    right: bool


@dataclass(frozen=True)
class Chosen:
    """One image to choose, and all that is shown of it.

    ``taken_for`` is the answer of the idea that uses the class images; empty for a training image.
    """

    name: str
    part: str
    truth: str
    taken_for: str
    wrong: bool
    thumb: Picture
    picture: Picture
    answers: tuple[IdeaAnswer, ...]
    against: tuple[Against, ...]


@dataclass(frozen=True)
class Differences:
    """The images to choose among."""

    average: str  # "mean" or "median"
    idea: str  # whose right and wrong answers the images are
    most_ink: str  # the class with the smallest signed difference: the same for every image
    left_out: int  # how many classes beyond the nearest are not shown beside an image
    images: tuple[Chosen, ...]  # the first is the one that is shown first


def prototypes(comparison: Comparison) -> tuple[Prototypes, ...]:
    """Return the class images of every fitted model that holds such, equal ones once."""
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
    """Return the class images to look at."""
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


def differences(comparison: Comparison, name: str | None) -> Differences | None:
    """Return images against the class images: one the user named, and some right and wrong answers."""
    named = [] if name is None else [find(comparison.train, comparison.valid, name)]
    sets = sorted(prototypes(comparison), key=lambda one: one.average != "mean")
    if not sets:
        return None
    one = sets[0]
    row = one.rows[0]
    assert row.evaluation is not None
    places = named + [("valid", index) for index in examples(row.evaluation)]
    ink = one.images.reshape(len(one.images), -1).mean(axis=1)
    return Differences(
        average=one.average,
        idea=plain(row.title),
        most_ink=plain(one.classes[int(np.argmax(ink))]),
        left_out=max(0, len(one.classes) - _CLASSES),
        images=tuple(_chosen(comparison, one, *place) for place in dict.fromkeys(places)),
    )


def find(train: LabelledImages, valid: LabelledImages, name: str) -> tuple[str, int]:
    """Return the part and the index of the image called ``name``."""
    for part, images in (("valid", valid), ("train", train)):
        if name in images.names:
            return part, images.names.index(name)
    known = dict.fromkeys((*valid.names, *train.names))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    raise InputError(
        f"no image is called {plain(name)!r}: the nearest names are {', '.join(plain(one) for one in near)}"
    )


def examples(evaluation: Evaluation) -> list[int]:
    """Return the indices of some right and wrong answers."""
    labels, predictions, classes = evaluation.labels, evaluation.predictions, evaluation.classes
    right = [np.flatnonzero((labels == label) & (predictions == label)) for label in classes[:_RIGHT]]
    confusion = evaluation.confusion.copy()
    np.fill_diagonal(confusion, 0)
    # The most frequent confusions of all may be with one class only.
    answers = np.argsort(-confusion.max(axis=0), kind="stable")[:_WRONG]
    wrong = [
        np.flatnonzero((labels == classes[truth]) & (predictions == classes[answer]))
        for answer, truth in zip(answers, confusion.argmax(axis=0)[answers], strict=True)
        if answer != truth
    ]
    return _in_turn(right, max(_LEAST_RIGHT, len(right))) + _in_turn(wrong, _WRONG)


def _in_turn(groups: list[NDArray[np.intp]], n: int) -> list[int]:
    """Return up to ``n`` indices: the first of each group, then the second of each, grouped again."""
    turns = [(turn, place) for place, group in enumerate(groups) for turn in range(len(group))]
    taken = sorted(sorted(turns)[:n], key=lambda one: one[::-1])
    return [int(groups[place][turn]) for turn, place in taken]


def _chosen(comparison: Comparison, one: Prototypes, part: str, index: int) -> Chosen:
    """Return all that is shown of one image."""
    images = comparison.valid if part == "valid" else comparison.train
    answers = _answers(comparison, index) if part == "valid" else ()
    own = _answers(comparison, index, one.rows[0].name) if part == "valid" else ()
    return Chosen(
        name=plain(images.names[index]),
        part=part_name(images.source.part),
        truth=plain(images.labels[index]),
        taken_for=own[0].answer if own else "",
        wrong=bool(own) and not own[0].right,
        thumb=picture(images.images[index], SMALL, 64),
        picture=picture(images.images[index], LARGE),
        answers=answers,
        against=_against(images, index, one),
    )


def _answers(comparison: Comparison, index: int, only: str | None = None) -> tuple[IdeaAnswer, ...]:
    """Return what the ideas answered on one image of the validation part."""
    return tuple(
        IdeaAnswer(
            plain(row.title),
            plain(row.evaluation.predictions[index]),
            bool(row.evaluation.predictions[index] == row.evaluation.labels[index]),
        )
        for row in comparison.rows
        if row.evaluation is not None and only in (None, row.name)
    )


def _against(images: LabelledImages, index: int, one: Prototypes) -> tuple[Against, ...]:
    """Return one image against the nearest classes and its own, in the order of the classes."""
    image = to_unit(images.images[index : index + 1])
    first, second = l1(image, one.images)[0], l2(image, one.images)[0]
    sums = signed(image, one.images)[0]
    truth = one.classes == images.labels[index]
    # The true class is shown however far it is.
    kept = np.argsort(np.where(truth, -1.0, first), kind="stable")[:_CLASSES]
    edge = (LARGE + MIDDLE) // 2 if len(kept) <= _FEW else MIDDLE
    return tuple(
        _one_against(
            image[0] - one.images[code],
            one.images[code],
            edge,
            name=plain(one.classes[code]),
            truth=bool(truth[code]),
            nearest_l1=code == int(np.argmin(first)),
            nearest_l2=code == int(np.argmin(second)),
            smallest=code == int(np.argmin(sums)),
            l1=f"{first[code]:.4f}",
            l2=f"{second[code]:.4f}",
            total=round(float(sums[code]), 4),
        )
        for code in sorted(kept.tolist())
    )


def _one_against(
    difference: NDArray[Any], ideal: NDArray[np.float64], edge: int, *, total: float, **known: Any
) -> Against:
    """Return one image against one class's image, with the maps of their difference."""
    more, less = adding_up((np.maximum(difference, 0).mean(), np.minimum(difference, 0).mean()), total)
    return Against(
        ideal=picture(np.clip(ideal, 0, 1), edge),
        signed=picture(signed_colours(difference), edge),
        absolute=picture(absolute_colours(difference), edge),
        more=signed_number(more),
        less=signed_number(less),
        total=signed_number(total),
        **known,
    )
