"""``lookalike.load``: labelled images from a known set's name or from a path."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data import known
from lookalike.data.labelled import LabelledImages, Split, groups_in_names, natural_order
from lookalike.data.look import part_notes, parts_note
from lookalike.data.pixels import checked_size
from lookalike.data.readers import folders, idx, npz, parquet, tables
from lookalike.data.readers.delimited import UNSAID, is_table
from lookalike.data.readers.layout import Layout, checked_layout
from lookalike.data.readers.listing import Listing, PixelsAt
from lookalike.data.readers.trees import Tree, open_tree
from lookalike.data.sizes import Size, Target
from lookalike.errors import DataError, InputError, UnknownNameError, unknown
from lookalike.files import MAX_CLASSES, gunzip_head
from lookalike.progress import Progress, silent
from lookalike.text import listed, name_notes, one_form, quoted

# How a model file begins, after the length of its head: safetensors with metadata of ours.
_MODEL = b'{"__metadata__":{"lookalike":'

# The formats: the first that knows a folder or an archive, or one file, by what is in it reads it.
_FROM_TREES = (npz.from_tree, idx.from_tree, parquet.from_tree)
_FROM_FILES = (parquet.from_file, idx.from_file)

_VALID_SHARE = 0.2  # of each class, where a split is drawn


def load(
    name_or_path: str | os.PathLike[str],
    *,
    classes: Sequence[str | int] | None = None,
    size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    zip_encoding: str | None = None,
    label_column: str | None = None,
    header: bool | None = None,
    group_from: str | None = None,
    label_from: str | None = None,
    nested: bool = False,
    follow_links: bool = False,
    on_disk: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
) -> Split:
    """Return the training and the validation part of a set of labelled images.

    Parameters
    ----------
    name_or_path : str or path
        A known set: ``"digits"`` (needs no network), ``"mnist"``, ``"mnist-sample"``,
        ``"fashion-mnist"``, ``"kmnist"``, ``"omniglot-small"``; or the path of

        - an image folder: ``class/image.png``, with or without ``train/`` and ``valid/`` above it,
        - a zip or a tar of one, or a folder in it (``digits.zip/inner``), which is never extracted,
        - Parquet files with a column of images and one of labels, as Hugging Face has them (the extra
          ``[parquet]``),
        - a folder or zip of IDX files, or one IDX images file with its labels beside it,
        - an ``.npz`` of arrays,
        - a table (``.csv`` or ``.tsv``, packed by gzip or not) of labels and pixels, in a column each
          (``label,pixel0,pixel1,...``) or all in one (``emotion,pixels``), or of file names and labels beside
          their images (``filename,label``); a column such as ``split`` or ``Usage`` tells the parts. The
          labels' column is known by its name (``label``, ``class``, ``target``...), else by its values, which
          a note then says. Where it can be read in two ways, it is refused: see ``label_column``, ``header``.

        A known name wins over a path: write ``./digits`` for a folder of that name.
    classes : sequence of str or int, optional
        The classes to keep; by default all.
    size : int or (int, int), optional
        Resize every image to this height and width. By default images of mixed sizes are brought to the
        median height and width of the training images, and a note says so. A model keeps how large they were,
        and takes further images that are like them (:class:`~lookalike.data.sizes.Sizes`).
    limit : int, optional
        At most so many images of each part, drawn at random from each class in proportion.
    seed : int, default=0
        What the split and the limit are drawn from. The draw in one class does not depend on the others.
    skip_bad : bool, default=False
        Leave out image files that cannot be read, and note them; by default the first is an error.
    zip_encoding : str, optional
        The code page of names in a zip that does not say which it is: ``"gbk"``, ``"cp932"`` (Shift-JIS). By
        default UTF-8 where all such names can be, else ``"cp437"``, and a note shows others.
    label_column : str, optional
        The column of a table that holds the labels, where that can be read in two ways: its name,
        ``"first"``, ``"last"``, or ``"none"``.
    header : bool, optional
        Whether the first line of a table names its columns, where that can be read in two ways.
    group_from : str, optional
        A regular expression that finds in each image's name who wrote it, or which camera took it
        (:meth:`~lookalike.data.labelled.LabelledImages.grouped`). A split that is drawn tears no group apart;
        where the parts are there already, images of groups that are in both are counted in a note.
    label_from : str, optional
        A regular expression that finds in the name of each image file, without its folders, what it shows:
        its part called ``label``, else its first part in parentheses, else all that it finds
        (``"(?P<label>[^_]+)_"`` for ``7_0001.png``). Folders other than ``train``, ``valid`` and ``test`` are
        no classes then.
    nested : bool, default=False
        Images lie deeper than in their class's folder: ``class/2024/may/image.png``.
    follow_links : bool, default=False
        Follow links that lead out of the folder, as in Hugging Face's cache and DVC's; by default they are
        refused. Links in archives always are.
    on_disk : path, optional
        A folder of its own, made where it is not there, into which image files and Parquet are read instead
        of into memory: images are memory maps then. Reading that was stopped, or killed, goes on where it
        stood when the same is asked for again. Where files that were read have changed since, it is refused.
        What is an array already (IDX, ``.npz``, tables of pixels) stays in memory, and so does a gray part
        beside one of colour.
    progress : callable, optional
        Told of progress.

    Returns
    -------
    Split
        The named tuple ``(train, valid)`` of :class:`~lookalike.data.labelled.LabelledImages`. Labels are the
        class names: int64 where every name is a whole number as one writes it (``7``, ``10``, ``-1``), else
        strings, in Unicode's form NFC; beside ``07`` or ``none`` every label is a string. Where there is no
        validation part, a test part stands for it; where there is neither, a fifth of each class is drawn,
        or of all images, where groups are known.
        What was decided is in ``source.notes`` of both (images of 16 bits are read as of the 8 to 16 bits
        that the training images use, transparent ones are laid on white, or else on black or mid-gray where
        fewer of them are blank), and what looks wrong: parts of opposite polarity, blank images, images that
        are all the same or much larger than their ink, 0-1 read as 0-255, class names that look the same.

    Raises
    ------
    UnknownNameError
        It is neither a known name nor a path.
    DataError
        The data cannot be read as labelled images. The message names the file and says how to mend it.
    InputError
        Another parameter is wrong, or a class is not there.

    Examples
    --------
    >>> import lookalike
    >>> train, valid = lookalike.load("digits", classes=[3, 7])
    >>> train
    <LabelledImages digits (train): 289 images of 8x8 uint8, 2 classes>
    >>> valid.counts()
    {'3': 37, '7': 36}
    """
    wanted = checked_size(size)
    seed = checked_seed(seed)
    layout = checked_layout(zip_encoding, label_column, header, follow_links, nested, label_from)
    parts = _grouped(_parts(name_or_path, classes, wanted, layout, progress), group_from)
    return _split_of(parts, wanted, limit, seed, skip_bad, progress, on_disk)


def _grouped(parts: dict[str, Listing], group_from: str | None) -> dict[str, Listing]:
    """Return parts whose groups are taken from names, where that is asked for."""
    if group_from is None:
        return parts
    return {part: replace(one, groups=groups_in_names(one.names, group_from)) for part, one in parts.items()}


def _split_of(
    parts: Mapping[str, Listing],
    wanted: Size | None,
    limit: int | None,
    seed: int,
    skip_bad: bool,
    progress: Progress,
    on_disk: str | os.PathLike[str] | None = None,
) -> Split:
    """Return the images of two parts, one drawn from the other where there is but one."""
    train, valid = (draw(part, limit, seed) for part in _train_and_valid(parts, seed))
    names = train.class_names
    target = wanted and Target.asked(wanted)
    into = _into(on_disk, "train"), _into(on_disk, "valid")
    first = train.read(names, target, skip_bad, progress, into=into[0])
    target = target or _target_of(first)
    both = _alike(first, valid.read(names, target, skip_bad, progress, first.source.reading, into[1]))
    note = parts_note(both.train.images, both.valid.images)
    return Split(
        *(part.noted(*part_notes(part.images, part.names), *([note] if note else [])) for part in both)
    )


def _into(on_disk: str | os.PathLike[str] | None, part: str) -> PixelsAt | None:
    """Return where the images of a part are read into, where it is not memory."""
    return None if on_disk is None else (Path(on_disk).expanduser(), part)


def load_to_fit(
    name_or_path: str | os.PathLike[str],
    *,
    classes: Sequence[str | int] | None = None,
    size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    on_disk: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    **said: Any,
) -> LabelledImages:
    """Return what a model that is to be kept is fitted on: no image is held back to measure on.

    What is ``said`` of how images lie is as in :func:`load`.
    """
    wanted = checked_size(size)
    seed = checked_seed(seed)
    parts = _parts(name_or_path, classes, wanted, checked_layout(**said), progress)
    listing = _to_fit_on(parts).noted(*_left_alone(parts, "train"))
    target, into = wanted and Target.asked(wanted), _into(on_disk, "train")
    return _read(listing, target, limit, seed, skip_bad, progress, into=into)


def load_to_audit(
    name_or_path: str | os.PathLike[str],
    *,
    classes: Sequence[str | int] | None = None,
    size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    group_from: str | None = None,
    on_disk: str | os.PathLike[str] | None = None,
    progress: Progress = silent,
    **said: Any,
) -> tuple[LabelledImages, ...]:
    """Return the parts that there are, one or two: nothing is drawn to stand for a part.

    What is ``said`` of how images lie is as in :func:`load`.
    """
    wanted, seed = checked_size(size), checked_seed(seed)
    parts = _parts(name_or_path, classes, wanted, checked_layout(**said), progress)
    parts = _grouped(parts, group_from)
    if len(parts) > 1:
        return _split_of(parts, wanted, limit, seed, skip_bad, progress, on_disk)
    (alone,) = parts.values()
    target, into = wanted and Target.asked(wanted), _into(on_disk, "train")
    return (_read(alone, target, limit, seed, skip_bad, progress, into=into),)


def load_to_measure(
    name_or_path: str | os.PathLike[str],
    *,
    part: str | None = None,
    classes: Sequence[str | int] | None = None,
    size: int | tuple[int, int] | None = None,
    limit: int | None = None,
    seed: int = 0,
    skip_bad: bool = False,
    reading: tuple[int, int] | None = None,
    target: Target | None = None,
    progress: Progress = silent,
    **said: Any,
) -> LabelledImages:
    """Return what a model that was fitted before is measured on: no image is held back to fit on.

    ``reading`` says how files of the set that the model was fitted on were read (:class:`Source`), and
    ``target`` what those of other sizes are brought to, unless a ``size`` is given. What is ``said`` of how
    images lie is as in :func:`load`.
    """
    wanted = checked_size(size)
    parts = _parts(name_or_path, classes, wanted, checked_layout(**said), progress)
    chosen = part or next(name for name in ("valid", "test", "train") if name in parts)
    if chosen not in parts:
        raise DataError(f"there is no {chosen} part: expected one of {listed(parts)}")
    listing = parts[chosen]
    if not len(listing):
        raise DataError(f"the {chosen} part of {quoted(listing.source.name)} has no image of these classes")
    if len(parts) == 1:
        listing = listing.noted("There are no parts: all images are measured on.")
    listing = listing.noted(*_left_alone(parts, chosen))
    target = Target.asked(wanted) if wanted else target
    return _read(listing, target, limit, seed, skip_bad, progress, reading)


def _target_of(train: LabelledImages) -> Target:
    """Return what other images of the set are brought to, whatever their size."""
    size: Size = train.images.shape[1:3]
    sizes = train.source.sizes
    return Target.asked(size) if sizes is None else Target.of(size, sizes)._replace(sizes=None)


def _left_alone(parts: Mapping[str, Listing], *read: str) -> list[str]:
    return [
        f"The {name} part ({len(part):,} images) was left alone."
        for name, part in parts.items()
        if name not in read
    ]


def _read(
    listing: Listing,
    target: Target | None,
    limit: int | None,
    seed: int,
    skip_bad: bool,
    progress: Progress,
    reading: tuple[int, int] | None = None,
    into: PixelsAt | None = None,
) -> LabelledImages:
    """Return the images of the one part that is read."""
    listing = draw(listing, limit, seed)
    images = listing.read(listing.class_names, target, skip_bad, progress, reading, into)
    return images.noted(*part_notes(images.images, images.names))


def _parts(
    name_or_path: str | os.PathLike[str],
    classes: Sequence[str | int] | None,
    size: Size | None,
    layout: Layout,
    progress: Progress,
) -> dict[str, Listing]:
    """Return the listings of every part that there is, of the classes that are asked for."""
    parts = _in_one_form(_every_part(name_or_path, size, layout, progress))
    reader = next(iter(parts.values())).source.reader
    if layout.columns != UNSAID and not reader.startswith("CSV"):
        raise InputError(f"label_column and header are for tables, and this is {reader}: leave them out")
    if (layout.nested or layout.label_from) and not reader.startswith("image folder"):
        raise InputError(f"label_from and nested are for image folders, and this is {reader}: leave them out")
    return parts if classes is None else choose_classes(parts, classes)


def _in_one_form(parts: dict[str, Listing]) -> dict[str, Listing]:
    """Return the parts with class names in one Unicode form, noting those that look the same."""
    count = len({name for listing in parts.values() for name in listing.classes.tolist()})
    if count > MAX_CLASSES:
        where = quoted(next(iter(parts.values())).source.name)
        raise DataError(f"{where} has {count:,} classes: expected at most {MAX_CLASSES:,}; are these labels?")
    notes = name_notes(name for listing in parts.values() for name in listing.class_names)
    formed = {}
    for part, listing in parts.items():
        names, numbers = np.unique(listing.classes, return_inverse=True)
        classes = np.array([*map(one_form, names.tolist())], np.str_)[numbers]
        formed[part] = replace(listing, classes=classes).noted(*notes)
    return formed


def _every_part(
    name_or_path: str | os.PathLike[str],
    size: Size | None,
    layout: Layout,
    progress: Progress,
) -> dict[str, Listing]:
    if not isinstance(name_or_path, str | bytes | os.PathLike):
        kind = type(name_or_path).__name__
        raise InputError(
            f"{kind} is given: expected the name of a known set, or the path of a folder or file"
        )
    name = os.fsdecode(name_or_path)
    path = Path(os.path.expanduser(name))
    if isinstance(name_or_path, str) and name in known.names():
        listings = known.read(known.known_set(name), progress)
        if path.exists():
            note = f"The file or folder {quoted(name)} here was not read: for that, write ./{name}."
            listings = {part: listing.noted(note) for part, listing in listings.items()}
        return listings
    try:
        tree = open_tree(path, name, layout.zip_encoding, layout.follow_links) if name else None
        if tree is not None:
            listings = _in_tree(tree, size, layout, progress)
            return {part: listing.noted(*tree.notes) for part, listing in listings.items()}
        if name and path.is_file():
            return _in_file(path, name, size, layout, progress)
    except OSError as error:
        raise DataError(f"{quoted(name)} cannot be read: {error.strerror or error}") from error
    raise UnknownNameError(
        f"{unknown('data set', name, known.names())} (nor is there a file or folder of that name)"
    )


def is_model(start: bytes) -> bool:
    """Return whether the first bytes of a file are those of a model's file."""
    return start[8:].startswith(_MODEL)


