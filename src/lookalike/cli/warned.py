"""What lookalike warns of, said on standard error as other messages are."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_NUMBER = re.compile(r"\d[\d,]*")


@contextmanager
def warned(quiet: bool = False) -> Iterator[None]:
    """Hold back lookalike's warnings while the block runs, and say each kind once when it is done.

    Warnings that differ in their numbers alone are of one kind: the first is said, and how often it came
    again. Where the block fails, its error is all that is said.
    """
    from lookalike.errors import LookalikeWarning

    kinds: dict[str, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("always", LookalikeWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, LookalikeWarning):
                kinds.setdefault(_NUMBER.sub("#", str(message)), []).append(str(message))
            else:
                others(message, category, *where, **more)

        warnings.showwarning = show
        yield
    if not quiet:
        _say(kinds)


def _say(kinds: dict[str, list[str]]) -> None:
    """Say one line of each kind."""
    if not kinds:
        return
    from lookalike.cli.common import stderr
    from lookalike.text import plain

    shown = stderr()
    for first, *again in kinds.values():
        often = f" (and {len(again):,} more like it)" if again else ""
        shown.print(plain(f"warning: {first}{often}"), style="yellow", soft_wrap=True)
