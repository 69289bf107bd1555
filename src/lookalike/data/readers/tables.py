"""Tables by what is in them: pixels (see ``table.py``), or the names of image files and their labels."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source, natural_order
from lookalike.data.readers import table
from lookalike.data.readers.delimited import (
    COUNT_NAMES,
    LABEL,
    LABEL_NAMES,
    PART_NAMES,
    UNSAID,
    ColumnChoice,
    DelimitedTable,
    is_image,
    is_table,
    key,
    table_at,
)
from lookalike.data.readers.layout import Layout
from lookalike.data.readers.listing import PARTS, FileImages, Listing, checked_class, class_array, parts_of
from lookalike.data.readers.trees import Tree, folder_tree
from lookalike.data.sizes import Size
from lookalike.errors import DataError
from lookalike.files import MAX_ARRAY_BYTES
from lookalike.progress import Progress
from lookalike.text import listed, quoted

FILE_NAMES = {"filename", "file_name", "file", "filepath", "file_path", "path", "image", "image_name"}
FILE_NAMES |= {"image_path", "img", "img_name", "name", "id", "image_id", "imageid"}
# Folders of these names, and those of parts, are no classes: a table may say what is in them.
_NO_CLASSES = {"", "images", "image", "imgs", "img", "data"}
_MOST_COLUMNS = 64


def from_file(
    path: Path, name: str, size: Size | None, layout: Layout, progress: Progress
) -> dict[str, Listing]:
    """Return the listings of one table."""
    columns = layout.columns
    opened = table_at(path, name, columns)
    if _files(opened, columns) is not None:
        tree, folder = _beside(path, name, layout.follow_links)
        listings = _of_files(opened, columns, tree, folder, Source(name, "train", "CSV of files"))
        notes = [] if listings is None else _unnamed(tree, listings)
    else:
        listings, notes = table.from_table(opened, columns, size, progress), []
    if listings is None:
        raise DataError(
            f"{quoted(name)} has no column of labels, as lookalike predict takes it: to load it, say {LABEL}"
        )
    return {part: listing.noted(*notes) for part, listing in listings.items()}


def from_tree(
    tree: Tree, size: Size | None, columns: ColumnChoice, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listings of tables in a folder or an archive: of its images, or of pixels where it has none.

    None where there is no table with labels, or where folders are the classes.
    """
    folders = {PurePosixPath(path).parent.name.lower() for path in tree.files if is_image(path)}
    if len(folders - _NO_CLASSES - PARTS.keys()) > 1 and columns == UNSAID:
        return None
    parts: dict[str, Listing] = {}
    left_out: list[str] = []
    for path in sorted(tree.files):
        if not is_table(path) or path.count("/") > 1:
            continue
        found = (
            None
            if "submission" in path.lower()
            else _in_tree(tree, path, bool(folders), size, columns, progress)
        )
        if found is None:
            left_out.append(path)
        for part, listing in (found or {}).items():
            if part in parts:
                raise DataError(
                    f"{quoted(tree.name)} has two tables of its {part} part ({quoted(path)} is one): "
                    "read one, by its path"
                )
            parts[part] = listing
    notes = [f"Tables without labels were left out: {listed(left_out)}."] if left_out else []
    notes += _unnamed(tree, parts) if folders else []
    return {part: listing.noted(*notes) for part, listing in parts.items()} or None


def unlabelled(
    path: Path, name: str, size: Size, layout: Layout
) -> tuple[NDArray[np.uint8] | FileImages, tuple[str, ...]]:
    """Return the images in a table ``(n, h, w)``, or those it names, and notes; labels or none."""
    opened = table_at(path, name, layout.columns)
    at = _files(opened, layout.columns)
    if at is None:
        return table.unlabelled(opened, layout.columns, size)
    tree, folder = _beside(path, name, layout.follow_links)
    files = [row[at].strip() for _, rows in opened.blocks() for row in rows]
    return FileImages(tree, _found(files, tree, folder, name)), ()


def _unnamed(tree: Tree, parts: Mapping[str, Listing]) -> list[str]:
    """Return what to say of images beside those that tables name."""
    sources = [listing.images for listing in parts.values()]
    named = {path for images in sources if isinstance(images, FileImages) for path in images.paths}
    around = {path.rpartition("/")[0] for path in named}
    others = [path for path in tree.files if is_image(path) and path not in named]
    others = natural_order(path for path in others if path.rpartition("/")[0] in around)
    are = "1 image was" if len(others) == 1 else f"{len(others):,} images were"
    return [f"{are} left out, in no line of a table: {listed(others)}."] if others else []


def _beside(path: Path, name: str, follow_links: bool) -> tuple[Tree, str]:
    """Return the files beside a table, and what hints at its own."""
    folder = os.path.dirname(name) or "."
    return folder_tree(path.parent, folder, follow_links), _part(path.name) or ""


