"""Files that a command is to write: refused before the work starts where they cost what the user has."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_PAGES = (".html", ".htm")
_PICTURES = (".png", ".svg")


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
