"""What every command does alike: its options, where it prints, how it shows progress, what it refuses."""

from __future__ import annotations

import glob
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lookalike.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import Console

    from lookalike.data.loose import LooseImages

_PAGES = (".html", ".htm")
_PICTURES = (".png", ".svg")
_NUMBER = re.compile(r"\d[\d,]*")
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
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file: see lookalike fit.")]
Resize = Annotated[bool, typer.Option("--resize", help="Resize images to the model's size.")]
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


def show_result(found: Any, as_json: bool, as_csv: bool) -> None:
    """Print a result in the form that was asked for."""
    from lookalike.show import tables

    if as_json:
        typer.echo(found.to_json())
    elif as_csv:
        typer.echo(tables.to_csv(found), nl=False)
    else:
        show(tables.terminal(found))


def stderr() -> Console:
    """Return the console for messages and progress: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


@contextmanager
def progress(quiet: bool = False, *, bar: bool = True) -> Iterator[Progress]:
    """Draw a progress bar on standard error while the block runs, where that is a terminal.

    What lookalike warns of meanwhile is said when the block is done; where it fails, its error alone is said.
    """
    with warned(quiet), _progress(bar and not quiet) as tell:
        yield tell


@contextmanager
def _progress(bar: bool) -> Iterator[Progress]:
    """Draw a progress bar, where that is wanted and standard error is a terminal."""
    # Rich knows more of terminals; where there surely is none, it need not be imported.
    maybe = sys.stderr.isatty() or any(name in os.environ for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))
    if not bar or not maybe or not (shown := stderr()).is_terminal:
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


@contextmanager
def warned(quiet: bool = False) -> Iterator[None]:
    """Hold back lookalike's warnings while the block runs, and say each kind once when it is done.

    Warnings that differ in their numbers alone are of one kind: the first is said, and how often it came
    again. Where the block fails, its error is all that is said.
    """
    from lookalike.errors import LookalikeWarning

    kinds: dict[str, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("always", LookalikeWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if issubclass(category, LookalikeWarning):
                kinds.setdefault(_NUMBER.sub("#", str(message)), []).append(str(message))
            else:
                others(message, category, *where, **more)

        warnings.showwarning = show
        yield
    if not quiet:
        _say(kinds)


def _say(kinds: dict[str, list[str]]) -> None:
    """Say one line of each kind."""
    if not kinds:
        return
    from lookalike.text import plain

    shown = stderr()
    for first, *again in kinds.values():
        often = f" (and {len(again):,} more like it)" if again else ""
        shown.print(plain(f"warning: {first}{often}"), style="yellow", soft_wrap=True)


def spare_linear_algebra() -> None:
    """Keep Numba from importing SciPy's linear algebra, which takes longer than an answer.

    Its first call of compiled code looks for a BLAS there; none of our kernels multiplies matrices.
    """
    name = "scipy.linalg.cython_blas"
    if name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # what is None cannot be imported
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[name]


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


def loading(
    classes: str, size: str, limit: int | None, seed: int, skip_bad: bool, progress: Progress
) -> dict[str, Any]:
    """Return what those that load labelled images are called with, by the options of that name."""
    return {
        "classes": split_list(classes),
        "size": parse_size(size),
        "limit": limit,
        "seed": seed,
        "skip_bad": skip_bad,
        "progress": progress,
    }


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
    """End with an error where each idea has one (None: it has figures); its row has said why."""
    from lookalike.errors import InputError

    if all(errors):
        raise InputError(f"not one idea has figures: {errors[0]}")


def model_shape(shape: tuple[int, ...] | None, path: Path) -> tuple[int, ...]:
    """Return the shape of a model's images, refusing one that was fitted on rows of numbers."""
    from lookalike.errors import InputError
    from lookalike.text import plain

    if shape is None:
        raise InputError(f"{plain(path)} was fitted on rows of numbers: expected a model of images")
    return shape


def checked_level(reject: float) -> float:
    """Return a level of rejection, refusing what is none."""
    from lookalike.errors import InputError

    if not 0 < reject < 1:
        raise InputError(f"--reject is {reject:g}: expected a level above 0 and below 1, for example 0.05")
    return reject


def say_bad(found: LooseImages) -> None:
    """Say which files were skipped."""
    if found.bad:
        say_notes(found.skipped, *found.bad)


# Files that a command is to write: refused before the work starts where they cost what the user has.


def check_report(path: Path | None, inputs: Iterable[object] = ()) -> None:
    """Refuse a report that is no page by its name, that cannot be written, or that is an input."""
    _check("--report", path, inputs, _PAGES)


def check_plot(path: Path | None, inputs: Iterable[object] = ()) -> None:
    """Refuse a plot that is no picture we draw by its name, that cannot be written, or that is an input."""
    _check("--plot", path, inputs, _PICTURES)


def check_model(path: Path, data: str, card: bool) -> None:
    """Refuse a model file that would replace something else, that cannot be written, or that is an input."""
    from lookalike.errors import InputError, ModelFileError
    from lookalike.store import is_card, model_info

    inputs = data_files(data)
    _check("--output", path, inputs)
    if card:
        beside = path.with_name(path.name + ".md")
        _check("--card", beside, inputs)
        if beside.is_file() and beside.stat().st_size and not is_card(beside):
            raise InputError(f"--card {beside} is there and is no card of a model: rename it, or delete it")
    try:
        # An empty file is what mktemp makes: nothing is lost with it.
        if path.exists() and path.stat().st_size:
            model_info(path)
    except ModelFileError as error:
        raise InputError(
            f"--output {path} is there and is no lookalike model: name another file, or delete it"
        ) from error


def data_files(*names: str) -> list[str]:
    """Return what is read from files: a known set's name is none, whatever is called so here."""
    from lookalike.data.known import names as known

    return [name for name in names if name and name not in known()]


def _check(option: str, path: Path | None, inputs: Iterable[object], endings: tuple[str, ...] = ()) -> None:
    """Refuse a file to write, before long work begins."""
    from lookalike.errors import InputError
    from lookalike.files import check_writable

    if path is None:
        return
    if not path.absolute().parent.is_dir():
        raise InputError(f"{option} {path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise InputError(f"{option} {path} is a folder: expected a file's name")
    if endings and path.suffix.lower() not in endings:
        raise InputError(f"{option} {path}: expected a file's name that ends in {' or '.join(endings)}")
    for given in _paths(inputs):
        if _is_in(path, given):
            where = "lies in" if given.is_dir() else "is"
            raise InputError(f"{option} {path} {where} {given}, which is read: name a file elsewhere")
    try:
        check_writable(path)
    except InputError as error:
        raise InputError(f"{option} {error}") from error
    except OSError as error:
        raise InputError(
            f"{option} {path} cannot be written ({error.strerror or error}): name another file"
        ) from error


def _paths(inputs: Iterable[object]) -> Iterator[Path]:
    """Yield the files and folders that inputs name, as they are read: patterns too."""
    for given in map(str, inputs):
        found = os.path.expanduser(given)
        if os.path.lexists(found):
            yield Path(found)
        elif glob.has_magic(found):
            yield from map(Path, glob.iglob(found, recursive=True))


def _is_in(path: Path, given: Path) -> bool:
    """Return whether a file is what is given, under whatever name, or lies in the folder that is given."""
    target = Path(os.path.realpath(path))
    if given.is_dir():
        return target.is_relative_to(os.path.realpath(given))
    return path.exists() and given.exists() and path.samefile(given)
