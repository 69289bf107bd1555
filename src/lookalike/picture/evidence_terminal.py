"""Evidence in the terminal: sentences, the images in half blocks, the nearest training images as a table."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from lookalike.picture.columns import Column, FittedTable
from lookalike.picture.evidence_parts import Parts, parts
from lookalike.picture.halfblocks import ImageGrid, has_colours
from lookalike.recognition.evidence import Evidence


class EvidenceText:
    """The evidence for one answer, as a Rich renderable: ``console.print(EvidenceText(evidence))``.

    Images flow into as many columns as fit. Where there are no colours, the maps of what pixels say are left
    out, since shades have no sign: the sums beside them stay.

    Parameters
    ----------
    evidence : Evidence
        What an answer rests on; untrusted text in it is fine.

    Examples
    --------
    >>> import lookalike
    >>> from rich.console import Console
    >>> from lookalike.picture.evidence_terminal import EvidenceText
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> model = lookalike.InkCoverage().fit(train.images, train.labels)
    >>> console = Console(width=200, color_system=None)
    >>> with console.capture() as captured:
    ...     console.print(EvidenceText(model.explain(valid.images[:1])[0]))
    >>> captured.get().split(". ")[0]
    'Answered 7: the mean coverage of class 7, 0.2960, is 0.0127 away'
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
            yield _table(shown)


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


def _table(shown: Parts) -> FittedTable:
    """Return the nearest training images as a table."""
    return FittedTable(
        [
            Column("class", [Text(one.label) for one in shown.nearest], left=True),
            Column("distance", [Text(one.distance) for one in shown.nearest]),
            Column("id", [Text(one.id) for one in shown.nearest]),
        ]
    )
