"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from lookalike.evaluation.results import Comparison
from lookalike.files import write_whole
from lookalike.report.answers import answers
from lookalike.report.chosen import differences
from lookalike.report.classes import classes
from lookalike.report.environment import environment
from lookalike.report.facts import facts
from lookalike.report.filmstrip import films
from lookalike.report.ideals import ideals
from lookalike.report.matches import matches
from lookalike.report.overview import overview
from lookalike.report.pairs import pairs


def write_report(
    comparison: Comparison, path: str | os.PathLike[str], *, command: str, image: str | None = None
) -> None:
    """Write a comparison as one self-contained HTML page.

    The page needs no network and no script, and is the same, byte by byte, for the same comparison and
    ``SOURCE_DATE_EPOCH``.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    path : path-like
        The file, which is replaced as a whole or, on any error, not touched.
    command : str
        What one types to make the page again.
    image : str, optional
        The name of an image to look at first, of the validation or the training part.

    Raises
    ------
    InputError
        No image is called so.
    OSError
        The file cannot be written.
    """
    write_whole(Path(path), render(comparison, command=command, image=image).encode())


def render(comparison: Comparison, *, command: str, image: str | None = None) -> str:
    """Return the page that :func:`write_report` writes.

    Parameters
    ----------
    comparison : Comparison
        What was measured.
    command : str
        What one types to make the page again.
    image : str, optional
        The name of an image to look at first.

    Returns
    -------
    str
        HTML.

    Raises
    ------
    InputError
        No image is called so.
    """
    return (
        environment()
        .get_template("page.html.jinja")
        .render(
            # First, since an unknown image ends it all.
            differences=differences(comparison, image),
            overview=overview(comparison),
            pairs=pairs(comparison),
            classes=classes(comparison),
            ideals=ideals(comparison),
            films=films(comparison),
            matches=matches(comparison, image),
            answers=answers(comparison),
            facts=facts(comparison, command),
        )
    )
