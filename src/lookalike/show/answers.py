"""Answers as text: lines for pipes, JSON, CSV, and the form in which Kaggle takes them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from lookalike.text import csv_cell, plain

AnswerForm = Literal["lines", "json", "csv", "kaggle"]

#: What stands for a rejected image's label where people read it.
NONE = "none of these"


class Answer(NamedTuple):
    """The answer to one image; names are untrusted."""

    image: str
    label: Any
    distance: float
    rejected: bool | None = None  # None where that was not asked for


def as_text(batches: Iterable[list[Answer]], form: AnswerForm, none: str = NONE) -> Iterator[str]:
    r"""Yield answers as text, ready to be printed, batch by batch; JSON comes whole at the end.

    Lines are ``path TAB label TAB distance``, with ``none`` for a rejected image's label: no class may be
    called so. JSON and CSV have no label there, and tell ``rejected`` too where that was asked for. Kaggle
    takes the columns ``ImageId,Label``, images numbered from 1.
    """
    if form == "json":
        facts = [_facts(answer) for batch in batches for answer in batch]
        yield json.dumps(facts, indent=2) + "\n"
    elif form == "lines":
        for batch in batches:
            yield "".join(
                f"{plain(name)}\t{plain(none if rejected else label)}\t{far:.4f}\n"
                for name, label, far, rejected in batch
            )
    else:
        yield from _as_csv(batches, form == "kaggle")


def none_word(classes: Iterable[object]) -> str:
    """Return what stands for a rejected image's label: words that no class is called."""
    known = {str(one) for one in classes}
    word = NONE
    while word in known:
        word = f"({word})"
    return word


def _facts(answer: Answer) -> dict[str, Any]:
    """Return an answer by its names: a rejected image has no label."""
    facts = answer._asdict()
    if answer.rejected is None:
        del facts["rejected"]
    elif answer.rejected:
        facts["label"] = None
    return facts


def _as_csv(batches: Iterable[list[Answer]], kaggle: bool) -> Iterator[str]:
    """Yield the lines of a CSV, harmless to spreadsheets."""
    done = 0
    for batch in batches:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        # The head waits for the first answer: where there is none, nothing is printed.
        if not done:
            writer.writerow(("ImageId", "Label") if kaggle else _facts(batch[0]))
        for number, answer in enumerate(batch, done + 1):
            cells = (number, answer.label) if kaggle else _facts(answer).values()
            writer.writerow(csv_cell(cell) for cell in cells)
        done += len(batch)
        yield out.getvalue()
