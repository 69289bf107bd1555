"""The known sets: read from ``LOOKALIKE_DATA``, else from the cache, else by download; always checked."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import settings
from lookalike.data.labelled import Source, natural_order
from lookalike.data.readers import folders, idx
from lookalike.data.readers.listing import FileImages, Listing, class_texts, numbered
from lookalike.data.readers.trees import Tree, folder_tree, zip_tree
from lookalike.errors import DataError, DownloadError, UnknownNameError, unknown, warn
from lookalike.files import is_gzip, plain_bytes, read_file, write_whole
from lookalike.progress import Progress, silent
from lookalike.text import listed, quoted

_WRITERS = "train-writers.csv.gz"
_MAX_WRITERS_BYTES = 4 * 2**20

_TIMEOUT = (10, 60)  # seconds to connect, and without a byte
_PIECE = 128 * 1024

_COMPILED = re.compile("lookalike-[0-9a-f]{16}")
_DRAWING = re.compile(r"[^/]+/([^/]+)/(character\d\d)/\d{4}_(\d\d)\.png")


@dataclass(frozen=True)
class PublishedFile:
    """One file of a known set."""

    name: str  # as it is published, and so is the size
    size: int
    unpacked_size: int
    sha256: str | None = None  # of the unpacked bytes: however the file is packed, its content is checked
    # Of the file as published, where nothing is published of its unpacked bytes.
    md5: str | None = None
    packed_sha256: str | None = None

    @property
    def most(self) -> int:
        """The most bytes that the file may have in any form: gzip adds a little to what it cannot pack."""
        return self.unpacked_size + 1024


@dataclass(frozen=True)
class KnownSet:
    """One data set that is known by name."""

    name: str  # what one types
    title: str
    images: str  # how many of which size, as people say it
    licence: str
    source: str  # who made it, and where it is published
    files: tuple[PublishedFile, ...] = ()
    mirrors: tuple[str, ...] = ()  # addresses that a file's name is added to, tried in this order
    derived_from: str | None = None  # the known set that it is made of
    folders: tuple[str, ...] = ()  # other names of its folder in LOOKALIKE_DATA
    notes: tuple[str, ...] = ()  # what a reader of a report should know


def _four_files(*published: tuple[int, str, str]) -> tuple[PublishedFile, ...]:
    """Return the files of MNIST and its successors: of each the size, the kind of hash and the hash."""
    four = (
        ("train-images-idx3-ubyte.gz", 47_040_016),
        ("train-labels-idx1-ubyte.gz", 60_008),
        ("t10k-images-idx3-ubyte.gz", 7_840_016),
        ("t10k-labels-idx1-ubyte.gz", 10_008),
    )
    return tuple(
        PublishedFile(name, size, unpacked, **{kind: digest})
        for (name, unpacked), (size, kind, digest) in zip(four, published, strict=True)
    )


def _omniglot(number: int, size: int, sha256: str) -> PublishedFile:
    return PublishedFile(f"images_background_small{number}.zip", size, size, sha256)


_MNIST = KnownSet(
    name="mnist",
    title="MNIST handwritten digits",
    images="70,000 of 28 x 28",
    licence="CC BY-SA 3.0",
    source="LeCun, Cortes, Burges: The MNIST database of handwritten digits",
    files=_four_files(
        (9_912_422, "sha256", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
        (28_881, "sha256", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (1_648_877, "sha256", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
        (4_542, "sha256", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
)

KNOWN: tuple[KnownSet, ...] = (
    KnownSet(
        name="digits",
        title="Handwritten digits, 8 x 8",
        images="1,797 of 8 x 8",
        licence="CC BY 4.0",
        source="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits (UCI); ships with scikit-learn",
    ),
    _MNIST,
    KnownSet(
        name="mnist-sample",
        title="MNIST's 3s and 7s (fast.ai's MNIST_SAMPLE)",
        images="14,434 of 28 x 28",
        licence=_MNIST.licence,
        source=_MNIST.source,
        derived_from="mnist",
    ),
    KnownSet(
        name="fashion-mnist",
        title="Fashion-MNIST, pictures of clothes",
        images="70,000 of 28 x 28",
        licence="MIT",
        source="Xiao, Rasul, Vollgraf (Zalando Research): https://github.com/zalandoresearch/fashion-mnist",
        files=_four_files(
            (26_421_880, "md5", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            (29_515, "sha256", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
            (4_422_102, "md5", "bef4ecab320f06d8554ea6380940ec79"),
            (5_148, "sha256", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
        ),
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        notes=(
            "The classes are 0 T-shirt/top, 1 Trouser, 2 Pullover, 3 Dress, 4 Coat, 5 Sandal, 6 Shirt, "
            "7 Sneaker, 8 Bag, 9 Ankle boot.",
        ),
    ),
    KnownSet(
        name="kmnist",
        title="Kuzushiji-MNIST, cursive Japanese",
        images="70,000 of 28 x 28",
        licence="CC BY-SA 4.0",
        source=(
            "KMNIST Dataset (created by CODH), adapted from Kuzushiji Dataset (created by NIJL and others), "
            "doi:10.20676/00000341: https://github.com/rois-codh/kmnist"
        ),
        files=_four_files(
            (18_165_135, "packed_sha256", "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
            (29_497, "packed_sha256", "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
            (3_041_136, "packed_sha256", "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
            (5_120, "packed_sha256", "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
        ),
        mirrors=("https://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        notes=("The classes are 0 o, 1 ki, 2 su, 3 tsu, 4 na, 5 ha, 6 ma, 7 ya, 8 re, 9 wo.",),
    ),
    KnownSet(
        name="omniglot-small",
        title="Omniglot, the small background sets",
        images="4,840 of 105 x 105",
        licence="MIT",
        source="Lake, Salakhutdinov, Tenenbaum: https://github.com/brendenlake/omniglot",
        files=(
            _omniglot(1, 1_319_022, "f38eb80f801274ac2b4dff5b24289016bfaba4a7d5bb50deebf27104ad6cb8a4"),
            _omniglot(2, 1_580_917, "3ccaa407515a8778e5d0861875af38b17e418f301ad5bb3b5a6b65d901a41c7f"),
        ),
        mirrors=("https://raw.githubusercontent.com/brendenlake/omniglot/master/python/",),
        folders=("omniglot",),
    ),
)


def names() -> list[str]:
    """Return the names of all known sets."""
    return [known.name for known in KNOWN]


def known_set(name: str) -> KnownSet:
    """Return the known set of that name, or refuse with the nearest ones."""
    for known in KNOWN:
        if known.name == name:
            return known
    raise UnknownNameError(unknown("data set", name, names()))


@dataclass(frozen=True)
class Place:
    """Where a known set was found."""

    path: Path  # a folder, a zip, or scikit-learn's file
    kind: str  # "data folder", "cache" or "embedded"


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
    """Return where a known set is, after the download of what was missing or damaged."""
    if known.derived_from is not None and _own_path(known) is None:
        return get(known_set(known.derived_from), progress)
    if known.files:
        _contents(known, progress)
    place = where(known)
    if place is None:
        raise DownloadError(
            f"{quoted(cache_of(known))} cannot be written, so {known.name} cannot be kept: say in "
            "LOOKALIKE_CACHE which folder can be"
        )
    return place


def read(known: KnownSet, progress: Progress = silent) -> dict[str, Listing]:
    """Return the listings of a known set, by part."""
    readers: dict[str, Callable[[KnownSet, Progress], dict[str, Listing]]] = {
        "digits": _read_digits,
        "mnist-sample": _read_mnist_sample,
        "omniglot-small": _read_omniglot,
    }
    return readers.get(known.name, _read_idx)(known, progress)


def _own_path(known: KnownSet) -> Path | None:
    """Return the folder or zip in ``LOOKALIKE_DATA`` that has the whole set."""
    root = settings.data_folder()
    if root is None:
        return None
    for name in (known.name, known.name.replace("-", "_"), *known.folders):
        folder, zipped = root / name, root / f"{name}.zip"
        if folder.is_dir():
            tree = folder_tree(folder)
            if all(_form_of(file, tree) for file in known.files):
                return folder
        if zipped.is_file():
            return zipped
    return None


def _own_tree(known: KnownSet) -> Tree | None:
    path = _own_path(known)
    return None if path is None else zip_tree(path) if path.is_file() else folder_tree(path)


def _form_of(file: PublishedFile, tree: Tree) -> str | None:
    """Return the path of a published file in a tree: plain or gzip, either style of name."""
    by_name = {path.rpartition("/")[2]: path for path in reversed(tree.files)}
    plain = file.name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    names = (plain, dotted, file.name, f"{dotted}.gz")
    return next((by_name[name] for name in names if name in by_name), None)


def _contents(known: KnownSet, progress: Progress) -> tuple[dict[str, bytes], Tree | None, tuple[str, ...]]:
    """Return the checked, unpacked bytes of each file, the tree of ``LOOKALIKE_DATA`` they are of, notes."""
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
    return files, tree, (note,) if unhashed else ()


def _from_cache(known: KnownSet, file: PublishedFile, progress: Progress) -> bytes:
    """Return a file's content from the cache; what is missing or damaged there is downloaded anew."""
    path = cache_of(known) / file.name
    if path.is_file():
        try:
            return checked(read_file(path, path, file.most), file, str(path))
        except DataError:
            path.unlink(missing_ok=True)
    return checked(download(known, file, progress), file, str(path))


