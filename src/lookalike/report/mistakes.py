"""A model's mistakes, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lookalike.evaluation.assess import Assessment
from lookalike.evaluation.inputs import unwarned
from lookalike.picture.evidence_cards import card
from lookalike.picture.inline import SMALL, picture
from lookalike.picture.text import plain
from lookalike.report.formats import NARROW, percent
from lookalike.report.matches import Matched

_MOST = 24


@dataclass(frozen=True)
class Mistakes:
    """The mistakes that the model was surest of.

    Attributes
    ----------
    n : int
        How many mistakes there are in all.
    images : tuple of Matched
        The surest ones, the surest first.
    how : tuple of str
        What the model chose by itself, one sentence a decision.
    """

    n: int
    images: tuple[Matched, ...]
    how: tuple[str, ...]


def mistakes(found: Assessment) -> Mistakes:
    """Return the mistakes that the model was surest of, each with its evidence.

    Parameters
    ----------
    found : Assessment
        What was measured.

    Returns
    -------
    Mistakes
        At most 24; of equally sure ones the first go first.
    """
    every = found.evaluation.mistakes
    places = every[np.argsort(-found.confidence[every], kind="stable")][:_MOST]
    images = []
    if len(places):
        with unwarned():
            explained = found.model.explain(found.data.images[places])
        for number, (index, evidence) in enumerate(zip(places.tolist(), explained, strict=True), 1):
            sure = _sure(float(found.confidence[index]))
            images.append(
                Matched(
                    name=plain(found.data.names[index]),
                    truth=plain(found.data.labels[index]),
                    wrong=True,
                    thumb=picture(found.data.images[index], SMALL, 64),
                    card=card(evidence, f"mistake-{number}"),
                    note=sure + (", refused" if found.refused[index] else ""),
                )
            )
    reasons = getattr(found.model, "reasons_", ())
    return Mistakes(len(every), tuple(images), tuple(plain(reason) for reason in reasons))


def _sure(probability: float) -> str:
    """Return how sure the model was; nothing that can be wrong is certain."""
    if probability > 0.99:
        return f">{NARROW}99{NARROW}% sure"
    return f"{percent(probability, 0)} sure"
