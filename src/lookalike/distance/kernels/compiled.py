"""Compiled functions: made on first use, kept on disk, and no error where the folder cannot be written."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core import config as _config

from lookalike import settings

_CONFIG: Any = _config
_LOCK = threading.RLock()


class Kernel:
    """A Numba function that releases the GIL and is cached on disk.

    Numba decides by the date of one file whether a cached function is stale, and by the processor's name and
    features whether it fits. It misses edits in other files, so the cache's folder carries a hash of all
    sources of this package. It lies in ``NUMBA_CACHE_DIR`` where that is set, else in lookalike's cache
    folder; where neither can be written the code is compiled anew in each process.

    Parameters
    ----------
    function : callable
        What to compile. All of its arguments are arrays, scalars or named tuples of these.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._compiled: Any = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the function, compiling it where this is its first call with such types."""
        if self._compiled is None:
            with _LOCK:
                if self._compiled is None:
                    self._compiled = self._cached()
        try:
            return self._compiled(*arguments)
        except OSError:  # only the cache touches files: it was taken away, or its disk is full
            with _LOCK:
                self._compiled = numba.njit(nogil=True)(self._function)
            return self._compiled(*arguments)

    def is_ready(self, variant: Any) -> bool:
        """Return whether this process has the code for a variant, so that a call starts at once."""
        typeof: Any = numba.typeof
        mark = typeof(variant)
        return self._compiled is not None and any(mark in types for types in self._compiled.signatures)

    def _cached(self) -> Any:
        """Return the function with a cache on disk, or without one where no folder can be written."""
        compiled = numba.njit(nogil=True)(self._function)
        folder = cache_folder()
        if folder is not None:
            with _numba_cache(folder):
                compiled.enable_caching()
        return compiled


def cache_folder() -> Path | None:
    """Return the folder for compiled code of these very sources, made where missing; None if it cannot be."""
    base = _CONFIG.CACHE_DIR
    root = Path(base) if base else settings.cache_folder() / "compiled"
    folder = root / f"lookalike-{_sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        return None


@functools.cache
def _sources_hash() -> str:
    """Return a hash of every source file that can change what is compiled."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def _numba_cache(folder: Path) -> Iterator[None]:
    """Point Numba at ``folder`` while a function's cache is set up: it reads its configuration only then."""
    before = _CONFIG.CACHE_DIR
    _CONFIG.CACHE_DIR = os.fspath(folder)
    try:
        yield
    finally:
        _CONFIG.CACHE_DIR = before