def _in_tree(
    tree: Tree, path: str, of_files: bool, size: Size | None, columns: ColumnChoice, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listings of one table in a tree; None where it is none of images or has no labels."""
    name = tree.full_name(path)
    try:
        opened = DelimitedTable(tree.read(path, MAX_ARRAY_BYTES), name, columns.header)
        if (_files(opened, columns) is not None) is not of_files:
            return None
    except DataError:
        # Among images lie tables of all kinds; one of pixels is what is asked for.
        if of_files:
            return None
        raise
    folder, _, own = path.rpartition("/")
    part = _part(own) or PARTS.get(folder.lower())
    source = Source(tree.name, part or "train", f"CSV in a {tree.kind}")
    if of_files:
        found = _of_files(opened, columns, tree, part or folder, source)
    else:
        found = table.from_table(opened, columns, size, progress)
    if found is None or part is None or len(found) > 1:
        return found
    (listing,) = found.values()
    return parts_of(listing, [part] * len(listing))


def _part(name: str) -> str | None:
    """Return the part that a table's own name says: train.csv, mnist_test.csv."""
    words = re.split(r"[^a-z]+", name.lower())
    return next((PARTS[word] for word in words if word in PARTS), None)


def _files(opened: DelimitedTable, columns: ColumnChoice) -> int | None:
    """Return the column that names image files; None in a table of pixels."""
    if opened.width > _MOST_COLUMNS:
        return None
    named = [at for at, cell in enumerate(opened.second) if is_image(cell)]
    if not named and opened.names is not None:
        keys = [key(one) for one in opened.names]
        # Files may be called by their numbers, where nothing else can be their pixels.
        others = [one for one in keys if one not in FILE_NAMES | LABEL_NAMES | PART_NAMES | COUNT_NAMES]
        if len(others) < 2 and columns.label not in others and not any(map(_ends_in_digit, others)):
            named = [at for at, one in enumerate(keys) if one in FILE_NAMES]
    if len(named) > 1:
        named = [at for at in named if opened.names and key(opened.names[at]) in FILE_NAMES][:1] or named[:1]
    return named[0] if named else None


def _ends_in_digit(name: str) -> bool:
    return name[-1:].isdigit()


def _of_files(
    opened: DelimitedTable, columns: ColumnChoice, tree: Tree, folder: str, source: Source
) -> dict[str, Listing] | None:
    """Return the listings of a table of files and their labels; None where it has no labels."""
    at = _files(opened, columns)
    assert at is not None
    label, part = _label_and_part(opened, columns, at)
    if label is None:
        return None
    notes = []
    counts = {place for place, one in enumerate(opened.names or ()) if key(one) in COUNT_NAMES}
    others = [one for place, one in enumerate(opened.names or ()) if place not in {at, label, part, *counts}]
    if others:
        notes.append(f"Images are taken whole, whatever the columns {listed(others)} say.")
    rows = [row for _, block in opened.blocks() for row in block]
    files = _found([row[at].strip() for row in rows], tree, folder, opened.name)
    classes = [
        checked_class(row[label].strip(), f"row {n} of {quoted(opened.name)}") for n, row in enumerate(rows)
    ]
    listing = Listing(class_array(classes, opened.name), files, FileImages(tree, files), source=source).noted(
        *notes
    )
    return parts_of(listing, None if part is None else [row[part].strip() for row in rows])


def _label_and_part(
    opened: DelimitedTable, columns: ColumnChoice, file: int
) -> tuple[int | None, int | None]:
    """Return the columns of the label and of the part, if there are such."""
    keys = [key(one) for one in opened.names or [""] * opened.width]
    part = next((at for at, one in enumerate(keys) if one in PART_NAMES), None)
    if columns.label is not None:
        return (None if columns.label == "none" else table.label_at(opened, columns.label)), part
    labels = [at for at, one in enumerate(keys) if one in LABEL_NAMES]
    if not labels:
        labels = [
            at
            for at in range(opened.width)
            if at not in (file, part) and (opened.names is None or keys[at] not in COUNT_NAMES)
        ]
    if len(labels) > 1:
        found = listed(opened.names[at] for at in labels) if opened.names else f"{len(labels)} columns"
        raise DataError(
            f"{quoted(opened.name)} has {found} beside its files: say which is the label, {LABEL}"
        )
    return (labels[0] if labels else None), part


def _found(names: list[str], tree: Tree, hint: str, name: str) -> tuple[str, ...]:
    """Return the paths of files in a tree that a table names: wholly, from a folder on, or without suffix."""
    known: dict[str, list[str]] = defaultdict(list)
    for path in tree.files:
        if is_image(path):
            own = path.rpartition("/")[2]
            known[own].append(path)
            known[own.rpartition(".")[0]].append(path)
    found = []
    for given in names:
        wanted = given.replace("\\", "/").removeprefix("./")
        paths = [
            path
            for path in known[wanted.rpartition("/")[2]]
            for whole in (f"/{path}", f"/{path.rpartition('.')[0]}")
            if whole.endswith(f"/{wanted}")
        ]
        exact = [path for path in paths if path == wanted]
        near = [
            path
            for path in paths
            if hint and hint in [PARTS.get(one.lower(), one) for one in path.split("/")[:-1]]
        ]
        chosen = exact or (near if len(near) == 1 else paths)
        if len(chosen) != 1:
            why = (
                f"of which there are {len(chosen)} ({listed(chosen, 2)})" if chosen else "which is not there"
            )
            raise DataError(
                f"{quoted(name)} names the image {quoted(given)}, {why}: expected its path from the table on"
            )
        found.append(chosen[0])
    again = next((one for one, count in Counter(found).items() if count > 1), None)
    if again is not None:
        raise DataError(f"{quoted(name)} names {quoted(again)} twice: expected a line for each image")
    return tuple(found)
