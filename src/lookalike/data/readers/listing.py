"""What a reader found: classes, parts and limits are chosen on listings, and only what is left is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages, Source, face_values, natural_order
from lookalike.data.pixels import USUAL, Reading, Seen, Size, decode_image, resized, resized_batch, size_note
from lookalike.data.readers.trees import Tree
from lookalike.errors import DataError
from lookalike.files import MAX_ARRAY_BYTES, MAX_FILE_BYTES, MAX_NAME
from lookalike.images import ImageBatch
from lookalike.progress import Progress
from lookalike.text import listed, quoted

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "publictest"), "valid"),
    **dict.fromkeys(("test", "testing", "privatetest"), "test"),
}
"""The parts by the names that people give them."""


@dataclass(frozen=True)
class Readout:
    """Images that were read."""

    images: ImageBatch
    kept: NDArray[np.intp] | None = None  # which of the images asked for they are, where some were skipped
    notes: tuple[str, ...] = ()
    reading: Reading | None = None  # how images of many bits or transparent ones were read, where there are


@dataclass(frozen=True)
class ArrayImages:
    """Images that are an array already."""

    array: ImageBatch

    def read(
        self,
        positions: NDArray[np.intp] | None,
        size: Size | None,
        skip_bad: bool,
        progress: Progress,
        reading: Reading | None = None,
    ) -> Readout:
        """Return the images at ``positions`` (None: all), resized to ``size`` if that is given."""
        images = self.array if positions is None else self.array[positions]
        if size is None or images.shape[1:3] == size:
            return Readout(images)
        return Readout(resized_batch(images, size, progress), notes=(size_note(size),))


@dataclass(frozen=True)
class FileImages:
    """Images that are encoded files in a tree."""

    tree: Tree
    paths: tuple[str, ...]

    def read(
        self,
        positions: NDArray[np.intp] | None,
        size: Size | None,
        skip_bad: bool,
        progress: Progress,
        reading: Reading | None = None,
    ) -> Readout:
        """Decode the files; where gray and colour are mixed, gray becomes colour and a note says so.

        Without a ``reading`` it is what all of the images together say, which may take a second look at them.
        """
        paths = self.paths if positions is None else [self.paths[position] for position in positions]
        batch, seen = _Batch(len(paths), size), Seen()
        kept: list[int] = []
        bad: list[str] = []
        for index, path in enumerate(paths):
            if index % 100 == 0:
                progress("reading images", index, len(paths))
            name = self.tree.full_name(path)
            try:
                image = decode_image(self.tree.read(path, MAX_FILE_BYTES), name, reading or USUAL, seen)
            except DataError as error:
                if not skip_bad:
                    raise
                bad.append(str(error))
                continue
            batch.add(image, name)
            kept.append(index)
        progress("reading images", len(paths), len(paths))
        if not kept:
            raise DataError(
                f"none of {len(paths):,} images in {quoted(self.tree.name)} can be read: {bad[0]}"
            )
        if reading is None and seen.reading() != USUAL:
            return self.read(positions, size, skip_bad, progress, seen.reading())
        odd = reading or (seen.reading() if seen != Seen() else None)
        notes = batch.notes() + seen.notes(odd or USUAL)
        if bad:
            shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5:,} more" if len(bad) > 5 else "")
            notes += (f"{len(bad):,} bad {'file was' if len(bad) == 1 else 'files were'} skipped: {shown}.",)
        return Readout(batch.images(), np.array(kept, np.intp) if bad else None, notes, odd)


class _Batch:
    """An image batch that grows by one image at a time, of one size."""

    def __init__(self, most: int, size: Size | None) -> None:
        self._most, self._size, self._resized = most, size, False
        self._array: ImageBatch | None = None
        self._first = ""
        self._count = self._gray = 0

    def add(self, image: NDArray[np.uint8], name: str) -> None:
        if self._size is not None and image.shape[:2] != self._size:
            image = resized(image, self._size)
            self._resized = True
        if self._array is None:
            self._array = self._allocated(image.shape)
            self._first = name
        if image.shape[:2] != self._array.shape[1:3]:
            raise DataError(mixed_sizes((self._first, self._array.shape[1:3]), (name, image.shape[:2])))
        if image.ndim == 3 and self._array.ndim == 3:
            gray = self._array[: self._count]
            self._array = self._allocated(image.shape)
            self._array[: self._count] = gray[..., None]
        self._gray += image.ndim == 2
        self._array[self._count] = image[..., None] if image.ndim < self._array.ndim - 1 else image
        self._count += 1

    def _allocated(self, shape: tuple[int, ...]) -> ImageBatch:
        needed = self._most * int(np.prod(shape))
        if needed > MAX_ARRAY_BYTES:
            raise DataError(
                f"{self._most:,} images of {_by(shape[:2])} need {needed:,} bytes, more than "
                f"{MAX_ARRAY_BYTES:,}: give size= or limit="
            )
        return np.empty((self._most, *shape), np.uint8)

    def images(self) -> ImageBatch:
        assert self._array is not None
        return self._array if self._count == self._most else self._array[: self._count].copy()

    def notes(self) -> tuple[str, ...]:
        notes: tuple[str, ...] = (size_note(self._size),) if self._size and self._resized else ()
        if self._array is not None and self._array.ndim == 4 and self._gray:
            notes += (f"Gray and colour images are mixed: {self._gray:,} gray ones were made colour.",)
        return notes


@dataclass(frozen=True)
class Listing:
    """One part of a data set, not read yet."""

    classes: NDArray[np.str_]  # the class name of each image
    names: Sequence[str]
    images: ArrayImages | FileImages  # where the pixels are
    positions: NDArray[np.intp] | None = None  # which of ``images`` these are; None: all in order
    groups: NDArray[Any] | None = None  # who wrote each image, where that is known
    source: Source = field(default_factory=Source)

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.classes)

    @property
    def class_names(self) -> list[str]:
        """The classes that have images, in natural order."""
        return natural_order(set(self.classes.tolist()))

    def take(self, chosen: NDArray[np.intp]) -> Listing:
        """Return the images at ``chosen``, in that order."""
        if len(chosen) == len(self) and np.array_equal(chosen, np.arange(len(self))):
            return self
        return replace(
            self,
            classes=self.classes[chosen],
            names=[self.names[index] for index in chosen.tolist()],
            positions=chosen if self.positions is None else self.positions[chosen],
            groups=None if self.groups is None else self.groups[chosen],
        )

    def noted(self, *notes: str) -> Listing:
        """Return the same listing with ``notes`` added to its source."""
        return replace(self, source=replace(self.source, notes=(*self.source.notes, *notes)))

    def read(
        self,
        class_names: Sequence[str],
        size: Size | None,
        skip_bad: bool,
        progress: Progress,
        reading: tuple[int, int] | None = None,
    ) -> LabelledImages:
        """Return the labelled images: pixels read, labels as face values of ``class_names``."""
        how = None if reading is None else Reading(*reading)
        readout = self.images.read(self.positions, size, skip_bad, progress, how)
        kept = self if readout.kept is None else self.take(readout.kept)
        missing = set(self.class_names) - set(kept.class_names)
        if missing:
            raise DataError(
                f"no image of class {listed(sorted(missing))} in {quoted(self.source.name)} can be read: "
                f"{readout.notes[-1]}"
            )
        names, numbers = np.unique(kept.classes, return_inverse=True)
        places = {name: place for place, name in enumerate(class_names)}
        faces = face_values(class_names)
        return LabelledImages(
            images=readout.images,
            labels=faces[[places[name] for name in names.tolist()]][numbers],
            class_names=tuple(class_names),
            names=tuple(kept.names),
            groups=kept.groups,
            source=replace(self.source, notes=(*self.source.notes, *readout.notes), reading=readout.reading),
        )


def numbered(
    classes: NDArray[np.str_], images: ImageBatch, source: Source, groups: NDArray[Any] | None = None
) -> Listing:
    """Return the listing of an image batch that is there already, its images named by their index."""
    names = tuple(str(index) for index in range(len(images)))
    return Listing(classes, names, ArrayImages(images), groups=groups, source=source)


def parts_of(listing: Listing, parts: Sequence[str] | None) -> dict[str, Listing]:
    """Return the listing of each part, where ``parts`` says which image belongs to which."""
    if parts is None:
        return {"train": listing}
    known = {text: PARTS.get(text.lower()) for text in set(parts)}
    unknown = [text for text, part in known.items() if part is None]
    if unknown:
        raise DataError(
            f"{quoted(listing.source.name)} has a part called {listed(unknown)}: expected {listed(PARTS, 20)}"
        )
    belongs = np.array([known[text] for text in parts])
    return {
        part: replace(
            listing.take(np.flatnonzero(belongs == part)), source=replace(listing.source, part=part)
        )
        for part in dict.fromkeys(PARTS.values())
        if part in known.values()
    }


def checked_class(text: str, where: str) -> str:
    """Return a class name out of a table, refusing what no class can be called."""
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise DataError(
            f"{where} has the label {quoted(text, 40)}: expected 1 to {MAX_NAME} printable characters"
        )
    return text


def class_texts(labels: NDArray[Any]) -> NDArray[np.str_]:
    """Return integer or text labels as class names."""
    values, numbers = np.unique(labels, return_inverse=True)
    return values.astype(np.str_)[numbers]


def mixed_sizes(first: tuple[str, tuple[int, ...]], other: tuple[str, tuple[int, ...]]) -> str:
    """Return the message for two images of different sizes."""
    return (
        f"images are of mixed sizes: {quoted(first[0])} is {_by(first[1])} and {quoted(other[0])} is "
        f"{_by(other[1])} (height x width): give a size, for example size={tuple(map(int, first[1]))}, "
        f"on the command line --size {first[1][0]}x{first[1][1]}"
    )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)
