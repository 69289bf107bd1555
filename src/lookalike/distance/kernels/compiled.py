"""Compiled functions: made on first use, kept on disk, no error where that fails; and which code they become.

Numba compiles a function anew for each combination of argument types, and files each in its cache under them.
So a kernel that takes a marker as its first argument has one source and one entry in the cache for each form,
and the emitters of machine code see at compile time which is meant.
"""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import codegen as _codegen
from numba.core import config as _config
from numpy.typing import NDArray

from lookalike import settings
from lookalike.errors import InputError, warn
from lookalike.text import quoted

_CONFIG: Any = _config
_CODEGEN: Any = _codegen
_LOCK = threading.RLock()


class _Waiting:
    """How long code was waited for: by whatever number of threads at once, that is as long as by one."""

    def __init__(self) -> None:
        self._lock, self._waiting, self._began, self._before = threading.Lock(), 0, 0.0, 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._waiting += 1
            if self._waiting == 1:
                self._began = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._waiting -= 1
                if not self._waiting:
                    self._before += time.perf_counter() - self._began

    def seconds(self) -> float:
        with self._lock:
            now = time.perf_counter() - self._began if self._waiting else 0.0
            return self._before + now


_waiting = _Waiting()


def seconds_waited() -> float:
    """Return for how many seconds this process has waited for code to be compiled or read from the disk."""
    return _waiting.seconds()


def _timed(compiled: Any) -> Any:
    """Return a compiled function that notes how long it takes to be ready for new types of arguments."""
    compile_for = compiled.compile

    def compile_and_note(types: Any) -> Any:
        with _waiting():
            return compile_for(types)

    compiled.compile = compile_and_note
    return compiled


class Kernel:
    """A Numba function that releases the GIL and is cached on disk.

    Numba decides by the date of one file whether a cached function is stale, and by the processor's name and
    features whether it fits. It misses edits in other files, so the cache's folder carries a hash of all
    sources of this package. It lies in ``NUMBA_CACHE_DIR`` where that is set, else in lookalike's cache
    folder; where neither can be written the code is compiled anew in each process. All arguments of the
    function are arrays, scalars or named tuples of these.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._compiled: Any = None
        #: Types of arguments that code is known for: to look for them takes longer than a small search.
        self._known: set[tuple[Any, ...]] = set()

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
                self._compiled = _timed(numba.njit(nogil=True)(self._function))
            return self._compiled(*arguments)

    def is_ready(self, *marks: Any) -> bool:
        """Return whether this process has the code for such arguments, so that a call starts at once."""
        kinds = _kind(marks)
        if kinds not in self._known:
            wanted = set(map(numba.typeof, marks))
            if self._compiled is None or not any(map(wanted.issubset, self._compiled.signatures)):
                return False
            self._known.add(kinds)
        return True

    def _cached(self) -> Any:
        """Return the function with a cache on disk, or without one where no folder can be written."""
        compiled = numba.njit(nogil=True)(self._function)
        folder = cache_folder()
        if folder is not None:
            # Numba reads where its cache is only while one is set up.
            before, _CONFIG.CACHE_DIR = _CONFIG.CACHE_DIR, os.fspath(folder)
            try:
                compiled.enable_caching()
            finally:
                _CONFIG.CACHE_DIR = before
        return _timed(compiled)


def _kind(value: Any) -> Any:
    """Return what decides by which code a value is taken; Numba's own types take longer to find."""
    if isinstance(value, np.ndarray):
        return value.dtype, value.ndim, value.flags.num
    return (type(value), *map(_kind, value)) if isinstance(value, tuple) else type(value)


def cache_folder() -> Path | None:
    """Return the folder for compiled code of these very sources, made where missing; None if it cannot be."""
    base = _CONFIG.CACHE_DIR
    root = Path(base) if base else settings.cache_folder() / "compiled"
    folder = root / f"lookalike-{_sources_hash()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        _say_not_kept(root, error.strerror or str(error))
        return None


@functools.cache
def _say_not_kept(folder: Path, reason: str) -> None:
    """Warn once that compiled code is not kept."""
    warn(
        f"{quoted(folder)} cannot be written ({reason}): code is compiled anew in each process; say in "
        "LOOKALIKE_CACHE which folder can be"
    )


@functools.cache
def _sources_hash() -> str:
    """Return a hash of every source file that can change what is compiled."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


# The markers: L1 by AVX2's byte-SAD, squared L2 by its multiply-and-add, deformable sums in 16 and in 32 bits
# by its multiply-and-add of bytes; each of them also in vectors that any processor's compiler can lower.
L1Avx2 = namedtuple("L1Avx2", "mark")
L1Portable = namedtuple("L1Portable", "mark")
L2Avx2 = namedtuple("L2Avx2", "mark")
L2Portable = namedtuple("L2Portable", "mark")
Short = namedtuple("Short", "mark")
ShortPortable = namedtuple("ShortPortable", "mark")
Long = namedtuple("Long", "mark")
LongPortable = namedtuple("LongPortable", "mark")
#: What is summed -> the marker of its form with AVX2, and of the portable one.
_VARIANTS: dict[str, tuple[Any, Any]] = {
    "l1": (L1Avx2(0), L1Portable(0)),
    "l2": (L2Avx2(0), L2Portable(0)),
    "deform16": (Short(0), ShortPortable(0)),
    "deform32": (Long(0), LongPortable(0)),
}


def variant_of(what: str) -> Any:
    """Return the marker for a sum on this processor, by the settings of now."""
    return _chosen(what, os.environ.get("LOOKALIKE_SIMD"))


@functools.cache
def _chosen(what: str, setting: str | None) -> Any:
    """Return the same; it is chosen anew only where the setting changes."""
    return _VARIANTS[what][0 if settings.simd() and "avx2" in processor_features() else 1]


# Asking the host takes a millisecond, as long as a search among a few images, and it stays the same.
@functools.cache
def processor_features() -> frozenset[str]:
    """Return the names of the instruction sets that Numba compiles for: the host's, less those turned off.

    ``NUMBA_CPU_FEATURES`` wins over the host, because code with an instruction that the compiler believes to
    be missing aborts the process.
    """
    flags = _CONFIG.CPU_FEATURES
    flags = _CODEGEN.get_host_cpu_features() if flags is None else flags
    return frozenset(flag[1:] for flag in flags.split(",") if flag.startswith("+"))


def checked_k(k: object, most: int, what: str) -> int:
    """Return how many of ``most`` are asked for, refusing what is no such number."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or not 1 <= k <= most:
        raise InputError(f"k is {k!r}: expected a whole number from 1 to the {most} {what}")
    return int(k)


def read_only(array: Any, kind: Any = None) -> NDArray[Any]:
    """Return an array in C order for the kernels, read-only, for Numba compiles anew where that differs."""
    view = np.ascontiguousarray(array, kind).view(np.ndarray)[:]
    view.flags.writeable = False
    return view
