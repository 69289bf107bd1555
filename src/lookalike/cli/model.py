"""``lookalike fit``, ``info``, ``teach`` and ``forget``: a model file is made, looked into and changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

import lookalike
from lookalike.cli import common
from lookalike.errors import InputError
from lookalike.text import field, plain

if TYPE_CHECKING:
    from lookalike.data.labelled import LabelledImages
    from lookalike.progress import Progress
    from lookalike.registry import Idea
    from lookalike.store import ModelInfo

# Names of figures come from the file, and may be long.
_WIDEST = 24
_COLUMNS = ("image", "id", "before", "now")
_SAID_BY = "lookalike teach or lookalike explain printed"
#: Ideas that look at images part by part: their images need not be in memory.
_BY_PARTS = ("mean-image-l1", "mean-image-l2", "nearest-l1", "nearest-l2")


Output = Annotated[
    Path,
    Option(
        "--output",
        "-o",
        metavar="FILE",
        help="The model file to write; nothing but a model is written over.",
    ),
]
Shard = Annotated[
    str | None,
    Option(
        "--shard",
        metavar="I/N",
        help="Fit on the I-th of N equal parts of the images only, 2/7: lookalike model merge makes one "
        "model of all N. Needs --idea.",
    ),
]
OnDisk = Annotated[
    bool,
    Option(
        "--on-disk",
        help="For more images than memory holds: read them into the folder FILE.images until the model is "
        "written (a fit that was stopped goes on where reading stood), and search nearest images in the "
        "model's file. Needs --idea mean-image-l1, mean-image-l2, nearest-l1 or nearest-l2.",
    ),
]


def fit(
    data: common.Data,
    output: Output,
    idea: common.Idea = "",
    shard: Shard = None,
    on_disk: OnDisk = False,
    card: Annotated[
        bool, Option("--card", help="Write a model card (Markdown) beside the model file.")
    ] = False,
    classes: common.Classes = "",
    size: common.Size = "",
    limit: common.Limit = None,
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    group_from: common.GroupFrom = "",
    as_json: common.Json = False,
    as_csv: common.Csv = False,
    quiet: common.Quiet = False,
) -> None:
    """Fit a model on labelled images and write it to a file.

    It is fitted on the whole training part; of images without parts, on all of them. Without --idea it is the
    idea with the most right answers to images that were left out (five folds, at most about 2,000 images;
    where a mixture of measures is tried, at most 250); of equally good ones, the one that compare lists last,
    since the later ones take more of an image into account. Try: lookalike fit digits -o digits.lookalike
    """
    from lookalike.data.load import load_to_fit
    from lookalike.data.readers.intake import remove

    common.check_one_format(as_json, as_csv)
    common.check_model(output, data, card)
    ideas = _chosen(idea, shard, on_disk)
    images = output.with_name(f"{output.name}.images") if on_disk else None
    with common.progress(quiet) as tell:
        options = common.loading(classes, size, limit, seed, skip_bad, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        train = load_to_fit(data, **options, on_disk=images)
        train = train.grouped(group_from) if group_from else train
        common.say_notes(train.source.notes, quiet)
        if shard or on_disk:
            model, figures = _fitted_alone(train, idea, shard, on_disk, tell), None
        else:
            found = lookalike.fit_best(train, ideas=ideas, seed=seed, progress=tell)
            model, figures = found.model, found.figures
        tell("writing the model", 0, None)
        lookalike.save_model(model, output, data=train, card=card, figures=figures)
    if images is not None:
        remove(images)
    if not (shard or on_disk):
        common.say_notes(found.notes, quiet)
        common.show_result(found, as_json, as_csv, {"model": str(output)})
    common.say_written("model", output, quiet)


def _chosen(idea: str, shard: str | None, on_disk: bool) -> list[Idea] | None:
    """Return the idea that is to be fitted, None where the best is; a shard and a model on disk need one."""
    from lookalike import registry

    ideas = [registry.idea(idea)] if idea else None
    if ideas and ideas[0].reference:
        known = ", ".join(one.name for one in registry.IDEAS if not one.reference)
        raise InputError(f"--idea {idea} is there to compare with only: expected one of {known}")
    if shard is not None:
        _shard(shard)
        if not ideas:
            raise InputError("--shard needs --idea, since which is best is seen by all images: expected both")
    if (shard or on_disk) and idea not in _BY_PARTS:
        raise InputError(
            f"{'--shard' if shard else '--on-disk'} is for ideas that look at images part by part: expected "
            f"--idea {', '.join(_BY_PARTS[:-1])} or {_BY_PARTS[-1]}"
        )
    if shard and on_disk and idea.startswith("nearest"):
        raise InputError(
            f"--shard and --on-disk were both given: the images of {idea} stay on disk, where parts cannot "
            "be merged; expected one of them"
        )
    return ideas


def _fitted_alone(train: LabelledImages, name: str, shard: str | None, on_disk: bool, tell: Progress) -> Any:
    """Return a model of an idea that was fitted, and not judged, on labelled images or a shard of them."""
    from lookalike import registry

    model = registry.idea(name).make()
    if on_disk and "on_disk" in model.get_params():
        model.set_params(on_disk=True)
    part = _shard(shard) if shard else None
    model.fit(train.images, train.labels, groups=train.groups, shard=part, progress=tell)
    if not shard:
        # The file keeps it, so that nobody who asks for probabilities or rejection has to wait for it.
        tell("how sure answers are", 0, None)
        model.rejection_basis()
    return model


def _shard(text: str) -> tuple[int, int]:
    """Return which of how many parts a text means."""
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdecimal() and len(part) < 10 for part in parts):
        raise InputError(f"--shard {plain(text)}: expected I/N, such as 2/7 for the second of seven parts")
    return int(parts[0]), int(parts[1])


def merge(
    parts: Annotated[
        list[str],
        Argument(metavar="PARTS", help="Model files of lookalike fit --shard, or a pattern."),
    ],
    output: Output,
    quiet: common.Quiet = False,
) -> None:
    """Make one model of the models of all parts: the one that a fit on all images gives.

    Try: lookalike model merge part-*.lookalike -o whole.lookalike
    """
    paths = common.model_files(parts)
    common.check_model(output, "", False)
    for path in paths:
        common.check_file("--output", output, [path])
    with common.progress(quiet) as tell:
        tell("reading and merging parts", 0, None)
        whole = lookalike.load_shards(paths)
        # A model's file keeps it, so that nobody who asks for probabilities or rejection has to wait for it.
        tell("how sure answers are", 0, None)
        whole.rejection_basis()
        tell("writing the model", 0, None)
        lookalike.save_model(whole, output)
    common.say_written("model", output, quiet)


def info(model: common.Model, as_json: common.Json = False) -> None:
    """Say what a model file holds, and what it is worth.

    That is its idea, its classes, what it was fitted on and how it was judged. It reads the head of the file
    alone: whether the rest is whole, the commands that use a model find out. Try: lookalike info
    digits.lookalike
    """
    found = lookalike.model_info(model)
    if as_json:
        facts = vars(found) | {
            "classes": dict(found.classes),
            "data": None if found.data is None else found.data._asdict(),
            "figures": dict(found.figures),
            "network": None if found.network is None else found.network._asdict(),
            "parameters": dict(found.parameters),
        }
        typer.echo(json.dumps(facts, indent=2))
        return
    lines = _lines(found)
    width = min(_WIDEST, max(len(name) for name, _ in lines))
    for name, value in lines:
        typer.echo(f"{plain(name):<{width}}  {plain(value)}")


def _lines(found: ModelInfo) -> list[tuple[str, str]]:
    """Return names and values as people read them."""
    from lookalike.show.columns import BYTES

    total = sum(count for _, count in found.classes)
    shape = found.image_shape or (f"rows of {found.n_features} numbers",)
    lines = [
        ("idea", f"{found.title} ({found.idea})"),
        ("images", f"{total:,} of {'x'.join(map(str, shape))}"),
        ("classes", ", ".join(f"{name} ({count:,})" for name, count in found.classes)),
        *(("preparation", step) for step in found.preparation),
    ]
    if found.data is not None:
        lines.append(("fitted on", f"{found.data.name}, {found.data.n:,} images, sha256 {found.data.sha256}"))
    if found.network is not None:
        lines.append(("needs", f"the network {found.network.path}, sha256 {found.network.sha256}"))
    if found.changed:
        lines.append(("changed", "it learned or forgot images since: the figures are those of before"))
    lines += [
        (name, f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in found.figures.items()
    ]
    lines.append(
        ("file", f"{BYTES.text(found.size)}, written by lookalike {found.library}, schema {found.schema}")
    )
    lines.append(("checked", "the head alone; what uses the model checks the whole file"))
    return lines


@common.alone_with_model
def teach(
    model: common.Model,
    images: Annotated[
        list[str],
        Argument(
            metavar="IMAGES", help="Images, folders, zips or tars of them, patterns, or - for standard input."
        ),
    ],
    label: Annotated[
        str,
        Option(
            "--label",
            metavar="LABEL",
            help="What they show. A new label is a new class.",
        ),
    ],
    resize: common.Resize = False,
    skip_bad: common.SkipBad = False,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    follow_links: common.FollowLinks = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
) -> None:
    """Teach a model images that it should know.

    They are added to its file. Prints a line an image, with tabs between: its name, its number in the model
    (which lookalike forget takes), what was answered before and what is answered now. Beside numbers a text,
    such as blank, may be taught: all labels are texts then. Try: lookalike teach digits.lookalike crop.png
    --label 8
    """
    import numpy as np

    found = common.find_images(images, label_column, header, follow_links)
    common.check_folded(model)
    common.check_file("teach", model)
    fitted = lookalike.load_model(model)
    shape = common.model_shape(fitted.image_shape_, model)
    value = fitted.recogniser_.labels.from_text(label, "--label")
    classes = len(fitted.classes_)
    with common.progress(quiet) as tell:
        tell("reading images", 0, found.count)
        own = fitted.recogniser_
        how = {"resize": resize, "skip_bad": skip_bad, "reading": own.reading, "sizes": own.sizes}
        names, pixels = found.whole(shape, **how)
        tell("teaching", 0, None)
        before = fitted.predict(pixels).tolist()
        # A model of class means keeps no images, and gives no numbers.
        ids = fitted.teach(pixels, np.full(len(pixels), value)).tolist() or [None] * len(pixels)
        now = fitted.predict(pixels).tolist()
        lookalike.save_model(fitted, model)
    rows = list(zip(names, ids, before, now, strict=True))
    if as_json:
        typer.echo(json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows], indent=2))
    else:
        for row in rows:
            typer.echo("\t".join(field("-" if cell is None else cell) for cell in row))
    common.say_bad(found, quiet)
    if len(fitted.classes_) > classes:
        common.say_notes([f"{label} is a new class; there are {len(fitted.classes_)} now."], quiet)


@common.alone_with_model
def forget(
    model: common.Model,
    ids: Annotated[
        list[str],
        Argument(metavar="IDS", help="Numbers of images, as lookalike teach and explain print them (id)."),
    ],
    quiet: common.Quiet = False,
) -> None:
    """Take training images out of a model file.

    A class that was taught and has no image left is gone too. Try: lookalike forget digits.lookalike 1797
    """
    from lookalike.text import quoted

    for text in ids:
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise InputError(f"{quoted(text, 40)} is no image's number: expected one that {_SAID_BY}")
    numbers = [*map(int, ids)]
    common.check_folded(model)
    fitted = lookalike.load_model(model)
    if not hasattr(fitted, "ids_"):
        raise InputError(f"{plain(model)} keeps no training images, only their means: it cannot forget one")
    for number in numbers:
        if number not in fitted.ids_:
            raise InputError(f"no training image has the number {number}: expected one that {_SAID_BY}")
    before = list(map(str, fitted.classes_))
    with common.warned(quiet):
        fitted.forget(numbers)
    after = set(map(str, fitted.classes_))  # as texts: they may have become numbers again
    lookalike.save_model(fitted, model)
    count = len(set(numbers))
    images = "1 image was" if count == 1 else f"{count:,} images were"
    gone = [plain(label) for label in before if label not in after]
    them = "it" if count == 1 else "them"
    left = len(fitted.ids_)
    also = f", and with {them} class {', '.join(gone)}" if gone else ""
    typer.echo(f"{images} forgotten{also}; {left:,} {'is' if left == 1 else 'are'} left")
