"""Single images beside their deformable matches: what the model saw, and how the match was bent."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.evaluation.results import Comparison, Row
from lookalike.models.deformable import DeformableMatch
from lookalike.picture.evidence_cards import Card, card
from lookalike.picture.inline import SMALL, Picture, picture
from lookalike.picture.text import plain
from lookalike.report.chosen import examples, find
from lookalike.report.formats import listing

_RIGHT, _WRONG = 4, 6  # how many right and wrong answers one can choose among


@dataclass(frozen=True)
class Matched:
    """One image to choose, the evidence for its answer, and what else is to be said of it."""

    name: str
    truth: str
    wrong: bool
    thumb: Picture
    card: Card
    note: str = ""


@dataclass(frozen=True)
class Matches:
    """The images to choose among.

    Attributes
    ----------
    idea : str
        Whose answers they are.
    how : tuple of str
        What the model chose, one sentence a decision.
    reach : str
        How far pixels may move.
    both : bool
        Both images are bent, each to look like the other.
    images : tuple of Matched
        One the user named, then wrong answers, then right ones.
    """

    idea: str
    how: tuple[str, ...]
    reach: str
    both: bool
    images: tuple[Matched, ...]


def matches(comparison: Comparison, name: str | None) -> Matches | None:
    """Return some images beside their deformable matches.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    name : str or None
        An image to look at first, of the validation or the training part.

    Returns
    -------
    Matches or None
        None where no idea deforms images, or its images are too small to be looked at.

    Raises
    ------
    InputError
        No image is called ``name``.
    """
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
    return Matches(
        idea=plain(row.title),
        how=model.reasons_,
        reach=_reach(model),
        both=model.symmetric_,
        images=tuple(chosen),
    )


def _deforms(row: Row) -> bool:
    """Return whether an idea deforms images."""
    return row.evaluation is not None and isinstance(row.model, DeformableMatch)


def _matched(comparison: Comparison, model: DeformableMatch, part: str, index: int, number: int) -> Matched:
    """Return one image with its evidence."""
    images = comparison.valid if part == "valid" else comparison.train
    evidence = model.explain(images.images[index : index + 1])[0]
    return Matched(
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
