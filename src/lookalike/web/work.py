"""A few threads that answer, and a line before them that is not endless."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from lookalike.errors import BusyError

T = TypeVar("T")
Given = TypeVarTuple("Given")


class Work:
    """Runs what computes in threads, and refuses what would wait behind too many others.

    Parameters
    ----------
    threads : int
        How many things are done at once.
    waiting : int
        How many may wait.
    """

    def __init__(self, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="lookalike-work")
        self._most = threads + waiting
        #: How many things are being done or wait.
        self.held = 0

    async def __call__(self, do: Callable[[*Given], T], *given: *Given) -> T:
        """Return what a function returns, once a thread was free for it.

        Raises
        ------
        BusyError
            Too many wait already.
        """
        if self.held >= self._most:
            raise BusyError(f"{self._most} requests are being answered or wait: try again in a moment")
        loop = asyncio.get_running_loop()
        running: Future[T] = self._pool.submit(do, *given)
        self.held += 1
        # Whoever asked may have gone: the thread is busy until the work is done.
        running.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(running)

    def _done(self) -> None:
        self.held -= 1

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
