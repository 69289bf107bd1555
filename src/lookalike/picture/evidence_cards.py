"""Evidence as what a template draws: pictures encoded, fields as arrows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from lookalike.picture.arrows import arrows_path
from lookalike.picture.evidence_parts import Beside, parts
from lookalike.picture.inline import LARGE, MIDDLE, Picture, picture
from lookalike.recognition.evidence import Evidence

_SIDE = 140
# Arrows are as thick as this part of the distance between them.
_STROKE = 0.16


@dataclass(frozen=True)
class Arrows:
    """An image with the arrows of its displacement field.

    Attributes
    ----------
    key : str
        An id within the page: the same for the same arrows.
    uri, path : str
        The image's data, and the arrows in its pixels.
    rows, columns : int
        The image's size in its pixels.
    width, height : int
        Its size on the page.
    stroke : str
        How thick arrows are, in the image's pixels.
    """

    key: str
    uri: str
    path: str
    rows: int
    columns: int
    width: int
    height: int
    stroke: str


@dataclass(frozen=True)
class BesideCard:
    """One reference, ready to be drawn; see :class:`lookalike.picture.evidence_parts.Beside`."""

    label: str
    what: str
    distance: str
    id: str
    image: Picture
    arrows: Arrows | None
    warped: Picture | None
    difference: Picture


@dataclass(frozen=True)
class Card:
    """One evidence, ready to be drawn; see :class:`lookalike.picture.evidence_parts.Parts`."""

    idea: str
    answer: str
    runner_up: str
    sentences: tuple[str, ...]
    image: Picture
    seen: Picture | None
    steps: tuple[str, ...]
    speaking: Picture | None
    said: str
    beside: tuple[BesideCard, ...]
    means: tuple[BesideCard, ...]
    nearest: tuple[BesideCard, ...]


def card(evidence: Evidence, key: str) -> Card:
    """Return one evidence, ready to be drawn.

    Parameters
    ----------
    evidence : Evidence
        What an answer rests on.
    key : str
        What ids within the page begin with: letters, digits and hyphens.

    Returns
    -------
    Card
        For the macro ``evidence`` of ``evidence.html.jinja``.
    """
    shown = parts(evidence)
    return Card(
        idea=shown.idea,
        answer=shown.answer,
        runner_up=shown.runner_up,
        sentences=shown.sentences,
        image=picture(shown.image, _SIDE),
        seen=None if shown.seen is None else picture(shown.seen, _SIDE),
        steps=shown.steps,
        speaking=None if shown.speaking is None else picture(shown.speaking, _SIDE),
        said=shown.said,
        beside=tuple(_beside(one, LARGE, f"{key}-{place}") for place, one in enumerate(shown.beside)),
        means=tuple(_beside(one, MIDDLE) for one in shown.means),
        nearest=tuple(_beside(one, MIDDLE) for one in shown.nearest),
    )


def _beside(one: Beside, edge: int, key: str = "") -> BesideCard:
    """Return one reference; arrows are drawn only where they have a key."""
    return BesideCard(
        label=one.label,
        what=one.what,
        distance=one.distance,
        id=one.id,
        image=picture(one.image, edge),
        arrows=_arrows(one, edge, key) if key else None,
        warped=None if one.warped is None else picture(one.warped, edge),
        difference=picture(one.difference, edge),
    )


def _arrows(one: Beside, edge: int, key: str) -> Arrows | None:
    """Return an image with arrows, where it was bent."""
    if one.field is None or one.warped is None:
        return None
    shown = picture(one.image, edge)
    rows, columns = one.field.shape[:2]
    return Arrows(
        key=key,
        uri=shown.uri,
        path=arrows_path(one.field, one.warped),
        rows=rows,
        columns=columns,
        width=shown.width,
        height=shown.height,
        stroke=f"{_STROKE * -(-max(rows, columns) // 16):.2f}",
    )


def content_key(evidence: Evidence) -> str:
    """Return an id that is the same for the same evidence, for pages whose other parts are not known."""
    digest = hashlib.sha256(f"{evidence.idea} {evidence.distances.tolist()}".encode())
    digest.update(np.ascontiguousarray(evidence.prepared).tobytes())
    return digest.hexdigest()[:12]
