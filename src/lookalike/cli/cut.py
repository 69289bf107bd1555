"""``lookalike cut``: cut the places of a value out of photographs, labelled by their names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import plain

Layout = Annotated[Path, Argument(metavar="LAYOUT", help="A layout.json: see lookalike layout.")]
Photographs = Annotated[list[Path], Argument(metavar="PHOTOS", help="Photographs, or folders of them.")]


def cut(
    layout: Layout,
    photographs: Photographs,
    output: Annotated[Path, Option("--output", "-o", metavar="DIR", help="The folder for the crops.")],
    labels_from_name: Annotated[
        bool,
        Option(
            "--labels-from-name",
            help="A photograph is named after what it shows (00715.jpg, and 00715_2.jpg for one more): its "
            "crops go into a folder for each character.",
        ),
    ] = False,
    labels: Annotated[
        Path | None,
        Option("--labels", metavar="CSV", help="What photographs show, in lines of photograph,value."),
    ] = None,
    quiet: common.Quiet = False,
) -> None:
    """Cut the places of a value out of photographs: with labels, crops to fit a model on.

    Try: lookalike cut layout.json photos -o crops --labels-from-name
    """
    from lookalike.photo.cut import cut as cut_out
    from lookalike.photo.cut import value_in_name, values_in
    from lookalike.photo.layout import load_layout

    if labels_from_name and labels:
        raise InputError("--labels-from-name and --labels were both given: expected one of them")
    found = photographs_in(photographs)
    _check_folder(output, found)
    values = None
    if labels_from_name:
        values = {path: value_in_name(path) for path in found}
    elif labels:
        told = values_in(labels)
        missing = [path.name for path in found if path.name not in told]
        if missing:
            raise InputError(f"{plain(labels)} says nothing of {plain(missing[0])}: expected each photograph")
        values = {path: told[path.name] for path in found}
    count = 0
    with common.progress(quiet) as tell:
        for done, (_, crops) in enumerate(cut_out(load_layout(layout), found, output, values), 1):
            count += crops
            tell("cutting photographs", done, len(found))
    photos = f"{len(found):,} photograph{'' if len(found) == 1 else 's'}"
    typer.echo(f"{plain(output)}\t{count:,} crops of {photos}")


def _check_folder(output: Path, found: list[Path]) -> None:
    """Refuse a folder that is none, or that holds the photographs: crops would be read as some."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {plain(output)} is a file: expected a folder's name")
    for path in found:
        if path.parent.resolve() == output.resolve():
            raise InputError(
                f"--output {plain(output)} holds {plain(path)}, which is read: name a new folder"
            )


def photographs_in(given: list[Path]) -> list[Path]:
    """Return the photographs that are named, and those in the folders that are named, sorted."""
    from lookalike.data.pixels import SUFFIXES

    found: list[Path] = []
    for path in given:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
        if not inside:
            raise InputError(f"there is no photograph in {plain(path)}: expected some, such as 00715.jpg")
        found += inside
    return found
