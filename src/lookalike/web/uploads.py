"""What is uploaded, read with suspicion: images by their first bytes, none too large, not too many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request

from lookalike.data.loose import conformed
from lookalike.data.pixels import USUAL, Reading, decode_image, is_image
from lookalike.data.sizes import Sizes
from lookalike.errors import InputError
from lookalike.text import quoted
from lookalike.web import wire
from lookalike.web.forms import Images, Lesson
from lookalike.web.parts import parts_of

#: The most pixels of one image, and of all images of a request: a photograph of a good camera.
MOST_PIXELS, MOST_TOGETHER = 2**24, 2**25
#: The most images of one request.
MOST_IMAGES = 256

#: Of the formats that are read, strangers may send these: as they are called, and how their files start.
_TAKEN = "PNG, JPEG, BMP or WEBP"
_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"RIFF")


class Sent(NamedTuple):
    """A request's body, and what it says that it is."""

    content_type: str
    body: bytes


class Upload(NamedTuple):
    """What a request brought: names and files, or images told as JSON; and a label, where there was one."""

    files: tuple[tuple[str, bytes], ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
    label: str | None = None


async def received(request: Request) -> Sent:
    """Return what a request brought, not yet looked into: that takes a while, and is for a thread."""
    return Sent(request.headers.get("content-type", ""), await request.body())


def read(sent: Sent, with_label: bool = False) -> Upload:
    """Return what was sent.

    Raises
    ------
    HTTPException
        400 where a form or JSON is damaged, 415 where it is neither, 422 where it has something else in it.
    """
    kind = sent.content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _form(sent)
    if kind != "application/json":
        raise HTTPException(415, "expected multipart/form-data with images, or application/json")
    return _told(sent.body, with_label)


def _form(sent: Sent) -> Upload:
    """Return the files and the label of a form."""
    try:
        parts = parts_of(sent.body, sent.content_type)
    except InputError as error:
        raise HTTPException(400, str(error)) from error
    files: list[tuple[str, bytes]] = []
    labels: list[str] = []
    for part in parts:
        if part.name == "images" and part.file_name is not None:
            files.append((part.file_name or "image", part.data))
        elif part.name == "label" and not labels:
            labels.append(part.data.decode("utf-8", "replace"))
        else:
            what = quoted(part.name, 40)
            raise HTTPException(422, f"the form has {what}: expected files as images, and one label")
    if len(files) > MOST_IMAGES:
        raise HTTPException(413, f"there are {len(files)} images: expected at most {MOST_IMAGES} at once")
    return Upload(files=tuple(files), label=labels[0] if labels else None)


def _told(body: bytes, with_label: bool) -> Upload:
    """Return the images and the label that JSON told."""
    try:
        found = (Lesson if with_label else Images).model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "the body"
        status = 400 if first["type"] == "json_invalid" else 422
        raise HTTPException(status, f"{where}: {first['msg']}") from error
    label = found.label if isinstance(found, Lesson) else None
    return Upload(told=tuple(one.model_dump() for one in found.images), label=label)


def batch(
    upload: Upload,
    shape: tuple[int, ...],
    reading: tuple[int, int] | None,
    resize: bool,
    sizes: Sizes | None = None,
) -> NDArray[np.uint8]:
    """Return what was uploaded as an image batch of a model's shape; this decodes, and takes a while.

    Raises
    ------
    HTTPException
        415 where a file is no image, 422 where there is none.
    LookalikeError
        An image is too large, damaged, or of another size.
    """
    decoded = pictures(upload, USUAL if reading is None else Reading(*reading))
    return np.stack([conformed(pixels, name, shape, resize, sizes) for name, pixels in decoded])


def pictures(upload: Upload, reading: Reading = USUAL) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the name and the pixels of each image that was uploaded; this decodes, and takes a while.

    Raises
    ------
    HTTPException
        413 where they are too many pixels, 415 where a file is no image, 422 where there is none.
    LookalikeError
        An image is too large, or damaged.
    """
    if not upload.files and not upload.told:
        raise HTTPException(422, "there is no image: expected files called images, or JSON with images")
    left = MOST_TOGETHER
    for name, pixels in _decoded(upload, reading):
        left -= pixels.shape[0] * pixels.shape[1]
        if left < 0:
            raise HTTPException(
                413, f"the images have more than {MOST_TOGETHER:,} pixels together: send fewer"
            )
        yield name, pixels


def _decoded(upload: Upload, reading: Reading) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Yield the name and the pixels of each image."""
    for name, data in upload.files:
        if not (data.startswith(_STARTS) and is_image(data)):
            raise HTTPException(415, f"{quoted(name)} is not an image: expected {_TAKEN}")
        yield name, decode_image(data, name, reading, most=MOST_PIXELS)
    for place, told in enumerate(upload.told):
        yield f"image {place}", wire.pixels(told, MOST_PIXELS)
