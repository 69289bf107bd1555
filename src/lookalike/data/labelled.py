"""Labelled images: what readers return and what models are fitted on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data import bridges
from lookalike.data.sizes import Sizes
from lookalike.errors import InputError, LabelWarning, warn
from lookalike.images import ImageBatch, as_images, sizes
from lookalike.progress import Progress, silent
from lookalike.text import listed, name_notes, one_form, quoted


@dataclass(frozen=True)
class Source:
    """Where labelled images came from, as a reader of a report wants to know it."""

    name: str = "arrays"  #: the known set's name, or the path as the user gave it
    #: ``"train"``, ``"valid"`` or ``"test"``, which stays so called where it stands for the validation part
    part: str = "train"
    reader: str = "arrays"  #: what was read, for example ``"IDX"`` or ``"image folder"``
    #: what was decided on the way, one sentence each: the split made, files left out, images resized
    notes: tuple[str, ...] = ()
    #: how files of more than 8 bits and transparent ones were read, where there were any: how many bits are
    #: used, and the level of gray that transparency was laid on. Others of the set are to be read alike
    reading: tuple[int, int] | None = None
    sizes: Sizes | None = None  #: how large the images were, where some were resized


@dataclass(frozen=True)
class LabelledImages:
    """An image batch with its labels, its class names and where it came from.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> train.images.shape[1:], train.class_names[:3]
    ((8, 8), ('0', '1', '2'))
    """

    images: ImageBatch  #: ``(n, h, w)`` or ``(n, h, w, c)``: uint8, or floats in 0-1 (see ``as_images``)
    #: face values ``(n,)``: int64 where every class name is a whole number as one writes it, else strings
    labels: NDArray[Any]
    #: every class, in natural order ("c2" before "c10"); a model's ``classes_``, and columns of
    #: probabilities, are sorted as labels are ("c10" before "c2")
    class_names: tuple[str, ...]
    names: tuple[str, ...]  #: one an image, unique within the set: a file's path in its folder, or an index
    groups: NDArray[Any] | None = None  #: ``(n,)``: who wrote each image, or which camera took it, if known
    source: Source = field(default_factory=Source)

    def __post_init__(self) -> None:
        n = len(self.images)
        for what, values in (("labels", self.labels), ("names", self.names), ("groups", self.groups)):
            if values is not None and len(values) != n:
                raise InputError(f"{len(values)} {what} for {n} images: expected one for each")

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def __repr__(self) -> str:
        shape = sizes(self.images.shape[1:])
        return (
            f"<LabelledImages {self.source.name} ({self.source.part}): {len(self)} images of {shape} "
            f"{self.images.dtype}, {len(self.class_names)} classes>"
        )

    def take(self, indices: NDArray[np.intp] | Sequence[int] | slice) -> LabelledImages:
        """Return the images at ``indices``, in that order; the class names stay as they are."""
        chosen = np.arange(len(self))[indices]
        return replace(
            self,
            images=self.images[chosen],
            labels=self.labels[chosen],
            names=tuple(self.names[index] for index in chosen),
            groups=None if self.groups is None else self.groups[chosen],
        )

    def noted(self, *notes: str, part: str | None = None) -> LabelledImages:
        """Return the same images with ``notes`` added to their source, as another part if one is given."""
        source = replace(self.source, notes=(*self.source.notes, *notes), part=part or self.source.part)
        return replace(self, source=source)

    def grouped(self, pattern: str) -> LabelledImages:
        r"""Return the same images with groups that are taken from their names.

        Parameters
        ----------
        pattern : str
            A regular expression that is found in every name. Who wrote the image, or which camera took it, is
            its part called ``group``, else its first part in parentheses, else all that it finds.

        Raises
        ------
        InputError
            It is no regular expression, or a name has nothing like it.

        Examples
        --------
        >>> from dataclasses import replace
        >>> import lookalike
        >>> train = lookalike.load("digits")[0].take([0, 1])
        >>> replace(train, names=("0/anna-1.png", "1/ben-1.png")).grouped(r"(\w+)-\d").groups
        array(['anna', 'ben'], dtype='<U4')
        """
        return replace(self, groups=groups_in_names(self.names, pattern))

    def counts(self) -> dict[str, int]:
        """Return how many images each class has, in the order of ``class_names``."""
        texts, counts = np.unique(self.labels.astype(str), return_counts=True)
        found = dict(zip(texts.tolist(), counts.tolist(), strict=True))
        return {name: found.get(name, 0) for name in self.class_names}

    def sha256(self) -> str:
        """Return the SHA-256 of shape, dtype, image bytes and labels: equal sets have equal hashes."""
        digest = hashlib.sha256(f"{self.images.shape} {self.images.dtype.str}\n".encode())
        digest.update(np.ascontiguousarray(self.images).view(np.uint8).data)
        digest.update("\n".join(self.labels.astype(str).tolist()).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    def to_numpy(self) -> tuple[ImageBatch, NDArray[Any]]:
        """Return images and labels: ``model.fit(*train.to_numpy())``.

        Returns
        -------
        images : ndarray of shape (n, h, w) or (n, h, w, c)
            uint8, or floats in 0-1, as they are here.
        labels : ndarray of shape (n,)
            Face values.
        """
        return self.images, self.labels

    @classmethod
    def from_numpy(
        cls,
        images: Any,
        labels: Any,
        *,
        class_names: Sequence[str | int] | None = None,
        value_range: tuple[float, float] | None = None,
    ) -> LabelledImages:
        """Return labelled images made of two arrays.

        Parameters
        ----------
        images : array-like of shape (n, h, w) or (n, h, w, c)
            An image batch (see :func:`lookalike.images.as_images`).
        labels : array-like of shape (n,)
            Strings, which are brought to Unicode's form NFC, or whole numbers: the classes themselves; with
            ``class_names``, whole numbers are places in these.
        class_names : sequence of str or int, optional
            Every class, in the order that the numbers count; by default the labels that occur.
        value_range : (float, float), optional
            What stands for no ink and for full ink, where it is not the usual: (0, 16), or (-1, 1).

        Raises
        ------
        InputError
            They are no image batch with a label for each image, or a label is none of the classes.

        Examples
        --------
        >>> import numpy as np
        >>> from lookalike import LabelledImages
        >>> pair = np.zeros((2, 8, 8), np.uint8), [1, 0]
        >>> LabelledImages.from_numpy(*pair).labels
        array([1, 0])
        >>> LabelledImages.from_numpy(*pair, class_names=["cat", "dog"]).labels
        array(['dog', 'cat'], dtype='<U3')
        """
        return from_arrays(images, labels, class_names, value_range)

    def to_torch(self) -> Any:
        """Return the images as a torch data set, for a ``DataLoader``.

        Returns
        -------
        torch.utils.data.TensorDataset
            Its items are pairs: the image, float32 ``(c, h, w)`` in 0-1 (bytes are divided by 255; gray has
            one channel), and the class, an int64 place in ``.classes``. ``.classes`` and ``.class_to_idx``
            are as in torchvision's sets; ``.tensors`` holds all images and all classes.

        Raises
        ------
        MissingExtraError
            torch is not installed.
        """
        return bridges.to_torch(self.images, self._codes(), self.class_names)

    @classmethod
    def from_torch(
        cls,
        data: Any,
        *,
        class_names: Sequence[str | int] | None = None,
        value_range: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> LabelledImages:
        """Return labelled images made of what a torch data set or loader yields, in its order.

        Parameters
        ----------
        data : Dataset, DataLoader, or anything that yields pairs
            Of an image and its label, or of a batch of images and their labels. Images are tensors
            ``(c, h, w)`` or ``(h, w)``, arrays ``(h, w)`` or ``(h, w, c)``, or Pillow's; bytes, or floats in
            0-1. Whatever transforms the set has are applied; a loader that shuffles gives another order.
        class_names : sequence of str or int, optional
            What the labels count; by default the set's own ``classes``, else the labels are the classes.
        value_range : (float, float), optional
            What stands for no ink and for full ink, where the set normalises: (-1, 1) for mean 0.5 and
            deviation 0.5.
        progress : callable, optional
            Told of progress.

        Raises
        ------
        InputError
            An item is no such pair, images are of mixed shapes, or :meth:`from_numpy` refuses them.
        """
        found = bridges.from_torch(data, class_names, progress)
        return from_arrays(*found, value_range, Source(type(data).__name__, reader="torch"))

    def to_hugging_face(self) -> Any:
        """Return the images as a Hugging Face ``datasets.Dataset``.

        Returns
        -------
        datasets.Dataset
            The columns ``image``, ``label`` (a ``ClassLabel`` with the class names) and ``name``.

        Raises
        ------
        MissingExtraError
            datasets is not installed.
        InputError
            The images are floats.
        """
        return bridges.to_hugging_face(self.images, self._codes(), self.class_names, self.names)

    @classmethod
    def from_hugging_face(
        cls,
        table: Any,
        *,
        image: str = "image",
        label: str = "label",
        class_names: Sequence[str | int] | None = None,
        value_range: tuple[float, float] | None = None,
        progress: Progress = silent,
    ) -> LabelledImages:
        """Return labelled images made of two columns of a Hugging Face table.

        Parameters
        ----------
        table : datasets.Dataset, or anything with such columns or rows
            One part: ``load_dataset(...)["train"]``. Dictionaries of columns, data frames and lists of rows
            serve as well.
        image, label : str
            The columns. Images are Pillow's, encoded bytes (alone or as ``{"bytes": ...}``), tensors or
            arrays; paths are not followed. Palettes, 16 bits and transparency are read as from files.
        class_names : sequence of str or int, optional
            What the labels count; by default the names of the table's ``ClassLabel``, else the labels are
            the classes.
        value_range : (float, float), optional
            What stands for no ink and for full ink, where images are arrays of other numbers.
        progress : callable, optional
            Told of progress.

        Raises
        ------
        InputError
            A column is not there, a label is missing, or images are of mixed shapes.
        DataError
            The bytes of an image cannot be read.
        """
        found = bridges.from_hugging_face(table, image, label, class_names, progress)
        return from_arrays(*found, value_range, Source("table", reader="Hugging Face table"))

    def _codes(self) -> NDArray[np.int64]:
        """Return for each image the place of its class in ``class_names``, as ``(n,)``."""
        places = {face: place for place, face in enumerate(face_values(self.class_names).tolist())}
        values, numbers = np.unique(self.labels, return_inverse=True)
        return np.array([places[value] for value in values.tolist()], np.int64)[numbers]


class Split(NamedTuple):
    """The two parts that ``load`` returns."""

    train: LabelledImages
    valid: LabelledImages


def groups_in_names(names: Iterable[str], pattern: str) -> NDArray[np.str_]:
    """Return the group of each name, as a regular expression finds it: :meth:`LabelledImages.grouped`."""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise InputError(f"{quoted(pattern)} is no regular expression: {error}") from error
    part: int | str = "group" if "group" in expression.groupindex else min(expression.groups, 1)
    found = []
    for name in names:
        match = expression.search(name)
        if match is None or match[part] is None:
            raise InputError(
                f"the name {quoted(name)} has no group like {quoted(pattern)}: expected a regular "
                "expression that finds who wrote each image, or which camera took it"
            )
        found.append(match[part])
    return np.array(found, np.str_)


def plain_labels(labels: Any, name: str = "labels") -> NDArray[Any]:
    """Return labels as an array of numbers, truth values, texts or objects, refusing what no labels can be.

    Whole numbers in an array of objects are whole numbers, and texts of NumPy's StringDType are texts.

    Raises
    ------
    InputError
        They are sparse, bytes, or none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.data.labelled import plain_labels
    >>> plain_labels(np.array([3, 7], dtype=object)).dtype
    dtype('int64')
    """
    if hasattr(labels, "toarray") and hasattr(labels, "nnz"):
        raise InputError(
            f"{name} are sparse ({type(labels).__name__}): expected an array of one label for each image, "
            "such as labels.toarray().ravel()"
        )
    try:
        values = np.asarray(labels)
    except ValueError as error:
        raise InputError(f"{name} differ in length: expected one label for each image") from error
    if values.dtype.kind == "T":
        values = values.astype(object)
        if all(isinstance(value, str) for value in values.ravel().tolist()):
            values = values.astype(np.str_)
    if values.dtype.kind == "O" and values.size:
        kinds = {type(value) for value in values.ravel().tolist()}
        if bytes not in kinds and all(issubclass(kind, int | np.integer) for kind in kinds):
            values = np.array(values.tolist())
        if bytes in kinds:
            values = values.astype(np.bytes_)
    if values.dtype.kind == "S":
        raise InputError(
            f"{name} are bytes: expected texts or whole numbers; make texts of them, such as "
            "numpy.char.decode(labels)"
        )
    if values.dtype.kind not in "biufUOMmc":
        raise InputError(f"{name} are {values.dtype}: expected texts or whole numbers")
    return values


def face_values(class_names: Sequence[str]) -> NDArray[Any]:
    """Return class names as labels: int64 where every one is how a whole number is written, else strings.

    A name that a number would not give back ("03", "-0", "+3"), or that int64 cannot hold, is a text, and so
    are those beside it: the text of a label is always the name of its class.
    """
    names = [str(name) for name in class_names]
    if names and all(re.fullmatch("0|-?[1-9][0-9]{0,16}", name) for name in names):
        return np.array([int(name) for name in names], dtype=np.int64)
    return np.array(names, dtype=np.str_)


def from_arrays(
    images: Any,
    labels: Any,
    class_names: Sequence[str | int] | None = None,
    value_range: tuple[float, float] | None = None,
    source: Source | None = None,
) -> LabelledImages:
    """Return two arrays as labelled images; with class names, whole labels are places in these."""
    values = plain_labels(labels)
    named = None if class_names is None else [str(name) for name in class_names]
    if named is not None:
        values = _named(values, named)
    batch = as_images(images, value_range=value_range)
    if values.ndim != 1 or values.dtype.kind not in "iuUO":
        raise InputError(
            f"labels are {values.dtype} of shape {values.shape}: expected (n,) integers or strings"
        )
    for place, value in enumerate(values.tolist() if values.dtype.kind == "O" else ()):
        if not isinstance(value, str | int | np.integer):
            raise InputError(f"label {place} is {quoted(value, 60)}: expected integers or strings")
    texts, numbers = np.unique(values.astype(np.str_), return_inverse=True)
    given = texts.tolist() if named is None else named
    for note in name_notes(given):
        warn(note, LabelWarning)
    names = natural_order(set(map(one_form, given)))
    found = [*map(one_form, texts.tolist())]
    for text in found:
        if text not in names:
            raise InputError(f"label {text!r} is none of the classes {', '.join(map(repr, names))}")
    faces = dict(zip(names, face_values(names), strict=True))
    return LabelledImages(
        images=batch,
        labels=np.array([faces[text] for text in found])[numbers],
        class_names=tuple(names),
        names=tuple(str(index) for index in range(len(batch))),
        source=source or Source(),
    )


def _named(labels: NDArray[Any], names: list[str]) -> NDArray[Any]:
    """Return labels with the names that whole ones are places of."""
    if len(set(names)) != len(names) or not names:
        raise InputError(f"class names are {listed(names)}: expected different ones, at least one")
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        return labels
    bad = np.flatnonzero((labels < 0) | (labels >= len(names)))
    if len(bad):
        raise InputError(
            f"image {bad[0]} has the label {labels[bad[0]]}: expected the place of one of {len(names)} class "
            f"names, 0 to {len(names) - 1}; leave the names out where the labels are the classes themselves"
        )
    texts: NDArray[np.str_] = np.array(names, np.str_)[labels]
    return texts


def natural_order(names: Iterable[str]) -> list[str]:
    """Return ``names`` sorted as people count: "2" before "10", and "a2" before "a10"."""
    return sorted(names, key=natural_key)


def natural_key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """Return a sort key that compares runs of digits as numbers, of any length, and the rest as text."""
    key = []
    for part in re.split(r"([0-9]+)", one_form(name)):
        # Numbers are compared by length, then digit by digit: int() refuses very long ones.
        number = part.lstrip("0")
        if part.isascii() and part.isdecimal():
            key.append((0, len(number), number))
        elif part:
            key.append((1, 0, part))
    # The name itself comes last: it only tells "1" from "01".
    return tuple(key), name
