"""Text from outside, made harmless, but not as Rich markup (use ``rich.text.Text``) nor HTML (autoescape)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# Cc controls and escapes, Cf bidirectional and other invisible marks, Cs lone surrogates (undecodable file
# names), Zl and Zp line ends.
_HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Joiners are invisible too, but some scripts and emoji cannot be spelled without them.
_JOINERS = {"\u200c", "\u200d"}
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
# The last four are the wide forms, which some spreadsheets read as the narrow ones.
_FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")


def plain(text: object) -> str:
    """Return anything as one line of text, control and invisible characters spelled as Python escapes."""
    return "".join(
        one.encode("unicode_escape").decode("ascii")
        if unicodedata.category(one) in _HARMFUL and one not in _JOINERS
        else one
        for one in str(text)
    )


def quoted(name: object, longest: int = 120) -> str:
    r"""Return a name from outside as one may print it: quoted, control characters escaped, not too long."""
    text = repr(str(name))
    return text if len(text) <= longest else f"{text[: longest - 4]}...{text[-1]}"


def listed(names: Iterable[object], most: int = 5) -> str:
    """Return names from outside as a list that is not too long."""
    every = list(names)
    text = ", ".join(quoted(name) for name in every[:most])
    return text if len(every) <= most else f"{text} and {len(every) - most:,} more"


def csv_cell(text: object) -> str:
    """Return :func:`plain` text that no spreadsheet takes for a formula: an apostrophe goes before one."""
    if text is None:
        return ""
    shown = plain(text)
    if shown.lstrip().startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(shown):
        return "'" + shown
    return shown
