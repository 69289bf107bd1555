"""``lookalike explain``: what a model's answer to one image rests on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli import common

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lookalike.recognition.explanation import Evidence


def explain(
    model: common.Model,
    image: Annotated[
        str,
        typer.Argument(metavar="IMAGE", help="One image: its file, or - for standard input."),
    ],
    report: common.Report = None,
    n: Annotated[
        int, typer.Option("--n", metavar="N", min=1, help="How many of the nearest training images to show.")
    ] = 3,
    resize: common.Resize = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
) -> None:
    """Show what an answer rests on, and which pixels decided.

    That is what the model saw, what it compared it with, and what speaks for and against. With --json, print
    the numbers: distances, the nearest training images, and what each pixel contributes (these sum to the
    margin). Try: lookalike explain digits.lookalike seven.png --report seven.html
    """
    # What answers alone: scikit-learn, which the model's face needs, takes longer to import than an answer.
    from lookalike.store import load_recogniser

    common.check_report(report, [model, image])
    common.spare_linear_algebra()
    kept = load_recogniser(model)
    name, pixels = _read(image, common.model_shape(kept.image_shape, model), resize)
    with common.progress(quiet) as tell:
        evidence = kept.explain(kept.checked(pixels), n, tell)[0]
    _show(evidence, name, as_json)
    if report is not None:
        _write(evidence, name, report)
        common.say_written("report", report, quiet)


def _read(source: str, shape: tuple[int, ...], resize: bool) -> tuple[str, NDArray[Any]]:
    """Return the name of the one image and a batch of it, refusing several."""
    from lookalike.data.loose import find
    from lookalike.errors import InputError
    from lookalike.text import plain

    found = find([source], sys.stdin.buffer if source == "-" else None)
    names, images = next(iter(found.batches(shape, resize=resize, most=2)))
    if len(names) > 1:
        raise InputError(f"{plain(source)!r} holds several images: expected one, such as {plain(names[0])!r}")
    return names[0], images


def _show(evidence: Evidence, name: str, as_json: bool) -> None:
    """Print evidence in the form that was asked for."""
    from lookalike.text import plain

    if as_json:
        typer.echo(json.dumps({"image": name, **evidence.to_plain()}))
        return
    from rich.text import Text

    from lookalike.show.evidence import EvidenceText

    heading = Text(f"{plain(name)}: {plain(evidence.answer)}, by {plain(evidence.idea)}")
    common.show([heading, EvidenceText(evidence)])


def _write(evidence: Evidence, name: str, path: Path) -> None:
    """Write evidence as a page."""
    from lookalike.files import write_whole
    from lookalike.show.pages import evidence_page

    title = f"Why {evidence.answer}: {evidence.idea}"
    made = evidence_page([evidence], [name], title=title, command=common.command_line())
    write_whole(path, made.encode())
