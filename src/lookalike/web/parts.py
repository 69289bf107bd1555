"""The parts of a form (multipart/form-data, RFC 7578), in memory: nothing that is sent reaches the disk."""

from __future__ import annotations

from typing import Any, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from lookalike.errors import InputError

#: The most parts of a form, and the most bytes that the headers of one may have.
MOST_PARTS, MOST_HEADERS = 300, 8192


class FormPart(NamedTuple):
    """A part of a form: its name, its file's name where it is a file, and its bytes."""

    name: str
    file_name: str | None
    data: bytes


class _Reader:
    """Hears what the parser finds, and makes parts of it."""

    def __init__(self) -> None:
        self.parts: list[FormPart] = []
        self.ended = False
        self._headers: dict[bytes, bytes] = {}
        self._field = self._value = b""
        self._data = bytearray()

    def on_part_begin(self) -> None:
        if len(self.parts) >= MOST_PARTS:
            raise InputError(f"the form has more than {MOST_PARTS} parts: send fewer at once")
        self._headers, self._field, self._value, self._data = {}, b"", b"", bytearray()

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._check()

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check()

    def _check(self) -> None:
        known = sum(len(name) + len(value) for name, value in self._headers.items())
        if known + len(self._field) + len(self._value) > MOST_HEADERS:
            raise InputError(f"a part of the form has more than {MOST_HEADERS:,} bytes of headers")

    def on_header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def on_part_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        if b"name" not in options:
            raise InputError(
                "a part of the form has no name: expected Content-Disposition: form-data; name=..."
            )
        file_name = options.get(b"filename")
        shown = None if file_name is None else file_name.decode("utf-8", "replace")
        self.parts.append(FormPart(options[b"name"].decode("utf-8", "replace"), shown, bytes(self._data)))

    def on_end(self) -> None:
        self.ended = True


_HEARD = ("part_begin", "part_data", "part_end", "header_field", "header_value", "header_end", "end")


def parts_of(body: bytes, content_type: str) -> list[FormPart]:
    """Return the parts of a form.

    Raises
    ------
    InputError
        It has too many parts, or one without a name; or it is damaged or ends too early.
    """
    _, options = parse_options_header(content_type)
    reader = _Reader()
    callbacks: Any = {f"on_{what}": getattr(reader, f"on_{what}") for what in _HEARD}
    try:
        parser = MultipartParser(options.get(b"boundary", b""), callbacks)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise InputError(f"the form is damaged ({error}): send it again") from error
    if not reader.ended:
        raise InputError("the form is damaged (it ends before its last boundary): send it again")
    return reader.parts
