"""What every command does alike: its options, where it prints, how it shows progress, what it refuses."""

from __future__ import annotations

import glob
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from lookalike.errors import InputError, LookalikeWarning, ModelFileError
from lookalike.progress import Progress, silent
from lookalike.text import numberless, plain

if TYPE_CHECKING:
    from rich.console import Console

    from lookalike.data.loose import LooseImages
    from lookalike.recognition.recogniser import Recogniser

PAGES = (".html", ".htm")
PICTURES = (".png", ".svg")
# Within so many bytes pages have their title, and pictures say what made them.
_HEAD = 4096
# Images that go to a file or a pipe stand side by side as in a wide terminal.
_PIPE_WIDTH = 160
# Prose is as wide as in a usual terminal.
_FOLDED = 80


def _sets(incomplete: str) -> list[str]:
    """Return the known sets and the files that a word can become, for shells."""
    from lookalike.data.known import names

    files = sorted(path + "/" * os.path.isdir(path) for path in glob.iglob(glob.escape(incomplete) + "*"))
    return [*(name for name in names() if name.startswith(incomplete)), *files]


def _ideas(incomplete: str) -> list[str]:
    """Return what a list of names of ideas can become, for shells."""
    from lookalike.registry import IDEAS

    before, comma, last = incomplete.rpartition(",")
    names = [f"{before}{comma}{one.name}" for one in IDEAS if one.name.startswith(last)]
    return names + sorted(glob.iglob(glob.escape(incomplete) + "*.py"))


Data = Annotated[
    str,
    Argument(
        metavar="DATA",
        help="A known set (see: lookalike data list), or a folder or file.",
        autocompletion=_sets,
    ),
]
Idea = Annotated[
    str,
    Option(
        "--idea",
        metavar="IDEA",
        help="The idea to fit, such as deformable (see: lookalike ideas); by default the best.",
        autocompletion=_ideas,
    ),
]
Classes = Annotated[
    str,
    Option(
        "--classes",
        metavar="LABELS",
        help="Only these classes: 3,7; a name with a comma in quotes: '\"a,b\",c'",
    ),
]
Size = Annotated[
    str, Option("--size", metavar="SIZE", help="Resize every image to HEIGHTxWIDTH, or to a square: 28")
]
Limit = Annotated[
    int | None,
    Option("--limit", metavar="N", min=1, help="At most this many images of each part, drawn evenly."),
]
Seed = Annotated[int, Option("--seed", metavar="N", min=0, help="What random choices are drawn from.")]
SkipBad = Annotated[bool, Option("--skip-bad", help="Leave out unreadable images, and list them.")]
ZipEncoding = Annotated[
    str | None,
    Option("--zip-encoding", metavar="NAME", help="The code page of names in a zip: gbk, or cp932."),
]
LabelColumn = Annotated[
    str | None,
    Option(
        "--label-column",
        metavar="NAME",
        help="The column of a table that holds the labels: its name, first, last or none.",
    ),
]
Header = Annotated[
    bool | None,
    Option(
        "--header/--no-header",
        help="Whether the first line of a table names its columns.",
        show_default=False,
    ),
]
LabelFrom = Annotated[
    str | None,
    Option(
        "--label-from",
        metavar="PATTERN",
        help="What an image shows: what this regular expression finds in its file's name (its part in "
        "parentheses, if it has one), such as '(?P<label>[^_]+)_' in 7_0001.png.",
    ),
]
Nested = Annotated[
    bool, Option("--nested", help="Images lie deeper than in their class's folder: CLASS/2024/may/1.png.")
]
FollowLinks = Annotated[
    bool, Option("--follow-links", help="Follow links that lead out of the folder, as in a hub's cache.")
]
GroupFrom = Annotated[
    str,
    Option(
        "--group-from",
        metavar="PATTERN",
        help="Who wrote each image, or which camera took it: what this regular expression finds in its name "
        "(its part in parentheses, if it has one). New images are expected to be of others.",
    ),
]
Model = Annotated[Path, Argument(metavar="MODEL", help="A model file: see lookalike fit.")]
Resize = Annotated[bool, Option("--resize", help="Resize images to the model's size.")]
Ideas = Annotated[
    list[str],
    Option(
        "--ideas",
        metavar="IDEAS",
        help="Names of ideas (ink-coverage,mean-image-l2), or a Python file of your own ideas, which "
        "is RUN and measured beside ours, or both (my_ideas.py,mean-image-l2). Can be given several times.",
        autocompletion=_ideas,
    ),
]
Report = Annotated[
    Path | None, Option("--report", metavar="FILE", help="Write one self-contained HTML page to this file.")
]
Json = Annotated[bool, Option("--json", help="Print JSON instead.")]
Csv = Annotated[bool, Option("--csv", help="Print CSV instead.")]
Quiet = Annotated[bool, Option("--quiet", "-q", help="No progress, no messages: results and errors only.")]


