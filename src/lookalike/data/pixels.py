"""One encoded image in, its pixels out: a format is told by its first bytes, and no other decoder is opened.

The rules: 1-bit and 8-bit gray give ``(h, w)``; 16 bits, of gray or of colour, are rounded to 8 (v / 257);
colour gives ``(h, w, 3)``; a palette is replaced by its colours, and is gray where all of them are;
transparency is laid on white, as viewers show it, but a BMP that is transparent everywhere is not; the
orientation that a camera noted is applied; of several frames or pages the first is read. What a set of images
says together may change two of them (:class:`Seen`): cameras of 10 or 12 bits fill 16 bits with small values,
and white glyphs on nothing are nothing on white.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from lookalike.data.look import gray_bytes
from lookalike.data.sizes import Size
from lookalike.errors import DataError, InputError, TooLargeError
from lookalike.files import MAX_PIXELS
from lookalike.images import ImageBatch
from lookalike.progress import Progress, silent
from lookalike.text import quoted

# By these names readers take a file for an image.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".pgm", ".ppm", ".tif", ".tiff", ".gif")
#: What is read, as messages say it.
FORMATS = "PNG, JPEG, BMP, WEBP, PGM, PPM, TIFF or GIF"

_Opener = Callable[[BytesIO], ImageFile.ImageFile]

# By depth and kind of colour in a PNG's header: how Pillow gives the lower bytes, or all of gray and opacity.
_DEEP = {b"\x10\x02": "RGB;16L", b"\x10\x04": "RGBA", b"\x10\x06": "RGBA;16L"}
_GRAY_AND_OPACITY = 4
_PNG_HEAD = 8  # bytes before the first chunk

# Within a TIFF an image may be packed by other formats, which are not opened.
_TIFF_PACKINGS = {"raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate"}
_TILE_WIDTH, _TILE_HEIGHT, _VALUES_A_PIXEL = 322, 323, 277
# Of these the first of several images is read.
_OF_FRAMES = (GifImagePlugin.GifImageFile, TiffImagePlugin.TiffImageFile)

#: What transparent images may be laid on: its level of gray, and what it is called.
GROUNDS = {255: "white", 0: "black", 128: "mid-gray"}
#: An image that spans fewer levels of gray on its ground cannot be seen there.
_LEAST_SEEN = 32


class Reading(NamedTuple):
    """How images of more than 8 bits, and transparent ones, become bytes: the same way in all of a set."""

    bits: int = 16  # how many bits of 16 are used, 8 to 16
    ground: int = 255  # what transparency is laid on, one of GROUNDS


#: How one image is read of which nothing else is known.
USUAL = Reading()


@dataclass
class Seen:
    """What was seen of the images of a set that can be read in more than one way."""

    largest: int = -1  # the largest value of an image of 16 bits, if there was one
    transparent: int = 0  # how many images are so
    unseen: dict[int, int] = field(default_factory=lambda: dict.fromkeys(GROUNDS, 0))  # of them, by ground
    of_frames: int = 0  # how many are the first of several in their file

    def reading(self) -> Reading:
        """Return how all are read: by the fewest bits, on the first ground on which the fewest vanish."""
        bits = 16 if self.largest < 0 else max(8, self.largest.bit_length())
        return Reading(bits, min(GROUNDS, key=self.unseen.__getitem__))

    def notes(self, reading: Reading) -> tuple[str, ...]:
        """Return how what was seen was read, one sentence each."""
        notes, white = [], 2**reading.bits - 1
        if self.largest >= 0 and (reading.bits < 16 or self.largest > white):
            cut = " Larger values were cut off." if self.largest > white else ""
            notes.append(f"Images of 16 bits were read as {reading.bits} bits: white is {white:,}.{cut}")
        if self.transparent:
            why = " On white some of them would be blank." if reading.ground != 255 else ""
            notes.append(f"Transparent images were laid on {GROUNDS[reading.ground]}.{why}")
        return (*notes, *self.frame_notes())

    def frame_notes(self) -> tuple[str, ...]:
        """Return what is said of files that hold several images."""
        if not self.of_frames:
            return ()
        files = "1 file holds" if self.of_frames == 1 else f"{self.of_frames:,} files hold"
        return (f"{files} several images (frames of a GIF, pages of a TIFF): the first was read.",)


def decode_image(
    data: bytes, name: str, reading: Reading = USUAL, seen: Seen | None = None, most: int = MAX_PIXELS
) -> NDArray[np.uint8]:
    """Return the pixels of one image in one of ``FORMATS``, and note in ``seen`` what else it could be.

    More than ``most`` pixels are refused before they are decoded.
    """
    shown = quoted(name)
    opener = _opener(data)
    if opener is None:
        raise DataError(f"{shown} is not an image: expected {FORMATS}")
    seen = Seen() if seen is None else seen
    try:
        deep = _deep(data, opener, most)
        if deep is not None:
            return np.ascontiguousarray(_of_deep(deep, reading, seen))
        image = _upright(data, opener, most, seen=seen)
        if data[:2] == b"BM" and image.mode == "RGBA" and not np.asarray(image)[..., 3].any():
            # Many programs leave the fourth byte of a BMP at 0, and mean nothing by it.
            image = image.convert("RGB")
        return np.ascontiguousarray(pixels(image, reading, seen))
    except DataError as error:
        raise type(error)(f"{shown} {error}") from None
    except MemoryError:
        raise
    except Exception as error:
        # Pillow's decoders answer hostile bytes with a dozen kinds of error: each means a damaged file.
        reason = str(error) or type(error).__name__
        raise DataError(f"{shown} is truncated or damaged ({reason}): replace it or leave it out") from error


def is_image(data: bytes) -> bool:
    """Return whether the first bytes are those of a format that is read."""
    return _opener(data) is not None


def _upright(
    data: bytes, opener: _Opener, most: int, raw: str | None = None, seen: Seen | None = None
) -> Image.Image:
    """Return an image as its camera was held, its bytes unpacked by another mode where one is given."""
    with opener(BytesIO(data)) as image:
        _check_header(image, most)
        if seen is not None and isinstance(image, _OF_FRAMES):
            seen.of_frames += image.n_frames > 1
            # Looking for a second image leads away from the first.
            image.seek(0)
        if raw is not None:
            image.tile = [tile._replace(args=raw) for tile in image.tile]
        image.load()
        return ImageOps.exif_transpose(image)


def _deep(data: bytes, opener: _Opener, most: int) -> NDArray[np.int64] | None:
    """Return the 16-bit values of a PNG of colours or opacity, ``(h, w, 2 to 4)``; None of anything else.

    Pillow keeps the upper byte of each alone. Unpacked as if the lower bytes came first, it keeps the others.
    """
    if data[:4] != b"\x89PNG" or data[24:26] not in _DEEP:
        return None
    image = _upright(data, opener, most)
    upper, other = np.asarray(image), np.asarray(_upright(data, opener, most, _DEEP[data[24:26]]))
    if data[25] == _GRAY_AND_OPACITY:
        upper, other = other[..., ::2], other[..., 1::2]
    values: NDArray[np.int64] = upper.astype(np.int64) * 256 + other
    nothing = image.info.get("transparency")
    if nothing is not None:
        values = np.dstack([values, np.where((values == nothing).all(axis=2), 0, 65535)])
    return values


def _of_deep(values: NDArray[np.int64], reading: Reading, seen: Seen) -> NDArray[np.uint8]:
    """Return 16-bit colours or gray, the last channel of two or four opacity, as gray or colour bytes."""
    if values.shape[2] == 3:
        return _eight_bits(values, reading.bits, seen)
    colours = _eight_bits(values[..., :-1], reading.bits, seen)
    gray = colours.shape[2] == 1
    opacity = ((values[..., -1:] * 255 + 32767) // 65535).astype(np.uint8)
    rgba = np.concatenate([colours.repeat(3, axis=2) if gray else colours, opacity], axis=2)
    flat = _flat(rgba, reading.ground, seen)
    return flat[..., 0] if gray else flat


def _opener(data: bytes) -> _Opener | None:
    """Return what opens ``data``, told by its first bytes."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _open_png
    if data[:3] == b"\xff\xd8\xff":
        return JpegImagePlugin.JpegImageFile
    if data[:2] == b"BM":
        return BmpImagePlugin.BmpImageFile
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _open_webp
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return PpmImagePlugin.PpmImageFile
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _open_tiff
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return GifImagePlugin.GifImageFile
    return None


