"""The file: arrays and one JSON text in safetensors, with a hash of both.

The library checks the format; how long a header may be, how deep its JSON, which kinds of numbers and that
nothing changed is checked here. Arrays are copied: the file can be replaced while a model of it is in use.
Only of models whose parameter ``on_disk`` is true images stay in the file, and are neither read nor hashed
when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from lookalike.distance.mapped import PART_BYTES, let_go
from lookalike.errors import InputError, ModelFileError
from lookalike.files import write_whole
from lookalike.text import plain

#: The form of files that is written, and the newest that is read.
SCHEMA = 1
#: The one key of the metadata. One alone, since the library writes several in any order.
KEY = "lookalike"
#: The longest header and the deepest JSON that is read.
MOST_HEADER, DEEPEST = 1 << 24, 40
_LENGTH, _MAGIC = 8, 16
#: How files begin that are given instead of a model, and what they are.
_OTHERS = (
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"BM", "an image (BMP)"),
    (b"II*\x00", "an image (TIFF)"),
    (b"MM\x00*", "an image (TIFF)"),
    (b"RIFF", "an image (WebP)"),
    (b"PK\x03\x04", "a zip"),
    (b"\x1f\x8b", "a gzip"),
    (b"SQLite format 3", "a journal"),
    (b"\x80", "a pickle"),
    (b"<", "a page or an XML file"),
    (b"\x93NUMPY", "a NumPy array"),
)
#: Numbers as safetensors calls them, and as NumPy does.
_DTYPES = {"U8": "u1", "I64": "i8", "U64": "u8", "F16": "f2", "F32": "f4", "F64": "f8"}
_STORED = set(map(np.dtype, _DTYPES.values()))


class Contents(NamedTuple):
    """What is in a file."""

    about: dict[str, Any]  # what the JSON text says
    arrays: dict[str, NDArray[Any]]  # C-contiguous; none where only the header was read


def write(path: Path, about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a file as a whole: until it is all on the disk, the old one stays."""
    images = _on_disk(about, {name: (array.dtype, array.ndim) for name, array in arrays.items()})
    if not images:
        write_whole(path, to_bytes(about, arrays))
        return
    # The library would make one text of all bytes: images that do not fit into memory come behind it.
    rest = {name: array for name, array in arrays.items() if name not in images}
    head = to_bytes(about, rest, {name: arrays[name] for name in images})
    length = int.from_bytes(head[:_LENGTH], "little")
    header, data = json.loads(head[_LENGTH : _LENGTH + length]), head[_LENGTH + length :]
    last = len(data)
    for name in images:
        shape = arrays[name].shape
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [last, last + math.prod(shape)]}
        last += math.prod(shape)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _LENGTH)
    begin = len(text).to_bytes(_LENGTH, "little") + text + data
    write_whole(path, chain([begin], *(_slices(arrays[name]) for name in images)))


def _slices(images: NDArray[np.uint8]) -> Iterator[memoryview]:
    """Yield an array's bytes, a part at a time, of which none stays in memory that is a file's."""
    data = np.ascontiguousarray(images).reshape(-1)
    for start in range(0, data.size, PART_BYTES):
        yield data[start : start + PART_BYTES].data
        let_go(images)


def to_bytes(
    about: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    behind: Mapping[str, NDArray[Any]] = MappingProxyType({}),
) -> bytes:
    """Return a file's bytes; arrays that come behind them are only named in its hash."""
    from safetensors.numpy import save

    whole = {}
    for name, array in arrays.items():
        whole[name] = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
        if whole[name].dtype not in _STORED:
            raise InputError(f"{name} are {array.dtype}: expected bytes, or numbers of 64 bits at most")
    text = _text(about)
    document = _text({"about": about, "sha256": _digest(text, whole, behind)})
    if len(document) > MOST_HEADER // 2:
        raise InputError(
            f"the names of classes and the parameters take {len(document):,} characters: "
            f"expected at most {MOST_HEADER // 2:,}"
        )
    data: bytes = save(whole, metadata={KEY: document})
    return data


def read(path: Path, *, header_only: bool = False) -> Contents:
    """Read a file, checked: what comes back is what was written."""
    from safetensors import safe_open

    _check_header_length(path)
    with _errors_named(path), safe_open(path, framework="numpy") as file:
        metadata = file.metadata() or {}
        if set(metadata) != {KEY}:
            _refuse(path, "is a safetensors file of something else", "expected one that save_model wrote")
        document = _parsed(path, metadata[KEY])
        if not isinstance(document, dict) or set(document) != {"about", "sha256"}:
            _refuse(path, "has other metadata", "expected about and sha256")
        _check_schema(path, document["about"])
        if header_only:
            return Contents(document["about"], {})
        kinds = {}
        for name in file.keys():  # noqa: SIM118 - it is no mapping
            told = file.get_slice(name)
            if told.get_dtype() not in _DTYPES:
                _refuse(path, "holds numbers of another kind", f"expected {', '.join(_DTYPES)}")
            kinds[name] = np.dtype(_DTYPES[told.get_dtype()]), len(told.get_shape())
        images = _on_disk(document["about"], kinds)
        arrays = {name: file.get_tensor(name) for name in kinds if name not in images}
    mapped = _mapped(path, images)
    if _digest(_text(document["about"]), arrays, mapped) != document["sha256"]:
        _refuse(path, "was changed or damaged", "its SHA-256 is not the one that it says; take a copy of it")
    return Contents(document["about"], arrays | mapped)