def _in_tree(tree: Tree, size: Size | None, layout: Layout, progress: Progress) -> dict[str, Listing]:
    """Return the listings of a folder or an archive."""
    if layout.nested or layout.label_from:
        return folders.from_tree(tree, progress, layout)
    found = (from_tree(tree, progress) for from_tree in _FROM_TREES)
    known_form = next((listings for listings in found if listings is not None), None)
    return (
        known_form
        or tables.from_tree(tree, size, layout.columns, progress)
        or folders.from_tree(tree, progress)
    )


def _in_file(
    path: Path, name: str, size: Size | None, layout: Layout, progress: Progress
) -> dict[str, Listing]:
    """Return the listing of one file."""
    with path.open("rb") as file:
        start = file.read(64 * 1024)
    if is_model(start):
        raise DataError(
            f"{quoted(name)} is a model: expected labelled images here (lookalike predict and evaluate take "
            "a model, and images after it)"
        )
    head = gunzip_head(start, 4)
    for from_file in _FROM_FILES:
        listings = from_file(path, name, head, size, progress)
        if listings is not None:
            return listings
    if is_table(path.name):
        return tables.from_file(path, name, size, layout, progress)
    raise DataError(
        f"{quoted(name)} cannot be read as labelled images: "
        "expected an image folder, a zip or tar of one, Parquet, IDX, .npz or .csv"
    )


