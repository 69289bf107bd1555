"""``lookalike teach``: show a model further images, so that it knows them from then on."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from lookalike.cli import common
from lookalike.cli.predict import Model, Resize, model_shape, say_bad

_COLUMNS = ("image", "id", "before", "now")


def teach(
    model: Model,
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGES", help="Images, folders, zips or tars of them, patterns, or - for standard input."
        ),
    ],
    label: Annotated[
        str,
        typer.Option(
            "--label",
            metavar="LABEL",
            help="What they show. A new label is a new class: a number, where the others are numbers.",
        ),
    ],
    resize: Resize = False,
    skip_bad: common.SkipBad = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
) -> None:
    """Teach a model images that it should know.

    They are added to its file. Prints a line an image, with tabs between: its name, its number in the model
    (which lookalike forget takes), what was answered before and what is answered now. A model of numbers
    cannot be taught a class with another name, such as blank: add a folder of that name to the folders of the
    others and fit again. Try: lookalike teach digits.lookalike crop.png --label 8
    """
    import numpy as np

    import lookalike
    from lookalike.data.loose import find

    found = find(images, sys.stdin.buffer if "-" in images else None)
    fitted = lookalike.load_model(model)
    shape = model_shape(fitted, model)
    value = _value(label, fitted)
    classes = len(fitted.classes_)
    with common.progress(quiet) as tell:
        tell("reading images", 0, found.count)
        batches = list(found.batches(shape, resize=resize, skip_bad=skip_bad))
        names = [name for batch in batches for name in batch.names]
        pixels = np.concatenate([batch.images for batch in batches])
        tell("teaching", 0, None)
        before = fitted.answered(pixels)[0].tolist()
        # A model of class means keeps no images, and gives no numbers.
        ids = fitted.teach(pixels, np.full(len(pixels), value)).tolist() or [None] * len(pixels)
        now = fitted.answered(pixels)[0].tolist()
        lookalike.save_model(fitted, model)
    _show(
        [dict(zip(_COLUMNS, row, strict=True)) for row in zip(names, ids, before, now, strict=True)], as_json
    )
    if quiet:
        return
    if found.bad:
        say_bad(found)
    if len(fitted.classes_) > classes:
        common.say_notes(f"{label} is a new class; there are {len(fitted.classes_)} now.")


def _value(text: str, fitted: Any) -> Any:
    """Return a label as the model's labels are, refusing a text where they are whole numbers."""
    from lookalike.data.labelled import face_values
    from lookalike.errors import InputError
    from lookalike.files import MAX_NAME
    from lookalike.text import listed, quoted

    if not 0 < len(text.strip()) <= MAX_NAME or not text.isprintable():
        raise InputError(f"--label is {quoted(text, 40)}: expected 1 to {MAX_NAME} printable characters")
    if fitted.classes_.dtype.kind not in "iu":
        return text
    value = face_values([text])[0]
    if isinstance(value, str):
        raise InputError(
            f"--label is {quoted(text, 40)}: the classes of this model are whole numbers without leading "
            f"zeros ({listed(fitted.classes_, 3)}), and so is one that is taught; for a class of another "
            "name, add a folder of that name to the folders of the others and fit again"
        )
    return value


def _show(rows: list[dict[str, Any]], as_json: bool) -> None:
    """Print what became of each image."""
    from lookalike.text import plain

    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo("\t".join(plain("-" if cell is None else cell) for cell in row.values()))
