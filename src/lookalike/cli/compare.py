"""``lookalike compare``: every idea on the same images, as a table and a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli.common import (
    Classes,
    Csv,
    Data,
    Ideas,
    Json,
    Limit,
    Quiet,
    Report,
    Seed,
    Size,
    SkipBad,
    check_one_format,
    chosen_ideas,
    command_line,
    idea_files,
    parse_size,
    progress,
    refuse_no_figures,
    say_notes,
    say_written,
    show,
    split_list,
)
from lookalike.cli.outputs import check_report, data_files

if TYPE_CHECKING:
    from lookalike.evaluation.results import Comparison


def compare(
    data: Data,
    ideas: Ideas = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    report: Report = None,
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="NAME", help="The image that the report looks at first, by its name."
        ),
    ] = None,
    with_networks: Annotated[
        bool,
        typer.Option(
            "--with-networks",
            help="Train three small networks too: what training buys over looking at pixels. Needs torch.",
        ),
    ] = False,
    classes: Classes = "",
    size: Size = "",
    limit: Limit = None,
    seed: Seed = 0,
    skip_bad: SkipBad = False,
    as_json: Json = False,
    as_csv: Csv = False,
    quiet: Quiet = False,
) -> None:
    """Measure each idea of image similarity on labelled images.

    Every idea is fitted on the training part and measured on the validation part, with intervals and
    paired tests. Try: lookalike compare digits --classes 3,7
    """
    import lookalike

    check_one_format(as_json, as_csv)
    _check_report(report, image, [*data_files(data), *idea_files(ideas)])
    chosen = chosen_ideas(ideas)
    if with_networks:
        chosen = _and_networks(chosen)
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
            from lookalike.show.report.pixels import find

            find(train, valid, image)
        if not quiet:
            say_notes(*train.source.notes, *valid.source.notes)
        comparison = lookalike.compare(train, valid, chosen, seed=seed, progress=tell)
    _show(comparison, as_json, as_csv)
    if report is not None:
        from lookalike.show.report.comparison import write_report

        write_report(comparison, report, command=command_line(), image=image)
        say_written("report", report, quiet)
    refuse_no_figures([row.error for row in comparison.rows])


def _check_report(report: Path | None, image: str | None, inputs: list[Any]) -> None:
    """Refuse a report that cannot be, before long work begins."""
    from lookalike.errors import InputError

    if image is not None and report is None:
        raise InputError("--image chooses what the report looks at: expected --report FILE beside it")
    check_report(report, inputs)


def _and_networks(chosen: list[Any] | None) -> list[Any]:
    """Return the ideas that were chosen, and the networks that are not among them."""
    from lookalike.registry import IDEAS, NETWORKS
    from lookalike.search.prototypes import need_torch

    need_torch("--with-networks")
    ideas = [one for one in IDEAS if one.by_default] if chosen is None else chosen
    return [*ideas, *(name for name in NETWORKS if name not in ideas)]


def _show(comparison: Comparison, as_json: bool, as_csv: bool) -> None:
    """Print the result in the form that was asked for."""
    from lookalike.show import tables

    if as_json:
        typer.echo(comparison.to_json())
    elif as_csv:
        typer.echo(tables.to_csv(comparison), nl=False)
    else:
        show(tables.terminal(comparison))
