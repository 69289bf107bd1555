"""Digits as a counter shows them, and photographs as files."""

import numpy as np
from benchmarks.frames import AT, CELL
from PIL import Image, ImageDraw, ImageFont

CELLS = 4


def digit(character, rng):
    """Return a digit in white on black, a little off its place."""
    image = Image.new("RGB", (40, 64), (28, 28, 30))
    font = ImageFont.load_default(52)
    at = 20 + float(rng.uniform(-1.5, 1.5)), 32 + float(rng.uniform(-2, 2))
    ImageDraw.Draw(image).text(at, character, fill=(225, 225, 220), font=font, anchor="mm")
    return np.asarray(image)


def write(path, pixels):
    Image.fromarray(pixels).save(path)
    return path


def hidden(face, rng):
    """Cover the third place."""
    x, y = AT[0] + 2 * CELL[0], AT[1]
    face = face.copy()
    face[y : y + CELL[1], x : x + CELL[0]] = (120, 90, 60)
    return face
