"""How long work tells of itself: libraries never print, they call back."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a caller may pass to hear of progress."""

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Take note that ``done`` of ``total`` parts of ``what`` are done (total None: not known)."""


def silent(what: str, done: int, total: int | None) -> None:
    """Take no note: the default."""


def of_compiling(progress: Progress) -> Progress:
    """Return a progress that passes on compilation alone: other counts are parts of the caller's."""

    def told(what: str, done: int, total: int | None) -> None:
        if what.startswith("compiling"):
            progress(what, done, total)

    return told
