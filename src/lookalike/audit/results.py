"""What takes long is worked out block by block, and lies in memory or in a folder, where an audit goes on.

In a folder each result is rows in files, one block behind the other, and beside them a note: of how many
the result is, and what it follows from. It is written before the first rows, and again after each block;
what lies behind those that it tells of was not finished, and is written over. Of other images or of another
version, a result is made anew. A file of rows without a note is somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lookalike
from lookalike.data.labelled import LabelledImages
from lookalike.distance.mapped import let_go
from lookalike.errors import DataError
from lookalike.files import alone, write_whole
from lookalike.progress import Progress, silent
from lookalike.search.matches import Places
from lookalike.text import quoted

#: So many rows are worked on at once, and noted when they are done.
BLOCK = 8192
_SCHEMA = 1
#: What a folder may hold beside notes: rows that have one, and the folder of images that were read for them.
_ROWS = re.compile(r"([a-z]+(-[a-z0-9]+)*)-\d+\.bytes")

Arrays = tuple[NDArray[Any], ...]


class RowKind(NamedTuple):
    """What the rows of a result are like."""

    dtype: type[np.generic]
    shape: tuple[int, ...]  # of one row

    @property
    def width(self) -> int:
        """How many bytes a row takes."""
        return np.dtype(self.dtype).itemsize * math.prod(self.shape)


@dataclass(frozen=True)
class Results:
    """Where results are kept: in memory, or in a folder.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.audit.results import RowKind, Results
    >>> squares = lambda rows: (np.arange(rows.start, rows.stop) ** 2,)
    >>> Results().rows("squares", 4, [RowKind(np.int64, ())], squares)
    (array([0, 1, 4, 9]),)
    """

    folder: Path | None = None  # None: in memory
    of: str = ""  # what all results follow from

    @classmethod
    def at(cls, folder: str | os.PathLike[str] | None, parts: Sequence[LabelledImages]) -> Results:
        """Return where the results of an audit of some images are kept.

        Raises
        ------
        DataError
            The folder cannot be written, or holds what no audit wrote.
        """
        if folder is None:
            return cls()
        path = own_folder(folder)
        digest = hashlib.sha256(f"{_SCHEMA} {lookalike.__version__}".encode())
        for part in parts:
            digest.update(f"\n{part.images.shape} {part.images.dtype.str}\n".encode())
            for rows in blocks(len(part), part.images):
                digest.update(np.ascontiguousarray(part.images[rows]).data)
            digest.update(repr(part.labels.tolist()).encode("utf-8", "surrogatepass"))
        return cls(path, digest.hexdigest())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let no other audit work in the folder.

        Raises
        ------
        BusyError
            Another one did for five minutes.
        """
        with nullcontext() if self.folder is None else alone(self.folder / "audit"):
            yield

    def also_of(self, *more: object) -> Results:
        """Return the same for results that follow from something else too."""
        whole = hashlib.sha256(self.of.encode())
        for one in more:
            whole.update(one.tobytes() if isinstance(one, np.ndarray) else repr(one).encode())
        return replace(self, of=whole.hexdigest()) if self.folder is not None else self

    def rows(self, name: str, n: int, like: Sequence[RowKind], make: Callable[[slice], Arrays]) -> Arrays:
        """Return arrays of ``n`` rows, of which ``make`` returns those of a block.

        In a folder they are memory maps, and what is there of them already is not made again.
        """
        if self.folder is None:
            arrays = tuple(np.empty((n, *one.shape), one.dtype) for one in like)
            for rows in blocks(n):
                for array, made in zip(arrays, make(rows), strict=True):
                    array[rows] = made
            return arrays
        note = self.folder / f"{name}.json"
        paths = [self.folder / f"{name}-{i}.bytes" for i in range(len(like))]
        of = hashlib.sha256(repr((self.of, name, n, BLOCK, like)).encode()).hexdigest()
        done = _done(note, of, n, [*zip(paths, (one.width for one in like), strict=True)])
        self._check_room(paths[0], (n - done) * sum(one.width for one in like))
        if not done:
            _write_note(note, of, 0)
            for path in paths:
                path.unlink(missing_ok=True)  # others may still read the old ones
        with ExitStack() as opened:
            files = [opened.enter_context(path.open("r+b" if done else "xb")) for path in paths]
            for file, one in zip(files, like, strict=True):
                file.truncate(done * one.width)
                file.seek(0, os.SEEK_END)
            for rows in blocks(n, start=done):
                for file, made, one in zip(files, make(rows), like, strict=True):
                    file.write(np.ascontiguousarray(made, one.dtype).data)
                    file.flush()
                    os.fsync(file.fileno())
                _write_note(note, of, rows.stop)
        return tuple(
            np.memmap(path, one.dtype, "r", shape=(n, *one.shape))
            for path, one in zip(paths, like, strict=True)
        )

    def _check_room(self, path: Path, needed: int) -> None:
        free = shutil.disk_usage(path.parent).free
        if needed > free:
            raise DataError(
                f"{quoted(path)} needs {needed:,} bytes more, and {free:,} are free there: name a folder "
                "elsewhere, or give --limit"
            )


