"""``lookalike predict`` and ``explain``: what a model answers to images, and what an answer rests on."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import csv_cell, plain

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch
    from lookalike.recognition.recogniser import Recogniser


class Answer(NamedTuple):
    """The answer to one image; names are untrusted."""

    image: str
    label: Any
    distance: float
    rejected: bool | None = None  # None where that was not asked for


Reject = Annotated[
    float | None,
    Option(
        "--reject",
        metavar="LEVEL",
        help="Answer 'none of these' where an image is like none of the classes, at this level: about "
        "the share of right images that may be rejected, such as 0.05.",
    ),
]


def predict(
    model: common.Model,
    images: Annotated[
        list[str],
        Argument(
            metavar="IMAGES",
            help="Images, folders, zips or tars of them, patterns ('crops/*.png'), tables of pixels "
            "(pixel0,pixel1,...) or file names, or - for one image from standard input.",
        ),
    ],
    resize: common.Resize = False,
    skip_bad: common.SkipBad = False,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    follow_links: common.FollowLinks = False,
    kaggle: Annotated[
        bool, Option("--kaggle", help="Print ImageId,Label for one CSV of pixels, as Kaggle takes it.")
    ] = False,
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    reject: Reject = None,
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
    if kaggle + as_json + as_csv > 1:
        raise InputError("more than one of --kaggle, --json and --csv was given: expected one of them")
    alpha = None if reject is None else common.checked_level(reject)
    if alpha is not None and kaggle:
        raise InputError("--kaggle takes a label for every image: expected it without --reject")
    found = common.find_images(images, label_column, header, follow_links)
    if kaggle and not found.one_table:
        raise InputError("--kaggle numbers the images of one CSV of pixels: expected that alone")
    seconds: list[float] = []
    kept, shape = common.recogniser(model)
    if alpha is not None and not quiet:
        _say_basis(kept, alpha)
    # On a terminal the answers themselves show how far it is.
    with common.progress(quiet, bar=not sys.stdout.isatty()) as tell:
        most = 1 if timings else None
        read = found.batches(
            shape, resize=resize, skip_bad=skip_bad, most=most, reading=kept.reading, sizes=kept.sizes
        )
        batches = _answers(kept, read, alpha, found.count, seconds, tell)
        if as_json:
            facts = [_facts(answer) for batch in batches for answer in batch]
            typer.echo(json.dumps(facts, indent=2))
        elif kaggle or as_csv:
            _print_csv(batches, kaggle)
        else:
            _print_lines(batches, kept.labels.classes.tolist())
    common.say_bad(found, quiet)
    if timings:
        common.say(_timings(seconds))


def _say_basis(kept: Recogniser, alpha: float) -> None:
    """Say what rejection rests on, but for each class's own images, which need no word."""
    basis = kept.rejection().basis(alpha)
    if basis.kind != "each class":
        common.say_notes([f"--reject {alpha:g}: {basis.sentence}."], quiet=False)


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


def _print_lines(batches: Iterable[list[Answer]], classes: list[object]) -> None:
    """Print name, label and distance with tabs between; words that no class is called stand for no label."""
    none = "none of these"
    while none in map(str, classes):
        none = f"({none})"
    for batch in batches:
        lines = (
            f"{plain(name)}\t{plain(none if rejected else label)}\t{far:.4f}\n"
            for name, label, far, rejected in batch
        )
        typer.echo("".join(lines), nl=False)


def _facts(answer: Answer) -> dict[str, Any]:
    """Return an answer by its names: a rejected image has no label."""
    facts = answer._asdict()
    if answer.rejected is None:
        del facts["rejected"]
    elif answer.rejected:
        facts["label"] = None
    return facts


def _print_csv(batches: Iterable[list[Answer]], kaggle: bool) -> None:
    """Print a CSV, harmless to spreadsheets; Kaggle's numbers images from 1."""
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
        typer.echo(out.getvalue(), nl=False)


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


def explain(
    model: common.Model,
    image: Annotated[str, Argument(metavar="IMAGE", help="One image: its file, or - for standard input.")],
    report: common.Report = None,
    n: Annotated[
        int, Option("--n", metavar="N", min=1, help="How many of the nearest training images to show.")
    ] = 3,
    resize: common.Resize = False,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    follow_links: common.FollowLinks = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
) -> None:
    """Show what an answer rests on, and which pixels decided.

    That is what the model saw, what it compared it with, and what speaks for and against. With --json, print
    the numbers: distances, the nearest training images, and what each pixel contributes (these sum to the
    margin). Try: lookalike explain digits.lookalike seven.png --report seven.html
    """
    common.check_file("--report", report, [model, image], common.PAGES)
    kept, shape = common.recogniser(model)
    found = common.find_images([image], label_column, header, follow_links)
    names, pixels = next(
        iter(found.batches(shape, resize=resize, most=2, reading=kept.reading, sizes=kept.sizes))
    )
    name = names[0]
    if len(names) > 1:
        raise InputError(f"{plain(image)!r} holds several images: expected one, such as {plain(name)!r}")
    with common.progress(quiet) as tell:
        evidence = kept.explain(kept.checked(pixels), n, tell)[0]
    if as_json:
        typer.echo(json.dumps({"image": name, **evidence.to_plain()}))
    else:
        from rich.text import Text

        from lookalike.show.evidence import EvidenceText

        heading = Text(f"{plain(name)}: {plain(evidence.answer)}, by {plain(evidence.idea)}")
        common.show([heading, EvidenceText(evidence)])
    if report is not None:
        from lookalike.show.pages import evidence_page

        title = f"Why {evidence.answer}: {evidence.idea}"
        page = evidence_page([evidence], [name], title=title, command=common.command_line())
        common.write("report", report, page.encode(), quiet)