def console(folded: bool = False) -> Console:
    """Return the console for results: standard output, as wide as the terminal.

    Lines of a pipe are whole, or folded as in a usual terminal where they are prose.
    """
    from rich.console import Console

    piped = not sys.stdout.isatty()
    return Console(
        width=(_FOLDED if folded else _PIPE_WIDTH) if piped else None,
        soft_wrap=piped and not folded,
        highlight=False,
        markup=False,
        emoji=False,
        force_jupyter=False,
    )


def show(parts: Iterable[Any], folded: bool = False) -> None:
    """Print results, one below the other; what is wider than the terminal is not cut."""
    out = console(folded)
    for part in parts:
        out.print(part, crop=False)


def show_title(text: str) -> None:
    """Print what a table is of, as its heading."""
    from rich.text import Text

    show([Text(text, style="bold")])


def show_result(found: Any, as_json: bool, as_csv: bool, head: Mapping[str, str] = {}) -> None:
    """Print a result in the form that was asked for; in JSON, ``head`` comes first."""
    from lookalike.show import tables

    if as_json:
        typer.echo(tables.dumps({**head, **tables.facts_of(found)}))
    elif as_csv:
        typer.echo(tables.to_csv(found), nl=False)
    else:
        show(tables.terminal(found))


def stderr() -> Console:
    """Return the console for messages and progress: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False, force_jupyter=False)


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

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()
    with Bars(*columns, TimeElapsedColumn(), console=shown, transient=True) as bars:
        task = bars.add_task("", total=None, visible=False)

        def tell(what: str, done: int, total: int | None) -> None:
            # Rich takes a total of None for no change, and would go on showing the last one.
            bars.tasks[0].total = total
            if plain(what) != bars.tasks[0].description:
                bars.reset(task, description=plain(what))
            bars.update(task, completed=done, visible=True)

        yield tell


@contextmanager
def warned(quiet: bool = False) -> Iterator[None]:
    """Hold back warnings while the block runs, and say each kind in one line when it is done.

    Warnings that differ in their numbers alone are of one kind: the first is said, and how often it came
    again. Where the block fails, its error is all that is said.
    """
    kinds: dict[str, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("always", LookalikeWarning)

        def show(message: Warning | str, category: type[Warning], file: str, line: int, *more: Any) -> None:
            text = str(message)
            if not issubclass(category, LookalikeWarning):
                # Somebody else's, such as an idea's: in a line, and where it comes from.
                first = (text.strip().splitlines() or [""])[0]
                text = f"{Path(file).name}, line {line}: {category.__name__}: {first}"
            kinds.setdefault(numberless(text), []).append(text)

        warnings.showwarning = show  # type: ignore[assignment]  # nobody names its arguments
        yield
    for first, *again in kinds.values():
        often = f" (and {len(again):,} more like it)" if again else ""
        say(f"warning: {first}{often}", quiet, "yellow")


def say(text: str, quiet: bool = False, style: str | None = None) -> None:
    """Say one line on standard error."""
    if not quiet:
        stderr().print(plain(text), style=style, soft_wrap=True)


def say_notes(notes: Iterable[str], quiet: bool) -> None:
    """Say what was decided on the way, each note once."""
    for note in dict.fromkeys(notes):
        say(f"note: {note}", quiet, "dim")


def say_bad(found: LooseImages, quiet: bool) -> None:
    """Say what was decided on the way, and which files were skipped."""
    say_notes(found.notes, quiet)
    if found.bad:
        say_notes([found.skipped, *found.bad], quiet)


def say_written(what: str, path: Path, quiet: bool) -> None:
    """Say where a file was written."""
    say(f"{what}: {path.resolve()}", quiet)


def write(what: str, path: Path, content: bytes, quiet: bool) -> None:
    """Write a file, and say where."""
    from lookalike.files import write_whole

    write_whole(path, content)
    say_written(what, path, quiet)


def split_list(text: str) -> list[str] | None:
    """Return the parts of a list like ``3,7``, or None for no text."""
    return [part.strip() for part in text.split(",") if part.strip()] or None


def parse_classes(text: str) -> list[str] | None:
    """Return the names in a list like ``3,7``, or None for no text; one with a comma stands in quotes."""
    if '"' not in text:
        return split_list(text)
    import csv

    try:
        return next(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise InputError(
            f"--classes is {text!r} ({error}): expected names with commas between, one that has a comma or "
            "begins with a quote in double quotes, such as '\"a,b\",c'"
        ) from error


def parse_size(text: str) -> tuple[int, int] | None:
    """Return ``28`` or ``20x32`` as (height, width), or None for no text."""
    if not text:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise InputError(f"--size is {text!r}: expected HEIGHTxWIDTH in pixels, such as 20x32, or one number")
    return int(parts[0]), int(parts[-1])


def loading(
    classes: str,
    size: str,
    limit: int | None,
    seed: int,
    skip_bad: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Return what those that load labelled images are called with, by the options of that name."""
    return {
        "classes": parse_classes(classes),
        "size": parse_size(size),
        "limit": limit,
        "seed": seed,
        "skip_bad": skip_bad,
        "progress": progress,
    }