#: Nothing is written.
MEMORY = Results()


def own_folder(folder: str | os.PathLike[str]) -> Path:
    """Return a folder for results and nothing else, made where it is not there.

    Raises
    ------
    DataError
        It cannot be written, or holds what no audit wrote.
    """
    path = Path(folder).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
        strange = sorted(name for name in os.listdir(path) if not _is_ours(path / name))
    except OSError as error:
        said = "it is a file" if path.is_file() else error.strerror
        raise DataError(f"{quoted(path)} cannot be written into: {said}; name a new folder") from error
    if strange:
        raise DataError(f"{quoted(path)} holds {quoted(strange[0])}, which no audit wrote: name a new folder")
    return path


def _is_ours(path: Path) -> bool:
    """Return whether an audit may have written a file or folder: by what its note says, or by its name."""
    rows = _ROWS.fullmatch(path.name)
    if rows is None and path.suffix != ".json":
        return path.name == "images" or path.name.startswith(".")
    try:
        said = json.loads((path.with_name(f"{rows[1]}.json") if rows else path).read_bytes())
        return bool(said.keys() == {"of", "rows"})
    except (OSError, ValueError, AttributeError, RecursionError):
        return False


def _write_note(note: Path, of: str, rows: int) -> None:
    write_whole(note, json.dumps({"of": of, "rows": rows}).encode())


def _done(note: Path, of: str, n: int, files: Sequence[tuple[Path, int]]) -> int:
    """Return how many rows of a result are there, by its note; none where it is of anything else."""
    try:
        said = json.loads(note.read_bytes())
        done = said["rows"] if said["of"] == of else 0
        there = min(path.stat().st_size // width for path, width in files)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return 0
    return done if type(done) is int and 0 <= done <= min(n, there) else 0


def blocks(n: int, *images: NDArray[Any], start: int = 0) -> Iterator[slice]:
    """Yield ``n`` rows block by block; behind each, what was read of files into memory is let go."""
    for first in range(start, n, BLOCK):
        yield slice(first, min(first + BLOCK, n))
        for one in images:
            let_go(one)


def part_of(progress: Progress, rows: slice, n: int) -> Progress:
    """Return a progress that tells of a block as a part of ``n`` rows."""

    def told(what: str, done: int, total: int | None) -> None:
        if total and not what.startswith("compiling"):
            done, total = rows.start + (rows.stop - rows.start) * done // total, n
        progress(what, done, total)

    return told


def searched(
    results: Results,
    name: str,
    matcher: Any,
    images: NDArray[Any],
    k: int,
    *,
    exclude: Places | None = None,
    progress: Progress = silent,
) -> tuple[Places, NDArray[np.float64]]:
    """Return places and distances ``(n, k)`` of what a matcher keeps that is nearest to images."""

    def search(rows: slice) -> Arrays:
        gone = None if exclude is None else exclude[rows]
        told = part_of(progress, rows, len(images))
        found = matcher.match(images[rows], k, exclude=gone, reach=1.0, progress=told)
        let_go(images)
        return found.places, found.distances

    places, distances = results.rows(
        name, len(images), [RowKind(np.int64, (k,)), RowKind(np.float64, (k,))], search
    )
    return places, distances
