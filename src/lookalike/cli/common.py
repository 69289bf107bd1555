"""What every command does alike: where it prints, how it shows progress, how it fails."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

# Images that go to a file or a pipe stand side by side as in a wide terminal.
_PIPE_WIDTH = 160

Data = Annotated[
    str, typer.Argument(metavar="DATA", help="A known set (see: lookalike data list), or a folder or file.")
]
Classes = Annotated[str, typer.Option("--classes", metavar="LABELS", help="Only these classes: 3,7")]
Size = Annotated[
    str, typer.Option("--size", metavar="SIZE", help="Resize every image to HEIGHTxWIDTH, or to a square: 28")
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="At most this many images of each part, drawn evenly."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="What random choices are drawn from.")]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Leave out unreadable images, and list them.")]
Ideas = Annotated[
    list[str],
    typer.Option(
        "--ideas",
        metavar="IDEAS",
        help="Names of ideas (ink-coverage,mean-image-l2), or a Python file of your own ideas, which "
        "is RUN and measured beside ours, or both (my_ideas.py,mean-image-l2). Can be given several times.",
    ),
]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write one self-contained HTML page to this file."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV instead.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no messages: results and errors only.")
]


def console() -> Console:
    """Return the console for results: standard output, as wide as the terminal; lines of a pipe are whole."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    width = _PIPE_WIDTH if piped else None
    return Console(width=width, soft_wrap=piped, highlight=False, markup=False, emoji=False)


def show(parts: Iterable[Any]) -> None:
    """Print results, one below the other; what is wider than the terminal is not cut."""
    out = console()
    for part in parts:
        out.print(part, crop=False)


def stderr() -> Console:
    """Return the console for messages and progress: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress(quiet: bool = False, *, bar: bool = True) -> Iterator[Progress]:
    """Draw a progress bar on standard error while the block runs, where that is a terminal.

    What lookalike warns of meanwhile is said when the block is done; where it fails, its error alone is said.
    """
    from lookalike.cli.warned import warned

    with warned(quiet), _progress(bar and not quiet) as tell:
        yield tell


@contextmanager
def _progress(bar: bool) -> Iterator[Progress]:
    """Draw a progress bar, where that is wanted and standard error is a terminal."""
    shown = stderr()
    if not bar or not shown.is_terminal:
        yield silent
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=shown, transient=True) as bars:
        task = bars.add_task("", total=None, visible=False)
        current = ""

        def tell(what: str, done: int, total: int | None) -> None:
            nonlocal current
            from lookalike.text import plain

            # Rich takes a total of None for no change, and would go on showing the last one.
            bars.tasks[0].total = total
            if what != current:
                current = what
                bars.reset(task, description=plain(what))
            bars.update(task, completed=done, visible=True)

        yield tell


def split_list(text: str) -> list[str] | None:
    """Return the parts of a list like ``3,7``, or None for no text."""
    return [part.strip() for part in text.split(",") if part.strip()] or None


def parse_size(text: str) -> tuple[int, int] | None:
    """Return ``28`` or ``20x32`` as (height, width), or None for no text."""
    from lookalike.errors import InputError

    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--size is {text!r}: expected HEIGHTxWIDTH in pixels, such as 20x32, or one number")
    return int(parts[0]), int(parts[-1])


def chosen_ideas(texts: list[str]) -> list[Any] | None:
    """Return the ideas that were named; files of the user's own come beside the default ones."""
    from lookalike.evaluation.ideas import candidates, from_file
    from lookalike.registry import IDEAS

    names: list[Any] = [part for part in _idea_parts(texts) if not part.endswith(".py")]
    own = [found for path in idea_files(texts) for found in from_file(path)]
    if not names and own:
        names = [idea for idea in IDEAS if idea.by_default]
    chosen = names + own or None
    # A name that is not known should be said before images are read.
    candidates(chosen)
    return chosen


def idea_files(texts: list[str]) -> list[Path]:
    """Return the Python files among what was given for --ideas."""
    return [Path(part) for part in _idea_parts(texts) if part.endswith(".py")]


def _idea_parts(texts: list[str]) -> list[str]:
    """Return each name and file that was given for --ideas, which takes lists of both."""
    return [
        part
        for text in texts
        # A file's own name may have commas.
        for part in ([text] if Path(text).is_file() and text.endswith(".py") else split_list(text) or [])
    ]


def check_one_format(as_json: bool, as_csv: bool) -> None:
    """Refuse --json and --csv together."""
    from lookalike.errors import InputError

    if as_json and as_csv:
        raise InputError("--json and --csv were both given: expected one of them")


def command_line() -> str:
    """Return the command that is running, as one would type it."""
    import shlex

    return "lookalike " + shlex.join(sys.argv[1:])


def say_notes(*notes: str) -> None:
    """Say what was decided on the way, each note once."""
    from lookalike.text import plain

    shown = stderr()
    for note in dict.fromkeys(notes):
        shown.print(plain(f"note: {note}"), style="dim", soft_wrap=True)


def say_written(what: str, path: Path, quiet: bool) -> None:
    """Say where a file was written."""
    from lookalike.text import plain

    if not quiet:
        stderr().print(plain(f"{what}: {path.resolve()}"), soft_wrap=True)


def refuse_no_figures(errors: list[str | None]) -> None:
    """End with an error where not one idea has figures; each idea has said in its row why.

    Parameters
    ----------
    errors : list of str or None
        What became of each idea: None where it has figures.
    """
    from lookalike.errors import InputError

    if all(errors):
        raise InputError(f"not one idea has figures: {errors[0]}")
