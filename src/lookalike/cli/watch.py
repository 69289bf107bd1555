"""``lookalike watch``: the value on each new photograph, as it comes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.cli.cut import Layout
from lookalike.cli.read import Explain, Fill, History, Increasing, MostAnHour, Sure, kept, opened, say_why
from lookalike.errors import DataError, InputError
from lookalike.text import plain

if TYPE_CHECKING:
    from lookalike.photo.history import Keeper
    from lookalike.photo.reader import PhotoReading, Reader
    from lookalike.photo.watch import Arrival
    from lookalike.web.uncertain import Uncertain

#: So many doubtful photographs are kept: they are larger than crops.
_MOST = 200


def watch(
    model: common.Model,
    layout: Layout,
    source: Annotated[
        str,
        Argument(metavar="SOURCE", help="A folder, a file that is replaced, or the URL of a snapshot."),
    ],
    every: Annotated[
        float, Option("--every", metavar="SECONDS", min=0.1, help="How often to look for a new one.")
    ] = 60.0,
    history: History = None,
    increasing: Increasing = False,
    most_an_hour: MostAnHour = None,
    fill: Fill = False,
    sure: Sure = None,
    keep_doubtful: Annotated[
        str | None,
        Option(
            "--keep-doubtful",
            metavar="DIR",
            help=f"Keep rejected photographs in this folder, each with why: the last {_MOST}.",
        ),
    ] = None,
    explain: Explain = False,
    quiet: common.Quiet = False,
) -> None:
    """Read each new photograph, and print a line of JSON for it, until interrupted.

    A photograph that cannot be read or fetched has a line too, and the next one is waited for. With --history
    nothing is read twice after a restart. Try: lookalike watch meter.lookalike layout.json photos --every 60
    """
    from lookalike.photo.watch import Watcher

    watcher = Watcher(source)
    reader = opened(model, layout, sure)
    keeper = kept(reader, history, increasing, most_an_hour, fill)
    if keeper and (last := keeper.history.last()):
        watcher.since = last.taken
    doubtful = None if keep_doubtful is None else _folder(keep_doubtful)
    shown = watcher.shown if watcher.is_there else f"{watcher.shown}, which is not there yet"
    common.say(f"watching {shown}, every {every:g} seconds; Ctrl-C ends it", quiet)
    while True:
        for arrival in watcher.look():
            with common.warned(quiet):
                reading = _reading(reader, keeper, arrival)
            when = datetime.fromtimestamp(arrival.taken, UTC).isoformat(timespec="seconds")
            typer.echo(json.dumps({"taken": when, **reading.to_plain()}, allow_nan=False))
            if explain:
                say_why(reading)
            if doubtful is not None and reading.rejected and arrival.data is not None:
                _keep(doubtful, layout, arrival, reading)
        time.sleep(every)


def _reading(reader: Reader, keeper: Keeper | None, arrival: Arrival) -> PhotoReading:
    """Return what a photograph says; one that cannot be read is rejected with its reason."""
    try:
        if arrival.data is None:
            raise DataError(arrival.problem)
        reading = reader.read(arrival.data, arrival.name)
    except DataError as error:
        return reader.unread(arrival.name, str(error))
    return keeper.hold(reading, arrival.taken) if keeper else reading


def _folder(folder: str) -> Uncertain:
    """Return where doubtful photographs are kept."""
    from lookalike.web.uncertain import Uncertain

    if not folder.strip():
        raise InputError("--keep-doubtful is empty: expected a folder's name, such as doubtful")
    try:
        return Uncertain(Path(folder), _MOST, newest=True)
    except OSError as error:
        raise InputError(
            f"--keep-doubtful {plain(folder)} cannot be written ({error.strerror or error}): name another "
            "folder"
        ) from error


def _keep(doubtful: Uncertain, layout: Path, arrival: Arrival, reading: PhotoReading) -> None:
    """Keep a photograph and why it was rejected, where it can be decoded."""
    from lookalike.photo.layout import read_photograph

    try:
        photograph = read_photograph(arrival.data or b"", arrival.name)
    except DataError:
        return
    answer: dict[str, Any] = {**reading.to_plain(), "probability": None, "nothing": False}
    doubtful.note(layout.stem, photograph[None], [answer], [arrival.name])