def _read_idx(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return the parts of a set in MNIST's four files."""
    files, tree, notes = _contents(known, progress)
    arrays = {}
    for file in known.files:
        plain = files.pop(file.name)
        arrays[file.name] = idx.parse(plain, file.name, 3 if "images" in file.name else 1)
    listings = {}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        images = arrays[f"{prefix}-images-idx3-ubyte.gz"]
        labels = arrays[f"{prefix}-labels-idx1-ubyte.gz"]
        writers = _writers(tree, len(images)) if part == "train" and tree else None
        source = Source(known.name, part, "IDX", (*known.notes, *notes))
        listings[part] = idx.listing(images, labels, source, writers)
    return listings


def _writers(tree: Tree, count: int) -> NDArray[np.int64] | None:
    """Return who wrote each training image, from the file beside the set's; None where there is none."""
    path = next((path for path in tree.files if path.rpartition("/")[2] == _WRITERS), None)
    if path is None:
        return None
    name = tree.full_name(path)
    data = tree.read(path, _MAX_WRITERS_BYTES)
    plain = plain_bytes(data, name, _MAX_WRITERS_BYTES)
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
    source = Source(known.name, "train", "scikit-learn", (note,))
    progress("reading digits", 1, 1)
    return {"train": numbered(class_texts(digits.target), images, source)}


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
        listings = folders.from_tree(tree, progress)
    else:
        parts = _read_idx(known_set("mnist"), progress)
        listings = {part: _threes_and_sevens(listing) for part, listing in parts.items()}
    return {
        part: replace(listing, source=replace(listing.source, name=known.name))
        for part, listing in listings.items()
    }


def _threes_and_sevens(listing: Listing) -> Listing:
    """Return MNIST's 3s, then its 7s, each named by class and index as MNIST_SAMPLE's files are."""
    chosen = np.concatenate([np.flatnonzero(listing.classes == digit) for digit in ("3", "7")])
    sample = listing.take(chosen)
    names = [f"{digit}/{name}.png" for digit, name in zip(sample.classes.tolist(), sample.names, strict=True)]
    note = "The 3s and 7s of MNIST; the number in a name is the index there."
    return replace(sample, names=names).noted(note)


def cache_of(known: KnownSet) -> Path:
    """Return the folder in the cache for a known set's files."""
    return settings.cache_folder() / "data" / known.name


def checked(data: bytes, file: PublishedFile, name: str, *, by_length: bool = False) -> bytes:
    """Return the unpacked bytes of a published file, given as published, packed anew, or unpacked.

    Where only the packed file's hash is published, ``by_length`` accepts unpacked data by its length alone:
    nothing better is known of a file that its owner unpacked.
    """
    plain = plain_bytes(data, name, file.unpacked_size)
    if len(plain) != file.unpacked_size:
        raise DataError(
            f"{quoted(name)} has {len(plain):,} bytes unpacked: expected {file.unpacked_size:,}, get it again"
        )
    # MD5 is against accidents, not against attackers.
    hashes = [("sha256", file.sha256, plain, "SHA-256 of its unpacked bytes")]
    if file.sha256 is None and (is_gzip(data) or not by_length):
        hashes = [("sha256", file.packed_sha256, data, "SHA-256"), ("md5", file.md5, data, "MD5")]
    for kind, published, content, said in hashes:
        found = hashlib.new(kind, content, usedforsecurity=False).hexdigest()
        if published not in (None, found):
            raise DataError(f"{quoted(name)} is not the published file ({said}): get it again")
    return plain


def download(known: KnownSet, file: PublishedFile, progress: Progress = silent) -> bytes:
    """Return a published file, downloaded anew, and keep it in the cache where that can be written."""
    folder = cache_of(known)
    there = f"a folder {known.name}/ of the folder that LOOKALIKE_DATA names"
    missing = [other.name for other in known.files if not (folder / other.name).is_file()]
    # Beside files that are in the cache already the others are looked for there alone.
    place = there if len(missing) == len(known.files) else quoted(folder)
    put = f"put {', '.join(missing)} into {place}"
    if settings.offline():
        raise DownloadError(f"{known.name} is not here and LOOKALIKE_OFFLINE forbids the network: {put}")
    failures = []
    for mirror in known.mirrors:
        try:
            data = _sent(mirror + file.name, file, progress)
            checked(data, file, file.name)
        except (_MirrorError, DataError) as error:
            failures.append(f"{mirror}: {error}")
            continue
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / file.name, data)
        except OSError as error:
            _say_not_kept(folder, error.strerror or str(error))
        return data
    raise DownloadError(f"no mirror gave {file.name} ({'; '.join(failures)}): try again, or {put}")


