"""``lookalike compare``: every idea on the same images, as a table and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.common import (
    Classes,
    Data,
    Limit,
    Quiet,
    Seed,
    Size,
    SkipBad,
    console,
    parse_size,
    progress,
    split_list,
    stderr,
)

if TYPE_CHECKING:
    from lookalike.data.labelled import LabelledImages
    from lookalike.evaluation.results import Comparison


def compare(
    data: Data,
    ideas: Annotated[
        list[str],
        typer.Option(
            "--ideas",
            help="Names of ideas (ink-coverage,mean-image-l2), or a Python file of your own ideas, which "
            "is RUN and measured beside ours. Can be given several times.",
        ),
    ] = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    report: Annotated[
        Path | None, typer.Option("--report", help="Write one self-contained HTML page to this file.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="The image that the report looks at first, by its name.")
    ] = None,
    classes: Classes = "",
    size: Size = "",
    limit: Limit = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of a table.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure what each idea of image similarity is worth on labelled images.

    Every idea is fitted on the training part and measured on the validation part, with intervals and
    paired tests. Try: lookalike compare digits --classes 3,7
    """
    import lookalike

    _check_options(report, image, as_json, as_csv)
    chosen = _ideas(ideas)
    with progress(quiet) as tell:
        train, valid = lookalike.load(
            data,
            classes=split_list(classes),
            size=parse_size(size),
            limit=limit,
            seed=seed,
            skip_bad=skip_bad,
            progress=tell,
        )
        if image is not None:
            from lookalike.report.chosen import find

            find(train, valid, image)
        if not quiet:
            _say_notes(train, valid)
        comparison = lookalike.compare(train, valid, chosen, seed=seed, progress=tell)
    if report is not None:
        from lookalike.report.page import write_report

        write_report(comparison, report, command=_command(), image=image)
    _show(comparison, as_json, as_csv)
    if report is not None and not quiet:
        stderr().print(f"report: {report.resolve()}", soft_wrap=True)


def _check_options(report: Path | None, image: str | None, as_json: bool, as_csv: bool) -> None:
    """Refuse what cannot work before long work begins."""
    from lookalike.errors import InputError

    if as_json and as_csv:
        raise InputError("--json and --csv were both given: expected one of them")
    if image is not None and report is None:
        raise InputError("--image chooses what the report looks at: expected --report FILE beside it")
    if report is not None and not report.absolute().parent.is_dir():
        raise InputError(f"--report {report}: there is no folder {report.parent}; make it first")
    if report is not None and report.is_dir():
        raise InputError(f"--report {report} is a folder: expected a file's name")


def _show(comparison: Comparison, as_json: bool, as_csv: bool) -> None:
    """Print the result in the form that was asked for."""
    from lookalike.cli import tables

    if as_json:
        typer.echo(tables.as_json(comparison))
    elif as_csv:
        typer.echo(tables.as_csv(comparison), nl=False)
    else:
        out = console()
        for part in tables.as_tables(comparison):
            out.print(part)


def _ideas(texts: list[str]) -> list[Any] | None:
    """Return the ideas that were named; files of the user's own come beside the default ones."""
    from lookalike.evaluation.ideas import candidates, from_file
    from lookalike.registry import IDEAS

    names: list[Any] = []
    own: list[Any] = []
    for text in texts:
        if text.endswith(".py"):
            own += from_file(Path(text))
        else:
            names += split_list(text) or []
    if not names and own:
        names = [idea for idea in IDEAS if idea.by_default]
    chosen = names + own or None
    # A name that is not known should be said before images are read.
    candidates(chosen)
    return chosen


def _say_notes(train: LabelledImages, valid: LabelledImages) -> None:
    """Say what was decided while reading, each note once."""
    from lookalike.picture.text import plain

    shown = stderr()
    for note in dict.fromkeys((*train.source.notes, *valid.source.notes)):
        shown.print(plain(f"note: {note}"), style="dim", soft_wrap=True)


def _command() -> str:
    """Return the command that is running, as one would type it."""
    import shlex
    import sys

    return "lookalike " + shlex.join(sys.argv[1:])
