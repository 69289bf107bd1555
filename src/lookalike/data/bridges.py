"""Labelled images to and from torch data sets and Hugging Face tables, told by what they can do.

The methods of :class:`~lookalike.data.labelled.LabelledImages` say what each function takes and returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import is_torch_array
from numpy.typing import NDArray

from lookalike.errors import DataError, InputError, MissingExtraError, install
from lookalike.images import ImageBatch, to_unit
from lookalike.progress import Progress
from lookalike.tensors import from_tensor
from lookalike.text import listed, quoted

ClassNames = Sequence[str | int]
Pair = tuple[NDArray[Any], NDArray[Any]]

_CHANNELS = (1, 2, 3, 4)
# A loader holds a data set, a subset another: so deep may the class names lie.
_DEEPEST = 10


class Found(NamedTuple):
    """What another library's object holds."""

    images: NDArray[Any]
    labels: NDArray[Any]
    class_names: ClassNames | None  # what whole labels count; None where nothing says it


def channels_first(images: ImageBatch) -> NDArray[np.float32]:
    """Return images as torch's vision code expects them."""
    unit = to_unit(images, np.float32)
    if unit is images:
        # Tensors are changed in place; the images must not be.
        unit = images.copy()
    return np.ascontiguousarray(unit[:, None] if unit.ndim == 3 else np.moveaxis(unit, -1, 1))


def to_torch(images: ImageBatch, codes: NDArray[np.int64], class_names: Sequence[str]) -> Any:
    """Return a torch ``TensorDataset``: see ``LabelledImages.to_torch``."""
    try:
        import torch
        from torch.utils.data import TensorDataset
    except ImportError as error:
        raise MissingExtraError(f"to_torch needs torch: {install('torch')}") from error
    dataset: Any = TensorDataset(torch.from_numpy(channels_first(images)), torch.from_numpy(codes))
    dataset.classes = list(class_names)
    dataset.class_to_idx = {name: place for place, name in enumerate(class_names)}
    return dataset


def from_torch(data: Any, class_names: ClassNames | None, progress: Progress) -> Found:
    """Return what a torch data set or loader yields: see ``LabelledImages.from_torch``."""
    count = len(data) if hasattr(data, "__len__") else None

    def pairs() -> Iterator[Pair]:
        for index, item in enumerate(_items(data, count)):
            if not isinstance(item, Sequence) or isinstance(item, str) or len(item) != 2:
                raise InputError(
                    f"item {index} is a {type(item).__name__}: expected a pair of image and label, or of a "
                    "batch of images and their labels"
                )
            label = _label(item[1])
            image = _image(item[0], index, batch=label.ndim == 1)
            yield image if label.ndim == 1 else image[None], np.atleast_1d(label)

    none = "the data set holds no item: expected pairs of image and label"
    names = _found_names(data) if class_names is None else class_names
    return Found(*_joined(pairs(), "reading items", count, none, progress), names)


def from_hugging_face(
    table: Any, image: str, label: str, class_names: ClassNames | None, progress: Progress
) -> Found:
    """Return two columns of a table: see ``LabelledImages.from_hugging_face``."""
    count = len(table) if hasattr(table, "__len__") and not isinstance(table, Mapping) else None

    def pairs() -> Iterator[Pair]:
        for index, (cell, value) in enumerate(_rows(table, image, label)):
            if value is None:
                raise InputError(f"image {index} has no label in the column {quoted(label)}: leave it out")
            yield _image(cell, index, batch=False)[None], np.array([_label(value)])

    none = "the table holds no row: expected an image and a label in each"
    features = getattr(table, "features", None)
    feature = features.get(label) if isinstance(features, Mapping) else None
    names = getattr(feature, "names", None) if class_names is None else class_names
    return Found(*_joined(pairs(), "reading rows", count, none, progress), names)


def to_hugging_face(
    images: ImageBatch, codes: NDArray[np.int64], class_names: Sequence[str], names: Sequence[str]
) -> Any:
    """Return a Hugging Face table: see ``LabelledImages.to_hugging_face``."""
    try:
        datasets: Any = import_module("datasets")
    except ImportError as error:
        raise MissingExtraError("to_hugging_face needs datasets: pip install datasets") from error
    from PIL.Image import fromarray

    if images.dtype != np.uint8:
        raise InputError(
            f"images are {images.dtype}: expected uint8, since a table holds images as PNG; round "
            "them to bytes first"
        )
    features = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=list(class_names)),
        "name": datasets.Value("string"),
    }
    rows = {"image": [fromarray(image) for image in images], "label": codes.tolist(), "name": list(names)}
    return datasets.Dataset.from_dict(rows, features=datasets.Features(features))


