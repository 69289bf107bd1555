"""What learning with torch needs: torch itself, and a single thread of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lookalike.errors import MissingExtraError


def need_torch(what: str) -> None:
    """Say which extra is missing, where torch is not there.

    Raises
    ------
    MissingExtraError
        torch is not installed.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f'{what} needs torch: pip install "lookalike[torch]"') from error


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch use one thread of the processor meanwhile.

    Batches of small images are too little work to share: handing it out takes longer than doing it, by far
    where the processor is busy. And sums of floats depend on how they are split.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
