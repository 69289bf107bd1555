"""Evidence to look at: sentences, figures and pictures, and the terminal's form of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lookalike.images import to_unit
from lookalike.recognition.explanation import Evidence, Reference
from lookalike.show.columns import WORDS, Column, Kind, Table, adding_up, signed_number
from lookalike.show.images import signed_colours, speaking_colours
from lookalike.show.terminal import FittedTable, ImageGrid, has_colours
from lookalike.text import plain

# A row of numbers is drawn as a band: so many times as long as it is high.
_BAND = 6


@dataclass(frozen=True)
class Beside:
    """One reference beside the image; texts are empty where there is nothing to say."""

    label: str
    what: str
    distance: str
    id: str  # a training image's number
    image: NDArray[Any]
    field: NDArray[np.int8] | None  # how it is bent, where it is
    warped: NDArray[Any] | None  # the bent reference
    difference: NDArray[Any]  # in colours: the image minus the reference, bent where it is bent


@dataclass(frozen=True)
class Parts:
    """All that is shown of one evidence; texts are harmless."""

    idea: str
    answer: str
    runner_up: str  # empty where there is none
    sentences: tuple[str, ...]
    image: NDArray[Any]  # as given
    seen: NDArray[Any] | None  # what the model saw, where that is another image
    steps: tuple[str, ...]  # what was done to the image
    speaking: NDArray[Any] | None  # in colours: which pixels speak for which of the two
    said: str  # how much they say
    beside: tuple[Beside, ...]  # what the answer's and the runner-up's distances are measured to
    means: tuple[Beside, ...]  # of both classes, where they are not what is compared with
    nearest: tuple[Beside, ...]  # training images


def parts(evidence: Evidence) -> Parts:
    """Return all that is shown of one evidence."""
    scale = _Scale(evidence)
    pair = [one for one in (evidence.for_answer, evidence.for_runner_up) if one is not None]
    given = evidence.prepared if evidence.image.ndim == 1 else evidence.image
    shown = given.shape != evidence.prepared.shape or not np.allclose(to_unit(given), evidence.prepared)
    speaking = evidence.contributions
    return Parts(
        idea=plain(evidence.idea),
        answer=plain(evidence.answer),
        runner_up="" if evidence.runner_up is None else plain(evidence.runner_up),
        sentences=sentences(evidence),
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


def sentences(evidence: Evidence) -> tuple[str, ...]:
    """Return what the answer rests on, in words."""
    first, second = evidence.for_answer, evidence.for_runner_up
    answer = plain(evidence.answer)
    said = [f"Answered {answer}: {_of(first, answer)} is {first.distance:.4f} away."]
    if second is not None:
        runner_up = plain(evidence.runner_up)
        verb = "Nearer, but outvoted," if evidence.outvoted else "The runner-up"
        said.append(f"{verb} is {runner_up}: {_of(second, runner_up)} is {second.distance:.4f} away.")
    if evidence.terms and evidence.margin and round(evidence.margin, 4):
        shares = [
            (term.title, ((term.for_runner_up or 0) - term.for_answer) / evidence.margin)
            for term in evidence.terms
        ]
        shares.sort(key=lambda share: -share[1])
        listed = ", ".join(
            f"{title} {str(round(100 * share)).replace('-', '−')} %" for title, share in shares
        )
        said.append(f"Of the difference of {evidence.margin:.4f}: {listed}.")
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


def _said(evidence: Evidence) -> str:
    """Return how much the pixels say, as a sum that adds up: to the difference of the distances shown."""
    values, other = evidence.contributions, evidence.for_runner_up
    if values is None or other is None or other.distance is None:
        return ""
    margin = round(other.distance, 4) - round(evidence.for_answer.distance or 0.0, 4)
    what = "the difference of the two distances"
    if evidence.terms:
        margin, what = float(values.sum()), "the part of the difference that can be laid on pixels"
    more, less = adding_up((np.maximum(values, 0).sum(), np.minimum(values, 0).sum()), margin)
    return (
        f"{signed_number(more)} for {plain(evidence.answer)}, {signed_number(less)} for "
        f"{plain(evidence.runner_up)}: together {signed_number(margin)}, {what}"
    )


_FIGURE = Kind(str)
_NEAREST = (
    Column("class", "class", lambda one: one.label, WORDS),
    Column("distance", "distance", lambda one: one.distance, _FIGURE),
    Column("id", "id", lambda one: one.id, _FIGURE),
)


class EvidenceText:
    """The evidence for one answer, as a Rich renderable: ``console.print(EvidenceText(evidence))``.

    Images flow into as many columns as fit. Where there are no colours, the maps of what pixels say are left
    out, since shades have no sign: the sums beside them stay.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield sentences, images and the table."""
        shown = parts(self.evidence)
        yield Text(" ".join(shown.sentences))
        if shown.said:
            yield Text(f"Pixels: {shown.said}.")
        for step in shown.steps:
            yield Text(f"Prepared: {step}.", style="dim")
        yield Text()
        yield _grid(shown, has_colours(console))
        if shown.nearest:
            yield Text("\nNearest training images", style="bold")
            yield FittedTable(Table(_NEAREST, shown.nearest))


def _grid(shown: Parts, colours: bool) -> ImageGrid:
    """Return the images side by side."""
    found = [(shown.image, "the image")]
    if shown.seen is not None:
        found.append((shown.seen, "what the model saw"))
    for one, role in zip(shown.beside, ("answer", "runner-up"), strict=False):
        found.append((one.image, f"{role}: {one.label}"))
        if one.warped is not None:
            found.append((one.warped, f"{one.label}, bent"))
    if colours and shown.speaking is not None:
        found.append((shown.speaking, f"green {shown.answer}, pink {shown.runner_up}"))
    images, captions = zip(*found, strict=True)
    return ImageGrid(images, captions)
