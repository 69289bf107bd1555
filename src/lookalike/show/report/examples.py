"""Single images: against each class's image, pixel by pixel, and with the evidence for their answers."""

from __future__ import annotations

import difflib
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages
from lookalike.distance.definition import l1, l2, signed
from lookalike.errors import InputError
from lookalike.evaluation.appraise import Appraisal
from lookalike.evaluation.evaluate import unwarned
from lookalike.evaluation.results import Comparison, Evaluation
from lookalike.images import to_unit
from lookalike.models.deformable import DeformableMatch
from lookalike.recognition.explanation import Evidence
from lookalike.show.columns import NARROW, adding_up, listing, part_name, percent, signed_number
from lookalike.show.images import LARGE, MIDDLE, absolute_colours, picture, signed_colours, thumbnail
from lookalike.show.pages import card
from lookalike.show.report.prototypes import Prototypes, prototypes
from lookalike.show.views import measured
from lookalike.text import plain

_RIGHT, _WRONG = 10, 6  # how many right and wrong answers one can choose among
_LEAST_RIGHT = 4  # where there are few classes, and beside evidence, which takes more room
_FEW = 4  # classes among which there is room for larger maps
_CLASSES = 12  # against how many classes one image is shown
_MOST_MISTAKES = 24


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


def _chosen(comparison: Comparison, name: str | None, places: list[int]) -> list[tuple[str, int]]:
    """Return the image that the user named, if any, and places of the validation part; none twice."""
    named = [] if name is None else [find(comparison.train, comparison.valid, name)]
    return list(dict.fromkeys([*named, *(("valid", index) for index in places)]))


def differences(comparison: Comparison, name: str | None) -> SimpleNamespace | None:
    """Return images against the class images: one the user named, and some right and wrong answers."""
    sets = sorted(prototypes(comparison), key=lambda one: one.average != "mean")
    if not sets:
        _chosen(comparison, name, [])  # an unknown image is refused all the same
        return None
    one = sets[0]
    row = one.rows[0]
    assert row.evaluation is not None
    ink = one.images.reshape(len(one.images), -1).mean(axis=1)
    return SimpleNamespace(
        average=one.average,
        idea=plain(row.title),  # whose right and wrong answers the images are
        most_ink=plain(one.classes[int(np.argmax(ink))]),
        left_out=max(0, len(one.classes) - _CLASSES),
        images=[
            _compared(comparison, one, row.evaluation, part, index)
            for part, index in _chosen(comparison, name, examples(row.evaluation))
        ],
    )


def _compared(
    comparison: Comparison, one: Prototypes, own: Evaluation, part: str, index: int
) -> SimpleNamespace:
    """Return one image, what ideas answered, and how it differs; nothing answered the training part."""
    is_valid = part == "valid"
    images = comparison.valid if is_valid else comparison.train
    return SimpleNamespace(
        name=plain(images.names[index]),
        part=part_name(images.source.part),
        truth=plain(images.labels[index]),
        taken_for=plain(own.predictions[index]) if is_valid else "",
        wrong=is_valid and bool(own.predictions[index] != own.labels[index]),
        thumb=thumbnail(images.images[index]),
        picture=picture(images.images[index], LARGE),
        answers=tuple(
            SimpleNamespace(
                idea=plain(row.title),
                answer=plain(found.predictions[index]),
                right=bool(found.predictions[index] == found.labels[index]),
            )
            for _, row, found in measured(comparison)
            if is_valid
        ),
        against=_against(images, index, one),
    )


def _against(images: LabelledImages, index: int, one: Prototypes) -> list[SimpleNamespace]:
    """Return one image against the nearest classes and its own, in the order of the classes."""
    image = to_unit(images.images[index : index + 1])
    first, second = l1(image, one.images)[0], l2(image, one.images)[0]
    sums = signed(image, one.images)[0]
    truth = one.classes == images.labels[index]
    # The true class is shown however far it is.
    kept = np.argsort(np.where(truth, -1.0, first), kind="stable")[:_CLASSES]
    edge = (LARGE + MIDDLE) // 2 if len(kept) <= _FEW else MIDDLE
    return [
        SimpleNamespace(
            name=plain(one.classes[code]),
            truth=bool(truth[code]),
            nearest_l1=code == int(np.argmin(first)),
            nearest_l2=code == int(np.argmin(second)),
            smallest=code == int(np.argmin(sums)),
            ideal=picture(np.clip(one.images[code], 0, 1), edge),
            l1=f"{first[code]:.4f}",
            l2=f"{second[code]:.4f}",
            **_maps(image[0] - one.images[code], round(float(sums[code]), 4), edge),
        )
        for code in sorted(kept.tolist())
    ]


