"""Labelled images: what readers return and what models are fitted on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import InputError
from lookalike.images import ImageBatch, as_images


@dataclass(frozen=True)
class Source:
    """Where labelled images came from, as a reader of a report wants to know it.

    Attributes
    ----------
    name : str
        The known set's name, or the path as the user gave it.
    part : str
        ``"train"``, ``"valid"`` or ``"test"``: a published test part stays so called where it stands for the
        validation part.
    reader : str
        What was read, for example ``"IDX"`` or ``"image folder"``.
    notes : tuple of str
        What was decided on the way, one sentence each: the split that was made, files left out, images
        resized, values rescaled.
    """

    name: str = "arrays"
    part: str = "train"
    reader: str = "arrays"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LabelledImages:
    """An image batch with its labels, its class names and where it came from.

    Attributes
    ----------
    images : ndarray of shape (n, h, w) or (n, h, w, c)
        uint8, or floats in 0-1 (see :func:`lookalike.images.as_images`).
    labels : ndarray of shape (n,)
        Face values: int64 where every class name is a whole number, else strings.
    class_names : tuple of str
        Every class, in natural order ("2" before "10").
    names : tuple of str
        A name for each image, unique within the set: a file's path within its folder, or an index.
    groups : ndarray of shape (n,) or None
        Who wrote each image, or which camera took it, where that is known.
    source : Source
        Where the images came from.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits")
    >>> train.images.shape[1:], train.class_names[:3]
    ((8, 8), ('0', '1', '2'))
    """

    images: ImageBatch
    labels: NDArray[Any]
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    groups: NDArray[Any] | None = None
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
        shape = "x".join(str(length) for length in self.images.shape[1:])
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

    def counts(self) -> dict[str, int]:
        """Return how many images each class has, in the order of ``class_names``."""
        texts, counts = np.unique(self.labels.astype(str), return_counts=True)
        found = dict(zip(texts.tolist(), counts.tolist(), strict=True))
        return {
            name: found.get(str(label), 0)
            for name, label in zip(self.class_names, face_values(self.class_names), strict=True)
        }

    def sha256(self) -> str:
        """Return the SHA-256 of shape, dtype, image bytes and labels: equal sets have equal hashes."""
        digest = hashlib.sha256(f"{self.images.shape} {self.images.dtype.str}\n".encode())
        digest.update(np.ascontiguousarray(self.images).view(np.uint8).data)
        digest.update("\n".join(self.labels.astype(str).tolist()).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


class Split(NamedTuple):
    """The two parts that ``load`` returns."""

    train: LabelledImages
    valid: LabelledImages


def face_values(class_names: Sequence[str]) -> NDArray[Any]:
    """Return class names as labels: int64 where every one is a whole number, else strings.

    Names that would become the same number ("3" and "03"), or that int64 cannot hold, stay strings.

    Examples
    --------
    >>> from lookalike.data.labelled import face_values
    >>> face_values(["3", "7"])
    array([3, 7])
    >>> face_values(["cat", "7"])
    array(['cat', '7'], dtype='<U3')
    """
    names = [str(name) for name in class_names]
    if names and all(
        name.isascii() and name.removeprefix("-").isdecimal() and len(name) < 19 for name in names
    ):
        numbers = np.array([int(name) for name in names], dtype=np.int64)
        if len(np.unique(numbers)) == len(set(names)):
            return numbers
    return np.array(names, dtype=np.str_)


def from_arrays(images: Any, labels: Any, *, source: Source | None = None) -> LabelledImages:
    """Return labelled images made of two arrays.

    Parameters
    ----------
    images : array-like of shape (n, h, w) or (n, h, w, c)
        An image batch (see :func:`lookalike.images.as_images`).
    labels : array-like of shape (n,)
        Integers or strings.
    source : Source, optional
        Where they came from.

    Returns
    -------
    LabelledImages
        Named by their index.
    """
    batch = as_images(images)
    values = np.asarray(labels)
    if values.ndim != 1 or values.dtype.kind not in "iuUO":
        raise InputError(
            f"labels are {values.dtype} of shape {values.shape}: expected (n,) integers or strings"
        )
    if len(values) != len(batch):
        raise InputError(f"{len(values)} labels for {len(batch)} images: expected one for each")
    texts, numbers = np.unique(values.astype(np.str_), return_inverse=True)
    names = natural_order(texts.tolist())
    faces = dict(zip(names, face_values(names), strict=True))
    return LabelledImages(
        images=batch,
        labels=np.array([faces[text] for text in texts.tolist()])[numbers],
        class_names=tuple(names),
        names=tuple(str(index) for index in range(len(batch))),
        source=source or Source(),
    )


def natural_order(names: Iterable[str]) -> list[str]:
    """Return ``names`` sorted as people count: "2" before "10", and "a2" before "a10"."""
    return sorted(names, key=natural_key)


def natural_key(name: str) -> tuple[tuple[int, int, str, str], ...]:
    """Return a sort key that compares runs of digits as numbers, of any length, and the rest as text.

    Examples
    --------
    >>> from lookalike.data.labelled import natural_key
    >>> sorted(["a10", "a2", "10", "2"], key=natural_key)
    ['2', '10', 'a2', 'a10']
    """
    key = []
    for part in re.split(r"([0-9]+)", name):
        # Numbers are compared by length, then digit by digit: int() refuses very long ones.
        number = part.lstrip("0")
        if part.isascii() and part.isdecimal():
            key.append((0, len(number), number, part))
        elif part:
            key.append((1, 0, part, ""))
    return tuple(key)
