"""What a reader found: classes, parts and limits are chosen on listings, and only what is left is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages, Source, face_values, natural_order
from lookalike.data.pixels import USUAL, Reading, Seen, decode_image, resized, resized_batch
from lookalike.data.readers.trees import Tree
from lookalike.data.sizes import Size, Sizes, Target
from lookalike.errors import DataError
from lookalike.files import MAX_ARRAY_BYTES, MAX_FILE_BYTES, MAX_LABEL_BYTES, MAX_NAME
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
    sizes: Sizes | None = None  # how large they were, where some were resized


@dataclass(frozen=True)
class ArrayImages:
    """Images that are an array already."""

    array: ImageBatch

    def read(
        self,
        positions: NDArray[np.intp] | None,
        target: Target | None,
        skip_bad: bool,
        progress: Progress,
        reading: Reading | None = None,
    ) -> Readout:
        """Return the images at ``positions`` (None: all), resized to ``target`` if that is given."""
        images = self.array if positions is None else self.array[positions]
        size: Size = images.shape[1:3]
        if target is None or size == target.size:
            return Readout(images)
        target.check("an array of images", size)
        sizes = Sizes.of([size])
        return Readout(resized_batch(images, target.size, progress), notes=(target.note,), sizes=sizes)


@dataclass(frozen=True)
class FileImages:
    """Images that are encoded files in a tree."""

    tree: Tree
    paths: tuple[str, ...]

    def read(
        self,
        positions: NDArray[np.intp] | None,
        target: Target | None,
        skip_bad: bool,
        progress: Progress,
        reading: Reading | None = None,
    ) -> Readout:
        """Decode the files; where gray and colour are mixed, gray becomes colour and a note says so.

        Without a ``target`` it is the median of their sizes where these are mixed, and without a ``reading``
        it is what all of the images together say: either may take a second look at them.
        """
        paths = self.paths if positions is None else [self.paths[position] for position in positions]
        batch, seen = _Batch(len(paths), target), Seen()
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
        again = seen.reading() if reading is None and seen.reading() != USUAL else reading
        if again != reading or batch.mixed:
            return self.read(positions, batch.target, skip_bad, progress, again)
        odd = reading or (seen.reading() if seen != Seen() else None)
        notes = batch.notes() + seen.notes(odd or USUAL)
        if bad:
            shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5:,} more" if len(bad) > 5 else "")
            notes += (f"{len(bad):,} bad {'file was' if len(bad) == 1 else 'files were'} skipped: {shown}.",)
        chosen = np.array(kept, np.intp) if bad else None
        return Readout(batch.images(), chosen, notes, odd, batch.resized)


class _Batch:
    """An image batch that grows by one image at a time; of mixed sizes without a target, the sizes alone."""

    mixed = False  # whether it has no one size

    def __init__(self, most: int, target: Target | None) -> None:
        self._most, self._target = most, target
        self._array: ImageBatch | None = None
        self._sizes: list[Size] = []
        self._count = self._gray = 0

    def add(self, image: NDArray[np.uint8], name: str) -> None:
        size = (image.shape[0], image.shape[1])
        self._sizes.append(size)
        if self._target is not None and size != self._target.size:
            self._target.check(quoted(name), size)
            image = resized(image, self._target.size)
        if self._array is None:
            self._array = self._allocated(image.shape)
        if image.shape[:2] != self._array.shape[1:3]:
            self.mixed = True
        if self.mixed:
            return
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

    @property
    def target(self) -> Target | None:
        """What the images are brought to: what was given, or their median size where they are mixed."""
        sizes = Sizes.of(self._sizes)
        return Target.of(sizes.median, sizes) if self.mixed else self._target

    @property
    def resized(self) -> Sizes | None:
        """How large the images were, where some were resized."""
        target = self._target
        return Sizes.of(self._sizes) if target and {*self._sizes} != {target.size} else None

    def images(self) -> ImageBatch:
        assert self._array is not None
        return self._array if self._count == self._most else self._array[: self._count].copy()

    def notes(self) -> tuple[str, ...]:
        notes: tuple[str, ...] = (self._target.note,) if self._target and self.resized else ()
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
        target: Target | None,
        skip_bad: bool,
        progress: Progress,
        reading: tuple[int, int] | None = None,
    ) -> LabelledImages:
        """Return the labelled images: pixels read, labels as face values of ``class_names``."""
        how = None if reading is None else Reading(*reading)
        readout = self.images.read(self.positions, target, skip_bad, progress, how)
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
            source=replace(
                self.source,
                notes=(*self.source.notes, *readout.notes),
                reading=readout.reading,
                sizes=readout.sizes,
            ),
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


def class_array(names: Sequence[str], where: str) -> NDArray[np.str_]:
    """Return class names as an array, in which each takes as much as the longest."""
    needed = 4 * len(names) * max(map(len, names), default=0)
    if needed > MAX_LABEL_BYTES:
        raise DataError(
            f"{quoted(where)} has {len(names):,} labels of up to {max(map(len, names))} characters: expected "
            "shorter ones"
        )
    return np.array(names, np.str_)


def class_texts(labels: NDArray[Any]) -> NDArray[np.str_]:
    """Return integer or text labels as class names."""
    values, numbers = np.unique(labels, return_inverse=True)
    return values.astype(np.str_)[numbers]


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)