def _maps(difference: NDArray[Any], total: float, edge: int) -> dict[str, Any]:
    """Return a difference as two maps, and what is more and what is less as numbers that add up."""
    more, less = adding_up((np.maximum(difference, 0).mean(), np.minimum(difference, 0).mean()), total)
    return {
        "signed": picture(signed_colours(difference), edge),
        "absolute": picture(absolute_colours(difference), edge),
        "more": signed_number(more),
        "less": signed_number(less),
        "total": signed_number(total),
    }


def _explained(
    images: LabelledImages, index: int, evidence: Evidence, key: str, note: str = ""
) -> SimpleNamespace:
    """Return one image to choose, the evidence for its answer, and what else is to be said of it."""
    return SimpleNamespace(
        name=plain(images.names[index]),
        truth=plain(images.labels[index]),
        wrong=bool(evidence.answer != images.labels[index]),
        thumb=thumbnail(images.images[index]),
        card=card(evidence, key),
        note=note,
    )


def matches(comparison: Comparison, name: str | None) -> SimpleNamespace | None:
    """Return some images beside their deformable matches."""
    deforming = [
        (row, found) for _, row, found in measured(comparison) if isinstance(row.model, DeformableMatch)
    ]
    if not deforming:
        return None
    (row, evaluation), model = deforming[0], deforming[0][0].model
    mistakes = set(evaluation.mistakes.tolist())
    shown = examples(evaluation)
    wrong = [index for index in shown if index in mistakes] if len(mistakes) > _WRONG else sorted(mistakes)
    right = [index for index in shown if index not in mistakes]
    images = []
    places = _chosen(comparison, name, [*wrong[:_WRONG], *right[:_LEAST_RIGHT]])
    for number, (part, index) in enumerate(places, 1):
        given = comparison.valid if part == "valid" else comparison.train
        evidence = model.explain(given.images[index : index + 1])[0]
        images.append(_explained(given, index, evidence, f"match-{number}"))
    return SimpleNamespace(
        idea=plain(row.title),
        how=model.reasons_,
        reach=_reach(*model.warp_),
        both=model.symmetric_,
        images=images,
    )


def _reach(down: int, across: int) -> str:
    """Return how far pixels may move, in words."""
    both = (down, "down or up"), (across, "sideways")
    ways = [f"{n} pixel{'' if n == 1 else 's'} {way}" for n, way in both if n]
    return f"each pixel may move by up to {listing(ways)}" if ways else "no pixel moves"


def mistakes(found: Appraisal) -> SimpleNamespace:
    """Return the 24 mistakes that the model was surest of; of equally sure ones the first go first."""
    every = found.evaluation.mistakes
    places = every[np.argsort(-found.confidence[every], kind="stable")][:_MOST_MISTAKES]
    images = []
    if len(places):
        with unwarned():
            explained = found.model.explain(found.data.images[places])
        for number, (index, evidence) in enumerate(zip(places.tolist(), explained, strict=True), 1):
            note = _sure(float(found.confidence[index])) + (", rejected" if found.rejected[index] else "")
            images.append(_explained(found.data, index, evidence, f"mistake-{number}", note))
    how = [plain(reason) for reason in getattr(found.model, "reasons_", ())]
    return SimpleNamespace(n=len(every), images=images, how=how)


def _sure(probability: float) -> str:
    """Return how sure the model was; nothing that can be wrong is certain."""
    if probability > 0.99:
        return f">{NARROW}99{NARROW}% sure"
    return f"{percent(probability, 0)} sure"
