"""``lookalike read``: the value on photographs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from lookalike.cli import common
from lookalike.cli.cut import Layout, Photographs, photographs_in
from lookalike.errors import DataError, InputError
from lookalike.text import csv_cell, plain
from lookalike.text import field as tabbed

if TYPE_CHECKING:
    from lookalike.photo.history import Keeper
    from lookalike.photo.reader import PhotoReading, Reader

History = Annotated[
    Path | None,
    Option(
        "--history",
        metavar="FILE",
        help="Keep values in this SQLite file, and hold new ones against those before; rejected ones are "
        "not kept. Photographs count as taken when their files were written, and are read in that order.",
    ),
]
Increasing = Annotated[bool, Option("--increasing", help="The value never decreases: needs --history.")]
MostAnHour = Annotated[
    float | None,
    Option("--most-an-hour", metavar="N", help="The value grows by no more than this an hour."),
]
Fill = Annotated[
    bool,
    Option("--fill", help="Fill a doubtful place where the history leaves one character, and mark it."),
]
Sure = Annotated[
    float | None, Option("--sure", metavar="P", help="Reject places that are less likely than this.")
]
Explain = Annotated[
    bool, Option("--explain", help="Say on standard error what each value rests on, place by place.")
]


def read(
    model: common.Model,
    layout: Layout,
    photographs: Photographs,
    history: History = None,
    increasing: Increasing = False,
    most_an_hour: MostAnHour = None,
    fill: Fill = False,
    sure: Sure = None,
    picture: Annotated[
        Path | None,
        Option("--picture", metavar="FILE", help="Draw what was read on the photograph, into this PNG."),
    ] = None,
    explain: Explain = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Read the value on photographs.

    Prints a line a photograph, with tabs between: its name, the value, and for a rejected one why: the whole
    value is rejected where one place is doubtful. Try: lookalike read meter.lookalike layout.json photo.jpg
    """
    common.check_one_format(as_json, as_csv)
    found = photographs_in(photographs)
    if picture and len(found) != 1:
        raise InputError("--picture draws one photograph: expected one")
    common.check_file("--picture", picture, [model, layout, *found], (".png",))
    reader = opened(model, layout, sure)
    keeper = kept(reader, history, increasing, most_an_hour, fill)
    if keeper:
        # Values are held against those before: each photograph comes after the ones that were taken earlier.
        found.sort(key=lambda path: (path.stat().st_mtime, path.name))
    readings = []
    with common.progress(quiet, bar=False):
        for path in found:
            if picture:
                reading, drawing = reader.picture(path)
                common.write("picture", picture, drawing, quiet)
            else:
                reading = _read(reader, path, alone=len(found) == 1)
            if keeper:
                reading = keeper.hold(reading, path.stat().st_mtime)
            readings.append(reading)
            if explain:
                say_why(reading)
            if not (as_json or as_csv):
                typer.echo(line(reading))
    if as_json:
        typer.echo(json.dumps([reading.to_plain() for reading in readings], indent=2))
    elif as_csv:
        typer.echo(_csv(readings), nl=False)


def _read(reader: Reader, path: Path, alone: bool) -> PhotoReading:
    """Return what a photograph says; one of several that is none is rejected, and the others are read."""
    try:
        return reader.read(path)
    except DataError as error:
        if alone:
            raise
        return reader.unread(str(path), str(error))


def opened(model: Path, layout: Path, sure: float | None) -> Reader:
    """Return what reads photographs."""
    kept, _ = common.recogniser(model)
    from lookalike.photo.reader import SURE, Reader

    return Reader(kept, layout, sure=SURE if sure is None else sure)


def kept(
    reader: Reader, history: Path | None, increasing: bool, most_an_hour: float | None, fill: bool
) -> Keeper | None:
    """Return what holds values against those before, where a history is asked for."""
    if history is None:
        if increasing or most_an_hour is not None or fill:
            raise InputError(
                "--increasing, --most-an-hour and --fill hold values against those before: add --history"
            )
        return None
    from lookalike.photo.history import Keeper, ValueHistory
    from lookalike.photo.rules import Rules

    rules = Rules(increasing=increasing, most_an_hour=most_an_hour, fill=fill)
    return Keeper(reader.layout, ValueHistory(history), rules)


def line(reading: PhotoReading) -> str:
    """Return a reading as a line: a rejected one has what was seen of it, and why."""
    if reading.value is not None:
        return (
            f"{tabbed(reading.photograph)}\t{reading.value}{' ' * bool(reading.unit)}{tabbed(reading.unit)}"
        )
    return f"{tabbed(reading.photograph)}\trejected\t{reading.seen}\t{tabbed('; '.join(reading.reasons))}"


def say_why(reading: PhotoReading) -> None:
    """Say what a value rests on, place by place."""
    for place in reading.places:
        how = "filled from the history" if place.filled else f"probability {place.probability:.3f}"
        why = f"; doubtful: {place.doubt}" if place.doubt else ""
        common.say(f"  {place.name}: {plain(place.character)}, {how}{why}")
    for text in (*reading.rules, *reading.reasons):
        common.say(f"  {text}")


def _csv(readings: list[PhotoReading]) -> str:
    """Return readings as a CSV, harmless to spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("photograph", "value", "unit", "seen", "rejected", "reasons"))
    for one in readings:
        cells = (one.photograph, one.value or "", one.unit, one.seen, one.rejected, "; ".join(one.reasons))
        writer.writerow(csv_cell(cell) for cell in cells)
    return out.getvalue()
