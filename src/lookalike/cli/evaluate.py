"""``lookalike evaluate``: one report for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Option

import lookalike
from lookalike.cli import common
from lookalike.progress import Progress
from lookalike.text import plain

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch
    from lookalike.recognition.recogniser import Recogniser


OutOfDistribution = Annotated[
    str,
    Option(
        "--out-of-distribution",
        "--ood",
        metavar="IMAGES",
        help="Images of no class: a folder, zip or pattern.",
    ),
]


def evaluate(
    model: common.Model,
    data: common.Data,
    report: common.Report = None,
    out_of_distribution: OutOfDistribution = "",
    reject: Annotated[
        float,
        Option("--reject", metavar="LEVEL", help="The level of rejection, above 0 and below 1."),
    ] = 0.05,
    part: Annotated[
        Literal["train", "valid", "test"] | None,
        Option("--part", help="The part to measure on; by default valid, else test, else all images."),
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
    workers: common.Workers = None,
    scheduler: common.Scheduler = "",
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Measure one model: how often it is right, what it rejects.

    It is also measured whether its probabilities can be taken at their word. Images of classes that the model
    does not know count as out-of-distribution, as those of --ood do; noise, blank and inverted images
    are tried besides. The report shows the mistakes, each with its evidence. Try: lookalike evaluate
    digits.lookalike ./digits --report digits.html
    """
    from lookalike.data.load import load_to_measure
    from lookalike.data.sizes import Target

    common.check_one_format(as_json, as_csv)
    common.check_file(
        "--report", report, [model, out_of_distribution, *common.data_files(data)], common.PAGES
    )
    alpha = common.checked_level(reject)
    fitted, info = lookalike.load_model(model), lookalike.model_info(model)
    shape, own = common.model_shape(fitted.image_shape_, model), fitted.recogniser_
    with common.progress(quiet) as tell:
        options = common.loading(classes, size, limit, seed, skip_bad, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        how = {"reading": own.reading, "target": Target.known(shape, own.sizes)}
        images = load_to_measure(data, part=part, **how, **options)
        others = _of_no_class(out_of_distribution, follow_links, own, bool(size), skip_bad, quiet, tell)
        with common.on_workers(own, workers, scheduler) as fitted.recogniser_:
            found = lookalike.appraise(fitted, images, others, alpha=alpha, seed=seed, progress=tell)
        fitted.recogniser_ = own
    common.say_notes([*images.source.notes, *found.notes], quiet)
    if not as_json and not as_csv:
        common.show_title(f"{plain(model)}: {plain(info.title)}")
    head = {"model": str(model), "idea": info.idea, "title": info.title}
    common.show_result(found.evaluation if as_csv else found, as_json, as_csv, head)
    if report is not None:
        found.report(report, file=model, command=common.command_line())
        common.say_written("report", report, quiet)


def _of_no_class(
    given: str, follow_links: bool, own: Recogniser, resize: bool, skip_bad: bool, quiet: bool, tell: Progress
) -> dict[str, LooseBatch]:
    """Return the images that are given for --ood, if any are, as the model takes them."""
    if not given:
        return {}
    assert own.image_shape is not None
    loose = common.find_images([given], follow_links=follow_links)
    tell("reading images of no class", 0, loose.count)
    how: dict[str, Any] = {"reading": own.reading, "sizes": own.sizes}
    found = loose.whole(own.image_shape, resize=resize, skip_bad=skip_bad, **how)
    common.say_bad(loose, quiet)
    return {"given images of no class": found}
