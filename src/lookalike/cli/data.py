"""``lookalike data``: the known sets, where they are, and getting them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.cli import common

if TYPE_CHECKING:
    from lookalike.data.catalogue import KnownSet
    from lookalike.data.known import Place

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="A known set: see lookalike data list.")]


@app.command("list")
def list_sets(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the known sets: what they are, their size and licence, and where they were found."""
    from lookalike.data import catalogue

    facts = [_facts(known) for known in catalogue.KNOWN]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    from rich.text import Text

    from lookalike.picture.columns import Column, FittedTable
    from lookalike.picture.text import plain

    def column(header: str, cells: list[str], goes: int = 0) -> Column:
        return Column(header, [Text(plain(cell)) for cell in cells], goes, left=True, folds=header == "what")

    columns = [
        column("name", [fact["name"] for fact in facts]),
        column("what", [fact["title"] for fact in facts]),
        column("images", [fact["images"] for fact in facts], goes=2),
        column("where", [_where_text(fact) for fact in facts], goes=1),
        column("licence", [fact["licence"] for fact in facts], goes=3),
    ]
    common.show([FittedTable(columns)])


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
    from lookalike.errors import DataError

    place = known.where(known_set(name))
    if place is None:
        raise DataError(f"{name} is not here: lookalike data get {name}")
    typer.echo(place.path)


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
