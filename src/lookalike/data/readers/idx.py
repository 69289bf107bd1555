"""IDX, the format that MNIST was published in: a magic number, the lengths of the axes, then bytes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.labelled import Source
from lookalike.data.readers.listing import PARTS, Listing, class_texts, numbered
from lookalike.data.readers.trees import Tree
from lookalike.data.sizes import Size
from lookalike.errors import DataError
from lookalike.files import MAX_ARRAY_BYTES, gunzip_head, most_unpacked, plain_bytes, read_file
from lookalike.progress import Progress
from lookalike.text import listed, quoted

_UBYTE = 0x08
_NAME = re.compile(r"(?P<prefix>.*?)[-_.]?images[-.]idx3[-.]ubyte(?P<gz>\.gz)?", re.IGNORECASE)
# Nothing in the files tells which ones were turned since.
_TURNED = (
    "EMNIST is published with rows and columns exchanged: look at the images (lookalike show), and exchange "
    "those of your own where these are so.",
)
_PARTS = {**PARTS, "t10k": "test"}


def parse(data: bytes, name: str, rank: int) -> NDArray[np.uint8]:
    """Return the array in an IDX file, plain or gzip: labels ``(n,)``, or images ``(n, h, w)`` of rank 3."""
    head = gunzip_head(data, 4 + 4 * 4)
    found = head[3] if len(head) >= 4 else 0
    if head[:3] != bytes((0, 0, _UBYTE)) or found not in (1, 3) or len(head) < 4 + 4 * found:
        raise DataError(
            f"{quoted(name)} begins with {head[:4].hex(' ') or 'nothing readable'}: expected IDX of bytes, "
            "00 00 08 03 (images) or 00 00 08 01 (labels)"
        )
    start = 4 + 4 * found
    lengths = [int.from_bytes(head[at : at + 4], "big") for at in range(4, start, 4)]
    announced = start + math.prod(lengths)
    most = most_unpacked(len(data))
    if announced > most:
        raise DataError(f"{quoted(name)} announces {announced:,} bytes: more than {most:,}, refused")
    if 0 in lengths:
        raise DataError(f"{quoted(name)} announces the lengths {lengths}: expected at least one pixel")
    plain = plain_bytes(data, name, announced)
    if len(plain) != announced:
        wrong = "is truncated" if len(plain) < announced else "has trailing bytes"
        raise DataError(
            f"{quoted(name)} {wrong}: it holds {len(plain):,} bytes, its header announces {announced:,}; "
            "get the file again"
        )
    if found != rank:
        what = {1: "labels", 3: "images"}
        raise DataError(f"{quoted(name)} holds {what[found]}: expected {what[rank]}")
    return np.frombuffer(plain, np.uint8, offset=start).reshape(lengths).copy()


def listing(
    images: NDArray[np.uint8],
    labels: NDArray[np.uint8],
    source: Source,
    groups: NDArray[Any] | None = None,
) -> Listing:
    """Return the listing of one pair of IDX arrays, named by index."""
    if len(images) != len(labels):
        raise DataError(
            f"{quoted(source.name)} has {len(images):,} images and {len(labels):,} labels "
            f"({source.part} part): expected one label for each image"
        )
    if not images.size:
        raise DataError(
            f"{quoted(source.name)} has images of shape {images.shape}: expected at least one pixel"
        )
    return numbered(class_texts(labels), images, source, groups)


def find(files: Iterable[str], only: str | None = None) -> dict[str, tuple[str, str]]:
    """Return the images and the labels file of each part among paths; a plain file before its gzip twin.

    ``only`` is the images file to read: the others are left alone, and it is the train part.
    """
    by_lower = {path.lower(): path for path in files}
    chosen = [only] if only is not None else sorted(by_lower.values(), key=lambda path: (len(path), path))
    pairs: dict[str, tuple[str, str]] = {}
    prefixes: dict[str, str] = {}
    for path in chosen:
        folder, _, base = path.rpartition("/")
        match = _NAME.fullmatch(base)
        if match is None:
            continue
        prefix = f"{folder}/{match['prefix']}".lower()
        part = "train" if only else _PARTS.get(re.split(r"[-_.]", match["prefix"].lower())[-1], "train")
        if prefixes.setdefault(part, prefix) != prefix:
            both = listed((pairs[part][0], path))
            raise DataError(f"there are several IDX sets here ({both}): give the images file itself")
        pairs.setdefault(part, (path, _partner(path, by_lower)))
    return pairs


def _partner(images: str, by_lower: dict[str, str]) -> str:
    """Return the labels file that belongs to an images file: either style of name, plain or gzip."""
    folder, slash, base = images.lower().rpartition("/")
    stem = base.removesuffix(".gz")
    before, _, _ = stem.rpartition("images")
    for name in (f"{before}labels-idx1-ubyte", f"{before}labels.idx1-ubyte"):
        for suffix in ("", ".gz"):
            found = by_lower.get(f"{folder}{slash}{name}{suffix}")
            if found is not None:
                return found
    raise DataError(
        f"{quoted(images)} has no labels: expected {quoted(f'{before}labels-idx1-ubyte')} beside it"
    )


def from_tree(tree: Tree, progress: Progress) -> dict[str, Listing] | None:
    """Return the listings of the IDX files in a tree, by part; None where it holds none."""
    pairs = find(tree.files)
    return _read(tree.name, pairs, tree.read, progress) if pairs else None


def from_file(
    path: Path, name: str, head: bytes, size: Size | None, progress: Progress
) -> dict[str, Listing] | None:
    """Return the listing of one IDX images file, with its labels beside it; None where it is no IDX."""
    if head[:2] != b"\0\0":
        return None
    pairs = find([entry.name for entry in path.parent.iterdir() if entry.is_file()], only=path.name)
    if not pairs:
        raise DataError(f"{quoted(name)} is IDX but is not called ...images-idx3-ubyte: give that file")
    return _read(name, pairs, lambda file, most: read_file(path.parent / file, file, most), progress)


def _read(
    name: str, pairs: dict[str, tuple[str, str]], read: Callable[[str, int], bytes], progress: Progress
) -> dict[str, Listing]:
    listings = {}
    for done, (part, (images, labels)) in enumerate(pairs.items()):
        progress("reading IDX files", done, len(pairs))
        pixels, values = (
            parse(read(file, MAX_ARRAY_BYTES), file, rank) for file, rank in ((images, 3), (labels, 1))
        )
        notes = _TURNED if "emnist" in images.lower() else ()
        listings[part] = listing(pixels, values, Source(name, part, "IDX", notes))
    progress("reading IDX files", len(pairs), len(pairs))
    return listings
