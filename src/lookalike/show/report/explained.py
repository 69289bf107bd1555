"""Single images with the evidence for their answers: deformable matches, and one model's mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.evaluation.appraise import Appraisal
from lookalike.evaluation.evaluate import unwarned
from lookalike.evaluation.results import Comparison, Row
from lookalike.models.deformable import DeformableMatch
from lookalike.show.evidence import Card, card
from lookalike.show.formats import NARROW, listing, percent
from lookalike.show.images import SMALL, Picture, picture
from lookalike.show.report.pixels import examples, find
from lookalike.text import plain

_RIGHT, _WRONG = 4, 6  # how many right and wrong answers one can choose among
_MOST_MISTAKES = 24


@dataclass(frozen=True)
class Explained:
    """One image to choose, the evidence for its answer, and what else is to be said of it."""

    name: str
    truth: str
    wrong: bool
    thumb: Picture
    card: Card
    note: str = ""


@dataclass(frozen=True)
class BentImages:
    """The images to choose among."""

    idea: str  # whose answers they are
    how: tuple[str, ...]  # what the model chose, one sentence a decision
    reach: str  # how far pixels may move
    both: bool  # both images are bent, each to look like the other
    images: tuple[Explained, ...]


@dataclass(frozen=True)
class Mistakes:
    """The mistakes that the model was surest of."""

    n: int  # how many mistakes there are in all
    images: tuple[Explained, ...]  # the surest first
    how: tuple[str, ...]  # what the model chose by itself, one sentence a decision


def matches(comparison: Comparison, name: str | None) -> BentImages | None:
    """Return some images beside their deformable matches."""
    row = next((row for row in comparison.rows if _deforms(row)), None)
    if row is None or row.evaluation is None:
        return None
    model, evaluation = row.model, row.evaluation
    mistakes = set(evaluation.mistakes.tolist())
    shown = examples(evaluation)
    wrong = [index for index in shown if index in mistakes]
    if len(mistakes) <= _WRONG:
        wrong = sorted(mistakes)
    right = [index for index in shown if index not in mistakes]
    places = [] if name is None else [find(comparison.train, comparison.valid, name)]
    places += [("valid", index) for index in (*wrong[:_WRONG], *right[:_RIGHT])]
    chosen = [
        _matched(comparison, model, part, index, number)
        for number, (part, index) in enumerate(dict.fromkeys(places), 1)
    ]
    return BentImages(
        idea=plain(row.title),
        how=model.reasons_,
        reach=_reach(model),
        both=model.symmetric_,
        images=tuple(chosen),
    )


def _deforms(row: Row) -> bool:
    """Return whether an idea deforms images."""
    return row.evaluation is not None and isinstance(row.model, DeformableMatch)


def _matched(comparison: Comparison, model: DeformableMatch, part: str, index: int, number: int) -> Explained:
    """Return one image with its evidence."""
    images = comparison.valid if part == "valid" else comparison.train
    evidence = model.explain(images.images[index : index + 1])[0]
    return Explained(
        name=plain(images.names[index]),
        truth=plain(images.labels[index]),
        wrong=bool(evidence.answer != images.labels[index]),
        thumb=picture(images.images[index], SMALL, 64),
        card=card(evidence, f"match-{number}"),
    )


def _reach(model: DeformableMatch) -> str:
    """Return how far pixels may move, in words."""
    down, across = model.warp_
    if not down and not across:
        return "no pixel moves"
    ways = [
        f"{n} pixel{'' if n == 1 else 's'} {way}" for n, way in ((down, "down or up"), (across, "sideways"))
    ]
    return f"each pixel may move by up to {listing([way for way in ways if way[0] != '0'])}"


def mistakes(found: Appraisal) -> Mistakes:
    """Return the 24 mistakes that the model was surest of; of equally sure ones the first go first."""
    every = found.evaluation.mistakes
    places = every[np.argsort(-found.confidence[every], kind="stable")][:_MOST_MISTAKES]
    images = []
    if len(places):
        with unwarned():
            explained = found.model.explain(found.data.images[places])
        for number, (index, evidence) in enumerate(zip(places.tolist(), explained, strict=True), 1):
            sure = _sure(float(found.confidence[index]))
            images.append(
                Explained(
                    name=plain(found.data.names[index]),
                    truth=plain(found.data.labels[index]),
                    wrong=True,
                    thumb=picture(found.data.images[index], SMALL, 64),
                    card=card(evidence, f"mistake-{number}"),
                    note=sure + (", rejected" if found.rejected[index] else ""),
                )
            )
    reasons = getattr(found.model, "reasons_", ())
    return Mistakes(len(every), tuple(images), tuple(plain(reason) for reason in reasons))


def _sure(probability: float) -> str:
    """Return how sure the model was; nothing that can be wrong is certain."""
    if probability > 0.99:
        return f">{NARROW}99{NARROW}% sure"
    return f"{percent(probability, 0)} sure"
