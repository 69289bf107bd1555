"""``lookalike compare`` and ``curve``: every idea on the same images, and how many images each needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from typer import Option

import lookalike
from lookalike.cli import common
from lookalike.errors import InputError

_Network = Annotated[
    Path | None,
    Option(
        "--embedding",
        metavar="FILE",
        help="Measure the features of a network too: an ONNX file, and beside it a JSON file of the same "
        "name that says how images are brought to it. Needs onnxruntime.",
    ),
]


def compare(
    data: common.Data,
    ideas: common.Ideas = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    report: common.Report = None,
    image: Annotated[
        str | None,
        Option("--image", metavar="NAME", help="The image that the report looks at first, by its name."),
    ] = None,
    with_networks: Annotated[
        bool,
        Option(
            "--with-networks",
            help="Train three small networks too: what training buys over looking at pixels. Needs torch.",
        ),
    ] = False,
    embedding: _Network = None,
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    group_from: common.GroupFrom = "",
    workers: common.Workers = None,
    scheduler: common.Scheduler = "",
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Measure each idea of image similarity on labelled images.

    Every idea is fitted on the training part and measured on the validation part, with intervals and
    paired tests. Try: lookalike compare digits --classes 3,7
    """
    common.check_one_format(as_json, as_csv)
    if image is not None and report is None:
        raise InputError("--image chooses what the report looks at: expected --report FILE beside it")
    inputs = [*common.data_files(data), *common.idea_files(ideas), *_files_of(embedding)]
    common.check_file("--report", report, inputs, common.PAGES)
    chosen = _and_others(common.chosen_ideas(ideas), with_networks, embedding)
    with common.progress(quiet) as tell, common.cluster_of(workers, scheduler) as client:
        train, valid = lookalike.load(
            data,
            group_from=group_from or None,
            **common.loading(classes, size, limit, seed, skip_bad, tell),
            **common.layout(zip_encoding, label_column, header, label_from, nested, follow_links),
        )
        if image is not None:
            from lookalike.show.report.examples import find

            find(train, valid, image)
        common.say_notes([*train.source.notes, *valid.source.notes], quiet)
        comparison = lookalike.compare(train, valid, chosen, seed=seed, client=client, progress=tell)
    common.say_notes(comparison.notes, quiet)
    common.show_result(comparison, as_json, as_csv)
    if report is not None:
        comparison.report(report, command=common.command_line(), image=image)
        common.say_written("report", report, quiet)
    common.refuse_no_figures([row.error for row in comparison.rows])


def _files_of(embedding: Path | None) -> list[Path]:
    """Return the files that a network is read from."""
    return [] if embedding is None else [embedding, embedding.with_suffix(".json")]


def _and_others(chosen: list[Any] | None, with_networks: bool, embedding: Path | None) -> list[Any] | None:
    """Return the ideas that were chosen, the networks that are not among them, and the features of one."""
    from lookalike.registry import IDEAS, NETWORKS
    from lookalike.search.prototypes import need_torch

    others: list[Any] = []
    if with_networks:
        need_torch("--with-networks")
        others += [name for name in NETWORKS if name not in (chosen or ())]
    if embedding is not None:
        # What is wrong with it is said before images are read.
        others.append(lookalike.Embedding(embedding).fit())
    if not others:
        return chosen
    return [*([one for one in IDEAS if one.by_default] if chosen is None else chosen), *others]


def curve(
    data: common.Data,
    ideas: common.Ideas = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    sizes: Annotated[
        str, Option("--sizes", metavar="NUMBERS", help="Numbers of examples of each class.")
    ] = "1,2,5,10,20,50,100",
    draws: Annotated[
        int, Option("--draws", metavar="N", min=2, max=1000, help="How often each number is drawn.")
    ] = 10,
    plot: Annotated[
        Path | None, Option("--plot", metavar="FILE", help="Draw the curves into this file: .png or .svg.")
    ] = None,
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Measure how many labelled images each idea needs.

    Examples of each class are drawn at random from the training part, several times; every idea is fitted
    on the same draws and measured on the validation part. Try: lookalike curve digits --sizes 1,5,20
    """
    common.check_one_format(as_json, as_csv)
    inputs = [*common.data_files(data), *common.idea_files(ideas)]
    common.check_file("--plot", plot, inputs, common.PICTURES)
    numbers = common.split_list(sizes) or ["none"]
    if not all(part.isdecimal() and len(part) < 10 and int(part) for part in numbers):
        raise InputError(
            f"--sizes is {sizes!r}: expected numbers of examples of each class, such as 1,2,5,10"
        )
    chosen = common.chosen_ideas(ideas)
    with common.progress(quiet) as tell:
        train, valid = lookalike.load(
            data,
            **common.loading(classes, size, limit, seed, skip_bad, tell),
            **common.layout(zip_encoding, label_column, header, label_from, nested, follow_links),
        )
        found = lookalike.curve(
            train, valid, chosen, sizes=[*map(int, numbers)], draws=draws, seed=seed, progress=tell
        )
    common.say_notes([*train.source.notes, *valid.source.notes, *found.notes], quiet)
    common.show_result(found, as_json, as_csv)
    if plot is not None:
        from lookalike.show.plots import file_of

        common.write("plot", plot, file_of(found.plot(), plot.suffix[1:].lower()), quiet)
    # An idea failed where it has no figure at all.
    errors = [[point.error for point in row.points] for row in found.rows]
    common.refuse_no_figures([one[0] if all(one) else None for one in errors])
