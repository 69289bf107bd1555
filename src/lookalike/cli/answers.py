"""Answers as text: lines for pipes, JSON, CSV, and the form in which Kaggle takes them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from lookalike.picture.text import csv_cell, plain

Form = Literal["lines", "json", "csv", "kaggle"]


class Answer(NamedTuple):
    """The answer to one image.

    Attributes
    ----------
    image : str
        The image's name. Untrusted.
    label : int or str
        The answer. Untrusted.
    distance : float
        How unlike the image is to what answered.
    """

    image: str
    label: Any
    distance: float


def as_text(batches: Iterable[list[Answer]], form: Form) -> Iterator[str]:
    r"""Yield answers as text, ready to be printed, batch by batch; JSON comes whole at the end.

    Parameters
    ----------
    batches : iterable of list of Answer
        The answers.
    form : {"lines", "json", "csv", "kaggle"}
        ``path TAB label TAB distance``; a list of objects; the columns ``image,label,distance``; or the
        columns ``ImageId,Label`` with the images numbered from 1, as Kaggle's digits are submitted.

    Examples
    --------
    >>> from lookalike.cli.answers import Answer, as_text
    >>> "".join(as_text([[Answer("a.png", 7, 0.125)]], "kaggle"))
    'ImageId,Label\n1,7\n'
    """
    if form == "json":
        facts = [answer._asdict() for batch in batches for answer in batch]
        yield json.dumps(facts, indent=2) + "\n"
    elif form == "lines":
        for batch in batches:
            yield "".join(f"{plain(name)}\t{plain(label)}\t{far:.4f}\n" for name, label, far in batch)
    else:
        yield from _as_csv(batches, form == "kaggle")


def _as_csv(batches: Iterable[list[Answer]], kaggle: bool) -> Iterator[str]:
    """Yield the lines of a CSV, harmless to spreadsheets."""
    head: tuple[Any, ...] = ("ImageId", "Label") if kaggle else Answer._fields
    done = 0
    for batch in batches:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        # The head waits for the first answer: where there is none, nothing is printed.
        if not done:
            writer.writerow(head)
        for number, answer in enumerate(batch, done + 1):
            cells = (number, answer.label) if kaggle else answer
            writer.writerow(csv_cell(cell) for cell in cells)
        done += len(batch)
        yield out.getvalue()
