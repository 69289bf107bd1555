"""Images to be answered, without labels: found first, and read a few at a time, so that memory is bounded."""

from __future__ import annotations

import glob
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import LabelledImages, natural_key, natural_order
from lookalike.data.pixels import SUFFIXES, Reading, Seen, decode_image, resized
from lookalike.data.readers import tables
from lookalike.data.readers.delimited import is_table
from lookalike.data.readers.layout import USUAL_LAYOUT, Layout, checked_layout
from lookalike.data.readers.listing import FileImages
from lookalike.data.readers.trees import Tree, is_hidden, open_tree
from lookalike.data.sizes import Sizes
from lookalike.errors import DataError, InputError, LookalikeWarning
from lookalike.files import MAX_FILE_BYTES, read_file
from lookalike.text import listed, quoted

_BATCH_IMAGES, _BATCH_BYTES = 500, 2**25


class LooseBatch(NamedTuple):
    """Some images that were read."""

    #: paths as they were given, ``"-"`` for standard input, ``"test.csv:1"`` for a CSV's first; untrusted
    names: tuple[str, ...]
    images: NDArray[np.uint8]  #: ``(n, h, w)`` or ``(n, h, w, c)``


class _Found(NamedTuple):
    """One encoded image, or one table."""

    name: str
    place: Callable[[], bytes] | Path  # what reads the image's bytes, or where the table is