def _open_png(file: BytesIO) -> ImageFile.ImageFile:
    # Pillow takes a PNG whose end is missing; the mark of the end is part of a whole file.
    if b"IEND" not in file.getbuffer()[-64 * 1024 :].tobytes():
        raise DataError("is truncated or damaged (it has no end mark): replace it or leave it out")
    return PngImagePlugin.PngImageFile(BytesIO(_without_profile(file.getvalue())))


def _open_webp(file: BytesIO) -> ImageFile.ImageFile:
    # Pillow makes WEBP's canvas when it opens the file: its size must be known before.
    _check_pixels(*_webp_canvas(file.getvalue()[:30]))
    return WebPImagePlugin.WebPImageFile(file)


def _without_profile(data: bytes) -> bytes:
    """Return a PNG without its colour profile, which is not used: a large one is more than Pillow unpacks."""
    at = _PNG_HEAD
    while 0 < at < len(data) and data[at + 4 : at + 8] not in (b"iCCP", b"IDAT"):
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    if data[at + 4 : at + 8] != b"iCCP":
        return data
    return data[:at] + data[at + 12 + int.from_bytes(data[at : at + 4], "big") :]


def _open_tiff(file: BytesIO) -> ImageFile.ImageFile:
    image = TiffImagePlugin.TiffImageFile(file)
    packing = image.info.get("compression", "raw")
    if packing not in _TIFF_PACKINGS:
        raise DataError(f"is a TIFF packed by {packing}: save it with LZW, deflate or no compression")
    tags = image.tag_v2
    _check_pixels(int(tags.get(_TILE_WIDTH, 1)), int(tags.get(_TILE_HEIGHT, 1)))
    if not 1 <= tags.get(_VALUES_A_PIXEL, 1) <= 4:
        raise DataError(f"has {tags[_VALUES_A_PIXEL]} values a pixel: expected 1 to 4")
    return image


