"""``lookalike export``: a model becomes one page that needs no server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

import lookalike
from lookalike.cli import common


def export(
    model: common.Model,
    html: Annotated[
        Path,
        Option("--html", metavar="FILE", help="The page to write. It has at most 32 MiB."),
    ],
    quiet: common.Quiet = False,
) -> None:
    """Write a model as one page of HTML that answers, explains and learns without a server.

    Whoever opens the file in a browser, on a telephone too, draws an image and sees the answer, with the same
    labels, distances and probabilities as here; nothing is loaded from anywhere. Models of mean images,
    nearest images and deformable matching can be exported. Try: lookalike export digits.lookalike --html
    digits.html
    """
    fitted = lookalike.load_model(model)
    with common.progress(quiet) as tell:
        lookalike.export_page(fitted, html, progress=tell)
    common.say_written("page", html, quiet)