@functools.cache
def _say_not_kept(folder: Path, reason: str) -> None:
    """Warn once that what is downloaded is not kept."""
    warn(
        f"{quoted(folder)} cannot be written ({reason}): what is downloaded is not kept; say in "
        "LOOKALIKE_CACHE which folder can be"
    )


def clear_cache() -> int:
    """Delete what was downloaded and compiled and can be made again; return how many bytes that frees.

    Only files of the names that lookalike gives are deleted, whatever else lies in the folder.
    """
    files = [cache_of(known) / file.name for known in KNOWN for file in known.files]
    folders = [cache_of(known) for known in KNOWN]
    compiled = settings.cache_folder() / "compiled"
    for folder in compiled.glob("lookalike-*"):
        if _COMPILED.fullmatch(folder.name) and folder.is_dir() and not folder.is_symlink():
            files += [path for path in folder.rglob("*") if path.is_file()]
            folders += [*sorted(folder.rglob("*/"), reverse=True), folder]
    freed = 0
    for path in files:
        if path.is_file():
            freed += path.stat().st_size
            path.unlink()
    for folder in (*folders, compiled, settings.cache_folder() / "data"):
        # One that holds anything else stays.
        with suppress(OSError):
            folder.rmdir()
    return freed


class _MirrorError(Exception):
    """Why one mirror did not do."""


