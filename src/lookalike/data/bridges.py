"""Labelled images to and from what other libraries hold: NumPy pairs, torch data sets, Hugging Face tables.

No library is imported until its own objects are asked for: what comes in is told by what it can do, so that
anything that behaves alike comes in too. The methods of
:class:`~lookalike.data.labelled.LabelledImages` say what each function takes and returns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages, Source, face_values, from_arrays
from lookalike.data.untrusted import listed, quoted
from lookalike.errors import DataError, InputError, MissingExtraError
from lookalike.images import ImageBatch, to_unit
from lookalike.progress import Progress, silent

ClassNames = Sequence[str | int]
ValueRange = tuple[float, float]

_CHANNELS = (1, 2, 3, 4)
# A loader holds a data set, a subset another: so deep may the class names lie.
_DEEPEST = 10


def channels_first(images: ImageBatch) -> NDArray[np.float32]:
    """Return images as torch's vision code expects them.

    Parameters
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        A checked image batch.

    Returns
    -------
    ndarray of shape (n, c, h, w), float32
        In 0-1: bytes are divided by 255, as torchvision's ``ToTensor`` does. Gray images have one channel.
    """
    unit = to_unit(images, np.float32)
    if unit is images:
        # Tensors are changed in place; the images must not be.
        unit = images.copy()
    return np.ascontiguousarray(unit[:, None] if unit.ndim == 3 else np.moveaxis(unit, -1, 1))


def codes(labelled: LabelledImages) -> NDArray[np.int64]:
    """Return for each image the place of its class in ``class_names``, as ``(n,)`` int64."""
    places = {face: place for place, face in enumerate(face_values(labelled.class_names).tolist())}
    values, numbers = np.unique(labelled.labels, return_inverse=True)
    return np.array([places[value] for value in values.tolist()], np.int64)[numbers]


def to_torch(labelled: LabelledImages) -> Any:
    """Return labelled images as a torch ``TensorDataset``: see ``LabelledImages.to_torch``."""
    try:
        import torch
        from torch.utils.data import TensorDataset
    except ImportError as error:
        raise MissingExtraError('to_torch needs torch: pip install "lookalike[torch]"') from error
    dataset: Any = TensorDataset(
        torch.from_numpy(channels_first(labelled.images)), torch.from_numpy(codes(labelled))
    )
    dataset.classes = list(labelled.class_names)
    dataset.class_to_idx = {name: place for place, name in enumerate(labelled.class_names)}
    return dataset


def from_torch(
    data: Any,
    class_names: ClassNames | None = None,
    value_range: ValueRange | None = None,
    progress: Progress = silent,
) -> LabelledImages:
    """Return what a torch data set or loader yields: see ``LabelledImages.from_torch``."""
    images: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    count = len(data) if hasattr(data, "__len__") else None
    for index, item in enumerate(_items(data, count)):
        if index % 100 == 0:
            progress("reading items", index, count)
        if not isinstance(item, Sequence) or isinstance(item, str) or len(item) != 2:
            raise InputError(
                f"item {index} is a {type(item).__name__}: expected a pair of image and label, or of a batch "
                "of images and their labels"
            )
        label = _label(item[1])
        image = _image(item[0], index, batch=label.ndim == 1)
        images.append(image if label.ndim == 1 else image[None])
        labels.append(np.atleast_1d(label))
        _check_alike(images, index)
    progress("reading items", len(images), len(images))
    if not images:
        raise InputError("the data set holds no item: expected pairs of image and label")
    return from_numpy(
        np.concatenate(images),
        np.concatenate(labels),
        _found_names(data) if class_names is None else class_names,
        value_range,
        Source(type(data).__name__, reader="torch"),
    )


def from_numpy(
    images: Any,
    labels: Any,
    class_names: ClassNames | None = None,
    value_range: ValueRange | None = None,
    source: Source | None = None,
) -> LabelledImages:
    """Return a pair of arrays as labelled images: see ``LabelledImages.from_numpy``."""
    if class_names is None:
        return from_arrays(images, labels, value_range=value_range, source=source)
    names = [str(name) for name in class_names]
    if len(set(names)) != len(names) or not names:
        raise InputError(f"class names are {listed(names)}: expected different ones, at least one")
    given = np.asarray(labels)
    chosen = _named(given, names) if given.dtype.kind in "iu" and given.ndim == 1 else given
    return from_arrays(images, chosen, class_names=names, value_range=value_range, source=source)


def from_hugging_face(
    table: Any,
    image: str = "image",
    label: str = "label",
    class_names: ClassNames | None = None,
    value_range: ValueRange | None = None,
    progress: Progress = silent,
) -> LabelledImages:
    """Return two columns of a table as labelled images: see ``LabelledImages.from_hugging_face``."""
    images: list[NDArray[Any]] = []
    labels: list[Any] = []
    count = len(table) if hasattr(table, "__len__") and not isinstance(table, Mapping) else None
    for index, (cell, value) in enumerate(_rows(table, image, label)):
        if index % 100 == 0:
            progress("reading rows", index, count)
        if value is None:
            raise InputError(f"image {index} has no label in the column {quoted(label)}: leave it out")
        images.append(_image(cell, index, batch=False)[None])
        labels.append(_label(value))
        _check_alike(images, index)
    progress("reading rows", len(images), len(images))
    if not images:
        raise InputError("the table holds no row: expected an image and a label in each")
    features = getattr(table, "features", None)
    feature = features.get(label) if isinstance(features, Mapping) else None
    names = getattr(feature, "names", None) if class_names is None else class_names
    source = Source("table", reader="Hugging Face table")
    return from_numpy(np.concatenate(images), np.array(labels), names, value_range, source)


def to_hugging_face(labelled: LabelledImages) -> Any:
    """Return labelled images as a Hugging Face table: see ``LabelledImages.to_hugging_face``."""
    try:
        datasets: Any = import_module("datasets")
    except ImportError as error:
        raise MissingExtraError("to_hugging_face needs datasets: pip install datasets") from error
    from PIL.Image import fromarray

    if labelled.images.dtype != np.uint8:
        raise InputError(
            f"images are {labelled.images.dtype}: expected uint8, since a table holds images as PNG; round "
            "them to bytes first"
        )
    features = {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=list(labelled.class_names)),
        "name": datasets.Value("string"),
    }
    rows = {
        "image": [fromarray(image) for image in labelled.images],
        "label": codes(labelled).tolist(),
        "name": list(labelled.names),
    }
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
    columns = table if isinstance(table, Mapping) else getattr(table, "column_names", None)
    if columns is None:
        columns = getattr(table, "columns", None)
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


def _is_tensor(value: Any) -> bool:
    # Whoever holds a tensor has imported torch: there is no need to do it here.
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _label(value: Any) -> NDArray[Any]:
    """Return one label as an array without axes, or the labels of a batch as ``(n,)``."""
    label = np.asarray(value.detach().cpu() if _is_tensor(value) else value)
    if label.ndim > 1 or label.dtype.kind not in "iuU":
        raise InputError(
            f"a label is {label.dtype} of shape {label.shape}: expected a whole number or a text for each "
            "image"
        )
    return label


def _image(value: Any, index: int, *, batch: bool) -> NDArray[Any]:
    """Return one image, or a batch of them, with the channel axis last."""
    if _is_tensor(value):
        array = value.detach().cpu().numpy()
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
    from lookalike.data.decode import decode_image, pixels

    if isinstance(value, bytes):
        return decode_image(value, f"image {index}")
    if hasattr(value, "getbands"):
        try:
            return pixels(value)
        except DataError as error:
            raise DataError(f"image {index} {error}") from None
    try:
        return np.asarray(value)
    except ValueError as error:
        raise InputError(f"image {index} has rows of different lengths: expected an array") from error


def _check_alike(images: list[NDArray[Any]], index: int) -> None:
    """Refuse the last of ``images`` where it is of another shape than the first."""
    first, last = images[0].shape[1:], images[-1].shape[1:]
    if first != last:
        raise InputError(
            f"images are of mixed shapes: {first} at first and {last} in item {index}: resize them to one "
            "size, or make all gray or all colour"
        )


def _found_names(data: Any) -> ClassNames | None:
    """Return the class names that a data set has, or one that it holds."""
    for _ in range(_DEEPEST):
        names = getattr(data, "classes", None)
        if names is not None:
            return list(names)
        data = getattr(data, "dataset", None)
    return None


def _named(given: NDArray[Any], names: Sequence[str]) -> NDArray[np.str_]:
    """Return class codes as class names."""
    bad = np.flatnonzero((given < 0) | (given >= len(names)))
    if len(bad):
        raise InputError(
            f"image {bad[0]} has the label {given[bad[0]]}: expected the place of one of {len(names)} class "
            f"names, 0 to {len(names) - 1}; leave the names out where the labels are the classes themselves"
        )
    chosen: NDArray[np.str_] = np.array(names, np.str_)[given]
    return chosen
