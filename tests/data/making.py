"""Files of labelled images for the tests of the readers."""

import gzip
import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image


def encoded(pixels, kind="PNG", **options):
    """Return an encoded image; ``pixels`` may also be a Pillow image."""
    picture = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.asarray(pixels, np.uint8))
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def gray(seed=0, shape=(4, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array):
    """Return IDX bytes of a uint8 array."""
    array = np.asarray(array, np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, images, labels, prefix="train", style="-", packed=True):
    """Write a pair of IDX files and return the path of the images."""
    suffix = ".gz" if packed else ""
    pack = gzip.compress if packed else bytes
    path = folder / f"{prefix}-images{style}idx3-ubyte{suffix}"
    path.write_bytes(pack(idx(images)))
    (folder / f"{prefix}-labels{style}idx1-ubyte{suffix}").write_bytes(pack(idx(labels)))
    return path


def write_folder(root, counts, shape=(4, 3)):
    """Write an image folder: ``counts`` says how many images each class has; pixels differ everywhere."""
    for number, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            (root / name / f"{index}.png").write_bytes(encoded(gray(1000 * number + index, shape)))
    return root


def bomb_png(width, height):
    """Return a small, valid PNG whose header announces ``width`` by ``height``."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )
