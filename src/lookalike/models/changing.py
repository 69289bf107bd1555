"""A model changes in one step: others that ask it meanwhile, and Ctrl-C, find the state before or after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from lookalike.recognition.recogniser import Recogniser

T = TypeVar("T")

#: Held while a state takes another's place, and never longer. A handler of signals may take it once more.
_SWAPPING = threading.RLock()


def draft_of(model: Any) -> Any:
    """Return a model with the same parameters and state, to be fitted in its place."""
    draft = object.__new__(type(model))
    vars(draft).update(vars(model))
    return draft


def take_over(model: Any, draft: Any) -> None:
    """Let a model be all that a draft of it has become."""
    with _SWAPPING:
        model.__dict__ = vars(draft)


def changed(model: Any, change: Callable[[Recogniser], T]) -> T:
    """Make a change on a copy of what answers, which takes its place; again where another was quicker."""
    while True:
        before = model._ready()
        after = before.copied()
        result = change(after)
        with _SWAPPING:
            if model.recogniser_ is before:
                model.recogniser_ = after
                return result
