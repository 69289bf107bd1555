"""What a served model was taught and forgot since its file was written: a SQLite file beside it.

Every change is on the disk before it is acknowledged (WAL, ``synchronous=FULL``), and is never changed again:
undoing one is an entry too. Whoever opens the file holds it alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import JournalError
from lookalike.files import MAX_PIXELS
from lookalike.text import plain

Kind = Literal["teach", "forget", "undo"]

#: What a journal's name adds to its model file's.
SUFFIX = ".journal"
_SCHEMA = 1
_TABLES = """
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    label TEXT,
    ids TEXT NOT NULL,
    shape TEXT,
    pixels BLOB,
    undone INTEGER
);
"""
_COLUMNS = "kind, label, ids, shape, pixels, undone"


@dataclass(frozen=True, eq=False)
class Change:
    """One thing that happened to a model.

    Attributes
    ----------
    kind : {"teach", "forget", "undo"}
        What happened.
    ids : tuple of int
        The numbers of the images that were taught or forgotten; empty where a model keeps no images.
    label : str, optional
        What was taught.
    images : ndarray of shape (n, h, w) or (n, h, w, 3), uint8, optional
        The images that were taught, as they were given.
    undone : int, optional
        The number of the entry that was undone.
    """

    kind: Kind
    ids: tuple[int, ...] = ()
    label: str | None = None
    images: NDArray[np.uint8] | None = None
    undone: int | None = None

    def row(self) -> tuple[object, ...]:
        """Return the columns that stand for it."""
        shape = pixels = None
        if self.images is not None:
            shape, pixels = json.dumps(self.images.shape), self.images.tobytes()
        return self.kind, self.label, json.dumps(self.ids), shape, pixels, self.undone

    @classmethod
    def of(cls, kind: Kind, label: str | None, ids: str, shape: str, pixels: bytes, undone: int) -> Change:
        """Return what columns stand for; they come from a file, and are checked."""
        images = None
        if kind not in ("teach", "forget", "undo") or (kind == "teach" and not isinstance(label, str)):
            raise ValueError(f"{kind!r} is no change")
        numbers = tuple(json.loads(ids))
        if not all(type(number) is int and 0 <= number < 2**62 for number in numbers):
            raise ValueError("ids are no numbers of images")
        if kind == "teach":
            sides = tuple(json.loads(shape))
            if len(sides) not in (3, 4) or not all(
                type(side) is int and 0 < side <= MAX_PIXELS for side in sides
            ):
                raise ValueError(f"{sides} is no shape of images")
            images = np.frombuffer(pixels, np.uint8).reshape(sides)
        return cls(kind, numbers, label, images, undone)


def effective(changes: Iterable[tuple[int, Change]]) -> list[tuple[int, Change]]:
    """Return the changes that count, in their order: what was undone does not, and undoing is no change."""
    held: dict[int, Change] = {}
    for number, change in changes:
        if change.kind == "undo":
            held.pop(change.undone or 0, None)
        else:
            held[number] = change
    return list(held.items())


class Journal:
    """The changes of one model, in a file or, for want of one, in memory.

    Parameters
    ----------
    path : Path or None
        Where; None keeps it in memory, which is lost with the process.
    model : str
        The SHA-256 of the model file that the changes are of; empty where there is none yet.

    Raises
    ------
    JournalError
        It is in use, is no journal, or is of another file than the one beside it.

    Examples
    --------
    >>> from lookalike.web.journal import Change, Journal
    >>> journal = Journal(None, "")
    >>> journal.write([Change("forget", (7,)), Change("undo", undone=1)])
    [1, 2]
    >>> [change.kind for _, change in journal.changes()], journal.last_id
    (['forget', 'undo'], 7)
    """

    def __init__(self, path: Path | None, model: str) -> None:
        self.path = path
        self._shown = "a journal in memory" if path is None else plain(path)
        try:
            self._base = sqlite3.connect(
                ":memory:" if path is None else path, timeout=0, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise JournalError(f"{self._shown} cannot be opened: {error}") from error
        try:
            self._open(model)
        except sqlite3.OperationalError as error:
            self._base.close()
            if "locked" in str(error):
                raise JournalError(
                    f"{self._shown} is in use: another lookalike serves this model; stop it first"
                ) from error
            raise JournalError(f"{self._shown} cannot be used: {error}") from error
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise JournalError(
                f"{self._shown} is no journal, or damaged ({error}): move it away, or take a whole copy"
            ) from error
        except BaseException:
            self._base.close()
            raise

    def _open(self, model: str) -> None:
        """Hold the file alone, make its tables, and refuse one that is of another model."""
        for setting in (
            "locking_mode=EXCLUSIVE",
            "journal_mode=WAL",
            "synchronous=FULL",
            "trusted_schema=OFF",
        ):
            self._base.execute(f"PRAGMA {setting}")
        self._base.execute("BEGIN EXCLUSIVE")
        (version,) = self._base.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA:
            raise JournalError(f"{self._shown} was written by a newer lookalike: update lookalike")
        if not version:
            for statement in _TABLES.split(";"):
                self._base.execute(statement)
            self._base.execute(f"PRAGMA user_version={_SCHEMA}")
            self._say("model", model)
        self._base.execute("COMMIT")
        self._fold(model)

    def _fold(self, model: str) -> None:
        """Drop what the model file has in it; refuse changes of another file."""
        if self._said("model") == model:
            return
        if self._said("folded") == model or not self.count:
            self._forget_all(model)
            return
        raise JournalError(
            f"{self._shown} holds {self.count:,} changes of another version of the model file beside it: put "
            "that file back, or move the journal away if the changes are not needed"
        )

    def _said(self, name: str) -> str | None:
        found = self._base.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found[0])

    def _say(self, name: str, value: str) -> None:
        self._base.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    @property
    def count(self) -> int:
        """How many changes it holds."""
        return int(self._base.execute("SELECT count(*) FROM entries").fetchone()[0])

    @property
    def last_id(self) -> int:
        """The largest number that an image ever had here; -1 where none had one."""
        taught = (json.loads(ids) for (ids,) in self._base.execute("SELECT ids FROM entries"))
        return max((max(ids) for ids in taught if ids), default=-1)

    def changes(self) -> list[tuple[int, Change]]:
        """Return all changes with their numbers, in order.

        Raises
        ------
        JournalError
            An entry is damaged.
        """
        try:
            return [
                (number, Change.of(*columns))
                for number, *columns in self._base.execute(
                    f"SELECT number, {_COLUMNS} FROM entries ORDER BY number"
                )
            ]
        except (sqlite3.DatabaseError, TypeError, ValueError) as error:
            raise JournalError(f"{self._shown} is damaged ({error}): take a whole copy of it") from error

    def write(self, changes: Sequence[Change]) -> list[int]:
        """Write changes, all or none, and return their numbers once they are on the disk.

        Raises
        ------
        JournalError
            The file cannot be written: nothing was.
        """
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                marks = ", ".join("?" * len(_COLUMNS.split(", ")))
                numbers = [
                    self._base.execute(
                        f"INSERT INTO entries ({_COLUMNS}) VALUES ({marks})", change.row()
                    ).lastrowid
                    for change in changes
                ]
                self._base.execute("COMMIT")
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalError(f"{self._shown} cannot be written ({error}): nothing was changed") from error
        return [int(number or 0) for number in numbers]

    def folding(self, model: str) -> None:
        """Note which file will hold all changes, before it takes the place of the one that does not."""
        self._say("folded", model)

    def folded(self, model: str) -> None:
        """Drop all changes: the model file has them now."""
        self._forget_all(model)

    def _forget_all(self, model: str) -> None:
        self._base.execute("BEGIN EXCLUSIVE")
        self._base.execute("DELETE FROM entries")
        self._base.execute("DELETE FROM about WHERE name = 'folded'")
        self._say("model", model)
        self._base.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file; what it holds stays."""
        self._base.close()


def count_beside(model: Path) -> int:
    """Return how many changes a model file's journal holds, 0 where there is none.

    Raises
    ------
    JournalError
        It is in use, or is no journal.
    """
    path = model.with_name(model.name + SUFFIX)
    if not path.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as base:
            return int(base.execute("SELECT count(*) FROM entries").fetchone()[0])
    except sqlite3.OperationalError as error:
        raise JournalError(f"{plain(path)} is in use ({error}): stop the lookalike that serves it") from error
    except sqlite3.DatabaseError as error:
        raise JournalError(f"{plain(path)} is no journal: move it away") from error
