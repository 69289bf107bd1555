"""Examples drawn again a little differently: what one example of each class can tell of what matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

#: By how much copies are turned (radians), sheared, scaled and stretched (logarithms), and moved (parts
#: of a side).
_TURN, _SHEAR, _SCALE, _STRETCH, _MOVE = 0.14, 0.1, 0.1, 0.08, 0.08
#: How far smooth bends move pixels (standard deviation) and how wide they are, in parts of the longer side.
_BEND, _WIDTH = 0.045, 1 / 7
#: By how much their contrast differs (logarithm), their brightness and their noise (standard deviation),
#: in levels.
_GAIN, _LIGHT, _GRAIN = 0.25, 20.0, 3.0


def jittered(images: Bytes, copies: int, bend: float, *, seed: int = 0) -> Bytes:
    """Return copies ``(copies * n, h, w)`` or ``(copies * n, h, w, c)`` of images, each a little different.

    Each is turned, sheared, scaled, stretched and moved as a whole, in another light and with noise; and
    bent smoothly, as handwriting is, by ``bend`` (0 to 1) of what drawings are (P. Simard, D. Steinkraus
    and J. Platt, "Best practices for convolutional neural networks", ICDAR 2003). Beyond the border the
    nearest pixel is repeated. The first ``n`` are the first copy of each image, which is altered in the same
    way in all of them: what becomes of an image does not depend on the others.
    """
    made = [_altered(images, np.random.default_rng((seed, copy)), bend) for copy in range(copies)]
    return np.concatenate(made) if made else images[:0]


def _altered(images: Bytes, rng: np.random.Generator, bend: float) -> Bytes:
    """Return images, all altered alike."""
    sides = np.array(images.shape[1:3])
    source = _moved(sides, rng, bend)
    gain, light = rng.uniform(-1, 1, 2) * (_GAIN, _LIGHT)
    channels = images.reshape(len(images), sides[0] * sides[1], -1)
    low = np.floor(source).astype(np.intp)
    moved = np.zeros(channels.shape)
    for corner in np.ndindex(2, 2):
        at = np.clip(low + np.array(corner)[:, None], 0, (sides - 1)[:, None])
        part = np.abs(1 - np.array(corner)[:, None] - (source - low)).prod(axis=0)
        moved += part[:, None] * channels[:, at[0] * sides[1] + at[1]]
    mean = moved.mean(axis=(1, 2), keepdims=True)
    lit = (moved - mean) * np.exp(gain) + mean + light + rng.normal(0, _GRAIN, moved.shape[1:])
    altered: Bytes = np.rint(np.clip(lit, 0, 255)).astype(np.uint8).reshape(images.shape)
    return altered


def _moved(sides: NDArray[np.int64], rng: np.random.Generator, bend: float) -> NDArray[np.float64]:
    """Return for each pixel from where it is taken, ``(2, h * w)``."""
    from scipy.ndimage import gaussian_filter  # only a fit needs SciPy

    turn, shear, scale, stretch, *move = rng.uniform(-1, 1, 6) * (
        _TURN,
        _SHEAR,
        _SCALE,
        _STRETCH,
        _MOVE * sides[0],
        _MOVE * sides[1],
    )
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    change = turned @ np.array([[np.exp(scale + stretch), shear], [0, np.exp(scale - stretch)]])
    middle = (sides - 1) / 2
    here = np.indices(tuple(sides)).reshape(2, -1).T
    source: NDArray[np.float64] = ((here - middle - move) @ change.T + middle).T
    if bend:
        for axis in source:
            field = gaussian_filter(rng.normal(size=tuple(sides)), _WIDTH * max(sides), mode="wrap")
            axis += field.ravel() * (bend * _BEND * max(sides) / max(float(field.std()), 1e-9))
    return source
