"""The command line: its commands, and what becomes of their errors."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from lookalike import settings
from lookalike.cli import data
from lookalike.cli.audit import audit
from lookalike.cli.broadcast import broadcast
from lookalike.cli.compare import compare, curve
from lookalike.cli.cut import cut
from lookalike.cli.evaluate import evaluate
from lookalike.cli.export import export
from lookalike.cli.ideas import ideas
from lookalike.cli.layout import layout
from lookalike.cli.model import fit, forget, info, merge, teach
from lookalike.cli.predict import explain, predict
from lookalike.cli.read import read
from lookalike.cli.serve import app as model_app
from lookalike.cli.serve import serve
from lookalike.cli.watch import watch
from lookalike.errors import LookalikeError
from lookalike.text import plain

app = typer.Typer(
    help="Recognise small images by what they look like, with no training, and see why.",
    # Plain help: Rich's would take half of the time that --help may take.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class _Checked(TyperCommand):
    """A command that refuses settings which cannot be used before it does anything; help needs none."""

    def invoke(self, ctx: Any) -> Any:
        settings.check()
        return super().invoke(ctx)


# A shape may begin with a minus: it is refused as a shape, not taken for an option.
app.command(cls=_Checked, context_settings={"ignore_unknown_options": True})(broadcast)
for _command in (
    audit,
    compare,
    curve,
    cut,
    evaluate,
    explain,
    export,
    fit,
    forget,
    ideas,
    info,
    layout,
    predict,
    read,
    serve,
    data.show,
    teach,
    watch,
):
    app.command(cls=_Checked)(_command)
model_app.command()(merge)
app.add_typer(model_app, name="model", help="Model files: fold what served ones were taught, merge parts.")
app.add_typer(data.app, name="data", help="Images: list, get, path, export, apply, clear-cache.")


def _version(asked: bool) -> None:
    if asked:
        from lookalike import __version__

        typer.echo(f"lookalike {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and stop.")
    ] = False,
) -> None:
    pass


def run() -> None:
    """Run the command line; end with 0 done, 2 usage or bad input, 130 interrupted, 141 unread."""
    try:
        app(prog_name="lookalike")
    except SystemExit as end:
        # Typer ends with 1, which here says that a check found something; a closed pipe ends others with 141.
        if isinstance(end.__context__, BrokenPipeError):
            sys.exit(141)
        raise
    except LookalikeError as error:
        _fail(str(error))
    except OSError as error:
        # A file of the user's that cannot be read or written: a traceback would not help. What is printed has
        # no file's name.
        _fail(f"{error.filename or 'standard output'}: {error.strerror or error}")


def _fail(message: str) -> None:
    """Say what was wrong in one line, and end."""
    typer.echo(f"lookalike: {plain(' '.join(message.split()))}", err=True)
    sys.exit(2)
