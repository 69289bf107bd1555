"""``lookalike teach`` and ``lookalike forget``: show a model further images, or take some out of it."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from lookalike.cli import common

_COLUMNS = ("image", "id", "before", "now")
_SAID_BY = "lookalike teach or lookalike explain printed"


def teach(
    model: common.Model,
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
    resize: common.Resize = False,
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
    shape = common.model_shape(fitted.image_shape_, model)
    value = _value(label, fitted)
    classes = len(fitted.classes_)
    with common.progress(quiet) as tell:
        tell("reading images", 0, found.count)
        names, pixels = found.whole(shape, resize=resize, skip_bad=skip_bad)
        tell("teaching", 0, None)
        before = fitted.predict(pixels).tolist()
        # A model of class means keeps no images, and gives no numbers.
        ids = fitted.teach(pixels, np.full(len(pixels), value)).tolist() or [None] * len(pixels)
        now = fitted.predict(pixels).tolist()
        lookalike.save_model(fitted, model)
    _show(
        [dict(zip(_COLUMNS, row, strict=True)) for row in zip(names, ids, before, now, strict=True)], as_json
    )
    if quiet:
        return
    common.say_bad(found)
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


def forget(
    model: common.Model,
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="IDS", help="Numbers of images, as lookalike teach and explain print them (id)."
        ),
    ],
    quiet: common.Quiet = False,
) -> None:
    """Take training images out of a model file.

    A class that was taught and has no image left is gone too. Try: lookalike forget digits.lookalike 1797
    """
    import lookalike
    from lookalike.errors import InputError
    from lookalike.text import plain

    numbers = [_number(text) for text in ids]
    fitted = lookalike.load_model(model)
    if not hasattr(fitted, "ids_"):
        raise InputError(f"{plain(model)} keeps no training images, only their means: it cannot forget one")
    _check_known(numbers, set(fitted.ids_.tolist()))
    before = fitted.classes_.tolist()
    with common.warned(quiet):
        fitted.forget(numbers)
    lookalike.save_model(fitted, model)
    count = len(set(numbers))
    images = "1 image was" if count == 1 else f"{count:,} images were"
    gone = [plain(label) for label in before if label not in fitted.classes_.tolist()]
    them = "it" if count == 1 else "them"
    left = len(fitted.ids_)
    also = f", and with {them} class {', '.join(gone)}" if gone else ""
    typer.echo(f"{images} forgotten{also}; {left:,} {'is' if left == 1 else 'are'} left")


def _check_known(numbers: list[int], known: set[int]) -> None:
    """Refuse the number of no image, and say where numbers are to be had."""
    from lookalike.errors import InputError

    for number in numbers:
        if number not in known:
            raise InputError(f"no training image has the number {number}: expected one that {_SAID_BY}")


def _number(text: str) -> int:
    """Return an image's number."""
    from lookalike.errors import InputError
    from lookalike.text import quoted

    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise InputError(f"{quoted(text, 40)} is no image's number: expected one that {_SAID_BY}")
    return int(text)
