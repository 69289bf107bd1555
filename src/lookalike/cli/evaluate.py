"""``lookalike evaluate``: one report for a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lookalike.cli import common
from lookalike.progress import Progress

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch
    from lookalike.evaluation.appraise import Appraisal
    from lookalike.store import ModelInfo


def evaluate(
    model: common.Model,
    data: common.Data,
    report: common.Report = None,
    out_of_distribution: Annotated[
        str,
        typer.Option(
            "--out-of-distribution",
            "--ood",
            metavar="IMAGES",
            help="Images of no class: a folder, zip or pattern.",
        ),
    ] = "",
    reject: Annotated[
        float,
        typer.Option(
            "--reject", metavar="LEVEL", help="The level that images are rejected at, above 0 and below 1."
        ),
    ] = 0.05,
    part: Annotated[
        Literal["train", "valid", "test"] | None,
        typer.Option("--part", help="The part to measure on; by default valid, else test, else all images."),
    ] = None,
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
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
    import lookalike
    from lookalike.data.load import load_to_measure

    common.check_one_format(as_json, as_csv)
    common.check_report(report, [model, out_of_distribution, *common.data_files(data)])
    alpha = common.checked_level(reject)
    fitted, info = lookalike.load_model(model), lookalike.model_info(model)
    shape = common.model_shape(fitted.image_shape_, model)
    with common.progress(quiet) as tell:
        images = load_to_measure(
            data,
            part=part,
            **common.loading(classes, size, limit, seed, skip_bad, tell),
        )
        others = _of_no_class(out_of_distribution, shape, bool(size), skip_bad, quiet, tell)
        found = lookalike.appraise(fitted, images, others, alpha=alpha, seed=seed, progress=tell)
    if not quiet:
        common.say_notes(*images.source.notes, *found.notes)
    _show(found, info, model, as_json, as_csv)
    if report is not None:
        found.report(report, file=model, command=common.command_line())
        common.say_written("report", report, quiet)


def _of_no_class(
    source: str, shape: tuple[int, ...], resize: bool, skip_bad: bool, quiet: bool, tell: Progress
) -> dict[str, LooseBatch]:
    """Return the images of no class that were given."""
    from lookalike.data.loose import find

    if not source:
        return {}
    found = find([source])
    tell("reading images of no class", 0, found.count)
    batch = found.whole(shape, resize=resize, skip_bad=skip_bad)
    if not quiet:
        common.say_bad(found)
    return {"given images of no class": batch}


def _show(found: Appraisal, info: ModelInfo, model: Path, as_json: bool, as_csv: bool) -> None:
    """Print the result in the form that was asked for."""
    from rich.text import Text

    from lookalike.show import tables
    from lookalike.text import plain

    if as_json:
        head = {"model": str(model), "idea": info.idea, "title": info.title}
        typer.echo(tables.dumps(head | tables.facts_of(found)))
    elif as_csv:
        typer.echo(tables.to_csv(found.evaluation), nl=False)
    else:
        heading = Text(f"{plain(model)}: {plain(info.title)}", style="bold")
        common.show([heading, *tables.terminal(found)])
