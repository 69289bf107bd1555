"""``lookalike data`` and ``show``: known sets, images as files, and images in the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, Option

import lookalike
from lookalike.cli import common
from lookalike.errors import DataError, InputError, install, unknown
from lookalike.text import one_form, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lookalike.data.known import KnownSet, Place
    from lookalike.data.labelled import LabelledImages

#: A table of findings has at most so many bytes.
_MOST_TABLE = 1 << 28

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


def _names(incomplete: str) -> list[str]:
    """Return the known sets that a word can become, for shells."""
    from lookalike.data.known import names

    return [name for name in names() if name.startswith(incomplete)]


Name = Annotated[
    str, Argument(metavar="NAME", help="A known set: see lookalike data list.", autocompletion=_names)
]


@app.command("list")
def list_sets(as_json: Annotated[bool, Option("--json", help="As JSON.")] = False) -> None:
    """List the known sets: what they are, their size and licence, and where they were found."""
    from lookalike.data.known import KNOWN

    facts = [_facts(known) for known in KNOWN]
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    from lookalike.show.columns import SHOWN, WORDS, Column, Table
    from lookalike.show.terminal import FittedTable

    columns = (
        Column("name", "name", lambda fact: fact["name"], WORDS, SHOWN),
        Column("title", "what", lambda fact: fact["title"], WORDS, SHOWN, folds=True),
        Column("images", "images", lambda fact: fact["images"], WORDS, SHOWN, goes=2),
        Column("where", "where", _where_text, WORDS, SHOWN, goes=1),
        Column("licence", "licence", lambda fact: fact["licence"], WORDS, SHOWN, goes=3),
    )
    common.show([FittedTable(Table(columns, facts))])


@app.command("get")
def get(name: Name, quiet: common.Quiet = False) -> None:
    """Download a known set into the cache, unless it is here already, and say where it is."""
    from lookalike.data import known

    wanted = known.known_set(name)
    with common.progress(quiet) as progress:
        place = known.get(wanted, progress)
    typer.echo(place.path)


@app.command("path")
def path(name: Name) -> None:
    """Say where a known set is; fail where it must be downloaded first."""
    from lookalike.data import known

    place = known.where(known.known_set(name))
    if place is None:
        raise DataError(f"{name} is not here: lookalike data get {name}")
    typer.echo(place.path)


@app.command("export")
def export(
    data: Annotated[str, Argument(metavar="DATA", help="A known set, a folder or file, or a model file.")],
    folder: Annotated[Path, Argument(metavar="FOLDER", help="A new folder to write.")],
    per_class: Annotated[
        int | None,
        Option("--per-class", metavar="N", min=1, help="At most so many training images of each class."),
    ] = None,
    classes: common.Classes = "",
    seed: common.Seed = 0,
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    quiet: common.Quiet = False,
) -> None:
    """Write images as PNG files: FOLDER/train/CLASS/NAME.png, and the other part beside train.

    Of a model file they are the training images that it keeps, taught ones included, each named by its id.
    Try: lookalike data export digits crops --per-class 5
    """
    from lookalike.data.load import few_of_each
    from lookalike.data.readers.folders import write_folder

    common.check_folder(folder, common.data_files(data))
    with common.progress(quiet) as tell:
        options = common.loading(classes, "", None, seed, False, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        parts = _of_model(data, options["classes"]) or lookalike.load(data, **options)
        train, *others = parts
        if per_class is not None:
            train = few_of_each(train, per_class, seed)
        renamed = write_folder((train, *others), folder, tell)
    common.say_notes([*train.source.notes, *renamed], quiet)
    for part in (train, *others):
        where = plain((folder / part.source.part).as_posix())
        typer.echo(f"{where}\t{len(part):,} images of {len(part.class_names)} classes")


@app.command("apply")
def apply(
    findings: Annotated[
        Path, Argument(metavar="FINDINGS", help="A table of lookalike audit --write, or of its page.")
    ],
    folder: Annotated[Path, Option("--output", "-o", metavar="FOLDER", help="A new folder to write.")],
    data: Annotated[
        str, Option("--data", metavar="DATA", help="The images, where they are elsewhere by now.")
    ] = "",
    size: common.Size = "",
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    quiet: common.Quiet = False,
) -> None:
    """Write a cleaned copy of audited images: some are left out or relabelled, as the table says.

    The images themselves are not touched. What changed is counted, and the table goes with the copy. Of a
    model file they are the training images that it keeps.
    Try: lookalike data apply findings.csv -o clean
    """
    from lookalike.audit.auditing import apply_changes
    from lookalike.audit.findings import read_csv
    from lookalike.data.load import load_to_audit
    from lookalike.data.readers.folders import write_folder
    from lookalike.files import read_file, write_whole

    table = read_file(findings, findings, _MOST_TABLE)
    named, changes = read_csv(table, str(findings))
    if not (data or named):
        raise InputError(f"{plain(findings)} names no data: expected --data DATA beside it")
    source = data or named
    common.check_folder(folder, common.data_files(source))
    with common.progress(quiet) as tell:
        options = common.loading("", size, None, 0, False, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        parts = apply_changes(_of_model(source, None) or load_to_audit(source, **options), changes)
        renamed = write_folder(parts, folder, tell)
    write_whole(folder / "findings.csv", table)
    common.say_notes(renamed, quiet)
    for part in parts:
        typer.echo(plain(part.source.notes[-1]))


@app.command("clear-cache")
def clear_cache() -> None:
    """Delete what was downloaded and compiled: it is made again when it is needed."""
    from lookalike import settings
    from lookalike.data import known

    freed = known.clear_cache()
    typer.echo(f"{freed:,} bytes freed in {plain(settings.cache_folder())}")


def _of_model(data: str, classes: list[str] | None) -> tuple[LabelledImages] | None:
    """Return the training images that a model's file keeps, of some classes; None where it is no model."""
    from lookalike.data.load import chosen_classes

    path = common.model_file(data)
    return None if path is None else (chosen_classes(lookalike.kept_images(path), classes),)


