"""``lookalike predict``: what a model answers to images."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import csv_cell, plain

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch
    from lookalike.recognition.recogniser import Recogniser

AnswerForm = Literal["lines", "json", "csv", "kaggle"]
#: What stands for a rejected image's label where people read it.
NONE = "none of these"


class Answer(NamedTuple):
    """The answer to one image; names are untrusted."""

    image: str
    label: Any
    distance: float
    rejected: bool | None = None  # None where that was not asked for


def predict(
    model: common.Model,
    images: Annotated[
        list[str],
        Argument(
            metavar="IMAGES",
            help="Images, folders, zips or tars of them, patterns ('crops/*.png'), CSV files of pixels "
            "(pixel0,pixel1,...), or - for one image from standard input.",
        ),
    ],
    resize: common.Resize = False,
    skip_bad: common.SkipBad = False,
    kaggle: Annotated[
        bool, Option("--kaggle", help="Print ImageId,Label for one CSV of pixels, as Kaggle takes it.")
    ] = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    reject: Annotated[
        float | None,
        Option(
            "--reject",
            metavar="LEVEL",
            help="Answer 'none of these' where an image is like none of the classes, at this level: about "
            "the share of right images that may be rejected, such as 0.05.",
        ),
    ] = None,
    timings: Annotated[
        bool, Option("--timings", help="Answer images one at a time, and say how long each takes.")
    ] = False,
    quiet: common.Quiet = False,
) -> None:
    """Say what images show.

    Prints a line an image, with tabs between: its name, the answer and the distance. The distance is that to
    the nearest training image which voted for the answer, or to its class's own image. Try: lookalike predict
    digits.lookalike crops/*.png
    """
    from lookalike.data.loose import find

    form = _form(kaggle, as_json, as_csv)
    alpha = None if reject is None else common.checked_level(reject)
    if alpha is not None and kaggle:
        raise InputError("--kaggle takes a label for every image: expected it without --reject")
    found = find(images, sys.stdin.buffer if "-" in images else None)
    if kaggle and not found.one_table:
        raise InputError("--kaggle numbers the images of one CSV of pixels: expected that alone")
    seconds: list[float] = []
    kept, shape = common.recogniser(model)
    if alpha is not None and not quiet:
        basis = kept.rejection().basis(alpha)
        # What rests on each class's own images needs no word.
        if basis.kind != "each class":
            common.say_notes([f"--reject {alpha:g}: {basis.sentence}."], quiet)
    # On a terminal the answers themselves show how far it is.
    with common.progress(quiet, bar=not sys.stdout.isatty()) as tell:
        read = found.batches(shape, resize=resize, skip_bad=skip_bad, most=1 if timings else None)
        batches = _answers(kept, read, alpha, found.count, seconds, tell)
        for text in _as_text(batches, form, _none_word(kept.labels.classes.tolist())):
            typer.echo(text, nl=False)
    common.say_bad(found, quiet)
    if timings:
        common.say(_timings(seconds))


def _form(kaggle: bool, as_json: bool, as_csv: bool) -> AnswerForm:
    """Return the form that was asked for, refusing two at once."""
    if kaggle + as_json + as_csv > 1:
        raise InputError("more than one of --kaggle, --json and --csv was given: expected one of them")
    return "kaggle" if kaggle else "json" if as_json else "csv" if as_csv else "lines"


def _answers(
    kept: Recogniser,
    batches: Iterable[LooseBatch],
    alpha: float | None,
    count: int | None,
    seconds: list[float],
    tell: Any,
) -> Iterator[list[Answer]]:
    """Yield the answers of each batch, by one search of it, noting how long it took."""
    done = 0
    for names, images in batches:
        tell("answering images", done, count)
        began = time.perf_counter()
        checked = kept.checked(images)
        if alpha is None:
            (labels, distances), rejected = kept.predict(checked), [None] * len(names)
        else:
            labels, distances, none, _ = kept.answer(checked, alpha)
            rejected = none.tolist()
        seconds.append(time.perf_counter() - began)
        done += len(names)
        yield [*map(Answer, names, labels.tolist(), distances.tolist(), rejected)]


def _as_text(batches: Iterable[list[Answer]], form: AnswerForm, none: str) -> Iterator[str]:
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


def _none_word(classes: Iterable[object]) -> str:
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


def _timings(seconds: list[float]) -> str:
    """Return how long answers took; the first is told apart, since it loads and compiles."""
    import numpy as np

    first, *rest = (1000 * second for second in seconds)
    text = f"timings: the first image {_milliseconds(first)}"
    if rest:
        middle, slow = (_milliseconds(float(one)) for one in np.quantile(rest, [0.5, 0.95]))
        text += f"; {len(rest):,} more, one at a time: median {middle}, 95 % within {slow}"
    return text


def _milliseconds(value: float) -> str:
    """Return a time with three figures, or all before the point."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"
