"""Image folders, read and written: ``train/3/a.png``, or ``3/a.png`` where load makes the split.

A file is taken for an image by its suffix; everything else is left out and noted, and never opened.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, count, groupby
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.labelled import LabelledImages, Source, natural_key, natural_order
from lookalike.data.pixels import SUFFIXES
from lookalike.data.readers.layout import USUAL_LAYOUT, Layout
from lookalike.data.readers.listing import PARTS, FileImages, Listing, checked_class
from lookalike.data.readers.trees import Tree
from lookalike.errors import DataError
from lookalike.files import MAX_NAME
from lookalike.progress import Progress, silent
from lookalike.text import listed, one_form, quoted

_MOST_SHOWN = 5
_UNSAFE = re.compile(r"[^\w.-]", re.ASCII)


@dataclass(eq=False)
class _Folder:
    """One folder: its images, its other files, and the folders in it."""

    path: str = ""
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: dict[str, _Folder] = field(default_factory=dict)

    def below(self) -> int:
        """Return how many images lie in it and below it."""
        return len(self.images) + sum(folder.below() for folder in self.folders.values())

    def whole(self) -> _Folder:
        """Return the folder with all that lies below it."""
        inner = [folder.whole() for folder in self.folders.values()]
        images = [*self.images, *(path for folder in inner for path in folder.images)]
        return _Folder(
            self.path, images, [*self.others, *(path for folder in inner for path in folder.others)]
        )


def from_tree(tree: Tree, progress: Progress, layout: Layout = USUAL_LAYOUT) -> dict[str, Listing]:
    """Return the listings of an image folder, by part: ``"train"``, ``"valid"``, ``"test"``.

    Images are in natural order of class, then of file name; each is named by its path within the part.
    """
    root = _folders(tree)
    if not root.below():
        links = f"links to folders are not followed ({listed(sorted(tree.hidden))}) without --follow-links"
        raise DataError(
            f"{quoted(tree.name)} holds no images: expected a folder for each class with files in "
            f"{', '.join(SUFFIXES)}; it holds {tree.held()}"
            f"{'; ' + links if tree.hidden else ''}"
        )
    strays: list[str] = []
    if layout.label_from is None:
        parts = _parts(_descended(root), tree, strays)
        listings = {
            part: _listing(tree, part, folder, strays, layout.nested) for part, folder in parts.items()
        }
    else:
        parts = _parts(_descended(root), tree, strays, with_classes=False)
        listings = {part: _by_names(tree, part, folder, layout.label_from) for part, folder in parts.items()}
    left_out = natural_order([*strays, *tree.hidden])
    if not left_out:
        return listings
    one = len(left_out) == 1
    files = "1 stray file or folder was" if one else f"{len(left_out):,} stray files or folders were"
    note = f"{files} left out: {listed(left_out)}."
    return {part: listing.noted(note) for part, listing in listings.items()}


def _folders(tree: Tree) -> _Folder:
    """Return the tree of folders, files sorted into images and others."""
    every = {"": _Folder()}

    def at(path: str) -> _Folder:
        if path not in every:
            above, _, name = path.rpartition("/")
            every[path] = at(above).folders[name] = _Folder(path)
        return every[path]

    for path in tree.folders:
        at(path)
    for path in tree.files:
        folder = at(path.rpartition("/")[0])
        (folder.images if path.lower().endswith(SUFFIXES) else folder.others).append(path)
    return every[""]


def _descended(folder: _Folder) -> _Folder:
    """Return the folder that matters: archives often hold one folder that holds everything."""
    while len(folder.folders) == 1 and not folder.images:
        (name, only), *_ = folder.folders.items()
        if name.lower() in PARTS or not only.folders:
            break
        only.others += folder.others
        folder = only
    return folder


def _parts(root: _Folder, tree: Tree, strays: list[str], with_classes: bool = True) -> dict[str, _Folder]:
    """Return the folder of each part; the root itself is ``"train"`` where there are no parts."""
    parts: dict[str, _Folder] = {}
    for name, folder in root.folders.items():
        part = PARTS.get(name.lower())
        if part is None or (with_classes and (folder.images or not folder.folders)):
            continue
        if part in parts:
            both = listed((parts[part].path, folder.path))
            raise DataError(f"{quoted(tree.name)} has two {part} parts ({both}): keep one")
        parts[part] = folder
    if not parts:
        return {"train": root}
    if "train" not in parts:
        raise DataError(
            f"{quoted(tree.name)} has a {' and a '.join(parts)} part but none to train on: add train/"
        )
    strays += [f"{folder.path}/" for folder in root.folders.values() if folder not in parts.values()]
    strays += root.images + root.others
    return parts


def _by_names(tree: Tree, part: str, folder: _Folder, pattern: re.Pattern[str]) -> Listing:
    """Return the listing of one part: the names of its files tell their classes."""
    of: dict[str, list[str]] = defaultdict(list)
    which: int | str = "label" if "label" in pattern.groupindex else min(pattern.groups, 1)
    for path in folder.whole().images:
        found = pattern.search(path.rpartition("/")[2])
        if found is None or not found[which]:
            raise DataError(
                f"the name {quoted(tree.full_name(path))} has no label like {quoted(pattern.pattern)}: "
                "expected a regular expression that finds the label in each file's name"
            )
        of[checked_class(found[which], quoted(tree.full_name(path)))].append(path)
    classes = [name for name in natural_order(of) for _ in of[name]]
    paths = [path for name in natural_order(of) for path in sorted(of[name], key=natural_key)]
    return _of_paths(tree, part, folder, classes, paths)


def _listing(tree: Tree, part: str, folder: _Folder, strays: list[str], nested: bool) -> Listing:
    """Return the listing of one part: the folders in it are its classes."""
    where = quoted(tree.full_name(folder.path) if folder.path else tree.name)
    if folder.images:
        raise DataError(
            f"{where} holds images beside or without class folders ({listed(folder.images, 2)}): "
            "expected a folder for each class, or label_from= (on the command line: --label-from), which "
            "finds labels in the names of files"
        )
    classes: list[str] = []
    paths: list[str] = []
    # Folders whose names are forms of one text are one class, and follow one another.
    for _, forms in groupby(natural_order(folder.folders), one_form):
        images: list[tuple[str, str]] = []
        for name in forms:
            inside = folder.folders[name].whole() if nested else folder.folders[name]
            _check_class(tree, folder, inside, name)
            strays += inside.others + [f"{below.path}/" for below in inside.folders.values()]
            images += [(path, name) for path in inside.images]
        images.sort(key=lambda image: natural_key(image[0]))
        paths += [path for path, _ in images]
        classes += [name for _, name in images]
    strays += folder.others
    return _of_paths(tree, part, folder, classes, paths)


def _of_paths(tree: Tree, part: str, folder: _Folder, classes: list[str], paths: list[str]) -> Listing:
    """Return the listing of the images at some paths; each is named by its path within the part."""
    names = [path[len(folder.path) :].lstrip("/") for path in paths]
    reader = "image folder" if tree.kind == "folder" else f"image folder in a {tree.kind}"
    return Listing(
        np.array(classes, np.str_),
        names,
        FileImages(tree, tuple(paths)),
        source=Source(tree.name, part, reader),
    )


def _check_class(tree: Tree, part: _Folder, inside: _Folder, name: str) -> None:
    """Refuse a class that holds further classes, or no image."""
    deeper = [below for below in inside.folders.values() if below.below()]
    if deeper:
        above = natural_order(folder.path for folder in part.folders.values() if folder.folders)
        _refuse_deeper(tree, deeper[0].path, above, _share_names(part))
    if not inside.images:
        held = f" ({listed(inside.others, 2)})" if inside.others else ""
        raise DataError(
            f"class {quoted(name)} in {quoted(tree.name)} has no image{held}: add some "
            f"({', '.join(SUFFIXES)}) or remove the folder"
        )


def _share_names(part: _Folder) -> bool:
    """Return whether folders hold folders of the same names, as sets side by side do, and series seldom."""
    inner = Counter(name for folder in part.folders.values() for name in folder.folders)
    return max(inner.values(), default=0) > 1


def _refuse_deeper(tree: Tree, deeper: str, above: list[str], shared: bool) -> NoReturn:
    """Refuse images that lie too deep: in series, whose names are no classes, or in several sets."""
    outer = deeper.rpartition("/")[0]
    mend = (
        f"where {quoted(outer)} is a class, in which images lie in series, say nested=True (on the "
        "command line: --nested)"
    )
    if shared or len(above) == 1:
        mend += (
            f"; where {quoted(deeper)} is one, read one of the folders above, for example "
            f"{quoted(tree.full_name(above[0]))}"
        )
    raise DataError(
        f"{quoted(tree.name)} is nested too deep ({quoted(deeper)}): expected class/image; {mend}"
    )


def write_folder(
    parts: Sequence[LabelledImages], folder: Path, progress: Progress = silent
) -> tuple[str, ...]:
    """Write images of bytes as ``folder/PART/CLASS/NAME.png``, all or none, into a folder that is new.

    Each part has the name of its source. Characters of class and image names that are no ASCII letter,
    digit, ``_``, ``.`` or ``-`` become ``_``, and of two that become one the second is numbered; where a
    class's folder is called otherwise, a note is returned.
    """
    check_new(folder)
    folders = _class_folders(parts)
    waiting = folder.absolute().with_name(f".{folder.name[:100]}.{secrets.token_hex(8)}.tmp")
    done, total = 0, sum(map(len, parts))
    taken: defaultdict[Path, set[str]] = defaultdict(set)
    try:
        for part in parts:
            for image, label, name in zip(part.images, part.labels.tolist(), part.names, strict=True):
                if done % 100 == 0:
                    progress("writing images", done, total)
                path = waiting / part.source.part / folders[str(label)]
                path.mkdir(parents=True, exist_ok=True)
                _write(image, path / f"{_another(_safe(_stem(name)), taken[path])}.png")
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
    """Return the folder of each class; of two that would share one the second is numbered."""
    names = natural_order({str(label) for part in parts for label in np.unique(part.labels).tolist()})
    # A name that stays as it is has the first claim on it.
    taken: set[str] = set()
    folders = {
        name: _another(_safe(name), taken) for name in sorted(names, key=lambda name: _safe(name) != name)
    }
    return {name: folders[name] for name in names}


def _another(wanted: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it: that which is wanted, else with a number behind."""
    numbered = (f"{wanted}_{number}" for number in count(2))
    name = next(name for name in chain((wanted,), numbered) if name not in taken)
    taken.add(name)
    return name


def check_new(folder: Path) -> None:
    """Refuse a folder that exists, or that is to be in one that does not."""
    if folder.exists() or folder.is_symlink():
        raise DataError(f"{quoted(folder)} exists already: name a new folder")
    if not folder.absolute().parent.is_dir():
        raise DataError(f"there is no folder {quoted(folder.absolute().parent)}: make it first")


def _write(image: NDArray[np.uint8], path: Path) -> None:
    """Write one image, never over another."""
    if image.dtype != np.uint8:
        raise DataError(f"images are {image.dtype}: expected bytes, which files can hold")
    with open(path, "xb") as file:
        Image.fromarray(image).save(file, "PNG")


def _stem(name: str) -> str:
    """Return an image's name without its folders and its suffix: 7463 for 3/7463.png."""
    last = name.rsplit("/", 1)[-1]
    return last.rsplit(".", 1)[0] or last


def _safe(name: str) -> str:
    """Return a name that is a file's name everywhere."""
    safe = _UNSAFE.sub("_", name)[: MAX_NAME - 10].strip(".")
    return safe or "_"
