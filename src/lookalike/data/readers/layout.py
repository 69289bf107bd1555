"""What the user says of how labelled images lie, where that cannot be seen, or only on his word."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lookalike.data.readers.delimited import UNSAID, ColumnChoice, checked_columns
from lookalike.data.readers.trees import checked_encoding
from lookalike.errors import InputError
from lookalike.text import quoted


@dataclass(frozen=True)
class Layout:
    """How labelled images lie."""

    zip_encoding: str | None = None  # the code page of names in a zip
    columns: ColumnChoice = UNSAID  # what was said of tables
    follow_links: bool = False  # links of a folder lead to files outside of it
    nested: bool = False  # images lie in folders below that of their class
    label_from: re.Pattern[str] | None = None  # what finds the label in a file's name


USUAL_LAYOUT = Layout()


def checked_layout(
    zip_encoding: str | None = None,
    label_column: str | None = None,
    header: bool | None = None,
    follow_links: bool = False,
    nested: bool = False,
    label_from: str | None = None,
) -> Layout:
    """Return what the user said, refusing what says nothing."""
    for name, flag in (("follow_links", follow_links), ("nested", nested)):
        if not isinstance(flag, bool):
            raise InputError(f"{name} is {flag!r}: expected True or False")
    columns = checked_columns(label_column, header)
    return Layout(checked_encoding(zip_encoding), columns, follow_links, nested, _pattern(label_from))


def _pattern(text: str | None) -> re.Pattern[str] | None:
    """Return a regular expression; None stays."""
    if text is None:
        return None
    try:
        return re.compile(text)
    except (re.error, TypeError) as error:
        raise InputError(
            f"label_from is {quoted(text)}, which is no regular expression ({error}): expected one that "
            "finds the label in a file's name, such as '(?P<label>[^_]+)_'"
        ) from error
