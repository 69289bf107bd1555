"""``lookalike data``: the known sets, where they are, and getting them; images as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

import lookalike
from lookalike.cli import common
from lookalike.errors import DataError
from lookalike.text import plain

if TYPE_CHECKING:
    from lookalike.data.catalogue import KnownSet
    from lookalike.data.known import Place

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, Argument(metavar="NAME", help="A known set: see lookalike data list.")]


@app.command("list")
def list_sets(as_json: Annotated[bool, Option("--json", help="As JSON.")] = False) -> None:
    """List the known sets: what they are, their size and licence, and where they were found."""
    from lookalike.data import catalogue

    facts = [_facts(known) for known in catalogue.KNOWN]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    from lookalike.show.columns import SHOWN, WORDS, Column, Table
    from lookalike.show.terminal import FittedTable

    columns = (
        Column("name", "name", lambda fact: fact["name"], WORDS, SHOWN),
        Column("title", "what", lambda fact: fact["title"], WORDS, SHOWN, folds=True),
        Column("images", "images", lambda fact: fact["images"], WORDS, SHOWN, goes=2),
        Column("where", "where", _where_text, WORDS, SHOWN, goes=1),
        Column("licence", "licence", lambda fact: fact["licence"], WORDS, SHOWN, goes=3),
    )
    common.show([FittedTable(Table(columns, facts))])


@app.command("get")
def get(name: Name, quiet: common.Quiet = False) -> None:
    """Download a known set into the cache, unless it is here already, and say where it is."""
    from lookalike.data import known
    from lookalike.data.catalogue import known_set

    wanted = known_set(name)
    with common.progress(quiet) as progress:
        place = known.get(wanted, progress)
    typer.echo(place.path)


@app.command("path")
def path(name: Name) -> None:
    """Say where a known set is; fail where it must be downloaded first."""
    from lookalike.data import known
    from lookalike.data.catalogue import known_set

    place = known.where(known_set(name))
    if place is None:
        raise DataError(f"{name} is not here: lookalike data get {name}")
    typer.echo(place.path)


@app.command("export")
def export(
    data: common.Data,
    folder: Annotated[Path, Argument(metavar="FOLDER", help="A new folder to write.")],
    per_class: Annotated[
        int | None,
        Option("--per-class", metavar="N", min=1, help="At most so many training images of each class."),
    ] = None,
    classes: common.Classes = "",
    seed: common.Seed = 0,
    quiet: common.Quiet = False,
) -> None:
    """Write images as PNG files: FOLDER/train/CLASS/NAME.png, and the other part beside train.

    Try: lookalike data export digits crops --per-class 5
    """
    from lookalike.data.export import check_new, write_folder
    from lookalike.data.load import few_of_each

    check_new(folder)
    with common.progress(quiet) as tell:
        train, other = lookalike.load(data, classes=common.split_list(classes), seed=seed, progress=tell)
        if per_class is not None:
            train = few_of_each(train, per_class, seed)
        renamed = write_folder((train, other), folder, tell)
    common.say_notes([*train.source.notes, *renamed], quiet)
    for part in (train, other):
        where = plain((folder / part.source.part).as_posix())
        typer.echo(f"{where}\t{len(part):,} images of {len(part.class_names)} classes")


def _facts(known: KnownSet) -> dict[str, Any]:
    """Return one known set as plain data."""
    from lookalike.data.known import where

    place: Place | None = where(known)
    return {
        "name": known.name,
        "title": known.title,
        "images": known.images,
        "download_bytes": _download_bytes(known),
        "where": None if place is None else str(place.path),
        "found_in": None if place is None else place.kind,
        "licence": known.licence,
        "source": known.source,
    }


def _download_bytes(known: KnownSet) -> int:
    from lookalike.data.catalogue import known_set

    origin = known if known.derived_from is None else known_set(known.derived_from)
    return sum(file.size for file in origin.files)


def _where_text(fact: dict[str, Any]) -> str:
    if fact["where"] is None:
        return f"to download, {fact['download_bytes'] / 2**20:.0f} MB"
    return "with scikit-learn" if fact["found_in"] == "embedded" else str(fact["where"])
