"""Our own threads: chunks of work that release the GIL, run side by side, stopped by Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from lookalike import settings

Chunk = TypeVar("Chunk")


def run_chunks(
    work: Callable[[Chunk], Iterable[object]],
    chunks: Sequence[Chunk],
    threads: int | None = None,
    tell: Callable[[int], object] = lambda done: None,
) -> None:
    """Run ``work`` on each chunk on at most ``threads`` threads (None: as set), the calling one among them.

    Chunks are started in order, each on whichever thread is free. Work on a chunk is a generator that yields
    between short steps, a tenth of a second each or less. The calling thread works too, so an interrupt
    reaches it between two steps; when it is interrupted, or any chunk fails, all threads stop after the step
    they are at, and the error is raised.

    ``work`` runs on several threads at once. ``tell`` is called by the calling thread alone, with the number
    of chunks that are done: after each of its own chunks, and at the end with all of them.
    """
    count = max(1, min(settings.threads() if threads is None else threads, len(chunks)))
    team = _Team(work, iter(chunks))
    helpers = [threading.Thread(target=team.help, daemon=True) for _ in range(count - 1)]
    try:
        for helper in helpers:
            helper.start()
        while team.step():
            tell(team.done)
    except BaseException:
        team.stopped = True
        raise
    finally:
        for helper in helpers:
            if helper.ident is not None:  # else it was never started
                helper.join()
    if team.error is not None:
        raise team.error
    tell(team.done)


class _Team:
    """What the threads share: the chunks that are left, the count of those done, the first error."""

    def __init__(self, work: Callable[[Chunk], Iterable[object]], chunks: Iterator[Chunk]) -> None:
        self._work, self._chunks, self._lock = work, chunks, threading.Lock()
        self.done, self.stopped = 0, False
        self.error: BaseException | None = None

    def step(self) -> bool:
        """Work on the next chunk; return False where there is none or work has stopped."""
        with self._lock:
            if self.stopped:
                return False
            try:
                chunk = next(self._chunks)
            except StopIteration:
                return False
        for _ in self._work(chunk):
            if self.stopped:
                return False
        with self._lock:
            self.done += 1
        return True

    def help(self) -> None:
        """Work until nothing is left, and keep an error for the calling thread."""
        try:
            while self.step():
                pass
        except BaseException as error:
            self.error, self.stopped = error, True
