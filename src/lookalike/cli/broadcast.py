"""``lookalike broadcast``: how shapes line up, or why they do not."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError


def broadcast(
    shapes: Annotated[
        list[str],
        Argument(metavar="SHAPES", help='Two shapes or more: "1010,28,28" "28,28"; () is a scalar.'),
    ],
    dtype: Annotated[str, Option("--dtype", metavar="DTYPE", help="What the elements would be.")] = "float32",
    plot: Annotated[
        Path | None,
        Option("--plot", metavar="FILE", help="Draw the lined-up axes into this file: .png or .svg."),
    ] = None,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
) -> None:
    """Say how shapes line up, and what broadcasting them costs.

    Says which axes are stretched and why that is allowed, the result's shape, and what it takes. Where the
    shapes do not fit, says which axes clash and which reshape would mend it; the exit code is then 1.
    """
    from lookalike.broadcasting import trace

    common.check_file("--plot", plot, endings=common.PICTURES)
    found = trace(*(_shape(text) for text in shapes), dtype=dtype)
    facts: dict[str, Any] = {
        "shapes": found.shapes,
        "shape": found.shape,
        "rank": found.rank,
        "dtype": found.dtype,
        "elements": found.elements,
        "bytes": found.nbytes,
        "axes": [{**axis._asdict(), "stretched": axis.stretched} for axis in found.axes],
        "clashes": found.clashes,
        "mends": [mend._asdict() for mend in found.mends],
    }
    typer.echo(json.dumps(facts, indent=2) if as_json else str(found))
    if plot is not None:
        from lookalike.show.plots import trace_picture

        common.write("plot", plot, trace_picture(found, plot.suffix[1:].lower()), quiet)
    if found.shape is None:
        raise typer.Exit(1)


def _shape(text: str) -> tuple[int, ...]:
    """Return a shape like ``1010,28,28`` or ``(28,)``; nothing within is a scalar's."""
    inner = text.strip()
    if inner[:1] + inner[-1:] in ("()", "[]"):
        inner = inner[1:-1].strip()
    parts = [part.strip() for part in inner.removesuffix(",").split(",")] if inner else []
    if not all(re.fullmatch("-?[0-9]{1,30}", part) for part in parts):
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise InputError(f"{shown!r} is no shape: expected whole numbers, such as 1010,28,28")
    return tuple(map(int, parts))
