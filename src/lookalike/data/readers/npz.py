"""``.npz`` archives of arrays, read without pickle and without NumPy's trust in headers."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source
from lookalike.data.readers.listing import Listing, class_texts, numbered
from lookalike.data.readers.trees import Tree
from lookalike.errors import DataError, InputError
from lookalike.files import MAX_ARRAY_BYTES, MAX_NAME
from lookalike.images import as_images
from lookalike.progress import Progress
from lookalike.text import listed, quoted

# The ways of naming the arrays; the first is that of Keras.
_SETS: tuple[dict[str, tuple[str, str]], ...] = (
    {"train": ("x_train", "y_train"), "valid": ("x_val", "y_val"), "test": ("x_test", "y_test")},
    {
        "train": ("train_images", "train_labels"),
        "valid": ("val_images", "val_labels"),
        "test": ("test_images", "test_labels"),
    },
    {"train": ("images", "labels")},
    {"train": ("x", "y")},
)
_KINDS, _MOST_AXES = "biufUS", 4
_EXPECTED = "expected x_train and y_train, train_images and train_labels, images and labels, or x and y"


def from_tree(tree: Tree, progress: Progress) -> dict[str, Listing] | None:
    """Return the listings of an ``.npz`` by part; None where a tree is no zip of ``.npy`` alone."""
    if tree.kind != "zip" or not tree.files or not all(path.endswith(".npy") for path in tree.files):
        return None
    keys = {path.removesuffix(".npy") for path in tree.files}
    for known in _SETS:
        pairs = {part: pair for part, pair in known.items() if keys & set(pair)}
        if "train" in pairs:
            break
    else:
        raise DataError(f"{quoted(tree.name)} holds {listed(sorted(keys))}: {_EXPECTED}")
    left_out = sorted(keys - {key for pair in pairs.values() for key in pair})
    notes = (f"Arrays left out: {listed(left_out)}.",) if left_out else ()
    listings = {}
    for done, (part, (images, labels)) in enumerate(pairs.items()):
        progress("reading arrays", done, len(pairs))
        missing = {images, labels} - keys
        if missing:
            raise DataError(f"{quoted(tree.name)} lacks {listed(missing)}: {_EXPECTED}")
        source = Source(tree.name, part, "npz", notes)
        listings[part] = _listing(_member(tree, images), _member(tree, labels), images, source)
    progress("reading arrays", len(pairs), len(pairs))
    return listings


def _listing(images: NDArray[Any], labels: NDArray[Any], key: str, source: Source) -> Listing:
    where = f"{key} in {quoted(source.name)}"
    try:
        batch = as_images(images)
    except InputError as error:
        raise DataError(f"{where}: {error}") from error
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iuUS" or labels.dtype.itemsize > 4 * MAX_NAME:
        found = f"{labels.dtype} of shape {labels.shape}"
        raise DataError(f"the labels of {where} are {found}: expected (n,) integers or strings")
    if len(labels) != len(batch):
        held = f"{len(batch):,} images with {len(labels):,} labels"
        raise DataError(f"{where} are {held}: expected one for each")
    try:
        texts = class_texts(labels)
    except ValueError as error:
        raise DataError(f"the labels of {where} are no text ({error}): save them as str") from error
    return numbered(texts, batch, source)


def _member(tree: Tree, key: str) -> NDArray[Any]:
    """Return one array: its header is checked against its bytes before anything is made of it."""
    data = tree.read(f"{key}.npy", MAX_ARRAY_BYTES)
    where = f"{quoted(key)} in {quoted(tree.name)}"
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        old, new = np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0
        shape, fortran, dtype = {(1, 0): old, (2, 0): new}[version](file)
    except Exception as error:
        # The header is a Python literal from outside: parsing it can fail in any way that parsing can.
        raise DataError(f"{where} has no readable .npy header: save the arrays anew") from error
    if dtype.hasobject or dtype.names is not None or dtype.subdtype is not None:
        raise DataError(f"{where} holds objects or records, which could run code: save plain arrays")
    if dtype.kind not in _KINDS:
        raise DataError(f"{where} holds {dtype}: expected bytes, whole numbers, floats or texts")
    held = len(data) - file.tell()
    # Python takes True for 1, and NumPy a length of nothing for any other lengths.
    sound = 0 < len(shape) <= _MOST_AXES and all(type(side) is int and side > 0 for side in shape)
    if not sound or not dtype.itemsize or held != math.prod(shape) * dtype.itemsize:
        announced = f"{dtype} of shape {quoted(shape, 60)}"
        raise DataError(f"{where} holds {held:,} bytes: its header announces {announced}")
    array = np.frombuffer(data, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C")
