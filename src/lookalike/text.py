"""Text from outside, made harmless, but not as Rich markup (use ``rich.text.Text``) nor HTML (autoescape)."""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeVar

# Cc controls and escapes, Cf bidirectional and other invisible marks, Cs lone surrogates (undecodable file
# names), Zl and Zp line ends.
_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Joiners are invisible too, but some scripts and emoji cannot be spelled without them.
_JOINERS = {"\u200c", "\u200d"}
# Characters that look like the ones they stand for: wide and narrow forms, other blanks, ligatures.
_SAME_LOOK = ("<wide>", "<narrow>", "<noBreak>", "<compat>")
_MOST_NOTES = 5
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
# The last four are the wide forms, which some spreadsheets read as the narrow ones.
_FILLERS = set("\u115f\u1160\u2800\u3164\uffa0")
_FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")

T = TypeVar("T")


def one_form(label: T) -> T:
    r"""Return a text in the one Unicode form that labels have, NFC, and anything else as it is.

    Examples
    --------
    >>> from lookalike.text import one_form
    >>> one_form("cafe\N{COMBINING ACUTE ACCENT}") == "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    True
    """
    return unicodedata.normalize("NFC", label) if isinstance(label, str) else label  # type: ignore[return-value]


def name_notes(names: Iterable[str]) -> tuple[str, ...]:
    """Return what to say of class names that look the same, one sentence for those that do so together.

    Forms of one text are one class; names that differ in blanks at their ends, invisible characters, or wide
    and narrow forms are different classes, and so are 1, 01 and 1.0, as spreadsheets write one number.
    """
    forms: defaultdict[str, set[str]] = defaultdict(set)
    alike: defaultdict[str, set[str]] = defaultdict(set)
    numbers: defaultdict[Decimal, set[str]] = defaultdict(set)
    for name in names:
        forms[one_form(name)].add(name)
        alike[_look(name)].add(one_form(name))
        if _NUMBER.fullmatch(name):
            numbers[Decimal(name)].add(name)
    notes = [
        *(
            f"The names {_spelled(found)} are forms of one text in Unicode: they are one class."
            for found in forms.values()
            if len(found) > 1
        ),
        *(
            f"The classes {_spelled(found)} look the same and are {len(found)}: if one is meant, use one."
            for found in alike.values()
            if len(found) > 1
        ),
        *(
            f"The classes {_spelled(found)} are one number and are {len(found)}: if one is meant, use one."
            for found in numbers.values()
            if len(found) > 1
        ),
    ]
    left = len(notes) - _MOST_NOTES
    return (*notes[:_MOST_NOTES], *([f"So do {left:,} more groups of names."] if left > 0 else ()))


def _spelled(names: set[str]) -> str:
    """Return names in ASCII, in which they do not look the same."""
    return " and ".join(sorted(map(ascii, names)))


def _look(name: str) -> str:
    """Return what a name looks like: names that look the same have one look."""
    shown = (
        unicodedata.normalize("NFKC", one) if unicodedata.decomposition(one).startswith(_SAME_LOOK) else one
        for one in one_form(name)
        if unicodedata.category(one) != "Cf"
    )
    return " ".join(one_form("".join(shown)).split())


def plain(text: object) -> str:
    """Return anything as one line of text, control and invisible characters spelled as Python escapes."""
    return "".join(
        one.encode("unicode_escape").decode("ascii")
        if unicodedata.category(one) in _HARMFUL and one not in _JOINERS
        else one
        for one in str(text)
    )


def field(text: object) -> str:
    r"""Return :func:`plain` text as a field between tabs, of which what was meant can be told.

    A backslash of its own is doubled, but where paths are written with it.

    Examples
    --------
    >>> from lookalike.text import field
    >>> print(field("two\ttabs"))
    two\ttabs
    """
    shown = str(text)
    return plain(shown if os.sep == "\\" else shown.replace("\\", "\\\\"))


def quoted(name: object, longest: int = 120) -> str:
    r"""Return a name from outside as one may print it: quoted, control characters escaped, not too long."""
    text = repr(str(name))
    return text if len(text) <= longest else f"{text[: longest - 4]}...{text[-1]}"


def listed(names: Iterable[object], most: int = 5) -> str:
    """Return names from outside as a list that is not too long."""
    every = list(names)
    text = ", ".join(quoted(name) for name in every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most:,} more"


def _is_unseen(one: str) -> bool:
    """Return whether a character shows nothing: a blank, a mark on another, or a letter without a look."""
    return one.isspace() or one in _FILLERS or unicodedata.category(one) in ("Cf", "Mn", "Me")


def csv_cell(text: object) -> str:
    """Return :func:`plain` text that no spreadsheet takes for a formula: an apostrophe goes before one."""
    if text is None:
        return ""
    shown = plain(text)
    seen = "".join(one for one in shown if not _is_unseen(one))
    if seen.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(shown):
        return "'" + shown
    return shown


def numberless(text: str) -> str:
    """Return a text with ``#`` for each number, to find texts that differ by numbers alone.

    >>> numberless("of 1,438 images 28")
    'of # images #'
    """
    return re.sub(r"\d[\d,]*", "#", text)