def _facts(known: KnownSet) -> dict[str, Any]:
    """Return one known set as plain data."""
    from lookalike.data.known import known_set, where

    place: Place | None = where(known)
    origin = known if known.derived_from is None else known_set(known.derived_from)
    return {
        "name": known.name,
        "title": known.title,
        "images": known.images,
        "download_bytes": sum(file.size for file in origin.files),
        "where": None if place is None else str(place.path),
        "found_in": None if place is None else place.kind,
        "licence": known.licence,
        "source": known.source,
    }


def _where_text(fact: dict[str, Any]) -> str:
    if fact["where"] is None:
        return f"to download, {fact['download_bytes'] / 2**20:.0f} MB"
    return "with scikit-learn" if fact["found_in"] == "embedded" else str(fact["where"])


def show(
    data: common.Data,
    class_name: Annotated[str, Option("--class", metavar="LABEL", help="Only images of this class.")] = "",
    n: Annotated[int, Option("--n", metavar="N", min=1, help="How many images.")] = 10,
    pixels: Annotated[bool, Option("--pixels", help="Print the numbers of one image instead.")] = False,
    part: Annotated[Literal["train", "valid"], Option("--part", help="Which part.")] = "train",
    limit: common.Limit = None,
    size: common.Size = "",
    seed: common.Seed = 0,
    skip_bad: common.SkipBad = False,
    zip_encoding: common.ZipEncoding = None,
    label_column: common.LabelColumn = None,
    header: common.Header = None,
    label_from: common.LabelFrom = None,
    nested: common.Nested = False,
    follow_links: common.FollowLinks = False,
    quiet: common.Quiet = False,
) -> None:
    """Draw some images of a set in the terminal.

    Each class has its turn; class and name stand below. They are made to fit the terminal, and faint ones are
    shown with their levels spread. With --pixels, print the numbers of one image as a
    table shaded by value, with its rank, shape, dtype and range, as an array and as a tensor.
    """
    with common.progress(quiet) as tell:
        options = common.loading("", size, limit, seed, skip_bad, tell) | common.layout(
            zip_encoding, label_column, header, label_from, nested, follow_links
        )
        split = lookalike.load(data, **options)
    images = split.train if part == "train" else split.valid
    console = common.console()
    class_name = one_form(class_name)
    indices = _chosen(images, class_name, 1 if pixels else n, seed)
    if pixels:
        _print_numbers(images, int(indices[0]))
        return
    from lookalike.images import sizes
    from lookalike.show.images import as_bytes, stretched
    from lookalike.show.terminal import ImageGrid

    shape = sizes(images.images.shape[1:])
    of = f"class {plain(class_name)}" if class_name else f"{len(images.class_names)} classes"
    console.print(
        f"{plain(images.source.name)} ({part}): {len(indices)} of {len(images):,} images, "
        f"{shape} {images.images.dtype}, {of}"
    )
    named = [(str(images.labels[index]), images.names[index]) for index in indices]
    # The class is said once where the name's folder is the class.
    captions = [name if name.split("/")[0] == label else f"{label}  {name}" for label, name in named]
    given = [images.images[index] for index in indices]
    shown = [stretched(image) for image in given]
    console.print(ImageGrid(shown, captions), end="")
    faint = sum(bool((one != as_bytes(image)).any()) for one, image in zip(shown, given, strict=True))
    if faint:
        are = "1 image is" if faint == 1 else f"{faint:,} images are"
        common.say_notes([f"{are} faint: their levels are spread here, over 0 to 255."], quiet)


def _print_numbers(images: LabelledImages, index: int) -> None:
    """Print what one image is, as array and as tensor, and its numbers."""
    from importlib.util import find_spec

    from lookalike.data.bridges import channels_first
    from lookalike.images import describe
    from lookalike.show.terminal import PixelTable

    console = common.console()
    image = images.images[index]
    # What the tensors are is known without torch, which takes seconds to import.
    absent = "" if find_spec("torch") else f" (torch is not installed: {install('torch')})"
    given, ready = describe(image), describe(channels_first(image[None])[0])
    console.print(f"{plain(images.names[index])}, class {plain(images.labels[index])}")
    console.print(f"array        {given}")
    console.print(f"tensor       {given.replace(str(image.dtype), f'torch.{image.dtype}')}{absent}")
    console.print(f".to_torch()  {ready.replace('float32', 'torch.float32')}")
    console.print(PixelTable(image), end="", soft_wrap=True)


def _chosen(images: LabelledImages, class_name: str, n: int, seed: int) -> NDArray[Any]:
    """Return the indices of up to ``n`` images drawn at random: of one class, or of each class in turn."""
    import numpy as np

    from lookalike.data.labelled import face_values

    labels = dict(zip(images.class_names, face_values(images.class_names), strict=True))
    if class_name and class_name not in labels:
        raise InputError(unknown("class", class_name, images.class_names))
    wanted = [class_name] if class_name else list(images.class_names)
    generator = np.random.default_rng(seed)
    drawn = [generator.permutation(np.flatnonzero(images.labels == labels[name])) for name in wanted]
    turns = max(len(indices) for indices in drawn)
    in_turn = [indices[turn] for turn in range(min(turns, n)) for indices in drawn if turn < len(indices)]
    return np.array(in_turn[:n])
