"""What the environment says when it is asked, so that a test or a notebook can change it."""

from __future__ import annotations

import os
from pathlib import Path

from lookalike.errors import InputError

_FALSE = {"", "0", "false", "no", "off"}


def data_folder() -> Path | None:
    """Return the folder of known sets that ``LOOKALIKE_DATA`` names, or None where it is not set."""
    value = os.environ.get("LOOKALIKE_DATA", "")
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Return the folder for downloads and compiled code: ``LOOKALIKE_CACHE``, or the platform's own place."""
    value = os.environ.get("LOOKALIKE_CACHE", "")
    if value:
        return Path(value).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("lookalike"))


def models_folder() -> Path:
    """Return where models are kept that were made while serving: the platform's place for a user's data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("lookalike")) / "models"


def offline() -> bool:
    """Return whether ``LOOKALIKE_OFFLINE`` forbids the network."""
    return os.environ.get("LOOKALIKE_OFFLINE", "").strip().lower() not in _FALSE


def threads() -> int:
    """Return ``LOOKALIKE_THREADS``, else ``OMP_NUM_THREADS``, else the number of processors to be used."""
    value = os.environ.get("LOOKALIKE_THREADS", "").strip()
    if value:
        if not value.isdecimal() or int(value) < 1:
            raise InputError(f"LOOKALIKE_THREADS is {value!r}: expected a whole number of at least 1")
        return int(value)
    omp = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if omp.isdecimal() and int(omp) >= 1:
        return int(omp)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def simd() -> bool:
    """Return whether kernels may use what this processor alone can do: not if ``LOOKALIKE_SIMD=portable``."""
    value = os.environ.get("LOOKALIKE_SIMD", "").strip().lower()
    if value not in ("", "auto", "portable"):
        raise InputError(f"LOOKALIKE_SIMD is {value!r}: expected 'auto' or 'portable'")
    return value != "portable"


def check() -> None:
    """Refuse settings that cannot be used, before work begins that would fail piece by piece."""
    threads()
    simd()
