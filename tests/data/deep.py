"""PNGs of 16 bits, which Pillow does not write in colour, and BMPs of 32 bits."""

import struct
import zlib

import numpy as np

KINDS = {1: 0, 2: 4, 3: 2, 4: 6}


def deep_png(values, *more):
    """Return the PNG of 16-bit values ``(h, w, c)``, with further chunks: pairs of name and bytes."""
    height, width, channels = values.shape
    head = struct.pack(">IIBBBBB", width, height, 16, KINDS[channels], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", head), *more, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def bmp_with_opacity(rgba):
    """Return the BMP of ``(h, w, 4)`` whose header says that the fourth byte is opacity."""
    height, width, _ = rgba.shape
    pixels = np.ascontiguousarray(rgba[::-1, :, [2, 1, 0, 3]]).tobytes()
    head = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), 2835, 2835, 0, 0)
    head += struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + b"BGRs" + bytes(48)
    start = 14 + len(head)
    return b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start) + head + pixels
