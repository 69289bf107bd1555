"""``lookalike serve`` and ``lookalike model compact``: a page and a REST API, and what they taught."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from lookalike.cli import common
from lookalike.errors import InputError

#: Where the token is looked for that is not to be seen among the processes.
_TOKEN = "LOOKALIKE_TOKEN"
_LEAST_TOKEN = 16

app = typer.Typer(no_args_is_help=True)


Models = Annotated[
    list[Path] | None,
    Argument(
        metavar="[MODEL]...",
        help="Model files; without one the embedded digits are fitted.",
        show_default=False,
    ),
]
Host = Annotated[
    str,
    Option(
        "--host",
        metavar="ADDRESS",
        help="The address to listen on; others than this machine's own need a token.",
    ),
]
Port = Annotated[
    int, Option("--port", metavar="N", min=0, max=65535, help="The port; 0 is any that is free.")
]
NoBrowser = Annotated[bool, Option("--no-browser", help="Do not open the page in a browser.")]
Token = Annotated[
    str,
    Option(
        "--token",
        metavar="FILE",
        help=f"A file with the token that whoever asks must know; or set {_TOKEN}. It is no word on the "
        "command line, where every user of the machine could read it.",
    ),
]
Folder = Annotated[
    Path | None,
    Option(
        "--folder",
        metavar="DIR",
        help="Where models are kept that are made on the page; those there are served too.",
    ),
]
LogUncertain = Annotated[
    Path | None,
    Option(
        "--log-uncertain",
        metavar="DIR",
        help="Keep uploaded images that are rejected or less likely than 0.75 in this folder, up to 1,000, "
        "to be labelled on the page.",
    ),
]


Layout = Annotated[
    Path | None,
    Option(
        "--layout",
        metavar="FILE",
        help="A layout of photographs, by which the one MODEL reads the values on them.",
    ),
]


def serve(
    models: Models = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    no_browser: NoBrowser = False,
    token: Token = "",
    folder: Folder = None,
    log_uncertain: LogUncertain = None,
    layout: Layout = None,
    quiet: common.Quiet = False,
) -> None:
    """Serve models: a page to draw on, see why and teach, and a REST API.

    What is taught is on the disk before it is acknowledged: in a journal beside each model file, which
    lookalike model compact folds into it. Try: lookalike serve digits.lookalike
    """
    from lookalike.web.serving import Address, opened

    secret = _read_token(token)
    with common.progress(quiet) as tell:
        found = opened(
            models or [],
            Address(host, port),
            folder=folder,
            token=secret,
            uncertain=log_uncertain,
            layout=layout,
            progress=tell,
        )
    common.say(f"serving {', '.join(found.names)} at {found.site.address}", quiet)
    common.say(f"taught images are kept beside each model; models made on the page in {found.folder}", quiet)
    found.site.run(browser=not no_browser)


def _read_token(path: str) -> str | None:
    """Return the token that a file or the environment holds; None where there is none."""
    where = "the file of --token" if path else _TOKEN
    try:
        token = Path(path).read_text(encoding="utf-8").strip() if path else os.environ.get(_TOKEN, "").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "--token names no file that can be read: expected a file that holds the token"
        ) from error
    if not token and not path:
        return None
    if len(token) < _LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(
            f"{where} holds {len(token)} characters: expected {_LEAST_TOKEN} or more, without blanks"
        )
    return token


@app.command()
@common.alone_with_model
def compact(model: common.Model, quiet: common.Quiet = False) -> None:
    """Write what was taught while a model was served into its file, and empty the journal.

    Stop the service first. Try: lookalike model compact digits.lookalike
    """
    from lookalike.web.service import ServedModel, check_known, name_of

    check_known(model)
    served = ServedModel(name_of(model), model)
    try:
        count = served.compact()
    finally:
        served.close()
    typer.echo(f"{count:,} {'change is' if count == 1 else 'changes are'} in {model} now")
