"""Image folders: a folder for each class, with or without parts above them.

::

    digits/3/a.png                      one part; load makes the split
    digits/train/3/a.png                train | training
    digits/valid/3/b.png                valid | validation | val | dev
    digits/test/3/c.png                 test | testing

A file is taken for an image by its suffix. Everything else is left out and noted: dotfiles, other files in a
class, and what lies beside the parts (the ``labels.csv``, ``models/`` and ``export.pkl`` of MNIST_SAMPLE are
never opened). A class without an image is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lookalike.data.labelled import Source, natural_key, natural_order
from lookalike.data.pixels import SUFFIXES
from lookalike.data.readers.listing import PARTS, FileImages, Listing
from lookalike.data.readers.trees import Tree
from lookalike.data.untrusted import listed, quoted
from lookalike.errors import DataError
from lookalike.progress import Progress


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


def from_tree(tree: Tree, progress: Progress) -> dict[str, Listing]:
    """Return the listings of an image folder, by part: ``"train"``, ``"valid"``, ``"test"``.

    Images are in natural order of class, then of file name; each is named by its path within the part.
    """
    root = _descended(_folders(tree))
    if not root.below():
        suffixes = ", ".join(SUFFIXES)
        raise DataError(
            f"{quoted(tree.name)} holds no images: expected a folder for each class with files in {suffixes}"
            + (f"; links to folders are not followed ({listed(tree.hidden)})" if tree.hidden else "")
        )
    strays: list[str] = []
    parts = _parts(root, tree, strays)
    listings = {part: _listing(tree, part, folder, strays) for part, folder in parts.items()}
    left_out = natural_order([*strays, *tree.hidden])
    if left_out:
        files = (
            "1 stray file or folder was"
            if len(left_out) == 1
            else f"{len(left_out):,} stray files or folders were"
        )
        note = f"{files} left out: {listed(left_out)}."
        listings = {part: listing.noted(note) for part, listing in listings.items()}
    return listings


def _folders(tree: Tree) -> _Folder:
    """Return the tree of folders, files sorted into images and others."""
    root = _Folder()
    every = {"": root}

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
    return root


def _descended(folder: _Folder) -> _Folder:
    """Return the folder that matters: archives often hold one folder that holds everything."""
    while len(folder.folders) == 1 and not folder.images:
        (name, only), *_ = folder.folders.items()
        if name.lower() in PARTS or not only.folders:
            break
        only.others += folder.others
        folder = only
    return folder


def _parts(root: _Folder, tree: Tree, strays: list[str]) -> dict[str, _Folder]:
    """Return the folder of each part; the root itself is ``"train"`` where there are no parts."""
    parts: dict[str, _Folder] = {}
    for name, folder in root.folders.items():
        part = PARTS.get(name.lower())
        if part is None or folder.images or not folder.folders:
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


def _listing(tree: Tree, part: str, folder: _Folder, strays: list[str]) -> Listing:
    """Return the listing of one part: the folders in it are its classes."""
    where = quoted(tree.full_name(folder.path) if folder.path else tree.name)
    if folder.images:
        raise DataError(
            f"{where} holds images beside or without class folders ({listed(folder.images, 2)}): "
            "expected a folder for each class"
        )
    names: list[str] = []
    classes: list[str] = []
    paths: list[str] = []
    for name in natural_order(folder.folders):
        inside = folder.folders[name]
        _check_class(tree, folder, inside, name)
        strays += inside.others + [f"{below.path}/" for below in inside.folders.values()]
        ordered = sorted(inside.images, key=natural_key)
        paths += ordered
        names += [path[len(folder.path) :].lstrip("/") for path in ordered]
        classes += [name] * len(ordered)
    strays += folder.others
    reader = "image folder" if tree.kind == "folder" else f"image folder in a {tree.kind}"
    return Listing(
        np.array(classes, np.str_),
        names,
        FileImages(tree, tuple(paths)),
        source=Source(tree.name, part, reader),
    )


def _check_class(tree: Tree, part: _Folder, inside: _Folder, name: str) -> None:
    """Refuse a class that holds further classes, or no image."""
    deeper = [below.path for below in inside.folders.values() if below.below()]
    if deeper:
        example = tree.full_name(natural_order(part.folders[name].path for name in part.folders)[0])
        raise DataError(
            f"{quoted(tree.name)} is nested too deep ({quoted(deeper[0])}): expected class/image; "
            f"read one of its folders, for example {quoted(example)}"
        )
    if not inside.images:
        held = f" ({listed(inside.others, 2)})" if inside.others else ""
        raise DataError(
            f"class {quoted(name)} in {quoted(tree.name)} has no image{held}: add some "
            f"({', '.join(SUFFIXES)}) or remove the folder"
        )