def _on_disk(about: Any, kinds: Mapping[str, tuple[np.dtype[Any], int]]) -> list[str]:
    """Return which arrays stay in the file: the images of a model that compares them there."""
    parameters = about.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("on_disk") is not True:
        return []
    return sorted(name for name, kind in kinds.items() if kind[0] == np.uint8 and kind[1] > 2)


def _mapped(path: Path, names: list[str]) -> dict[str, NDArray[Any]]:
    """Return arrays of bytes as they lie in a file whose header was checked."""
    if not names:
        return {}
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH), "little")
        header = json.loads(file.read(length))
    told = {name: (header[name]["data_offsets"][0], tuple(header[name]["shape"])) for name in names}
    return {
        name: np.memmap(path, np.uint8, "r", _LENGTH + length + first, shape)
        for name, (first, shape) in told.items()
    }


def _check_schema(path: Path, about: Any) -> None:
    """Refuse what only a later version can read, before anything else of it is looked at."""
    schema = about.get("schema") if isinstance(about, dict) else None
    if type(schema) is not int or schema < 1:
        _refuse(path, "has other metadata", "expected a schema's number")
    if schema > SCHEMA:
        newer = f"its schema is {schema:.10g}, and this version reads up to {SCHEMA}; update lookalike"
        _refuse(path, "was written by a newer lookalike", newer)


def _check_header_length(path: Path) -> None:
    """Refuse what is no file, or ends within its header, or has too long a header."""
    try:
        if not path.is_file():
            _refuse(path, "is no file" if path.exists() else "is not there", "expected a model file")
        with open(path, "rb") as file:
            head = file.read(_MAGIC)
            length = int.from_bytes(head[:_LENGTH], "little")
        size = path.stat().st_size
    except ModelFileError:
        raise
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{plain(path)} cannot be read: {_one_line(error)}") from error
    if size >= _LENGTH and length > MOST_HEADER:
        what = next((f"is {kind}, no model" for start, kind in _OTHERS if head.startswith(start)), None)
        _refuse(path, what or "is no model file", "expected a file that lookalike fit or save_model wrote")
    if size < _LENGTH or size < _LENGTH + length:
        _refuse(path, "is cut short", f"it has {size:,} bytes, fewer than its header; take a whole copy")


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    """Say which file is meant, and what the library's errors mean."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        if "not fully covered" in str(error) or "IncompleteBuffer" in str(error):
            ends = "its arrays do not end where it ends; take a whole copy"
            _refuse(path, "is cut short or too long", ends)
        raise ModelFileError(f"{plain(path)} is no model file: {_one_line(error)}") from error
    except OSError as error:
        raise ModelFileError(f"{plain(path)} cannot be read: {error}") from error


def _parsed(path: Path, text: str) -> Any:
    """Return what a JSON text says; NaN and infinity are no JSON."""
    try:
        document = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{plain(path)} has metadata that are no JSON: {_one_line(error)}") from error
    if _depth(document) > DEEPEST:
        _refuse(path, "has metadata that are nested too deep", f"expected at most {DEEPEST} levels")
    return document


def _depth(document: Any) -> int:
    """Return how deep a document is nested, or a little more than is allowed."""
    level, depth = [document], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, list | dict)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is beyond the numbers of 64 bits")
    return value


def _text(document: Mapping[str, Any]) -> str:
    """Return a document as the one JSON text that stands for it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(text: str, arrays: Mapping[str, NDArray[Any]], named: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of a text and of arrays with their names, dtypes and shapes; of some these alone."""
    digest = hashlib.sha256(text.encode())
    for name in sorted({*arrays, *named}):
        array = arrays[name] if name in arrays else named[name]
        digest.update(f"\n{name!r} {array.dtype.str} {array.shape}\n".encode("utf-8", "backslashreplace"))
        if name in named:
            continue
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _refuse(path: Path, wrong: str, expected: str) -> NoReturn:
    raise ModelFileError(f"{plain(path)} {wrong}: {expected}")


def _one_line(error: BaseException) -> str:
    """Return an error's first line, with nothing that a terminal obeys."""
    return plain(str(error))[:300]
