"""What a reader found: classes, parts and limits are chosen on listings, and only what is left is read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages, Source, face_values, natural_order
from lookalike.data.pixels import USUAL, Reading, decode_image, resized_batch
from lookalike.data.readers.intake import Intake, PixelFile, Pixels
from lookalike.data.readers.trees import Tree
from lookalike.data.sizes import Size, Sizes, Target
from lookalike.errors import DataError
from lookalike.files import MAX_FILE_BYTES, MAX_LABEL_BYTES, MAX_NAME, alone
from lookalike.images import ImageBatch
from lookalike.progress import Progress
from lookalike.text import listed, quoted

PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "val", "dev", "publictest"), "valid"),
    **dict.fromkeys(("test", "testing", "privatetest"), "test"),
}
"""The parts by the names that people give them."""

#: After so many files is noted how far reading has come, where it may go on.
EVERY = 1000
#: The folder of a file that images are read into, and the part that they are.
PixelsAt = tuple[Path, str]


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
        into: PixelsAt | None = None,
    ) -> Readout:
        """Return the images at ``positions`` (None: all), resized to ``target`` if that is given.

        They are in memory already: no file is made of them.
        """
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
        into: PixelsAt | None = None,
    ) -> Readout:
        """Decode the files; where gray and colour are mixed, gray becomes colour and a note says so.

        Without a ``target`` it is the median of their sizes where these are mixed, and without a ``reading``
        it is what all of the images together say: either may take a second look at them. Where a file is
        named that images are read ``into``, reading goes on where it was stopped.
        """
        paths = [*self.paths] if positions is None else [self.paths[position] for position in positions]
        if into is None:
            return self._readout(paths, Intake(target, reading), skip_bad, progress, Pixels(len(paths)))
        folder, part = into
        with alone(folder), closing(PixelFile(folder, part, len(paths))) as pixels:
            try:
                intake = pixels.intake(self.tree, paths, (target, reading))
                return self._readout(paths, intake, skip_bad, progress, pixels)
            except OSError as error:
                raise DataError(f"{quoted(folder)} cannot be written: {error.strerror or error}") from error

    def _readout(
        self, paths: list[str], intake: Intake, skip_bad: bool, progress: Progress, pixels: Pixels
    ) -> Readout:
        """Return what was read, and what is left to be read."""
        if intake.bad and not skip_bad:
            raise DataError(next(iter(intake.bad.values())))
        further: Intake | None = intake
        while further is not None:
            intake = further
            self._decode(paths, intake, skip_bad, progress, pixels)
            if len(intake.bad) == len(paths):
                raise DataError(
                    f"none of {len(paths):,} images in {quoted(self.tree.name)} can be read: {intake.bad[0]}"
                )
            further = intake.again()
            if further is not None:
                pixels.note(further)
        kept = np.delete(np.arange(len(paths)), [*intake.bad]) if intake.bad else None
        return Readout(pixels.images(intake), kept, intake.notes(), intake.odd, intake.resized)

    def _decode(
        self, paths: list[str], intake: Intake, skip_bad: bool, progress: Progress, pixels: Pixels
    ) -> None:
        """Decode the files that are not decoded yet."""
        for index in range(intake.done, len(paths)):
            if index % 100 == 0:
                progress("reading images", index, len(paths))
            path = paths[index]
            name, reading = self.tree.full_name(path), intake.reading or USUAL
            try:
                pixels.read(self.tree, path)
                image = decode_image(self.tree.read(path, MAX_FILE_BYTES), name, reading, intake.seen)
            except DataError as error:
                if not skip_bad:
                    raise
                intake.bad[index] = str(error)
            else:
                intake.add(image, name, pixels)
            intake.done = index + 1
            if intake.done % EVERY == 0 or intake.done == len(paths):
                pixels.note(intake)
        progress("reading images", len(paths), len(paths))


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
        into: PixelsAt | None = None,
    ) -> LabelledImages:
        """Return the labelled images: pixels read, labels as face values of ``class_names``."""
        how = None if reading is None else Reading(*reading)
        readout = self.images.read(self.positions, target, skip_bad, progress, how, into)
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
