"""Images to look at: as PNG, as what a page needs, differences as colours, and fields as arrows."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.images import as_images

#: About how long the longer edge is on a page, in its pixels: among many, in a row, alone.
SMALL, MIDDLE, LARGE = 56, 84, 168

# Strength is opacity, so that "no difference" is whatever the map lies on, white or black. The hues are those
# of Okabe and Ito's palette ("Color Universal Design", 2008), which people with any colour vision tell apart.
MORE = (213, 94, 0)  # orange: the image has more ink than what it is compared with
LESS = (0, 114, 178)  # blue: the image has less ink
UNLIKE = (154, 79, 176)  # purple: how far apart, whichever way
FOR = (0, 158, 115)  # green: speaks for the answer
AGAINST = (204, 72, 150)  # pink: speaks for the runner-up

# Pixels above this percentile of those that say anything are opaque: one alone would dim all others.
_LOUD = 98
# Steps of opacity: finer ones cannot be told apart, and coarser ones compress better.
_STEPS = 32
# At most so many arrows along an edge: more cannot be told apart on a small picture.
_MOST_ARROWS = 16
# Images whose PNG has more bytes than this may be packed as JPEG, of this quality, among many.
_SMALL_FILE, _QUALITY = 1024, 88
# Shorter arrows, in pixels, are no more than dots.
_SHORTEST = 0.3
# Images that span fewer levels of gray than this are faint: a preparation raises their contrast, too.
_FAINT_SPAN = 64
# Where nothing differs from the paper by so much of what differs most, nothing is seen to move.
_FAINT = 0.125
# The sides of a head go back by this part of the arrow, of 2 pixels at most, and out by that part.
_BACK, _OUT = 0.38, 0.27


@dataclass(frozen=True)
class Picture:
    """What an ``img`` element needs."""

    uri: str
    width: int  # on the page, in the page's pixels
    height: int
    crisp: bool  # its pixels are to stay squares: it is not scaled down


def picture(image: NDArray[Any], edge: int, stored_edge: int = 256) -> Picture:
    """Return an image to be shown about ``edge`` page pixels long; what is stored is averaged down."""
    height, width = shown_size(image.shape[0], image.shape[1], edge)
    return Picture(data_uri(shrunk(image, stored_edge)), width, height, max(image.shape[:2]) <= edge)


def thumbnail(image: NDArray[Any]) -> Picture:
    """Return one image among many."""
    return picture(image, SMALL, 64)


def as_bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return one image as bytes, as ``as_images`` checks it; floats in 0-1 are rounded to 255ths."""
    checked = as_images(image[None])[0]
    return np.asarray(checked if checked.dtype == np.uint8 else np.rint(checked * 255), dtype=np.uint8)


