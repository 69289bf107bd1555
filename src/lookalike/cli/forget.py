"""``lookalike forget``: take training images out of a model."""

from __future__ import annotations

from typing import Annotated

import typer

from lookalike.cli import common
from lookalike.cli.predict import Model
from lookalike.cli.warned import warned

_SAID_BY = "lookalike teach or lookalike explain printed"


def forget(
    model: Model,
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
    with warned(quiet):
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
