"""A few threads that answer, a line before them that is not endless, and what takes longer than one waits."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar, TypeVarTuple

from lookalike.errors import BusyError

T = TypeVar("T")
Given = TypeVarTuple("Given")
#: So many seconds one waits for what is made once; of many images some takes longer.
PATIENCE = 5.0


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


class Later(Generic[T]):
    """Things by name, each made once when it is first asked for, in a thread of its own.

    Parameters
    ----------
    made : mapping of str, optional
        What is there already.
    """

    def __init__(self, made: Mapping[str, T] | None = None) -> None:
        self._made = dict(made or {})
        self._making: dict[str, Future[T]] = {}
        self._lock = threading.Lock()

    def made(self) -> dict[str, T]:
        """Return what is there."""
        with self._lock:
            return dict(self._made)

    def get(self, name: str, make: Callable[[], T]) -> T:
        """Return what a name stands for.

        Raises
        ------
        BusyError
            It is being made, and takes longer than one waits; it will be there later.
        """
        with self._lock:
            if name in self._made:
                return self._made[name]
            if name not in self._making:
                self._making[name] = Future()
                threading.Thread(target=self._make, args=(name, make), daemon=True).start()
            making = self._making[name]
        try:
            return making.result(PATIENCE)
        except TimeoutError:
            raise BusyError(f"{name} takes a while to be made ready: try again in a moment") from None

    def _make(self, name: str, make: Callable[[], T]) -> None:
        """Make something; whoever waits for it need not wait to the end."""
        making = self._making[name]
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[name]
            making.set_exception(error)
            return
        with self._lock:
            self._made[name] = made
        making.set_result(made)
