"""What is uploaded, read with suspicion: forms in memory, images by their first bytes, none too large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from lookalike.data.loose import conformed
from lookalike.data.pixels import USUAL, Reading, decode_image, is_image
from lookalike.files import MAX_NAME
from lookalike.text import quoted
from lookalike.web import wire
from lookalike.web.forms import Images, Lesson

#: The most pixels of one image, and of all images of a request: a photograph of a good camera.
MOST_PIXELS, MOST_TOGETHER = 2**24, 2**25
#: The most images of one request.
MOST_IMAGES = 256
_MOST_FIELDS = 8


class Upload(NamedTuple):
    """What a request brought: names and files, or images told as JSON; and a label, where there was one."""

    files: tuple[tuple[str, bytes], ...] = ()
    told: tuple[Mapping[str, Any], ...] = ()
    label: str | None = None


class _InMemory(MultiPartParser):
    """Starlette's parser, which otherwise writes what is longer than a megabyte to the disk."""

    spool_max_size = 2**40


async def read(request: Request, with_label: bool = False) -> Upload:
    """Return what a request brought, refusing what is neither a form nor JSON.

    Raises
    ------
    HTTPException
        400 where a form or JSON is damaged, 415 where it is something else.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return await _form(request)
    if kind != "application/json":
        raise HTTPException(415, "expected multipart/form-data with images, or application/json")
    return _told(await request.body(), with_label)


async def _form(request: Request) -> Upload:
    """Return the files and the label of a form."""
    parser = _InMemory(
        request.headers,
        request.stream(),
        max_files=MOST_IMAGES,
        max_fields=_MOST_FIELDS,
        max_part_size=4 * MAX_NAME,
    )
    try:
        form = await parser.parse()
    except (MultiPartException, UnicodeError) as error:
        raise HTTPException(400, f"the form is damaged: {getattr(error, 'message', error)}") from error
    try:
        return await _sorted(form)
    finally:
        await form.close()


async def _sorted(form: FormData) -> Upload:
    """Return the parts of a form as what they are meant to be."""
    files, label = [], None
    for name, value in form.multi_items():
        if name == "images" and isinstance(value, UploadFile):
            files.append((value.filename or "image", await value.read()))
        elif name == "label" and isinstance(value, str) and label is None:
            label = value
        else:
            raise HTTPException(
                422, f"the form has {quoted(name, 40)}: expected files as images, and one label"
            )
    return Upload(files=tuple(files), label=label)


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
    upload: Upload, shape: tuple[int, ...], reading: tuple[int, int] | None, resize: bool
) -> NDArray[np.uint8]:
    """Return what was uploaded as an image batch of a model's shape; this decodes, and takes a while.

    Raises
    ------
    HTTPException
        415 where a file is no image, 422 where there is none.
    LookalikeError
        An image is too large, damaged, or of another size.
    """
    images, left = [], MOST_TOGETHER
    for name, pixels in _decoded(upload, USUAL if reading is None else Reading(*reading)):
        left -= pixels.shape[0] * pixels.shape[1]
        if left < 0:
            raise HTTPException(
                413, f"the images have more than {MOST_TOGETHER:,} pixels together: send fewer"
            )
        images.append(conformed(pixels, name, shape, resize))
    if not images:
        raise HTTPException(422, "there is no image: expected files called images, or JSON with images")
    return np.stack(images)


def _decoded(upload: Upload, reading: Reading) -> Iterable[tuple[str, NDArray[np.uint8]]]:
    """Yield the name and the pixels of each image."""
    for name, data in upload.files:
        if not is_image(data):
            raise HTTPException(415, f"{quoted(name)} is not an image: expected PNG, JPEG, BMP or WEBP")
        yield name, decode_image(data, name, reading, most=MOST_PIXELS)
    for place, told in enumerate(upload.told):
        yield f"image {place}", wire.pixels(told, MOST_PIXELS)
