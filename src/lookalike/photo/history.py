"""The values that were read, in a SQLite file: what new ones are held against."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from lookalike.errors import InputError
from lookalike.photo.layout import PhotoLayout
from lookalike.photo.reader import PhotoReading
from lookalike.photo.rules import Kept, Rules
from lookalike.text import plain

#: By this SQLite tells the file from other databases ("look"), and this is how its table is made.
_OURS, _VERSION = 0x6C6F6F6B, 1
_TABLE = """
CREATE TABLE readings (
    taken REAL NOT NULL, value TEXT NOT NULL, unit TEXT NOT NULL,
    photograph TEXT NOT NULL, rules TEXT NOT NULL
)
"""
#: So many seconds another process is waited for that writes.
_WAIT = 30.0


class ValueHistory:
    """Values in a SQLite file, which is made where it is not there; rejected readings are none.

    Parameters
    ----------
    path : Path
        The file. Its table ``readings`` has ``taken`` (seconds since 1970), ``value``, ``unit``,
        ``photograph`` and ``rules``.

    Raises
    ------
    InputError
        The file is no history of lookalike.

    Examples
    --------
    >>> import tempfile
    >>> from lookalike.photo.history import ValueHistory
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ValueHistory(Path(folder) / "meter.db").last() is None
    True
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._changing() as base:
            ours = base.execute("PRAGMA application_id").fetchone()[0]
            tables = base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if ours == 0 and tables == 0:
                base.execute(_TABLE)
                base.execute(f"PRAGMA application_id = {_OURS}")
                base.execute(f"PRAGMA user_version = {_VERSION}")
            elif ours != _OURS or base.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                raise InputError(f"{plain(path)} is another database: expected a history of this lookalike")

    def last(self) -> Kept | None:
        """Return the last value, if there is one."""
        with self._changing() as base:
            return _last(base)

    def hold(self, layout: PhotoLayout, reading: PhotoReading, taken: float, rules: Rules) -> PhotoReading:
        """Return a reading held against the last value by rules; one with a value is kept."""
        with self._changing() as base:
            # Between reading the last value and writing the next one nobody else writes.
            held = rules.hold(layout, reading, taken, _last(base))
            if held.value is not None:
                row = (taken, held.value, held.unit, held.photograph, "; ".join(held.rules))
                base.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?)", row)
            return held

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Give the file to one alone, and write all that was changed, or nothing."""
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAIT, isolation_level=None)) as base:
                base.execute("BEGIN IMMEDIATE")
                try:
                    yield base
                except BaseException:
                    base.execute("ROLLBACK")
                    raise
                base.execute("COMMIT")
        except sqlite3.Error as error:
            raise InputError(
                f"{plain(self._path)} cannot be used as a history ({error}): name another file"
            ) from error


def _last(base: sqlite3.Connection) -> Kept | None:
    row = base.execute("SELECT value, taken FROM readings ORDER BY taken DESC, rowid DESC LIMIT 1").fetchone()
    if row is None:
        return None
    try:
        return Kept(Decimal(row[0]), float(row[1]))
    except (InvalidOperation, TypeError, ValueError):
        raise InputError("the history's last value is no number: mend it, or begin another") from None


@dataclass(frozen=True)
class Keeper:
    """Holds readings against a history by rules, and keeps those that stand."""

    layout: PhotoLayout
    history: ValueHistory
    rules: Rules

    def hold(self, reading: PhotoReading, taken: float) -> PhotoReading:
        """Return a reading, taken at some time, as the rules leave it."""
        return self.history.hold(self.layout, reading, taken, self.rules)
