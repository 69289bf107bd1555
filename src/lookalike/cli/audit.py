"""``lookalike audit``: what is wrong with labelled images, and which of them mislead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Option

import lookalike
from lookalike.cli import common
from lookalike.errors import InputError, unknown

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch

_TABLES = (".csv",)

OnDisk = Annotated[
    Path | None,
    Option(
        "--on-disk",
        metavar="FOLDER",
        help="For more images than memory holds: read them, and write what takes long, into this folder. "
        "An audit that was stopped goes on there when the same command is given again.",
    ),
]


def audit(
    data: common.Data,
    report: common.Report = None,
    write: Annotated[
        Path | None,
        Option("--write", metavar="FILE", help="Write a table: a line an image, and what to do with it."),
    ] = None,
    fail_on: Annotated[
        str,
        Option("--fail-on", metavar="KINDS", help="End with 1 where such is found: label,leak,duplicate."),
    ] = "",
    unlabelled: Annotated[
        str,
        Option("--unlabelled", metavar="IMAGES", help="Images without labels: which would help most."),
    ] = "",
    pick: Annotated[
        int | None,
        Option("--pick", metavar="N", min=1, help="How many of the unlabelled images to pick: 20."),
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
    group_from: common.GroupFrom = "",
    workers: common.Workers = None,
    scheduler: common.Scheduler = "",
    on_disk: OnDisk = None,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Find what is wrong with labelled images, and which of them mislead.

    Wrong labels, copies, images in two parts, odd ones, classes that look the same. DATA may be a model file:
    then it is about the images that the model keeps.
    Try: lookalike audit digits --write findings.csv
    """
    from lookalike.audit.auditing import audit as audited

    common.check_one_format(as_json, as_csv)
    wanted = _kinds(fail_on)
    inputs = [*common.data_files(data), unlabelled]
    _check_options(report, write, inputs, pick, unlabelled)
    with common.progress(quiet) as tell, common.cluster_of(workers, scheduler) as client:
        options = common.loading(classes, size, limit, seed, skip_bad, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        parts, model = _loaded(data, options, group_from, on_disk)
        others = _others(unlabelled, parts[0], options, quiet) if unlabelled else None
        how = {"model": model, "seed": seed, "client": client, "on_disk": on_disk, "progress": tell}
        found = audited(*parts, unlabelled=others, pick_count=pick or 20, **how)
    if report is not None:
        found.report(report, command=common.command_line())
        common.say_written("report", report, quiet)
    if write is not None:
        common.write("findings", write, found.to_csv().encode(), quiet)
    common.show_result(found, as_json, as_csv)
    _fail_on(found, wanted, quiet)


def _fail_on(found: Any, wanted: frozenset[str], quiet: bool) -> None:
    """End with 1 where something was found that was named for it."""
    failed = [kind for kind in found.counts if kind in wanted]
    if failed:
        common.say(f"found, of what --fail-on names: {', '.join(failed)}", quiet, "red")
        raise typer.Exit(1)


def _check_options(
    report: Path | None, write: Path | None, inputs: list[str], pick: int | None, unlabelled: str
) -> None:
    """Refuse files of other kinds by their names or that cannot be written, and to pick of no images."""
    common.check_file("--report", report, inputs, common.PAGES)
    if pick is not None and not unlabelled:
        raise InputError(f"--pick {pick} says how many of --unlabelled IMAGES to pick: name these too")
    if write is not None and write.suffix.lower() not in _TABLES:
        raise InputError(f"--write {write}: expected a file's name that ends in .csv")
    common.check_file("--write", write, inputs)


def _loaded(
    data: str, options: dict[str, Any], group_from: str, on_disk: Path | None
) -> tuple[tuple[Any, ...], Any]:
    """Return the parts of a set and no model, or the images that a model keeps and one like it."""
    from lookalike.audit.results import own_folder
    from lookalike.data.load import chosen_classes, load_to_audit

    path = common.model_file(data)
    if path is None:
        into = None if on_disk is None else own_folder(on_disk) / "images"
        return load_to_audit(data, group_from=group_from or None, on_disk=into, **options), None
    from lookalike.store.kept import for_kept

    model = for_kept(lookalike.load_model(path))
    kept = chosen_classes(lookalike.kept_images(path), options["classes"])
    return (kept.grouped(group_from) if group_from else kept,), model


def _others(source: str, train: Any, options: dict[str, Any], quiet: bool) -> LooseBatch:
    """Return images without labels, as those with labels are."""
    loose = common.find_images([source], follow_links=options["follow_links"])
    batch = loose.whole(
        train.images.shape[1:],
        resize=options["size"] is not None,
        skip_bad=options["skip_bad"],
        reading=train.source.reading,
        sizes=train.source.sizes,
    )
    common.say_bad(loose, quiet)
    return batch


def _kinds(text: str) -> frozenset[str]:
    """Return the kinds of findings in a list like label,leak."""
    from lookalike.audit.findings import KINDS

    names = common.split_list(text) or []
    for name in names:
        if name not in KINDS:
            raise InputError(unknown("kind of finding", name, KINDS))
    return frozenset(names)