def _check_pixels(width: int, height: int, most: int = MAX_PIXELS) -> None:
    limit = min(most, MAX_PIXELS)
    if width * height > limit:
        raise TooLargeError(f"is {width} x {height} pixels: more than {limit:,}, refused before decoding")


def _webp_canvas(head: bytes) -> tuple[int, int]:
    """Return width and height as the three kinds of WEBP header hold them (RFC 9649, section 2)."""
    if len(head) < 30:
        raise DataError("is truncated or damaged (its header is cut off): replace it or leave it out")
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    raise DataError("is damaged (its WEBP header is unknown): replace it or leave it out")


def _check_header(image: ImageFile.ImageFile, most: int) -> None:
    """Refuse by the header alone: nothing is decoded yet."""
    width, height = image.size
    _check_pixels(width, height, most)
    if width < 1 or height < 1:
        raise DataError("has no pixels: expected at least one")
    if not isinstance(image, _OF_FRAMES) and getattr(image, "n_frames", 1) > 1:
        raise DataError("is animated: expected a still image")


def pixels(image: Image.Image, reading: Reading, seen: Seen) -> NDArray[np.uint8]:
    """Return the pixels of Pillow's image as gray or colour bytes, by this module's rules."""
    if image.mode == "F":
        raise DataError("has pixels of decimal numbers: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        return _eight_bits(np.asarray(image).astype(np.int64), reading.bits, seen)
    if "transparency" in image.info or image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        gray = image.mode in ("1", "L", "LA", "La")
        flat = _flat(np.asarray(image.convert("RGBA")), reading.ground, seen)
        return flat[..., 0] if gray or (image.mode in ("P", "PA") and _is_gray(flat)) else flat
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"))
    colour = np.asarray(image.convert("RGB"))
    return colour[..., 0] if image.mode == "P" and _is_gray(colour) else colour


def _eight_bits(values: NDArray[np.int64], bits: int, seen: Seen) -> NDArray[np.uint8]:
    """Return values of 16 bits, of which so many are used, as bytes, rounded."""
    if values.min() < 0 or values.max() > 65535:
        raise DataError("has pixels of more than 16 bits: save it with 8 or 16 bits")
    seen.largest, white = max(seen.largest, int(values.max())), 2**bits - 1
    eight: NDArray[np.uint8] = ((np.minimum(values, white) * 255 + white // 2) // white).astype(np.uint8)
    return eight


def _flat(rgba: NDArray[np.uint8], ground: int, seen: Seen) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)``: the colours of ``(h, w, 4)`` laid on a ground."""
    if rgba[..., 3].min() < 255:
        seen.transparent += 1
        for level in GROUNDS:
            seen.unseen[level] += int(np.ptp(gray_bytes(_laid(rgba, level)[None])) < _LEAST_SEEN)
    return _laid(rgba, ground)


def _laid(rgba: NDArray[np.uint8], ground: int) -> NDArray[np.uint8]:
    """Return the colours of ``(h, w, 4)`` blended with a level of gray, rounded."""
    alpha = rgba[..., 3:].astype(np.uint32)
    blend = rgba[..., :3] * alpha + ground * (255 - alpha)
    return ((blend + 127) // 255).astype(np.uint8)


def _is_gray(colour: NDArray[np.uint8]) -> bool:
    return bool((colour[..., 0] == colour[..., 1]).all() and (colour[..., 1] == colour[..., 2]).all())


def checked_size(size: int | tuple[int, int] | None) -> Size | None:
    """Return ``size`` as ``(height, width)``: one whole number means a square."""
    if size is None:
        return None
    try:
        lengths = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
        height, width = (_whole(length) for length in lengths)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"size is {size!r}: expected (height, width) or one whole number") from None
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise InputError(f"size is {size!r}: expected 1 to {MAX_PIXELS:,} pixels")
    return height, width


def _whole(value: Any) -> int:
    if isinstance(value, (bool, np.bool_)) or int(value) != value:
        raise TypeError
    return int(value)


def resized(image: NDArray[Any], size: Size) -> NDArray[Any]:
    """Return one image at another size; the ratio of its sides is not kept."""
    if image.shape[:2] == size:
        return image
    if image.ndim == 3 and not (image.dtype == np.uint8 and image.shape[2] == 3):
        return np.stack([resized(image[..., channel], size) for channel in range(image.shape[2])], axis=-1)
    pixels = np.ascontiguousarray(image if image.dtype == np.uint8 else image.astype(np.float32))
    picture = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.BILINEAR)
    result: NDArray[Any] = np.asarray(picture)
    return result if image.dtype == np.uint8 else np.clip(result, 0, 1).astype(image.dtype)


def resized_batch(images: ImageBatch, size: Size, progress: Progress = silent) -> ImageBatch:
    """Return an image batch at another size (see :func:`resized`)."""
    if images.shape[1:3] == size:
        return images
    result = np.empty((len(images), *size, *images.shape[3:]), images.dtype)
    for index, image in enumerate(images):
        if index % 1000 == 0:
            progress("resizing images", index, len(images))
        result[index] = resized(image, size)
    progress("resizing images", len(images), len(images))
    return result
