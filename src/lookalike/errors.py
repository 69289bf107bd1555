"""Every error that lookalike raises on purpose, and its warnings.

A message is one line that says what was wrong, what was expected and how to mend it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable


class LookalikeError(Exception):
    """The root of lookalike's errors: catch it to catch them all."""


class InputError(LookalikeError, ValueError):
    """An array, a label or a parameter cannot be used."""


class DataError(LookalikeError, ValueError):
    """A file, a folder or an archive cannot be read as labelled images."""


class TooLargeError(DataError):
    """An image has more pixels than are read: it was refused before it was decoded."""


class DownloadError(DataError):
    """No mirror gave the published bytes."""


class ModelFileError(LookalikeError, ValueError):
    """A file is no model that can be opened: none at all, cut short, changed, or of a newer lookalike."""


class BusyError(LookalikeError):
    """Too much is asked at once: what was asked was not begun, and can be asked again."""


class JournalError(LookalikeError):
    """What a served model was taught cannot be kept or read: the journal is in use, damaged or another's."""


class UnknownNameError(LookalikeError, KeyError):
    """No data set or idea has this name."""

    def __str__(self) -> str:
        """Return the message as it is: KeyError would show its repr."""
        return str(self.args[0]) if self.args else ""


class MissingExtraError(LookalikeError, ImportError):
    """An optional dependency is not installed."""


class WorkersLostError(LookalikeError):
    """A cluster cannot answer: no worker is left, or those that took the work were lost."""


class LookalikeWarning(UserWarning):
    """Images may not be what they are taken for: inverted, blank, of another scale, told apart by colour."""


class LabelWarning(LookalikeWarning):
    """Labels that cannot all be meant: one image of two classes, or two names that look the same."""


def install(extra: str) -> str:
    """Return how an extra is installed: by its name, or from a clone.

    Examples
    --------
    >>> from lookalike.errors import install
    >>> install("torch")
    'pip install "lookalike[torch]" (in a clone: pip install -e ".[torch]")'
    """
    return f'pip install "lookalike[{extra}]" (in a clone: pip install -e ".[{extra}]")'


def warn(text: str, category: type[LookalikeWarning] = LookalikeWarning) -> None:
    """Warn whoever called lookalike: the nearest caller that is not lookalike's own."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "lookalike":
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Return the message for a name that is not known: the nearest known ones first."""
    import difflib

    names = list(known)
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if near:
        return f"no {what} is called {name!r}: did you mean {' or '.join(near)}?"
    return f"no {what} is called {name!r}: known are {', '.join(names)}"
