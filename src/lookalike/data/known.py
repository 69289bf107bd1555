"""Reading the known sets: from ``LOOKALIKE_DATA``, else from the cache, else by download.

``LOOKALIKE_DATA`` is a folder with a folder for each set (``mnist/``), its files as published or unpacked, or
one zip named after the set (``mnist.zip``). Every file's content is checked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import settings
from lookalike.data import folders, idx, omniglot
from lookalike.data.catalogue import KnownSet, PublishedFile, known_set
from lookalike.data.download import cache_of, checked, download
from lookalike.data.labelled import Source
from lookalike.data.listing import ArrayImages, Listing, class_texts
from lookalike.data.tree import FolderTree, Tree, ZipTree
from lookalike.data.untrusted import gunzip, is_gzip, listed, quoted, read_file
from lookalike.errors import DataError
from lookalike.progress import Progress, silent

_WRITERS = "train-writers.csv.gz"
_MAX_WRITERS_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Place:
    """Where a known set was found.

    Attributes
    ----------
    path : Path
        A folder, a zip, or scikit-learn's file.
    kind : {"data folder", "cache", "embedded"}
        Which of the three places it is.
    """

    path: Path
    kind: str


def where(known: KnownSet) -> Place | None:
    """Return where all files of a known set are, or None where some must be downloaded; reads no data."""
    if known.name == "digits":
        return Place(_sklearn_digits(), "embedded")
    own = _own_path(known)
    if own is not None:
        return Place(own, "data folder")
    if known.derived_from is not None:
        return where(known_set(known.derived_from))
    cache = cache_of(known)
    if all((cache / file.name).is_file() for file in known.files):
        return Place(cache, "cache")
    return None


def get(known: KnownSet, progress: Progress = silent) -> Place:
    """Return where a known set is, after the download of what was missing or damaged.

    Raises
    ------
    DataError
        A file in ``LOOKALIKE_DATA`` is damaged, or a download failed.
    """
    if known.derived_from is not None and _own_path(known) is None:
        return get(known_set(known.derived_from), progress)
    if known.files:
        _contents(known, progress)
    place = where(known)
    assert place is not None
    return place


def read(known: KnownSet, progress: Progress = silent) -> dict[str, Listing]:
    """Return the listings of a known set, by part.

    Raises
    ------
    DataError
        A file in ``LOOKALIKE_DATA`` is damaged, or a download failed.
    """
    readers: dict[str, Callable[[KnownSet, Progress], dict[str, Listing]]] = {
        "digits": _read_digits,
        "mnist-sample": _read_mnist_sample,
        "omniglot-small": _read_omniglot,
    }
    return readers.get(known.name, _read_idx)(known, progress)


def _read_omniglot(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return the drawings of the two small sets; alphabets that are in both are the same to the byte."""
    zips = _contents(known, progress)
    return {"train": omniglot.listing(zips.files, Source(known.name, "train", "Omniglot", known.notes))}


def _own_path(known: KnownSet) -> Path | None:
    """Return the folder or zip in ``LOOKALIKE_DATA`` that has the whole set."""
    root = settings.data_folder()
    if root is None:
        return None
    for name in (known.name, known.name.replace("-", "_"), *known.folders):
        folder, zipped = root / name, root / f"{name}.zip"
        if folder.is_dir() and not _missing(known, FolderTree(folder)):
            return folder
        if zipped.is_file():
            return zipped
    return None


def _own_tree(known: KnownSet) -> Tree | None:
    path = _own_path(known)
    if path is None:
        return None
    return ZipTree(path) if path.is_file() else FolderTree(path)


def _missing(known: KnownSet, tree: Tree) -> list[str]:
    """Return the published files that a tree lacks in every form."""
    return [file.name for file in known.files if _form_of(file, tree) is None]


def _form_of(file: PublishedFile, tree: Tree) -> str | None:
    """Return the path of a published file in a tree: plain or gzip, either style of name."""
    by_name = {path.rpartition("/")[2]: path for path in reversed(tree.files)}
    plain = file.name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    for name in (plain, dotted, file.name, f"{dotted}.gz"):
        if name in by_name:
            return by_name[name]
    return None


@dataclass(frozen=True)
class _Contents:
    """The checked, unpacked bytes of each file, and the tree of ``LOOKALIKE_DATA`` if they came from it."""

    files: dict[str, bytes]
    tree: Tree | None
    notes: tuple[str, ...]


