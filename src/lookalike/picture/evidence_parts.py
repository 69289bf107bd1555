"""What a page or a terminal shows of evidence: sentences, figures and arrays that can be looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.picture.colours import signed_colours, speaking_colours
from lookalike.picture.signed import adding_up, signed_number
from lookalike.picture.text import plain
from lookalike.recognition.evidence import Evidence, Reference

# A row of numbers is drawn as a band: so many times as long as it is high.
_BAND = 6


@dataclass(frozen=True)
class Beside:
    """One reference beside the image, as text and as arrays to look at.

    Attributes
    ----------
    label, what, distance, id : str
        The class, what the reference is, how far it is, and a training image's number; plain text, empty
        where there is none.
    image : ndarray
        The reference.
    field : ndarray or None
        How it is bent, where it is.
    warped : ndarray or None
        The bent reference.
    difference : ndarray of shape (h, w, 4)
        In colours: the image minus the reference, bent where it is bent.
    """

    label: str
    what: str
    distance: str
    id: str
    image: NDArray[Any]
    field: NDArray[np.int8] | None
    warped: NDArray[Any] | None
    difference: NDArray[np.uint8]


@dataclass(frozen=True)
class Parts:
    """All that is shown of one evidence.

    Attributes
    ----------
    idea, answer, runner_up : str
        Plain text; the last is empty where there is no runner-up.
    sentences : tuple of str
        What the answer rests on, in words.
    image : ndarray
        The image as given.
    seen : ndarray or None
        What the model saw, where that is another image.
    steps : tuple of str
        What was done to the image.
    speaking : ndarray of shape (h, w, 4), or None
        In colours: which pixels speak for the answer, and which for the runner-up.
    said : str
        How much they say.
    beside : tuple of Beside
        What the distances to the answer's class and to the runner-up's are measured to.
    means : tuple of Beside
        The mean images of both classes, where they are not what is compared with.
    nearest : tuple of Beside
        The nearest training images.
    """

    idea: str
    answer: str
    runner_up: str
    sentences: tuple[str, ...]
    image: NDArray[Any]
    seen: NDArray[Any] | None
    steps: tuple[str, ...]
    speaking: NDArray[np.uint8] | None
    said: str
    beside: tuple[Beside, ...]
    means: tuple[Beside, ...]
    nearest: tuple[Beside, ...]


def parts(evidence: Evidence) -> Parts:
    """Return all that is shown of one evidence.

    Parameters
    ----------
    evidence : Evidence
        What an answer rests on.

    Returns
    -------
    Parts
        Text is harmless, images are in 0-1 or bytes.
    """
    scale = _Scale(evidence)
    pair = [one for one in (evidence.for_answer, evidence.for_runner_up) if one is not None]
    given = evidence.prepared if evidence.image.ndim == 1 else evidence.image
    shown = given.shape != evidence.prepared.shape or not np.allclose(_unit(given), evidence.prepared)
    speaking = evidence.contributions
    return Parts(
        idea=plain(evidence.idea),
        answer=plain(evidence.answer),
        runner_up="" if evidence.runner_up is None else plain(evidence.runner_up),
        sentences=_sentences(evidence),
        image=scale.lookable(given),
        seen=scale.lookable(evidence.prepared) if shown else None,
        steps=tuple(map(plain, evidence.steps)),
        speaking=None if speaking is None else speaking_colours(_flat(speaking)),
        said=_said(evidence),
        beside=tuple(scale.beside(one) for one in pair if one.image is not None),
        means=tuple(scale.beside(one) for one in evidence.means if one not in pair),
        nearest=tuple(map(scale.beside, evidence.nearest)),
    )


class _Scale:
    """How values become something to look at: images as they are, rows of a table from least to most."""

    def __init__(self, evidence: Evidence) -> None:
        self._prepared = evidence.prepared
        self._low, self._span = 0.0, 1.0
        if evidence.prepared.ndim == 1:
            others = [evidence.for_answer, evidence.for_runner_up, *evidence.means, *evidence.nearest]
            known = [one.image for one in others if one is not None and one.image is not None]
            values = np.stack([evidence.prepared, *known])
            self._low = float(values.min())
            self._span = float(values.max()) - self._low or 1.0

    def lookable(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return an image as it is, and a row of values as a band in 0-1."""
        return values if values.ndim > 1 else _flat(np.clip((values - self._low) / self._span, 0, 1))

    def beside(self, one: Reference) -> Beside:
        """Return a reference as text and arrays."""
        assert one.image is not None
        left = self._prepared - (one.image if one.warped is None else one.warped)
        return Beside(
            label=plain(one.label),
            what=one.kind,
            distance="" if one.distance is None else f"{one.distance:.4f}",
            id="" if one.id is None else str(one.id),
            image=self.lookable(one.image),
            field=one.field,
            warped=None if one.warped is None else self.lookable(one.warped),
            difference=signed_colours(_flat(left / self._span)),
        )


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Return an image as it is, and a row of values as a band of some height."""
    return values if values.ndim > 1 else np.tile(values, (max(1, len(values) // _BAND), 1))


def _unit(image: NDArray[Any]) -> NDArray[Any]:
    """Return bytes as floats in 0-1."""
    return image / 255 if image.dtype == np.uint8 else image


def _sentences(evidence: Evidence) -> tuple[str, ...]:
    """Return what the answer rests on, in words."""
    first, second = evidence.for_answer, evidence.for_runner_up
    answer = plain(evidence.answer)
    said = [f"Answered {answer}: {_of(first, answer)} is {_away(first)} away."]
    if second is not None:
        runner_up = plain(evidence.runner_up)
        verb = "Nearer, but outvoted," if evidence.outvoted else "The runner-up"
        said.append(f"{verb} is {runner_up}: {_of(second, runner_up)} is {_away(second)} away.")
    if evidence.coverage is not None:
        said.append(f"The image’s ink coverage is {evidence.coverage:.4f}.")
    if evidence.voters > 1:
        said.append(f"The {evidence.voters} nearest training images vote.")
    return tuple(said)


def _of(one: Reference, label: str) -> str:
    """Return what a reference is, within a sentence."""
    if one.kind == "training image":
        return f"the nearest training image of class {label}"
    if one.kind == "mean coverage":
        return f"the mean coverage of class {label}, {one.coverage:.4f},"
    return f"the {one.kind} of class {label}"


def _away(one: Reference) -> str:
    """Return a distance."""
    return f"{one.distance:.4f}"


def _said(evidence: Evidence) -> str:
    """Return how much the pixels say, as a sum that adds up: to the difference of the distances shown."""
    values, other = evidence.contributions, evidence.for_runner_up
    if values is None or other is None or other.distance is None:
        return ""
    margin = round(other.distance, 4) - round(evidence.for_answer.distance or 0.0, 4)
    more, less = adding_up((np.maximum(values, 0).sum(), np.minimum(values, 0).sum()), margin)
    return (
        f"{signed_number(more)} for {plain(evidence.answer)}, {signed_number(less)} for "
        f"{plain(evidence.runner_up)}: together {signed_number(margin)}, the difference of the two distances"
    )