def _sent(url: str, file: PublishedFile, progress: Progress) -> bytes:
    """Return what a server sends, no more than the file may have; any trouble with it is a _MirrorError."""
    import pooch
    import requests

    sink = _Sink(file, progress)
    # As published: a server may otherwise unpack gzip on the way, and the MD5 is of the packed file.
    headers = {"Accept-Encoding": "identity"}
    fetch = pooch.HTTPDownloader(chunk_size=_PIECE, timeout=_TIMEOUT, headers=headers)
    try:
        fetch(url, sink, None)
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise _MirrorError(f"answered {status}") from error
    except requests.Timeout as error:
        raise _MirrorError("did not answer in time") from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _MirrorError("broke off") from error
    except requests.ConnectionError as error:
        raise _MirrorError("cannot be reached") from error
    except requests.RequestException as error:
        raise _MirrorError(type(error).__name__) from error
    return sink.getvalue()


class _Sink(io.BytesIO):
    """Bytes, no more than a published file may have, that tell of progress."""

    def __init__(self, published: PublishedFile, progress: Progress) -> None:
        super().__init__()
        self._published, self._tell = published, progress

    def write(self, piece: Any) -> int:
        written = super().write(piece)
        if self.tell() > self._published.most:
            raise _MirrorError(f"sent more than {self._published.most:,} bytes")
        self._tell(f"downloading {self._published.name}", self.tell(), self._published.size)
        return written


def _read_omniglot(known: KnownSet, progress: Progress) -> dict[str, Listing]:
    """Return the drawings in Omniglot's zips; one that is in several is one drawing."""
    # Each ALPHABET/characterNN/MMMM_DD.png is a drawing by one (DD) of the twenty people of its alphabet.
    drawings: dict[str, bytes] = {}
    for data in _contents(known, progress)[0].values():
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                if _DRAWING.fullmatch(name):
                    drawings[name.partition("/")[2]] = archive.read(name)

    def read_drawing(path: str, limit: int) -> bytes:
        if len(drawings[path]) > limit:
            shown = quoted(tree.full_name(path))
            raise DataError(f"{shown} has {len(drawings[path]):,} bytes: more than {limit:,}")
        return drawings[path]

    tree = Tree(known.name, "zip", tuple(drawings), read_drawing)
    paths = natural_order(drawings)
    parts = [path.split("/") for path in paths]
    listing = Listing(
        np.array([f"{alphabet}/{character}" for alphabet, character, _ in parts]),
        paths,
        FileImages(tree, tuple(paths)),
        groups=np.array([f"{alphabet}/{file[5:7]}" for alphabet, _, file in parts]),
        source=Source(known.name, "train", "Omniglot", known.notes),
    )
    return {"train": listing}
