"""Features of a network that the user has: an ONNX file, and beside it a JSON file that says how it is fed.

Both may be anybody's. An ONNX file holds no code, but may name further files; these could lie anywhere, so a
network must be in one file. It is read once, and what was hashed is what is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from lookalike import settings
from lookalike.data.look import gray_bytes
from lookalike.data.pixels import resized_batch
from lookalike.errors import DataError, InputError, MissingExtraError, ModelFileError, install
from lookalike.files import read_file
from lookalike.search.mixture.features import rgb
from lookalike.state import (
    Derived,
    Fact,
    Part,
    Plain,
    State,
    choice,
    from_plain,
    number,
    numbers,
    short,
    wholes,
)
from lookalike.text import plain, quoted

Floats = NDArray[np.float64]

#: The largest network and the largest description of one, in bytes; the most features.
MAX_NETWORK_BYTES, _MAX_JSON_BYTES, MAX_FEATURES = 2**31 - 1, 2**16, 2**16
_LONGEST_SIDE, _LONGEST_PATH = 1024, 4096
_EXAMPLE = (
    '{"size": [128, 128], "channels": "RGB", "scale": 1, "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], '
    '"layout": "NCHW", "output": "features"}'
)
#: What networks may be fed.
_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}


def _text(longest: int, *, optional: bool = False) -> Fact:
    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= longest:
            raise InputError(f"{name} is {short(value)}: expected a text of at most {longest:,} characters")
        return value

    return Fact(check, optional=optional)


def _stored_path(name: str, value: Any) -> str:
    """Return a path that a model file names, on this machine: another may learn who asks for its files."""
    path: str = _text(_LONGEST_PATH).check(name, value)
    if "\0" in path or re.match(r"[\\/]{2}", path):
        raise InputError(f"{name} is {short(path)}: expected a path on this machine")
    return path


def _hash(name: str, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
        raise InputError(f"{name} is {short(value)}: expected 64 hexadecimal digits")
    return value


@dataclass(frozen=True)
class Preprocessing:
    """How a network is fed: with ``(v - mean) / std`` of each channel, ``v`` from 0 to ``scale``."""

    size: tuple[int, ...]  # height, width: images are stretched to it
    channels: str
    scale: float  # what a white pixel is
    mean: tuple[float, ...]  # one for all channels, or one for each
    std: tuple[float, ...]
    layout: str
    output: str | None = None  # the name of the output that is taken; None: the only one

    state: ClassVar[State] = {
        "size": wholes(1, _LONGEST_SIDE, length=2),
        "channels": choice("RGB", "BGR", "gray"),
        "scale": number(1e-6, 1e6),
        "mean": numbers(-1e6, 1e6),
        "std": numbers(1e-6, 1e6),
        "layout": choice("NCHW", "NHWC"),
        "output": _text(1000, optional=True),
    }

    @classmethod
    def of(cls, path: Path) -> Preprocessing:
        """Return what a JSON file says."""
        if not path.is_file():
            raise InputError(
                f"{quoted(path)} is not there: expected how images are brought to the network, as {_EXAMPLE}"
            )
        try:
            told = json.loads(read_file(path, path, _MAX_JSON_BYTES))
            if not isinstance(told, dict):
                raise InputError(f"it is {short(told)}")
            return from_plain(cls, Plain(told, {}))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{quoted(path)}: {plain(error)}; expected something like {_EXAMPLE}") from error

    def restored(self) -> None:
        """Refuse what does not go together."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.depth):
                raise InputError(f"{name} has {len(values)} numbers: expected 1 or {self.depth}")

    @property
    def depth(self) -> int:
        return 1 if self.channels == "gray" else 3

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what is fed: one image."""
        height, width = self.size
        return (1, self.depth, height, width) if self.layout == "NCHW" else (1, height, width, self.depth)

    def fed(self, images: NDArray[np.uint8]) -> Floats:
        """Return what a network is fed for images, ``(n, 1, ...)``."""
        colours = np.rint(rgb(images) * 255).astype(np.uint8)
        height, width = self.size
        seen = resized_batch(colours, (height, width))
        order = {"RGB": seen, "BGR": seen[..., ::-1], "gray": gray_bytes(seen)[..., None]}
        values = order[self.channels].astype(np.float64)
        values = (values * (self.scale / 255) - self.mean) / self.std
        if self.layout == "NCHW":
            values = np.moveaxis(values, 3, 1)
        return values.reshape(len(images), *self.shape)


class _Opened(NamedTuple):
    """A network that can be run: from what is fed to what comes out."""

    run: Callable[[Floats], Any]
    nbytes: int


class OnnxNetwork:
    """A network in a file, and what it makes of images: a row of numbers of length 1 for each."""

    state: ClassVar[State] = {
        "path": Fact(_stored_path),
        "sha256": Fact(_hash),
        "preprocessing": Part(Preprocessing),
    }

    path: str
    sha256: str
    preprocessing: Preprocessing

    @classmethod
    def opened(cls, path: str) -> Self:
        """Return the network in an ONNX file, fed as the JSON file beside it says."""
        data = _read(path)
        network = cls()
        network.path, network.sha256 = path, sha256(data).hexdigest()
        network.preprocessing = Preprocessing.of(Path(path).with_suffix(".json"))
        network._derived = Derived(opened=_Opened(_runner(path, data, network.preprocessing), len(data)))
        return network

    def restored(self) -> None:
        """Open the file that a model was fitted with, or refuse."""
        self._derived = Derived()
        self._opened()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # nothing in it changes

    @property
    def nbytes(self) -> int:
        """How large its file is."""
        return self._opened().nbytes

    def _opened(self) -> _Opened:
        """Return it opened; the file of a network that was stored is opened when it is needed."""
        opened: _Opened = self._derived.get_or("opened", self._reopened)
        return opened

    def _reopened(self) -> _Opened:
        needed = f"the network {quoted(self.path)} (SHA-256 {self.sha256}) is needed"
        try:
            data = _read(self.path)
            if sha256(data).hexdigest() != self.sha256:
                raise InputError("another file is there")
            return _Opened(_runner(self.path, data, self.preprocessing), len(data))
        except InputError as error:
            raise ModelFileError(f"{needed}, and {error}: put it there, as it was at the fit") from error

    def rows(self, images: NDArray[np.uint8]) -> Floats:
        """Return features of images, ``(n, d)``; those of one do not depend on the others."""
        run, found = self._opened().run, []
        for image in images:
            row = np.asarray(run(self.preprocessing.fed(image[None])[0]), np.float64)
            if row.ndim < 2 or row.shape[0] != 1 or row.size != row.shape[1] or row.size > MAX_FEATURES:
                raise InputError(
                    f"{quoted(self.path)} gives an output of shape {row.shape} for an image: expected "
                    f"(1, d), with d from 1 to {MAX_FEATURES:,}; end the network with an average over places"
                )
            if not np.isfinite(row).all():
                raise InputError(f"{quoted(self.path)} gives NaN or infinity: expected finite numbers")
            row = row.ravel() / max(float(np.abs(row).max()), 1e-300)
            found.append(row / max(float(np.linalg.norm(row)), 1e-9))
        return np.stack(found)


def need_onnxruntime(what: str) -> Any:
    """Return ONNX Runtime, or say which extra is missing."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(f"{what} needs onnxruntime: {install('onnx')}") from error
    return onnxruntime


