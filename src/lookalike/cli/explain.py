"""``lookalike explain``: what a model's answer to one image rests on."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import plain

if TYPE_CHECKING:
    from numpy.typing import NDArray


def explain(
    model: common.Model,
    image: Annotated[str, Argument(metavar="IMAGE", help="One image: its file, or - for standard input.")],
    report: common.Report = None,
    n: Annotated[
        int, Option("--n", metavar="N", min=1, help="How many of the nearest training images to show.")
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
    common.check_file("--report", report, [model, image], common.PAGES)
    kept, shape = common.recogniser(model)
    name, pixels = _read(image, shape, resize)
    with common.progress(quiet) as tell:
        evidence = kept.explain(kept.checked(pixels), n, tell)[0]
    if as_json:
        typer.echo(json.dumps({"image": name, **evidence.to_plain()}))
    else:
        from rich.text import Text

        from lookalike.show.evidence import EvidenceText

        heading = Text(f"{plain(name)}: {plain(evidence.answer)}, by {plain(evidence.idea)}")
        common.show([heading, EvidenceText(evidence)])
    if report is not None:
        from lookalike.show.pages import evidence_page

        title = f"Why {evidence.answer}: {evidence.idea}"
        page = evidence_page([evidence], [name], title=title, command=common.command_line())
        common.write("report", report, page.encode(), quiet)


def _read(source: str, shape: tuple[int, ...], resize: bool) -> tuple[str, NDArray[Any]]:
    """Return the name of the one image and a batch of it, refusing several."""
    from lookalike.data.loose import find

    found = find([source], sys.stdin.buffer if source == "-" else None)
    names, images = next(iter(found.batches(shape, resize=resize, most=2)))
    if len(names) > 1:
        raise InputError(f"{plain(source)!r} holds several images: expected one, such as {plain(names[0])!r}")
    return names[0], images