def layout(
    zip_encoding: str | None,
    label_column: str | None,
    header: bool | None,
    label_from: str | None,
    nested: bool,
    follow_links: bool,
) -> dict[str, Any]:
    """Return what those that load labelled images are told of how these lie."""
    return {
        "zip_encoding": zip_encoding,
        "label_column": label_column,
        "header": header,
        "label_from": label_from,
        "nested": nested,
        "follow_links": follow_links,
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
    if as_json and as_csv:
        raise InputError("--json and --csv were both given: expected one of them")


def command_line() -> str:
    """Return the command that is running, as one would type it."""
    import shlex

    return "lookalike " + shlex.join(sys.argv[1:])


def refuse_no_figures(errors: list[str | None]) -> None:
    """End with an error where each idea has one (None: it has figures); its row has said why."""
    if all(errors):
        raise InputError(f"not one idea has figures: {errors[0]}")


def model_shape(shape: tuple[int, ...] | None, path: Path) -> tuple[int, ...]:
    """Return the shape of a model's images, refusing one that was fitted on rows of numbers."""
    if shape is None:
        raise InputError(f"{plain(path)} was fitted on rows of numbers: expected a model of images")
    return shape


def find_images(
    sources: list[str],
    label_column: str | None = None,
    header: bool | None = None,
    follow_links: bool = False,
) -> LooseImages:
    """Find images, one of them on standard input where that is asked for."""
    from lookalike.data.loose import find
    from lookalike.data.readers.layout import checked_layout

    layout = checked_layout(label_column=label_column, header=header, follow_links=follow_links)
    return find(sources, sys.stdin.buffer if "-" in sources else None, layout)


def recogniser(path: Path, shards: bool = False) -> tuple[Recogniser, tuple[int, ...]]:
    """Return what answers in a model's file, or in all files of a pattern, and the shape of its images.

    scikit-learn, which the model's face needs, takes longer to import than an answer. So does SciPy's linear
    algebra, where Numba looks for a BLAS, though none of our kernels multiplies matrices.
    """
    from lookalike.store import load_recogniser, load_shards

    name = "scipy.linalg.cython_blas"
    if name not in sys.modules:
        sys.modules[name] = None  # type: ignore[assignment]  # what is None cannot be imported
        try:
            import numba.np.arraymath  # noqa: F401
        finally:
            del sys.modules[name]
    kept = load_shards(model_files([str(path)])).recogniser_ if shards else load_recogniser(path)
    return kept, model_shape(kept.image_shape, path)


Workers = Annotated[
    int | None,
    Option(
        "--workers",
        metavar="N",
        min=1,
        help="Search nearest images by N processes of this machine, each with its part of them. Needs Dask.",
    ),
]
Scheduler = Annotated[
    str,
    Option(
        "--scheduler",
        metavar="ADDRESS",
        help="Search nearest images on the workers of a Dask cluster: tcp://10.0.0.1:8786. Needs Dask.",
    ),
]


@contextmanager
def on_workers(own: Recogniser, workers: int | None, scheduler: str) -> Iterator[Recogniser]:
    """Give what answers with its images shared out over workers, or as it is where none are asked for."""
    with cluster_of(workers, scheduler) as client:
        if client is None:
            yield own
        else:
            from lookalike.cluster import spread_over

            yield spread_over(own, client)


@contextmanager
def cluster_of(workers: int | None, scheduler: str) -> Iterator[Any]:
    """Give a client of the workers that are asked for; None where none are."""
    if workers is None and not scheduler:
        yield None
        return
    if workers is not None and scheduler:
        raise InputError("--workers and --scheduler are given: expected one of them")
    from lookalike.cluster import connected

    with connected(workers, scheduler) as client:
        yield client


def model_files(patterns: Iterable[str]) -> list[Path]:
    """Return the model files that are named, or meant by patterns, each once, in their order."""
    found: dict[Path, None] = {}
    for given in patterns:
        paths = sorted(glob.glob(os.path.expanduser(given))) if glob.has_magic(given) else [given]
        if not paths:
            raise InputError(f"no file is like {plain(given)}: expected model files, or a pattern of them")
        for path in paths:
            if Path(path) in found:
                raise InputError(f"{plain(path)} is named twice: expected each part once")
            found[Path(path)] = None
    return list(found)


def checked_level(reject: float) -> float:
    """Return a level of rejection, refusing what is none."""
    if not 0 < reject < 1:
        raise InputError(f"--reject is {reject:g}: expected a level above 0 and below 1, for example 0.05")
    return reject


def check_model(path: Path, data: str, card: bool) -> None:
    """Refuse a model file that would replace something else, that cannot be written, or that is an input."""
    from lookalike.store import is_card, model_info

    inputs = data_files(data)
    check_file("--output", path, inputs)
    if card:
        beside = path.with_name(path.name + ".md")
        check_file("--card", beside, inputs)
        if beside.is_file() and beside.stat().st_size and not is_card(beside):
            raise InputError(f"--card {beside} is there and is no card of a model: rename it, or delete it")
    try:
        # An empty file is what mktemp makes: nothing is lost with it.
        if path.exists() and path.stat().st_size:
            model_info(path)
            check_folded(path)
    except ModelFileError as error:
        raise InputError(
            f"--output {path} is there and is no lookalike model: name another file, or delete it"
        ) from error


def alone_with_model(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command that changes a model file have it alone, from reading to writing it.

    Of two that teach at once, one waits; what either is told is done, is in the file.
    """

    @wraps(command)
    def alone_with(*, model: Path, **options: Any) -> None:
        from lookalike.files import alone

        with alone(model):
            command(model=model, **options)

    return alone_with


def check_folded(model: Path) -> None:
    """Refuse to change a model file while its journal holds what it was taught when it was served."""
    from lookalike.web.journal import count_beside

    count = count_beside(model)
    if count:
        raise InputError(
            f"{plain(model)} has {count:,} changes in its journal: fold them into it first, by "
            f"lookalike model compact {plain(model)}"
        )


def data_files(*names: str) -> list[str]:
    """Return what is read from files: a known set's name is none, whatever is called so here."""
    from lookalike.data.known import names as known

    return [name for name in names if name and name not in known()]


def model_file(data: str) -> Path | None:
    """Return the path of what was given for data where it is a model's file."""
    from lookalike.data.load import is_model

    path = Path(data).expanduser()
    if not data_files(data) or not path.is_file():
        return None
    with path.open("rb") as file:
        return path if is_model(file.read(64)) else None


def check_file(
    option: str, path: Path | None, inputs: Iterable[object] = (), endings: tuple[str, ...] = ()
) -> None:
    """Refuse a file to write, before long work begins: of another kind, or that costs what the user has."""
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
        if endings and path.exists() and path.stat().st_size and not _is_ours(path):
            raise InputError(
                f"{path} is there and was not made by lookalike: name another file, or delete it"
            )
    except InputError as error:
        raise InputError(f"{option} {error}") from error
    except OSError as error:
        raise InputError(
            f"{option} {path} cannot be written ({error.strerror or error}): name another file"
        ) from error


def check_folder(folder: Path, inputs: Iterable[object]) -> None:
    """Refuse a folder to write that exists, or that lies in one that is read."""
    from lookalike.data.readers.folders import check_new

    check_new(folder)
    for given in _paths(inputs):
        if _is_in(folder, given):
            raise InputError(f"{folder} lies in {given}, which is read: name a folder elsewhere")


def _is_ours(path: Path) -> bool:
    """Return whether a page or a picture says in its head that lookalike made it."""
    with path.open("rb") as file:
        return b"lookalike" in file.read(_HEAD)


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