def _to_fit_on(parts: Mapping[str, Listing]) -> Listing:
    """Return the training part, refusing one that nothing can be fitted on."""
    train = parts.get("train")
    if train is None or not len(train):
        held = listed(part for part in parts if part != "train")
        raise DataError(f"there are no images to train on, only a part {held}: add a train part")
    names = train.class_names
    if len(names) < 2:
        raise DataError(
            f"{quoted(train.source.name)} has one class only ({listed(names)}): expected at least two"
        )
    return train


def _train_and_valid(parts: Mapping[str, Listing], seed: int) -> tuple[Listing, Listing]:
    """Return what to fit on and what to measure on."""
    train = _to_fit_on(parts)
    if "valid" in parts:
        valid = parts["valid"]
        notes = [*_left_alone(parts, "train", "valid"), *_of_groups_in_both(train, valid)]
        train, valid = train.noted(*notes), valid.noted(*notes)
    elif "test" in parts:
        valid = parts["test"]
        notes = [
            "There is no validation part: the test part stands for it.",
            *_of_groups_in_both(train, valid),
        ]
        train, valid = train.noted(*notes), valid.noted(*notes)
    else:
        train, valid = split(train, seed) if train.groups is None else split_by_groups(train, seed)
        valid = replace(valid, source=replace(valid.source, part="valid"))
    unseen = [name for name in valid.class_names if name not in train.class_names]
    if unseen:
        raise DataError(
            f"{quoted(train.source.name)} has the class {listed(unseen)} in its "
            f"{valid.source.part} part only: add images of it to train on, or leave it out"
        )
    if not len(valid):
        raise DataError(
            f"the {valid.source.part} part of {quoted(train.source.name)} has no image of these classes"
        )
    return train, valid