def _read(path: str) -> bytes:
    """Return the bytes of a network that is whole in one file."""
    if not Path(path).is_file():
        raise InputError(f"{quoted(path)} is no file: expected a network, as an ONNX file")
    try:
        data = read_file(Path(path), path, MAX_NETWORK_BYTES)
    except DataError as error:
        raise InputError(str(error)) from error
    try:
        elsewhere = any(_outside(data))
    except IndexError as error:
        raise InputError(f"{quoted(path)} is no ONNX file, or is cut short: get it again") from error
    if elsewhere:
        raise InputError(
            f"{quoted(path)} keeps weights in another file: expected a network in one file; export it with "
            "torch.onnx.export(..., external_data=False), or onnx.save(onnx.load(OLD), NEW)"
        )
    return data


def _runner(path: str, data: bytes, preprocessing: Preprocessing) -> Callable[[Floats], Any]:
    """Return a function from what is fed to what comes out."""
    runtime = need_onnxruntime("a network")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = settings.threads()
    options.log_severity_level = 4  # errors are raised: what it would print besides is for its developers
    # A file of its other format may name further files too, where nobody looked.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has a dozen of its own, without a common root
        raise InputError(f"{quoted(path)} cannot be opened as ONNX: {_first_line(error)}") from error
    inputs, outputs = session.get_inputs(), [output.name for output in session.get_outputs()]
    if len(inputs) != 1 or inputs[0].type not in _DTYPES:
        kinds = ", ".join(f"{one.name} {one.type}" for one in inputs)
        raise InputError(f"{quoted(path)} takes {plain(kinds)}: expected images alone, as floats")
    takes, given = inputs[0].shape, preprocessing.shape
    if len(takes) != 4 or any(
        isinstance(wants, int) and wants != has for wants, has in zip(takes, given, strict=True)
    ):
        raise InputError(
            f"{quoted(path)} takes the shape {takes}, and its JSON file says {list(given)}: "
            "expected one image, with size and layout as the network has them"
        )
    output = outputs[0] if preprocessing.output is None and len(outputs) == 1 else preprocessing.output
    if output not in outputs:
        raise InputError(
            f"output is {short(preprocessing.output)}, and {quoted(path)} has the outputs "
            f"{plain(', '.join(outputs))}: name one of them in its JSON file"
        )
    name, dtype = inputs[0].name, _DTYPES[inputs[0].type]

    def run(fed: Floats) -> Any:
        try:
            return session.run([output], {name: fed.astype(dtype)})[0]
        except Exception as error:
            raise InputError(f"{quoted(path)} failed on an image: {_first_line(error)}") from error

    return run