def _items(data: Any, count: int | None) -> Iterator[Any]:
    """Yield what a data set or a loader holds, in its order."""
    if count is None or not hasattr(data, "__getitem__"):
        yield from data
    else:
        # A data set's own end is its length: many never raise the IndexError that ends Python's iteration.
        yield from (data[index] for index in range(count))


def _rows(table: Any, image: str, label: str) -> Iterable[tuple[Any, Any]]:
    """Return the pairs of two columns: by column where the table can, else row by row."""
    named = table if isinstance(table, Mapping) else getattr(table, "column_names", None)
    columns = getattr(table, "columns", None) if named is None else named
    if columns is None or not hasattr(table, "__len__"):
        # Rows, or a stream of them.
        return ((_cell(row, image), _cell(row, label)) for row in table)
    if isinstance(table, Mapping) and any(hasattr(part, "column_names") for part in table.values()):
        raise InputError(
            f"the table is a dictionary of the parts {listed(table)}: expected one of them, for example "
            f"table[{quoted(next(iter(table)))}]"
        )
    for column in (image, label):
        _cell(dict.fromkeys(columns), column)
    images, labels = table[image], table[label]
    if len(images) != len(labels):
        raise InputError(f"{len(labels)} labels for {len(images)} images: expected one for each")
    return zip(images, labels, strict=True)


def _cell(row: Mapping[str, Any], column: str) -> Any:
    """Return what a row has in a column."""
    if column not in row:
        raise InputError(
            f"the table has no column {quoted(column)}: it has {listed(row)}; name them with image= and "
            "label="
        )
    return row[column]


def _label(value: Any) -> NDArray[Any]:
    """Return one label as an array without axes, or the labels of a batch as ``(n,)``."""
    label = np.asarray(from_tensor(value))
    if label.ndim > 1 or label.dtype.kind not in "iuU":
        raise InputError(
            f"a label is {label.dtype} of shape {label.shape}: expected a whole number or a text for each "
            "image"
        )
    return label


def _image(value: Any, index: int, *, batch: bool) -> NDArray[Any]:
    """Return one image, or a batch of them, with the channel axis last."""
    if is_torch_array(value):
        array = from_tensor(value)
        # Where torch's order is possible it is meant, even for an image of three columns.
        first = int(batch)
        if array.ndim == first + 3 and array.shape[first] in _CHANNELS:
            array = np.moveaxis(array, first, -1)
        return np.asarray(array)
    if isinstance(value, Mapping):
        value = value.get("bytes")
        if value is None:
            raise InputError(
                f"image {index} has no bytes, at most a path, which is not followed: read the files first"
            )
    from lookalike.data.pixels import USUAL, Seen, decode_image, pixels

    if isinstance(value, bytes):
        return decode_image(value, f"image {index}")
    if hasattr(value, "getbands"):
        try:
            return pixels(value, USUAL, Seen())
        except DataError as error:
            raise DataError(f"image {index} {error}") from None
    try:
        return np.asarray(value)
    except ValueError as error:
        raise InputError(f"image {index} has rows of different lengths: expected an array") from error


def _joined(pairs: Iterator[Pair], what: str, count: int | None, none: str, progress: Progress) -> Pair:
    """Return batches of images of one shape and their labels as one; ``none`` refuses no batch."""
    found: list[Pair] = []
    progress(what, 0, count)
    for index, pair in enumerate(pairs):
        found.append(pair)
        first, last = found[0][0].shape[1:], pair[0].shape[1:]
        if first != last:
            raise InputError(
                f"images are of mixed shapes: {first} at first and {last} in item {index}: resize them to "
                "one size, or make all gray or all colour"
            )
        if index % 100 == 99:
            progress(what, index + 1, count)
    progress(what, len(found), len(found))
    if not found:
        raise InputError(none)
    images, labels = zip(*found, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _found_names(data: Any) -> ClassNames | None:
    """Return the class names that a data set has, or one that it holds."""
    for _ in range(_DEEPEST):
        names = getattr(data, "classes", None)
        if names is not None:
            return list(names)
        data = getattr(data, "dataset", None)
    return None
