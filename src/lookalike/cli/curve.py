"""``lookalike curve``: how many labelled images each idea needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lookalike.cli import common

if TYPE_CHECKING:
    from lookalike.evaluation.curve import CurveRow


def curve(
    data: common.Data,
    ideas: common.Ideas = [],  # noqa: B006 - Typer reads the default, and nothing changes it
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="NUMBERS", help="Numbers of examples of each class.")
    ] = "1,2,5,10,20,50,100",
    draws: Annotated[
        int, typer.Option("--draws", metavar="N", min=2, max=1000, help="How often each number is drawn.")
    ] = 10,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Draw the curves into this file: .png or .svg."),
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
    """Measure how many labelled images each idea needs.

    Examples of each class are drawn at random from the training part, several times; every idea is fitted
    on the same draws and measured on the validation part. Try: lookalike curve digits --sizes 1,5,20
    """
    import lookalike

    common.check_one_format(as_json, as_csv)
    common.check_plot(plot, [*common.data_files(data), *common.idea_files(ideas)])
    numbers = _sizes(sizes)
    chosen = common.chosen_ideas(ideas)
    with common.progress(quiet) as tell:
        train, valid = lookalike.load(data, **common.loading(classes, size, limit, seed, skip_bad, tell))
        found = lookalike.curve(train, valid, chosen, sizes=numbers, draws=draws, seed=seed, progress=tell)
    if not quiet:
        common.say_notes(*train.source.notes, *valid.source.notes, *found.notes)
    common.show_result(found, as_json, as_csv)
    if plot is not None:
        from lookalike.files import write_whole
        from lookalike.show.plots import file_of

        write_whole(plot, file_of(found.plot(), plot.suffix[1:].lower()))
        common.say_written("plot", plot, quiet)
    common.refuse_no_figures([_error(row) for row in found.rows])


def _error(row: CurveRow) -> str | None:
    """Return why an idea has no figure at all, or None."""
    errors = [point.error for point in row.points]
    return errors[0] if all(errors) else None


def _sizes(text: str) -> list[int]:
    """Return numbers of examples like ``1,2,5``."""
    from lookalike.errors import InputError

    parts = common.split_list(text)
    if parts is None or not all(part.isdecimal() and len(part) < 10 and int(part) for part in parts):
        raise InputError(f"--sizes is {text!r}: expected numbers of examples of each class, such as 1,2,5,10")
    return [int(part) for part in parts]
