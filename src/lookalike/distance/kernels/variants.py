"""Which machine code a kernel becomes: the metric and the instruction set, as types.

Numba compiles a function anew for each combination of argument types, and files each in its cache under
them. So a kernel that takes one of these markers as its first argument has one source and one entry in the
cache for each of them, and the emitters of machine code see at compile time which is meant.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from lookalike import settings


class L1Avx2(NamedTuple):
    """Sum of absolute differences by the byte-SAD instruction of AVX2."""

    mark: int = 0


class L1Portable(NamedTuple):
    """Sum of absolute differences in vectors that any processor's compiler can lower."""

    mark: int = 0


class L2Avx2(NamedTuple):
    """Squared L2 by AVX2's multiply-and-add."""

    mark: int = 0


class L2Portable(NamedTuple):
    """Squared L2 in vectors that any processor's compiler can lower."""

    mark: int = 0


Variant = L1Avx2 | L1Portable | L2Avx2 | L2Portable


def variant_of(metric: str) -> Variant:
    """Return the marker for ``metric`` (``"l1"`` or ``"l2"``) on this processor, by the settings of now."""
    if settings.simd() and "avx2" in processor_features():
        return L1Avx2() if metric == "l1" else L2Avx2()
    return L1Portable() if metric == "l1" else L2Portable()


def processor_features() -> frozenset[str]:
    """Return the names of the instruction sets that Numba compiles for: the host's, less those turned off.

    ``NUMBA_CPU_FEATURES`` wins over the host, because code with an instruction that the compiler believes to
    be missing aborts the process.

    Examples
    --------
    >>> from lookalike.distance.kernels.variants import processor_features
    >>> all(name == name.strip() for name in processor_features())
    True
    """
    from numba.core import config

    numba_config: Any = config
    flags: str | None = numba_config.CPU_FEATURES
    flags = _host_flags() if flags is None else flags
    return frozenset(flag[1:] for flag in flags.split(",") if flag.startswith("+"))


# Asking the host takes a millisecond, as long as a search among a few images, and it stays the same.
@cache
def _host_flags() -> str:
    from numba.core import codegen

    numba_codegen: Any = codegen
    flags: str = numba_codegen.get_host_cpu_features()
    return flags
