"""Results as text, on the terminal, as CSV and as data frames."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console
from rich.text import Text

from lookalike.errors import MissingExtraError
from lookalike.show.columns import Form, Table
from lookalike.show.terminal import FittedTable
from lookalike.show.views import Line, view
from lookalike.text import csv_cell

# Whoever prints it has its own idea of how wide a line is.
_WIDEST = 10_000


def text(result: Any) -> str:
    """Return what ``print`` shows of a result."""
    console = Console(width=_WIDEST, color_system=None, markup=False, emoji=False, highlight=False)
    with console.capture() as shown:
        for part in drawn(view(result).items, "text"):
            console.print(part, crop=False)
    return shown.get().removesuffix("\n")


def terminal(result: Any) -> Iterator[Any]:
    """Yield what a terminal shows of a result."""
    return drawn(view(result).items, "terminal")


def drawn(items: Iterable[Line | Table], form: Form) -> Iterator[Any]:
    """Yield each item as Rich prints it."""
    for item in items:
        yield FittedTable(item, form) if isinstance(item, Table) else Text(item.text, style=item.style)


def to_csv(result: Any) -> str:
    """Return a result's rows as CSV, harmless to spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = list(view(result).data.flat())
    writer.writerows([rows[0]] if rows else [])
    writer.writerows([csv_cell(cell) for cell in row.values()] for row in rows)
    return out.getvalue()


def frame(result: Any) -> Any:
    """Return a result's rows as a pandas data frame."""
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("frame() needs pandas: pip install pandas") from error
    return pandas.DataFrame(list(view(result).data.flat()))
