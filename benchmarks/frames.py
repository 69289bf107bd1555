"""Photographs of counters with known values: digits set into a frame, and what a camera does to it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.photo.layout import PhotoLayout, Region

Bytes = NDArray[np.uint8]

#: Width and height of a photograph, and the row of cells in it.
SIZE = (480, 320)
CELL = (40, 64)
AT = (90, 120)


@dataclass(frozen=True)
class Frame:
    """The face of one counter, on which digits are set."""

    face: Bytes  # (h, w, 3)
    cells: int

    @classmethod
    def drawn(cls, rng: np.random.Generator, cells: int) -> Frame:
        """Draw a face: a plate on a wall, with words, screws, a dial and lines."""
        width, height = SIZE
        wall = cv2.resize(
            rng.integers(60, 190, (8, 12, 3)).astype(np.uint8), SIZE, interpolation=cv2.INTER_CUBIC
        )
        plate = tuple(map(int, rng.integers(150, 235, 3)))
        ink = tuple(map(int, rng.integers(10, 80, 3)))
        cv2.rectangle(wall, (35, 30), (width - 35, height - 25), plate, -1)
        cv2.rectangle(wall, (35, 30), (width - 35, height - 25), ink, 2)
        for row, size in ((70, 0.7), (95, 0.45), (height - 50, 0.5)):
            word = "".join(rng.choice([*"ABCDEFGHKLMNPRSTUVXYZ 0123456789"], 14))
            cv2.putText(wall, word, (60 + int(rng.integers(0, 40)), row), 0, size, ink, 1, cv2.LINE_AA)
        cv2.circle(wall, (int(rng.integers(340, 400)), 230), 28, ink, 2, cv2.LINE_AA)
        for x, y in ((48, 44), (width - 48, 44), (48, height - 40), (width - 48, height - 40)):
            cv2.circle(wall, (x, y), 6, ink, -1, cv2.LINE_AA)
        left, top = AT
        cv2.rectangle(
            wall, (left - 5, top - 5), (left + cells * CELL[0] + 4, top + CELL[1] + 4), (25, 25, 25), -1
        )
        return cls(wall, cells)

    def layout(self, photograph: Any, **value: Any) -> PhotoLayout:
        """Return where the digits stand, the face itself as it is drawn being the reference."""
        from lookalike.photo.layout import ValueFormat

        region = Region("counter", *AT, CELL[0] * self.cells, CELL[1], self.cells)
        return PhotoLayout(photograph, SIZE, (region,), ValueFormat(**value))

    def shows(self, digits: list[Bytes]) -> Bytes:
        """Return the face with crops of digits in its cells."""
        face = self.face.copy()
        for cell, digit in enumerate(digits):
            x, y = AT[0] + cell * CELL[0], AT[1]
            face[y : y + CELL[1], x : x + CELL[0]] = cv2.resize(digit, CELL, interpolation=cv2.INTER_CUBIC)
        return face


def covered(face: Bytes, cell: int, rng: np.random.Generator) -> Bytes:
    """Return a face of which one cell is covered, smeared, or blinded by the sun."""
    x, y = AT[0] + cell * CELL[0], AT[1]
    face, part = face.copy(), (slice(y, y + CELL[1]), slice(x, x + CELL[0]))
    kind = rng.integers(0, 3)
    if kind == 0:
        wide = int(rng.integers(CELL[0] * 6 // 10, CELL[0] + 12))
        low, high = sorted(rng.integers(0, CELL[1] // 4, 2))
        box = face[y - 4 + low : y + CELL[1] + 8 - high, x - 4 : x - 4 + wide]
        box[:] = rng.integers(20, 240, 3) + rng.normal(0, 6, box.shape)
    elif kind == 1:
        long = int(rng.integers(25, 60))
        kernel = np.ones((1, long) if rng.random() < 0.5 else (long, 1), np.float32) / long
        face[part] = cv2.filter2D(face[part], -1, kernel, borderType=cv2.BORDER_REFLECT)
    else:
        blaze(face, (x + CELL[0] / 2, y + CELL[1] / 2), float(rng.uniform(18, 32)), 600.0)
    return face


def blaze(face: Bytes, centre: tuple[float, float], radius: float, light: float) -> None:
    """Add a glare to a face, in place: brightest at its centre."""
    rows, columns = np.mgrid[: face.shape[0], : face.shape[1]]
    far = ((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2) / radius**2
    face[:] = np.clip(face + light * np.exp(-far)[..., None], 0, 255)


def taken(
    face: Bytes, rng: np.random.Generator, *, strength: float = 1.0
) -> tuple[Bytes, NDArray[np.float64]]:
    """Return a photograph of a face, and the matrix (2, 3) that leads from the face to it.

    It is shifted by up to 12 pixels, turned by up to 4 degrees and scaled by up to 3 %; lit unevenly and in
    another colour; with noise, packed as JPEG, and every fourth has a glare beside the digits.
    """
    height, width = face.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        (width / 2, height / 2),
        float(rng.uniform(-4, 4)) * strength,
        1 + float(rng.uniform(-0.03, 0.03)) * strength,
    )
    matrix[:, 2] += rng.uniform(-12, 12, 2) * strength
    moved = cv2.warpAffine(
        face, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    if rng.random() < 0.25:
        centre = (float(rng.uniform(0, width)), float(rng.choice([60.0, 250.0])))
        blaze(moved, centre, float(rng.uniform(15, 35)), 300.0)
    corners = rng.uniform(0.6, 1.15, (2, 2, 1)).astype(np.float32)
    light = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    lit = moved * light * rng.uniform(0.9, 1.1, 3) + rng.normal(0, rng.uniform(1, 6), moved.shape)
    return packed(np.clip(lit, 0, 255).astype(np.uint8), int(rng.integers(55, 95))), matrix


def packed(image: Bytes, quality: int) -> Bytes:
    """Return an image as JPEG keeps it."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format="JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())))
