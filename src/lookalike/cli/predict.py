"""``lookalike predict`` and ``explain``: what a model answers to images, and what an answer rests on."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import csv_cell, plain
from lookalike.text import field as tabbed

if TYPE_CHECKING:
    from lookalike.data.loose import LooseBatch
    from lookalike.recognition.recogniser import Recogniser
    from lookalike.web.uncertain import Uncertain

#: What p-values and doubts rest on where no level of rejection is asked for.
_LEVEL = 0.05


class Answer(NamedTuple):
    """The answer to one image; names are untrusted."""

    image: str
    label: Any
    distance: float
    rejected: bool | None = None  # None where that was not asked for
    known: dict[str, Any] | None = None  # all that one search knows, where that was asked for


@dataclass
class _Asked:
    """What is asked of each image, and what comes of it beside the answers."""

    alpha: float | None
    whole: bool  # all that one search knows
    model: str = ""
    doubtful: Uncertain | None = None
    n_doubtful: int = 0
    seconds: list[float] = field(default_factory=list)


Reject = Annotated[
    float | None,
    Option(
        "--reject",
        metavar="LEVEL",
        help="Answer 'none of these' where an image is like none of the classes, at this level: about "
        "the share of right images that may be rejected, such as 0.05.",
    ),
]

Images = Annotated[
    list[str],
    Argument(
        metavar="IMAGES",
        help="Images, folders, zips or tars of them, patterns ('crops/*.png'), tables of pixels "
        "(pixel0,pixel1,...) or file names, or - for one image from standard input.",
    ),
]
Jsonl = Annotated[
    bool,
    Option(
        "--jsonl",
        help="Print a line of JSON an image: label (null for none of these), best guess, probability, "
        "distance, p-value and runner-up.",
    ),
]
KeepDoubtful = Annotated[
    Path | None,
    Option(
        "--keep-doubtful",
        metavar="DIR",
        help="Copy images whose answers are doubtful (rejected, or less likely than 0.75) into this folder, "
        "each with its answer, at most 1,000: lookalike serve --log-uncertain DIR shows them to be labelled.",
    ),
]


def predict(
    model: common.Model,
    images: Images,
    resize: common.Resize = False,
    skip_bad: common.SkipBad = False,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    follow_links: common.FollowLinks = False,
    kaggle: Annotated[
        bool, Option("--kaggle", help="Print ImageId,Label for one CSV of pixels, as Kaggle takes it.")
    ] = False,
    as_json: common.Json = False,
    as_jsonl: Jsonl = False,
    as_csv: common.Csv = False,
    reject: Reject = None,
    keep_doubtful: KeepDoubtful = None,
    shards: Annotated[
        bool,
        Option("--shards", help="MODEL is a quoted pattern of parts, 'part-*.lookalike': all answer as one."),
    ] = False,
    workers: common.Workers = None,
    scheduler: common.Scheduler = "",
    timings: Annotated[
        bool, Option("--timings", help="Answer images one at a time, and say how long each takes.")
    ] = False,
    quiet: common.Quiet = False,
) -> None:
    r"""Say what images show.

    Prints a line an image, with tabs between: its name, the answer and the distance. The distance is that to
    the nearest training image which voted for the answer, or to its class's own image. A tab, an end of line
    or another control character in a name is spelled as in Python (\t), and a backslash is doubled. Try:
    lookalike predict digits.lookalike crops/*.png
    """
    if kaggle + as_json + as_csv + as_jsonl > 1:
        raise InputError(
            "more than one of --kaggle, --json, --jsonl and --csv was given: expected one of them"
        )
    alpha = None if reject is None else common.checked_level(reject)
    if alpha is not None and kaggle:
        raise InputError("--kaggle takes a label for every image: expected it without --reject")
    found = common.find_images(images, label_column, header, follow_links)
    if kaggle and not found.one_table:
        raise InputError("--kaggle numbers the images of one CSV of pixels: expected that alone")
    read, shape = common.recogniser(model, shards)
    asked = _Asked(alpha, as_jsonl or keep_doubtful is not None, *_place(model, keep_doubtful))
    _say_basis(read, model, alpha, quiet)
    # On a terminal the answers themselves show how far it is.
    shown = common.progress(quiet, bar=not sys.stdout.isatty())
    with shown as tell, common.on_workers(read, workers, scheduler) as kept:
        how: dict[str, Any] = {"reading": kept.reading, "sizes": kept.sizes, "most": 1 if timings else None}
        batches = found.batches(shape, resize=resize, skip_bad=skip_bad, **how)
        answers = _answers(kept, batches, asked, found.count, tell)
        if as_json:
            typer.echo(json.dumps([_facts(answer) for batch in answers for answer in batch], indent=2))
        elif as_jsonl:
            _print_jsonl(answers)
        elif kaggle or as_csv:
            _print_csv(answers, kaggle)
        else:
            _print_lines(answers, kept.labels.classes.tolist())
    common.say_bad(found, quiet)
    _say_doubtful(asked, keep_doubtful, quiet)
    if timings:
        common.say(_timings(asked.seconds))


def _place(model: Path, folder: Path | None) -> tuple[str, Uncertain | None]:
    """Return the name of a model as it is served, and where its doubtful images are kept, if anywhere."""
    if folder is None:
        return "", None
    from lookalike.web.service import name_of
    from lookalike.web.uncertain import Uncertain

    try:
        return name_of(model), Uncertain(folder)
    except OSError as error:
        raise InputError(
            f"--keep-doubtful {folder} cannot be written ({error.strerror or error}): name another folder"
        ) from error


def _say_doubtful(asked: _Asked, folder: Path | None, quiet: bool) -> None:
    """Say how many images were doubtful, and where they are."""
    if asked.doubtful is None or folder is None:
        return
    count, full = asked.n_doubtful, asked.doubtful.full
    images = "1 doubtful image is" if count == 1 else f"{count:,} doubtful images are"
    more = f"; {len(asked.doubtful):,} is as many as it takes: label or move some" if full else ""
    common.say_notes([f"{images} in {folder.resolve()}{more}."], quiet)


def _say_basis(kept: Recogniser, model: Path, alpha: float | None, quiet: bool) -> None:
    """Say what answers rest on: a part, and what rejection has, but for each class's own images."""
    if kept.shard is not None:
        missing = f"{plain(model)} is a part and does not know {kept.shard.missing}"
        common.say(f"note: {missing}; lookalike model merge, or --shards here, joins all parts", quiet)
    if alpha is not None and not quiet:
        basis = kept.rejection().basis(alpha)
        if basis.kind != "each class":
            common.say_notes([f"--reject {alpha:g}: {basis.sentence}."], quiet=False)


def _answers(
    kept: Recogniser, batches: Iterable[LooseBatch], asked: _Asked, count: int | None, tell: Any
) -> Iterator[list[Answer]]:
    """Yield the answers of each batch, by one search of it, noting how long it took."""
    done = 0
    for names, images in batches:
        tell("answering images", done, count)
        began = time.perf_counter()
        checked = kept.checked(images)
        if asked.whole:
            answers = _whole_answers(kept, names, checked, asked)
        elif asked.alpha is None:
            labels, distances = kept.predict(checked)
            answers = [*map(Answer, names, labels.tolist(), distances.tolist())]
        else:
            labels, distances, none, _ = kept.answer(checked, asked.alpha)
            answers = [*map(Answer, names, labels.tolist(), distances.tolist(), none.tolist())]
        asked.seconds.append(time.perf_counter() - began)
        done += len(names)
        yield answers


def _whole_answers(kept: Recogniser, names: tuple[str, ...], images: Any, asked: _Asked) -> list[Answer]:
    """Return all that one search knows of each image, and keep the doubtful ones where that is asked for."""
    from lookalike.recognition.assessment import Assessment

    found = Assessment.of(kept, images, asked.alpha or _LEVEL, 1)
    if asked.doubtful is not None:
        from lookalike.web.wire import answers

        asked.n_doubtful += asked.doubtful.note(asked.model, images, answers(found), names)
    known = found.answers()
    if asked.alpha is None:
        # Nothing is rejected that was not asked to be.
        known = [{**one, "label": one["best"], "rejected": None} for one in known]
    return [
        Answer(name, one["best"], one["distance"], one["rejected"], one)
        for name, one in zip(names, known, strict=True)
    ]


def _print_jsonl(batches: Iterable[list[Answer]]) -> None:
    """Print a line of JSON an image, with the same keys for each."""
    for batch in batches:
        lines = [json.dumps({"image": one.image, **(one.known or {})}, allow_nan=False) for one in batch]
        typer.echo("\n".join(lines))


def _print_lines(batches: Iterable[list[Answer]], classes: list[object]) -> None:
    """Print name, label and distance with tabs between; words that no class is called stand for no label."""
    none = "none of these"
    while none in map(str, classes):
        none = f"({none})"
    for batch in batches:
        lines = (
            f"{tabbed(name)}\t{tabbed(none if rejected else label)}\t{far:.4f}\n"
            for name, label, far, rejected, _ in batch
        )
        typer.echo("".join(lines), nl=False)


def _facts(answer: Answer) -> dict[str, Any]:
    """Return an answer by its names: a rejected image has no label."""
    facts = answer._asdict()
    del facts["known"]
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
        common.show([heading, EvidenceText(evidence)], folded=True)
    if report is not None:
        from lookalike.show.pages import evidence_page

        title = f"Why {evidence.answer}: {evidence.idea}"
        page = evidence_page([evidence], [name], title=title, command=common.command_line())
        common.write("report", report, page.encode(), quiet)
