"""``lookalike compare``: every idea on the same images, as a table and a report."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from lookalike.cli import common


def compare(
    data: common.Data,
    ideas: common.Ideas = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    report: common.Report = None,
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
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Measure each idea of image similarity on labelled images.

    Every idea is fitted on the training part and measured on the validation part, with intervals and
    paired tests. Try: lookalike compare digits --classes 3,7
    """
    import lookalike
    from lookalike.errors import InputError

    common.check_one_format(as_json, as_csv)
    if image is not None and report is None:
        raise InputError("--image chooses what the report looks at: expected --report FILE beside it")
    common.check_report(report, [*common.data_files(data), *common.idea_files(ideas)])
    chosen = common.chosen_ideas(ideas)
    if with_networks:
        chosen = _and_networks(chosen)
    with common.progress(quiet) as tell:
        train, valid = lookalike.load(data, **common.loading(classes, size, limit, seed, skip_bad, tell))
        if image is not None:
            from lookalike.show.report.examples import find

            find(train, valid, image)
        if not quiet:
            common.say_notes(*train.source.notes, *valid.source.notes)
        comparison = lookalike.compare(train, valid, chosen, seed=seed, progress=tell)
    common.show_result(comparison, as_json, as_csv)
    if report is not None:
        comparison.report(report, command=common.command_line(), image=image)
        common.say_written("report", report, quiet)
    common.refuse_no_figures([row.error for row in comparison.rows])


def _and_networks(chosen: list[Any] | None) -> list[Any]:
    """Return the ideas that were chosen, and the networks that are not among them."""
    from lookalike.registry import IDEAS, NETWORKS
    from lookalike.search.prototypes import need_torch

    need_torch("--with-networks")
    ideas = [one for one in IDEAS if one.by_default] if chosen is None else chosen
    return [*ideas, *(name for name in NETWORKS if name not in ideas)]
