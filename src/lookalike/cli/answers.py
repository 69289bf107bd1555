"""Answers as text: lines for pipes, JSON, CSV, and the form in which Kaggle takes them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from lookalike.picture.text import csv_cell, plain

Form = Literal["lines", "json", "csv", "kaggle"]


#: What stands for a refused image's label where people read it.
NONE = "none of these"


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
    refused : bool or None
        The image is none of the classes; None where that was not asked for.
    """

    image: str
    label: Any
    distance: float
    refused: bool | None = None


def as_text(batches: Iterable[list[Answer]], form: Form, none: str = NONE) -> Iterator[str]:
    r"""Yield answers as text, ready to be printed, batch by batch; JSON comes whole at the end.

    Parameters
    ----------
    batches : iterable of list of Answer
        The answers.
    form : {"lines", "json", "csv", "kaggle"}
        ``path TAB label TAB distance``; a list of objects; the columns ``image,label,distance``; or the
        columns ``ImageId,Label`` with the images numbered from 1, as Kaggle's digits are submitted. Where
        refusals were asked for, JSON and CSV tell ``refused`` too, and a refused image has no label in them.
    none : str
        What stands for a refused image's label in lines: no class may be called so.

    Examples
    --------
    >>> from lookalike.cli.answers import Answer, as_text
    >>> "".join(as_text([[Answer("a.png", 7, 0.125)]], "kaggle"))
    'ImageId,Label\n1,7\n'
    """
    if form == "json":
        facts = [_facts(answer) for batch in batches for answer in batch]
        yield json.dumps(facts, indent=2) + "\n"
    elif form == "lines":
        for batch in batches:
            yield "".join(
                f"{plain(name)}\t{plain(none if refused else label)}\t{far:.4f}\n"
                for name, label, far, refused in batch
            )
    else:
        yield from _as_csv(batches, form == "kaggle")


def none_word(classes: Iterable[object]) -> str:
    """Return what stands for a refused image's label: words that no class is called.

    Examples
    --------
    >>> from lookalike.cli.answers import none_word
    >>> none_word([3, 7]), none_word(["none of these", "other"])
    ('none of these', '(none of these)')
    """
    known = {str(one) for one in classes}
    word = NONE
    while word in known:
        word = f"({word})"
    return word


def _facts(answer: Answer) -> dict[str, Any]:
    """Return an answer by its names: a refused image has no label."""
    facts = answer._asdict()
    if answer.refused is None:
        del facts["refused"]
    elif answer.refused:
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
