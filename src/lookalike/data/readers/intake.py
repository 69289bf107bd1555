"""Decoded images come into memory, or into a file, where reading goes on that was stopped.

A file holds the bytes of one image behind those of the other. What else going on needs lies beside it: how
far reading has come, and what was seen on the way. It is written now and then, after the pixels that it is
about; what lies behind these was not finished, and is cut off.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.pixels import Reading, Seen, resized
from lookalike.data.readers.trees import Tree
from lookalike.data.sizes import Size, Sizes, Target
from lookalike.errors import DataError, InputError
from lookalike.files import MAX_ARRAY_BYTES, write_whole
from lookalike.images import ImageBatch
from lookalike.text import quoted

_OURS = re.compile(r"\..*|(train|valid)(\.json|-[0-9x]+\.bytes)")
_SCHEMA = 1


@dataclass
class Intake:
    """How far the reading of a set's files has come, and what was seen on the way."""

    target: Target | None  # what images are brought to
    reading: Reading | None  # how those of many bits and transparent ones are read; None: not known yet
    second: bool = False  # whether all files were looked at before
    done: int = 0  # how many files were read
    bad: dict[int, str] = field(default_factory=dict)  # which could not be, and why
    seen: Seen = field(default_factory=Seen)
    sizes: Counter[Size] = field(default_factory=Counter)
    shape: tuple[int, ...] | None = None  # of the images that are kept
    gray: int = 0  # how many of these were gray
    count: int = 0  # how many are kept
    mixed: bool = False  # whether they have no one size

    def again(self) -> Intake | None:
        """Return the intake of a second look, where images are of mixed sizes or to be read otherwise."""
        odd = self.reading is None and self.seen.reading() != Reading()
        if not (odd or self.mixed):
            return None
        sizes = Sizes.of([*self.sizes.elements()])
        target = Target.of(sizes.median, sizes) if self.mixed else self.target
        return Intake(target, self.seen.reading() if odd else self.reading, second=True)

    @property
    def odd(self) -> Reading | None:
        """How images were read that can be read in more than one way, where there are such."""
        return self.reading or (self.seen.reading() if self.seen != Seen() else None)

    @property
    def resized(self) -> Sizes | None:
        """How large the images were, where some were resized."""
        some = self.target and {*self.sizes} != {self.target.size}
        return Sizes.of([*self.sizes.elements()]) if some else None

    def notes(self) -> tuple[str, ...]:
        """Return what was decided on the way, one sentence each."""
        notes: tuple[str, ...] = (self.target.note,) if self.target and self.resized else ()
        if self.shape is not None and len(self.shape) == 3 and self.gray:
            notes += (f"Gray and colour images are mixed: {self.gray:,} gray ones were made colour.",)
        notes += self.seen.notes(self.odd or Reading())
        if self.bad:
            bad = [*self.bad.values()]
            shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5:,} more" if len(bad) > 5 else "")
            notes += (f"{len(bad):,} bad {'file was' if len(bad) == 1 else 'files were'} skipped: {shown}.",)
        return notes

    def add(self, image: NDArray[np.uint8], name: str, pixels: Pixels) -> None:
        """Take one more image in; where gray and colour are mixed, gray becomes colour."""
        size = (image.shape[0], image.shape[1])
        self.sizes[size] += 1
        if self.target is not None and size != self.target.size:
            self.target.check(quoted(name), size)
            image = resized(image, self.target.size)
        if self.shape is None:
            self.shape = image.shape
            pixels.start(image.shape)
        self.mixed = self.mixed or image.shape[:2] != self.shape[:2]
        if self.mixed:
            return
        if image.ndim == 3 and len(self.shape) == 2:
            pixels.widen(self.shape, self.count)
            self.shape = image.shape
        self.gray += image.ndim == 2
        if image.ndim < len(self.shape):
            image = image[..., None].repeat(self.shape[2], axis=2)
        pixels.put(image, self.count)
        self.count += 1

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values, which :meth:`of_json` takes."""
        sizes = [[*size, count] for size, count in self.sizes.items()]
        return asdict(self) | {"sizes": sizes, "bad": [*self.bad.items()]}

    @classmethod
    def of_json(cls, plain: dict[str, Any]) -> Intake:
        """Return what plain values say; any error means that they are none of ours."""
        target, reading, shape = plain["target"], plain["reading"], plain["shape"]
        if target is not None:
            (height, width), sizes, note = target
            known = None if sizes is None else Sizes.read("sizes", sizes)
            target = Target((int(height), int(width)), known, str(note))
        seen = dict(plain["seen"])
        seen["unseen"] = {int(level): int(count) for level, count in seen["unseen"].items()}
        given = plain | {
            "target": target,
            "reading": None if reading is None else Reading(*map(int, reading)),
            "shape": None if shape is None else tuple(map(int, shape)),
            "bad": {int(place): str(why) for place, why in plain["bad"]},
            "seen": Seen(**seen),
            "sizes": Counter({(int(h), int(w)): int(count) for h, w, count in plain["sizes"]}),
        }
        intake = cls(**given)
        if intake.count + len(intake.bad) != intake.done and not intake.mixed:
            raise ValueError("the numbers of images differ")
        return intake


class Pixels:
    """Images in memory: an array that is as long as there are files."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._array: ImageBatch | None = None

    def start(self, shape: tuple[int, ...]) -> None:
        """Begin with images of a shape."""
        needed = self._most * math.prod(shape)
        if needed > MAX_ARRAY_BYTES:
            raise DataError(
                f"{self._most:,} images of {shape[0]} x {shape[1]} need {needed:,} bytes, more than "
                f"{MAX_ARRAY_BYTES:,}: give size= or limit=, or on_disk= (on the command line: --on-disk)"
            )
        self._array = np.empty((self._most, *shape), np.uint8)

    def put(self, image: NDArray[np.uint8], place: int) -> None:
        """Keep an image behind those that are kept."""
        assert self._array is not None
        self._array[place] = image

    def widen(self, shape: tuple[int, ...], count: int) -> None:
        """Make colour images of gray ones."""
        assert self._array is not None
        gray = self._array[:count]
        self.start((*shape, 3))
        self._array[:count] = gray[..., None]

    def read(self, tree: Tree, path: str) -> None:
        """Take note that a file is read: memory has no need to."""

    def note(self, intake: Intake) -> None:
        """Take note of how far reading has come: memory has no need to."""

    def images(self, intake: Intake) -> ImageBatch:
        """Return what was kept."""
        assert self._array is not None
        return self._array if intake.count == self._most else self._array[: intake.count].copy()


