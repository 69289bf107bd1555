"""``lookalike data export``: images as files, to see what a folder of one's own should look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookalike.cli import common


def export(
    data: common.Data,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A new folder to write.")],
    per_class: Annotated[
        int | None,
        typer.Option(
            "--per-class", metavar="N", min=1, help="At most so many training images of each class."
        ),
    ] = None,
    classes: common.Classes = "",
    seed: common.Seed = 0,
    quiet: common.Quiet = False,
) -> None:
    """Write images as PNG files: FOLDER/train/CLASS/NAME.png, and the other part beside train.

    Try: lookalike data export digits crops --per-class 5
    """
    import lookalike
    from lookalike.data.load import few_of_each
    from lookalike.data.readers.folders import check_new, write_folder
    from lookalike.text import plain

    check_new(folder)
    with common.progress(quiet) as tell:
        train, other = lookalike.load(data, classes=common.split_list(classes), seed=seed, progress=tell)
        if per_class is not None:
            train = few_of_each(train, per_class, seed)
        renamed = write_folder((train, other), folder, tell)
    if not quiet:
        common.say_notes(*train.source.notes, *renamed)
    for part in (train, other):
        where = plain((folder / part.source.part).as_posix())
        typer.echo(f"{where}\t{len(part):,} images of {len(part.class_names)} classes")
