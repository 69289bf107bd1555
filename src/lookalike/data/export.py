"""Labelled images as files: an image folder of PNGs, with a folder for each part and class."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.labelled import LabelledImages, natural_order
from lookalike.data.untrusted import MAX_NAME, quoted
from lookalike.errors import DataError
from lookalike.progress import Progress, silent

_MOST_SHOWN = 5
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


def write_folder(
    parts: Sequence[LabelledImages], folder: Path, progress: Progress = silent
) -> tuple[str, ...]:
    """Write images of bytes as ``folder/PART/CLASS/NAME.png``, all or none, into a folder that is new.

    Each part has the name of its source. Characters of class and image names that are no ASCII letter,
    digit, ``_``, ``.`` or ``-`` become ``_``; where a class's folder is called otherwise, a note is returned.
    """
    check_new(folder)
    folders = _class_folders(parts)
    waiting = folder.absolute().with_name(f".{folder.name[:100]}.{secrets.token_hex(8)}.tmp")
    done, total = 0, sum(map(len, parts))
    try:
        for part in parts:
            for image, label, name in zip(part.images, part.labels.tolist(), part.names, strict=True):
                if done % 100 == 0:
                    progress("writing images", done, total)
                path = waiting / part.source.part / folders[str(label)] / f"{_safe(_stem(name))}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(image, path, name)
                done += 1
        waiting.rename(folder.absolute())
    except BaseException as error:
        shutil.rmtree(waiting, ignore_errors=True)
        if isinstance(error, OSError):
            # By the name that was asked for, not by that of the folder beside it.
            raise DataError(f"{quoted(folder)} cannot be written: {error.strerror or error}") from error
        raise
    renamed = [f"{quoted(name)} to {safe}" for name, safe in folders.items() if name != safe]
    if not renamed:
        return ()
    shown = ", ".join(renamed[:_MOST_SHOWN])
    more = f" and {len(renamed) - _MOST_SHOWN:,} more" if len(renamed) > _MOST_SHOWN else ""
    return (f"Class names that are no folder's name everywhere were changed: {shown}{more}.",)


def _class_folders(parts: Sequence[LabelledImages]) -> dict[str, str]:
    """Return the folder of each class, refusing two classes that would share one."""
    names = natural_order({str(label) for part in parts for label in np.unique(part.labels).tolist()})
    folders = {name: _safe(name) for name in names}
    first: dict[str, str] = {}
    for name, safe in folders.items():
        other = first.setdefault(safe, name)
        if other != name:
            raise DataError(
                f"the classes {quoted(other)} and {quoted(name)} would both be in the folder {quoted(safe)}: "
                "name one of them otherwise, in ASCII letters, digits, _, . and -"
            )
    return folders


def check_new(folder: Path) -> None:
    """Refuse a folder that exists, or that is to be in one that does not."""
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{quoted(folder)} exists already: name a new folder")
    if not folder.absolute().parent.is_dir():
        raise DataError(f"there is no folder {quoted(folder.absolute().parent)}: make it first")


def _write(image: NDArray[np.uint8], path: Path, name: str) -> None:
    """Write one image, refusing to write over another."""
    if image.dtype != np.uint8:
        raise DataError(f"images are {image.dtype}: expected bytes, which files can hold")
    try:
        with open(path, "xb") as file:
            Image.fromarray(image).save(file, "PNG")
    except FileExistsError:
        raise DataError(f"two images would be {quoted(path.name)}, one of them {quoted(name)}") from None


def _stem(name: str) -> str:
    """Return an image's name without its folders and its suffix: 7463 for 3/7463.png."""
    last = name.rsplit("/", 1)[-1]
    return last.rsplit(".", 1)[0] or last


def _safe(name: str) -> str:
    """Return a name that is a file's name everywhere."""
    safe = _UNSAFE.sub("_", name)[: MAX_NAME - 10].strip(".")
    return safe or "_"