def remove(folder: Path) -> None:
    """Remove a folder that images were read into, where it is one."""
    if (folder / "train.json").is_file() and not _strange(folder):
        shutil.rmtree(folder, ignore_errors=True)


def _strange(folder: Path) -> list[str]:
    """Return what a folder holds that was not read into it."""
    return sorted(name for name in os.listdir(folder) if not _OURS.fullmatch(name))


class PixelFile(Pixels):
    """Images in a file of a folder of their own."""

    def __init__(self, folder: Path, part: str, most: int) -> None:
        super().__init__(most)
        self._folder, self._part = folder, part
        self._said = folder / f"{part}.json"
        self._file: IO[bytes] | None = None
        self._hash = hashlib.sha256()

    def intake(self, tree: Tree, paths: list[str], asked: tuple[Any, ...]) -> Intake:
        """Return how far reading these files has come, which begins where nothing of them is there."""
        try:
            self._folder.mkdir(exist_ok=True)
            strange = _strange(self._folder)
        except OSError as error:
            raise DataError(f"{quoted(self._folder)} cannot be written: {error.strerror}") from error
        if strange:
            raise DataError(
                f"{quoted(self._folder)} holds {quoted(strange[0])}: expected a new folder, or one that "
                "images were read into before"
            )
        self._hash.update(repr(asked).encode("utf-8", "backslashreplace"))
        if not self._said.exists():
            return Intake(*asked)
        try:
            said = json.loads(self._said.read_bytes())
            schema, before = said["schema"], said["of"]
            intake = Intake.of_json(said["intake"])
        except (
            OSError,
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            InputError,
            RecursionError,
        ) as error:
            raise self._useless(f"is damaged ({error})") from error
        if schema != _SCHEMA:
            raise self._useless("is of another version of lookalike")
        for name in [*(paths if intake.second else ()), *paths[: intake.done]]:
            self.read(tree, name)
        if intake.done > len(paths) or self._hash.hexdigest() != before:
            raise self._useless("is of other images, or of ones that were changed since")
        if intake.shape is not None and not intake.mixed:
            self._open(intake.shape, intake.count)
        return intake

    def _useless(self, why: str) -> DataError:
        return DataError(
            f"{quoted(self._said)} {why}: delete the folder to read all images anew, or name another one"
        )

    def read(self, tree: Tree, path: str) -> None:
        # Of another file, or a changed one, reading does not go on.
        self._hash.update(f"{path}\0{tree.stamp(path)}\n".encode("utf-8", "backslashreplace"))

    def start(self, shape: tuple[int, ...]) -> None:
        needed, free = self._most * math.prod(shape), shutil.disk_usage(self._folder).free
        if needed > free:
            raise DataError(
                f"{self._most:,} images of {shape[0]} x {shape[1]} need {needed:,} bytes, and {free:,} are "
                f"free where {quoted(self._folder)} is: name a folder elsewhere, or give size= or limit="
            )
        self.close()
        self._file = self._named(shape).open("wb")

    def put(self, image: NDArray[np.uint8], place: int) -> None:
        assert self._file is not None
        self._file.write(np.ascontiguousarray(image).data)

    def widen(self, shape: tuple[int, ...], count: int) -> None:
        # Under another name: until it is noted, reading would go on with the gray ones.
        self.close()
        gray = np.memmap(self._named(shape), np.uint8, "r", shape=(count, *shape))
        self.start((*shape, 3))
        for image in gray:
            self.put(image[..., None].repeat(3, axis=2), 0)

    def note(self, intake: Intake) -> None:
        if intake.shape is None:
            self.close()
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
        said = {"schema": _SCHEMA, "of": self._hash.hexdigest(), "intake": intake.to_json()}
        write_whole(self._said, json.dumps(said).encode())
        kept = None if intake.shape is None else self._named(intake.shape)
        for other in self._folder.glob(f"{self._part}-*.bytes"):
            if other != kept:
                other.unlink()

    def images(self, intake: Intake) -> ImageBatch:
        assert intake.shape is not None
        self.close()
        return np.memmap(self._named(intake.shape), np.uint8, "r", shape=(intake.count, *intake.shape))

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _named(self, shape: Iterable[int]) -> Path:
        return self._folder / f"{self._part}-{'x'.join(map(str, shape))}.bytes"

    def _open(self, shape: tuple[int, ...], count: int) -> None:
        """Go on behind so many images."""
        path, size = self._named(shape), count * math.prod(shape)
        if not path.is_file() or path.stat().st_size < size:
            raise self._useless(f"is about more images than {quoted(path)} has")
        self._file = path.open("r+b")
        self._file.truncate(size)
        self._file.seek(size)
