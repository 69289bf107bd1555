"""New photographs as they come: in a folder, in a file that is replaced, or at an address that shows one."""

from __future__ import annotations

import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lookalike.errors import DataError, InputError
from lookalike.files import MAX_FILE_BYTES, read_file
from lookalike.text import plain

#: An address is waited for so many seconds.
_PATIENCE = 10.0


@dataclass(frozen=True)
class Arrival:
    """A photograph that has come, or why none did.

    Attributes
    ----------
    name : str
        Its file's name, or the address without what could be secret in it.
    taken : float
        When its file was written, or when it was asked for: seconds since 1970.
    data : bytes or None
        The file.
    problem : str
        Why there is none.
    """

    name: str
    taken: float
    data: bytes | None = None
    problem: str = ""


@dataclass
class Watcher:
    """Looks for new photographs.

    Parameters
    ----------
    source : str
        A folder, a file that is replaced, or an address that begins with http:// or https://.
    since : float
        Files that were written before are old: seconds since 1970.

    Examples
    --------
    >>> import tempfile
    >>> from lookalike.photo.watch import Watcher
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     watcher = Watcher(folder)
    ...     _ = (Path(folder) / "new.jpg").write_bytes(b"...")
    ...     # At first it may still be written to.
    ...     first, second, third = watcher.look(), watcher.look(), watcher.look()
    >>> first, [one.name for one in second], third
    ([], ['new.jpg'], [])
    """

    source: str
    since: float = 0.0
    _seen: dict[Path, tuple[int, int]] = field(default_factory=dict, init=False)
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        kind = urlsplit(self.source).scheme if "://" in self.source else ""
        if kind not in ("", "http", "https"):
            raise InputError(f"{plain(self.source)}: expected a folder, a file, or an http or https address")
        self._is_address = bool(kind)
        if not self._is_address and not Path(self.source).absolute().parent.is_dir():
            raise InputError(f"{plain(self.source)} is not there, nor is its folder: expected what to watch")

    @property
    def shown(self) -> str:
        """What is watched, without what could be secret in an address: who asks, and the query."""
        if not self._is_address:
            return plain(self.source)
        parts = urlsplit(self.source)
        return plain(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl())

    @property
    def is_there(self) -> bool:
        """Whether what is watched is there already; an address is asked in time."""
        return self._is_address or Path(self.source).exists()

    def look(self) -> list[Arrival]:
        """Return what has come since the last look, oldest first.

        A file is taken when it is the same at two looks: before that it may still be written to.
        """
        if self._is_address:
            return [self._fetched()]
        found = {path: now for path in self._files() if (now := _state(path)) is not None}
        whole = [path for path, now in found.items() if self._seen.get(path) == now != self._done.get(path)]
        self._seen, self._done = found, {path: now for path, now in self._done.items() if path in found}
        taken = []
        for path in sorted(whole, key=lambda path: (found[path][0], path.name)):
            self._done[path] = found[path]
            at = found[path][0] / 1e9
            if at > self.since:
                taken.append(_read(path, at))
        return taken

    def _files(self) -> list[Path]:
        """Return the files that are watched."""
        from lookalike.data.pixels import SUFFIXES

        source = Path(self.source)
        if not source.is_dir():
            return [source]
        return [
            path
            for path in source.iterdir()
            if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
        ]

    def _fetched(self) -> Arrival:
        """Return what an address shows now."""
        name, now = self.shown, time.time()
        try:
            with _opener().open(self.source, timeout=_PATIENCE) as answer:
                data = answer.read(MAX_FILE_BYTES + 1)
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            return Arrival(name, now, problem=f"{name} gives no photograph: {plain(why)}")
        except Exception as error:
            # A server can break the protocol in a dozen ways: it is asked again next time.
            return Arrival(name, now, problem=f"{name} gives no photograph: {type(error).__name__}")
        if len(data) > MAX_FILE_BYTES:
            return Arrival(name, now, problem=f"{name} gives more than {MAX_FILE_BYTES:,} bytes")
        return Arrival(name, now, data)


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to the same host only: who is watched must not choose whom this machine asks."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """Return what is asked instead."""
        asked, there = urlsplit(req.full_url), urlsplit(newurl)
        # Only http may become https: the other way what is secret would be sent in the clear.
        same = there.scheme in (asked.scheme, "https") and there.hostname == asked.hostname
        if not same or (there.port != asked.port and there.scheme == asked.scheme):
            fp.close()
            raise OSError(f"it leads to {there.scheme}://{there.netloc.rpartition('@')[2]}, another host")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_SameHost)


def _state(path: Path) -> tuple[int, int] | None:
    """Return when a file was written and how long it is; None where it is gone."""
    try:
        at = path.stat()
    except OSError:
        return None
    return at.st_mtime_ns, at.st_size


def _read(path: Path, at: float) -> Arrival:
    try:
        return Arrival(path.name, at, read_file(path, path.name, MAX_FILE_BYTES))
    except DataError as error:
        return Arrival(path.name, at, problem=str(error))