@dataclass
class LooseImages:
    """Images that were found, and how to read them."""

    _found: list[_Found]
    layout: Layout = USUAL_LAYOUT
    notes: list[str] = field(default_factory=list)  # what was decided on the way
    bad: list[str] = field(default_factory=list)  # why each file that was skipped cannot be read

    @property
    def one_table(self) -> bool:
        """Whether all images are those of one table."""
        return len(self._found) == 1 and isinstance(self._found[0].place, Path)

    @property
    def count(self) -> int | None:
        """How many images there are; None where a table must be read to know."""
        return None if any(isinstance(one.place, Path) for one in self._found) else len(self._found)

    def batches(
        self,
        shape: tuple[int, ...],
        *,
        resize: bool = False,
        skip_bad: bool = False,
        most: int | None = None,
        reading: tuple[int, int] | None = None,
        sizes: Sizes | None = None,
    ) -> Iterator[LooseBatch]:
        """Read the images in the order in which they were found, up to ``most`` (500 or so) at a time.

        ``shape`` is ``(h, w)`` or ``(h, w, 3)``. Gray images become colour where it has channels; colour
        images become gray only where their channels are equal. Images of another size are refused, or
        resized, those like ``sizes`` unasked. Bad files are noted in ``bad`` with ``skip_bad``; else the
        first is an error. ``reading`` says how those of the set were read that the model was fitted on.
        """
        most = most or max(1, min(_BATCH_IMAGES, _BATCH_BYTES // int(np.prod(shape))))
        names: list[str] = []
        images: list[NDArray[np.uint8]] = []
        any_read, others, seen = False, 0, Seen()
        for name, image in self._images(shape, skip_bad, Reading(*(reading or ())), seen):
            names.append(name)
            images.append(conformed(image, name, shape, resize, sizes))
            others += not resize and image.shape[:2] != shape[:2]
            any_read = True
            if len(names) == most:
                yield LooseBatch(tuple(names), np.stack(images))
                names, images = [], []
        if images:
            yield LooseBatch(tuple(names), np.stack(images))
        if not any_read:
            raise DataError(f"none of {len(self.bad):,} images can be read: {self.bad[0]}")
        if others:
            were = "1 image was" if others == 1 else f"{others:,} images were"
            self.notes.append(f"{were} resized to {shape[0]} x {shape[1]} (height x width), as in the fit.")
        self.notes += seen.frame_notes()

    def whole(
        self,
        shape: tuple[int, ...],
        *,
        resize: bool = False,
        skip_bad: bool = False,
        reading: tuple[int, int] | None = None,
        sizes: Sizes | None = None,
    ) -> LooseBatch:
        """Read all images at once."""
        batches = [*self.batches(shape, resize=resize, skip_bad=skip_bad, reading=reading, sizes=sizes)]
        names = tuple(name for batch in batches for name in batch.names)
        return LooseBatch(names, np.concatenate([batch.images for batch in batches]))

    @property
    def skipped(self) -> str:
        """What is said before the list of bad files."""
        files = "1 bad file was" if len(self.bad) == 1 else f"{len(self.bad):,} bad files were"
        return f"{files} skipped:"

    def _images(
        self, shape: tuple[int, ...], skip_bad: bool, reading: Reading, seen: Seen
    ) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        """Yield each image and its name."""
        for name, place in self._found:
            if isinstance(place, Path):
                table, notes = tables.unlabelled(place, name, (shape[0], shape[1]), self.layout)
                self.notes += notes
                if isinstance(table, FileImages):
                    files = LooseImages(_of_files(table), bad=self.bad)
                    yield from files._images(shape, skip_bad, reading, seen)
                else:
                    yield from ((f"{name}:{number}", image) for number, image in enumerate(table, 1))
                continue
            try:
                image = decode_image(place(), name, reading, seen)
            except DataError as error:
                if not skip_bad:
                    raise
                self.bad.append(str(error))
                continue
            yield name, image


def read_images(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    model_or_shape: Any,
    *,
    resize: bool = False,
    skip_bad: bool = False,
    label_column: str | None = None,
    header: bool | None = None,
    follow_links: bool = False,
) -> LooseBatch:
    """Read images to be answered: from files, folders, archives, patterns and tables.

    Parameters
    ----------
    paths : path-like or sequence of path-like
        The path of an image; a folder, zip or tar, whose images are taken in natural order; a table of
        pixels (``pixel0,pixel1,...``) or of file names, with or without labels; a pattern such as
        ``crops/*.png``; or ``-`` for one image from standard input.
    model_or_shape : model, LabelledImages, or (h, w) or (h, w, 3)
        What the images are for: a fitted model of images, labelled images, or their shape. Files of more than
        8 bits and transparent ones are read as those of the labelled images were, and where those were of
        mixed sizes others like them are resized, with a warning: a model of ``fit_best`` or of a file that
        was saved with its ``data`` knows how. Gray images become colour where it has channels; colour images
        become gray only where their channels are equal.
    resize : bool, default=False
        Resize images of any other size, which are refused else.
    skip_bad : bool, default=False
        Leave out files that cannot be read, with a warning that lists them; else the first is an error. Files
        in folders and archives that are no images by their names are left out with a warning.
    label_column, header : optional
        As in :func:`lookalike.load`, for tables that can be read in two ways.
    follow_links : bool, default=False
        Follow links that lead out of a folder.

    Returns
    -------
    LooseBatch
        ``names`` and ``images``, in the order in which they were found.

    Raises
    ------
    DataError
        There is no such file, or no image in it can be read or is of the shape that is wanted.
    InputError
        The model was fitted on rows of numbers.

    Examples
    --------
    >>> import tempfile, lookalike
    >>> from PIL import Image
    >>> train, valid = lookalike.load("digits")
    >>> model = lookalike.NearestImages().fit(train.images, train.labels)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for number in (1, 2):
    ...         Image.fromarray(valid.images[number]).save(f"{folder}/{number}.png")
    ...     names, images = lookalike.read_images(f"{folder}/*.png", model)
    >>> len(names), images.shape, bool((images == valid.images[1:3]).all())
    (2, (2, 8, 8), True)
    """
    shape, reading, sizes = model_or_shape, None, None
    if not isinstance(model_or_shape, tuple):
        labelled = isinstance(model_or_shape, LabelledImages)
        shape = model_or_shape.images.shape[1:] if labelled else model_or_shape.image_shape_
        known = model_or_shape.source if labelled else model_or_shape.recogniser_
        reading, sizes = known.reading, known.sizes
    if shape is None:
        raise InputError("the model was fitted on rows of numbers: expected a model of images")
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    sources = [os.fspath(path) for path in paths]
    if not sources:
        raise InputError("no paths: expected at least one of an image, a folder, an archive or a table")
    layout = checked_layout(label_column=label_column, header=header, follow_links=follow_links)
    found = find(sources, sys.stdin.buffer if "-" in sources else None, layout)
    batch = found.whole(shape, resize=resize, skip_bad=skip_bad, reading=reading, sizes=sizes)
    for said in (*found.notes, *([f"{found.skipped} {'; '.join(found.bad)}"] if found.bad else [])):
        warnings.warn(said, LookalikeWarning, stacklevel=2)
    return batch


def find(sources: Sequence[str], stdin: BinaryIO | None = None, layout: Layout = USUAL_LAYOUT) -> LooseImages:
    """Find images; none is read yet, but for standard input.

    Sources are, in any order and number,

    - the path of an image,
    - a folder, zip or tar, whose images are taken in natural order, those in folders below it too,
    - a table of pixels (``pixel0,pixel1,...``) or of file names; labels in it are left out,
    - a pattern such as ``crops/*.png`` or ``crops/**/*.png``, where no file is called so: the files that it
      matches, or the folders where it matches no file,
    - ``-`` for one encoded image from standard input.
    Files in folders and archives that are no images by their names are left out, which is noted.
    """
    found: list[_Found] = []
    notes: list[str] = []
    for source in sources:
        if source == "-":
            if stdin is None:
                raise InputError("- was given twice: standard input holds one image")
            try:
                data, stdin = stdin.read(MAX_FILE_BYTES + 1), None
            except OSError as error:
                raise DataError(f"standard input cannot be read: {error.strerror or error}") from error
            if len(data) > MAX_FILE_BYTES:
                raise DataError(f"standard input holds more than {MAX_FILE_BYTES:,} bytes: too large")
            found.append(_Found("-", partial(bytes, data)))
            continue
        try:
            found += _at(source, layout, notes)
        except (OSError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            reason = error.strerror if isinstance(error, OSError) else error
            raise DataError(f"{quoted(source)} cannot be read: {reason}") from error
    return LooseImages(found, layout, notes)


def _at(source: str, layout: Layout, notes: list[str]) -> list[_Found]:
    """Return the images that one path or pattern names, and note what was left out."""
    path = Path(os.path.expanduser(source))
    tree = open_tree(path, source, follow_links=layout.follow_links) if source else None
    if tree is not None:
        return _in_tree(tree, notes)
    if source and path.exists():
        if is_table(path.name):
            return [_Found(source, path)]
        return [_Found(source, partial(read_file, path, source, MAX_FILE_BYTES))]
    if not glob.has_magic(source):
        raise DataError(f"there is no file or folder {quoted(source)}")
    matches = natural_order(glob.glob(os.path.expanduser(source), recursive=True))
    chosen = [match for match in matches if os.path.isfile(match)] or matches
    if not chosen:
        raise DataError(f"no file is called like {quoted(source)}")
    return [image for match in chosen for image in _at(match, layout, notes)]


def _in_tree(tree: Tree, notes: list[str]) -> list[_Found]:
    """Return the images of a folder or an archive in natural order, and note what was left out."""
    paths = sorted((path for path in tree.files if path.lower().endswith(SUFFIXES)), key=natural_key)
    if not paths:
        raise DataError(
            f"{quoted(tree.name)} holds no images: expected files in {', '.join(SUFFIXES)}; it holds "
            f"{tree.held()}"
        )
    hidden = [path for path in tree.hidden if not any(map(is_hidden, path.split("/")))]
    others = sorted({*tree.files, *hidden} - {*paths}, key=natural_key)
    if others:
        are = "1 file or link was" if len(others) == 1 else f"{len(others):,} files or links were"
        notes.append(f"{are} left out, no image by its name, in {quoted(tree.name)}: {listed(others)}.")
    return _of_files(FileImages(tree, tuple(paths)))


def _of_files(files: FileImages) -> list[_Found]:
    """Return the images that are files in a tree."""
    tree = files.tree
    return [_Found(tree.full_name(path), partial(tree.read, path, MAX_FILE_BYTES)) for path in files.paths]


def conformed(
    image: NDArray[np.uint8], name: str, shape: tuple[int, ...], resize: bool, sizes: Sizes | None = None
) -> NDArray[np.uint8]:
    """Return one image of a shape ``(h, w)`` or ``(h, w, 3)``; where it is like ``sizes``, it is resized."""
    if len(shape) == 3 and shape[2] != 3:
        raise DataError(
            f"the model's images have {shape[2]} channels, and those of {quoted(name)} are gray or colour: "
            "expected a model of gray or colour images"
        )
    if len(shape) == 2 and image.ndim == 3:
        if not (image == image[..., :1]).all():
            raise DataError(
                f"{quoted(name)} is colour and the model's images are gray: make it gray, or fit on colour"
            )
        image = image[..., 0]
    elif len(shape) == 3 and image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.shape[:2] != shape[:2]:
        if not resize and not (sizes and sizes.takes(image.shape[:2])):
            here, there = (" x ".join(map(str, sides[:2])) for sides in (image.shape, shape))
            raise DataError(
                f"{quoted(name)} is {here} (height x width) and the model's images are {there}"
                f"{f' (made of {sizes})' if sizes else ''}: crop it like those, or resize it (on the command "
                "line: --resize, of an audit: --size, of a service: ?resize=true)"
            )
        image = resized(image, (shape[0], shape[1]))
    return image