def _of_groups_in_both(train: Listing, valid: Listing) -> list[str]:
    """Return what to say of images measured on whose groups are in the training part as well."""
    if train.groups is None or valid.groups is None:
        return []
    known = int(np.isin(valid.groups, train.groups).sum())
    if not known:
        return []
    return [
        f"{known:,} of {len(valid):,} images to measure on are of groups (writers, cameras) that are in "
        "the train part too: what is measured says little of new groups."
    ]


def _alike(train: LabelledImages, valid: LabelledImages) -> Split:
    """Return both parts with images of one shape: gray becomes colour where the other part has colour."""
    first, other = train.images.shape[1:], valid.images.shape[1:]
    name = quoted(train.source.name)
    if first == other:
        return Split(train, valid)
    if len(first) == len(other):
        raise DataError(f"the parts of {name} have {first[2]} and {other[2]} channels")
    channels = max(first, other, key=len)[2]
    if channels != 3:
        raise DataError(f"a part of {name} is gray and the other has {channels} channels")
    gray = "train" if len(first) == 2 else "valid"
    note = f"The {gray} part is gray and the other is colour: its images were made colour."
    both = (part.noted(note) for part in (train, valid))
    return Split(
        *(
            replace(part, images=np.repeat(part.images[..., None], 3, axis=3))
            if part.images.ndim == 3
            else part
            for part in both
        )
    )