def _contents(known: KnownSet, progress: Progress) -> _Contents:
    tree = _own_tree(known)
    files = {}
    unhashed = []
    for done, file in enumerate(known.files):
        progress(f"reading {known.name}", done, len(known.files))
        if tree is None:
            files[file.name] = _from_cache(known, file, progress)
            continue
        path = _form_of(file, tree)
        if path is None:
            raise DataError(f"{quoted(tree.name)} lacks {file.name}: add it")
        data = tree.read(path, file.most)
        files[file.name] = checked(data, file, tree.full_name(path), by_length=True)
        if file.sha256 is None and not is_gzip(data):
            unhashed.append(path)
    progress(f"reading {known.name}", len(known.files), len(known.files))
    note = f"No hash of the unpacked {listed(unhashed)} is published: only the length was checked."
    return _Contents(files, tree, (note,) if unhashed else ())


def _from_cache(known: KnownSet, file: PublishedFile, progress: Progress) -> bytes:
    """Return a file's content from the cache; what is missing or damaged there is downloaded anew."""
    path = cache_of(known) / file.name
    if path.is_file():
        try:
            return checked(read_file(path, path, file.most), file, str(path))
        except DataError:
            path.unlink(missing_ok=True)
    path = download(known, file, progress)
    return checked(read_file(path, path, file.most), file, str(path))


def _read_idx(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return the parts of a set in MNIST's four files."""
    contents = _contents(known, progress)
    arrays = {}
    for file in known.files:
        plain = contents.files.pop(file.name)
        arrays[file.name] = idx.parse(
            idx.unpacked(plain, file.name), file.name, 3 if "images" in file.name else 1
        )
    listings = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = arrays[f"{prefix}-images-idx3-ubyte.gz"]
        labels = arrays[f"{prefix}-labels-idx1-ubyte.gz"]
        writers = _writers(contents.tree, len(images)) if part == "train" else None
        source = Source(known.name, part, "IDX", (*known.notes, *contents.notes))
        listings[part] = idx.listing(images, labels, source, groups=writers)
    return listings


def _writers(tree: Tree | None, count: int) -> NDArray[np.int64] | None:
    """Return who wrote each training image, from the file beside the set's; None where there is none."""
    path = next((path for path in tree.files if path.rpartition("/")[2] == _WRITERS), None) if tree else None
    if tree is None or path is None:
        return None
    name = tree.full_name(path)
    data = tree.read(path, _MAX_WRITERS_BYTES)
    plain = gunzip(data, name, _MAX_WRITERS_BYTES) if is_gzip(data) else data
    header, *rows = plain.decode("utf-8", "replace").split()
    if header != "writer" or len(rows) != count or not all(row.isdecimal() and len(row) < 10 for row in rows):
        raise DataError(f"{quoted(name)} is not a writer for each of {count:,} images: mend or remove it")
    return np.array(rows, np.int64)


def _read_digits(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return scikit-learn's digits: 17 levels of gray, spread over the bytes."""
    from sklearn.datasets import load_digits

    progress("reading digits", 0, 1)
    digits = load_digits()
    # Half up: level 8 is 127.5 and becomes 128.
    images = np.floor(digits.images * (255 / 16) + 0.5).astype(np.uint8)
    note = "Values 0 to 16 were spread over 0 to 255: k * 255 / 16, rounded half up."
    names = tuple(str(index) for index in range(len(images)))
    source = Source(known.name, "train", "scikit-learn", (note,))
    progress("reading digits", 1, 1)
    return {"train": Listing(class_texts(digits.target), names, ArrayImages(images), source=source)}


def _sklearn_digits() -> Path:
    """Return the file in scikit-learn, without importing it."""
    spec = importlib.util.find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"


def _read_mnist_sample(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return the 3s and 7s: an image folder in ``LOOKALIKE_DATA``, else drawn from MNIST."""
    tree = _own_tree(known)
    if tree is not None:
        listings = folders.read(tree)
        return {part: _named(listing, known) for part, listing in listings.items()}
    parts = _read_idx(known_set("mnist"), progress)
    listings = {part: _threes_and_sevens(listing) for part, listing in parts.items()}
    return {part: _named(listing, known) for part, listing in listings.items()}


def _threes_and_sevens(listing: Listing) -> Listing:
    """Return MNIST's 3s, then its 7s, each named by class and index as MNIST_SAMPLE's files are."""
    chosen = np.concatenate([np.flatnonzero(listing.classes == digit) for digit in ("3", "7")])
    sample = listing.take(chosen)
    names = [f"{digit}/{name}.png" for digit, name in zip(sample.classes.tolist(), sample.names, strict=True)]
    return replace(sample, names=names).noted(
        "The 3s and 7s of MNIST; the number in a name is the index there."
    )


def _named(listing: Listing, known: KnownSet) -> Listing:
    return replace(listing, source=replace(listing.source, name=known.name))