def _first_line(error: Exception) -> str:
    return plain((str(error).strip().splitlines() or [type(error).__name__])[0])[:300]


#: Messages of ONNX that may hold tensors (onnx.proto3): for each kind, which fields are messages, and of
#: which kind.
_MESSAGES: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
_EXTERNAL_DATA, _DATA_LOCATION = 13, 14


def _outside(data: bytes) -> Iterator[bool]:
    """Yield for each field of each tensor of an ONNX file whether it says that values are elsewhere."""
    waiting = [("model", 0, len(data))]
    while waiting:
        kind, start, end = waiting.pop()
        for field, value, at in _fields(data, start, end):
            if kind == "tensor":
                yield field == _EXTERNAL_DATA or (field == _DATA_LOCATION and bool(value))
            elif at is not None and field in _MESSAGES[kind]:
                waiting.append((_MESSAGES[kind][field], at, at + value))


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """Yield fields of a protobuf message: number, value or length, and where it begins if it has a length."""
    while at < end:
        key, at = _varint(data, at, end)
        field, wire = divmod(key, 8)
        if key >= 2**32:  # of which other readers may see a part
            raise IndexError(f"there is no field {field}")
        if wire == 0:
            value, at = _varint(data, at, end)
            yield field, value, None
        elif wire == 2:
            length, at = _varint(data, at, end)
            yield field, length, at
            at += length
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
            yield field, 0, None
        else:
            raise IndexError(f"there is no field of kind {wire}")
    if at > end:
        raise IndexError("a field goes on behind its message")


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of a variable number of bytes, and where the next field begins."""
    value = 0
    for place in range(10):
        if at + place >= end:
            break
        byte = data[at + place]
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at + place + 1
    raise IndexError("a number has no end")