def stretched(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Return one image as bytes, to look at: the levels of a faint one spread over 0 to 255.

    Faint is what spans less than 64 of 255 levels; what is blank stays as it is, and so does opacity.

    Examples
    --------
    >>> import numpy as np
    >>> from lookalike.show.images import stretched
    >>> stretched(np.array([[100, 103, 110]], np.uint8)).tolist()
    [[0, 76, 255]]
    """
    pixels = as_bytes(image)
    colours = pixels[..., :-1] if pixels.ndim == 3 and pixels.shape[2] in (2, 4) else pixels
    low, high = int(colours.min()), int(colours.max())
    if not 0 < high - low < _FAINT_SPAN:
        return pixels
    found = pixels.copy()
    found[..., : colours.shape[-1]] = np.rint((colours - float(low)) * (255 / (high - low)))
    return found


def png_bytes(image: NDArray[Any]) -> bytes:
    """Return one image as a PNG file; the second of two channels and the fourth of four are opacity."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(as_bytes(image)).save(file, format="PNG", optimize=True)
    return file.getvalue()


def data_uri(image: NDArray[Any]) -> str:
    """Return one image as ``data:image/png;base64,...``: ASCII without quotes or spaces."""
    return _uri("png", png_bytes(image))


def packed_uri(image: NDArray[Any]) -> str:
    """Return one image to be looked at among thousands, as PNG or, where that is smaller, as JPEG."""
    from PIL import Image

    whole = png_bytes(image)
    if len(whole) <= _SMALL_FILE or (image.ndim == 3 and image.shape[2] != 3):
        return _uri("png", whole)
    file = io.BytesIO()
    Image.fromarray(as_bytes(image)).save(file, "JPEG", quality=_QUALITY)
    return _uri("jpeg", file.getvalue()) if file.tell() < len(whole) else _uri("png", whole)


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def shrunk(image: NDArray[Any], edge: int) -> NDArray[np.uint8]:
    """Return one image whose longest edge is at most ``edge``, by averaging squares of pixels.

    Each of its pixels is the mean of ``f x f`` pixels, ``f`` the smallest whole number that makes it fit;
    rests at the right and lower edge that fill no square are averaged as they are.
    """
    pixels = as_bytes(image)
    factor = -(-max(pixels.shape[:2]) // edge)
    return pixels if factor <= 1 else np.rint(_block_means(pixels, factor)).astype(np.uint8)


def _block_means(values: NDArray[Any], factor: int) -> NDArray[np.float64]:
    """Return the means of squares of pixels; those at the edges may be smaller."""
    rows, columns = (np.arange(0, length, factor) for length in values.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(values.astype(np.float64), rows, axis=0), columns, axis=1)
    heights, widths = np.diff(rows, append=values.shape[0]), np.diff(columns, append=values.shape[1])
    areas = np.outer(heights, widths)
    return np.asarray(sums / (areas[..., None] if values.ndim == 3 else areas))


def shown_size(height: int, width: int, edge: int) -> tuple[int, int]:
    """Return the size at which a page shows an image: a whole multiple, so that pixels stay square."""
    longest = max(height, width)
    if longest > edge:
        return max(1, round(height * edge / longest)), max(1, round(width * edge / longest))
    factor = max(1, round(edge / longest))
    return height * factor, width * factor


def signed_colours(difference: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a difference in -1 to 1 as ``(h, w, 4)``: orange above 0, blue below; channels are averaged."""
    flat = _one_channel(difference)
    return _shaded(_either(flat, MORE, LESS), np.abs(flat))


def absolute_colours(difference: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the size of a difference in -1 to 1 as ``(h, w, 4)``, in purple.

    The channels' sizes are averaged, so that the map's mean is the L1 distance.
    """
    flat = _one_channel(np.abs(difference))
    return _shaded(np.broadcast_to(np.array(UNLIKE, np.uint8), (*flat.shape, 3)), flat)


def speaking_colours(contributions: NDArray[Any]) -> NDArray[np.uint8]:
    """Return what pixels contribute as ``(h, w, 4)``: green for the answer, pink for the runner-up.

    The few pixels that say most are opaque, the others in proportion; channels are added up.
    """
    floats = np.asarray(contributions, dtype=np.float64)
    flat = floats.sum(axis=-1) if floats.ndim == 3 else floats
    sizes = np.abs(flat)
    largest = float(np.percentile(sizes[sizes > 0], _LOUD)) if sizes.any() else 1.0
    return _shaded(_either(flat, FOR, AGAINST), sizes / largest)


def _either(values: NDArray[np.float64], above: tuple[int, ...], below: tuple[int, ...]) -> NDArray[np.uint8]:
    return np.where((values > 0)[..., None], np.array(above, np.uint8), np.array(below, np.uint8))


def _one_channel(difference: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over channels, where there are any."""
    floats = np.asarray(difference, dtype=np.float64)
    return floats.mean(axis=-1) if floats.ndim == 3 else floats


def _shaded(hues: NDArray[np.uint8], strength: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return hues with ``strength`` in 0-1 as their opacity; nothing at all has no hue."""
    opacity = np.rint(np.rint(np.clip(strength, 0, 1) * _STEPS) * 255 / _STEPS).astype(np.uint8)
    return np.concatenate([np.where(opacity[..., None] > 0, hues, np.uint8(0)), opacity[..., None]], axis=-1)


def arrows(field: NDArray[np.int8], warped: NDArray[Any]) -> NDArray[np.float64]:
    """Return a displacement field as arrows: how the ink of the match moves to look like the image.

    Each row of ``(n, 4)`` is ``x, y`` of an arrow's tail, in the match, and of its head, in the image, in
    pixels from the upper left corner. The paper of ``warped``, the match bent by the field, is the median of
    its border: where it is bare there is no arrow, and where hardly anything moves. Where there are more than
    16 pixels along an edge, squares of pixels share the arrow of their mean displacement.
    """
    height, width = field.shape[:2]
    step = -(-max(height, width) // _MOST_ARROWS)
    rows, columns = (np.arange(0, length, step) for length in (height, width))
    moves = _block_means(field, step)
    middles = (
        places + np.diff(places, append=length) / 2 for places, length in ((rows, height), (columns, width))
    )
    y, x = np.meshgrid(*middles, indexing="ij")
    found = np.stack([x + moves[..., 1], y + moves[..., 0], x, y], axis=-1)
    inked = np.maximum.reduceat(np.maximum.reduceat(_ink(warped), rows, axis=0), columns, axis=1)
    seen = inked > _FAINT * inked.max()
    return np.asarray(found[seen & (np.hypot(moves[..., 0], moves[..., 1]) >= _SHORTEST)])


def _ink(image: NDArray[Any]) -> NDArray[np.float64]:
    """Return how much each pixel differs from the paper, in the channel where it differs most."""
    values = image.astype(np.float64).reshape(*image.shape[:2], -1)
    border = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    return np.asarray(abs(values - np.median(border, axis=0)).max(axis=2))


def arrows_path(field: NDArray[np.int8], warped: NDArray[Any]) -> str:
    """Return the arrows of a field as the ``d`` of one SVG path, in the image's pixels."""
    parts = []
    for x0, y0, x1, y1 in arrows(field, warped).tolist():
        length = float(np.hypot(x1 - x0, y1 - y0))
        size = min(length, 2.0) / length
        back = (x0 - x1) * size * _BACK, (y0 - y1) * size * _BACK
        out = (y1 - y0) * size * _OUT, (x0 - x1) * size * _OUT
        left, right = (back[0] - out[0], back[1] - out[1]), (back[0] + out[0], back[1] + out[1])
        points = "".join(
            # As short as SVG allows.
            letter + " ".join(f"{value:.2f}".rstrip("0").rstrip(".") for value in point)
            for letter, point in zip("MLmLl", ((x0, y0), (x1, y1), left, (x1, y1), right), strict=True)
        )
        parts.append(points)
    return "".join(parts)