def checked_seed(seed: object) -> int:
    """Return ``seed`` as an int, refusing what is no whole number of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}: expected a whole number of at least 0")
    return int(seed)


def choose_classes(listings: Mapping[str, Listing], classes: Sequence[object]) -> dict[str, Listing]:
    """Return the listings with the images of ``classes`` alone."""
    if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
        raise InputError(
            f"classes is {classes!r}: expected a sequence of names, for example classes=['3', '7']"
        )
    wanted = [one_form(str(name)) for name in classes]
    if not wanted:
        raise InputError("classes is empty: name at least two, or leave it out for all")
    known = natural_order({name for listing in listings.values() for name in listing.class_names})
    missing = [name for name in wanted if name not in known]
    if missing:
        raise InputError(f"there is no class {listed(missing)}: known are {listed(known, most=30)}")
    return {
        part: listing.take(np.flatnonzero(np.isin(listing.classes, wanted)))
        for part, listing in listings.items()
    }


def chosen_classes(images: LabelledImages, classes: Sequence[str] | None) -> LabelledImages:
    """Return the images of ``classes`` alone; None: all."""
    if classes is None:
        return images
    wanted = [one_form(name) for name in classes]
    missing = [name for name in wanted if name not in images.class_names]
    if missing:
        raise InputError(
            f"there is no class {listed(missing)}: known are {listed(images.class_names, most=30)}"
        )
    chosen = images.take(np.flatnonzero(np.isin(images.labels.astype(str), wanted)))
    return replace(chosen, class_names=tuple(natural_order(wanted)))


def split(listing: Listing, seed: int) -> tuple[Listing, Listing]:
    """Return a train and a validation part, drawn at random from each class alike.

    Of a class of ``n`` images, ``n / 5`` are for validation: rounded half up, at least one, and none where
    the class has a single image, which stays in the train part and is noted. Both parts keep the order of
    the listing.
    """
    valid: list[NDArray[np.intp]] = []
    single = []
    for name, places in _shuffled(listing, seed, "split"):
        if len(places) == 1:
            single.append(name)
        else:
            valid.append(places[: max(1, int(_VALID_SHARE * len(places) + 0.5))])
    if not valid:
        raise DataError(
            f"every class in {quoted(listing.source.name)} has a single image, so none is left "
            "to validate with: add images or a valid/ part"
        )
    for_valid = np.zeros(len(listing), np.bool_)
    for_valid[np.concatenate(valid)] = True
    share = f"{_VALID_SHARE:.0%} of each class"
    notes = [f"There is no validation part: {share} were drawn at random for it (seed {seed})."]
    if single:
        notes.append(f"A single image of class {listed(single)}: it stays in the train part.")
    return (
        listing.take(np.flatnonzero(~for_valid)).noted(*notes),
        listing.take(np.flatnonzero(for_valid)).noted(*notes),
    )


def split_by_groups(listing: Listing, seed: int) -> tuple[Listing, Listing]:
    """Return a train and a validation part with each group in one of them, drawn at random.

    Groups are for validation until a fifth of all images is, but for those without which a class would have
    no image to train on. Both parts keep the order of the listing.
    """
    assert listing.groups is not None
    groups, of = np.unique(listing.groups, return_inverse=True)
    codes = np.unique(listing.classes, return_inverse=True)[1]
    counts = np.zeros((len(groups), codes.max() + 1), np.int64)
    np.add.at(counts, (of, codes), 1)
    left, drawn = counts.sum(axis=0), np.zeros(len(groups), np.bool_)
    most = int(_VALID_SHARE * len(listing) + 0.5)
    stream = np.random.default_rng([seed, zlib.crc32(b"groups")])
    for group in stream.permutation(len(groups)).tolist():
        fits = not drawn.any() or counts[drawn].sum() + counts[group].sum() <= most
        if fits and (left > counts[group]).all():
            left, drawn[group] = left - counts[group], True
    if not drawn.any():
        raise DataError(
            f"each group in {quoted(listing.source.name)} has all images of a class, so none is left to "
            "validate with: add a valid/ part, or leave the groups out"
        )
    for_valid = drawn[of]
    note = (
        f"There is no validation part: {drawn.sum():,} of {len(groups):,} groups, {for_valid.sum():,} of "
        f"{len(listing):,} images, were drawn at random for it (seed {seed})."
    )
    return (
        listing.take(np.flatnonzero(~for_valid)).noted(note),
        listing.take(np.flatnonzero(for_valid)).noted(note),
    )


def draw(listing: Listing, limit: int | None, seed: int) -> Listing:
    """Return at most ``limit`` images (None: all), from each class in proportion and at least one.

    Shares are rounded by the largest remainder, ties to the first class in natural order; the order of the
    listing is kept.
    """
    if limit is None:
        return listing
    if isinstance(limit, bool) or not isinstance(limit, (int, np.integer)):
        raise InputError(f"limit is {limit!r}: expected a whole number")
    shuffled = _shuffled(listing, seed, "limit")
    if limit < len(shuffled):
        raise InputError(f"limit is {limit}: expected at least one image for each of {len(shuffled)} classes")
    if limit >= len(listing):
        return listing
    quotas = _quotas(np.array([len(places) for _, places in shuffled]), int(limit))
    chosen = np.concatenate([places[:quota] for (_, places), quota in zip(shuffled, quotas, strict=True)])
    note = (
        f"Of {len(listing):,} images, {limit:,} were drawn at random, each class in proportion (seed {seed})."
    )
    return listing.take(np.sort(chosen)).noted(note)


def few_of_each(images: LabelledImages, count: int, seed: int = 0) -> LabelledImages:
    """Return at most ``count`` images of each class, drawn at random, in their order."""
    order = np.random.default_rng(checked_seed(seed)).permutation(len(images))
    drawn = [order[images.labels[order] == label][:count] for label in np.unique(images.labels)]
    return images.take(np.sort(np.concatenate(drawn)))


def _quotas(sizes: NDArray[np.intp], limit: int) -> list[int]:
    """Return how many of each class make ``limit``: one each, the rest by the largest remainder."""
    spare = sizes - 1
    exact = spare * (limit - len(sizes)) / max(1, spare.sum())
    quotas = np.floor(exact).astype(np.intp)
    rest = limit - len(sizes) - int(quotas.sum())
    quotas[np.argsort(quotas - exact, kind="stable")[:rest]] += 1
    return [int(quota) for quota in quotas + 1]


def _shuffled(listing: Listing, seed: int, purpose: str) -> list[tuple[str, NDArray[np.intp]]]:
    """Return each class's name and its places in the listing, shuffled; classes in natural order."""
    names, numbers = np.unique(listing.classes, return_inverse=True)
    by_class = np.split(np.argsort(numbers, kind="stable"), np.cumsum(np.bincount(numbers))[:-1])
    places = dict(zip(names.tolist(), by_class, strict=True))
    shuffled = []
    for name in natural_order(places):
        stream = np.random.default_rng(
            [seed, zlib.crc32(purpose.encode()), *name.encode("utf-8", "surrogatepass")]
        )
        shuffled.append((name, stream.permutation(places[name])))
    return shuffled
